"""When somebody is told, and when a delivery is tried again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import Sentence
from portal.notices import Action, Kind, Notice, Severity
from portal.notices.telling import Told, compare, due_preview, next_attempt, next_digest

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ZONE = "America/Toronto"


def notice(key: str, fingerprint: str = "a", size: int = 1, told_from: datetime | None = None) -> Notice:
    return Notice(
        kind=Kind.ERRORS,
        key=key,
        severity=Severity.ERROR,
        title=Sentence("x"),
        what=Sentence("x"),
        since=None,
        action=Action.MEND_ERRORS,
        do=Sentence("x"),
        roles=frozenset(),
        fingerprint=fingerprint,
        size=size,
        told_from=told_from,
    )


def told(key: str, fingerprint: str = "a", size: int = 1) -> Told:
    return Told(kind=Kind.ERRORS, key=key, fingerprint=fingerprint, size=size)


@pytest.mark.parametrize(
    ("before", "present", "expected"),
    [
        ([], [notice("k")], ("k", "", "")),
        ([told("k")], [notice("k")], ("", "", "")),
        ([told("k")], [], ("", "", "k")),
        ([told("k", "a", 3)], [notice("k", "b", 4)], ("k", "", "")),  # it has grown
        ([told("k", "a", 3)], [notice("k", "b", 3)], ("k", "", "")),  # one was mended, another came
        ([told("k", "a", 3)], [notice("k", "b", 2)], ("", "k", "")),  # it is being mended
        ([told("k", "a", 3)], [notice("k", "a", 2)], ("", "", "")),
        ([], [notice("k", told_from=NOW + timedelta(seconds=1))], ("", "", "")),
        ([], [notice("k", told_from=NOW)], ("k", "", "")),
        ([told("k")], [notice("l")], ("l", "", "k")),
    ],
)
def test_what_is_told(before: list[Told], present: list[Notice], expected: tuple[str, str, str]) -> None:
    seen = compare(before, present, NOW)
    parts = (seen.news, seen.mended, seen.cleared)
    assert tuple("".join(one.key for one in part) for part in parts) == expected
    assert bool(seen) is any(expected)


_NOTICES = st.lists(
    st.builds(notice, st.sampled_from("abcd"), st.sampled_from("xyz"), st.integers(1, 3)), unique_by=lambda one: one.key
)


@given(_NOTICES, _NOTICES)
def test_once_remembered_nothing_is_told_twice(first: list[Notice], then: list[Notice]) -> None:
    known: dict[str, Told] = {}
    for present in (first, then, then):
        seen = compare(known.values(), present, NOW)
        assert not {one.key for one in seen.news} & {one.key for one in (*seen.mended, *seen.cleared)}
        for gone in seen.cleared:
            del known[gone.key]
        for one in (*seen.news, *seen.mended):
            known[one.key] = told(one.key, one.fingerprint, one.size)
        assert set(known) == {one.key for one in present}
    assert not seen


def test_attempts_come_at_once_and_then_ever_more_rarely_for_a_day() -> None:
    at, waits = NOW, []
    for attempts in range(1, 100):
        after = next_attempt(attempts, at)
        if after is None:
            break
        waits.append(after - at)
        at = after
    assert [wait.total_seconds() for wait in waits] == [5, 300, 1800, 7200, 18000, 36000, 36000]
    assert at - NOW > timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "hour", "expected"),
    [
        ("2026-11-20T06:59", 7, "2026-11-20T07:00"),
        ("2026-11-20T07:00", 7, "2026-11-21T07:00"),
        ("2026-11-20T07:01", 7, "2026-11-21T07:00"),
        ("2026-10-31T08:00", 7, "2026-11-01T07:00"),  # the clock goes back that night
        ("2026-03-07T08:00", 2, "2026-03-08T02:00"),  # an hour that there is not
        ("2026-12-31T23:00", 0, "2027-01-01T00:00"),
    ],
)
def test_the_digest_comes_at_its_hour_on_the_connections_clock(at: str, hour: int, expected: str) -> None:
    zone = ZoneInfo(ZONE)
    seen = next_digest(datetime.fromisoformat(at).replace(tzinfo=zone).astimezone(UTC), hour, ZONE)
    assert seen == datetime.fromisoformat(expected).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("now", "day", "days", "expected"),
    [
        ("2026-11-28T06:59", 1, 3, None),
        ("2026-11-28T07:00", 1, 3, "2026-12-01"),
        ("2026-12-01T04:59", 1, 3, "2026-12-01"),  # a server that was down
        ("2026-12-01T05:00", 1, 3, None),  # it is billed
        ("2027-02-27T07:00", 31, 1, "2027-02-28"),
        ("2026-12-31T08:00", 1, 1, "2027-01-01"),
        ("2026-11-20T08:00", 20, 1, None),
    ],
)
def test_the_preview_comes_before_the_invoice_day(now: str, day: int, days: int, expected: str | None) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    assert due_preview(at, ZONE, day, days, 7) == (None if expected is None else date.fromisoformat(expected))
