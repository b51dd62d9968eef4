"""Amounts, prices and quantities as QuickBooks rounds and prints them, and the balances of customers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company
    from qbwc.sandbox.errors import Record

_CENT = Decimal("0.01")
_FINEST = Decimal("0.00001")
HUNDRED = Decimal(100)


def cents(value: Decimal) -> Decimal:
    """Rounded to the cent, halves away from zero."""
    return value.quantize(_CENT, ROUND_HALF_UP)


def amount_text(value: Decimal) -> str:
    """An amount: two decimals, always."""
    return f"{cents(value) + 0:.2f}"


def price_text(value: Decimal) -> str:
    """A price or a percentage: two decimals at least, five at most."""
    text = f"{value.quantize(_FINEST, ROUND_HALF_UP) + 0:.5f}".rstrip("0")
    decimals = len(text.partition(".")[2])
    return text + "0" * (2 - decimals) if decimals < 2 else text


def quantity_text(value: Decimal) -> str:
    """A quantity: no needless zeros."""
    text = f"{value.quantize(_FINEST, ROUND_HALF_UP) + 0:.5f}".rstrip("0")
    return text.rstrip(".")


def add_balance(company: Company, customer: Record, change: Decimal, *, stamp: bool = True) -> None:
    """Move a customer's Balance, and the TotalBalance up to the top; TimeModified moves, EditSequence does not."""
    found = company.find(("Customer",), customer)
    if found is None or change == 0:
        return
    record: Record | None = found[1]
    if record is not None:
        record["Balance"] = amount_text(Decimal(record.get("Balance", "0")) + change)
    while record is not None:
        record["TotalBalance"] = amount_text(Decimal(record.get("TotalBalance", "0")) + change)
        if stamp:
            record["TimeModified"] = company.stamp()
        above = company.find(("Customer",), record["ParentRef"]) if "ParentRef" in record else None
        record = above[1] if above else None
