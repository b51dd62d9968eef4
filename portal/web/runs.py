"""Runs: each billing of a period, and the invoices it made, as QuickBooks keeps them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.services import retries, runs
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app

blueprint = Blueprint("runs", __name__)


@blueprint.get("/connections/<int:connection_id>/runs")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """All runs, newest first."""
    return render_template("runs.html", rows=runs.list_runs(portal_of_app(), connection_id))


@blueprint.get("/connections/<int:connection_id>/runs/<int:run_id>")
@allowed(*EVERYONE)
def show(connection_id: int, run_id: int) -> ResponseReturnValue:
    """One run and its invoices."""
    return render_template("run.html", run=runs.get_run(portal_of_app(), connection_id, run_id))


@blueprint.post("/connections/<int:connection_id>/drafts/<int:draft_id>/retry")
@allowed(*WRITERS)
def retry(connection_id: int, draft_id: int) -> ResponseReturnValue:
    """Queue a stopped invoice again."""
    retries.retry_draft(portal_of_app(), connection_id, draft_id)
    done = _(
        "The invoice waits to be sent again. The portal cannot start the Web Connector: click Update Selected there."
    )
    flash(done, "success")
    return redirect(url_for("status.show", connection_id=connection_id), 303)


@blueprint.post("/connections/<int:connection_id>/costs/<int:cost_id>/retry")
@allowed(*WRITERS)
def retry_cost(connection_id: int, cost_id: int) -> ResponseReturnValue:
    """Queue a refused unit cost again."""
    retries.retry_cost(portal_of_app(), connection_id, cost_id)
    flash(_("The unit cost waits to be sent again. Click Update Selected in the Web Connector."), "success")
    return redirect(url_for("status.show", connection_id=connection_id), 303)
