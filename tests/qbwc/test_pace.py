"""How many requests travel together: as many as pay, fewer after trouble."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc import pace

Sizes = list[tuple[int, int | None]]


def test_after_each_loss_the_limit_is_halved_and_never_below_the_smallest() -> None:
    limits = [pace.after_trouble(None)]
    while limits[-1] > pace.SMALLEST_AFTER_TROUBLE:
        limits.append(pace.after_trouble(limits[-1]))
    assert limits == [50, 25, 12, 6, 5]
    assert pace.after_trouble(5) == pace.after_trouble(1) == 5


def test_after_each_answer_it_is_doubled_until_there_is_no_limit() -> None:
    limit: int | None = pace.SMALLEST_AFTER_TROUBLE
    seen = []
    while limit is not None:
        seen.append(limit)
        limit = pace.after_success(limit)
    assert seen == [5, 10, 20, 40, 80]
    assert pace.after_success(None) is None


@pytest.mark.parametrize(
    ("sizes", "limit", "count"),
    [
        ([], None, 0),
        ([(10, None)] * 300, None, pace.LARGEST_SET),
        ([(10, None)] * 300, 12, 12),
        ([(10, None)] * 3, 12, 3),
        ([(pace.LARGEST_BYTES * 2, None), (1, None)], None, 1),
        ([(pace.LARGEST_BYTES // 2, None)] * 5, None, 2),
        ([(10, None), (10, 1), (10, None)], None, 1),
        ([(10, 1), (10, None)], None, 1),
        ([(10, 2)] * 9, None, 2),
        ([(10, 1)] * 9, 50, 1),
    ],
)
def test_as_many_fit_as_number_bytes_and_each_request_allow(sizes: Sizes, limit: int | None, count: int) -> None:
    assert pace.how_many(sizes, limit) == count


@given(
    sizes=st.lists(st.tuples(st.integers(1, 500_000), st.none() | st.integers(1, 60)), max_size=150),
    limit=st.none() | st.integers(1, 100),
)
def test_a_set_is_never_empty_and_never_larger_than_anything_in_it_allows(sizes: Sizes, limit: int | None) -> None:
    count = pace.how_many(sizes, limit)
    taken = sizes[:count]
    assert bool(taken) is bool(sizes)
    assert count <= (limit or pace.LARGEST_SET)
    if count > 1:
        assert sum(size for size, _ in taken) <= pace.LARGEST_BYTES
        assert all(count <= (together or count) for _, together in taken)


def test_the_limit_of_a_connection_halves_with_each_lost_set_and_grows_back(world: Any, speak: Any) -> None:
    world.put(*(f"{n}" for n in range(30)))
    world.visit_and_lose(executed=False)
    limits = []
    for _ in range(2):
        ticket = world.ticket()
        limits.append(world.connection().largest_set)
        world.give(ticket, world.ask(ticket, first=True))  # nothing is kept
        world.give(ticket, world.ask(ticket))  # and nothing is found
        assert "InvoiceAddRq" in world.ask(ticket)  # it leaves again, and is lost again
        world.clock.tick(3600)
    assert limits == [50, 25]
    world.put(*(f"more {n}" for n in range(40)))
    world.visit()
    assert [len(speak.tags(one)) for one in world.books.work()] == [30, 24, 16]
    world.put("last")
    world.visit()
    assert world.connection().largest_set is None


def test_a_set_that_is_only_looked_for_is_one_loss_however_many_visits_it_takes(world: Any) -> None:
    world.put("a")
    world.visit_and_lose(executed=False)
    for _ in range(3):
        world.ask(world.ticket(), first=True)
        world.clock.tick(3600)
        world.ticket()  # nothing is even asked
        world.clock.tick(3600)
    assert world.connection().largest_set == 50


def test_a_refused_set_does_not_slow_the_connection_down(world: Any) -> None:
    world.put("a", "b")
    world.books.hresult = lambda document: "0x80040400" if "<Memo>a<" in document else None
    world.visit()
    assert world.jobs() == {"a": "parked", "b": "done"}
    assert world.connection().largest_set is None
