"""A lost set of which QuickBooks keeps no answer: what it wrote is looked for in the company file, and adopted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from qbwc import queue, recovery
from qbwc.models import Doubt, Exchange, RequestState

STEPS_WHEN_WRITTEN = ["check", "look-up", "clear"]
STEPS_WHEN_NOT = ["check", "look-up", "write", "clear"]


def told(world: Any, *keys: str) -> list[Any]:
    return [world.job(key).payload.get("told") for key in keys]


def is_look_up(document: str) -> bool:
    return "TxnDateRangeFilter" in document


def look_up_says(world: Any, speak: Any, answer: Any) -> None:
    """QuickBooks' answer to a look-up is made by the test; other queries are answered as ever."""
    plain = world.books._query

    def say(request: Any) -> str:
        request_id = request.get("requestID")
        return str(plain(request_id, request) if request.find("TxnID") is not None else answer(request_id))

    world.books.says["InvoiceQuery"] = say


# -- restored backups ------------------------------------------------------------------------------


@pytest.mark.parametrize("shows_stamps", [True, False])
def test_a_restored_backup_that_holds_the_invoices_has_them_adopted_once(
    world: Any, speak: Any, shows_stamps: bool
) -> None:
    """By their stamp; by their content in a QuickBooks that shows no stamps."""
    world.books.shows_stamps = shows_stamps
    world.put("a", "b", "c")
    world.visit_and_lose(executed=True)
    world.books.restore(3)
    seen = world.visit()
    assert speak.steps(world.books.sent)[1:] == STEPS_WHEN_WRITTEN
    assert seen.raw == [0, 99, 100]
    assert world.books.invoices == ["a", "b", "c"]
    assert told(world, "a", "b", "c") == [["T-1"], ["T-2"], ["T-3"]]
    assert world.visit().told[1] == "none"


@pytest.mark.parametrize("shows_stamps", [True, False])
def test_a_restored_backup_without_the_invoices_gets_them_once(world: Any, speak: Any, shows_stamps: bool) -> None:
    world.books.shows_stamps = shows_stamps
    world.put("a", "b", "c")
    lost = world.visit_and_lose(executed=True)
    world.books.restore(0)
    world.visit()
    assert speak.steps(world.books.sent)[1:] == STEPS_WHEN_NOT
    assert world.books.work() == [lost, lost]
    assert world.books.invoices == ["a", "b", "c"]
    assert told(world, "a", "b", "c") == [["T-4"], ["T-5"], ["T-6"]]
    assert world.visit().told[1] == "none"


@pytest.mark.parametrize("shows_stamps", [True, False])
def test_a_restored_backup_that_holds_some_gets_the_rest_only(world: Any, speak: Any, shows_stamps: bool) -> None:
    world.books.shows_stamps = shows_stamps
    world.put("a", "b", "c")
    lost = world.visit_and_lose(executed=True)
    world.books.restore(1)
    world.visit()
    assert speak.steps(world.books.sent)[1:] == STEPS_WHEN_NOT
    rest = world.books.work()[-1]
    assert speak.set_id(rest) != speak.set_id(lost)
    assert speak.tags(rest) == ["InvoiceAddRq"] * 2
    assert world.books.invoices == ["a", "b", "c"]
    assert told(world, "a", "b", "c") == [["T-1"], ["T-4"], ["T-5"]]
    assert set(world.jobs().values()) == {"done"}


def test_two_identical_invoices_without_stamps_are_adopted_as_two_objects(world: Any) -> None:
    world.books.shows_stamps = False
    with world.database.write() as db:
        for key in ("one", "two"):
            world._put(db, "add-invoice", key, [("add", world.invoice("the same"))])
    world.visit_and_lose(executed=True)
    world.books.restore(2)
    world.visit()
    assert world.books.invoices == ["the same", "the same"]
    assert told(world, "one", "two") == [["T-1"], ["T-2"]]


def test_two_identical_invoices_of_which_one_is_there_leave_one_to_write(world: Any) -> None:
    world.books.shows_stamps = False
    with world.database.write() as db:
        for key in ("one", "two"):
            world._put(db, "add-invoice", key, [("add", world.invoice("the same"))])
    world.visit_and_lose(executed=True)
    world.books.restore(1)
    world.visit()
    assert world.books.invoices == ["the same", "the same"]
    assert told(world, "one", "two") == [["T-1"], ["T-3"]]


def test_an_invoice_with_another_stamp_is_not_taken_for_ours(world: Any) -> None:
    """Somebody wrote the same by another way: it carries a stamp of its own."""
    world.put("a")
    world.visit_and_lose(executed=False)
    world.books.kept.append(
        {
            "TxnID": "X-1",
            "EditSequence": "1",
            "CustomerRef": "80000001-1",
            "TxnDate": "2026-10-31",
            "Memo": "a",
            "ExternalGUID": "{99999999-9999-9999-9999-999999999999}",
        }
    )
    world.visit()
    assert world.books.invoices == ["a"]
    assert told(world, "a") == [["T-1"]]


