"""What a row must come to by Microsoft's formulas, and what a unit costs in it."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
_PLACES = Decimal("1E-10")
LIMIT = Decimal(10) ** 13  # an amount of qbXML has 13 digits before the point


def expected_subtotal(unit_price: Decimal, rate: Decimal, quantity: Decimal, *, is_metered: bool = False) -> Decimal:
    """The subtotal by Microsoft's formulas, from the effective unit price and the rate to the billing currency.

    Licences: the unit price is converted and cut to the cent, then multiplied. Usage: the product is cut to the cent,
    then converted and cut again. To cut is to round towards zero.
    """
    if is_metered:
        return _cut(_cut(unit_price * quantity) * rate)
    return _cut(unit_price * rate) * quantity


def _cut(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_DOWN)


def unit_price(subtotal: Decimal, quantity: Decimal, otherwise: Decimal) -> Decimal:
    """What a unit costs for the days of a row: what is paid, divided by the units."""
    exact = subtotal / quantity if quantity else otherwise
    return neat(exact if abs(exact) < LIMIT else otherwise)


def neat(number: Decimal) -> Decimal:
    """A number with at most ten decimals, and those that it came with when they are fewer."""
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and 0 >= exponent >= -5:
        return number + 0
    rounded = f"{number.quantize(_PLACES, ROUND_HALF_UP):f}".rstrip("0").rstrip(".")
    return Decimal(rounded) + 0
