"""Periods follow one another without a gap or a day twice, whatever the invoice day."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.period import (
    BillingMode,
    Period,
    billed_period,
    invoice_date,
    invoice_date_on_or_before,
    next_invoice_date,
    previous_invoice_date,
)

DAYS = st.integers(1, 31)
DATES = st.dates(date(1999, 1, 1), date(2101, 12, 31))
EVERY_DAY = range(1, 32)


def follow(first: date, day: int, months: int) -> list[date]:
    dates = [first]
    for _ in range(months):
        dates.append(next_invoice_date(dates[-1], day))
    return dates


@pytest.mark.parametrize(
    ("day", "ends"),
    [
        (28, [28] * 12),
        (29, [29, 28, 29, 29, 29, 29, 29, 29, 29, 29, 29, 29]),
        (30, [30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30]),
        (31, [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]),
    ],
)
def test_day_29_to_31_is_the_last_day_of_a_short_month_and_comes_back(day: int, ends: list[int]) -> None:
    dates = follow(invoice_date(2027, 1, day), day, 12)
    assert [one.day for one in dates[:12]] == ends
    assert [one.month for one in dates] == [*range(1, 13), 1]
    assert dates[12] == date(2028, 1, day)


def test_february_of_a_leap_year_has_its_29th() -> None:
    assert [invoice_date(2028, 2, day).day for day in (28, 29, 30, 31)] == [28, 29, 29, 29]


@pytest.mark.parametrize("day", [0, -1])
def test_there_is_no_day_before_the_first(day: int) -> None:
    with pytest.raises(ValueError, match="day"):
        invoice_date(2026, 10, day)


@pytest.mark.parametrize("mode", BillingMode)
@pytest.mark.parametrize("day", EVERY_DAY)
def test_periods_tile_the_calendar(day: int, mode: BillingMode) -> None:
    dates = follow(invoice_date(2023, 12, day), day, 12 * 9)  # leap years 2024, 2028 and 2032 in between
    periods = [billed_period(on, day, mode) for on in dates]
    for earlier, later in itertools.pairwise(periods):
        assert earlier.end == later.start
    assert all(28 <= period.days <= 31 for period in periods)
    assert sum(period.days for period in periods) == (periods[-1].end - periods[0].start).days


@given(DATES, DAYS)
def test_every_day_is_in_exactly_one_period_of_a_mode(today: date, day: int) -> None:
    around = [previous_invoice_date(today, day), invoice_date(today.year, today.month, day)]
    around = [previous_invoice_date(around[0], day), *around, next_invoice_date(today, day)]
    around.append(next_invoice_date(around[-1], day))
    for mode in BillingMode:
        assert sum(today in billed_period(on, day, mode) for on in around) == 1


@given(DATES, DAYS)
def test_the_month_before_undoes_the_month_after(today: date, day: int) -> None:
    on = invoice_date(today.year, today.month, day)
    assert previous_invoice_date(next_invoice_date(on, day), day) == on
    assert next_invoice_date(previous_invoice_date(on, day), day) == on


@given(DATES, DAYS)
def test_what_is_billed_in_advance_is_billed_in_arrears_at_the_next_date(today: date, day: int) -> None:
    on = invoice_date(today.year, today.month, day)
    ahead = billed_period(on, day, BillingMode.IN_ADVANCE)
    assert ahead.start == on
    assert billed_period(ahead.end, day, BillingMode.IN_ARREARS) == ahead


@given(DATES, DAYS)
def test_the_latest_invoice_date_has_come_and_the_next_has_not(today: date, day: int) -> None:
    latest = invoice_date_on_or_before(today, day)
    assert latest <= today < next_invoice_date(latest, day)
    assert latest == invoice_date(latest.year, latest.month, day)


def test_on_the_invoice_date_itself_it_has_come() -> None:
    assert invoice_date_on_or_before(date(2026, 11, 30), 31) == date(2026, 11, 30)
    assert invoice_date_on_or_before(date(2026, 11, 29), 31) == date(2026, 10, 31)
    assert invoice_date_on_or_before(date(2027, 1, 4), 5) == date(2026, 12, 5)


@pytest.mark.parametrize("mode", BillingMode)
def test_a_date_that_is_no_invoice_date_is_refused(mode: BillingMode) -> None:
    with pytest.raises(ValueError, match="2026-10-30 is not an invoice date for day 31"):
        billed_period(date(2026, 10, 30), 31, mode)


@pytest.mark.parametrize("end", [date(2026, 10, 1), date(2026, 9, 30)])
def test_a_period_lasts_a_day_at_least(end: date) -> None:
    with pytest.raises(ValueError, match=f"cannot end on {end}"):
        Period(date(2026, 10, 1), end)


@given(DATES, st.integers(1, 400))
def test_a_period_has_its_first_and_last_day_and_no_other_neighbour(start: date, days: int) -> None:
    period = Period(start, start + timedelta(days=days))
    assert period.days == days
    assert start in period
    assert period.last in period
    assert period.end not in period
    assert start - timedelta(days=1) not in period
