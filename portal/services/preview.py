"""Preview: what billing a date would do, with the arithmetic; what is left out, and why. Changes nothing."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.drafting import Draft, Form
from portal.billing.lines import Line, Section
from portal.billing.mapping import Reason
from portal.billing.money import to_cents
from portal.errors import Sentence
from portal.models import Draft as DraftRow
from portal.models import DraftLine, DraftState, InvoiceMode, Offer, Run
from portal.services import Portal, quickbooks
from portal.services.planning import Prepared, prepare
from portal.services.reasons import NO_COST_FIELD, REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """A line to be sent. `price` and `estimate` are the item's list price unless `is_priced`; QuickBooks decides.

    `before` is the quantity of the same offer and section in the run before; None when there was none.
    """

    item: str
    description: str
    section: Section
    quantity: Decimal
    before: Decimal | None
    arithmetic: str
    is_priced: bool
    price: Decimal | None
    estimate: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewDraft:
    """The lines of one organization; with `reason` they wait.

    `fingerprint` stands for everything that would be sent: whoever approves it approves just that. `text_changes` are
    the characters that QuickBooks cannot keep, each with what it becomes.
    """

    organization_id: int
    organization: str
    customer: str
    mode: InvoiceMode
    form: Form
    reason: Sentence | None
    lines: tuple[PreviewLine, ...]
    estimate: Decimal | None
    gone: tuple[str, ...]
    """Offers that the run before billed, and this one does not."""
    text_changes: tuple[tuple[str, str], ...]
    fingerprint: str

    @property
    def changes(self) -> int:
        """How many lines differ from the run before, with those that are gone."""
        return sum(line.before is not None and line.before != line.quantity for line in self.lines) + len(self.gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """Charges of one organization and offer that are not billed, and the row to fix.

    `link` is "offer" or "organization", or "rule" for those that the export rule keeps back.
    """

    organization: str
    offer: str
    count: int
    reason: Sentence
    code: str
    link: str
    link_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """A unit cost to be written to its item."""

    item: str
    item_list_id: str
    unit_cost: Decimal
    current_cost: Decimal | None
    problem: Sentence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What billing this date would do. `period_last` is the last day. `before` is the date of the run before."""

    invoice_date: date
    before: date | None
    period_start: date
    period_last: date
    drafts: tuple[PreviewDraft, ...]
    skipped: tuple[SkippedRow, ...]
    costs: tuple[CostRow, ...]


def preview(portal: Portal, connection_id: int, on: date | None = None) -> Preview:
    """What billing the invoice date `on` would do; by default the latest one that has come. Changes nothing."""
    with portal.database.read() as db:
        prepared = prepare(db, connection_id, on, portal.now())
        before = Before.load(db, connection_id, prepared.on)
        return Preview(
            invoice_date=prepared.on,
            before=before.on,
            period_start=prepared.period.start,
            period_last=prepared.period.last,
            drafts=tuple(preview_draft(draft, prepared, before) for draft in prepared.plan.drafts),
            skipped=skipped_rows(prepared),
            costs=tuple(cost_row(prepared, list_id, cost) for list_id, cost in sorted(prepared.costs.items())),
        )


@dataclass(frozen=True, slots=True)
class Before:
    """What the run before billed, by organization, then offer and section; `on` is its date, None without one.

    `names` are those of its offers, by id.
    """

    on: date | None
    quantities: dict[int, dict[tuple[int, Section], Decimal]]
    names: dict[int, str]

    @classmethod
    def load(cls, db: orm.Session, connection_id: int, on: date) -> Before:
        """Of the last run before an invoice date."""
        earlier = sa.select(Run).where(Run.connection_id == connection_id, Run.invoice_date < on)
        run = db.scalar(earlier.order_by(Run.invoice_date.desc()).limit(1))
        found: dict[int, dict[tuple[int, Section], Decimal]] = defaultdict(dict)
        if run is None:
            return cls(None, found, {})
        kept = sa.and_(DraftRow.run_id == run.id, DraftRow.state != DraftState.IGNORED)
        rows = db.execute(
            sa.select(DraftRow.organization_id, DraftLine.offer_id, DraftLine.section, DraftLine.quantity)
            .join(DraftLine, DraftLine.draft_id == DraftRow.id)
            .where(kept)
        )
        of_offers = sa.select(DraftLine.offer_id).join(DraftRow, DraftRow.id == DraftLine.draft_id).where(kept)
        names = db.execute(sa.select(Offer.id, Offer.name).where(Offer.id.in_(of_offers)))
        for organization_id, offer_id, section, quantity in rows:
            own = found[organization_id]
            own[offer_id, section] = own.get((offer_id, section), Decimal(0)) + quantity
        return cls(run.invoice_date, found, {row.id: row.name for row in names})


