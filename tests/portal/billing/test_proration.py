"""What a part of a period costs: eight ways to tick the boxes, two modes, and no day billed twice."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.money import to_five_places
from portal.billing.period import BillingMode, Period, invoice_date, next_invoice_date
from portal.billing.proration import Billed, Change, Proration, bill, classify, rebilled

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
NO_BOX = Proration()
ALL_BOXES = Proration(additions=True, removals=True, partial=True)
EVERY_BOXES = [Proration(additions=a, removals=r, partial=p) for a, r, p in itertools.product((False, True), repeat=3)]
ADVANCE, ARREARS = BillingMode.IN_ADVANCE, BillingMode.IN_ARREARS
TINY = Decimal("1E-15")


def make_charge(kind: ChargeKind = ChargeKind.PRORATED, quantity: str | Decimal = "3", **changes: Any) -> Charge:
    fields: dict[str, Any] = {
        "key": "4f1c",
        "organization": "Studio Lumière",
        "offer_key": "M365-BS",
        "offer_name": "Microsoft 365 Business Standard",
        "kind": kind,
        "cycle": BillingCycle.MONTHLY,
        "quantity": Decimal(quantity),
        "start": date(2026, 10, 17),
        "end": date(2026, 11, 1),
        "unit_cost": Decimal("16.05"),
        "unit_cost_prorated": Decimal("7.77"),
        "amount": Decimal("23.31"),
        "currency": "CAD",
        "is_proratable": True,
    }
    return Charge(**(fields | changes))


def quantity(charge: Charge, boxes: Proration = ALL_BOXES, mode: BillingMode = ARREARS, **more: Any) -> Decimal:
    whole = more.pop("whole", OCTOBER)
    return bill(charge, whole, more.pop("has_whole", True), boxes, mode, **more).quantity


# -- what changed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "has_whole", "change"),
    [
        (ChargeKind.RECURRING, True, Change.WHOLE),
        (ChargeKind.USAGE, True, Change.WHOLE),
        (ChargeKind.ONE_TIME, True, Change.WHOLE),
        (ChargeKind.PRORATED, True, Change.ADDITION),
        (ChargeKind.PRORATED, False, Change.PARTIAL),
        (ChargeKind.CREDIT, True, Change.REMOVAL),
        (ChargeKind.CREDIT, False, Change.REMOVAL),
    ],
)
def test_a_kind_says_what_changed(kind: ChargeKind, has_whole: bool, change: Change) -> None:
    assert classify(make_charge(kind), has_whole) is change


@pytest.mark.parametrize("kind", [ChargeKind.CREDIT, ChargeKind.PRORATED])
def test_both_halves_of_a_rebilling_are_the_change_that_they_make_together(kind: ChargeKind) -> None:
    assert classify(make_charge(kind), True, Decimal(1)) is Change.ADDITION
    assert classify(make_charge(kind), True, Decimal(0)) is Change.ADDITION
    assert classify(make_charge(kind), True, Decimal(-1)) is Change.REMOVAL


def test_a_rebilling_is_a_credit_and_a_new_charge_over_the_same_days() -> None:
    credit, again = make_charge(ChargeKind.CREDIT, "-12"), make_charge(quantity="13")
    other_days = make_charge(ChargeKind.CREDIT, "-2", start=date(2026, 10, 20))
    base = make_charge(ChargeKind.RECURRING, "12")
    key = (1, credit.start, credit.end)
    assert rebilled([(1, credit), (1, again), (1, other_days), (1, base)]) == {key: Decimal(1)}
    assert rebilled([(1, credit), (2, again), (1, base)]) == {}


@pytest.mark.parametrize("number", ["2", "-2"])
def test_a_credit_is_negative_however_the_provider_writes_it(number: str) -> None:
    assert make_charge(ChargeKind.CREDIT, number).signed == -2


# -- the boxes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", BillingMode)
@pytest.mark.parametrize("boxes", EVERY_BOXES, ids=str)
def test_every_combination_of_boxes_in_both_modes(boxes: Proration, mode: BillingMode) -> None:
    part = Decimal(15) / 31
    assert quantity(make_charge(ChargeKind.RECURRING, "12"), boxes, mode) == 12
    assert quantity(make_charge(ChargeKind.USAGE, "96.33333"), boxes, mode) == Decimal("96.33333")
    assert quantity(make_charge(ChargeKind.ONE_TIME, "1"), boxes, mode) == 1
    added = quantity(make_charge(quantity="1"), boxes, mode)
    first = quantity(make_charge(quantity="1"), boxes, mode, has_whole=False)
    removed = quantity(make_charge(ChargeKind.CREDIT, "-1"), boxes, mode)
    assert added == (part if boxes.additions else 1)
    assert first == (part if boxes.partial else 1)
    assert removed == (-part if boxes.removals else 0 if mode is ADVANCE else -1)


@pytest.mark.parametrize("mode", BillingMode)
@pytest.mark.parametrize("boxes", EVERY_BOXES, ids=str)
@pytest.mark.parametrize(("before", "after"), [(12, 13), (12, 12), (12, 10)])
def test_a_rebilling_bills_the_change_alone(boxes: Proration, mode: BillingMode, before: int, after: int) -> None:
    net = Decimal(after - before)
    credited = quantity(make_charge(ChargeKind.CREDIT, str(-before)), boxes, mode, net=net)
    together = credited + quantity(make_charge(quantity=str(after)), boxes, mode, net=net)
    kind = ChargeKind.PRORATED if net > 0 else ChargeKind.CREDIT
    assert abs(together - (quantity(make_charge(kind, net), boxes, mode) if net else 0)) < TINY


def test_the_arithmetic_says_what_was_done() -> None:
    added = bill(make_charge(), OCTOBER, True, ALL_BOXES, ARREARS)
    assert (added.arithmetic, added.change) == ("3 × 15/31", Change.ADDITION)
    assert to_five_places(added.quantity) == Decimal("1.45161")
    credit = make_charge(ChargeKind.CREDIT, "2")
    assert bill(credit, OCTOBER, True, ALL_BOXES, ARREARS).arithmetic == "-2 × 15/31"
    assert bill(credit, OCTOBER, True, NO_BOX, ADVANCE).arithmetic == "-2 × 0"
    assert bill(credit, OCTOBER, True, NO_BOX, ARREARS).arithmetic == "-2"
    usage = make_charge(ChargeKind.USAGE, "1311.7083300")
    assert bill(usage, OCTOBER, True, NO_BOX, ADVANCE) == Billed(
        quantity=Decimal("1311.70833"),
        seats=Decimal("1311.70833"),
        share=None,
        arithmetic="1311.70833",
        change=Change.WHOLE,
    )


@pytest.mark.parametrize("mode", BillingMode)
@pytest.mark.parametrize("boxes", EVERY_BOXES, ids=str)
@pytest.mark.parametrize("kind", [ChargeKind.CREDIT, ChargeKind.PRORATED])
def test_what_is_not_part_of_a_period_counts_in_full(kind: ChargeKind, boxes: Proration, mode: BillingMode) -> None:
    sign = -1 if kind is ChargeKind.CREDIT else 1
    assert quantity(make_charge(kind, start=date(2026, 10, 1)), boxes, mode) == 3 * sign
    assert quantity(make_charge(kind, is_proratable=False), boxes, mode) == 3 * sign
    assert quantity(make_charge(kind, cycle=BillingCycle.ONE_TIME), boxes, mode) == 3 * sign


# -- how long the whole is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "whole", "days", "of_days"),
    [
        (date(2026, 10, 17), date(2026, 11, 1), OCTOBER, 15, 31),
        (date(2026, 10, 1), date(2026, 10, 11), OCTOBER, 10, 31),
        (date(2027, 2, 15), date(2027, 3, 1), Period(date(2027, 2, 1), date(2027, 3, 1)), 14, 28),
        (date(2026, 10, 20), date(2026, 11, 15), Period(date(2026, 10, 15), date(2026, 11, 15)), 26, 31),
        # late: it came with another month
        (date(2026, 9, 16), date(2026, 10, 1), OCTOBER, 15, 30),
        (date(2027, 2, 15), date(2027, 3, 1), Period(date(2027, 3, 1), date(2027, 4, 1)), 14, 28),
        (date(2026, 8, 1), date(2026, 8, 11), OCTOBER, 10, 31),
        # a subscription month from the 15th to the 14th, in a delivery by calendar month
        (date(2026, 9, 20), date(2026, 10, 15), OCTOBER, 25, 30),
        (date(2026, 9, 15), date(2026, 10, 15), OCTOBER, 30, 30),
        (date(2027, 1, 30), date(2027, 2, 28), Period(date(2027, 2, 1), date(2027, 3, 1)), 29, 29),
        # a delivery of three months
        (date(2026, 10, 17), date(2026, 11, 1), Period(date(2026, 10, 1), date(2027, 1, 1)), 15, 31),
    ],
)
def test_a_month_has_its_own_days(start: date, end: date, whole: Period, days: int, of_days: int) -> None:
    billed = bill(make_charge(quantity="1", start=start, end=end), whole, True, ALL_BOXES, ARREARS)
    assert billed.quantity == Decimal(days) / of_days
    assert billed.arithmetic == ("1" if days == of_days else f"1 × {days}/{of_days}")


@pytest.mark.parametrize(
    ("start", "end", "days", "of_days"),
    [
        (date(2026, 10, 17), date(2027, 6, 15), 241, 365),
        (date(2027, 10, 17), date(2028, 6, 15), 242, 366),
        (date(2026, 10, 12), date(2027, 10, 12), 365, 365),
        (date(2027, 10, 12), date(2028, 10, 12), 366, 366),
        (date(2028, 2, 29), date(2029, 2, 28), 365, 365),
        (date(2027, 6, 15), date(2028, 2, 29), 259, 366),
        (date(2026, 10, 1), date(2026, 11, 1), 31, 365),
    ],
)
def test_a_year_has_365_or_366_days(start: date, end: date, days: int, of_days: int) -> None:
    yearly = make_charge(quantity="1", start=start, end=end, cycle=BillingCycle.YEARLY)
    billed = bill(yearly, OCTOBER, True, ALL_BOXES, ARREARS)
    assert billed.quantity == Decimal(days) / of_days


# -- properties ------------------------------------------------------------------------------------------------------

MONTHS = st.builds(
    lambda year, month, day: Period(
        invoice_date(year, month, day), next_invoice_date(invoice_date(year, month, day), day)
    ),
    st.integers(2024, 2033),
    st.integers(1, 12),
    st.integers(1, 31),
)
SEATS = st.integers(1, 100_000).map(Decimal)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[Period, list[date]]:
    whole = draw(MONTHS)
    days = draw(st.sets(st.integers(1, whole.days - 1), min_size=1, max_size=6))
    return whole, [whole.start, *(whole.start + timedelta(days=day) for day in sorted(days)), whole.end]


@given(cuts(), SEATS, st.sampled_from([BillingCycle.MONTHLY]), st.booleans())
def test_the_parts_of_a_period_add_up_to_the_whole(
    cut: tuple[Period, list[date]], seats: Decimal, cycle: BillingCycle, has_whole: bool
) -> None:
    whole, days = cut
    parts = [
        quantity(make_charge(quantity=seats, start=start, end=end, cycle=cycle), whole=whole, has_whole=has_whole)
        for start, end in itertools.pairwise(days)
    ]
    assert abs(sum(parts) - seats) < TINY * seats
    assert to_five_places(sum(parts, Decimal(0))) == seats


@given(MONTHS, st.data(), SEATS, st.sampled_from(EVERY_BOXES), st.sampled_from(BillingMode))
def test_a_seat_that_comes_and_goes_the_same_day_of_a_prorated_month_costs_nothing(
    whole: Period, data: st.DataObject, seats: Decimal, boxes: Proration, mode: BillingMode
) -> None:
    start = whole.start + timedelta(days=data.draw(st.integers(1, whole.days - 1)))
    added = make_charge(quantity=seats, start=start, end=whole.end)
    removed = make_charge(ChargeKind.CREDIT, -seats, start=start, end=whole.end)
    billed, credited = (quantity(charge, boxes, mode, whole=whole) for charge in (added, removed))
    if boxes.additions and boxes.removals:
        assert billed == -credited
    assert abs(credited) <= seats
    assert 0 < billed <= seats


@given(MONTHS, st.data(), SEATS)
def test_more_days_never_cost_less(whole: Period, data: st.DataObject, seats: Decimal) -> None:
    first, second = sorted(data.draw(st.tuples(st.integers(1, whole.days), st.integers(1, whole.days))))
    few, many = (
        quantity(make_charge(quantity=seats, start=whole.end - timedelta(days=days), end=whole.end), whole=whole)
        for days in (first, second)
    )
    assert 0 < few <= many <= seats


@given(MONTHS, st.data(), SEATS, st.integers(1, 50))
def test_who_removes_seats_pays_for_the_days_until_then(
    whole: Period, data: st.DataObject, seats: Decimal, removed: int
) -> None:
    day = data.draw(st.integers(1, whole.days - 1))
    base = make_charge(ChargeKind.RECURRING, seats, start=whole.start, end=whole.end)
    credit = make_charge(ChargeKind.CREDIT, str(-removed), start=whole.start + timedelta(days=day), end=whole.end)
    seat_days = (quantity(base, whole=whole) + quantity(credit, whole=whole)) * whole.days
    assert abs(seat_days - (seats * whole.days - removed * (whole.days - day))) < TINY * seats * whole.days


@given(st.dates(date(2024, 1, 1), date(2033, 12, 31)), st.integers(1, 365), SEATS)
def test_any_part_of_a_year_is_at_most_the_year(start: date, days: int, seats: Decimal) -> None:
    charge = make_charge(quantity=seats, start=start, end=start + timedelta(days=days), cycle=BillingCycle.YEARLY)
    assert 0 < quantity(charge) <= seats
