"""Preview: what a run would bill, with its arithmetic, and why the rest is not billed; and the button that bills."""

from __future__ import annotations

from time import monotonic

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.billing.lines import Section
from portal.errors import Refused
from portal.services import billing
from portal.services import preview as previews
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app
from portal.web.dates import to_date_or_none

PATIENCE = 1.0
"""Seconds for which a person who bills waits; what is left is made in the background."""

blueprint = Blueprint("preview", __name__)


@blueprint.get("/connections/<int:connection_id>/preview")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """What would be billed on a date; by default on the one the service proposes."""
    plan = previews.preview(portal_of_app(), connection_id, to_date_or_none(request.args.get("on", "")))
    return render_template("preview.html", plan=plan, sections=list(Section))


@blueprint.post("/connections/<int:connection_id>/bill")
@allowed(*WRITERS)
def bill(connection_id: int) -> ResponseReturnValue:
    """Bill what was ticked, as it was shown: its invoices wait for the Web Connector."""
    approved = dict(map(_approval, request.form.getlist("approved")))
    if not approved:
        raise Refused("Nothing is ticked, so nothing was billed. Tick at least one invoice in the preview.")
    portal, began = portal_of_app(), monotonic()
    run_id = billing.begin(portal, connection_id, to_date_or_none(request.form.get("on", "")), approved=approved)
    while left := billing.advance(portal, connection_id, run_id):
        if monotonic() > began + PATIENCE:
            break
    if left:
        billing.finish_in_background(portal, connection_id, run_id)  # the page of the run shows how far it is
    else:
        done = _("The invoices are ready. Click Update Selected in the Web Connector to send them to QuickBooks now.")
        flash(done, "success")
    return redirect(url_for("runs.show", connection_id=connection_id, run_id=run_id), 303)


def _approval(text: str) -> tuple[int, str]:
    number, _colon, fingerprint = text.partition(":")
    if not (number.isascii() and number.isdigit()):
        raise Refused("The preview's form is damaged. Open the preview again.")
    return int(number), fingerprint
