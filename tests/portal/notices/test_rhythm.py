"""The rhythm of calls: learned from weeks, with nights, week-ends and both changes of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.notices.rhythm import HOURS, PATIENCE, PATIENCE_BY_HAND, Rhythm, count_missed, is_overdue, note_call

ZONE = "America/Toronto"
MONDAY = datetime(2026, 9, 7, tzinfo=ZoneInfo(ZONE))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at_office(local: datetime) -> bool:
    return local.weekday() < 5 and 8 <= local.hour < 18


def always(local: datetime) -> bool:
    return True


def nightly(local: datetime) -> bool:
    return local.hour == 2


def calls(since: datetime, days: float, rule: Callable[[datetime], bool]) -> Iterator[datetime]:
    """A call in each hour that the rule allows, some minutes past it."""
    at = since.astimezone(UTC) + timedelta(minutes=7)
    while at < since.astimezone(UTC) + days * DAY:
        if rule(at.astimezone(ZoneInfo(ZONE))):
            yield at
        at += HOUR


def learned(moments: Iterator[datetime]) -> tuple[Rhythm, datetime]:
    rhythm, last = None, None
    for last in moments:
        rhythm = note_call(rhythm, last, ZONE)
    assert rhythm is not None
    assert last is not None
    return rhythm, last


@pytest.mark.parametrize("rule", [at_office, always, nightly])
def test_who_keeps_the_rhythm_is_never_overdue(rule: Callable[[datetime], bool]) -> None:
    """Ten weeks, over the night in which the clock goes back, looked at every quarter of an hour."""
    rhythm, last = learned(calls(MONDAY, 28, rule))
    start = MONDAY + 28 * DAY
    coming = calls(start, 42, rule)
    following = next(coming)
    now = start.astimezone(UTC)
    while now < start.astimezone(UTC) + 41 * DAY:
        if following is not None and now >= following:
            rhythm, last = note_call(rhythm, following, ZONE), following
            following = next(coming, None)
        assert not is_overdue(rhythm, last, now, ZONE), now
        now += timedelta(minutes=15)


@pytest.mark.parametrize(
    ("rule", "stops", "told"),
    [
        (at_office, "2026-10-07T10:30", "2026-10-07T14:00"),  # within the working day
        (at_office, "2026-10-09T17:30", "2026-10-12T11:00"),  # on Friday evening: on Monday morning
        (always, "2026-10-10T23:30", "2026-10-11T03:00"),
        (nightly, "2026-10-07T03:00", "2026-10-09T03:00"),  # two nights
    ],
)
def test_who_stops_is_overdue_when_enough_usual_hours_have_passed(
    rule: Callable[[datetime], bool], stops: str, told: str
) -> None:
    zone = ZoneInfo(ZONE)
    end = datetime.fromisoformat(stops).replace(tzinfo=zone)
    rhythm, last = learned(calls(MONDAY, (end - MONDAY) / DAY, rule))
    expected = datetime.fromisoformat(told).replace(tzinfo=zone)
    assert not is_overdue(rhythm, last, expected.astimezone(UTC) - timedelta(minutes=1), ZONE)
    assert is_overdue(rhythm, last, expected.astimezone(UTC) + timedelta(minutes=1), ZONE)


def test_before_two_whole_weeks_are_known_a_long_week_end_is_waited_for() -> None:
    rhythm, last = learned(calls(MONDAY, 5, always))
    assert is_overdue(rhythm, last, last + 20 * DAY, ZONE)
    assert not is_overdue(rhythm, last, last + PATIENCE, ZONE)
    assert is_overdue(rhythm, last, last + PATIENCE + HOUR, ZONE)
    assert is_overdue(None, last, last + PATIENCE + HOUR, ZONE)


def test_who_is_started_by_hand_once_a_month_is_overdue_after_it() -> None:
    rhythm = None
    for day in (0, 24, 61):
        last = MONDAY + day * DAY + timedelta(hours=day % 7 + 9)
        rhythm = note_call(rhythm, last, ZONE)
    assert not is_overdue(rhythm, last, last + PATIENCE_BY_HAND, ZONE)
    assert is_overdue(rhythm, last, last + PATIENCE_BY_HAND + HOUR, ZONE)


def test_a_computer_that_stays_off_is_overdue_for_ever() -> None:
    rhythm, last = learned(calls(MONDAY, 28, at_office))
    for days in (7, 60, 800):
        assert is_overdue(rhythm, last, last + days * DAY, ZONE)


def test_after_holidays_the_former_rhythm_is_gone_when_it_changed() -> None:
    rhythm, _ = learned(calls(MONDAY, 28, at_office))
    rhythm, last = learned_on(rhythm, calls(MONDAY + 28 * DAY, 35, nightly))
    friday_noon = datetime(2026, 11, 6, 12, tzinfo=ZoneInfo(ZONE))
    assert count_missed(rhythm, last, friday_noon, ZONE) <= 1


def learned_on(rhythm: Rhythm, moments: Iterator[datetime]) -> tuple[Rhythm, datetime]:
    last = None
    for last in moments:
        rhythm = note_call(rhythm, last, ZONE)
    assert last is not None
    return rhythm, last


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 365 * 24 * 60), min_size=1, max_size=60),
    st.sampled_from(["America/Toronto", "America/St_Johns", "Europe/Zurich", "Pacific/Auckland", "UTC"]),
    st.timedeltas(timedelta(0), timedelta(days=100)),
)
def test_whatever_the_calls_the_answer_never_goes_back(minutes: list[int], zone: str, silence: timedelta) -> None:
    """Once overdue, more silence does not mend it; and the order in which old calls are told does not matter."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [begin + timedelta(minutes=one) for one in sorted(minutes)]
    rhythm = None
    for one in moments:
        rhythm = note_call(rhythm, one, zone)
    assert rhythm is not None
    assert len(rhythm.hours) == HOURS
    assert all(0 <= bits < 32 for bits in rhythm.hours)
    last = moments[-1]
    assert not is_overdue(rhythm, last, last, zone)
    if is_overdue(rhythm, last, last + silence, zone):
        for days in (0.2, 1, 3, 11, 30, 100):
            assert is_overdue(rhythm, last, last + silence + timedelta(days=days), zone)
    assert is_overdue(rhythm, last, last + timedelta(days=500), zone)
    earlier = last - timedelta(days=8)
    assert note_call(rhythm, earlier, zone) == rhythm
