"""Shares of a period and what they cost: exact until the one rounding, and fair however a period is split."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing import rating
from portal.billing.money import to_five_places
from portal.billing.period import Period, invoice_date, next_invoice_date
from portal.billing.rating import (
    Adjustment,
    Arithmetic,
    Rounding,
    Terms,
    change,
    day_of_change,
    explain,
    prorated_amount,
    prorated_quantity,
    prorated_rate,
)
from portal.billing.share import (
    ChangeDay,
    DayCount,
    Grain,
    NaiveTimeError,
    NotANumberError,
    OutsidePeriodError,
    ReversedTimeError,
    Share,
    ShareError,
    Span,
    UncountableError,
    share,
    share_left,
    share_of_time,
    share_used,
    year_of,
)

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
ONE = Decimal(1)
WHOLE_IS_ONE = [DayCount.ACTUAL, DayCount.THIRTY, DayCount.MONTHS]
NEVER_ABOVE = [Rounding.LINE, Rounding.UNIT, Rounding.UNIT_DOWN]


def period(start: str, end: str) -> Period:
    return Period(date.fromisoformat(start), date.fromisoformat(end))


# -- strategies ------------------------------------------------------------------------------------------------------

DAYS = st.dates(date(2024, 1, 1), date(2033, 12, 31))
PRICES = st.decimals("0.00", "99999.99", places=2)
SEATS = st.integers(0, 100_000).map(Decimal)
MONTHS = st.builds(
    lambda year, month, day: Period(
        invoice_date(year, month, day), next_invoice_date(invoice_date(year, month, day), day)
    ),
    st.integers(2024, 2033),
    st.integers(1, 12),
    st.integers(1, 31),
)
YEARS = DAYS.map(lambda first: year_of(first, first))
ANY = st.builds(lambda start, days: Period(start, start + timedelta(days=days)), DAYS, st.integers(3, 800))
WHOLES = st.one_of(MONTHS, YEARS, ANY)
SHARES = st.integers(1, 2_678_400).flatmap(lambda whole: st.integers(0, whole).map(lambda part: Share(part, whole)))


@st.composite
def cuts(draw: st.DrawFn) -> tuple[Period, list[Period]]:
    whole = draw(WHOLES)
    days = draw(st.sets(st.integers(1, whole.days - 1), min_size=1, max_size=6))
    edges = [whole.start, *(whole.start + timedelta(days=day) for day in sorted(days)), whole.end]
    return whole, [Period(start, end) for start, end in itertools.pairwise(edges)]


# -- counting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "counted"),
    [
        (
            "2026-10-01",
            "2026-11-01",
            {"actual": (31, 31), "30/360": (30, 30), "actual/360": (31, 30), "months": (1, 1)},
        ),
        (
            "2026-10-17",
            "2026-11-01",
            {"actual": (15, 31), "30/360": (14, 30), "actual/360": (15, 30), "months": (15, 31)},
        ),
        (
            "2026-10-01",
            "2026-10-31",
            {"actual": (30, 31), "30/360": (30, 30), "actual/360": (30, 30), "months": (30, 31)},
        ),
        ("2026-10-31", "2026-11-01", {"actual": (1, 31), "30/360": (0, 30), "actual/360": (1, 30), "months": (1, 31)}),
    ],
)
def test_four_ways_to_count_the_days_of_a_month(start: str, end: str, counted: dict[str, tuple[int, int]]) -> None:
    for count in DayCount:
        assert share(period(start, end), OCTOBER, count) == Share(*counted[count])


@pytest.mark.parametrize(
    ("part", "published"),
    [
        (period("2027-02-27", "2027-02-28"), 1),
        (period("2027-02-28", "2027-03-01"), 3),
        (period("2027-02-01", "2027-03-01"), 30),
    ],
)
def test_the_last_day_of_february_weighs_what_it_lacks_to_thirty(part: Period, published: int) -> None:
    assert share(part, period("2027-02-01", "2027-03-01"), DayCount.THIRTY) == Share(published, 30)


@pytest.mark.parametrize("day", [28, 29, 30, 31])
def test_a_month_has_thirty_days_on_every_invoice_day(day: int) -> None:
    edges = [invoice_date(2027 + month // 12, month % 12 + 1, day) for month in range(25)]
    for start, end in itertools.pairwise(edges):
        month = Period(start, end)
        assert share(month, month, DayCount.THIRTY) == Share(30, 30)
        assert share(month, month, DayCount.MONTHS) == Share(1, 1)
    both = Period(edges[0], edges[-1])
    for start, end in itertools.pairwise(edges):
        assert share(Period(start, end), both, DayCount.THIRTY).fraction == Fraction(1, 24)
        assert share(Period(start, end), both, DayCount.MONTHS).fraction == Fraction(1, 24)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2027-01-15", "2027-02-15", Fraction(1)),
        ("2027-01-15", "2027-02-10", Fraction(26, 31)),
        ("2027-02-10", "2027-02-15", Fraction(5, 31)),
        ("2027-02-10", "2027-03-01", Fraction(5, 31) + Fraction(14, 28)),
        ("2027-03-20", "2027-04-15", Fraction(26, 31)),
    ],
)
def test_a_begun_month_of_a_quarter_is_split_by_its_own_days(start: str, end: str, months: Fraction) -> None:
    quarter = period("2027-01-15", "2027-04-15")
    assert share(period(start, end), quarter, DayCount.MONTHS).fraction == months / 3


@pytest.mark.parametrize(
    ("first", "day", "start", "end", "days"),
    [
        ("2026-10-12", "2026-10-12", "2026-10-12", "2027-10-12", 365),
        ("2026-10-12", "2028-03-01", "2027-10-12", "2028-10-12", 366),
        ("2026-10-12", "2027-10-11", "2026-10-12", "2027-10-12", 365),
        ("2028-02-29", "2028-12-31", "2028-02-29", "2029-02-28", 365),
        ("2028-02-29", "2029-02-28", "2029-02-28", "2030-02-28", 365),
        ("2028-02-29", "2032-02-28", "2031-02-28", "2032-02-29", 366),
        ("2028-02-29", "2032-02-29", "2032-02-29", "2033-02-28", 365),
    ],
)
def test_a_year_runs_from_anniversary_to_anniversary(first: str, day: str, start: str, end: str, days: int) -> None:
    year = year_of(date.fromisoformat(day), date.fromisoformat(first))
    assert year == period(start, end)
    assert year.days == days


@given(DAYS, st.integers(0, 4000))
def test_every_day_lies_in_exactly_one_year_of_a_subscription(first: date, later: int) -> None:
    day = first + timedelta(days=later)
    year = year_of(day, first)
    assert day in year
    assert year_of(year.end, first).start == year.end
    assert year.days in (365, 366)


def test_the_day_of_a_change_is_new_or_old() -> None:
    on = date(2026, 9, 19)
    assert share_left(on, SEPTEMBER) == Share(12, 30)
    assert share_left(on, SEPTEMBER, change_day=ChangeDay.OLD) == Share(11, 30)
    assert share_used(on, SEPTEMBER) == Share(18, 30)
    assert share_used(on, SEPTEMBER, change_day=ChangeDay.OLD) == Share(19, 30)
    assert share_left(SEPTEMBER.start, SEPTEMBER) == Share(30, 30)
    assert share_left(SEPTEMBER.last, SEPTEMBER, change_day=ChangeDay.OLD) == Share(0, 30)


def test_shares_of_different_wholes_add_up() -> None:
    assert (Share(1, 2) + Share(1, 3)).fraction == Fraction(5, 6)
    assert Share(12, 30) + Share(18, 30) == Share(30, 30)


# -- moments ---------------------------------------------------------------------------------------------------------

HOUR = Span(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("grain", "counted"),
    [
        (Grain.MILLISECOND, Share(1_769_500, 3_600_000)),
        (Grain.SECOND, Share(1770, 3600)),
        (Grain.MINUTE, Share(30, 60)),
    ],
)
def test_time_is_counted_in_pieces(grain: Grain, counted: Share) -> None:
    changed = datetime(2026, 9, 1, 0, 30, 30, 500_000, tzinfo=UTC)
    assert share_of_time(Span(changed, HOUR.end), HOUR, grain) == counted


def test_an_hour_is_an_hour_in_every_time_zone() -> None:
    toronto = timezone(timedelta(hours=-4))
    half = Span(datetime(2026, 8, 31, 20, 30, tzinfo=toronto), datetime(2026, 8, 31, 21, tzinfo=toronto))
    assert share_of_time(half, HOUR) == Share(1800, 3600)


def test_days_and_moments_agree_at_midnight() -> None:
    month = Span(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    rest = Span(datetime(2026, 9, 19, tzinfo=UTC), month.end)
    assert share_of_time(rest, month, Grain.DAY) == share_left(date(2026, 9, 19), SEPTEMBER)
    assert share_of_time(rest, month).fraction == Fraction(12, 30)


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.sampled_from([Grain.SECOND, Grain.MILLISECOND]))
def test_the_times_before_and_after_a_moment_add_up(before: int, after: int, grain: Grain) -> None:
    start = datetime(2026, 9, 1, tzinfo=UTC)
    at = start + timedelta(microseconds=before)
    whole = Span(start, at + timedelta(microseconds=after) + timedelta(seconds=1))
    used, left = share_of_time(Span(start, at), whole, grain), share_of_time(Span(at, whole.end), whole, grain)
    assert (used + left).fraction == 1


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        (period("2026-09-30", "2026-10-15"), OCTOBER),
        (period("2026-10-15", "2026-11-02"), OCTOBER),
        (period("2025-10-15", "2025-10-20"), OCTOBER),
    ],
)
def test_a_part_outside_of_the_whole_is_refused_by_name(part: Period, whole: Period) -> None:
    with pytest.raises(OutsidePeriodError, match=rf"{part.start} to {part.end} .* {whole.start} to {whole.end}"):
        share(part, whole)


def test_a_change_outside_of_the_period_is_refused() -> None:
    for find in (share_left, share_used):
        with pytest.raises(OutsidePeriodError, match="2026-11-01"):
            find(date(2026, 11, 1), OCTOBER)
    with pytest.raises(OutsidePeriodError, match="2026-10-11"):
        year_of(date(2026, 10, 11), date(2026, 10, 12))
    with pytest.raises(OutsidePeriodError, match="02:00"):
        share_of_time(Span(HOUR.start, HOUR.end + timedelta(hours=1)), HOUR)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(UncountableError, match="-1"):
        Share(-1, 30)
    for whole in (0, -30):
        with pytest.raises(UncountableError, match=str(whole)):
            Share(1, whole)
    last_day = period("2026-10-31", "2026-11-01")
    with pytest.raises(UncountableError):
        share(last_day, last_day, DayCount.THIRTY)
    with pytest.raises(UncountableError):
        share_of_time(HOUR, HOUR, Grain.DAY)
    with pytest.raises(NaiveTimeError, match="2026-09-01"):
        Span(datetime(2026, 9, 1), HOUR.end)  # noqa: DTZ001
    with pytest.raises(ReversedTimeError, match="00:00"):
        Span(HOUR.start, HOUR.start)


@pytest.mark.parametrize("bad", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_refused_by_name(bad: str) -> None:
    half = Share(1, 2)
    with pytest.raises(NotANumberError, match=bad):
        prorated_amount(Decimal(bad), ONE, half)
    with pytest.raises(NotANumberError, match=bad):
        prorated_amount(ONE, Decimal(bad), half)
    with pytest.raises(NotANumberError, match=bad):
        prorated_quantity(Decimal(bad), half)
    with pytest.raises(NotANumberError, match=bad):
        prorated_rate(Decimal(bad), half)
    with pytest.raises(NotANumberError, match=bad):
        explain(ONE, half, price=Decimal(bad))
    assert issubclass(NotANumberError, ShareError)
    assert issubclass(ShareError, ValueError)


def test_decimals_below_none_are_refused() -> None:
    with pytest.raises(NotANumberError, match="-1"):
        prorated_amount(ONE, ONE, Share(1, 2), places=-1)
    with pytest.raises(NotANumberError, match="-2"):
        prorated_amount(ONE, ONE, Share(1, 2), Rounding.UNIT, first_places=-2)


# -- rounding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounding", "amount"),
    [(Rounding.LINE, "7.73"), (Rounding.UNIT, "7.74"), (Rounding.UNIT_DOWN, "7.72"), (Rounding.DAILY, "7.54")],
)
def test_every_policy_has_a_sum_of_its_own(rounding: Rounding, amount: str) -> None:
    assert str(prorated_amount(Decimal(4), Decimal(2), Share(29, 30), rounding)) == amount
    assert str(prorated_amount(Decimal(4), Decimal(-2), Share(29, 30), rounding)) == f"-{amount}"


@pytest.mark.parametrize(
    ("price", "places", "amount"),
    [("0.05", 2, "0.03"), ("0.25", 2, "0.13"), ("-0.05", 2, "-0.03"), ("5", 0, "3"), ("0.005", 3, "0.003")],
)
def test_a_half_goes_away_from_zero_at_the_currencys_decimals(price: str, places: int, amount: str) -> None:
    assert str(prorated_amount(Decimal(price), ONE, Share(1, 2), places=places)) == amount


def test_there_is_no_negative_zero() -> None:
    for rounding in Rounding:
        assert str(prorated_amount(Decimal("-0.01"), ONE, Share(1, 31), rounding)) == "0.00"
    assert str(change(Terms(price=ONE, quantity=ONE), Terms(price=ONE, quantity=ONE), Share(0, 31)).credit) == "0.00"


@given(PRICES, SEATS, SHARES)
def test_a_line_is_rounded_once_and_half_up(price: Decimal, seats: Decimal, of: Share) -> None:
    cents = Fraction(price) * Fraction(seats) * of.fraction * 100
    expected = int(cents + Fraction(1, 2))  # the whole part of what is not negative
    assert prorated_amount(price, seats, of) == Decimal(expected).scaleb(-2)
    assert prorated_amount(price, -seats, of) == -Decimal(expected).scaleb(-2)
    assert prorated_amount(-price, seats, of) == -Decimal(expected).scaleb(-2)


@given(PRICES, SEATS, SHARES, st.sampled_from(Rounding), st.integers(0, 4))
def test_an_amount_has_exactly_the_currencys_decimals(
    price: Decimal, seats: Decimal, of: Share, rounding: Rounding, places: int
) -> None:
    amount = prorated_amount(price, seats, of, rounding, places)
    assert amount.as_tuple().exponent == -places
    assert prorated_amount(price, -seats, of, rounding, places) == -amount


@given(PRICES, SEATS, SHARES, st.sampled_from(NEVER_ABOVE))
def test_a_part_costs_between_nothing_and_all(price: Decimal, seats: Decimal, of: Share, rounding: Rounding) -> None:
    assert 0 <= prorated_amount(price, seats, of, rounding) <= price * seats


@given(PRICES, SEATS, st.integers(1, 2_678_400), st.sampled_from(Rounding))
def test_the_whole_costs_its_price(price: Decimal, seats: Decimal, whole: int, rounding: Rounding) -> None:
    assert prorated_amount(price, seats, Share(whole, whole), rounding) == price * seats


@given(PRICES, SEATS, SEATS, SHARES, st.sampled_from(Rounding))
def test_more_seats_never_cost_less(
    price: Decimal, some: Decimal, others: Decimal, of: Share, rounding: Rounding
) -> None:
    few, many = sorted((some, others))
    assert prorated_amount(price, few, of, rounding) <= prorated_amount(price, many, of, rounding)


@given(PRICES, SEATS, st.data(), st.sampled_from(NEVER_ABOVE))
def test_a_longer_part_never_costs_less(
    price: Decimal, seats: Decimal, data: st.DataObject, rounding: Rounding
) -> None:
    whole = data.draw(st.integers(1, 2_678_400))
    short, long = sorted(data.draw(st.tuples(st.integers(0, whole), st.integers(0, whole))))
    cost = [prorated_amount(price, seats, Share(part, whole), rounding) for part in (short, long)]
    assert cost == sorted(cost)


# -- splitting -------------------------------------------------------------------------------------------------------


@given(cuts(), st.sampled_from(DayCount))
def test_the_shares_of_the_pieces_are_the_share_of_the_whole(cut: tuple[Period, list[Period]], count: DayCount) -> None:
    whole, pieces = cut
    try:
        total = share(whole, whole, count)
    except UncountableError:
        assert count in (DayCount.THIRTY, DayCount.ACTUAL_360)
        return
    shares = [share(piece, whole, count) for piece in pieces]
    assert sum(piece.fraction for piece in shares) == total.fraction
    if count in WHOLE_IS_ONE:
        assert total.fraction == 1
        assert all(0 <= piece.fraction <= 1 for piece in shares)


@given(cuts(), PRICES, SEATS)
def test_a_split_period_costs_the_same_within_a_cent_a_piece(
    cut: tuple[Period, list[Period]], price: Decimal, seats: Decimal
) -> None:
    whole, pieces = cut
    amounts = [prorated_amount(price, seats, share(piece, whole)) for piece in pieces]
    assert abs(sum(amounts) - price * seats) <= Decimal("0.01") * len(pieces)


@given(cuts(), SEATS)
def test_the_quantities_of_the_pieces_round_to_the_quantity(cut: tuple[Period, list[Period]], seats: Decimal) -> None:
    whole, pieces = cut
    quantities = [prorated_quantity(seats, share(piece, whole)) for piece in pieces]
    assert to_five_places(sum(quantities, Decimal(0))) == seats


@given(WHOLES, st.data(), st.sampled_from(WHOLE_IS_ONE), st.sampled_from(ChangeDay))
def test_what_is_used_and_what_is_left_are_the_whole(
    whole: Period, data: st.DataObject, count: DayCount, change_day: ChangeDay
) -> None:
    on = whole.start + timedelta(days=data.draw(st.integers(0, whole.days - 1)))
    try:
        used, left = (find(on, whole, count, change_day) for find in (share_used, share_left))
    except UncountableError:
        assert count is DayCount.THIRTY
        return
    assert (used + left).fraction == 1


# -- quantities and rates --------------------------------------------------------------------------------------------


@given(SEATS, PRICES, SHARES)
def test_quantities_and_rates_have_at_most_five_decimals(seats: Decimal, price: Decimal, of: Share) -> None:
    rate = prorated_rate(price, of)
    for number, exact in [
        (to_five_places(prorated_quantity(seats, of)), Fraction(seats) * of.fraction),
        (rate, Fraction(price) * of.fraction),
    ]:
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)
        assert -5 <= exponent <= 0
        assert abs(Fraction(number) - exact) <= Fraction(5, 10**6)


def test_a_quantity_is_carried_with_more_digits_than_it_is_rounded_to() -> None:
    third = prorated_quantity(ONE, Share(1, 3))
    assert len(third.as_tuple().digits) >= 28
    assert to_five_places(third) == Decimal("0.33333")
    assert prorated_quantity(Decimal(3), Share(12, 30)) == Decimal("1.2")
    assert prorated_quantity(Decimal(-3), Share(12, 30)) == Decimal("-1.2")
    assert prorated_rate(Decimal("16.05"), Share(15, 31)) == Decimal("7.76613")


# -- changes ---------------------------------------------------------------------------------------------------------


def terms(price: str, quantity: str) -> Terms:
    return Terms(price=Decimal(price), quantity=Decimal(quantity))


def test_a_change_is_a_credit_a_debit_and_what_remains() -> None:
    made = change(terms("16.05", "12"), terms("16.05", "13"), Share(15, 31))
    assert made == Adjustment(credit=Decimal("-93.19"), debit=Decimal("100.96"))
    assert made.net == Decimal("7.77")


def test_the_day_of_an_addition_and_that_of_a_removal_are_both_billed() -> None:
    few, many, dearer = terms("10", "2"), terms("10", "3"), terms("12", "2")
    assert day_of_change(few, many) is ChangeDay.NEW
    assert day_of_change(many, few) is ChangeDay.OLD
    assert day_of_change(few, dearer) is ChangeDay.NEW
    on = date(2026, 9, 19)
    added = change(few, many, share_left(on, SEPTEMBER, change_day=day_of_change(few, many)))
    removed = change(many, few, share_left(on, SEPTEMBER, change_day=day_of_change(many, few)))
    assert (added.net, removed.net) == (Decimal("4.00"), Decimal("-3.67"))


@given(PRICES, SEATS, PRICES, SEATS, SHARES, st.sampled_from(Rounding))
def test_a_change_and_its_reverse_cost_nothing_together(
    price: Decimal, seats: Decimal, other_price: Decimal, other_seats: Decimal, left: Share, rounding: Rounding
) -> None:
    one, other = Terms(price=price, quantity=seats), Terms(price=other_price, quantity=other_seats)
    there, back = change(one, other, left, rounding), change(other, one, left, rounding)
    assert there.net + back.net == 0
    assert (there.credit, there.debit) == (-back.debit, -back.credit)
    assert there.credit <= 0 <= there.debit
    assert change(one, one, left, rounding).net == 0


@given(WHOLES, st.data(), PRICES, SEATS)
def test_who_cancels_gets_back_what_was_paid_less_what_was_used(
    whole: Period, data: st.DataObject, price: Decimal, seats: Decimal
) -> None:
    on = whole.start + timedelta(days=data.draw(st.integers(0, whole.days - 1)))
    left = share_left(on, whole, change_day=ChangeDay.OLD)
    refund = change(Terms(price=price, quantity=seats), Terms(price=price, quantity=Decimal(0)), left).net
    used = prorated_amount(price, seats, share_used(on, whole, change_day=ChangeDay.OLD))
    assert abs(price * seats + refund - used) <= Decimal("0.01")


# -- arithmetic to show ----------------------------------------------------------------------------------------------


def test_the_arithmetic_is_numbers_for_a_page_to_make_words_of() -> None:
    assert explain(Decimal(3), Share(12, 30)) == Arithmetic(
        quantity=Decimal(3),
        part=12,
        whole=30,
        grain=Grain.DAY,
        count=DayCount.ACTUAL,
        price=None,
        prorated=Decimal("1.2"),
    )
    shown = explain(ONE, Share(881112, 2419200), price=Decimal(10), grain=Grain.SECOND)
    assert (shown.prorated, shown.price, shown.grain) == (Decimal("0.36422"), Decimal(10), Grain.SECOND)


def test_no_float_goes_in_or_comes_out() -> None:
    for function in (prorated_amount, prorated_quantity, prorated_rate, change, explain):
        assert float not in get_type_hints(function).values()
    with pytest.raises((TypeError, AttributeError)):
        prorated_amount(0.1, ONE, Share(1, 2))  # type: ignore[arg-type]


def test_the_callers_decimal_context_does_not_matter() -> None:
    from decimal import localcontext

    with localcontext() as context:
        context.prec = 3
        context.rounding = ROUND_HALF_UP
        assert prorated_amount(Decimal("12345.67"), Decimal(3), Share(17, 31)) == Decimal("20310.62")
    assert rating.Rounding("line") is Rounding.LINE
