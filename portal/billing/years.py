"""Calendar and fiscal years: which days they have (pure)."""

from __future__ import annotations

from datetime import date

from portal.billing.period import FIRST_YEAR, LAST_YEAR, Period

JANUARY = 1


def year_of(begins: int, first_month: int = JANUARY) -> Period:
    """The year that begins in the calendar year `begins`, on the first day of `first_month`."""
    return Period(date(begins, first_month, 1), date(begins + 1, first_month, 1))


def year_with(day: date, first_month: int = JANUARY) -> int:
    """The calendar year in which the year begins that has this day."""
    return day.year if day.month >= first_month else day.year - 1


def years_between(first: date, last: date, first_month: int = JANUARY) -> tuple[int, ...]:
    """The years that have any day from `first` to `last`, newest first, each by the calendar year it begins in."""
    begin = max(FIRST_YEAR, year_with(first, first_month))
    end = min(LAST_YEAR, year_with(last, first_month))
    return tuple(range(end, begin - 1, -1))
