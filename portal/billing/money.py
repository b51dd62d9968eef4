"""Rounding, in one place (pure): half up, away from zero, once a line, on the total."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

CENT = Decimal("0.01")
FIVE_PLACES = Decimal("0.00001")


def to_cents(amount: Decimal) -> Decimal:
    """An amount with exactly two decimals."""
    return amount.quantize(CENT, ROUND_HALF_UP) + 0  # never "-0.00"


@lru_cache(maxsize=4096)
def to_five_places(number: Decimal) -> Decimal:
    """A quantity, rate or cost with at most the five decimals that QuickBooks keeps, without trailing zeros."""
    rounded = number.quantize(FIVE_PLACES, ROUND_HALF_UP).normalize() + 0  # never "-0"
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def in_cents(amount: Decimal) -> int:
    """An amount as a whole number of cents."""
    return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


def from_cents(cents: int) -> Decimal:
    """The amount that so many cents are, with exactly two decimals."""
    return Decimal(cents).scaleb(-2)
