"""Invoices and credit memos: query, add, modify (qbXML reference §5, facts §3.4-3.8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from qbwc.qbxml.lists import DeletedDateRangeFilter
from qbwc.qbxml.types import (
    Address,
    Amount,
    Attribute,
    ByClass,
    DataExtRet,
    Float,
    Id,
    Percent,
    Price,
    Quantity,
    Ref,
    Text,
)

Long = Annotated[str, Text(4095)]
Short = Annotated[str, Text(29)]
RetElement = Annotated[str, Text(50)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifiedDateRangeFilter:
    """Changed from one moment to another, in QuickBooks' local time."""

    from_modified_date: datetime | None = None
    to_modified_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TxnDateRangeFilter:
    """Dated from one day to another, both included."""

    from_txn_date: date | None = None
    to_txn_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityFilter:
    """Of these customers."""

    list_id: tuple[Id, ...] = ()
    full_name: tuple[str, ...] = ()
    list_id_with_children: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _TxnQuery:
    """Transactions of one kind: by id, by number, or by filters."""

    iterator: Annotated[str | None, Attribute] = None
    iterator_id: Annotated[str | None, Attribute] = None
    meta_data: Annotated[str | None, Attribute] = None
    txn_id: tuple[Id, ...] = ()
    ref_number: tuple[str, ...] = ()
    max_returned: int | None = None
    modified_date_range_filter: ModifiedDateRangeFilter | None = None
    txn_date_range_filter: TxnDateRangeFilter | None = None
    entity_filter: EntityFilter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceQueryRq(_TxnQuery):
    """Invoices; lines and linked transactions come only when asked for."""

    paid_status: str | None = None
    include_line_items: bool | None = None
    include_linked_txns: bool | None = None
    include_ret_element: tuple[RetElement, ...] = ()
    owner_id: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemoQueryRq(_TxnQuery):
    """Credit memos; lines and linked transactions come only when asked for."""

    include_line_items: bool | None = None
    include_linked_txns: bool | None = None
    include_ret_element: tuple[RetElement, ...] = ()
    owner_id: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TxnDeletedQueryRq:
    """Transactions deleted in the last 90 days, by kind."""

    txn_del_type: tuple[str, ...]
    deleted_date_range_filter: DeletedDateRangeFilter | None = None
    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TxnDeletedRet:
    """One deleted transaction."""

    txn_del_type: str
    txn_id: Id
    time_created: datetime | None = None
    time_deleted: datetime | None = None
    ref_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _NewLine:
    """A line that is not there yet."""

    item_ref: Ref | None = None
    desc: Long | None = None
    quantity: Quantity | None = None
    unit_of_measure: Annotated[str, Text(31)] | None = None
    rate: Price | None = None
    rate_percent: Percent | None = None
    price_level_ref: Ref | None = None
    class_ref: Ref | None = None
    amount: Amount | None = None
    service_date: date | None = None
    sales_tax_code_ref: Ref | None = None
    override_item_account_ref: Ref | None = None
    other1: Short | None = None
    other2: Short | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineAdd(_NewLine):
    """A new line. Without Rate and Amount QuickBooks applies the item's own price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineGroupAdd:
    """A group item as one line."""

    item_group_ref: Ref
    quantity: Quantity | None = None
    unit_of_measure: Annotated[str, Text(31)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAdd:
    """A new invoice. TxnDate is always sent: QuickBooks may otherwise repeat the date of the last one saved."""

    customer_ref: Ref
    class_ref: Ref | None = None
    ar_account_ref: Ref | None = None
    template_ref: Ref | None = None
    txn_date: date
    ref_number: Annotated[str, Text(11)] | None = None
    bill_address: Address | None = None
    ship_address: Address | None = None
    is_pending: bool | None = None
    is_finance_charge: bool | None = None
    po_number: Annotated[str, Text(25)] | None = None
    terms_ref: Ref | None = None
    due_date: date | None = None
    sales_rep_ref: Ref | None = None
    fob: Annotated[str, Text(13)] | None = None
    ship_date: date | None = None
    ship_method_ref: Ref | None = None
    item_sales_tax_ref: Ref | None = None
    memo: Long | None = None
    customer_msg_ref: Ref | None = None
    is_to_be_printed: bool | None = None
    is_to_be_emailed: bool | None = None
    is_tax_included: bool | None = None
    customer_sales_tax_code_ref: Ref | None = None
    other: Short | None = None
    exchange_rate: Float | None = None
    external_guid: str | None = None
    link_to_txn_id: tuple[Id, ...] = ()
    lines: Annotated[tuple[InvoiceLineAdd | InvoiceLineGroupAdd, ...], ByClass] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAddRq:
    """Creates an invoice."""

    invoice_add: InvoiceAdd
    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineMod:
    """A kept line (its TxnLineID alone), a changed one (the id and what changes), or a new one (id -1)."""

    txn_line_id: Id
    item_ref: Ref | None = None
    desc: Long | None = None
    quantity: Quantity | None = None
    unit_of_measure: Annotated[str, Text(31)] | None = None
    override_uom_set_ref: Ref | None = None
    rate: Price | None = None
    rate_percent: Percent | None = None
    price_level_ref: Ref | None = None
    class_ref: Ref | None = None
    amount: Amount | None = None
    service_date: date | None = None
    sales_tax_code_ref: Ref | None = None
    override_item_account_ref: Ref | None = None
    other1: Short | None = None
    other2: Short | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineGroupMod:
    """A kept group; its own lines are kept when none is listed."""

    txn_line_id: Id
    item_group_ref: Ref | None = None
    quantity: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceMod:
    """A change of an invoice. As soon as one line is listed, the list replaces all lines: omitted is deleted."""

    txn_id: Id
    edit_sequence: Annotated[str, Text(16)]
    customer_ref: Ref | None = None
    class_ref: Ref | None = None
    ar_account_ref: Ref | None = None
    template_ref: Ref | None = None
    txn_date: date | None = None
    ref_number: Annotated[str, Text(11)] | None = None
    bill_address: Address | None = None
    ship_address: Address | None = None
    is_pending: bool | None = None
    po_number: Annotated[str, Text(25)] | None = None
    terms_ref: Ref | None = None
    due_date: date | None = None
    sales_rep_ref: Ref | None = None
    fob: Annotated[str, Text(13)] | None = None
    ship_date: date | None = None
    ship_method_ref: Ref | None = None
    item_sales_tax_ref: Ref | None = None
    memo: Long | None = None
    customer_msg_ref: Ref | None = None
    is_to_be_printed: bool | None = None
    is_to_be_emailed: bool | None = None
    is_tax_included: bool | None = None
    customer_sales_tax_code_ref: Ref | None = None
    other: Short | None = None
    exchange_rate: Float | None = None
    lines: Annotated[tuple[InvoiceLineMod | InvoiceLineGroupMod, ...], ByClass] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceModRq:
    """Changes an invoice."""

    invoice_mod: InvoiceMod
    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineRet:
    """A line as QuickBooks keeps it. A comment line has a Desc and no item."""

    txn_line_id: Id
    item_ref: Ref | None = None
    desc: str | None = None
    quantity: Quantity | None = None
    unit_of_measure: str | None = None
    rate: Price | None = None
    rate_percent: Percent | None = None
    class_ref: Ref | None = None
    amount: Amount | None = None
    service_date: date | None = None
    sales_tax_code_ref: Ref | None = None
    other1: str | None = None
    other2: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLineGroupRet:
    """A group as QuickBooks keeps it, with its own lines."""

    txn_line_id: Id
    item_group_ref: Ref | None = None
    desc: str | None = None
    quantity: Quantity | None = None
    total_amount: Amount | None = None
    invoice_line_ret: tuple[InvoiceLineRet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedTxn:
    """A payment, credit or order tied to the invoice."""

    txn_id: Id
    txn_type: str
    txn_date: date | None = None
    ref_number: str | None = None
    link_type: str | None = None
    amount: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRet:
    """An invoice as QuickBooks keeps it. There is no "sent" flag (see billing rules)."""

    txn_id: Id
    time_created: datetime | None = None
    time_modified: datetime | None = None
    edit_sequence: str | None = None
    txn_number: int | None = None
    customer_ref: Ref | None = None
    class_ref: Ref | None = None
    ar_account_ref: Ref | None = None
    template_ref: Ref | None = None
    txn_date: date | None = None
    ref_number: str | None = None
    is_pending: bool | None = None
    po_number: str | None = None
    terms_ref: Ref | None = None
    due_date: date | None = None
    subtotal: Amount | None = None
    item_sales_tax_ref: Ref | None = None
    sales_tax_percentage: Percent | None = None
    sales_tax_total: Amount | None = None
    applied_amount: Amount | None = None
    balance_remaining: Amount | None = None
    currency_ref: Ref | None = None
    exchange_rate: Float | None = None
    memo: str | None = None
    is_paid: bool | None = None
    is_to_be_printed: bool | None = None
    is_to_be_emailed: bool | None = None
    is_tax_included: bool | None = None
    customer_sales_tax_code_ref: Ref | None = None
    other: str | None = None
    external_guid: str | None = None
    linked_txn: tuple[LinkedTxn, ...] = ()
    lines: Annotated[tuple[InvoiceLineRet | InvoiceLineGroupRet, ...], ByClass] = ()
    data_ext_ret: tuple[DataExtRet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemoLineAdd(_NewLine):
    """A new line of a credit memo; quantities are positive, the memo itself is the minus sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemoAdd:
    """A new credit memo; one without a line is refused."""

    customer_ref: Ref
    class_ref: Ref | None = None
    ar_account_ref: Ref | None = None
    template_ref: Ref | None = None
    txn_date: date
    ref_number: Annotated[str, Text(11)] | None = None
    is_pending: bool | None = None
    po_number: Annotated[str, Text(25)] | None = None
    terms_ref: Ref | None = None
    due_date: date | None = None
    memo: Long | None = None
    customer_msg_ref: Ref | None = None
    is_to_be_printed: bool | None = None
    is_to_be_emailed: bool | None = None
    is_tax_included: bool | None = None
    customer_sales_tax_code_ref: Ref | None = None
    other: Short | None = None
    exchange_rate: Float | None = None
    external_guid: str | None = None
    lines: Annotated[tuple[CreditMemoLineAdd, ...], ByClass]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemoAddRq:
    """Creates a credit memo."""

    credit_memo_add: CreditMemoAdd
    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemoLineRet:
    """A line of a credit memo as QuickBooks keeps it."""

    txn_line_id: Id
    item_ref: Ref | None = None
    desc: str | None = None
    quantity: Quantity | None = None
    rate: Price | None = None
    rate_percent: Percent | None = None
    amount: Amount | None = None
    service_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditMemoRet:
    """A credit memo as QuickBooks keeps it."""

    txn_id: Id
    time_created: datetime | None = None
    time_modified: datetime | None = None
    edit_sequence: str | None = None
    customer_ref: Ref | None = None
    txn_date: date | None = None
    ref_number: str | None = None
    subtotal: Amount | None = None
    sales_tax_total: Amount | None = None
    total_amount: Amount | None = None
    memo: str | None = None
    external_guid: str | None = None
    lines: Annotated[tuple[CreditMemoLineRet, ...], ByClass] = ()
