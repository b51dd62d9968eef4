"""Which days does an invoice cover? Billing periods between two invoice days (pure).

Local civil dates; periods are half-open, [start, end). An invoice day of 29 to 31 falls on the last day of a short
month and comes back to the anchor afterwards (billing rules §4.2), so that no day is ever missed or billed twice.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum

INVOICE_HOUR = time(5)
"""When the invoices of an invoice date are prepared, in the connection's own zone (seed: 5 a.m.)."""
FIRST_YEAR, LAST_YEAR = 2000, 2199
"""The years that charges and invoices can be of: software writes 0001-01-01 and 9999-12-31 for no date at all."""


def is_possible(day: date) -> bool:
    """Whether a charge or an invoice can be of this day, with a year before it and one after it."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


class BillingMode(StrEnum):
    """In advance: the invoice of day D covers the period that starts at D. In arrears: the one that ended at D."""

    IN_ADVANCE = "in-advance"
    IN_ARREARS = "in-arrears"


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `start` up to, not including, `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period cannot end on {self.end} when it begins on {self.start}")

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days

    @property
    def last(self) -> date:
        """The last day, for display."""
        return self.end - timedelta(days=1)

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


def invoice_date(year: int, month: int, day: int) -> date:
    """The invoice date of a month: its `day`, or the last day of a shorter month."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def invoice_date_on_or_before(today: date, day: int) -> date:
    """The latest invoice date that has come."""
    this = invoice_date(today.year, today.month, day)
    return this if this <= today else previous_invoice_date(this, day)


def next_invoice_date(current: date, day: int) -> date:
    """The invoice date of the following month."""
    year, month = (current.year + 1, 1) if current.month == 12 else (current.year, current.month + 1)
    return invoice_date(year, month, day)


def next_invoice_dates(today: date, day: int, count: int = 3) -> tuple[date, ...]:
    """The invoice dates from `today` on, today included."""
    first = invoice_date_on_or_before(today, day)
    dates = [first if first == today else next_invoice_date(first, day)]
    while len(dates) < count:
        dates.append(next_invoice_date(dates[-1], day))
    return tuple(dates)


def previous_invoice_date(current: date, day: int) -> date:
    """The invoice date of the month before."""
    year, month = (current.year - 1, 12) if current.month == 1 else (current.year, current.month - 1)
    return invoice_date(year, month, day)


def billed_period(on: date, day: int, mode: BillingMode) -> Period:
    """The period that the invoice dated `on` covers. Raises ValueError when `on` is not an invoice date of `day`."""
    if on != invoice_date(on.year, on.month, day):
        raise ValueError(f"{on} is not an invoice date for day {day}")
    if mode is BillingMode.IN_ADVANCE:
        return Period(on, next_invoice_date(on, day))
    return Period(previous_invoice_date(on, day), on)
