"""Visits: page after page by id, filtered by result and day, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from portal.errors import NotFound
from portal.services import Portal, visits
from portal.services.visits import WantedVisits
from qbwc.models import Session
from qbwc.session import State


@pytest.fixture
def many(any_portal: Portal, make_one: Callable[..., Any], now: Any) -> Portal:
    """A connection with 60 visits, one an hour, of which each tenth failed; one of another connection; one goes on."""
    mine, other = make_one(), make_one("Other", partner="Elsewhere")
    with any_portal.database.write() as db:
        for number in range(61):
            opened = now() - timedelta(hours=61 - number)
            is_open = number == 60
            session = Session(
                connection_id=mine.id,
                ticket_hash=f"{number:064}",
                state=State.READY if is_open else State.CLOSED,
                opened_at=opened,
                last_contact_at=opened,
                closed_at=None if is_open else opened + timedelta(seconds=5),
                machine="=cmd",
                result=None if is_open else "failed" if number % 10 == 9 else "done",
            )
            db.add(session)
            db.flush()
        db.add(Session(connection_id=other.id, ticket_hash="x", opened_at=now(), last_contact_at=now(), result="done"))
    return any_portal


def test_pages_follow_each_other_both_ways_without_a_gap(many: Portal) -> None:
    first = visits.page_of_visits(many, 1, WantedVisits())
    assert (len(first.rows), first.newer) == (25, None)
    second = visits.page_of_visits(many, 1, WantedVisits(before_id=first.older))
    third = visits.page_of_visits(many, 1, WantedVisits(before_id=second.older))
    ids = [one.id for page in (first, second, third) for one in page.rows]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), third.older) == (61, None)
    back = visits.page_of_visits(many, 1, WantedVisits(after_id=third.newer))
    assert back.rows == second.rows
    assert (back.older, back.newer) == (second.older, second.newer)
    newest = visits.page_of_visits(many, 1, WantedVisits(after_id=back.newer))
    assert newest.rows == first.rows
    assert newest.newer is None
    beyond = visits.page_of_visits(many, 1, WantedVisits(after_id=10_000))
    assert (beyond.rows, beyond.older, beyond.newer) == ((), None, None)


def test_they_are_filtered_by_how_they_ended_and_when(many: Portal, now: Any) -> None:
    failed = visits.page_of_visits(many, 1, WantedVisits(result="failed"))
    assert [one.result for one in failed.rows] == ["failed"] * 6
    (going_on,) = visits.page_of_visits(many, 1, WantedVisits(result="open")).rows
    assert going_on.result is None
    day = date(2026, 10, 30)
    some = visits.page_of_visits(many, 1, WantedVisits(first=day, last=day))
    assert some.rows
    # The connection's clock is four hours behind UTC then.
    assert {(one.opened_at - timedelta(hours=4)).date() for one in some.rows} == {day}
    assert visits.page_of_visits(many, 1, WantedVisits(first=date(2027, 1, 1))).rows == ()
    assert visits.page_of_visits(many, 1, WantedVisits(first=date.max, last=date.max)).rows, "no day at all"


def test_the_file_has_them_all_and_no_formula(many: Portal) -> None:
    rows = list(
        csv.DictReader(io.StringIO(visits.visits_csv(many, 1, WantedVisits(before_id=3)).removeprefix("\ufeff")))
    )
    assert len(rows) == 61
    assert {row["computer"] for row in rows} == {"'=cmd"}
    assert [row["result"] for row in rows][:2] == ["open", "failed"]
    assert len(list(csv.reader(io.StringIO(visits.visits_csv(many, 1, WantedVisits(result="failed")))))) == 7


def test_a_visit_shows_what_was_sent_received_and_written(billed: Any) -> None:
    seen = visits.page_of_visits(billed.portal, 1, WantedVisits())
    billing, lists = seen.rows
    assert (billing.invoices, lists.invoices) == (12, 0)
    assert billing.requests == billing.done > 12
    detail = visits.get_visit(billed.portal, 1, billing.id)
    assert detail.visit == billing
    assert [one.id for one in detail.exchanges] == sorted(one.id for one in detail.exchanges)
    assert any("InvoiceAddRq" in one.tags for one in detail.exchanges)
    assert detail.exchanges[0].about is not None


def test_its_exchanges_have_pages(billed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "SIZE", 2)
    newest = visits.page_of_visits(billed.portal, 1, WantedVisits()).rows[0]
    seen, after = [], None
    while True:
        detail = visits.get_visit(billed.portal, 1, newest.id, after_id=after)
        seen += [one.id for one in detail.exchanges]
        after = detail.following
        if after is None:
            break
    assert len(seen) == newest.exchanges == len(set(seen))


def test_another_connections_visit_does_not_exist(many: Portal) -> None:
    for connection_id, visit_id in ((2, 1), (1, 62), (1, 0), (1, 10**20)):
        with pytest.raises(NotFound):
            visits.get_visit(many, connection_id, visit_id)
