"""What a line costs: completing quantity, rate and amount from each other and from the item, and adding lines up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from qbwc.sandbox.company import ITEMS
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.money import HUNDRED, amount_text, cents, price_text, quantity_text

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

_SALE_PARTS = ("SalesOrPurchase", "SalesAndPurchase")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a line takes from its item."""

    kind: str
    description: str
    price: Decimal | None
    percent: Decimal | None
    tax_code: Record | None


def item_of(company: Company, line: Record) -> Item | None:
    """The item of a line; None for a comment line or when the item is gone."""
    found = company.find(ITEMS, line["ItemRef"]) if line.get("ItemRef") else None
    if found is None:
        return None
    kind, record = found
    sale = next((record[part] for part in _SALE_PARTS if part in record), record)
    price = sale.get("Price") or sale.get("SalesPrice") or record.get("DiscountRate")
    percent = sale.get("PricePercent") or record.get("DiscountRatePercent")
    return Item(
        kind=kind.removeprefix("Item"),
        description=str(sale.get("SalesDesc") or sale.get("Desc") or record.get("ItemDesc") or ""),
        price=Decimal(price) if price else None,
        percent=Decimal(percent) if percent else None,
        tax_code=record.get("SalesTaxCodeRef"),
    )


def price_line(line: Record, item: Item | None, warnings: list[str]) -> None:
    """Complete Quantity, Rate and Amount of one line in place.

    Subtotals and percentages are only marked here: `total_lines` computes them from the lines above.
    Raises StatusError when a line without an item carries money.
    """
    given = [tag for tag in ("Quantity", "Rate", "RatePercent", "Amount") if line.get(tag)]
    if item is None:
        if given:
            raise StatusError(3210, f"A line with {given[0]} needs an item: there is no ItemRef.")
    elif item.kind == "Subtotal":
        for tag in given:
            del line[tag]
    elif item.kind in ("Discount", "Payment"):
        _price_reduction(line, item)
    elif line.get("RatePercent") or (item.percent is not None and not (line.get("Rate") or line.get("Amount"))):
        line["RatePercent"] = price_text(Decimal(line.get("RatePercent") or item.percent or 0))
        line.pop("Amount", None)
    else:
        _price_sale(line, item, warnings)


def _price_reduction(line: Record, item: Item) -> None:
    """A discount or a payment is negative, whatever sign was sent."""
    line.pop("Quantity", None)
    amount, rate, percent = line.pop("Amount", ""), line.pop("Rate", ""), line.pop("RatePercent", "")
    if amount:
        line["Amount"] = amount_text(-abs(Decimal(amount)))
    elif percent or (not rate and item.percent is not None):
        line["RatePercent"] = price_text(-abs(Decimal(percent or item.percent or 0)))
    else:
        value = -abs(Decimal(rate or item.price or 0))
        line["Rate"], line["Amount"] = price_text(value), amount_text(value)


def _price_sale(line: Record, item: Item, warnings: list[str]) -> None:
    quantity, rate, amount = (_number(line, tag) for tag in ("Quantity", "Rate", "Amount"))
    if amount is not None and quantity:
        if rate is None or cents(quantity * rate) != amount:
            rate = amount / quantity
    elif amount is not None:
        if rate is not None and rate != amount:
            warnings.append("Rate was ignored because Amount was given without Quantity")
        rate = amount
    else:
        if rate is None:
            rate = item.price or Decimal(0)
        amount = cents(rate * (Decimal(1) if quantity is None else quantity))
    if abs(amount) >= Decimal(10) ** 10:
        raise StatusError(3040, f"The amount {amount} is out of range.")
    line["Rate"], line["Amount"] = price_text(rate), amount_text(amount)
    if quantity is not None:
        line["Quantity"] = quantity_text(quantity)


def _number(line: Record, tag: str) -> Decimal | None:
    return Decimal(line[tag]) if line.get(tag) else None


def total_lines(company: Company, lines: list[Record]) -> Decimal:
    """Compute subtotals, percentages and group totals in place; return the sum of what is sold.

    A subtotal covers what stands above it, up to the subtotal before. A discount or a percentage takes the line just
    above, which may be a subtotal or a group.
    """
    total, since_subtotal, above = Decimal(0), Decimal(0), Decimal(0)
    for line in lines:
        item = item_of(company, line)
        if line["kind"].endswith("Group"):
            amount = total_lines(company, line["lines"])
            line["TotalAmount"] = amount_text(amount)
        elif item is None:
            amount = Decimal(line.get("Amount", "0"))
            if amount == 0:
                continue
        elif item.kind == "Subtotal":
            line["Amount"] = amount_text(since_subtotal)
            since_subtotal, above = Decimal(0), since_subtotal
            continue
        else:
            if line.get("RatePercent"):
                line["Amount"] = amount_text(above * Decimal(line["RatePercent"]) / HUNDRED)
            amount = Decimal(line.get("Amount", "0"))
        total += amount
        since_subtotal += amount
        if item is None or item.kind != "Discount":
            above = amount
    return total


def sold_lines(company: Company, lines: list[Record]) -> Iterator[tuple[Record, Item]]:
    """The lines that carry money of their own, those inside groups included."""
    for line in lines:
        if line["kind"].endswith("Group"):
            yield from sold_lines(company, line["lines"])
            continue
        item = item_of(company, line)
        if item is not None and item.kind not in ("Subtotal", "Payment"):
            yield line, item
