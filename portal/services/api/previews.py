"""A preview as the API gives it: the figures of the whole, and its invoices or what is left out, a page at a time.

The fingerprints are those of the page *Preview*: what is approved by them is what is sent, whoever approves it where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from portal.services import Portal
from portal.services.api.keyset import From, Slice
from portal.services.planning import prepare
from portal.services.preview import Before, PreviewDraft, SkippedRow, preview_draft, skipped_rows
from portal.services.preview_pages import estimate_of, fingerprints, whole_of

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewView:
    """What billing a date would do. `period_last` is the last day; `whole` stands for all `sendable` invoices."""

    invoice_date: date
    period_start: date
    period_last: date
    sendable: int
    held: int
    left_out: int
    whole: str
    estimate: Decimal
    is_partial: bool
    drafts: Slice[PreviewDraft]


def read_preview(portal: Portal, connection_id: int, on: date | None, wanted: From) -> PreviewView:
    """The preview of an invoice date, by default the latest that has come. Raises Refused, NotFound."""
    with portal.database.read() as db:
        prepared = prepare(db, connection_id, on, portal.now())
        before = Before.load(db, connection_id, prepared.on)
        drafts = sorted(prepared.plan.drafts, key=lambda one: one.organization_id)
        sendable = [one for one in drafts if one.reason is None]
        estimates = [estimate_of(one) for one in sendable]
        page = _cut(drafts, lambda one: one.organization_id, wanted)
        return PreviewView(
            invoice_date=prepared.on,
            period_start=prepared.period.start,
            period_last=prepared.period.last,
            sendable=len(sendable),
            held=len(drafts) - len(sendable),
            left_out=len(prepared.plan.skipped),
            whole=whole_of(prepared, fingerprints(prepared)),
            estimate=sum((one for one in estimates if one is not None), Decimal(0)),
            is_partial=None in estimates,
            drafts=page.map(lambda rows: [preview_draft(row, prepared, before) for row in rows]),
        )


def read_left_out(portal: Portal, connection_id: int, on: date | None, wanted: From) -> Slice[SkippedRow]:
    """The charges that billing this date would leave out, by organization and offer, with the reason."""
    with portal.database.read() as db:
        rows = skipped_rows(prepare(db, connection_id, on, portal.now()))
    return _cut(sorted(rows, key=_place), _place, wanted)


def _place(row: SkippedRow) -> str:
    return f"{row.organization}\n{row.offer}\n{row.code}\n{row.link_id}"


def _cut(rows: Sequence[Row], key_of: Callable[[Row], int | str], wanted: From) -> Slice[Row]:
    """A page of rows that are all at hand, sorted by a key that is unique."""
    after = wanted.after
    following = [row for row in rows if after is None or _follows(key_of(row), after)]
    shown = tuple(following[: wanted.limit])
    return Slice(rows=shown, last=key_of(shown[-1]) if len(following) > wanted.limit else None)


def _follows(key: int | str, after: int | str) -> bool:
    return key > after if isinstance(key, int) and isinstance(after, int) else str(key) > str(after)
