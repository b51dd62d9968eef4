"""Message sets whose answer was lost: nothing is written twice, nothing is lost, nothing blocks for ever."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from qbwc import pace, recovery
from qbwc.database import Database
from qbwc.errors import QueueError
from qbwc.models import Exchange, ExchangeState, JobState, RequestState, Session

PARSE_REFUSED = "0x80040400"


def test_a_lost_answer_is_asked_for_and_applied_and_nothing_leaves_twice(world: Any, speak: Any) -> None:
    """QuickBooks wrote the set: it gives the answer that it keeps."""
    world.put("a", "b")
    lost = world.visit_and_lose(executed=True)
    world.put("c")
    seen = world.visit()
    assert speak.steps(world.books.sent) == ["write", "check", "write", "clear"]
    assert world.books.work() == [lost, world.books.work()[-1]]
    check = world.books.sent[1]
    assert speak.set_id(check) == speak.set_id(lost)
    assert f'oldMessageSetID="{speak.set_id(lost)}"' in check
    assert speak.set_id(world.books.work()[-1]) != speak.set_id(lost)
    assert seen.raw == sorted(seen.raw)
    assert seen.raw[-1] == 100
    assert world.books.invoices == ["a", "b", "c"]
    assert world.books.executed["InvoiceAdd"] == 3
    assert [world.job(key).payload for key in "abc"] == [{"told": [f"T-{n}"]} for n in (1, 2, 3)]


def test_a_set_that_quickbooks_never_got_leaves_again_with_the_same_bytes(world: Any, speak: Any) -> None:
    """No answer is kept, nothing of it is found: the same bytes under the same id."""
    world.put("a", "b")
    lost = world.visit_and_lose(executed=False)
    world.put("c")
    seen = world.visit()
    assert speak.steps(world.books.sent) == ["check", "look-up", "write", "write", "clear"]
    again, later = world.books.work()
    assert again == lost
    assert speak.set_id(again) != speak.set_id(later)
    assert seen.raw[-1] == 100
    assert world.books.invoices == ["a", "b", "c"]
    assert set(world.jobs().values()) == {"done"}


def test_a_second_request_without_an_answer_between_gets_the_same_bytes(world: Any) -> None:
    count = pace.LARGEST_SET + 10
    world.put(*(f"{n}" for n in range(count)))
    ticket = world.ticket()
    first = world.ask(ticket, first=True)
    assert world.ask(ticket) == first
    assert world.ask(ticket, first=True) == first
    world.give(ticket, first)
    second = world.ask(ticket)
    assert second != first
    assert world.ask(ticket) == second
    world.give(ticket, second)
    assert world.books.invoices == [f"{n}" for n in range(count)]


@pytest.mark.parametrize("step", range(3))
def test_what_recovery_asks_leaves_with_the_same_bytes_when_it_is_asked_for_again(world: Any, step: int) -> None:
    """A check, a look-up or the set itself: the call for it may be repeated like any other."""
    world.put("a")
    world.visit_and_lose(executed=False)
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    for _ in range(step):
        world.give(ticket, document)
        document = world.ask(ticket)
    assert world.ask(ticket) == document
    world.give(ticket, document)
    world.clock.tick(3600)
    assert world.visit().told[1] != "busy"
    assert world.books.invoices == ["a"]
    assert world.jobs() == {"a": "done"}


@pytest.mark.parametrize("step", range(3))
@pytest.mark.parametrize("executed", [True, False])
def test_a_recovery_that_is_lost_itself_begins_anew(world: Any, step: int, executed: bool) -> None:
    world.put("a", "b")
    world.visit_and_lose(executed=False)
    world.visit_and_lose(executed=executed, sets=1 + step)
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a", "b"]
    assert world.books.executed["InvoiceAdd"] == 2
    assert world.jobs() == {"a": "done", "b": "done"}


def test_a_visit_that_waits_is_taken_over_at_once_by_the_next(world: Any, speak: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    world.books.process(document)
    assert world.visit().raw == [99, 100]
    assert speak.steps(world.books.sent) == ["write", "check", "clear"]
    assert world.books.invoices == ["a"]
    first, _ = world.rows(Session)
    assert first.result == "taken over"


def test_another_pc_that_calls_within_ten_minutes_leaves_the_set_alone(world: Any, speak: Any) -> None:
    """The first PC may be writing the set at this moment: two would write it twice."""
    world.put("a")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    world.clock.tick(120)
    world.books.machine = "BUREAU-7"
    world.refresh()
    seen = world.visit()
    assert seen.raw[-1] == -1
    assert seen.error == "BUREAU-2 was at work on the same invoices a moment ago. This computer goes on in 8 minutes."
    assert "InvoiceAddRq" not in "".join(world.books.sent)
    assert "CustomerQueryRq" in "".join(world.books.sent)
    assert "look-up" not in speak.steps(world.books.sent)
    world.clock.tick(300)
    assert world.visit().raw[-1] == 100
    assert world.books.work()[-1] == document
    assert world.books.invoices == ["a"]


def test_another_pc_that_finds_the_answer_takes_it_at_once(world: Any, speak: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    world.books.process(world.ask(ticket, first=True))
    world.books.machine = "BUREAU-7"
    assert world.visit().raw == [99, 100]
    assert world.jobs() == {"a": "done"}
    assert world.books.executed["InvoiceAdd"] == 1


def test_the_same_pc_does_not_wait_for_itself(world: Any) -> None:
    world.put("a")
    world.ask(world.ticket(), first=True)
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a"]


def test_waiting_for_another_pc_is_no_attempt(world: Any) -> None:
    """An impatient person clicks once a minute: the set is not given up."""
    world.put("a")
    world.ask(world.ticket(), first=True)
    world.books.machine = "BUREAU-7"
    for _ in range(9):
        world.clock.tick(60 - 300)  # a visit of the emulator ends 300 seconds later
        world.visit()
        assert world.jobs() == {"a": "waiting"}
    world.clock.tick(600)
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a"]


def test_a_lost_read_is_simply_asked_anew(world: Any, speak: Any) -> None:
    world.put_change()
    lost = world.visit_and_lose()
    world.visit()
    assert world.books.sent == [lost, lost]
    assert speak.set_id(lost) is None
    assert world.jobs() == {"c": "done"}


def test_a_lost_greeting_that_we_asked_for_harms_nothing(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    world.ask(ticket)
    world.clock.tick(3600)
    assert world.visit(brings_greeting=False).figures == [0, 100]
    assert world.books.invoices == ["a"]


def test_only_a_lost_set_is_reason_enough_to_open_a_visit(world: Any) -> None:
    world.put("a")
    world.visit_and_lose()
    assert world.visit().raw == [99, 100]
    assert world.visit().told[1] == "none"


@pytest.mark.parametrize("hresult", ["0x80040402", "0x8004040E", "0x80010108", "0x80040308", "0x8004FFFF", "nonsense"])
@pytest.mark.parametrize("executed", [True, False])
def test_after_any_other_failure_the_set_is_taken_up_at_the_next_visit(
    world: Any, speak: Any, hresult: str, executed: bool
) -> None:
    world.put("a", "b")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    if executed:
        world.books.process(document)
    assert world.endpoint.receive_response(ticket, "", hresult, "QuickBooks says no") == -1
    assert f"({hresult})" in world.endpoint.get_last_error(ticket)
    world.endpoint.close_connection(ticket)
    assert world.visit().raw[-1] == 100
    assert world.books.work() == [document]
    assert speak.steps(world.books.sent)[-2:] == (["check", "clear"] if executed else ["write", "clear"])
    assert world.books.invoices == ["a", "b"]
    assert world.books.executed["InvoiceAdd"] == 2


@pytest.mark.parametrize("hresult", ["0x8004040D", "0x80040423", "0x80040420"])
def test_what_surely_wrote_nothing_is_no_sending_however_often_it_comes(world: Any, hresult: str) -> None:
    """A QuickBooks with an open window refuses for a whole night; in the morning the invoice leaves."""
    world.put("a")
    world.books.hresult = lambda document: hresult if "InvoiceAdd" in document else None
    for _ in range(3 * recovery.MOST_SENDINGS):
        assert world.visit().raw[-1] == -1
        assert world.jobs() == {"a": "waiting"}
    world.books.hresult = lambda _document: None
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a"]


@pytest.mark.parametrize("hresult", ["0x8004040D", "0x80040420"])
def test_a_question_that_surely_was_not_answered_is_no_attempt_either(world: Any, hresult: str) -> None:
    """The set was lost, and since then QuickBooks refuses everything."""
    world.put("a")
    world.visit_and_lose(executed=True)
    world.books.hresult = lambda _document: hresult
    for _ in range(3 * recovery.MOST_SENDINGS):
        assert world.visit().raw == [-1]
        assert world.jobs() == {"a": "waiting"}
    world.books.hresult = lambda _document: None
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a"]
    assert world.jobs() == {"a": "done"}


# -- a set that is refused as a whole ---------------------------------------------


@pytest.mark.parametrize("guilty", [0, 49, 59])
def test_a_set_that_cannot_be_parsed_is_halved_until_the_guilty_request_stands_alone(world: Any, guilty: int) -> None:
    memos = [f"invoice-{n:02d}" for n in range(60)]
    world.books.hresult = lambda document: PARSE_REFUSED if memos[guilty] in document else None
    world.put(*memos)
    seen = world.visit()
    assert seen.figures[-1] == 100
    assert seen.raw == sorted(seen.raw)
    assert len(world.books.sent) < 20
    states = world.jobs()
    assert states.pop(memos[guilty]) == "parked"
    assert set(states.values()) == {"done"}
    assert Counter(world.books.invoices) == Counter(memo for memo in memos if memo != memos[guilty])
    job = world.job(memos[guilty])
    assert (job.status_code, job.status_message) == (PARSE_REFUSED, "QuickBooks says no")
    assert [status.written for status in world.add.parkings] == [False]


def test_every_guilty_request_is_found(world: Any) -> None:
    memos = [f"m{n:02d}" for n in range(20)]
    world.books.hresult = lambda document: (
        PARSE_REFUSED if any(memo in document for memo in ("m03", "m04", "m19")) else None
    )
    world.put(*memos)
    world.visit()
    assert {key for key, state in world.jobs().items() if state == "parked"} == {"m03", "m04", "m19"}
    assert len(world.books.invoices) == 17


def test_a_read_that_cannot_be_parsed_is_found_too(world: Any) -> None:
    world.books.hresult = lambda document: "80040400" if "CustomerQuery" in document else None
    world.refresh()
    world.put("a")
    seen = world.visit()
    assert seen.figures[-1] == 100
    assert world.books.invoices == ["a"]
    parked = [key for key, state in world.jobs().items() if state == "parked"]
    assert parked == ["customer:1"]


# -- nothing blocks for ever --------------------------------------------------------


def test_a_set_that_never_comes_back_is_left_to_a_person_and_the_rest_goes_on(world: Any, speak: Any) -> None:
    world.put("poison")
    world.books.hresult = lambda document: "0x80040402" if "poison" in document else None
    for _ in range(recovery.MOST_SENDINGS):
        assert world.visit().raw[-1] == -1
    world.put("b")
    assert world.visit().figures == [100]
    assert world.jobs() == {"poison": "parked", "b": "done"}
    assert world.job("poison").status_code == "0x80040402"
    assert [status.written for status in world.add.parkings] == [None]
    (request,) = world.requests("poison")
    assert request.state is RequestState.SENT  # nobody knows
    assert "clear" not in speak.steps(world.books.sent)  # and so QuickBooks must not forget
    assert len({one for one in world.books.work() if "poison" in one}) == 1


def test_trying_again_after_an_unknown_outcome_takes_the_set_up_again_and_writes_once(world: Any, speak: Any) -> None:
    """QuickBooks wrote the invoice, and died each time before it could say so."""
    world.put("a", "b")
    lost = world.visit_and_lose(executed=True)
    for _ in range(recovery.MOST_SENDINGS - 1):
        assert speak.steps([world.ask(world.ticket(), first=True)]) == ["check"]
        world.clock.tick(3600)
    assert world.visit().raw == []
    assert world.jobs() == {"a": "parked", "b": "parked"}
    world.retry("a")
    assert world.jobs() == {"a": "waiting", "b": "waiting"}  # they travelled together, and do so again
    with pytest.raises(QueueError):
        world.retry("b")
    assert world.visit().raw == [99, 100]
    assert world.books.work() == [lost]
    assert speak.steps(world.books.sent) == ["write", "check", "clear"]
    assert world.books.invoices == ["a", "b"]
    assert world.jobs() == {"a": "done", "b": "done"}
    assert world.job("a").payload == {"told": ["T-1"]}


def test_trying_again_what_quickbooks_never_wrote_sends_the_same_bytes(world: Any) -> None:
    world.put("a")
    lost = world.visit_and_lose(executed=False)
    for _ in range(recovery.MOST_SENDINGS - 1):
        world.ask(world.ticket(), first=True)
        world.clock.tick(3600)
    world.visit()
    assert world.jobs() == {"a": "parked"}
    world.retry("a")
    assert world.visit().raw[-1] == 100
    assert world.books.work() == [lost]
    assert world.books.invoices == ["a"]


def test_an_unknown_outcome_cannot_be_taken_back(world: Any) -> None:
    from qbwc import queue

    world.put("a")
    world.books.hresult = lambda _document: "0x80040402"
    for _ in range(recovery.MOST_SENDINGS + 1):
        world.visit()
    assert world.jobs() == {"a": "parked"}
    with world.database.write() as db, pytest.raises(QueueError, match="already left"):
        queue.cancel(db, world.job_of(db, "a"), now=world.clock())


def test_a_read_that_always_kills_quickbooks_is_found_and_left_to_a_person(world: Any) -> None:
    world.refresh()
    world.put("a")
    world.books.hresult = lambda document: "0x8004040E" if "AccountQuery" in document else None
    for _ in range(12):
        world.visit()
    states = world.jobs()
    assert {key for key, state in states.items() if state == "parked"} == {"account:1"}
    assert states["a"] == "done"
    assert world.job("account:1").status_code == "0x8004040E"


def test_the_attempts_are_counted_over_visits(world: Any) -> None:
    world.put("a")
    world.visit_and_lose(executed=False)
    for expected in (2, 3, 4):
        world.ask(world.ticket(), first=True)
        world.clock.tick(3600)
        (exchange,) = [row for row in world.rows(Exchange) if row.is_write]
        assert (exchange.attempts, exchange.state) == (expected, ExchangeState.SENT)


# -- chance -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_lost_every_invoice_is_written_exactly_once(
    database: Database, clock: Any, speak: Any, seed: int
) -> None:
    """Answers, requests and whole visits are lost at random; the server crashes before or after it commits."""
    dice = random.Random(seed)
    world = speak.World(database, clock)
    memos = [f"i{n}" for n in range(30)]
    for start in range(0, 30, 6):
        world.put(*memos[start : start + 6])
        world.refresh()
        _visit_with_accidents(world, dice)
    for _ in range(40):
        _visit_with_accidents(world, dice)
    # From now on nothing breaks any more, and a person tries again what was given up.
    for _ in range(6):
        for memo in [key for key, state in world.jobs().items() if state == "parked" and key in memos]:
            if world.jobs()[memo] == "parked":  # those that travelled together begin again together
                world.retry(memo)
        world.visit()
    assert world.log_in()[1] == "none"
    assert Counter(world.books.invoices) == Counter(memos)
    states = world.jobs()
    assert {key: states[key] for key in memos} == dict.fromkeys(memos, "done")
    assert all(world.job(memo).payload["told"] == [f"T-{world.books.invoices.index(memo) + 1}"] for memo in memos)
    assert world.books.stored == {}  # and nothing is kept that nobody needs


def _visit_with_accidents(world: Any, dice: random.Random) -> None:
    """One visit. At each step something may break; then the connector is gone, and comes back later."""
    ticket, what = world.log_in()
    if what in ("busy", "none"):
        world.clock.tick(91)
        return
    for turn in range(40):
        document = world.ask(ticket, first=turn == 0)
        if not document:
            break
        if dice.random() < 0.1:
            document = world.ask(ticket)  # the answer to the first call was lost: the connector asks again
        if dice.random() < 0.1:
            world.clock.tick(3600)
            return  # the request never reached QuickBooks
        answer = world.books.process(document)
        if dice.random() < 0.1:
            world.clock.tick(3600)
            return  # QuickBooks did it, and the answer was lost
        if dice.random() < 0.1:
            answer = answer[: dice.randrange(len(answer))]
        figure = world.endpoint.receive_response(ticket, answer, "", "")
        if dice.random() < 0.1:
            figure = world.endpoint.receive_response(ticket, answer, "", "")  # our figure was lost
        if figure < 0 or figure == 100:
            break
    world.endpoint.close_connection(ticket)
    world.clock.tick(300)


def test_a_parked_read_is_parked_for_good(world: Any) -> None:
    world.books.hresult = lambda document: "0x8004040E" if "InvoiceQuery" in document else None
    world.put_change()
    for _ in range(recovery.MOST_SENDINGS + 1):
        world.visit()
    job = world.job("c")
    assert (job.state, job.status_code) == (JobState.PARKED, "0x8004040E")
    assert world.visit().told[1] == "none"
