"""Our own stamp on what we add, and how it is recognised later (pure).

QuickBooks keeps the answers of message sets, and a restored backup has lost them. Then the only way to know whether a
transaction was added is to look for it: every Add carries an ExternalGUID of ours, which QuickBooks keeps and shows
but cannot search (qbXML 9.0). So the customer's transactions of the day are read, and the one with the stamp is ours;
where a QuickBooks does not show stamps, the one with the same content and from the same time is.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qbwc.qbxml.transactions import (
    CreditMemoAdd,
    CreditMemoAddRq,
    CreditMemoQueryRq,
    EntityFilter,
    InvoiceAdd,
    InvoiceAddRq,
    InvoiceMod,
    InvoiceModRq,
    InvoiceQueryRq,
    TxnDateRangeFilter,
)
from qbwc.qbxml.types import Ref, is_same_guid

#: QuickBooks' clock is naive local time, ours UTC: they differ by at most a day, and some more for a wrong clock.
CLOCKS_DIFFER = timedelta(hours=36)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What was written, perhaps, and not before which moment (UTC) it left."""

    message: Any
    left_at: datetime


def stamped(message: Any) -> Any:
    """The same Add with an ExternalGUID, where it takes one and has none; any other message as it is."""
    guid = f"{{{uuid.uuid4()}}}"
    if isinstance(message, InvoiceAddRq) and message.invoice_add.external_guid is None:
        return dataclasses.replace(message, invoice_add=dataclasses.replace(message.invoice_add, external_guid=guid))
    if isinstance(message, CreditMemoAddRq) and message.credit_memo_add.external_guid is None:
        memo = dataclasses.replace(message.credit_memo_add, external_guid=guid)
        return dataclasses.replace(message, credit_memo_add=memo)
    return message


def look_up(message: Any) -> Any | None:
    """The query that shows whether this write was done; None for one that may leave twice without harm.

    A change needs none but for its lines: QuickBooks refuses a second one by its EditSequence (3200).
    """
    add = _addition(message)
    if add is not None:
        query = InvoiceQueryRq if isinstance(add, InvoiceAdd) else CreditMemoQueryRq
        customer = add.customer_ref
        return query(
            txn_date_range_filter=TxnDateRangeFilter(from_txn_date=add.txn_date, to_txn_date=add.txn_date),
            entity_filter=EntityFilter(list_id=(customer.list_id,))
            if customer.list_id
            else EntityFilter(full_name=(customer.full_name or "",)),
            include_line_items=True,
        )
    if isinstance(message, InvoiceModRq):
        return InvoiceQueryRq(txn_id=(message.invoice_mod.txn_id,), include_line_items=True)
    return None


def find(
    sought: Sought, objects: Iterable[Any], taken: Iterable[str] = (), *, shows_stamps: bool = False
) -> Any | None:
    """The object that this write made or changed, or None. `taken` are TxnIDs that belong to other writes.

    `shows_stamps`: this QuickBooks is known to show them, so that what has none is not ours.
    """
    others = frozenset(taken)
    shown = list(objects)
    candidates = [one for one in shown if one.txn_id not in others]
    add = _addition(sought.message)
    if add is not None:
        shows_stamps = shows_stamps or any(one.external_guid for one in shown)
        return _find_added(add, sought.left_at, candidates, shows_stamps)
    if isinstance(sought.message, InvoiceModRq):
        mod = sought.message.invoice_mod
        return next((one for one in candidates if one.txn_id == mod.txn_id and _is_changed(mod, one)), None)
    return None


def _addition(message: Any) -> InvoiceAdd | CreditMemoAdd | None:
    if isinstance(message, InvoiceAddRq):
        return message.invoice_add
    return message.credit_memo_add if isinstance(message, CreditMemoAddRq) else None


def _find_added(
    add: InvoiceAdd | CreditMemoAdd, left_at: datetime, candidates: list[Any], shows_stamps: bool
) -> Any | None:
    for one in candidates:
        if one.external_guid and is_same_guid(one.external_guid, add.external_guid or ""):
            return one
    if shows_stamps:
        return None  # ours would have one
    not_before = left_at.replace(tzinfo=None) - CLOCKS_DIFFER
    for one in candidates:
        is_new = one.time_created is None or one.time_created >= not_before
        if not one.external_guid and is_new and _says_the_same(add, one) and _same_lines(add.lines, one.lines):
            return one
    return None


def _is_changed(mod: InvoiceMod, one: Any) -> bool:
    """Whether the object is what this change made of it: a newer state, with everything as it was sent."""
    if one.edit_sequence == mod.edit_sequence:
        return False
    return _says_the_same(mod, one) and (not mod.lines or _same_lines(mod.lines, one.lines))


def _says_the_same(sent: Any, kept: Any) -> bool:
    """Whether every field that was sent, and that the object shows, has the value that was sent."""
    for field in dataclasses.fields(sent):
        value = getattr(sent, field.name)
        if value is None or value == () or field.name in ("lines", "edit_sequence", "txn_line_id", "external_guid"):
            continue
        if hasattr(kept, field.name) and not _is_same(value, getattr(kept, field.name)):
            return False
    return True


def _same_lines(sent: tuple[Any, ...], kept: tuple[Any, ...]) -> bool:
    if len(sent) != len(kept):
        return False
    return all(_is_same_line(one, other) for one, other in zip(sent, kept, strict=True))


def _is_same_line(sent: Any, kept: Any) -> bool:
    known = getattr(sent, "txn_line_id", None)
    if known not in (None, "-1") and known != kept.txn_line_id:
        return False
    return type(sent).__name__.startswith("InvoiceLineGroup") == hasattr(kept, "item_group_ref") and _says_the_same(
        sent, kept
    )


def _is_same(sent: Any, kept: Any) -> bool:
    if isinstance(sent, Ref):
        if not isinstance(kept, Ref):
            return False
        if sent.list_id and kept.list_id:
            return sent.list_id == kept.list_id
        return (sent.full_name or "").casefold() == (kept.full_name or "").casefold()
    if isinstance(sent, str):
        return " ".join(sent.split()) == " ".join((kept or "").split())
    return bool(sent == kept)
