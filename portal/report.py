"""Results as people and scripts read them on the command line: text, tables, JSON."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from portal.errors import Sentence
from portal.models import DraftState
from portal.services import catalog, exchanges, preview, runs, status


def plain(value: Any) -> Any:
    """A result as JSON can say it: decimals and dates as text, sentences in English."""
    if isinstance(value, Sentence):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(one) for one in value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: frozenset[int] = frozenset()) -> str:
    """Rows as aligned text; the columns in `right` are right-aligned."""
    cells = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(head, *cells, strict=True)]
    lines = []
    for row in ([*head], ["─" * width for width in widths], *cells):
        padded = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """Tells a terminal how far something is, on one line that is taken away again; nothing when nobody looks on."""
    if not sys.stderr.isatty():
        yield None
        return

    def tell(done: int, whole: int | None) -> None:
        sys.stderr.write(f"\r\x1b[K{done:,}{'' if whole is None else f' of {whole:,}'} {what}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\x1b[K")


def describe_import(result: catalog.ImportResult) -> str:
    """An import in one or two sentences."""
    totals = ", ".join(f"{total:f} {currency}" for currency, total in sorted(result.totals.items()))
    if not result.rows:
        return f"No charges from {result.period_start} to {result.period_last}: the file is in order and empty."
    text = (
        f"{result.rows} charges from {result.period_start} to {result.period_last}, {totals}: "
        f"{result.added} new, {result.changed} changed, {result.unchanged} already here."
    )
    if result.withdrawn:
        text += f" {result.withdrawn} are no longer listed and were taken back."
    if result.corrected:
        text += f" {result.corrected} of these were billed already: the next run credits or charges the difference."
    if result.absent:
        text += f" None of the {result.absent} charges of an earlier file of this period is in it: they stay."
    if result.new_offers or result.new_organizations:
        text += f"\nTo be mapped: {result.new_offers} new offers, {result.new_organizations} new organizations."
    return text


def describe_preview(seen: preview.Preview) -> str:
    """A preview as text: the arithmetic of every line, then what is left out."""
    parts = [f"Invoice date {seen.invoice_date}, period {seen.period_start} to {seen.period_last}"]
    for draft in seen.drafts:
        estimate = "price: QuickBooks" if draft.estimate is None else f"about {draft.estimate:f} at list prices"
        parts.append(f"\n{draft.organization} → {draft.customer} ({draft.mode}), {estimate}")
        if draft.reason:
            parts.append(f"  Waits: {draft.reason}")
        if draft.text_changes:
            told = ", ".join(f"{old} becomes {new}" if new else f"{old} is left out" for old, new in draft.text_changes)
            parts.append(f"  QuickBooks cannot keep some characters: {told}")
        rows = [(line.item, line.arithmetic, f"{line.quantity:f}", line.description) for line in draft.lines]
        parts.append(table(("Item", "Arithmetic", "Quantity", "Description"), rows, frozenset({2})))
    if seen.skipped:
        parts.append(f"\nNot billed:\n{describe_skipped(seen)}")
    return "\n".join(parts)


def describe_skipped(seen: preview.Preview) -> str:
    """What is not billed, and why, as a table."""
    rows = [(row.organization, row.offer, row.count, row.reason) for row in seen.skipped]
    return table(("Organization", "Offer", "Charges", "Why"), rows, frozenset({2}))


def describe_run(made: runs.RunView) -> str:
    """A run as a table: one invoice a line."""
    rows = [
        (
            draft.organization,
            {"create": "created", "update": "updated"}[draft.mode],
            draft.ref_number or "",
            draft.lines,
            "" if draft.billed is None else f"{draft.billed:,.2f}",
            "" if draft.total is None else f"{draft.total:,.2f}",
            state_of(draft),
        )
        for draft in made.drafts
    ]
    head = ("Organization", "How", "Invoice", "Lines", "Our lines", "Total", "Result")
    return table(head, rows, frozenset({3, 4, 5}))


def state_of(draft: runs.DraftView) -> str:
    """Where an invoice stands, in a word or a sentence."""
    words = {
        DraftState.QUEUED: "waits for the next visit",
        DraftState.WRITTEN: "written, not read back yet",
        DraftState.RECONCILED: "reconciled",
        DraftState.HELD: "held",
    }
    return words.get(draft.state) or str(draft.what or draft.code or draft.state)


def describe_visits(visits: Sequence[status.VisitView]) -> str:
    """Visits as a table, newest first, and below it what the person at QuickBooks was told."""
    rows = [
        (
            visit.id,
            f"{visit.opened_at:%Y-%m-%d %H:%M:%S}",
            _duration(visit.seconds),
            visit.machine,
            visit.product,
            visit.done,
            visit.failed,
            visit.result or "under way",
        )
        for visit in visits
    ]
    head = ("Visit", "Began (UTC)", "Took", "Computer", "QuickBooks", "Done", "Failed", "Result")
    told = [f"  {visit.id}: {visit.last_error['en']}" for visit in visits if visit.last_error]
    return "\n".join([table(head, rows, frozenset({0, 2, 5, 6})), *told])


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f} s"


def describe_exchanges(seen: exchanges.VisitExchanges) -> str:
    """The exchanges of a visit as a table, one message set a line; sizes in characters."""
    if seen.opened_at is None:
        return "The Web Connector has not visited this connection yet."
    rows = [
        (
            one.id,
            one.purpose,
            "writes" if one.is_write else "reads",
            one.requests,
            f"{one.sent_at:%H:%M:%S}",
            one.attempts,
            _duration(one.seconds),
            f"{one.sent:,}",
            "" if one.received is None else f"{one.received:,}",
            one.state + (f" {one.code}" if one.code else ""),
        )
        for one in seen.exchanges
    ]
    head = ("No.", "Purpose", "How", "Requests", "Sent (UTC)", "Times", "Took", "Sent", "Received", "State")
    title = f"Visit {seen.visit_id} of {seen.opened_at:%Y-%m-%d %H:%M} UTC"
    return f"{title}\n{table(head, rows, frozenset({0, 3, 5, 6, 7, 8}))}"


def describe_texts(seen: exchanges.ExchangeTexts) -> str:
    """Both texts of one exchange."""
    nothing = "(nothing: it never was there, or is forgotten)"
    return f"Sent to QuickBooks:\n{seen.request or nothing}\nAnswered:\n{seen.answer or nothing}"


def describe_status(seen: status.StatusView, made: Sequence[runs.RunView], visits: Sequence[status.VisitView]) -> str:
    """How a connection stands, as text."""
    parts = [f"{seen.name}: {'ready to invoice' if seen.is_ready else 'not ready to invoice'}"]
    parts += [f"  {blocker}" for blocker in seen.blockers]
    for name, counts in (("Offers", seen.offers), ("Organizations", seen.organizations)):
        parts.append(f"{name}: {counts.mapped} mapped, {counts.unmapped} to map, {counts.off} off")
    parts.append("Lists: " + ", ".join(f"{one.count} {one.kind}" for one in seen.lists))
    parts.append(f"Requests waiting: {seen.waiting_requests}")
    parts.append(f"\nLast visits:\n{describe_visits(visits)}" if visits else "Last visits: none")
    for run_view in made:
        parts.append(f"\nRun of {run_view.invoice_date} ({run_view.period_start} to {run_view.period_last})")
        parts.append(describe_run(run_view))
    if seen.problems:
        parts.append("\nTo mend:")
    for problem in seen.problems:
        parts.append(
            f"  {problem.title} — {problem.what}" + (f" {problem.do}" if problem.do else "") + f" [{problem.code}]"
        )
    return "\n".join(parts)
