"""The preview as a page: planned once, counted as a whole, and worked out in full only for the invoices that are shown.

`whole` stands for every invoice that would be sent, so that all of them can be approved from any page.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import sqlalchemy as sa

from portal.billing.drafting import Draft, Form
from portal.billing.lines import Section
from portal.billing.mapping import Reason, sort_key
from portal.billing.money import to_cents
from portal.errors import Conflict, Sentence
from portal.models import Draft as DraftRow
from portal.models import InvoiceMode, PlannedDraft, Run
from portal.services import Portal, csv_cells
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.paging import Page, Wanted
from portal.services.planning import Prepared, prepare
from portal.services.preview import (
    Before,
    CostRow,
    Preview,
    PreviewDraft,
    SkippedRow,
    cost_row,
    fingerprint,
    gone_offers,
    preview,
    preview_draft,
    skipped_rows,
)
from portal.services.reasons import REASONS

Row = TypeVar("Row")

SIZE = 25
MOST_COSTS = 100
_CSV_COLUMNS = (
    "invoice_date",
    "organization",
    "customer",
    "form",
    "mode",
    "section",
    "item",
    "description",
    "arithmetic",
    "quantity",
    "quantity_before",
    "price",
    "estimate",
    "charges",
    "not_billed_because",
)


class Show(StrEnum):
    """Which invoices of a preview a person looks at."""

    ALL = ""
    CHANGED = "changed"
    CREDITS = "credits"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """A reason, and how many charges are not billed for it."""

    code: str
    reason: Sentence
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPage:
    """One page of what billing a date would do, with the figures of all of it.

    `sendable` invoices with `lines` lines would be sent, which `whole` stands for; `estimate` is what they come to as
    far as prices are known (`is_partial`: not all are). `counts` says how many invoices each filter shows.
    """

    invoice_date: date
    before: date | None
    period_start: date
    period_last: date
    sendable: int
    lines: int
    whole: str
    estimate: Decimal
    is_partial: bool
    has_updates: bool
    counts: Mapping[Show, int]
    drafts: Page[PreviewDraft]
    reasons: tuple[ReasonCount, ...]
    skipped: Page[SkippedRow]
    costs: tuple[CostRow, ...]
    costs_count: int


def read_preview(
    portal: Portal, connection_id: int, on: date | None, wanted: Wanted, *, skipped_page: int = 1
) -> PreviewPage:
    """One page of a preview: `show` and `why` (the code of a reason) are among the filters. Changes nothing.

    Raises Refused for a day that is no invoice date.
    """
    with portal.database.read() as db:
        prepared = prepare(db, connection_id, on, portal.now())
        before = Before.load(db, connection_id, prepared.on)
        drafts = prepared.plan.drafts
        shown = {show: [draft for draft in drafts if _is_shown(draft, show, before)] for show in Show}
        asked = wanted.filters.get("show", "")
        matching = _searched(shown[Show(asked) if asked in set(Show) else Show.ALL], prepared, wanted.search)
        page = _cut(matching, wanted.page)
        sendable = [draft for draft in drafts if draft.reason is None]
        estimates = [estimate_of(draft) for draft in sendable]
        why = wanted.filters.get("why", "")
        skipped = [row for row in skipped_rows(prepared) if why in ("", row.code)]
        costs = sorted(prepared.costs.items())
        return PreviewPage(
            invoice_date=prepared.on,
            before=before.on,
            period_start=prepared.period.start,
            period_last=prepared.period.last,
            sendable=len(sendable),
            lines=sum(len(draft.lines) for draft in sendable),
            whole=whole_of(prepared, fingerprints(prepared)),
            estimate=sum((one for one in estimates if one is not None), Decimal(0)),
            is_partial=None in estimates,
            has_updates=any(prepared.organizations[one.organization_id].mode is InvoiceMode.UPDATE for one in sendable),
            counts={show: len(found) for show, found in shown.items()},
            drafts=page.map(lambda rows: [preview_draft(row, prepared, before) for row in rows]),
            reasons=_reasons(prepared),
            skipped=_cut(skipped, skipped_page),
            costs=tuple(cost_row(prepared, list_id, cost) for list_id, cost in costs[:MOST_COSTS]),
            costs_count=len(costs),
        )


def _is_shown(draft: Draft, show: Show, before: Before) -> bool:
    match show:
        case Show.CHANGED:
            return _is_changed(draft, before)
        case Show.CREDITS:
            return draft.form is Form.CREDIT_MEMO or any(line.section is Section.CREDIT for line in draft.lines)
        case Show.HELD:
            return draft.reason is not None
        case _:
            return True


def _is_changed(draft: Draft, before: Before) -> bool:
    """Whether anything of it differs from the run before."""
    if before.on is None:
        return False
    earlier = before.quantities.get(draft.organization_id, {})
    if any(earlier.get((line.offer_id, line.section), Decimal(0)) != line.quantity for line in draft.lines):
        return True
    return bool(gone_offers(draft, earlier))


def _searched(drafts: Sequence[Draft], prepared: Prepared, search: str) -> Sequence[Draft]:
    words = sort_key(search).split()
    if not words:
        return drafts

    def matches(draft: Draft) -> bool:
        customer = draft.customer.full_name if draft.customer else ""
        name = sort_key(f"{prepared.organizations[draft.organization_id].name} {customer}")
        return all(word in name for word in words)

    return [draft for draft in drafts if matches(draft)]


def _cut(rows: Sequence[Row], wanted: int) -> Page[Row]:
    pages = max(1, -(-len(rows) // SIZE))
    number = min(max(1, wanted), pages)
    begin = (number - 1) * SIZE
    return Page(rows=tuple(rows[begin : begin + SIZE]), page=number, pages=pages, count=len(rows), size=SIZE)


def estimate_of(draft: Draft) -> Decimal | None:
    """What the lines come to, each to the cent, as the page shows it; None when a price is not known."""
    known = [line.estimate for line in draft.lines]
    if None in known:
        return None
    return sum((to_cents(one) for one in known if one is not None), Decimal(0))


def _reasons(prepared: Prepared) -> tuple[ReasonCount, ...]:
    counted = Counter(one.reason for one in prepared.plan.skipped)
    if prepared.excluded:
        counted[Reason.EXCLUDED] = sum(one.count for one in prepared.excluded)
    return tuple(
        ReasonCount(code=reason.value, reason=REASONS[reason], count=count) for reason, count in counted.most_common()
    )


# -- approving all of it ----------------------------------------------------------------------------------------------


def approve_whole(prepared: Prepared, whole: str) -> dict[int, str]:
    """The fingerprints of all invoices that would be sent, by organization, when `whole` still stands for them.

    Raises Conflict when anything of it changed since the preview.
    """
    approved = fingerprints(prepared)
    if whole_of(prepared, approved) != whole:
        raise Conflict("Something changed since the preview, so nothing was sent. Look at the preview again.")
    return approved


def find_billed(portal: Portal, connection_id: int, on: date | None, approved: Collection[int] | None) -> int | None:
    """The id of the run that has an invoice, made or planned, of each of these organizations, of which nothing is left.

    None where there is no such run. No `approved` stands for everything that could be sent.
    """
    with portal.database.read() as db:
        prepared = prepare(db, connection_id, on, portal.now())
        run = db.scalar(sa.select(Run.id).filter_by(connection_id=connection_id, invoice_date=prepared.on))
        left = {draft.organization_id for draft in prepared.plan.drafts if draft.reason is None}
        kept = (db.scalars(sa.select(of.organization_id).filter_by(run_id=run)) for of in (DraftRow, PlannedDraft))
        made = {organization_id for found in kept for organization_id in found}
        is_billed = not left if approved is None else made.issuperset(approved) and left.isdisjoint(approved)
        return run if made and is_billed else None


def fingerprints(prepared: Prepared) -> dict[int, str]:
    """Those of all invoices that would be sent, by organization."""
    return {
        draft.organization_id: fingerprint(draft, prepared.organizations[draft.organization_id])
        for draft in prepared.plan.drafts
        if draft.reason is None
    }


def whole_of(prepared: Prepared, approved: Mapping[int, str]) -> str:
    """What stands for the invoices, by organization, and for the unit costs that go to items with them."""
    told = f"{prepared.on.isoformat()} {sorted(approved.items())!r} {sorted(prepared.costs.items())!r}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


# -- as a file --------------------------------------------------------------------------------------------------------


def preview_csv(portal: Portal, connection_id: int, on: date | None, dialect: Dialect = ENGLISH) -> str:
    """A preview as CSV: one line an invoice line, then what is not billed. Raises Refused for no invoice date."""
    seen = preview(portal, connection_id, on)
    return csv_cells.write(_CSV_COLUMNS, [*_csv_lines(seen), *_csv_skipped(seen)], dialect)


def _csv_lines(seen: Preview) -> list[tuple[str | int | Decimal | date | None, ...]]:
    return [
        (
            seen.invoice_date,
            draft.organization,
            draft.customer,
            draft.form.value,
            draft.mode.value,
            line.section.value,
            line.item,
            line.description,
            line.arithmetic,
            line.quantity,
            line.before,
            line.price,
            line.estimate,
            None,
            str(draft.reason) if draft.reason else None,
        )
        for draft in seen.drafts
        for line in draft.lines
    ]


def _csv_skipped(seen: Preview) -> list[tuple[str | int | Decimal | date | None, ...]]:
    empty = (None,) * 6
    return [
        (seen.invoice_date, row.organization, None, None, None, None, row.offer, *empty, row.count, str(row.reason))
        for row in seen.skipped
    ]


__all__ = ["PreviewPage", "ReasonCount", "Show", "approve_whole", "find_billed", "preview_csv", "read_preview"]
