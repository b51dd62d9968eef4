"""What an unlucky or unusual QuickBooks, connector or clock could do, and must not."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest

from qbwc import company_file, queue
from qbwc.errors import QueueError
from qbwc.identity import Verdict
from qbwc.models import ListObject, ListState

OTHER_OWNER = "{99999999-86F1-4FCC-B1FF-966DE1813D20}"


def put_as(world: Any, key: str, memo: str) -> None:
    with world.database.write() as db:
        world._put(db, "add-invoice", key, [("add", world.invoice(memo))])


def lose_before_quickbooks(world: Any, speak: Any) -> None:
    """The next write set leaves, and never arrives."""
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    while not speak.is_work(document):
        world.give(ticket, document)
        document = world.ask(ticket)
    world.clock.tick(3600)


# -- the company file --------------------------------------------------------------------


def test_our_mark_under_another_applications_owner_id_is_not_ours(world: Any, speak: Any) -> None:
    greeting = world.books.greeting
    world.books.greeting = lambda: greeting().replace(speak.OWNER_ID, OTHER_OWNER)
    world.put("a")
    world.visit()
    assert world.connection().verdict is Verdict.UNMARKED
    assert world.books.invoices == []


@pytest.mark.parametrize("waits", [True, False])
def test_another_file_that_is_opened_during_the_visit_gets_nothing(world: Any, waits: bool) -> None:
    world.refresh()
    world.put("a")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    if not waits:
        world.give(ticket, document)
    world.books.path = r"C:\QB\Another.qbw"
    assert world.ask(ticket) == ""
    assert "Another company file" in world.endpoint.get_last_error(ticket)
    assert world.books.invoices == []


def test_another_greeting_during_the_visit_stops_it(world: Any) -> None:
    world.refresh()
    world.put("a")
    ticket = world.ticket()
    world.give(ticket, world.ask(ticket, first=True))
    world.books.name = "Somebody else"
    assert world.ask(ticket, first=True) == ""
    assert world.books.invoices == []


def test_a_file_is_not_opened_anew_while_a_set_is_out(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    world.ask(ticket, first=True)
    assert world.endpoint.connection_error(ticket, "0x80040408", "no") == "done"


def test_what_is_confirmed_is_what_was_shown(world: Any) -> None:
    world.put("a")
    world.visit()
    world.books.path = r"D:\moved.qbw"
    world.put("b")
    world.visit()
    shown = world.connection().seen_company_name, world.connection().seen_company_path
    world.books.path = r"E:\copy.qbw"
    world.visit()
    with world.database.write() as db, pytest.raises(QueueError, match="since"):
        company_file.confirm(db, world.connection_of(db), name=shown[0], path=shown[1])
    assert world.connection().verdict is Verdict.MOVED


# -- whose is it? ------------------------------------------------------------------------


def test_the_invoice_of_another_set_is_never_taken_for_a_lost_one(world: Any, speak: Any) -> None:
    world.books.shows_stamps = False
    put_as(world, "first", "same")
    world.visit()
    world.clock.tick(3600)
    put_as(world, "second", "same")
    lose_before_quickbooks(world, speak)
    world.visit()
    assert world.books.invoices == ["same", "same"]
    assert set(world.jobs().values()) == {"done"}


def test_where_stamps_are_shown_a_twin_without_one_is_not_ours(world: Any, speak: Any) -> None:
    put_as(world, "first", "one")
    world.visit()
    put_as(world, "second", "two")
    world.visit()  # the landmarks show their stamps
    put_as(world, "third", "twin")
    lose_before_quickbooks(world, speak)
    by_hand = {**world.books.kept[-1], "TxnID": "HAND-1", "Memo": "twin", "ExternalGUID": ""}
    world.books.kept.append(by_hand)
    world.visit()
    assert world.books.invoices == ["one", "two", "twin"]


def test_an_id_that_is_spent_does_not_park_a_healthy_invoice(world: Any) -> None:
    """A QuickBooks that keeps the answer to the status check itself, under the same id."""
    process = world.books.process
    spent: set[str] = set()

    def keep_the_check(document: str) -> str:
        found = re.search(r'newMessageSetID="([^"]+)"', document)
        if found and f'oldMessageSetID="{found[1]}"' in document:
            spent.add(found[1])
            return str(world.books._set("", "600"))
        if found and found[1] in spent:
            return str(world.books._set("", "9001"))
        return str(process(document))

    world.books.process = keep_the_check
    world.put("a")
    world.visit_and_lose(executed=False)
    for _ in range(3):
        world.visit()
    assert world.books.invoices == ["a"]
    assert world.jobs() == {"a": "done"}


def test_answers_without_a_request_id_are_matched_in_order(world: Any) -> None:
    process = world.books.process
    world.books.process = lambda document: re.sub(r' requestID="[^"]*"', "", process(document))
    world.put("a", "b")
    assert world.visit().raw[-1] == 100
    assert world.jobs() == {"a": "done", "b": "done"}
    assert world.job("b").payload == {"told": ["T-2"]}


def test_a_job_that_wrote_half_does_not_write_that_half_again(world: Any, speak: Any) -> None:
    answer = world.books._answer
    world.books.says["InvoiceAdd"] = lambda request: (
        speak.error("InvoiceAdd", request.get("requestID"), 3100)
        if request.findtext(".//Memo") == "y"
        else say_once(world, answer, request)
    )
    messages = [("add", world.invoice("x")), ("add", world.invoice("y"))]
    with world.database.write() as db:
        world._put(db, "add-invoice", "two", messages)
    world.visit()
    with world.database.write() as db, pytest.raises(QueueError, match="written already"):
        queue.retry(db, world.registry, world.job_of(db, "two"), messages, now=world.clock())
    assert world.books.invoices == ["x"]


def say_once(world: Any, answer: Any, request: Any) -> str:
    says = world.books.says.pop("InvoiceAdd")
    try:
        return str(answer(request))
    finally:
        world.books.says["InvoiceAdd"] = says


# -- visits that follow each other at once -------------------------------------------------


def test_visits_that_take_each_other_over_at_once_give_nothing_up(world: Any) -> None:
    world.put("a")
    for _ in range(10):
        world.ask(world.ticket(), first=True)
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a"]
    assert world.jobs() == {"a": "done"}


def test_four_connectors_on_one_computer_write_everything_once(world: Any) -> None:
    memos = [f"m{n}" for n in range(12)]
    world.put(*memos)
    lock = threading.Lock()

    def visits() -> None:
        for _ in range(12):
            with lock:
                ticket, what = world.log_in()[:2]
            if what in ("busy", "none"):
                continue
            document = world.ask(ticket, first=True)
            for _ in range(30):
                if not document:
                    break
                with lock:
                    figure = world.give(ticket, document)
                if figure in (-1, 100):
                    break
                document = world.ask(ticket)
            world.endpoint.close_connection(ticket)

    threads = [threading.Thread(target=visits) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.clock.tick(3600)
    for _ in range(4):
        world.visit()
    assert sorted(world.books.invoices) == sorted(memos)
    assert set(world.jobs().values()) == {"done"}


def test_a_clock_that_was_set_back_keeps_nobody_out(world: Any) -> None:
    world.put("a")
    world.ticket()
    world.clock.at -= timedelta(days=1)
    assert world.visit().raw[-1] == 100


def test_while_another_computer_may_be_at_work_nothing_new_is_written(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    world.ask(ticket, first=True)
    world.put("b")
    world.clock.tick(120)
    world.books.machine = "ATELIER-7"
    seen = world.visit()
    assert "BUREAU-2" in seen.error
    assert world.books.invoices == []
    world.clock.tick(900)
    world.visit()
    assert sorted(world.books.invoices) == ["a", "b"]


# -- lists -----------------------------------------------------------------------------


def customers(world: Any) -> int:
    return sum(1 for row in world.rows(ListObject) if row.kind == "customer")


def test_a_page_that_was_executed_twice_starts_the_list_again(world: Any, pages: Any) -> None:
    pages(world.books, 1400, 500)
    world.refresh()
    world.visit()
    world.clock.tick(3600)
    world.refresh(full=True)
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    lost = False
    for _ in range(60):
        if not document:
            break
        if 'iterator="Continue"' in document and not lost:
            lost = True
            world.books.process(document)
            assert world.ask(ticket) == document
        figure = world.give(ticket, document)
        if figure in (-1, 100):
            break
        document = world.ask(ticket)
    assert lost
    assert customers(world) == 1400


def test_a_pull_that_lacks_a_page_every_time_is_not_taken_for_a_whole_one(world: Any, pages: Any) -> None:
    pages(world.books, 1400, 500)
    say = world.books.says["CustomerQuery"]
    # The last page never comes: after the second, nothing is left.
    world.books.says["CustomerQuery"] = lambda request: re.sub(
        'iteratorRemainingCount="400"', 'iteratorRemainingCount="0"', say(request)
    )
    world.refresh()
    world.visit()
    (state,) = [row for row in world.rows(ListState) if row.kind == "customer"]
    assert (state.is_complete, state.watermark, state.pulled_whole_at) == (False, None, None)
    world.books.says["CustomerQuery"] = say
    world.clock.tick(3600)
    world.refresh()
    world.visit()
    (state,) = [row for row in world.rows(ListState) if row.kind == "customer"]
    assert state.is_complete
    assert state.pulled_whole_at is not None
    assert customers(world) == 1400


def test_pages_without_an_iterator_id_go_on_with_the_first(world: Any, pages: Any) -> None:
    pages(world.books, 1400, 500)
    say = world.books.says["CustomerQuery"]
    world.books.says["CustomerQuery"] = lambda request: (
        re.sub(r' iteratorID="[^"]*"', "", say(request)) if request.get("iterator") == "Continue" else say(request)
    )
    world.refresh()
    world.visit()
    assert customers(world) == 1400


def test_an_iterator_that_never_ends_does_not_keep_the_visit(world: Any, speak: Any) -> None:
    more = ' retCount="0" iteratorRemainingCount="7" iteratorID="{it}"'
    world.books.says["CustomerQuery"] = lambda request: speak.done("CustomerQuery", request.get("requestID"), "", more)
    world.refresh()
    world.put("a")
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a"]


# -- odd failures ------------------------------------------------------------------------


def test_a_clearing_that_always_fails_spoils_no_visit(world: Any) -> None:
    world.books.hresult = lambda document: "0x80040402" if "ClearAllMessageSets" in document else None
    world.put("a")
    assert world.visit().raw[-1] == 100
    assert world.visit().told[1] == "none"


def test_a_look_up_that_fails_keeps_only_its_own_set(world: Any) -> None:
    world.put("a")
    world.visit_and_lose(executed=False)

    def fail(_visit: Any) -> None:
        raise RuntimeError("broken")

    world.add.look_up = fail
    world.put("b")
    world.visit()
    assert world.books.invoices == ["b"]


@pytest.mark.parametrize("hresult", ["0", "0x00000000"])
def test_an_hresult_that_means_success_does_not_throw_the_answer_away(world: Any, hresult: str) -> None:
    world.put("a")
    ticket = world.ticket()
    answer = world.books.process(world.ask(ticket, first=True))
    assert world.endpoint.receive_response(ticket, answer, hresult, "") == 99
    assert world.jobs() == {"a": "done"}
