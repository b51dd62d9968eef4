"""Preview: what a run would bill, with its arithmetic, and why the rest is not billed; and the buttons that bill."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from time import monotonic
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.billing.lines import Section
from portal.errors import Conflict, Refused
from portal.services import Portal, billing, preview_pages
from portal.services.connections import to_row_id
from portal.services.paging import HIGHEST_PAGE
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app
from portal.web.dates import to_date_or_none
from portal.web.files import as_file
from portal.web.language import csv_dialect, say
from portal.web.tables import read_table

PATIENCE = 1.0
"""Seconds for which a person who bills waits; what is left is made in the background."""

blueprint = Blueprint("preview", __name__)


@blueprint.get("/connections/<int:connection_id>/preview")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """What would be billed on a date; by default on the one the service proposes."""

    def link(**query: Any) -> str:
        return url_for("preview.show", connection_id=connection_id, **{"on": on, **query})

    on = request.args.get("on", "").strip()[:40] or None
    table = read_table(link, filters=("show", "why"))
    skipped_page = min(max(1, request.args.get("skipped", 1, type=int)), HIGHEST_PAGE)
    plan = preview_pages.read_preview(
        portal_of_app(), connection_id, to_date_or_none(on or ""), table.wanted, skipped_page=skipped_page
    )
    return render_template(
        "preview.html", plan=plan, table=table, sections=list(Section), shows=list(preview_pages.Show)
    )


@blueprint.get("/connections/<int:connection_id>/preview.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """The whole preview as CSV."""
    on = to_date_or_none(request.args.get("on", ""))
    text = preview_pages.preview_csv(portal_of_app(), connection_id, on, csv_dialect())
    return as_file(text, f"preview-{connection_id}.csv")


@blueprint.post("/connections/<int:connection_id>/bill")
@allowed(*WRITERS)
def bill(connection_id: int) -> ResponseReturnValue:
    """Bill what was ticked, or all of it, as it was shown: its invoices wait for the Web Connector."""
    form = request.form
    whole = form.get("whole", "")[:64] if form.get("how") == "all" else None
    approved = None if whole is not None else dict(map(_approval, form.getlist("approved")))
    if whole is None and not approved:
        raise Refused("Nothing is ticked, so nothing was billed. Tick at least one invoice in the preview.")
    on = to_date_or_none(form.get("on", ""))
    run_id = begin_run(connection_id, on, approved=approved, whole=whole)
    if run_id is None:
        return redirect(url_for(".show", connection_id=connection_id, on=on), 303)
    return redirect(url_for("runs.show", connection_id=connection_id, run_id=run_id), 303)


def begin_run(
    connection_id: int,
    on: date | None,
    *,
    approved: Mapping[int, str] | None,
    whole: str | None,
    is_shared: bool | None = None,
) -> int | None:
    """Bill what a person approved, and tell them; the id of its run. None when it is not what they saw any more.

    A form that was sent twice finds the run that it made.
    """
    portal = portal_of_app()
    try:
        run_id = billing.begin(portal, connection_id, on, approved=approved, whole=whole, is_shared=is_shared)
    except Conflict as error:
        made = preview_pages.find_billed(portal, connection_id, on, approved)
        if made is None:
            flash(say(error.sentence), "warning")
        else:
            flash(_("These invoices were billed already; nothing was billed twice."), "info")
        return made
    if make(portal, connection_id, run_id):
        done = _("The invoices are ready. Click Update Selected in the Web Connector to send them to QuickBooks now.")
        flash(done, "success")
    return run_id


def make(portal: Portal, connection_id: int, run_id: int) -> bool:
    """Make a run that was begun; False when the rest of it is made in the background: its page shows how far it is."""
    began = monotonic()
    while left := billing.advance(portal, connection_id, run_id):
        if monotonic() > began + PATIENCE:
            break
    if left:
        billing.finish_in_background(portal, connection_id, run_id)
    return not left


def _approval(text: str) -> tuple[int, str]:
    number, _colon, fingerprint = text.partition(":")
    if (organization_id := to_row_id(number)) is None:
        raise Refused("The preview's form is damaged. Open the preview again.")
    return organization_id, fingerprint
