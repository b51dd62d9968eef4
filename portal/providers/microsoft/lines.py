"""A row as a charge, before it is seen beside the others."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.providers.microsoft.amounts import CENT, LIMIT, expected_subtotal, neat, unit_price
from portal.providers.microsoft.cells import Cells, Tags, to_date
from portal.providers.microsoft.columns import AGAIN, plain_name
from portal.providers.microsoft.terms import read_terms, spans
from portal.providers.table import show

_CHANGES = frozenset({"addquantity", "removequantity", "movequantity", "cancelimmediate", "cancel", "customercredit"})
_CREDITS = frozenset({"cancelimmediate", "cancel", "customercredit"})
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row that was read, before it is seen beside the others."""

    charge: Charge
    """With the unit price of its own days as unit cost."""
    raw: str
    list_price: Decimal
    months: int
    """The months of a whole cycle; 0 when there are none (usage, a payment once)."""
    is_whole: bool
    subscription: tuple[str, str]
    event: tuple[str, ...]
    """What the two rows of one change have in common."""


def read_line(cells: Cells, seen: Counter[str], known: Tags) -> Line:
    """One row. `seen` counts the keys of the rows before it. Raises ProviderError naming row and column."""
    start, end = _read_period(cells)
    charge_type = plain_name(cells.require("ChargeType"))
    quantity, subtotal = cells.number("BillableQuantity"), cells.number("Subtotal")
    rate = cells.number("PCToBCExchangeRate", Decimal(1)) or Decimal(1)
    effective, list_price = cells.number("EffectiveUnitPrice"), cells.number("UnitPrice", Decimal(0))
    if max(abs(list_price), abs(effective)) * max(abs(rate), Decimal(1)) * max(abs(quantity), Decimal(1)) >= LIMIT:
        what = "the amount is too large, or its decimal point is in the wrong place." + AGAIN
        cells.row.refuse("microsoft.row.too_large", what, cells.heading("EffectiveUnitPrice"))
    is_metered, months, variant = read_terms(cells, start, end, quantity)
    is_whole = months > 0 and spans(start, end, months)
    is_credit = quantity < 0 or subtotal < 0 or (subtotal == 0 and charge_type in _CREDITS)
    kind = _judge_kind(charge_type, is_credit=is_credit, is_metered=is_metered, months=months, is_whole=is_whole)
    tags = known.of(cells)
    deviation = subtotal - expected_subtotal(effective, rate, quantity, is_metered=is_metered)
    if deviation and cells.heading("EffectiveUnitPrice") != cells.heading("UnitPrice"):
        tags += (("deviates", f"{neat(deviation):f}"),)
    product, sku = cells.require("ProductId"), cells.require("SkuId")
    key = _make_key(cells, charge_type, start, end, is_credit=is_credit)
    seen[key] += 1
    subscription = (cells.text("CustomerId") or cells.text("CustomerName"), cells.text("SubscriptionId"))
    charge = Charge(
        key=key if seen[key] == 1 else f"{key}#{seen[key]}",
        organization=cells.require("CustomerName"),
        offer_key=":".join((product, sku, *variant)),
        offer_name=cells.text("SkuName") or cells.text("ProductName") or f"{product}:{sku}",
        kind=kind,
        cycle={0: BillingCycle.MONTHLY if is_metered else BillingCycle.ONE_TIME, 1: BillingCycle.MONTHLY}.get(
            months, BillingCycle.YEARLY
        ),
        quantity=quantity,
        start=start,
        end=end,
        unit_cost=effective * rate,
        unit_cost_prorated=unit_price(subtotal, quantity, effective * rate),
        amount=subtotal.quantize(CENT, ROUND_HALF_UP) + 0,
        currency=_read_currency(cells),
        is_proratable=months > 0 and charge_type != "customercredit",
        tags=tags,
    )
    return Line(
        charge=charge,
        raw=cells.row.raw(),
        list_price=list_price * rate,
        months=months,
        is_whole=is_whole,
        subscription=subscription,
        event=(*subscription, cells.text("ReferenceId"), charge_type, str(start), str(end)),
    )


def _read_period(cells: Cells) -> tuple[date, date]:
    """The days of a row as [start, end). What is bought for good has no end and takes the day it was bought on."""
    start = cells.day("ChargeStartDate") or to_date(cells.text("OrderDate"))
    if start is None:
        cells.require("ChargeStartDate")
    assert start is not None  # noqa: S101 -- require() refused the row
    last = cells.day("ChargeEndDate") or start
    if last < start:
        what = "the period ends on {last}, before its start on {start}." + AGAIN
        values = {"last": str(last), "start": str(start)}
        cells.row.refuse("microsoft.row.period_reversed", what, cells.heading("ChargeEndDate"), **values)
    return start, last + _DAY


def _judge_kind(charge_type: str, *, is_credit: bool, is_metered: bool, months: int, is_whole: bool) -> ChargeKind:
    if is_credit:
        return ChargeKind.CREDIT
    if is_metered:
        return ChargeKind.USAGE
    if months == 0:
        return ChargeKind.ONE_TIME
    return ChargeKind.RECURRING if is_whole and charge_type not in _CHANGES else ChargeKind.PRORATED


def _read_currency(cells: Cells) -> str:
    currency = cells.require("Currency").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        what = "“{value}” is not a currency of three letters, such as CAD." + AGAIN
        cells.row.refuse("microsoft.row.bad_currency", what, cells.heading("Currency"), value=show(currency))
    return currency


def _make_key(cells: Cells, charge_type: str, start: date, end: date, *, is_credit: bool) -> str:
    """32 hexadecimal digits over what identifies a row; neither quantity nor amounts are in it, only their sign."""
    if not cells.text("InvoiceNumber"):
        what = (
            "the row has no invoice number, so Microsoft has not invoiced it yet and may still change it. Nothing was"
        )
        what += " imported: download the reconciliation file of the invoice and import that one."
        cells.row.refuse("microsoft.row.no_invoice", what, cells.heading("InvoiceNumber"))
    names = (
        *("InvoiceNumber", "OrderId", "SubscriptionId", "ProductId", "SkuId", "AvailabilityId", "ReferenceId"),
        *("MeterDescription", "ReservationOrderId", "TermAndBillingCycle", "BillingFrequency"),
    )
    told = [cells.text("CustomerId").lower() or cells.text("CustomerName"), *(cells.text(name) for name in names)]
    told += [
        "microsoft",
        charge_type,
        str(start),
        str(end),
        str(to_date(cells.text("OrderDate"))),
        "-" if is_credit else "+",
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
