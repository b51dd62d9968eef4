"""Which share of a period is a part of it? Counting days, months or seconds, exactly (pure).

Every way to count is a position on a line of whole numbers or fractions: a part is the distance between two positions,
so that the parts of a split period add up to the whole, whatever the months are long. Nothing is rounded here; money
and quantities are in `portal.billing.rating`.

Who counts how (each is checked by published examples in `test_published`): actual days over the actual days of the
period is what most do, the default; 30/360 is Zuora's strict option, Kill Bill's fixed days and Certinia's 30 days a
month; actual/360 is Zuora's other one; equal months are Dynamics' and Oracle's; seconds are Stripe's, minutes Paddle's.

    ShareError (ValueError)
    ├── OutsidePeriodError   a part or a day that does not lie in the whole period
    ├── ReversedTimeError    a span of time that ends before it has begun
    ├── NaiveTimeError       a moment without a time zone
    ├── UncountableError     a part below nothing, or a whole of nothing
    └── NotANumberError      NaN or infinite, or decimals below none (raised in `portal.billing.rating`)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from portal.billing.period import Period, invoice_date

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ShareError(ValueError):
    """A share that cannot be; the text names the values."""


class OutsidePeriodError(ShareError):
    """A part or a day does not lie in the whole period."""


class ReversedTimeError(ShareError):
    """A span of time ends before it has begun."""


class NaiveTimeError(ShareError):
    """A moment has no time zone, so that nobody knows when it was."""


class UncountableError(ShareError):
    """A part below nothing, or a whole of nothing."""


class NotANumberError(ShareError):
    """A price or a quantity is NaN or infinite, or the decimals to keep are below none."""


class DayCount(StrEnum):
    """How civil days are counted."""

    ACTUAL = "actual"
    """Actual days over the actual days of the period: 28 to 31 for a month, 365 or 366 for a year."""
    THIRTY = "30/360"
    """Every month has 30 days, a year 360. The 31st weighs nothing, as in Kill Bill: else the 1st to the 30th of a long
    month were 29 days. The last day of February weighs what it lacks to 30."""
    ACTUAL_360 = "actual/360"
    """Actual days over 30 a month: a month of 31 days is more than whole, February less."""
    MONTHS = "months"
    """Every month of the period weighs the same; a begun month is split by its own days. Months run from the period's
    first day. For a period of one month it is the same as `ACTUAL`."""


class Grain(StrEnum):
    """The smallest piece of time that is told apart."""

    DAY = "day"
    MINUTE = "minute"
    SECOND = "second"
    MILLISECOND = "millisecond"


_TICKS = {
    Grain.DAY: timedelta(days=1),
    Grain.MINUTE: timedelta(minutes=1),
    Grain.SECOND: timedelta(seconds=1),
    Grain.MILLISECOND: timedelta(milliseconds=1),
}


class ChangeDay(StrEnum):
    """To which side of a change its day belongs."""

    NEW = "new"
    """The day of the change counts as new: an added seat is billed on its first day."""
    OLD = "old"
    """The day of the change counts as old: a removed seat is billed on its last day, credited from the next."""


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`, in days, seconds or other equal pieces; not reduced, so that people see 12/30 and not 2/5.

    Raises UncountableError.
    """

    part: int
    whole: int

    def __post_init__(self) -> None:
        if self.whole <= 0:
            raise UncountableError(f"a share of {self.whole} pieces: the whole has to have at least one")
        if self.part < 0:
            raise UncountableError(f"a share of {self.part} out of {self.whole} pieces is below nothing")

    @property
    def fraction(self) -> Fraction:
        """The exact number; shares of one size may be written differently, so compare these."""
        return Fraction(self.part, self.whole)

    def __add__(self, other: Share) -> Share:
        whole = math.lcm(self.whole, other.whole)
        return Share(self.part * (whole // self.whole) + other.part * (whole // other.whole), whole)


@dataclass(frozen=True, slots=True)
class Span:
    """The time from `start` up to, not including, `end`; both aware. Raises NaiveTimeError, ReversedTimeError."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for moment in (self.start, self.end):
            if moment.utcoffset() is None:
                raise NaiveTimeError(f"{moment} has no time zone")
        if self.end <= self.start:
            raise ReversedTimeError(f"a span of time cannot end at {self.end} when it begins at {self.start}")


def share(part: Period, whole: Period, count: DayCount = DayCount.ACTUAL) -> Share:
    """The share of `whole` that `part` is.

    Raises OutsidePeriodError, and UncountableError when the whole weighs nothing (the 31st alone, counted 30/360).
    """
    if part.start < whole.start or part.end > whole.end:
        raise OutsidePeriodError(
            f"{part.start} to {part.end} does not lie in the period from {whole.start} to {whole.end}"
        )
    return _between(part.start, part.end, whole, count)


def share_of_time(part: Span, whole: Span, grain: Grain = Grain.SECOND) -> Share:
    """The share of `whole` that `part` is, in pieces of `grain`; a begun piece belongs to what comes after.

    Days are those of UTC. Raises OutsidePeriodError, and UncountableError when the whole is shorter than a piece.
    """
    if part.start < whole.start or part.end > whole.end:
        raise OutsidePeriodError(f"{part.start} to {part.end} does not lie between {whole.start} and {whole.end}")
    tick = _TICKS[grain]
    start, end, first, last = ((moment - _EPOCH) // tick for moment in (part.start, part.end, whole.start, whole.end))
    return Share(end - start, last - first)


def share_left(
    on: date, whole: Period, count: DayCount = DayCount.ACTUAL, change_day: ChangeDay = ChangeDay.NEW
) -> Share:
    """The share of a period that is left for what is new when something changes on a day of it.

    Nothing may be left: on the last day, when it counts as old. Raises OutsidePeriodError, UncountableError.
    """
    return _between(_boundary(on, whole, change_day), whole.end, whole, count)


def share_used(
    on: date, whole: Period, count: DayCount = DayCount.ACTUAL, change_day: ChangeDay = ChangeDay.NEW
) -> Share:
    """The share of a period that the old has used up by then: the whole less `share_left`, exactly."""
    return _between(whole.start, _boundary(on, whole, change_day), whole, count)


def year_of(day: date, first: date) -> Period:
    """The year of a yearly subscription, begun on `first`, that a day lies in: 365 or 366 days.

    A subscription begun on 29 February has its anniversary on the 28th in other years and comes back to the 29th.
    Raises OutsidePeriodError for a day before the first.
    """
    if day < first:
        raise OutsidePeriodError(f"{day} is before the first day of the subscription, {first}")
    year = day.year if invoice_date(day.year, first.month, first.day) <= day else day.year - 1
    return Period(
        invoice_date(year, first.month, first.day),
        invoice_date(year + 1, first.month, first.day),
    )


def _boundary(on: date, whole: Period, change_day: ChangeDay) -> date:
    if on not in whole:
        raise OutsidePeriodError(f"{on} does not lie in the period from {whole.start} to {whole.end}")
    return on if change_day is ChangeDay.NEW else on + timedelta(days=1)


def _between(start: date, end: date, whole: Period, count: DayCount) -> Share:
    """`start` and `end` lie in `whole` and may be the same day."""
    if count is DayCount.ACTUAL:
        return Share((end - start).days, whole.days)
    anchor = _anchor(whole)
    if count is DayCount.MONTHS:
        part = _months(end, whole.start, anchor) - _months(start, whole.start, anchor)
        of = _months(whole.end, whole.start, anchor)
        pieces = math.lcm(part.denominator, of.denominator)
        return Share(int(part * pieces), int(of * pieces))
    days = (end - start).days if count is DayCount.ACTUAL_360 else _thirty(end, anchor) - _thirty(start, anchor)
    return Share(days, _thirty(whole.end, anchor) - _thirty(whole.start, anchor))


def _anchor(whole: Period) -> int:
    """The billing day of a period: the greater of its days of the month where the smaller is only a short month's."""
    anchor = max(whole.start.day, whole.end.day)
    is_anchor = all(day == invoice_date(day.year, day.month, anchor) for day in (whole.start, whole.end))
    return anchor if is_anchor else whole.start.day


def _thirty(day: date, anchor: int) -> int:
    """The 31st and the 1st after it are at one place; the invoice day of a short month is where it would have been."""
    nominal = anchor if day == invoice_date(day.year, day.month, anchor) else day.day
    return 360 * day.year + 30 * day.month + nominal


def _months(day: date, start: date, anchor: int) -> Fraction:
    """How many months of the billing day `anchor` a day is after `start`, a begun one split by its own days."""
    months = 12 * (day.year - start.year) + day.month - start.month
    if _month(start, months, anchor) > day:
        months -= 1
    begin, end = _month(start, months, anchor), _month(start, months + 1, anchor)
    return months + Fraction((day - begin).days, (end - begin).days)


def _month(start: date, months: int, anchor: int) -> date:
    year, month = divmod(12 * start.year + start.month - 1 + months, 12)
    return invoice_date(year, month + 1, anchor)
