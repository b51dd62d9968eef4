"""At which hours of the week the Web Connector usually calls, learned week by week, and what it misses (pure).

A QuickBooks computer is off at night and on week-ends, so a time without calls says little by itself: what counts are
the hours in which it did call in most of the weeks before. They are hours on the connection's own clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

HOURS = 7 * 24
WEEKS = 4
FEWEST_WEEKS = 2
"""Fewer weeks are no rhythm yet."""
OFTEN = 21
"""Calls in so many hours of a week, or more: three missed ones are enough; else two."""
PATIENCE = timedelta(days=3)
"""Without a rhythm yet: a week-end, and a little more."""
PATIENCE_BY_HAND = timedelta(days=35)
"""Where it never calls at the same hours: a person does it, once a month at the least, to bill."""
_ALL = (1 << (WEEKS + 1)) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """For each hour of the week from Monday 00:00 on, the weeks in which it called: bit n is n weeks before `week`.

    `first_week` is the week in which the learning began, which may have been in its middle.
    """

    first_week: int
    week: int
    hours: tuple[int, ...]


def note_call(rhythm: Rhythm | None, at: datetime, time_zone: str) -> Rhythm:
    """The rhythm with a call at this moment. One from before what is known changes nothing."""
    week, hour = _place(at, time_zone)
    if rhythm is None:
        rhythm = Rhythm(first_week=week, week=week, hours=(0,) * HOURS)
    passed = week - rhythm.week
    if passed < 0:
        return rhythm
    shifted = tuple((bits << passed) & _ALL for bits in rhythm.hours) if passed <= WEEKS else (0,) * HOURS
    hours = (*shifted[:hour], shifted[hour] | 1, *shifted[hour + 1 :])
    return Rhythm(first_week=rhythm.first_week, week=week, hours=hours)


def is_overdue(rhythm: Rhythm | None, last_call_at: datetime, now: datetime, time_zone: str) -> bool:
    """Whether the Web Connector should have called again by now."""
    silent = now - last_call_at
    if silent < timedelta(hours=1):
        return False
    # As it was when it called last: a computer that stays off does not make its silence the rule.
    if rhythm is None or _weeks_known(rhythm, rhythm.week) < FEWEST_WEEKS:
        return silent > PATIENCE
    usual = sum(_is_usual(rhythm, rhythm.week, hour) for hour in range(HOURS))
    if not usual:
        return silent > PATIENCE_BY_HAND
    most = 3 if usual >= OFTEN else 2
    return count_missed(rhythm, last_call_at, now, time_zone, most) >= most


def count_missed(rhythm: Rhythm, last_call_at: datetime, now: datetime, time_zone: str, most: int = HOURS) -> int:
    """The whole hours since the last call in which it usually calls, and did not; no further than `most`."""
    missed, at, end = 0, last_call_at + timedelta(hours=1), _place(now, time_zone)
    last = min(now, last_call_at + timedelta(hours=WEEKS * HOURS))
    while at <= last and missed < most:
        here = _place(at, time_zone)
        if here == end:
            break
        missed += _is_usual(rhythm, rhythm.week, here[1])
        at += timedelta(hours=1)
    return missed


def _weeks_known(rhythm: Rhythm, week: int) -> int:
    return min(WEEKS, week - rhythm.first_week)


def _is_usual(rhythm: Rhythm, week: int, hour: int) -> bool:
    """Whether it called at this hour in most of the weeks that are known: four, this one aside while it lasts."""
    known = _weeks_known(rhythm, week)
    before = rhythm.hours[hour] >> 1
    return known > 0 and 2 * (before & ((1 << known) - 1)).bit_count() > known


def _place(at: datetime, time_zone: str) -> tuple[int, int]:
    """The week, counted from a Monday, and the hour in it."""
    local = at.astimezone(ZoneInfo(time_zone))
    week, day = divmod(local.date().toordinal() - 1, 7)
    return week, day * 24 + local.hour
