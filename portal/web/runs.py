"""Runs: each billing of a period, and the invoices it made, as QuickBooks keeps them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.services import billing, decisions, retries, run_pages, unshared
from portal.services.paging import Wanted
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app, signed_in
from portal.web.files import as_file
from portal.web.language import csv_dialect
from portal.web.tables import read_table

blueprint = Blueprint("runs", __name__)


@blueprint.get("/connections/<int:connection_id>/runs")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """All runs, newest first."""
    table = read_table(partial(url_for, "runs.index", connection_id=connection_id))
    page = run_pages.list_summaries(portal_of_app(), connection_id, table.wanted.page)
    return render_template("runs.html", page=page, table=table)


@blueprint.get("/connections/<int:connection_id>/runs/<int:run_id>")
@allowed(*EVERYONE)
def show(connection_id: int, run_id: int) -> ResponseReturnValue:
    """One run and a page of its invoices; with `draft` in the address, the page that holds it."""
    table = read_table(partial(url_for, "runs.show", connection_id=connection_id, run_id=run_id), filters=("state",))
    draft_id = request.args.get("draft", type=int)
    seen = run_pages.read_run(portal_of_app(), connection_id, run_id, table.wanted, draft_id=draft_id)
    if draft_id is not None:
        table = replace(table, wanted=Wanted(page=seen.page.page))
    return render_template("run.html", seen=seen, run=seen.run, page=seen.page, table=table, draft_id=draft_id)


@blueprint.get("/connections/<int:connection_id>/runs/<int:run_id>/activity")
@allowed(*EVERYONE)
def activity(connection_id: int, run_id: int) -> ResponseReturnValue:
    """What is under way, as a piece of the run's page that looks again by itself.

    `mark` is what the page shows: nothing is answered while it is the same, so that nobody is told the same again. Once
    something is different and nothing is under way any more, the page is loaded anew.
    """
    now = run_pages.read_activity(portal_of_app(), connection_id, run_id)
    if now.mark == request.args.get("mark", ""):
        return "", 204
    answer = make_response(render_template("parts/activity.html", activity=now, run_id=run_id))
    if not now.is_moving:
        answer.headers["HX-Refresh"] = "true"
    return answer


@blueprint.get("/connections/<int:connection_id>/runs/<int:run_id>.csv")
@allowed(*EVERYONE)
def download(connection_id: int, run_id: int) -> ResponseReturnValue:
    """The whole run as CSV."""
    text = run_pages.run_csv(portal_of_app(), connection_id, run_id, csv_dialect())
    return as_file(text, f"invoices-{run_id}.csv")


@blueprint.post("/connections/<int:connection_id>/runs/<int:run_id>/go-on")
@allowed(*WRITERS)
def go_on(connection_id: int, run_id: int) -> ResponseReturnValue:
    """Make the rest of a run that was stopped, where no worker does."""
    portal = portal_of_app()
    billing.finish_in_background(portal, connection_id, run_pages.find_run(portal, connection_id, run_id))
    return redirect(url_for(".show", connection_id=connection_id, run_id=run_id), 303)


@blueprint.post("/connections/<int:connection_id>/runs/<int:run_id>/share")
@allowed(*WRITERS)
def share(connection_id: int, run_id: int) -> ResponseReturnValue:
    """Show a run to accountants, or keep it from them."""
    is_shared = bool(request.form.get("is_shared"))
    unshared.share_run(portal_of_app(), connection_id, run_id, is_shared=is_shared)
    shown = _("Your accountant sees these invoices and their exchanges now.")
    hidden = _("These invoices and their exchanges are kept from your accountant from now on.")
    flash(shown if is_shared else hidden, "success")
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
    anchor = f"draft-{draft_id}"
    there = url_for("runs.show", connection_id=connection_id, run_id=run_id, draft=draft_id, _anchor=anchor)
    return redirect(there, 303)


@blueprint.post("/connections/<int:connection_id>/costs/<int:cost_id>/retry")
@allowed(*WRITERS)
def retry_cost(connection_id: int, cost_id: int) -> ResponseReturnValue:
    """Queue a refused unit cost again."""
    retries.retry_cost(portal_of_app(), connection_id, cost_id, who=signed_in().email)
    flash(_("The unit cost waits to be sent again. Click Update Selected in the Web Connector."), "success")
    return redirect(url_for("status.show", connection_id=connection_id), 303)
