"""Preview: what a run would bill, with its arithmetic, and why the rest is not billed; and the button that bills."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import Refused
from portal.services import runs
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app

blueprint = Blueprint("preview", __name__)


@blueprint.get("/connections/<int:connection_id>/preview")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """What would be billed on a date; by default on the one the service proposes."""
    plan = runs.preview(portal_of_app(), connection_id, _date(request.args.get("on", "")))
    return render_template("preview.html", plan=plan)


@blueprint.post("/connections/<int:connection_id>/bill")
@allowed(*WRITERS)
def bill(connection_id: int) -> ResponseReturnValue:
    """Bill a date: its invoices wait for the Web Connector."""
    run = runs.bill(portal_of_app(), connection_id, _date(request.form.get("on", "")))
    done = _("The invoices are ready. Click Update Selected in the Web Connector to send them to QuickBooks now.")
    flash(done, "success")
    return redirect(url_for("runs.show", connection_id=connection_id, run_id=run.id), 303)


def _date(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("%(text)s is not a date. Write it like 2026-11-30.", text=text) from None
