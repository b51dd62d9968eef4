"""Lists: customers, items of every kind, accounts, terms, classes, tax codes, templates (qbXML reference §2-4).

Answers are often trimmed by IncludeRetElement, so that only the identity of an object is mandatory here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from qbwc.qbxml.types import Address, Amount, Attribute, DataExtRet, Id, Percent, Price, Quantity, Ref, Text

RetElement = Annotated[str, Text(50)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameFilter:
    """Names that start with, contain or end with a text."""

    match_criterion: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRangeFilter:
    """Names from one to another, both included."""

    from_name: str | None = None
    to_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _PagedListQuery:
    """A list that can be read page by page with an iterator."""

    iterator: Annotated[str | None, Attribute] = None
    iterator_id: Annotated[str | None, Attribute] = None
    meta_data: Annotated[str | None, Attribute] = None
    list_id: tuple[Id, ...] = ()
    full_name: tuple[str, ...] = ()
    max_returned: int | None = None
    active_status: str | None = None
    from_modified_date: datetime | None = None
    to_modified_date: datetime | None = None
    name_filter: NameFilter | None = None
    name_range_filter: NameRangeFilter | None = None
    include_ret_element: tuple[RetElement, ...] = ()
    owner_id: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerQueryRq(_PagedListQuery):
    """Customers and jobs: by id, by name, or page by page with an iterator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemQueryRq(_PagedListQuery):
    """Items of all kinds, mixed in one answer, page by page with an iterator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SmallListQuery:
    """A list without iterators."""

    list_id: tuple[Id, ...] = ()
    full_name: tuple[str, ...] = ()
    max_returned: int | None = None
    active_status: str | None = None
    from_modified_date: datetime | None = None
    to_modified_date: datetime | None = None
    name_filter: NameFilter | None = None
    name_range_filter: NameRangeFilter | None = None
    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQueryRq(_SmallListQuery):
    """The chart of accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassQueryRq(_SmallListQuery):
    """Classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsQueryRq(_SmallListQuery):
    """Payment terms of both kinds, mixed in one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesTaxCodeQueryRq(_SmallListQuery):
    """Sales-tax codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateQueryRq:
    """Form templates; this query takes no filter."""

    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedDateRangeFilter:
    """Deleted from one moment to another, in QuickBooks' local time."""

    from_deleted_date: datetime | None = None
    to_deleted_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDeletedQueryRq:
    """List objects deleted in the last 90 days, by kind."""

    list_del_type: tuple[str, ...]
    deleted_date_range_filter: DeletedDateRangeFilter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDeletedRet:
    """One deleted list object."""

    list_del_type: str
    list_id: Id
    time_created: datetime | None = None
    time_deleted: datetime | None = None
    full_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRet:
    """What every list object has. Some kinds of items have no FullName: their Name is it."""

    list_id: Id
    time_created: datetime | None = None
    time_modified: datetime | None = None
    edit_sequence: str | None = None
    name: str | None = None
    is_active: bool | None = None

    @property
    def path(self) -> str:
        """The name with its parents, as QuickBooks shows it."""
        return getattr(self, "full_name", None) or self.name or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRet(ListRet):
    """A customer, or a job of one (`sublevel` ≥ 1)."""

    full_name: str | None = None
    parent_ref: Ref | None = None
    sublevel: int | None = None
    company_name: str | None = None
    bill_address: Address | None = None
    ship_address: Address | None = None
    email: str | None = None
    terms_ref: Ref | None = None
    balance: Amount | None = None
    total_balance: Amount | None = None
    sales_tax_code_ref: Ref | None = None
    item_sales_tax_ref: Ref | None = None
    job_status: str | None = None
    price_level_ref: Ref | None = None
    currency_ref: Ref | None = None
    data_ext_ret: tuple[DataExtRet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesOrPurchase:
    """An item that is only sold or only bought: one price, and no cost."""

    desc: str | None = None
    price: Price | None = None
    price_percent: Percent | None = None
    account_ref: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesAndPurchase:
    """An item that is bought and sold: price and cost."""

    sales_desc: str | None = None
    sales_price: Price | None = None
    income_account_ref: Ref | None = None
    purchase_desc: str | None = None
    purchase_cost: Price | None = None
    purchase_tax_code_ref: Ref | None = None
    expense_account_ref: Ref | None = None
    pref_vendor_ref: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _SoldItemRet(ListRet):
    full_name: str | None = None
    parent_ref: Ref | None = None
    sublevel: int | None = None
    sales_tax_code_ref: Ref | None = None
    sales_or_purchase: SalesOrPurchase | None = None
    sales_and_purchase: SalesAndPurchase | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemServiceRet(_SoldItemRet):
    """A service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemNonInventoryRet(_SoldItemRet):
    """A part that is not kept in stock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOtherChargeRet(_SoldItemRet):
    """A fee, delivery, set-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _StockItemRet(ListRet):
    full_name: str | None = None
    parent_ref: Ref | None = None
    sublevel: int | None = None
    sales_tax_code_ref: Ref | None = None
    sales_desc: str | None = None
    sales_price: Price | None = None
    purchase_desc: str | None = None
    purchase_cost: Price | None = None
    quantity_on_hand: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemInventoryRet(_StockItemRet):
    """A part kept in stock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemInventoryAssemblyRet(_StockItemRet):
    """A product built from parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFixedAssetRet(ListRet):
    """Something the company owns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSubtotalRet(ListRet):
    """A line that sums what stands above it."""

    item_desc: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDiscountRet(ListRet):
    """A line that takes off an amount or a percentage."""

    full_name: str | None = None
    parent_ref: Ref | None = None
    sublevel: int | None = None
    item_desc: str | None = None
    discount_rate: Price | None = None
    discount_rate_percent: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPaymentRet(ListRet):
    """A payment received with the invoice."""

    item_desc: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSalesTaxRet(ListRet):
    """A sales tax."""

    item_desc: str | None = None
    tax_rate: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSalesTaxGroupRet(ListRet):
    """Several sales taxes charged together."""

    item_desc: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGroupRet(ListRet):
    """Several items sold together."""

    item_desc: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRet(ListRet):
    """An account of the chart of accounts."""

    full_name: str | None = None
    parent_ref: Ref | None = None
    sublevel: int | None = None
    account_type: str | None = None
    account_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRet(ListRet):
    """A class."""

    full_name: str | None = None
    parent_ref: Ref | None = None
    sublevel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardTermsRet(ListRet):
    """Due a number of days after the invoice."""

    std_due_days: int | None = None
    std_discount_days: int | None = None
    discount_pct: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DateDrivenTermsRet(ListRet):
    """Due on a day of the month."""

    day_of_month_due: int | None = None
    due_next_month_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesTaxCodeRet(ListRet):
    """A sales-tax code: taxable or not, and in Canada and the UK by which tax."""

    is_taxable: bool | None = None
    desc: str | None = None
    item_sales_tax_ref: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRet(ListRet):
    """A form template; for invoices `template_type` is Invoice."""

    template_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesAndPurchaseMod:
    """The cost of an item that is bought and sold. Only what is given changes."""

    sales_desc: Annotated[str, Text(4095)] | None = None
    sales_price: Price | None = None
    purchase_desc: Annotated[str, Text(4095)] | None = None
    purchase_cost: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ItemMod:
    """A change of an item that is bought and sold."""

    list_id: Id
    edit_sequence: Annotated[str, Text(16)]
    is_active: bool | None = None
    sales_and_purchase_mod: SalesAndPurchaseMod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemServiceMod(_ItemMod):
    """A change of a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemNonInventoryMod(_ItemMod):
    """A change of a part that is not kept in stock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOtherChargeMod(_ItemMod):
    """A change of a fee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemServiceModRq:
    """Changes a service."""

    item_service_mod: ItemServiceMod
    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemNonInventoryModRq:
    """Changes a part that is not kept in stock."""

    item_non_inventory_mod: ItemNonInventoryMod
    include_ret_element: tuple[RetElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOtherChargeModRq:
    """Changes a fee."""

    item_other_charge_mod: ItemOtherChargeMod
    include_ret_element: tuple[RetElement, ...] = ()


ITEM_RETS: tuple[type[ListRet], ...] = (
    ItemServiceRet,
    ItemNonInventoryRet,
    ItemOtherChargeRet,
    ItemInventoryRet,
    ItemInventoryAssemblyRet,
    ItemFixedAssetRet,
    ItemSubtotalRet,
    ItemDiscountRet,
    ItemPaymentRet,
    ItemSalesTaxRet,
    ItemSalesTaxGroupRet,
    ItemGroupRet,
)
