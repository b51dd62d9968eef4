"""Previews, runs and invoices. What was previewed is what is billed: a run names the fingerprints of the preview."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import url_for
from pydantic import Field

from portal.errors import Refused
from portal.models import DraftState, Scope
from portal.services import billing, retries
from portal.services.api import lists, previews
from portal.web.access import portal_of_app
from portal.web.api.guard import scoped, token
from portal.web.api.pages import PageQuery, envelope, wanted_page
from portal.web.api.shapes.billing import (
    InvoiceOut,
    InvoicePage,
    LeftOutOut,
    LeftOutPage,
    PreviewInvoice,
    PreviewOut,
    RunIn,
    RunOut,
    RunPage,
)
from portal.web.preview import make
from portal.web.words import msgid

blueprint = APIBlueprint("billing", __name__, tag="Billing")


class PreviewQuery(PageQuery):
    """A page of a preview."""

    on: Annotated[date | None, Field(description="The invoice date; by default the latest one that has come.")] = None


class InvoiceQuery(PageQuery):
    """A page of the invoices of a run."""

    state: Annotated[DraftState | None, Field(description="Only those in this state.")] = None


@blueprint.get("/connections/<int:connection_id>/preview")
@blueprint.input(PreviewQuery, location="query", arg_name="query")
@blueprint.output(PreviewOut)
@blueprint.doc(summary=msgid("What billing a date would do, with the arithmetic; it changes nothing"))
@scoped(Scope.BILLING_READ)
def get_preview(connection_id: int, query: PreviewQuery) -> PreviewOut:
    plan = previews.read_preview(portal_of_app(), connection_id, query.on, wanted_page(query))
    return PreviewOut.of(plan, envelope(plan.drafts, [PreviewInvoice.of(draft) for draft in plan.drafts.rows]))


@blueprint.get("/connections/<int:connection_id>/preview/left-out")
@blueprint.input(PreviewQuery, location="query", arg_name="query")
@blueprint.output(LeftOutPage)
@blueprint.doc(summary=msgid("The charges that billing a date would leave out, and why"))
@scoped(Scope.BILLING_READ)
def list_left_out(connection_id: int, query: PreviewQuery) -> dict[str, Any]:
    page = previews.read_left_out(portal_of_app(), connection_id, query.on, wanted_page(query, str))
    return envelope(page, [LeftOutOut.of(row) for row in page.rows])


@blueprint.post("/connections/<int:connection_id>/runs")
@blueprint.input(RunIn, arg_name="wanted")
@blueprint.output(RunOut, status_code=201)
@blueprint.doc(
    summary=msgid("Bill what was previewed: its invoices wait for the Web Connector"),
    description="Asked for again, it bills only what is not billed yet. A long run is made in the background: `left` "
    "says how many invoices are still to be made.",
)
@scoped(Scope.BILLING_WRITE)
def add_run(connection_id: int, wanted: RunIn) -> Any:
    if (wanted.whole is None) == (wanted.approved is None):
        raise Refused("Say what is approved: “whole” for all of the preview, or “approved” for some of its invoices.")
    portal = portal_of_app()
    chosen = wanted.approved
    approved = None if chosen is None else {one.organization_id: one.fingerprint for one in chosen}
    run_id = billing.begin(portal, connection_id, wanted.invoice_date, approved=approved, whole=wanted.whole)
    make(portal, connection_id, run_id)
    run = lists.get_run(portal, connection_id, run_id)
    return RunOut.of(run), 201, {"Location": url_for("billing.get_run", connection_id=connection_id, run_id=run_id)}


@blueprint.get("/connections/<int:connection_id>/runs")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(RunPage)
@blueprint.doc(summary=msgid("The runs of a connection, newest first"))
@scoped(Scope.BILLING_READ)
def list_runs(connection_id: int, query: PageQuery) -> dict[str, Any]:
    page = lists.list_runs(portal_of_app(), connection_id, wanted_page(query))
    return envelope(page, [RunOut.of(row) for row in page.rows])


@blueprint.get("/connections/<int:connection_id>/runs/<int:run_id>")
@blueprint.output(RunOut)
@blueprint.doc(summary=msgid("One run in numbers"))
@scoped(Scope.BILLING_READ)
def get_run(connection_id: int, run_id: int) -> RunOut:
    return RunOut.of(lists.get_run(portal_of_app(), connection_id, run_id))


@blueprint.get("/connections/<int:connection_id>/runs/<int:run_id>/invoices")
@blueprint.input(InvoiceQuery, location="query", arg_name="query")
@blueprint.output(InvoicePage)
@blueprint.doc(summary=msgid("The invoices of a run, as they were asked for and as QuickBooks keeps them"))
@scoped(Scope.BILLING_READ)
def list_invoices(connection_id: int, run_id: int, query: InvoiceQuery) -> dict[str, Any]:
    page = lists.list_invoices(portal_of_app(), connection_id, run_id, wanted_page(query), state=query.state)
    return envelope(page, [InvoiceOut.of(row) for row in page.rows])


@blueprint.get("/connections/<int:connection_id>/invoices/<int:invoice_id>")
@blueprint.output(InvoiceOut)
@blueprint.doc(summary=msgid("One invoice"))
@scoped(Scope.BILLING_READ)
def get_invoice(connection_id: int, invoice_id: int) -> InvoiceOut:
    return InvoiceOut.of(lists.get_invoice(portal_of_app(), connection_id, invoice_id))


@blueprint.post("/connections/<int:connection_id>/invoices/<int:invoice_id>/retry")
@blueprint.output(InvoiceOut)
@blueprint.doc(summary=msgid("Send an invoice again that QuickBooks refused, once its cause is mended"))
@scoped(Scope.BILLING_WRITE)
def retry_invoice(connection_id: int, invoice_id: int) -> InvoiceOut:
    retries.retry_draft(portal_of_app(), connection_id, invoice_id, who=token().who)
    return InvoiceOut.of(lists.get_invoice(portal_of_app(), connection_id, invoice_id))
