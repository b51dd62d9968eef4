"""Drafts and costs as qbXML, and QuickBooks' invoices as the rules see them (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal.billing.drafting import Form
from portal.billing.invoice import KeptLine, Step, WantedLine
from portal.billing.lines import LONGEST_CUSTOM
from portal.billing.matching import Candidate
from portal.billing.money import to_cents
from portal.models import Draft, DraftLine, InvoiceMode
from qbwc import models as wire
from qbwc.qbxml import lists as list_messages
from qbwc.qbxml import transactions as txn
from qbwc.qbxml.text import changes_in, fit, fold
from qbwc.qbxml.types import Ref

LONGEST_DESCRIPTION = 4095
NEW_LINE = "-1"


def first_step(draft: Draft) -> tuple[str, Any]:
    """The first message of a draft's job."""
    if is_separate(draft):
        return "add", addition(draft)
    run = draft.run
    return "read", txn.InvoiceQueryRq(
        txn_date_range_filter=txn.TxnDateRangeFilter(
            from_txn_date=run.period_start, to_txn_date=run.period_end - timedelta(days=1)
        ),
        entity_filter=txn.EntityFilter(list_id=(draft.customer_list_id,)),
        include_line_items=True,
        include_linked_txns=True,
    )


def text_changes(descriptions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The characters of these texts that QuickBooks cannot keep, each with what it becomes ("" when left out)."""
    return changes_in(descriptions)


def _fitting(text: str, longest: int = LONGEST_DESCRIPTION) -> str:
    """A text as QuickBooks keeps it, cut to what its field can hold: a character may become several."""
    return fit(fold(text).text, longest)


def is_separate(draft: Draft) -> bool:
    """Whether a draft becomes a transaction of its own, rather than lines of an invoice that is there."""
    return draft.mode is InvoiceMode.CREATE or draft.form is Form.CREDIT_MEMO


def addition(draft: Draft) -> txn.InvoiceAddRq | txn.CreditMemoAddRq:
    """The message that makes the invoice, or the credit memo."""
    about: dict[str, Any] = {
        "customer_ref": Ref(list_id=draft.customer_list_id),
        "class_ref": _ref(draft.class_list_id),
        "txn_date": draft.run.invoice_date,
        "po_number": draft.po_number,
        "external_guid": draft.guid,
    }
    if draft.form is Form.CREDIT_MEMO:
        # A credit memo has no terms worth sending: nothing falls due.
        memo_lines = tuple(txn.CreditMemoLineAdd(**_new_line(draft, line)) for line in sent_lines(draft))
        return txn.CreditMemoAddRq(credit_memo_add=txn.CreditMemoAdd(**about, lines=memo_lines))
    lines = tuple(txn.InvoiceLineAdd(**_new_line(draft, line)) for line in sent_lines(draft))
    terms = _ref(draft.terms_list_id)
    return txn.InvoiceAddRq(invoice_add=txn.InvoiceAdd(**about, terms_ref=terms, lines=lines))


def sent_lines(draft: Draft) -> list[DraftLine]:
    """The lines of a draft that go to QuickBooks: those that come to nothing stay here."""
    return [line for line in draft.lines if line.quantity]


def _ref(list_id: str | None) -> Ref | None:
    return Ref(list_id=list_id) if list_id else None


def _sign(draft: Draft) -> int:
    """A credit memo is the minus sign itself: what we count as negative is positive on it."""
    return -1 if draft.form is Form.CREDIT_MEMO else 1


def _new_line(draft: Draft, line: DraftLine) -> dict[str, Any]:
    """What a line says that is not there yet. Without a price of ours QuickBooks applies its own."""
    return {
        "item_ref": Ref(list_id=line.item_list_id),
        "desc": _fitting(line.description),
        "quantity": line.quantity * _sign(draft),
        **_price(draft, line),
        "service_date": line.service_date,
        "sales_tax_code_ref": _ref(draft.tax_code_list_id),
        "other1": _fitting(line.other1, LONGEST_CUSTOM) if line.other1 else None,
        "other2": _fitting(line.other2, LONGEST_CUSTOM) if line.other2 else None,
    }


def _price(draft: Draft, line: DraftLine) -> dict[str, Any]:
    """The rate; or the amount, where quantity times the rate, which has five decimals at most, misses it by a cent."""
    if line.asked_rate is None or line.asked_amount is None:
        return {}
    if to_cents(line.asked_rate * line.quantity) == line.asked_amount:
        return {"rate": line.asked_rate}
    return {"amount": line.asked_amount * _sign(draft)}


def candidate(invoice: txn.InvoiceRet) -> Candidate:
    return Candidate(
        txn_id=invoice.txn_id,
        ref_number=invoice.ref_number or "",
        txn_date=invoice.txn_date or date.min,
        time_created=invoice.time_created,
        is_pending=bool(invoice.is_pending),
        is_to_be_printed=bool(invoice.is_to_be_printed),
        is_to_be_emailed=bool(invoice.is_to_be_emailed),
        is_paid=bool(invoice.is_paid),
        applied=invoice.applied_amount or Decimal(0),
        has_links=bool(invoice.linked_txn),
    )


def kept_lines(invoice: txn.InvoiceRet | txn.CreditMemoRet) -> tuple[KeptLine, ...]:
    return tuple(
        KeptLine(
            txn_line_id=line.txn_line_id,
            item_list_id=(ref.list_id if ref else None),
            description=line.desc or "",
            quantity=line.quantity,
            rate=None if is_group else line.rate,  # type: ignore[union-attr]
            amount=line.total_amount if isinstance(line, txn.InvoiceLineGroupRet) else line.amount,
            is_group=is_group,
        )
        for line in invoice.lines
        for is_group in (isinstance(line, txn.InvoiceLineGroupRet),)
        for ref in (line.item_group_ref if isinstance(line, txn.InvoiceLineGroupRet) else line.item_ref,)
    )


def wanted_lines(draft: Draft) -> tuple[WantedLine, ...]:
    return tuple(
        WantedLine(
            position=line.position,
            item_list_id=line.item_list_id,
            description=line.description,
            quantity=line.quantity * _sign(draft),
            service_date=line.service_date,
            states_all=line.states_all,
            amount=None if line.asked_amount is None else line.asked_amount * _sign(draft),
            txn_line_id=line.txn_line_id,
        )
        for line in sent_lines(draft)
    )


def invoice_mod(draft: Draft, invoice: txn.InvoiceRet, steps: Sequence[Step]) -> txn.InvoiceModRq:
    """The change of an invoice: its whole list of lines, in order, with ours among them."""
    lines = {line.position: line for line in draft.lines}
    return txn.InvoiceModRq(
        invoice_mod=txn.InvoiceMod(
            txn_id=invoice.txn_id,
            edit_sequence=invoice.edit_sequence or "",
            lines=tuple(_line_mod(draft, step, lines) for step in steps),
        )
    )


def _line_mod(draft: Draft, step: Step, lines: Mapping[int, DraftLine]) -> txn.InvoiceLineMod | txn.InvoiceLineGroupMod:
    kept, wanted = step.kept, step.wanted
    if kept is not None and kept.is_group:
        return txn.InvoiceLineGroupMod(txn_line_id=kept.txn_line_id)
    if wanted is None:
        return txn.InvoiceLineMod(txn_line_id=kept.txn_line_id if kept else NEW_LINE)
    line = lines[wanted.position]
    if kept is None:
        whole = _new_line(draft, line)
        return txn.InvoiceLineMod(txn_line_id=NEW_LINE, **whole, class_ref=_ref(draft.class_list_id))
    # What the partner wrote there stays: the text, the price, the tax code. Only the figure is ours.
    return txn.InvoiceLineMod(
        txn_line_id=kept.txn_line_id,
        desc=None if kept.description.strip() else _fitting(line.description),
        quantity=wanted.quantity,
        **_price(draft, line),
        service_date=line.service_date,
    )


def cost_mod(item: Any, cost: Decimal) -> Any:
    change = list_messages.SalesAndPurchaseMod(purchase_cost=cost)
    sequence = item.edit_sequence or ""
    if isinstance(item, list_messages.ItemNonInventoryRet):
        mod = list_messages.ItemNonInventoryMod(
            list_id=item.list_id, edit_sequence=sequence, sales_and_purchase_mod=change
        )
        return list_messages.ItemNonInventoryModRq(item_non_inventory_mod=mod)
    if isinstance(item, list_messages.ItemOtherChargeRet):
        fee = list_messages.ItemOtherChargeMod(
            list_id=item.list_id, edit_sequence=sequence, sales_and_purchase_mod=change
        )
        return list_messages.ItemOtherChargeModRq(item_other_charge_mod=fee)
    service = list_messages.ItemServiceMod(list_id=item.list_id, edit_sequence=sequence, sales_and_purchase_mod=change)
    return list_messages.ItemServiceModRq(item_service_mod=service)


def closing_date(connection: wire.Connection) -> date | None:
    text = (connection.preferences or {}).get("closing_date")
    return date.fromisoformat(text) if text else None


def plain(line: KeptLine) -> dict[str, Any]:
    return {
        "txn_line_id": line.txn_line_id,
        "item_list_id": line.item_list_id,
        "description": line.description,
        "quantity": None if line.quantity is None else str(line.quantity),
        "rate": None if line.rate is None else str(line.rate),
        "amount": None if line.amount is None else str(line.amount),
        "is_group": line.is_group,
    }


def kept(plain: dict[str, Any]) -> KeptLine:
    numbers = {name: None if plain[name] is None else Decimal(plain[name]) for name in ("quantity", "rate", "amount")}
    return KeptLine(
        txn_line_id=plain["txn_line_id"],
        item_list_id=plain["item_list_id"],
        description=plain["description"],
        quantity=numbers["quantity"],
        rate=numbers["rate"],
        amount=numbers["amount"],
        is_group=plain["is_group"],
    )
