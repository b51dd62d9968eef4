"""Previews, runs and invoices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from portal.billing.drafting import Form
from portal.billing.lines import Section
from portal.models import DraftState, InvoiceMode
from portal.services.api.lists import InvoiceRow
from portal.services.api.previews import PreviewView
from portal.services.preview import PreviewDraft, PreviewLine, SkippedRow
from portal.services.run_pages import RunSummary
from portal.services.runs import DraftLineView
from portal.web.api.shapes.values import Number, Shape
from portal.web.language import say

Fingerprint = Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$"), Field(examples=["9f86d081884c7d65"])]
Whole = Annotated[
    str, StringConstraints(pattern="^[0-9a-f]{32}$"), Field(examples=["9f86d081884c7d659a2feaa0c55ad015"])
]


class PreviewLineOut(Shape):
    """A line that would be sent."""

    item: str
    description: str
    section: Section
    quantity: Number
    arithmetic: Annotated[str, Field(description="How the quantity comes about.")]
    price: Annotated[Number | None, Field(description="The item's list price, unless `is_priced`: QuickBooks decides.")]
    is_priced: bool
    estimate: Number | None

    @classmethod
    def of(cls, line: PreviewLine) -> PreviewLineOut:
        """As it is sent."""
        return cls(**{field: getattr(line, field) for field in cls.model_fields})


class PreviewInvoice(Shape):
    """The invoice of one organization as it would be sent. Approve it by its fingerprint."""

    organization_id: int
    organization: str
    customer: str
    mode: InvoiceMode
    form: Form
    held_because: Annotated[str | None, Field(description="Why it would wait, in words; null when it would be sent.")]
    estimate: Number | None
    fingerprint: str
    lines: list[PreviewLineOut]

    @classmethod
    def of(cls, draft: PreviewDraft) -> PreviewInvoice:
        """As it is sent."""
        return cls(
            organization_id=draft.organization_id,
            organization=draft.organization,
            customer=draft.customer,
            mode=draft.mode,
            form=draft.form,
            held_because=say(draft.reason) or None,
            estimate=draft.estimate,
            fingerprint=draft.fingerprint,
            lines=[PreviewLineOut.of(line) for line in draft.lines],
        )


class PreviewOut(Shape):
    """What billing a date would do: the figures of the whole, and a page of its invoices. It changes nothing."""

    invoice_date: date
    period_start: date
    period_last: date
    sendable: Annotated[int, Field(description="Invoices that would be sent.")]
    held: Annotated[int, Field(description="Invoices that would wait.")]
    left_out: Annotated[int, Field(description="Charges that would not be billed.")]
    whole: Annotated[str, Field(description="Stands for all invoices that would be sent: approve them by it.")]
    estimate: Number
    is_partial: Annotated[bool, Field(description="Whether the price of some line is not known.")]
    items: list[PreviewInvoice]
    next: str | None

    @classmethod
    def of(cls, plan: PreviewView, page: dict[str, object]) -> PreviewOut:
        """As it is sent."""
        own = {field: getattr(plan, field) for field in cls.model_fields if field not in ("items", "next")}
        return cls.model_validate({**own, **page})


class LeftOutOut(Shape):
    """Charges of one organization and offer that would not be billed, and why."""

    organization: str
    offer: str
    count: int
    code: str
    reason: str
    fix: Annotated[str, Field(description="What has to be mended: offer or organization.")]
    fix_id: int

    @classmethod
    def of(cls, row: SkippedRow) -> LeftOutOut:
        """As it is sent."""
        return cls(
            organization=row.organization,
            offer=row.offer,
            count=row.count,
            code=row.code,
            reason=say(row.reason),
            fix=row.link,
            fix_id=row.link_id,
        )


class LeftOutPage(Shape):
    """A page of what would be left out."""

    items: list[LeftOutOut]
    next: str | None


class ApprovedInvoice(Shape):
    """An invoice of the preview that is approved."""

    organization_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    fingerprint: Fingerprint


class RunIn(Shape):
    """What to bill: `whole`, all of what was previewed, or `approved`, some of it. One of the two.

    Where anything of it is not what was previewed any more, nothing is billed.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"invoice_date": "2026-11-01", "whole": "9f86d081884c7d659a2feaa0c55ad015"}],
        }
    )

    invoice_date: Annotated[date | None, Field(description="By default the latest one that has come.")] = None
    whole: Whole | None = None
    approved: Annotated[list[ApprovedInvoice] | None, Field(min_length=1, max_length=10_000)] = None


class RunOut(Shape):
    """One billing of one period, in numbers."""

    id: int
    invoice_date: date
    period_start: date
    period_last: date
    created_at: datetime
    states: Annotated[dict[str, int], Field(description="Invoices by their state.")]
    left: Annotated[int, Field(description="Invoices that are still to be made: they are being made.")]
    changed: Annotated[int, Field(description="Not sent, because they are not what was approved any more.")]
    failed: Annotated[int, Field(description="Not sent, because they could not be made.")]

    @classmethod
    def of(cls, run: RunSummary) -> RunOut:
        """As it is sent."""
        values = {field: getattr(run, field) for field in cls.model_fields}
        return cls(**{**values, "states": {state.value: count for state, count in run.states.items()}})


class RunPage(Shape):
    """A page of runs."""

    items: list[RunOut]
    next: str | None


class InvoiceLineOut(Shape):
    """A line: what was asked for, and the rate and amount that QuickBooks gave it."""

    item: str
    description: str
    quantity: Number
    arithmetic: str
    rate: Number | None
    amount: Number | None

    @classmethod
    def of(cls, line: DraftLineView) -> InvoiceLineOut:
        """As it is sent."""
        return cls(**{field: getattr(line, field) for field in cls.model_fields})


class InvoiceOut(Shape):
    """An invoice of a run. `billed` is the sum of our lines; subtotal, tax and total are the whole invoice's."""

    id: int
    run_id: int
    invoice_date: date
    organization_id: int
    organization: str
    customer: str
    mode: InvoiceMode
    form: Form
    state: DraftState
    may_go_again: Annotated[bool, Field(description="Whether it can be sent again.")]
    ref_number: Annotated[str | None, Field(description="Its number in QuickBooks.")]
    txn_date: date | None
    billed: Number | None
    subtotal: Number | None
    tax: Number | None
    total: Number | None
    code: Annotated[str | None, Field(description="Why it stopped, for programs.")]
    what: Annotated[str | None, Field(description="Why it stopped, in words.")]
    do: Annotated[str | None, Field(description="What to do about it.")]
    lines: list[InvoiceLineOut]

    @classmethod
    def of(cls, row: InvoiceRow) -> InvoiceOut:
        """As it is sent."""
        draft = row.draft
        taken = ("id", "organization", "customer", "mode", "form", "state", "may_go_again", "ref_number", "txn_date")
        money = ("billed", "subtotal", "tax", "total", "code")
        return cls(
            run_id=row.run_id,
            invoice_date=row.invoice_date,
            organization_id=row.organization_id,
            what=say(draft.what) or None,
            do=say(draft.do) or None,
            lines=[InvoiceLineOut.of(line) for line in draft.rows],
            **{field: getattr(draft, field) for field in (*taken, *money)},
        )


class InvoicePage(Shape):
    """A page of invoices."""

    items: list[InvoiceOut]
    next: str | None
