"""Putting, taking, answering, retrying and parking: never the same write twice."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from qbwc import pace, queue
from qbwc.database import Database
from qbwc.errors import EncodeError, QueueError, UnknownJobKind
from qbwc.jobs import JobKind, Registry
from qbwc.models import Job, JobState, Request, RequestState, Session
from qbwc.qbxml.transactions import InvoiceQueryRq


def said_in_turn(world: Any, speak: Any, *codes: int) -> None:
    """QuickBooks answers the first requests with these codes, and works from then on."""
    left = list(codes)
    plain = world.books._answer

    def say(request: Any) -> Any:
        if left:
            return speak.error("InvoiceAdd", request.get("requestID"), left.pop(0))
        del world.books.says["InvoiceAdd"]
        return plain(request)

    world.books.says["InvoiceAdd"] = say


def open_session(world: Any, db: Any) -> Session:
    world.endpoint.authenticate("nordet", "x")
    row = Session(
        connection_id=world.connection_id, ticket_hash="t", opened_at=world.clock(), last_contact_at=world.clock()
    )
    db.add(row)
    db.flush()
    return row


# -- put ------------------------------------------------------------------------


def test_the_same_key_is_queued_once(world: Any) -> None:
    world.put("a", "a")
    world.put("a")
    assert len(world.rows(Job)) == len(world.rows(Request)) == 1
    world.visit()
    world.put("a")
    assert world.visit().told[1] == "none"
    assert world.books.invoices == ["a"]


def test_a_message_that_does_not_fit_leaves_nothing_behind_even_when_the_transaction_goes_on(world: Any) -> None:
    with world.database.write() as db:
        with pytest.raises(EncodeError, match="Memo"):
            world._put(db, "add-invoice", "bad", [("add", world.invoice("ok")), ("add", world.invoice("x" * 5000))])
        world._put(db, "add-invoice", "good", [("add", world.invoice("good"))])
    assert world.jobs() == {"good": "waiting"}
    assert len(world.rows(Request)) == 1


def test_a_kind_that_nobody_registered_is_refused(world: Any) -> None:
    with world.database.write() as db, pytest.raises(UnknownJobKind, match="'nothing'"):
        world._put(db, "nothing", "a", [])


def test_two_who_put_the_same_job_at_once_queue_it_once(world: Any) -> None:
    barrier, failures = threading.Barrier(4), []

    def put() -> None:
        barrier.wait()
        try:
            world.put("a")
        except Exception as problem:
            failures.append(problem)

    run_together(put, 4)
    assert failures == []
    assert len(world.rows(Job)) == len(world.rows(Request)) == 1


def run_together(work: Any, count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


# -- take -----------------------------------------------------------------------


def test_a_set_holds_reads_only_or_writes_only_and_no_more_than_the_largest(world: Any, speak: Any) -> None:
    count = pace.LARGEST_SET + 10
    world.put(*(f"{n}" for n in range(count)))
    world.refresh()
    world.visit()
    sets = [speak.tags(document) for document in world.books.work()]
    assert [{tag.endswith("QueryRq") for tag in tags} for tags in sets] == [{True}, {False}, {False}]
    assert [len(tags) for tags in sets[1:]] == [pace.LARGEST_SET, 10]


def test_a_set_stays_small_in_bytes_too_but_one_large_request_still_leaves(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LARGEST_BYTES", 1500)
    with world.database.write() as db:
        world._put(db, "add-invoice", "large", [("add", world.invoice("a" * 4000))])
    world.put(*(f"{n}" for n in range(8)))
    world.visit()
    sizes = [document.count("<InvoiceAddRq") for document in world.books.work()]
    assert sizes[0] == 1
    assert sum(sizes) == 9
    assert all(size <= 5 for size in sizes)


def test_a_session_that_may_not_write_takes_reads_only(world: Any) -> None:
    world.put("a")
    world.put_change()
    with world.database.write() as db:
        session = open_session(world, db)
        assert [row.tag for row in queue.take(db, session, writes=False)] == ["InvoiceQueryRq"]
        assert queue.has_due(db, world.connection_id, session, writes=False)


def test_nothing_is_due_for_another_connection(world: Any) -> None:
    other = world.connect("other", "{22222222-2222-2222-2222-222222222222}")
    world.put("a")
    with world.database.read() as db:
        assert queue.count_due(db, world.connection_id) == 1
        assert queue.count_due(db, other) == 0
        assert not queue.has_due(db, other)


def test_four_threads_never_take_one_write_twice(postgres: Database, clock: Any, speak: Any) -> None:
    world = speak.World(postgres, clock)
    world.put(*(f"{n}" for n in range(40)))
    taken: list[int] = []
    barrier, hold = threading.Barrier(4), threading.Barrier(4)

    def take() -> None:
        barrier.wait()
        with world.database.write() as db:
            session = Session(
                connection_id=world.connection_id,
                ticket_hash=str(threading.get_ident()),
                opened_at=clock(),
                last_contact_at=clock(),
            )
            db.add(session)
            db.flush()
            taken.extend(row.id for row in queue.take(db, session, writes=True))
            hold.wait(30)

    run_together(take, 4)
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 40


def test_four_threads_that_ask_with_one_ticket_get_the_same_bytes(world: Any) -> None:
    world.put(*(f"{n}" for n in range(60)))
    ticket = world.ticket()
    documents: list[str] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        documents.append(world.ask(ticket, first=True))

    run_together(ask, 4)
    assert len(documents) == 4
    assert len(set(documents)) == 1


def test_an_answer_and_a_log_in_at_once_do_not_lock_each_other_out(world: Any) -> None:
    world.put(*(f"{n}" for n in range(12)))
    failures: list[Exception] = []
    for _ in range(4):
        ticket = world.ticket()
        answer = world.books.process(world.ask(ticket, first=True))
        barrier = threading.Barrier(2)

        def log_in() -> None:
            barrier.wait()  # noqa: B023
            world.log_in()

        def give() -> None:
            barrier.wait()  # noqa: B023
            world.endpoint.receive_response(ticket, answer, "", "")  # noqa: B023

        def guarded(work: Any) -> Any:
            def run() -> None:
                try:
                    work()
                except Exception as problem:
                    failures.append(problem)

            return run

        threads = [threading.Thread(target=guarded(work)) for work in (log_in, give)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        world.clock.tick(91)
        world.put(f"more {world.clock()}")
    assert failures == []
    world.visit()
    world.clock.tick(91)
    world.visit()
    assert len(world.books.invoices) == len(set(world.books.invoices))
    assert set(world.jobs().values()) == {"done"}


# -- answer ---------------------------------------------------------------------


@pytest.mark.parametrize("code", [500, 530, 550])
def test_a_warning_means_that_it_was_written(world: Any, speak: Any, code: int) -> None:
    world.books.says["InvoiceAdd"] = lambda request: speak.error(
        "InvoiceAdd", request.get("requestID"), code, "<InvoiceRet><TxnID>W-1</TxnID></InvoiceRet>", "Warn"
    )
    world.put("a")
    world.visit()
    assert world.job("a").payload == {"told": ["W-1"]}
    assert world.job("a").state is JobState.DONE


@pytest.mark.parametrize("code", [3020, 3120, 3140, 3171, 3270, 99999])
def test_a_refusal_parks_its_job_with_the_code_and_text_of_quickbooks(world: Any, speak: Any, code: int) -> None:
    said_in_turn(world, speak, code)
    world.put("a", "b")
    assert world.visit().figures == [100]
    job = world.job("a")
    assert (job.state, job.status_code, job.status_message) == (JobState.PARKED, str(code), f"said {code}")
    assert job.finished_at is not None
    assert world.job("b").state is JobState.DONE
    (request,) = world.requests("a")
    assert request.state is RequestState.PARKED


@pytest.mark.parametrize("code", [3260, 3263, 3220, 2030])
def test_a_right_that_is_missing_for_one_write_stops_writing_and_parks_nothing(
    world: Any, speak: Any, code: int
) -> None:
    said_in_turn(world, speak, *[code] * 2)
    world.put("a", "b")
    world.put_change("read")
    world.books.kept.append({"TxnID": "T-9", "EditSequence": "1", "CustomerRef": "", "TxnDate": "", "Memo": ""})
    seen = world.visit()
    assert seen.raw[-1] == -1
    assert f"({code})" in seen.error
    assert seen.closed == seen.error
    assert f"({code})" in world.rows(Session)[0].last_error["fr"]
    assert world.jobs() == {"a": "waiting", "b": "waiting", "read": "done"}
    assert world.books.executed["InvoiceAdd"] == 2
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a", "b"]


def test_a_right_that_stays_missing_is_left_to_a_person_at_last(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, *[3260] * 99)
    world.put("a")
    for _ in range(queue.MOST_ATTEMPTS):
        world.visit()
    assert world.jobs() == {"a": "parked"}
    assert world.job("a").status_code == "3260"
    assert world.books.executed["InvoiceAdd"] == queue.MOST_ATTEMPTS


def test_a_right_that_is_missing_for_a_read_stops_only_that_read(world: Any, speak: Any) -> None:
    world.books.says["InvoiceQuery"] = lambda request: speak.error("InvoiceQuery", request.get("requestID"), 3260)
    world.put_change()
    world.put("a")
    assert world.visit().raw[-1] == 100
    assert world.jobs() == {"c": "parked", "a": "done"}


def test_an_answer_without_severity_is_not_taken_for_a_written_invoice(world: Any) -> None:
    world.books.says["InvoiceAdd"] = lambda request: (
        f'<InvoiceAddRs requestID="{request.get("requestID")}" statusCode="3140" statusMessage="gone"/>'
    )
    world.put("a")
    world.visit()
    assert world.jobs() == {"a": "parked"}


def test_a_lock_is_tried_three_times_in_a_visit_and_then_at_the_next(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, *[3175] * 4)
    world.put("a")
    first = world.visit()
    assert world.books.executed["InvoiceAdd"] == 3
    assert first.figures == [0, 0, 100]
    assert world.jobs() == {"a": "waiting"}
    assert world.visit().raw == [0, 99, 100]
    assert world.jobs() == {"a": "done"}
    assert world.books.invoices == ["a"]


def test_a_lock_that_never_opens_is_parked(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, *[3175] * 99)
    world.put("a")
    for _ in range(5):
        world.visit()
    assert world.books.executed["InvoiceAdd"] == queue.MOST_ATTEMPTS
    assert world.jobs() == {"a": "parked"}


def test_an_internal_error_is_tried_once_more_at_the_next_visit(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, 1000, 1000, 1000)
    world.put("a")
    world.visit()
    assert world.jobs() == {"a": "waiting"}
    world.visit()
    assert world.jobs() == {"a": "parked"}
    assert world.visit().told[1] == "none"


def test_a_request_that_was_not_reached_leaves_again_and_never_for_ever(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, 3231, 3231)
    world.put("a")
    world.visit()
    assert world.jobs() == {"a": "done"}
    said_in_turn(world, speak, *[3231] * 99)
    world.put("b")
    for _ in range(4):
        world.visit()
    assert world.jobs()["b"] == "parked"


def test_a_newer_object_is_taken_up_once_and_then_left_to_a_person(world: Any, speak: Any) -> None:
    def invoice() -> str:
        return f"<InvoiceRet><TxnID>T-1</TxnID><EditSequence>{now[0]}</EditSequence></InvoiceRet>"

    now = [8]
    sequences: list[str] = []
    stale = [True]

    def change(request: Any) -> Any:
        sequences.append(request.findtext(".//EditSequence"))
        now[0] += 1
        if stale:
            stale.pop()
            return speak.error("InvoiceMod", request.get("requestID"), 3200, invoice())
        return speak.done("InvoiceMod", request.get("requestID"), invoice())

    world.books.says["InvoiceQuery"] = lambda request: speak.done("InvoiceQuery", request.get("requestID"), invoice())
    world.books.says["InvoiceMod"] = change
    world.put_change("one")
    figures = world.visit().figures
    assert figures == sorted(figures)
    assert sequences == ["8", "9"]
    assert world.jobs() == {"one": "done"}
    stale.extend([True, True])
    world.put_change("two")
    world.visit()
    assert world.jobs()["two"] == "parked"
    assert world.job("two").status_code == "3200"
    stale.append(True)
    with world.database.write() as db:
        again = [("read", InvoiceQueryRq(txn_id=("T-1",)))]
        queue.retry(db, world.registry, world.job_of(db, "two"), again, now=world.clock())
    world.visit()
    assert world.jobs()["two"] == "done"


# -- handlers that fail -----------------------------------------------------------


def test_a_handler_that_fails_leaves_its_own_job_to_a_person_and_the_rest_goes_on(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(said: Any) -> None:
        if world.books.invoices and said.request_id == "2":
            raise KeyError("a mistake in the handler")

    world.add.fails = fail
    world.put("a", "b", "c")
    assert world.visit().figures == [100]
    (said,) = [record for record in caplog.records if record.name == "qbwc" and record.levelname == "ERROR"]
    assert "handler of job" in said.getMessage()
    assert world.jobs() == {"a": "done", "b": "parked", "c": "done"}
    assert world.job("b").status_code == "unhandled"
    assert [status.written for status in world.add.parkings] == [None]


def test_trying_again_what_was_written_but_not_handled_does_not_write_it_twice(world: Any, speak: Any) -> None:
    world.add.fails = lambda said: 1 / 0 if said.request_id == "2" else None
    world.put("a", "b", "c")
    world.visit()
    world.add.fails = lambda _said: None
    world.retry("b")
    assert world.jobs() == {"a": "done", "b": "waiting", "c": "done"}
    assert world.visit().raw == [0, 99, 100]
    assert speak.steps(world.books.sent) == ["write", "landmarks", "check", "clear"]
    assert world.books.invoices == ["a", "b", "c"]
    assert world.jobs() == {"a": "done", "b": "done", "c": "done"}
    assert [world.job(key).payload["told"] for key in "abc"] == [["T-1"], ["T-2"], ["T-3"]]
    assert world.visit().told[1] == "none"


def test_trying_again_while_a_visit_goes_on_asks_for_the_answer_first(world: Any, speak: Any) -> None:
    """The set had been looked for in vain before it left again, and was written then."""
    world.add.fails = lambda _said: 1 / 0
    world.put("a")
    world.visit_and_lose(executed=False)
    world.put("b")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    for _ in range(3):  # check, look-up, the set itself
        world.give(ticket, document)
        document = world.ask(ticket)
    assert world.jobs() == {"a": "parked", "b": "waiting"}
    world.add.fails = lambda _said: None
    world.retry("a")
    world.give(ticket, document)
    assert speak.steps([world.ask(ticket)]) == ["check"]
    assert world.give(ticket, world.ask(ticket)) == 99
    assert world.jobs() == {"a": "done", "b": "done"}
    assert world.books.invoices == ["a", "b"]


def test_what_was_written_but_not_handled_cannot_be_taken_back(world: Any) -> None:
    world.add.fails = lambda _said: 1 / 0
    world.put("a")
    world.visit()
    with world.database.write() as db, pytest.raises(QueueError, match="already left"):
        queue.cancel(db, world.job_of(db, "a"), now=world.clock())


def test_a_job_that_neither_ends_nor_goes_on_is_shown_to_a_person_and_never_written_again(
    world: Any, speak: Any
) -> None:
    """QuickBooks says that it wrote the invoice, and does not show it: the handler has nothing to take up."""

    class Silent(JobKind):
        kind = "add-invoice"

        def answered(self, visit: Any, answer: Any) -> None:
            for _ in answer.objects:
                visit.finish()

    world.registry.add(Silent())
    world.books.says["InvoiceAdd"] = lambda request: speak.error(
        "InvoiceAdd", request.get("requestID"), 550, severity="Warn"
    )
    world.put("a")
    assert world.visit().figures == [100]
    assert world.jobs() == {"a": "parked"}
    world.retry("a")
    world.visit()
    assert world.books.executed["InvoiceAdd"] == 1
    assert world.jobs() == {"a": "parked"}


def test_a_kind_that_is_gone_does_not_stop_the_visit(world: Any) -> None:
    world.put("a")
    world.put_change()
    world.registry._kinds.pop("change-invoice")
    assert world.visit().figures[-1] == 100
    assert world.jobs() == {"a": "done", "c": "parked"}


def test_what_a_failed_handler_had_begun_is_undone(world: Any) -> None:
    class Half(JobKind):
        kind = "add-invoice"

        def answered(self, visit: Any, answer: Any) -> None:
            visit.job.payload = {"half": True}
            visit.ask(world.invoice("x" * 5000), "more")

    world.registry.add(Half())
    world.put("a")
    world.visit()
    assert world.job("a").payload == {}
    assert len(world.rows(Request)) == 1


def test_a_job_stays_parked_although_its_other_message_was_answered(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, 3140)
    with world.database.write() as db:
        world._put(db, "add-invoice", "two", [("add", world.invoice("x")), ("add", world.invoice("y"))])
    world.visit()
    assert world.jobs() == {"two": "parked"}


# -- retry and cancel -------------------------------------------------------------


def test_a_parked_job_begins_again_with_what_is_given(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, 3140)
    world.put("a")
    world.visit()
    world.retry("a")
    assert world.visit().figures == [100]
    assert world.books.invoices == ["a"]
    job = world.job("a")
    assert (job.state, job.status_code, job.payload) == (JobState.DONE, None, {"told": ["T-1"]})
    assert [row.state for row in world.requests("a")] == [RequestState.DROPPED, RequestState.ANSWERED]


@pytest.mark.parametrize("when", ["waiting", "done"])
def test_a_job_that_is_under_way_or_done_does_not_begin_again(world: Any, when: str) -> None:
    world.put("a")
    if when == "done":
        world.visit()
    with pytest.raises(QueueError, match=when):
        world.retry("a")


def test_a_retry_that_does_not_fit_leaves_the_job_parked(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, 3140)
    world.put("a")
    world.visit()
    with world.database.write() as db:
        job = world.job_of(db, "a")
        with pytest.raises(EncodeError):
            queue.retry(db, world.registry, job, [("add", world.invoice("x" * 5000))], now=world.clock())
    assert world.jobs() == {"a": "parked"}
    assert world.job("a").status_code == "3140"


def test_two_who_click_retry_at_once_begin_it_once(world: Any, speak: Any) -> None:
    said_in_turn(world, speak, 3140)
    world.put("a")
    world.visit()
    outcomes: list[str] = []
    barrier = threading.Barrier(3)

    def click() -> None:
        barrier.wait()
        try:
            world.retry("a")
            outcomes.append("begun")
        except QueueError:
            outcomes.append("refused")

    run_together(click, 3)
    assert sorted(outcomes) == ["begun", "refused", "refused"]
    world.visit()
    assert world.books.invoices == ["a"]


def test_a_job_that_has_not_left_can_be_taken_back_and_begun_again(world: Any) -> None:
    world.put("a")
    with world.database.write() as db:
        queue.cancel(db, world.job_of(db, "a"), now=world.clock())
    assert world.visit().told[1] == "none"
    world.retry("a")
    world.visit()
    assert world.books.invoices == ["a"]


@pytest.mark.parametrize("executed", [True, False])
def test_a_job_that_has_left_cannot_be_taken_back(world: Any, executed: bool) -> None:
    world.put("a")
    world.visit_and_lose(executed=executed)
    with world.database.write() as db, pytest.raises(QueueError, match="already left"):
        queue.cancel(db, world.job_of(db, "a"), now=world.clock())


def test_a_done_job_cannot_be_taken_back(world: Any) -> None:
    world.put("a")
    world.visit()
    with world.database.write() as db, pytest.raises(QueueError):
        queue.cancel(db, world.job_of(db, "a"), now=world.clock())


# -- speed ------------------------------------------------------------------------


def test_taking_does_not_depend_on_the_length_of_the_queue(database: Database, clock: Any, speak: Any) -> None:
    """The plan, not the clock: the due requests come from their index, in order, without a sort."""
    world = speak.World(database, clock)
    with database.write() as db:
        session = open_session(world, db)
        query = queue._due(world.connection_id, session, True).order_by(Request.priority, Request.is_write, Request.id)
        text = str(query.limit(50).compile(database.engine, compile_kwargs={"literal_binds": True}))
        plan = " ".join(row[-1] for row in db.execute(sa.text("EXPLAIN QUERY PLAN " + text)))
    assert "ix_qbwc_request_due" in plan
    assert "TEMP B-TREE" not in plan


def test_an_empty_registry_knows_no_kind() -> None:
    with pytest.raises(UnknownJobKind) as caught:
        Registry()["pull-list"]
    assert caught.value.kind == "pull-list"
