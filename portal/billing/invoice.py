"""How a draft's lines join an invoice's, and whether QuickBooks kept what was asked for (pure).

InvoiceMod replaces the whole list of lines, so that every existing line is sent back in its order: kept by its id
alone, changed only when it holds one of our items, new lines last (qbXML facts §3.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.billing.money import to_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """A line as QuickBooks keeps it: an item line, a comment, a subtotal, a discount, or a group (`is_group`)."""

    txn_line_id: str
    item_list_id: str | None
    description: str
    quantity: Decimal | None
    rate: Decimal | None
    amount: Decimal | None
    is_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """A line of a draft; `position` is its place there."""

    position: int
    item_list_id: str
    description: str
    quantity: Decimal
    service_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the list to send: `kept` alone keeps it, with `wanted` changes it; `wanted` alone is a new line."""

    kept: KeptLine | None
    wanted: WantedLine | None


def merge(existing: Sequence[KeptLine], wanted: Sequence[WantedLine], ours: Set[str] = frozenset()) -> tuple[Step, ...]:
    """The complete list of lines: existing ones in order, then the new ones.

    A wanted line takes over the first existing line with its item; lines in `ours` (TxnLineIDs that an earlier draft
    wrote) are kept, because they bill other charges.
    """
    waiting = list(wanted)
    steps = []
    for line in existing:
        taker = None
        if not line.is_group and line.item_list_id and line.txn_line_id not in ours:
            taker = next((one for one in waiting if one.item_list_id == line.item_list_id), None)
        if taker is not None:
            waiting.remove(taker)
        steps.append(Step(kept=line, wanted=taker))
    steps.extend(Step(kept=None, wanted=one) for one in waiting)
    return tuple(steps)


class Difference(StrEnum):
    """How what QuickBooks kept differs from what was asked for."""

    LINE_MISSING = "line-missing"
    QUANTITY = "quantity-differs"
    ITEM = "item-differs"
    AMOUNT = "amount-differs"
    FOREIGN_LINE = "own-line-changed"
    TOTAL = "total-differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """The comparison: which kept line answers to which wanted one (by position), and the first difference found."""

    lines: dict[int, KeptLine]
    difference: Difference | None


def reconcile(
    wanted: Sequence[WantedLine],
    kept: Sequence[KeptLine],
    before: Iterable[KeptLine] = (),
    subtotal: Decimal | None = None,
) -> Reconciled:
    """Compare an invoice with what was asked for, to the cent.

    `before` are the lines that must have stayed as they were (the partner's own). `subtotal` is checked against the
    sum of the lines when the invoice holds plain lines only.
    """
    untouched = {line.txn_line_id: line for line in before}
    by_id = {line.txn_line_id: line for line in kept}
    difference: Difference | None = None
    for txn_line_id, line in untouched.items():
        if _facts(by_id.get(txn_line_id)) != _facts(line):
            difference = difference or Difference.FOREIGN_LINE
    free = [line for line in kept if line.txn_line_id not in untouched]
    found: dict[int, KeptLine] = {}
    for one in wanted:
        same_item = [line for line in free if line.item_list_id == one.item_list_id]
        match = next((line for line in same_item if line.quantity == one.quantity), None) or next(iter(same_item), None)
        if match is None:
            difference = difference or Difference.LINE_MISSING
            continue
        free.remove(match)
        found[one.position] = match
        difference = difference or _line_difference(one, match)
    if difference is None and subtotal is not None and not untouched:
        amounts = [line.amount or Decimal(0) for line in kept]
        difference = None if sum(amounts, Decimal(0)) == subtotal else Difference.TOTAL
    return Reconciled(lines=found, difference=difference)


def _line_difference(wanted: WantedLine, kept: KeptLine) -> Difference | None:
    if kept.quantity is not None and kept.quantity != wanted.quantity:
        return Difference.QUANTITY
    if kept.quantity is None or kept.rate is None or kept.amount is None:
        return None
    return None if to_cents(kept.quantity * kept.rate) == to_cents(kept.amount) else Difference.AMOUNT


def _facts(line: KeptLine | None) -> tuple[object, ...] | None:
    # A discount or subtotal line's amount follows the lines above it: only its identity must stay.
    return None if line is None else (line.item_list_id, line.description, line.quantity, line.rate, line.is_group)
