"""Connection health: what the calls so far say, with a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.notices.rhythm import Rhythm, note_call
from portal.services import call_rhythm, connections, health, notices
from portal.services.call_gaps import MOST_GAPS, note_gap, usual_gap
from portal.services.health import Facts, State, judge
from qbwc import models as wire
from qbwc.identity import Verdict

NOON = datetime(2026, 11, 16, 17, 0, tzinfo=UTC)
HOUR = 3600
HOURLY = (HOUR,) * 5
WEEKLY = (7 * 24 * HOUR,) * 3
ZONE = "America/Toronto"


def ago(**given: float) -> datetime:
    return NOON - timedelta(**given)


def learned(*hours_ago: int) -> Rhythm:
    """What calls so many hours ago taught, the oldest first."""
    rhythm = None
    for one in hours_ago:
        rhythm = note_call(rhythm, ago(hours=one), ZONE)
    assert rhythm is not None
    return rhythm


ALWAYS = learned(*range(30 * 24, 23, -1))
MONTHLY = learned(90 * 24, 61 * 24 - 5, 30 * 24)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, State.NEVER),
        ({"refused_at": ago(minutes=5)}, State.REFUSED),
        ({"last_contact_at": ago(hours=2), "refused_at": ago(minutes=5)}, State.REFUSED),
        ({"last_contact_at": ago(minutes=1), "refused_at": ago(minutes=5)}, State.WELL),
        ({"last_contact_at": ago(minutes=1), "verdict": Verdict.GO}, State.WELL),
        ({"last_contact_at": ago(minutes=1), "verdict": Verdict.MOVED}, State.DOUBT),
        ({"last_contact_at": ago(minutes=1), "verdict": Verdict.TOO_OLD}, State.DOUBT),
        ({"last_contact_at": ago(days=9), "verdict": Verdict.OTHER}, State.DOUBT),
        ({"last_contact_at": ago(minutes=1), "error": {"en": "It broke.", "fr": "Panne."}}, State.FAILED),
        ({"last_contact_at": ago(days=3)}, State.WELL),  # a long week-end, as long as no rhythm is known
        ({"last_contact_at": ago(days=3, minutes=1)}, State.OVERDUE),
        ({"last_contact_at": ago(days=3, minutes=1), "gaps": HOURLY}, State.OVERDUE),
        ({"last_contact_at": ago(hours=2), "gaps": HOURLY, "rhythm": ALWAYS}, State.WELL),
        ({"last_contact_at": ago(hours=5), "gaps": HOURLY, "rhythm": ALWAYS}, State.OVERDUE),
        ({"last_contact_at": ago(days=30), "rhythm": MONTHLY}, State.WELL),
        ({"last_contact_at": ago(days=36), "rhythm": MONTHLY}, State.OVERDUE),
        ({"last_contact_at": ago(hours=2), "waiting": 4}, State.WELL),
        ({"last_contact_at": ago(hours=3), "waiting": 4}, State.LATE),
        ({"last_contact_at": ago(hours=3), "waiting": 4, "gaps": HOURLY}, State.LATE),
        ({"last_contact_at": ago(days=3), "waiting": 4, "gaps": WEEKLY}, State.WELL),
        ({"last_contact_at": ago(days=3), "waiting": 4}, State.LATE),
        ({"last_contact_at": ago(days=4), "waiting": 4}, State.OVERDUE),
    ],
)
def test_how_a_connection_stands(facts: dict[str, Any], state: State) -> None:
    found = judge(Facts(**facts), NOON)
    assert found.state is state
    assert bool(found.steps) is (state is not State.WELL), "what is not well says what to do"
    assert (found.cause is not None) is (state is State.FAILED)


def test_a_failure_is_said_in_both_languages() -> None:
    found = judge(Facts(last_contact_at=NOON, error={"en": "It broke.", "fr": "Panne."}), NOON)
    assert found.cause is not None
    assert (str(found.cause), found.cause.by_language["fr"]) == ("It broke.", "Panne.")


@pytest.mark.parametrize(
    ("gaps", "gap"),
    [
        ((), None),
        ((HOUR, HOUR), None),
        ((HOUR, HOUR, HOUR), timedelta(hours=1)),
        ((HOUR, 15 * HOUR, HOUR, 63 * HOUR, HOUR), timedelta(hours=1)),
        ((24 * HOUR, 24 * HOUR, 300), timedelta(days=1)),
    ],
)
def test_the_usual_gap_leaves_nights_and_week_ends_aside(gaps: tuple[int, ...], gap: timedelta | None) -> None:
    assert usual_gap(gaps) == gap


def test_the_next_call_is_expected_until_it_is_late() -> None:
    expected = judge(Facts(last_contact_at=ago(minutes=20), gaps=HOURLY), NOON).expected_at
    assert expected == NOON + timedelta(minutes=40)
    assert judge(Facts(last_contact_at=ago(minutes=61), gaps=HOURLY), NOON).expected_at is None


def test_calls_that_follow_at_once_are_one_and_old_gaps_are_forgotten() -> None:
    assert note_gap(None, None, NOON) is None
    assert note_gap([HOUR], ago(seconds=59), NOON) == [HOUR]
    assert note_gap([HOUR], ago(seconds=60), NOON) == [HOUR, 60]
    kept = note_gap([HOUR] * MOST_GAPS, ago(hours=2), NOON)
    assert kept is not None
    assert (len(kept), kept[-1]) == (MOST_GAPS, 2 * HOUR)


def test_the_rhythm_is_learned_from_calls_that_bring_no_work_too(month: Any) -> None:
    for _ in range(4):
        month.clock.at += timedelta(hours=1)
        assert month.visit().went_well
    seen = health.get_health(month.portal, 1)
    assert seen.health.usual_gap == timedelta(hours=1)
    assert seen.health.expected_at == month.clock.at + timedelta(hours=1)
    assert seen.health.state is State.WELL


def test_the_page_and_the_notice_say_overdue_at_the_same_hour(month: Any) -> None:
    month.clock.at = datetime(2026, 11, 2, 5, 7, tzinfo=UTC)
    for _ in range(24 * 22):
        with month.portal.database.write() as db:
            db.get_one(wire.Connection, 1).last_contact_at = month.clock.at
        call_rhythm.learn(month.portal)
        month.clock.at += timedelta(hours=1)
    for hours in range(4):
        told = {str(one.notice.kind) for one in notices.list_notices(month.portal, 1)}
        is_overdue = health.get_health(month.portal, 1).health.state is State.OVERDUE
        assert is_overdue is ("overdue" in told) is (hours == 3)
        month.clock.at += timedelta(hours=1)


@pytest.mark.parametrize(
    ("now", "zone", "day", "expected"),
    [
        ("2026-10-31T12:00:00+00:00", "America/Toronto", 1, "2026-11-01T05:00:00-05:00"),
        ("2026-11-01T09:59:00+00:00", "America/Toronto", 1, "2026-11-01T05:00:00-05:00"),
        ("2026-11-01T10:00:00+00:00", "America/Toronto", 1, "2026-12-01T05:00:00-05:00"),
        ("2027-02-10T12:00:00+00:00", "America/Vancouver", 31, "2027-02-28T05:00:00-08:00"),
        ("2027-03-08T12:00:00+00:00", "America/Toronto", 14, "2027-03-14T05:00:00-04:00"),
    ],
)
def test_the_next_run_is_at_five_on_the_connections_clock(
    month: Any, now: str, zone: str, day: int, expected: str
) -> None:
    month.clock.at = datetime.fromisoformat(now)
    month.set(time_zone=zone, invoice_day=day)
    seen = health.get_health(month.portal, 1)
    assert seen.bills_at is not None
    assert seen.bills_at.isoformat() == expected


def test_the_list_asks_the_database_as_often_for_many_as_for_one(month: Any) -> None:
    asked: list[str] = []
    sa.event.listen(month.portal.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert len(health.list_health(month.portal, 1)) == 1
    once, asked[:] = len(asked), []
    made = connections.find_connection(month.portal, 1)
    for name in "ABCDE":
        connections.add_connection(
            month.portal, name, partner=made.partner, billing_mode=made.billing_mode, invoice_day=1
        )
    asked.clear()
    rows = health.list_health(month.portal, 1)
    assert len(asked) == once
    assert [row.view.health.state for row in rows] == [State.NEVER] * 5 + [State.WELL]


def test_a_wrong_password_is_forgotten_after_a_good_visit(month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE qbwc_connection SET refused_at = '2026-11-20 00:00:00'"))
    assert health.get_health(month.portal, 1).health.state is State.REFUSED
    month.clock.at = datetime(2026, 11, 21, tzinfo=UTC)
    assert month.visit().went_well
    assert health.get_health(month.portal, 1).health.state is State.WELL
