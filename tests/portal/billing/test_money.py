"""Rounding is half up, away from zero, the same for a credit as for a charge."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.money import CENT, FIVE_PLACES, to_cents, to_five_places

NUMBERS = st.decimals(min_value=-(10**10) + 1, max_value=10**10 - 1, allow_nan=False, places=9)


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("2.004999", "2.00"),
        ("2.005", "2.01"),
        ("2.015", "2.02"),
        ("2.025", "2.03"),
        ("-2.005", "-2.01"),
        ("-2.025", "-2.03"),
        ("0.00499", "0.00"),
        ("7", "7.00"),
        ("1E+3", "1000.00"),
    ],
)
def test_a_half_cent_goes_away_from_zero(amount: str, cents: str) -> None:
    assert str(to_cents(Decimal(amount))) == cents


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("5.806451612903", "5.80645"),
        ("0.000005", "0.00001"),
        ("-0.000005", "-0.00001"),
        ("1.500000", "1.5"),
        ("1E+2", "100"),
        ("100.00", "100"),
        ("0.00", "0"),
        ("1311.70833", "1311.70833"),
    ],
)
def test_a_quantity_has_at_most_five_decimals_and_no_trailing_zeros(number: str, shown: str) -> None:
    assert str(to_five_places(Decimal(number))) == shown


def test_nothing_is_ever_minus_zero() -> None:
    assert str(to_cents(Decimal("-0.004"))) == "0.00"
    assert str(to_five_places(Decimal("-0.000001"))) == "0"


@given(NUMBERS)
def test_a_credit_is_as_large_as_the_charge(number: Decimal) -> None:
    assert to_cents(-number) == -to_cents(number)
    assert to_five_places(-number) == -to_five_places(number)


@given(NUMBERS)
def test_rounding_moves_by_half_a_step_at_most_and_once(number: Decimal) -> None:
    assert abs(to_cents(number) - number) <= CENT / 2
    assert abs(to_five_places(number) - number) <= FIVE_PLACES / 2
    assert to_cents(to_cents(number)) == to_cents(number)
    assert to_five_places(to_five_places(number)) == to_five_places(number)


@given(NUMBERS, NUMBERS)
def test_rounding_keeps_the_order(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    assert to_cents(low) <= to_cents(high)
    assert to_five_places(low) <= to_five_places(high)


@given(NUMBERS)
def test_a_quantity_is_written_the_way_quickbooks_reads_it(number: Decimal) -> None:
    assert re.fullmatch(r"-?\d{1,10}(\.\d{1,5})?", f"{to_five_places(number):f}")
    assert re.fullmatch(r"-?\d{1,11}\.\d\d", str(to_cents(number)))