def fingerprint(draft: Draft, organization: Any) -> str:
    """16 hexadecimal digits over everything that is sent of a draft of this organization (a row of a plan)."""
    told = [draft.organization_id, draft.customer.list_id if draft.customer else "", draft.form.value]
    told += [organization.mode.value, organization.po_number or "", organization.class_list_id or ""]
    told += [organization.terms_list_id or "", organization.tax_code_list_id or ""]
    told += [_line_facts(line) for line in draft.lines]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _line_facts(line: Line) -> tuple[str, ...]:
    own = (line.item.list_id, line.description, line.quantity, line.rate, line.amount, line.service_date)
    return tuple(map(str, (*own, line.other1, line.other2, line.states_all, line.charge_ids)))


def gone_offers(draft: Draft, earlier: Mapping[tuple[int, Section], Decimal]) -> set[int]:
    """The offers that the run before billed whole to the same organization, and this draft does not bill."""
    billed_now = {line.offer_id for line in draft.lines}
    gone = {offer_id for (offer_id, section), quantity in earlier.items() if section is Section.FULL and quantity}
    return gone - billed_now


def preview_draft(draft: Draft, prepared: Prepared, before: Before) -> PreviewDraft:
    """A draft as people see it."""
    organization = prepared.organizations[draft.organization_id]
    earlier = before.quantities.get(organization.id, {})
    lines = tuple(
        PreviewLine(
            item=line.item.full_name,
            description=line.description,
            section=line.section,
            quantity=line.quantity,
            before=earlier.get((line.offer_id, line.section), Decimal(0)) if before.on else None,
            arithmetic=line.arithmetic,
            is_priced=line.rate is not None,
            price=line.item.price if line.rate is None else line.rate,
            estimate=None if line.estimate is None else to_cents(line.estimate),
        )
        for line in draft.lines
    )
    estimates = [line.estimate for line in lines if line.estimate is not None]
    return PreviewDraft(
        organization_id=organization.id,
        organization=organization.name,
        customer=draft.customer.full_name if draft.customer else "",
        mode=organization.mode,
        form=draft.form,
        reason=REASONS[draft.reason] if draft.reason else None,
        lines=lines,
        estimate=sum(estimates, Decimal(0)) if len(estimates) == len(lines) else None,
        gone=tuple(sorted(before.names[offer_id] for offer_id in gone_offers(draft, earlier))),
        text_changes=quickbooks.text_changes(line.description for line in lines),
        fingerprint=fingerprint(draft, organization),
    )


def skipped_rows(prepared: Prepared) -> tuple[SkippedRow, ...]:
    """What is not billed, by organization, offer and reason."""
    counted: dict[tuple[int, int, Reason], int] = {}
    for kept_back in prepared.excluded:
        key = (kept_back.organization_id, kept_back.offer_id, Reason.EXCLUDED)
        counted[key] = counted.get(key, 0) + kept_back.count
    for one in prepared.plan.skipped:
        key = (one.organization_id, one.offer_id, one.reason)
        counted[key] = counted.get(key, 0) + 1
    rows = []
    for (organization_id, offer_id, reason), count in counted.items():
        link = "offer" if reason.startswith(("offer", "item")) else "organization"
        rows.append(
            SkippedRow(
                organization=prepared.organizations[organization_id].name,
                offer=prepared.offers[offer_id].name,
                count=count,
                reason=REASONS[reason],
                code=reason,
                link="rule" if reason is Reason.EXCLUDED else link,
                link_id=offer_id if link == "offer" else organization_id,
            )
        )
    return tuple(rows)


def cost_row(prepared: Prepared, list_id: str, cost: Decimal) -> CostRow:
    """A unit cost that is to be written, beside the one in QuickBooks."""
    item = prepared.items[list_id]
    current = item.data.get("cost")
    problem = None
    if not quickbooks.takes_cost(item):
        problem = Sentence(NO_COST_FIELD.template, {"item": item.full_name, "cost": f"{cost:f}"})
    return CostRow(
        item=item.full_name,
        item_list_id=list_id,
        unit_cost=cost,
        current_cost=Decimal(current) if current else None,
        problem=problem,
    )
