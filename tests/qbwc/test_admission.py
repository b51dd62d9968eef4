"""authenticate: who may come in, who waits, who takes over, and what a call costs that is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from qbwc import queue
from qbwc.endpoint import Endpoint
from qbwc.models import Connection, Session
from qbwc.session import State

HERE, THERE = "192.0.2.10", "192.0.2.20"


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that changes anything, as it is executed, by whichever door."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE"):
            seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


# -- who ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password"),
    [("nordet", "wrong"), ("nordet", ""), ("nobody", ""), ("nobody", "x"), ("", ""), ("nordet", "é\ud800")],
)
def test_a_wrong_user_or_password_is_not_valid(world: Any, user: str, password: str) -> None:
    world.put("a")
    assert world.log_in(user, password) == ["", "nvu"]


def test_a_connection_that_was_switched_off_is_not_valid(world: Any) -> None:
    world.put("a")
    world.amend(is_active=False)
    assert world.log_in() == ["", "nvu"]


def test_a_wrong_password_is_noted_once_a_minute_and_writes_nothing_else(world: Any) -> None:
    world.put("a")
    first = world.clock()
    with statements() as changes:
        world.log_in(password="wrong")
    assert len(changes) == 1
    assert world.connection().refused_at == first
    with statements() as changes:
        for _ in range(20):
            world.clock.tick(2)
            assert world.log_in(password="wrong") == ["", "nvu"]
    assert changes == []
    assert world.connection().refused_at == first
    world.clock.tick(60)
    with statements() as changes:
        world.log_in(password="wrong")
    assert len(changes) == 1
    assert world.connection().refused_at == world.clock()


def test_an_unknown_user_leaves_no_trace_in_the_database(world: Any) -> None:
    with statements() as changes:
        world.log_in(user="nobody")
    assert changes == []
    assert world.connection().refused_at is None


def test_wrong_passwords_neither_end_nor_delay_the_visit_under_way(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    for _ in range(10):
        world.log_in(password="wrong")
    assert world.give(ticket, document) == 99
    assert world.books.invoices == ["a"]


def test_the_password_and_bodies_are_never_logged(world: Any, speak: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.put("secret memo")
    world.log_in(password="almost " + speak.PASSWORD)
    world.visit()
    assert "authenticate refused" in caplog.text
    assert speak.PASSWORD not in caplog.text
    ours = "".join(record.getMessage() for record in caplog.records if record.name == "qbwc")
    assert "secret memo" not in ours
    assert speak.FILE_ID not in ours


# -- with and without work -----------------------------------------------------------


def test_without_work_there_is_a_ticket_and_none(world: Any) -> None:
    ticket, what = world.log_in()
    assert (len(ticket), what) == (32, "none")
    assert world.rows(Session) == []
    assert world.connection().last_contact_at == world.clock()


def test_a_call_without_work_writes_one_row(world: Any) -> None:
    with statements() as changes:
        world.log_in()
    assert len(changes) == 1


def test_tickets_are_never_equal_and_only_their_hash_is_kept(world: Any) -> None:
    world.put("a")
    tickets = set()
    for _ in range(5):
        tickets.add(world.ticket())
        world.clock.tick(91)
    assert len(tickets) == 5
    assert not tickets & {row.ticket_hash for row in world.rows(Session)}


def test_the_remembered_file_is_asked_for_once_it_is_known(world: Any, speak: Any) -> None:
    world.put("a")
    assert world.log_in()[1] == ""
    world.clock.tick(91)
    world.visit()
    world.put("b")
    assert world.log_in()[1] == speak.PATH


def test_a_connection_may_have_a_shortest_interval_told_as_fourth_text(world: Any) -> None:
    world.amend(minimum_interval=900)
    assert world.log_in()[1:] == ["none", "", "900"]
    world.put("a")
    assert world.log_in()[1:] == ["", "", "900"]
    assert world.log_in() == ["", "busy"]


def test_a_postponed_visit_with_a_shortest_interval_is_told_both(world: Any) -> None:
    world.amend(minimum_interval=900, preparing_until=world.clock() + timedelta(minutes=5))
    assert world.log_in()[1:] == ["", "60", "900"]


def test_a_plan_that_fails_does_not_keep_the_queue_from_moving(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    def plan(db: Any, connection: Connection, _now: Any) -> None:
        connection.company_name = "half done"
        raise RuntimeError("the plan is broken")

    world.plans.append(plan)
    world.put("a")
    seen = world.visit()
    assert seen.figures == [100]
    (said,) = [record for record in caplog.records if record.name == "qbwc" and record.levelname == "ERROR"]
    assert "preparing a visit" in said.getMessage()


def test_a_plan_can_queue_work_for_this_very_visit(world: Any) -> None:
    def plan(db: Any, connection: Connection, now: Any) -> None:
        world._put(db, "add-invoice", "planned", [("add", world.invoice("planned"))])

    world.plans.append(plan)
    assert world.visit().figures == [100]
    assert world.books.invoices == ["planned"]


# -- one visit at a time ----------------------------------------------------------------


def test_a_second_visit_is_told_to_come_later_until_the_first_has_been_silent_for_long(world: Any) -> None:
    world.put("a")
    world.ticket()
    assert world.log_in() == ["", "busy"]
    world.clock.tick(89)
    assert world.log_in() == ["", "busy"]
    world.clock.tick(2)
    assert world.log_in()[1] == ""


def test_a_visit_between_two_sets_keeps_its_place(world: Any) -> None:
    world.put(*(f"{n}" for n in range(120)))
    ticket = world.ticket(HERE)
    assert 0 <= world.give(ticket, world.ask(ticket, first=True)) < 100
    world.clock.tick(80)
    assert world.log_in(address=HERE) == ["", "busy"]
    assert world.log_in(address=THERE) == ["", "busy"]
    assert "InvoiceAddRq" in world.ask(ticket)


def test_a_visit_that_waits_for_an_answer_is_taken_over_at_once_by_the_same_computer(world: Any) -> None:
    world.put("a")
    ticket = world.ticket(HERE)
    world.ask(ticket, first=True)
    world.clock.tick(5)
    assert world.log_in(address=HERE)[1] not in ("busy", "none")
    assert world.rows(Session)[0].result == "taken over"


def test_another_computer_waits_ten_minutes_for_the_answer_that_is_out(world: Any) -> None:
    world.put("a")
    ticket = world.ticket(HERE)
    document = world.ask(ticket, first=True)
    world.clock.tick(9 * 60 + 59)
    assert world.log_in(address=THERE) == ["", "busy"]
    assert world.give(ticket, document) == 99
    world.clock.tick(80)
    document = world.ask(ticket)
    world.clock.tick(601)
    assert world.log_in(address=THERE)[1] not in ("busy", "none")
    assert world.give(ticket, document) == -1
    assert world.rows(Session)[0].result == "taken over"


def test_without_an_address_a_visit_that_waits_is_taken_over_at_once(world: Any) -> None:
    world.put("a")
    world.ask(world.ticket(HERE), first=True)
    assert world.log_in()[1] not in ("busy", "none")
    world.clock.tick(91)
    world.ask(world.ticket(), first=True)
    assert world.log_in(address=THERE)[1] not in ("busy", "none")


def test_an_address_of_any_length_is_kept_short(world: Any) -> None:
    world.put("a")
    world.ask(world.ticket("x" * 500), first=True)
    assert world.rows(Session)[0].address == "x" * 64
    assert world.log_in(address="x" * 500)[1] != "busy"


def test_a_late_answer_on_a_ticket_that_was_taken_over_is_refused_and_counts_once(world: Any, speak: Any) -> None:
    world.put("a")
    slow = world.ticket(HERE)
    document = world.ask(slow, first=True)
    quick = world.ticket(HERE)
    assert world.give(slow, document) == -1
    assert world.jobs() == {"a": "waiting"}
    assert "not known here" in world.endpoint.get_last_error(slow)
    check = world.ask(quick, first=True)
    assert speak.steps([check]) == ["check"]
    world.give(quick, check)
    assert world.jobs() == {"a": "done"}
    assert world.books.invoices == ["a"]
    assert world.books.executed["InvoiceAdd"] == 1


@pytest.mark.parametrize("end", [State.FAILED, State.DONE])
def test_a_visit_that_failed_or_is_done_does_not_keep_others_out(world: Any, end: State) -> None:
    world.put("a")
    ticket = world.ticket(HERE)
    if end is State.FAILED:
        world.endpoint.receive_response(ticket, "<x/>", "", "")
    else:
        world.give(ticket, world.ask(ticket, first=True))
        assert world.give(ticket, world.ask(ticket)) == 100
        world.put("b")
    assert world.rows(Session)[0].state is end
    assert world.log_in(address=THERE)[1] not in ("busy", "none")


@pytest.mark.parametrize("waits", ["paused", "person"])
def test_a_visit_that_waits_for_work_or_for_a_person_keeps_its_place_for_a_while(world: Any, waits: str) -> None:
    if waits == "paused":
        world.amend(preparing_until=world.clock() + timedelta(hours=1))
        ticket = world.ticket(HERE)
        assert world.ask(ticket, first=True) == ""
        assert world.endpoint.get_last_error(ticket) == "NoOp"
    else:
        world.put("a")
        world.endpoint = Endpoint(
            world.database, world.registry, interactive_page=lambda _connection: "https://x/", now=world.clock
        )
        world.amend(company_name="Nordet Infogérance inc.", company_path="C:\\elsewhere.qbw")
        ticket = world.ticket(HERE)
        assert world.ask(ticket, first=True) == ""
        assert world.endpoint.get_last_error(ticket) == "Interactive mode"
    world.clock.tick(89)
    assert world.log_in(address=HERE) == ["", "busy"]
    world.clock.tick(2)
    assert world.log_in(address=HERE)[1] != "busy"
    assert world.rows(Session)[0].result in ("abandoned", "failed")


# -- work that is being prepared -----------------------------------------------------------


def test_a_visit_that_finds_no_work_but_work_being_prepared_is_postponed(world: Any) -> None:
    with world.database.write() as db:
        queue.prepare(db, world.connection_id, world.clock() + timedelta(minutes=5))
    ticket, path, postponed = world.log_in()
    assert (len(ticket), path, postponed) == (32, "", "60")
    assert world.connection().last_success_at is None


def test_with_work_in_the_queue_nothing_is_postponed(world: Any) -> None:
    world.put("a")
    world.amend(preparing_until=world.clock() + timedelta(minutes=5))
    assert len(world.log_in()) == 2


@pytest.mark.parametrize("how", ["prepared", "too late"])
def test_what_is_prepared_or_takes_too_long_postpones_nothing_any_more(world: Any, how: str) -> None:
    with world.database.write() as db:
        queue.prepare(db, world.connection_id, world.clock() + timedelta(minutes=5))
        if how == "prepared":
            queue.prepared(db, world.connection_id)
    if how == "too late":
        world.clock.tick(301)
    assert world.log_in()[1:] == ["none"]


@pytest.mark.parametrize("later", [1, 60, 3600])
def test_a_postponed_visit_never_makes_the_next_one_busy(world: Any, later: int) -> None:
    world.amend(preparing_until=world.clock() + timedelta(minutes=5))
    assert world.log_in(address=HERE)[2] == "60"
    world.clock.tick(later)
    world.put("a")
    assert world.log_in(address=THERE)[1] == ""
    assert world.visit().told[1] == "busy"  # the one that goes on


def test_the_preparation_for_one_connection_does_not_keep_another_waiting(world: Any) -> None:
    world.connect("other", "{22222222-2222-2222-2222-222222222222}")
    with world.database.write() as db:
        queue.prepare(db, world.connection_id, world.clock() + timedelta(minutes=5))
    assert world.log_in("other")[1:] == ["none"]