def test_what_was_adopted_is_watched_like_what_was_written(world: Any) -> None:
    world.put("a")
    world.visit_and_lose(executed=True)
    world.books.restore(1)
    world.visit()
    assert world.connection().landmarks == {"Invoice:T-1": "1"}


def test_every_add_carries_a_stamp_of_its_own(world: Any) -> None:
    world.put("a", "b")
    world.visit()
    stamps = [one["ExternalGUID"] for one in world.books.kept]
    assert len(set(stamps)) == 2
    assert all(len(stamp) == 38 for stamp in stamps)


# -- when QuickBooks cannot tell what it kept ----------------------------------------------------------


@pytest.mark.parametrize("code", ["600", "9001", "9002", "9004", "77"])
@pytest.mark.parametrize("executed", [True, False])
def test_a_check_without_a_kept_answer_is_followed_by_a_look_up(
    world: Any, speak: Any, code: str, executed: bool
) -> None:
    world.books.absent = code
    world.put("a")
    world.visit_and_lose(executed=executed)
    world.books.stored.clear()
    assert world.visit().raw[-1] == 100
    assert speak.steps(world.books.sent)[-3:] == (STEPS_WHEN_WRITTEN if executed else STEPS_WHEN_NOT[1:])
    assert world.books.invoices == ["a"]
    assert world.jobs() == {"a": "done"}


@pytest.mark.parametrize("executed", [True, False])
def test_a_quickbooks_that_does_not_know_the_check_is_searched_too(world: Any, speak: Any, executed: bool) -> None:
    world.put("a")
    world.visit_and_lose(executed=executed)
    world.books.stored.clear()
    world.books.hresult = lambda document: "0x80040400" if speak.steps([document]) == ["check"] else None
    assert world.visit().raw[-1] == 100
    assert "look-up" in speak.steps(world.books.sent)
    assert world.books.invoices == ["a"]
    assert world.jobs() == {"a": "done"}


@pytest.mark.parametrize("code", [1000, 3260, 3261])
def test_a_look_up_that_is_answered_by_an_error_leaves_the_set_in_doubt(world: Any, speak: Any, code: int) -> None:
    world.put("a")
    lost = world.visit_and_lose(executed=True)
    world.books.restore(1)
    look_up_says(world, speak, lambda request_id: speak.error("InvoiceQuery", request_id, code))
    world.visit()
    assert speak.steps(world.books.sent)[1:] == ["check", "look-up"]
    assert world.jobs() == {"a": "waiting"}
    (exchange,) = [row for row in world.rows(Exchange) if row.is_write]
    assert exchange.doubt is Doubt.HELD
    del world.books.says["InvoiceQuery"]
    world.visit()
    assert world.books.work() == [lost]
    assert world.books.invoices == ["a"]
    assert told(world, "a") == [["T-1"]]


def test_a_customer_that_is_not_there_has_no_invoice_of_ours(world: Any, speak: Any) -> None:
    world.put("a")
    lost = world.visit_and_lose(executed=False)
    look_up_says(world, speak, lambda request_id: speak.error("InvoiceQuery", request_id, 3120))
    world.visit()
    assert world.books.work() == [lost]
    assert world.jobs() == {"a": "done"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda _speak, _id: "",
        lambda speak, request_id: speak.done(
            "InvoiceQuery", request_id, "<InvoiceRet><TxnID>T-1</TxnID><TxnNumber>many</TxnNumber></InvoiceRet>"
        ),
    ],
    ids=["no answer", "an invoice that cannot be read"],
)
def test_a_look_up_that_says_neither_yes_nor_no_writes_nothing(world: Any, speak: Any, answer: Any) -> None:
    world.put("a")
    world.visit_and_lose(executed=True)
    world.books.restore(1)
    look_up_says(world, speak, lambda request_id: answer(speak, request_id))
    world.visit()
    assert world.books.invoices == ["a"]
    assert world.jobs() == {"a": "waiting"}
    del world.books.says["InvoiceQuery"]
    world.visit()
    assert world.books.invoices == ["a"]
    assert told(world, "a") == [["T-1"]]


def test_a_look_up_that_never_works_is_left_to_a_person_at_last(world: Any) -> None:
    world.put("a")
    world.visit_and_lose(executed=True)
    world.books.restore(1)
    world.books.hresult = lambda document: "0x80040400" if is_look_up(document) else None
    for _ in range(recovery.MOST_SENDINGS):
        world.visit()
    assert world.jobs() == {"a": "parked"}
    assert world.books.invoices == ["a"]
    world.books.hresult = lambda _document: None
    world.retry("a")
    world.visit()
    assert world.books.invoices == ["a"]
    assert told(world, "a") == [["T-1"]]


