"""The worker: at 05:00 of the invoice day in the connection's own zone, once for that date, whatever came between."""

from __future__ import annotations

import copy
import json
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from portal import worker
from portal.errors import Refused
from portal.services import billing, runs

CHARGES = Path(__file__).resolve().parents[2] / "samples" / "sherweb" / "payable-charges-2026-10.json"

TORONTO = "America/Toronto"


def local(text: str, zone: str = TORONTO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "day", "due"),
    [
        ("2026-11-01T04:59:59", 1, "2026-10-01"),
        ("2026-11-01T05:00:00", 1, "2026-11-01"),  # clocks went back at 02:00
        ("2026-11-01T23:59:59", 1, "2026-11-01"),
        ("2026-10-31T23:59:59", 1, "2026-10-01"),
        ("2026-03-08T04:59:59", 8, "2026-02-08"),
        ("2026-03-08T05:00:00", 8, "2026-03-08"),  # clocks went forward at 02:00
        ("2026-02-28T05:00:00", 31, "2026-02-28"),
        ("2026-02-28T04:59:00", 31, "2026-01-31"),
        ("2028-02-29T05:00:00", 30, "2028-02-29"),
        ("2026-03-30T12:00:00", 31, "2026-02-28"),
        ("2026-03-31T05:00:00", 31, "2026-03-31"),
        ("2026-04-30T05:00:00", 31, "2026-04-30"),
        ("2027-01-01T04:59:00", 1, "2026-12-01"),
        ("2027-01-01T05:00:00", 1, "2027-01-01"),
        ("2026-11-20T12:00:00", 1, "2026-11-01"),
    ],
)
def test_the_date_that_is_due(now: str, day: int, due: str) -> None:
    assert worker.due_date(local(now), TORONTO, day) == date.fromisoformat(due)


def test_0500_comes_once_on_both_days_on_which_the_clock_changes() -> None:
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25)):
        midnight = local(f"{day}T00:00:00")
        seen = [
            worker.due_date(midnight + timedelta(minutes=minute), TORONTO, day.day) == day
            for minute in range(hours * 60)
        ]
        assert seen.count(True) == 19 * 60
        assert sorted(seen) == seen, "once due, it stays due for the rest of the day"


def test_each_connection_keeps_its_own_zone() -> None:
    now = local("2026-11-01T05:00:00")
    assert worker.due_date(now, "America/Vancouver", 1) == date(2026, 10, 1)
    assert worker.due_date(now, "Europe/Paris", 1) == date(2026, 11, 1)


@pytest.fixture
def waiting(month: Any) -> Any:
    """The sample month, begun in October, on the last day of that month."""
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE connection SET created_at = '2026-10-05 00:00:00'"))
    month.clock.at = local("2026-11-01T04:59:00")
    return month


def test_it_bills_at_five_and_once(waiting: Any) -> None:
    assert worker.bill_what_is_due(waiting.portal) == []
    assert runs.list_runs(waiting.portal, 1) == ()
    waiting.clock.at = local("2026-11-01T05:00:00")
    assert len(worker.bill_what_is_due(waiting.portal)) == 1
    assert waiting.states() == {"queued": 12}
    for text in ("2026-11-01T05:01:00", "2026-11-15T12:00:00", "2026-11-30T23:59:00"):
        waiting.clock.at = local(text)
        assert worker.bill_what_is_due(waiting.portal) == []
    assert waiting.states() == {"queued": 12}


def test_after_an_outage_it_bills_that_date_once(waiting: Any) -> None:
    waiting.clock.at = local("2026-11-03T17:30:00")
    assert len(worker.bill_what_is_due(waiting.portal)) == 1
    assert worker.bill_what_is_due(waiting.portal) == []
    assert waiting.run().invoice_date == date(2026, 11, 1)


def test_what_a_person_billed_by_hand_is_done(waiting: Any) -> None:
    waiting.clock.at = local("2026-11-01T05:00:00")
    waiting.bill()
    assert worker.bill_what_is_due(waiting.portal) == []


