"""How a connection bills: the form of its settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.billing import description
from portal.billing.options import Approval, Grouping, NegativeTotal, ProrateBy
from portal.billing.rating import Rounding
from portal.billing.share import DayCount
from portal.errors import PortalError, Refused
from portal.models import Role
from portal.services import billing_settings
from portal.web.access import allowed, portal_of_app, signed_in
from portal.web.dates import to_date_or_none
from portal.web.errors import status_of
from portal.web.stale import version_for
from portal.web.words import PRORATIONS, msgid

blueprint = Blueprint("billing_settings", __name__)

CHOICES = {
    "approval": (msgid("Sending"), Approval),
    "prorate_by": (msgid("Parts of a period"), ProrateBy),
    "day_count": (msgid("Days of a period"), DayCount),
    "rounding": (msgid("Rounding, where the price is prorated"), Rounding),
    "grouping": (msgid("Lines of an invoice"), Grouping),
    "negative_total": (msgid("A total below zero"), NegativeTotal),
}


@blueprint.get("/connections/<int:connection_id>/settings")
@allowed(Role.ADMINISTRATOR)
def show(connection_id: int) -> ResponseReturnValue:
    """The form."""
    return _page(billing_settings.get_settings(portal_of_app(), connection_id))


@blueprint.post("/connections/<int:connection_id>/settings")
@allowed(Role.ADMINISTRATOR)
def save(connection_id: int) -> ResponseReturnValue:
    """Save the form; it comes back with the reason when something in it cannot be."""
    try:
        billing_settings.change_settings(
            portal_of_app(), connection_id, _changes(), who=signed_in().email, seen=request.form.get("seen")
        )
    except PortalError as error:
        before = billing_settings.get_settings(portal_of_app(), connection_id)
        return _page(before, error), status_of(error)
    flash(_("Saved. The next run bills this way; what was billed stays as it is."), "success")
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


def _changes() -> dict[str, Any]:
    form = request.form
    changes: dict[str, Any] = {name: form[name] for name in CHOICES if name in form}
    changes["prorate"] = form.getlist("prorate")
    changes["unflagged_is_unsent"] = "unflagged_is_unsent" in form
    for name in ("description", "time_zone", "billing_mode"):
        if name in form:
            changes[name] = form[name].strip()
    day = form.get("invoice_day", "").strip()
    if not (day.isascii() and day.isdigit() and len(day) <= 2):
        raise Refused("Give the invoice day as a number from 1 to 31.")
    changes["invoice_day"] = int(day)
    month = form.get("fiscal_first_month", "").strip()
    if month:
        changes["fiscal_first_month"] = int(month) if month.isascii() and month.isdigit() and len(month) <= 2 else 0
    changes["start_date"] = to_date_or_none(form.get("start_date", "").strip())
    return changes


def _page(settings: billing_settings.BillingSettings, error: PortalError | None = None) -> str:
    return render_template(
        "billing_settings.html",
        settings=settings,
        version=version_for(billing_settings.version_of(settings), error),
        form=request.form if error else None,
        error=error,
        choices=CHOICES,
        prorations=PRORATIONS,
        placeholders=description.PLACEHOLDERS,
        usual=description.USUAL,
    )
