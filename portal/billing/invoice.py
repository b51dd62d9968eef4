"""How a draft's lines join an invoice's, and whether QuickBooks kept what was asked for (pure).

InvoiceMod replaces the whole list of lines, so that every existing line is sent back in its order: kept by its id
alone, changed only when it holds one of our items, new lines last (qbXML facts §3.6).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.billing.money import CENT, FIVE_PLACES


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
    """A line of a draft; `position` is its place there.

    `states_all`: the quantity is the whole of the period, so that it may stand in place of the partner's own figure; an
    addition or a credit never does. `txn_line_id`: the line that it became, once QuickBooks has said so.
    """

    position: int
    item_list_id: str
    description: str
    quantity: Decimal
    service_date: date
    states_all: bool = True
    amount: Decimal | None = None
    """What it comes to, where the price is ours."""
    txn_line_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the list to send: `kept` alone keeps it, with `wanted` changes it; `wanted` alone is a new line."""

    kept: KeptLine | None
    wanted: WantedLine | None


def merge(existing: Sequence[KeptLine], wanted: Sequence[WantedLine], ours: Set[str] = frozenset()) -> tuple[Step, ...]:
    """The complete list of lines: existing ones in order, then the new ones.

    A wanted line that states the whole of its period takes over the first existing line with its item and a quantity;
    an addition, a credit or a zero never does, because the seats on the partner's line would vanish with it. A line
    that says already what is wanted is that line, whatever its kind: it was written before. Lines in `ours`
    (TxnLineIDs that an earlier draft wrote) are kept, because they bill other charges.
    """
    waiting = list(wanted)
    takers: dict[str, WantedLine] = {}
    for is_its in (_is_already_there, _may_take):
        for line in existing:
            if line.is_group or line.quantity is None or line.txn_line_id in ours or line.txn_line_id in takers:
                continue
            taker = next((one for one in waiting if is_its(one, line)), None)
            if taker is not None:
                waiting.remove(taker)
                takers[line.txn_line_id] = taker
    steps = [Step(kept=line, wanted=takers.get(line.txn_line_id)) for line in existing]
    steps.extend(Step(kept=None, wanted=one) for one in waiting)
    return tuple(steps)


def _is_already_there(one: WantedLine, line: KeptLine) -> bool:
    """Whether the line is what an earlier sending made of it: nobody else writes our words beside our figure."""
    if one.txn_line_id is not None:
        return one.txn_line_id == line.txn_line_id
    return _has_item(one, line) and one.quantity == line.quantity and _has_text(one, line)


def _may_take(one: WantedLine, line: KeptLine) -> bool:
    return one.states_all and one.quantity > 0 and one.item_list_id == line.item_list_id


class Difference(StrEnum):
    """How what QuickBooks kept differs from what was asked for."""

    LINE_MISSING = "line-missing"
    QUANTITY = "quantity-differs"
    ITEM = "item-differs"
    AMOUNT = "amount-differs"
    FOREIGN_LINE = "own-line-changed"
    TOTAL = "total-differs"
    GONE = "invoice-gone"


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
    sum of the lines when the invoice holds plain lines only. QuickBooks may fill in the rate from the amount, or the
    amount from the rate: that is no difference.
    """
    untouched = {line.txn_line_id: line for line in before}
    by_id = {line.txn_line_id: line for line in kept}
    difference: Difference | None = None
    for txn_line_id, line in untouched.items():
        if _facts(by_id.get(txn_line_id)) != _facts(line):
            difference = difference or Difference.FOREIGN_LINE
    found = _pair(wanted, [line for line in kept if line.txn_line_id not in untouched])
    for one in wanted:
        match = found.get(one.position)
        difference = difference or (Difference.LINE_MISSING if match is None else _line_difference(one, match))
    if difference is None and subtotal is not None and not untouched:
        amounts = [line.amount or Decimal(0) for line in kept]
        difference = None if sum(amounts, Decimal(0)) == subtotal else Difference.TOTAL
    return Reconciled(lines=found, difference=difference)


def _pair(wanted: Sequence[WantedLine], free: list[KeptLine]) -> dict[int, KeptLine]:
    """The line that answers to each wanted one, by position: alike in everything first, then in less and less."""
    likenesses: tuple[Callable[[WantedLine, KeptLine], bool], ...] = (
        lambda one, line: one.txn_line_id == line.txn_line_id,
        lambda one, line: _has_item(one, line) and one.quantity == line.quantity and _has_text(one, line),
        lambda one, line: _has_item(one, line) and one.quantity == line.quantity,
        lambda one, line: _has_item(one, line) and _has_text(one, line),
        _has_item,
        lambda one, line: not line.is_group and one.quantity == line.quantity and _has_text(one, line),
    )
    found: dict[int, KeptLine] = {}
    for is_alike in likenesses:
        for one in wanted:
            match = next((line for line in free if one.position not in found and is_alike(one, line)), None)
            if match is not None:
                free.remove(match)
                found[one.position] = match
    return found


def _has_item(one: WantedLine, line: KeptLine) -> bool:
    return not line.is_group and line.item_list_id == one.item_list_id


def _has_text(one: WantedLine, line: KeptLine) -> bool:
    # QuickBooks keeps Latin-1 only: dashes, quotes and some letters come back as look-alikes.
    return _letters(one.description) == _letters(line.description)


def _letters(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if letter.isascii() and letter.isalnum())


def _line_difference(wanted: WantedLine, kept: KeptLine) -> Difference | None:
    if kept.item_list_id != wanted.item_list_id:
        return Difference.ITEM
    if kept.quantity is not None and kept.quantity != wanted.quantity:
        return Difference.QUANTITY
    if wanted.amount is not None and kept.amount is not None:
        return None if kept.amount == wanted.amount else Difference.AMOUNT
    if kept.rate is None or kept.amount is None:
        return None
    # Half a cent for the rounding of the amount, and half of the rate's last place a unit: a rate may be filled in.
    off = abs(wanted.quantity * kept.rate - kept.amount)
    if off <= (CENT + abs(wanted.quantity) * FIVE_PLACES) / 2:
        return None
    return Difference.QUANTITY if kept.quantity is None else Difference.AMOUNT


def _facts(line: KeptLine | None) -> tuple[object, ...] | None:
    # A discount or subtotal line's amount follows the lines above it: only its identity must stay.
    return None if line is None else (line.item_list_id, line.description, line.quantity, line.rate, line.is_group)
