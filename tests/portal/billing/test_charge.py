"""A charge refuses what cannot be, and keeps the rest as it came."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.charge import (
    BillingCycle,
    BlankFieldError,
    Charge,
    ChargeError,
    ChargeKind,
    NotANumberError,
    ReversedPeriodError,
    UnknownCurrencyError,
)


def make_charge(**changes: Any) -> Charge:
    fields: dict[str, Any] = {
        "key": "4f1c",
        "organization": "Studio Lumière",
        "offer_key": "M365-BS",
        "offer_name": "Microsoft 365 Business Standard",
        "kind": ChargeKind.RECURRING,
        "cycle": BillingCycle.MONTHLY,
        "quantity": Decimal(3),
        "start": date(2026, 10, 1),
        "end": date(2026, 11, 1),
        "unit_cost": Decimal("16.05"),
        "unit_cost_prorated": Decimal("16.05"),
        "amount": Decimal("48.15"),
        "currency": "CAD",
        "is_proratable": True,
    }
    return Charge(**(fields | changes))


def test_a_charge_is_a_value() -> None:
    assert make_charge() == make_charge()
    assert hash(make_charge()) == hash(make_charge())
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_charge().amount = Decimal(0)  # type: ignore[misc]


def test_a_period_of_one_day_is_allowed() -> None:
    assert make_charge(start=date(2026, 10, 8), end=date(2026, 10, 9)).end == date(2026, 10, 9)


@pytest.mark.parametrize("end", [date(2026, 10, 1), date(2026, 9, 30)])
def test_a_period_that_does_not_last_a_day_is_refused(end: date) -> None:
    with pytest.raises(ReversedPeriodError, match=f"ends on {end}, which is not after its start on 2026-10-01"):
        make_charge(end=end)


@pytest.mark.parametrize("currency", ["", "CA", "cad", "CADS", "C4D", "CAD\n", "ČAD"])
def test_a_currency_that_is_not_three_capital_letters_is_refused(currency: str) -> None:
    with pytest.raises(UnknownCurrencyError, match="three capital letters"):
        make_charge(currency=currency)


@pytest.mark.parametrize("field", ["quantity", "unit_cost", "unit_cost_prorated", "amount"])
@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_refused_by_name(field: str, number: str) -> None:
    with pytest.raises(NotANumberError, match=f"^{field} is {number}, not a number$"):
        make_charge(**{field: Decimal(number)})


@pytest.mark.parametrize("field", ["key", "organization", "offer_key", "offer_name"])
def test_an_empty_name_is_refused(field: str) -> None:
    with pytest.raises(BlankFieldError, match=f"^{field} is empty$"):
        make_charge(**{field: "  "})


def test_every_refusal_is_a_value_error() -> None:
    for error in (BlankFieldError, NotANumberError, ReversedPeriodError, UnknownCurrencyError):
        assert issubclass(error, ChargeError)
        assert issubclass(error, ValueError)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_are_kept_digit_by_digit(number: Decimal) -> None:
    charge = make_charge(quantity=number, amount=number, unit_cost=number, unit_cost_prorated=number)
    assert {str(charge.quantity), str(charge.amount), str(charge.unit_cost), str(charge.unit_cost_prorated)} == {
        str(number)
    }