def test_one_that_is_in_doubt_does_not_keep_what_was_found_from_being_adopted(world: Any, speak: Any) -> None:
    world.put("a", "b")
    world.visit_and_lose(executed=True)
    world.books.restore(2)
    plain = world.books._query

    def say(request: Any) -> str:
        request_id = request.get("requestID")
        return str(speak.error("InvoiceQuery", request_id, 1000) if request_id == "2" else plain(request_id, request))

    world.books.says["InvoiceQuery"] = say
    world.visit()
    assert world.jobs() == {"a": "done", "b": "waiting"}
    del world.books.says["InvoiceQuery"]
    world.visit()
    assert world.jobs() == {"a": "done", "b": "done"}
    assert Counter(world.books.invoices) == Counter(["a", "b"])


def test_new_work_does_not_wait_for_a_set_that_is_held(world: Any, speak: Any) -> None:
    world.put("a")
    world.visit_and_lose(executed=True)
    world.books.restore(1)
    look_up_says(world, speak, lambda request_id: speak.error("InvoiceQuery", request_id, 1000))
    world.put("b")
    world.visit()
    assert world.jobs() == {"a": "waiting", "b": "done"}
    assert world.books.invoices == ["a", "b"]


# -- clearing ------------------------------------------------------------------------------------------


def test_a_visit_that_wrote_ends_with_one_clearing_and_100_comes_after_it_only(world: Any, speak: Any) -> None:
    world.put("a")
    seen = world.visit()
    assert seen.raw == [99, 100]
    assert speak.steps(world.books.sent) == ["write", "clear"]
    assert world.books.sent[-1].count("MessageSetID=") == 1
    assert world.books.stored == {}
    assert not world.connection().has_stored_sets


def test_a_visit_that_only_read_clears_nothing(world: Any, speak: Any) -> None:
    world.refresh()
    world.visit()
    assert "clear" not in speak.steps(world.books.sent)


def test_nothing_is_cleared_while_a_request_is_in_doubt(world: Any, speak: Any) -> None:
    """Also one that was written and could not be handled: its kept answer is what makes trying again safe."""
    world.add.fails = lambda said: 1 / 0 if said.request_id == "1" else None
    world.put("a", "b")
    assert world.visit().raw == [100]
    assert world.jobs() == {"a": "parked", "b": "done"}
    assert "clear" not in speak.steps(world.books.sent)
    assert len(world.books.stored) == 1
    world.add.fails = lambda _said: None
    world.retry("a")
    world.visit()
    assert speak.steps(world.books.sent)[-2:] == ["check", "clear"]
    assert world.books.stored == {}


@pytest.mark.parametrize("executed", [True, False])
def test_a_clearing_that_was_lost_is_done_by_a_later_visit(world: Any, speak: Any, executed: bool) -> None:
    world.put("a")
    assert speak.steps([world.visit_and_lose(executed=executed, sets=2)]) == ["clear"]
    assert world.jobs() == {"a": "done"}
    assert world.visit().raw[-1] == 100
    assert speak.steps(world.books.sent)[-1] == "clear"
    assert world.books.stored == {}
    assert world.visit().told[1] == "none"


def test_a_quickbooks_that_does_not_know_the_clearing_ends_the_visit_well(world: Any, speak: Any) -> None:
    world.books.hresult = lambda document: "0x80040400" if "ClearAll" in document else None
    world.put("a")
    seen = world.visit()
    assert seen.raw == [99, 100]
    assert seen.closed == "All done: 1 requests answered."
    assert world.visit().told[1] == "none"


# -- what the texts lost -----------------------------------------------------------------------------------


def test_characters_that_quickbooks_cannot_keep_are_named_and_do_not_hide_the_invoice(world: Any) -> None:
    world.books.shows_stamps = False
    memo = "œuvre \N{GRINNING FACE} été"
    with world.database.write() as db:
        world._put(db, "add-invoice", "a", [("add", world.invoice(memo))])
    (row,) = world.requests("a")
    changes = dict(zip(row.text_changes[::2], row.text_changes[1::2], strict=True))
    assert changes["œ"] == "oe"
    assert "\N{GRINNING FACE}" in changes
    assert "é" not in changes
    world.visit_and_lose(executed=True)
    world.books.restore(1)
    world.visit()
    assert len(world.books.invoices) == 1
    assert world.jobs() == {"a": "done"}


def test_plain_text_is_changed_in_nothing(world: Any) -> None:
    world.put("été")
    assert world.requests("été")[0].text_changes is None


def test_a_job_whose_write_is_looked_for_cannot_be_taken_back(world: Any) -> None:
    from qbwc.errors import QueueError

    world.put("a")
    world.visit_and_lose(executed=False)
    world.ask(world.ticket(), first=True)
    with world.database.write() as db, pytest.raises(QueueError, match="already left"):
        queue.cancel(db, world.job_of(db, "a"), now=world.clock())
    with world.database.read() as db:
        states = set(db.scalars(sa.select(Exchange.state).filter_by(is_write=True)))
    assert {str(state) for state in states} == {"sent"}
    assert world.requests("a")[0].state is RequestState.SENT