def test_a_connection_made_after_the_invoice_day_waits_for_the_next(month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE connection SET created_at = '2026-11-03 00:00:00'"))
    month.clock.at = local("2026-11-04T12:00:00")
    assert worker.bill_what_is_due(month.portal) == []
    month.clock.at = local("2026-12-01T05:00:00")
    assert len(worker.bill_what_is_due(month.portal)) == 1
    assert month.run().invoice_date == date(2026, 12, 1)


def test_without_charges_the_date_stays_open_until_they_come(waiting: Any) -> None:
    """Providers deliver the month days after its end: an empty run would close the date for good."""
    with waiting.portal.database.write() as db:
        db.execute(sa.text("DELETE FROM charge"))
    waiting.clock.at = local("2026-11-01T05:00:00")
    assert worker.bill_what_is_due(waiting.portal) == []
    assert runs.list_runs(waiting.portal, 1) == ()
    waiting.clock.at = local("2026-11-04T10:00:00")
    waiting.import_charges()
    assert len(worker.bill_what_is_due(waiting.portal)) == 1
    assert waiting.states() == {"queued": 12}
    assert waiting.run().invoice_date == date(2026, 11, 1)


def test_a_connection_that_cannot_be_billed_waits(waiting: Any) -> None:
    waiting.clock.at = local("2026-11-01T05:00:00")
    with waiting.portal.database.write() as db:
        db.execute(sa.text("UPDATE qbwc_connection SET verdict = 'moved'"))
    assert worker.bill_what_is_due(waiting.portal) == []
    with waiting.portal.database.write() as db:
        db.execute(sa.text("UPDATE qbwc_connection SET verdict = 'go'"))
    assert len(worker.bill_what_is_due(waiting.portal)) == 1


def test_one_that_is_refused_does_not_keep_the_others(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise Refused("No.")

    waiting.clock.at = local("2026-11-01T05:00:00")
    monkeypatch.setattr(billing, "bill", refuse)
    assert worker.bill_what_is_due(waiting.portal) == []


def test_several_workers_make_one_run(waiting: Any) -> None:
    waiting.clock.at = local("2026-11-01T05:00:00")
    together = threading.Barrier(3)

    def work() -> None:
        together.wait(timeout=20)
        worker.bill_what_is_due(waiting.portal)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(timeout=60)
    assert waiting.states() == {"queued": 12}
    assert len(runs.list_runs(waiting.portal, 1)) == 1


def test_in_the_background_it_goes_on_after_a_failure_and_stops_when_told(
    waiting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = threading.Semaphore(0)

    def fail(_portal: Any) -> list[int]:
        calls.release()
        raise RuntimeError("the database is away")

    monkeypatch.setattr(worker, "bill_what_is_due", fail)
    stop = worker.start(waiting.portal, every_seconds=0.01)
    assert all(calls.acquire(timeout=10) for _ in range(3))
    stop.set()


def test_in_the_background_it_forgets_what_is_old_once_a_day(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    billed, days = threading.Semaphore(0), []
    monkeypatch.setattr(worker, "bill_what_is_due", lambda _portal: billed.release())
    monkeypatch.setattr(worker, "forget_what_is_old", lambda portal: days.append(portal.now().date()))
    stop = worker.start(waiting.portal, every_seconds=0.01)
    assert all(billed.acquire(timeout=10) for _ in range(3))
    waiting.clock.at += timedelta(days=1)
    assert all(billed.acquire(timeout=10) for _ in range(100))
    stop.set()
    assert days == [date(2026, 11, 1), date(2026, 11, 2)]


def test_a_day_on_which_forgetting_fails_is_tried_again(waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = threading.Semaphore(0)

    def fail(_portal: Any) -> None:
        tries.release()
        raise RuntimeError("the database is away")

    monkeypatch.setattr(worker, "bill_what_is_due", lambda _portal: [])
    monkeypatch.setattr(worker, "forget_what_is_old", fail)
    stop = worker.start(waiting.portal, every_seconds=0.01)
    assert all(tries.acquire(timeout=10) for _ in range(3))
    stop.set()


def test_a_changed_invoice_day_bills_no_date_before_the_last_run(waiting: Any) -> None:
    waiting.clock.at = local("2026-11-01T05:00:00")
    assert len(worker.bill_what_is_due(waiting.portal)) == 1
    charges = json.loads(CHARGES.read_bytes())
    late = copy.deepcopy(charges["charges"][0])
    late.update(chargeId="00000000-0000-4000-8000-000000000001", periodFrom="2026-10-05", periodTo="2026-10-14")
    charges["charges"].append(late)
    assert waiting.import_charges(json.dumps(charges).encode(), "late.json").added == 1
    waiting.set(invoice_day=15)
    waiting.clock.at = local("2026-11-10T12:00:00")
    assert worker.bill_what_is_due(waiting.portal) == []
    waiting.clock.at = local("2026-11-15T05:00:00")
    assert len(worker.bill_what_is_due(waiting.portal)) == 1
    run = waiting.run()
    assert (run.invoice_date, run.period_start, run.period_last) == (
        date(2026, 11, 15),
        date(2026, 10, 15),
        date(2026, 11, 14),
    )
    assert [draft.lines for draft in run.drafts] == [1]


def test_a_connection_that_waits_for_approval_is_not_billed_by_itself(waiting: Any) -> None:
    waiting.set(approval="manual")
    waiting.clock.at = local("2026-11-01T05:00:00")
    assert worker.bill_what_is_due(waiting.portal) == []
    assert waiting.states() == {}
    waiting.set(approval="automatic")
    assert len(worker.bill_what_is_due(waiting.portal)) == 1
