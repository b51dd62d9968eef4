"""A visit that finds no work waits for what is being prepared, by NoOp, and not for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from qbwc import queue, sending
from qbwc.models import Session
from qbwc.session import State


def prepare(world: Any, minutes: int = 30) -> None:
    with world.database.write() as db:
        queue.prepare(db, world.connection_id, world.clock() + timedelta(minutes=minutes))


def prepared(world: Any) -> None:
    with world.database.write() as db:
        queue.prepared(db, world.connection_id)


def begin(world: Any) -> str:
    """A person clicked Update Selected: the visit goes on although it was postponed."""
    ticket = str(world.ticket())
    assert world.ask(ticket, first=True) == ""
    assert world.endpoint.get_last_error(ticket) == "NoOp"
    return ticket


def test_the_work_leaves_in_the_same_visit_once_it_is_prepared(world: Any) -> None:
    prepare(world)
    ticket = begin(world)
    for _ in range(3):
        world.clock.tick(5)
        assert world.ask(ticket) == ""
        assert world.endpoint.get_last_error(ticket) == "NoOp"
    world.put("a")
    prepared(world)
    assert world.give(ticket, world.ask(ticket)) == 99
    assert world.give(ticket, world.ask(ticket)) == 100
    assert world.endpoint.close_connection(ticket) == "All done: 1 requests answered."


def test_what_is_there_leaves_before_the_visit_waits_for_the_rest(world: Any) -> None:
    world.put("a")
    prepare(world)
    ticket = world.ticket()
    assert world.give(ticket, world.ask(ticket, first=True)) == 99
    assert world.give(ticket, world.ask(ticket)) == 99  # cleared, and more may come
    assert world.ask(ticket) == ""
    assert world.endpoint.get_last_error(ticket) == "NoOp"
    world.put("b")
    prepared(world)
    assert world.give(ticket, world.ask(ticket)) == 99
    assert world.give(ticket, world.ask(ticket)) == 100
    assert world.books.invoices == ["a", "b"]


@pytest.mark.parametrize("how", ["prepared", "too late"])
def test_a_visit_that_waited_for_nothing_ends_well(world: Any, how: str) -> None:
    prepare(world, 1)
    ticket = begin(world)
    if how == "prepared":
        prepared(world)
    else:
        world.clock.tick(61)
    assert world.ask(ticket) == ""
    assert world.endpoint.get_last_error(ticket) == "Nothing to do: everything is up to date."
    assert world.endpoint.close_connection(ticket).startswith("All done")


def test_the_waiting_ends_after_sixty_pauses_with_a_sentence(world: Any) -> None:
    prepare(world)
    ticket = world.ticket()
    pauses = 0
    assert world.ask(ticket, first=True) == ""
    while (said := world.endpoint.get_last_error(ticket)) == "NoOp":
        pauses += 1
        assert pauses <= sending.MOST_PAUSES
        world.clock.tick(5)
        assert world.ask(ticket) == ""
    assert pauses == sending.MOST_PAUSES - 1  # the postponement counts as one
    assert said == "The work for QuickBooks is still being prepared. It leaves at the next visit."
    assert world.endpoint.close_connection(ticket) == said
    (row,) = world.rows(Session)
    assert (row.state, row.result) == (State.CLOSED, "failed")
    world.put("a")
    prepared(world)
    assert world.visit().raw[-1] == 100


def test_preparing_again_and_again_does_not_keep_a_visit_for_ever(world: Any) -> None:
    prepare(world)
    ticket = begin(world)
    for turn in range(2 * sending.MOST_PAUSES):
        prepare(world)
        world.put(f"{turn}")
        figure = 0
        while figure < 99 and (document := world.ask(ticket)):
            figure = world.give(ticket, document)
        if figure == 100 or world.endpoint.get_last_error(ticket) not in ("NoOp",):
            break
        world.ask(ticket)
        world.clock.tick(5)
    else:
        raise AssertionError("the visit never ends")


def test_a_visit_without_preparation_never_waits(world: Any) -> None:
    world.put("a")
    seen = world.visit()
    assert seen.raw == [99, 100]
    assert seen.error is None


def test_a_french_connection_reads_french(world: Any) -> None:
    world.amend(language="fr")
    prepare(world)
    ticket = begin(world)
    while world.endpoint.get_last_error(ticket) == "NoOp":
        world.ask(ticket)
    assert world.endpoint.close_connection(ticket).startswith("Le travail pour QuickBooks est encore en préparation.")
