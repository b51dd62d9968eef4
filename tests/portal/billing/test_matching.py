"""The most recent invoice of the period that is surely not sent is joined; no other is touched."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.matching import Candidate, Obstacle, choose, obstacle
from portal.billing.period import Period

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
CLOSED = date(2026, 10, 5)


def invoice(txn_id: str = "A-1", day: int = 15, **changes: Any) -> Candidate:
    fields: dict[str, Any] = {
        "txn_id": txn_id,
        "ref_number": txn_id,
        "txn_date": date(2026, 10, day),
        "time_created": datetime(2026, 10, day, 9, 0),  # noqa: DTZ001 -- QuickBooks' times are naive
        "is_pending": False,
        "is_to_be_printed": True,
        "is_to_be_emailed": False,
        "is_paid": False,
        "applied": Decimal(0),
        "has_links": False,
    }
    return Candidate(**(fields | changes))


def at(hour: int) -> datetime:
    return datetime(2026, 10, 15, hour, 0)  # noqa: DTZ001


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_three_invoices_the_latest_is_joined(order: tuple[int, ...]) -> None:
    three = [invoice("A-1", 8), invoice("A-2", 24), invoice("A-3", 15)]
    assert choose([three[place] for place in order], OCTOBER, None) == three[1]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_one_day_the_one_made_last_is_joined(order: tuple[int, ...]) -> None:
    three = [
        invoice("A-9", time_created=at(10)),
        invoice("A-2", time_created=at(11)),
        invoice("A-3", time_created=None),
    ]
    assert choose([three[place] for place in order], OCTOBER, None) == three[1]


def test_invoices_made_in_one_second_are_told_apart_by_their_id() -> None:
    twins = [invoice("A-1"), invoice("A-2")]
    assert choose(twins, OCTOBER, None) == choose(reversed(twins), OCTOBER, None) == twins[1]


@pytest.mark.parametrize("day", [date(2026, 9, 30), date(2026, 11, 1)])
def test_an_invoice_outside_of_the_period_is_none(day: date) -> None:
    assert choose([invoice(txn_date=day)], OCTOBER, None) is Obstacle.NONE_IN_PERIOD


@pytest.mark.parametrize("day", [1, 31])
def test_the_first_and_the_last_day_belong_to_the_period(day: int) -> None:
    assert choose([invoice(day=day)], OCTOBER, None) == invoice(day=day)


def test_without_any_invoice_there_is_none() -> None:
    assert choose([], OCTOBER, None) is Obstacle.NONE_IN_PERIOD


@pytest.mark.parametrize("unflagged_is_unsent", [False, True])
@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"is_paid": True}, Obstacle.PAID),
        ({"applied": Decimal("-0.01")}, Obstacle.PAID),
        ({"applied": Decimal(5)}, Obstacle.PAID),
        ({"txn_date": CLOSED}, Obstacle.CLOSED),
        ({"txn_date": date(2026, 10, 2)}, Obstacle.CLOSED),
        ({"has_links": True}, Obstacle.LINKED),
        ({"is_paid": True, "has_links": True, "txn_date": CLOSED}, Obstacle.PAID),
    ],
)
def test_what_is_paid_closed_or_linked_is_never_touched(
    changes: dict[str, Any], found: Obstacle, unflagged_is_unsent: bool
) -> None:
    assert choose([invoice(**changes)], OCTOBER, CLOSED, unflagged_is_unsent) is found


def test_the_day_after_the_closing_date_is_open() -> None:
    assert choose([invoice(day=6)], OCTOBER, CLOSED) == invoice(day=6)


@pytest.mark.parametrize("mark", ["is_pending", "is_to_be_printed", "is_to_be_emailed"])
def test_each_mark_alone_says_that_it_is_not_sent(mark: str) -> None:
    unflagged: dict[str, Any] = {"is_to_be_printed": False}
    assert obstacle(invoice(**unflagged), None, False) is Obstacle.SENT
    assert obstacle(invoice(**(unflagged | {mark: True})), None, False) is None


def test_without_a_mark_the_switch_decides() -> None:
    unflagged = invoice(is_to_be_printed=False)
    assert choose([unflagged], OCTOBER, None, unflagged_is_unsent=False) is Obstacle.SENT
    assert choose([unflagged], OCTOBER, None, unflagged_is_unsent=True) == unflagged


def test_an_older_open_invoice_is_joined_when_the_latest_is_paid() -> None:
    invoices = [invoice("A-1", 15), invoice("A-2", 28, is_paid=True)]
    assert choose(invoices, OCTOBER, CLOSED) == invoices[0]


def test_the_obstacle_told_is_that_of_the_latest() -> None:
    invoices = [invoice("A-1", 2), invoice("A-2", 28, has_links=True), invoice("A-3", 15, is_paid=True)]
    assert choose(invoices, OCTOBER, CLOSED) is Obstacle.LINKED


CANDIDATES = st.lists(
    st.builds(
        invoice,
        txn_id=st.uuids().map(str),
        day=st.integers(1, 31),
        is_pending=st.booleans(),
        is_to_be_printed=st.booleans(),
        is_to_be_emailed=st.booleans(),
        is_paid=st.booleans(),
        applied=st.sampled_from([Decimal(0), Decimal(3)]),
        has_links=st.booleans(),
    ),
    max_size=6,
)


@given(CANDIDATES, st.booleans(), st.randoms())
def test_the_choice_depends_on_nothing_but_the_invoices(invoices: list[Candidate], switch: bool, random: Any) -> None:
    chosen = choose(invoices, OCTOBER, CLOSED, switch)
    shuffled = list(invoices)
    random.shuffle(shuffled)
    assert choose(shuffled, OCTOBER, CLOSED, switch) == chosen
    open_ones = [one for one in invoices if obstacle(one, CLOSED, switch) is None]
    if isinstance(chosen, Obstacle):
        assert not open_ones
    else:
        assert chosen in open_ones
        assert all((one.txn_date, one.time_created) <= (chosen.txn_date, chosen.time_created) for one in open_ones)


@given(CANDIDATES)
def test_the_switch_only_ever_opens_invoices(invoices: list[Candidate]) -> None:
    for one in invoices:
        if obstacle(one, CLOSED, False) is None:
            assert obstacle(one, CLOSED, True) is None
