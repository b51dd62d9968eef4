"""A row as a charge: its kind, its customer, its offer, its key."""

from __future__ import annotations

import hashlib
import json
import re
from calendar import monthrange
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.providers.sherweb.row import Row
from portal.providers.sherweb.values import show

_CUSTOMER_TAGS = ("customerdisplayname", "customername", "customer")
_CYCLES = {"OneTime": BillingCycle.ONE_TIME, "Monthly": BillingCycle.MONTHLY, "Yearly": BillingCycle.YEARLY}
_TYPES = {"Setup": "Setup", "Recurring": "Recurring", "Usage": "Usage", "Unknown": "Unknown"}
_PLAIN_CHARGE_NAMES = frozenset({"licence", "license", "licenses", "subscription", "abonnement", "recurring", "usage"})
_CENT = Decimal("0.01")
_DOUBLE = Context(prec=15)  # the decimal digits that a double carries faithfully: 14.674999999999999 was 14.675


def read_charge(row: Row, delivery_start: date, delivery_end: date, seen: Counter[str]) -> Charge:
    """The charge of one row. `seen` counts the keys of the rows before it. Raises ProviderError naming the row."""
    start, last = row.day("periodFrom"), row.day("periodTo")
    if last < start:
        what = "the period ends on {last}, before its start on {start}"
        row.refuse("charges.row.period_reversed", what, start=str(start), last=str(last))
    end = last + timedelta(days=1)
    charge_type, cycle = row.choice("chargeType", _TYPES), row.choice("billingCycleType", _CYCLES)
    quantity, subtotal = row.number("quantity"), row.number("subTotal")
    net, prorated = row.number("netPrice"), row.number("netPriceProrated")
    tags = row.tags()
    customer = _find_customer(row, tags)
    offer_key, offer_name = _read_offer(row)
    is_credit = quantity < 0 or subtotal < 0
    if is_credit:
        kind = ChargeKind.CREDIT
    else:
        shorter = cycle is BillingCycle.MONTHLY and _is_partial_month(start, end, delivery_end - delivery_start)
        kind = _judge_kind(charge_type, cycle, partial=prorated != net or shorter)
    key = _make_key(row, [customer, charge_type, cycle.value, str(start), str(end), "-" if is_credit else "+"])
    seen[key] += 1
    return Charge(
        key=key if seen[key] == 1 else f"{key}#{seen[key]}",
        organization=customer,
        offer_key=offer_key,
        offer_name=offer_name,
        kind=kind,
        cycle=cycle,
        quantity=quantity,
        start=start,
        end=end,
        unit_cost=net,
        unit_cost_prorated=prorated,
        amount=_DOUBLE.plus(subtotal).quantize(_CENT, ROUND_HALF_UP) + 0,
        currency=_read_currency(row),
        is_proratable=row.flag("isProratable"),
        tags=tags,
    )


def _make_key(row: Row, told: list[str]) -> str:
    """32 hexadecimal digits over what identifies a row; neither quantity nor amounts are in it, only their sign."""
    ids = [row.text("chargeId").lower(), row.text("productId").lower(), row.text("sku"), row.text("chargeName")]
    return hashlib.sha256(json.dumps(ids + told).encode()).hexdigest()[:32]


def _judge_kind(charge_type: str, cycle: BillingCycle, *, partial: bool) -> ChargeKind:
    """The kind of a charge that is no credit. Unknown (older invoices) goes by the billing cycle."""
    if charge_type == "Usage":
        return ChargeKind.USAGE
    if charge_type == "Setup" or (charge_type == "Unknown" and cycle is BillingCycle.ONE_TIME):
        return ChargeKind.ONE_TIME
    return ChargeKind.PRORATED if partial else ChargeKind.RECURRING


def _is_partial_month(start: date, end: date, whole: timedelta) -> bool:
    """Shorter than the delivery's period, and no whole month of its own (such as 15 September to 14 October)."""
    year, month = (start.year, start.month + 1) if start.month < 12 else (start.year + 1, 1)
    is_month = (end.year, end.month) == (year, month) and end.day == min(start.day, monthrange(year, month)[1])
    return end - start < whole and not is_month


def _find_customer(row: Row, tags: tuple[tuple[str, str], ...]) -> str:
    named = {name.casefold(): value for name, value in reversed(tags) if value}
    customer = next((named[name] for name in _CUSTOMER_TAGS if name in named), None)
    if customer is None:
        row.refuse("charges.row.no_customer", "it has no tag CustomerDisplayName, so its organization is not known")
    return customer


def _read_offer(row: Row) -> tuple[str, str]:
    """The key of the offer and its name for people."""
    sku, product, charge = row.text("sku"), row.text("productId").lower(), row.text("chargeId").lower()
    offer_key = sku or ":".join(part for part in (product, charge) if part)
    if not offer_key:
        row.refuse("charges.row.no_offer", "it has neither sku nor productId, so its offer is not known")
    product_name, charge_name = row.text("productName"), row.text("chargeName")
    known, more = product_name.casefold(), charge_name.casefold()
    if not charge_name or more in known or (known and more in _PLAIN_CHARGE_NAMES):
        return offer_key, product_name or offer_key
    if known in more:
        return offer_key, charge_name
    return offer_key, f"{product_name} – {charge_name}"


def _read_currency(row: Row) -> str:
    row.require("currency")
    currency = row.text("currency").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        row.refuse(
            "charges.row.bad_currency", "currency is {value}, not three letters such as CAD", value=show(currency)
        )
    return currency
