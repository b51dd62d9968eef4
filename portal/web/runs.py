"""Runs: each billing of a period, and the invoices it made, as QuickBooks keeps them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.services import billing, decisions, retries, runs
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app, signed_in

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
    portal = portal_of_app()
    run = runs.get_run(portal, connection_id, run_id)
    return render_template("run.html", run=run, choices=decisions.choices(portal, connection_id, run_id))


@blueprint.post("/connections/<int:connection_id>/runs/<int:run_id>/go-on")
@allowed(*WRITERS)
def go_on(connection_id: int, run_id: int) -> ResponseReturnValue:
    """Make the rest of a run that was stopped, where no worker does."""
    portal = portal_of_app()
    billing.finish_in_background(portal, connection_id, runs.get_run(portal, connection_id, run_id).id)
    return redirect(url_for(".show", connection_id=connection_id, run_id=run_id), 303)


@blueprint.post("/connections/<int:connection_id>/drafts/<int:draft_id>/retry")
@allowed(*WRITERS)
def retry(connection_id: int, draft_id: int) -> ResponseReturnValue:
    """Queue a stopped invoice again."""
    retries.retry_draft(portal_of_app(), connection_id, draft_id, who=signed_in().email)
    done = _(
        "The invoice waits to be sent again. The portal cannot start the Web Connector: click Update Selected there."
    )
    flash(done, "success")
    return redirect(url_for("status.show", connection_id=connection_id), 303)


@blueprint.post("/connections/<int:connection_id>/drafts/<int:draft_id>/settle")
@allowed(*WRITERS)
def settle(connection_id: int, draft_id: int) -> ResponseReturnValue:
    """QuickBooks has it: it was entered or corrected by hand."""
    run_id = decisions.mark_done(portal_of_app(), connection_id, draft_id, who=signed_in().email)
    flash(_("The invoice is marked as settled. Its charges count as billed."), "success")
    return _back_to(connection_id, run_id, draft_id)


@blueprint.post("/connections/<int:connection_id>/drafts/<int:draft_id>/ignore")
@allowed(*WRITERS)
def ignore(connection_id: int, draft_id: int) -> ResponseReturnValue:
    """It is not to be billed."""
    run_id = decisions.ignore(portal_of_app(), connection_id, draft_id, who=signed_in().email)
    flash(_("The invoice is marked as not to be billed. Its charges are not asked about again."), "success")
    return _back_to(connection_id, run_id, draft_id)


@blueprint.post("/connections/<int:connection_id>/drafts/<int:draft_id>/release")
@allowed(*WRITERS)
def release(connection_id: int, draft_id: int) -> ResponseReturnValue:
    """Clear its link, once QuickBooks was searched for it."""
    run_id = decisions.release(portal_of_app(), connection_id, draft_id, who=signed_in().email)
    flash(_("QuickBooks is searched at the next visit: click Update Selected in the Web Connector."), "success")
    return _back_to(connection_id, run_id, draft_id)


@blueprint.post("/connections/<int:connection_id>/drafts/<int:draft_id>/reopen")
@allowed(*WRITERS)
def reopen(connection_id: int, draft_id: int) -> ResponseReturnValue:
    """Take a decision back."""
    run_id = decisions.reopen(portal_of_app(), connection_id, draft_id, who=signed_in().email)
    flash(_("The decision is taken back: the invoice stands as it stood before."), "success")
    return _back_to(connection_id, run_id, draft_id)


def _back_to(connection_id: int, run_id: int, draft_id: int) -> ResponseReturnValue:
    there = url_for("runs.show", connection_id=connection_id, run_id=run_id, _anchor=f"draft-{draft_id}")
    return redirect(there, 303)


@blueprint.post("/connections/<int:connection_id>/costs/<int:cost_id>/retry")
@allowed(*WRITERS)
def retry_cost(connection_id: int, cost_id: int) -> ResponseReturnValue:
    """Queue a refused unit cost again."""
    retries.retry_cost(portal_of_app(), connection_id, cost_id, who=signed_in().email)
    flash(_("The unit cost waits to be sent again. Click Update Selected in the Web Connector."), "success")
    return redirect(url_for("status.show", connection_id=connection_id), 303)
