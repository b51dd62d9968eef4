"""The history: every visit and exchange is there, no secret is, and forgetting never touches what is still needed."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from qbwc import history, queue
from qbwc.history import Bodies, PastExchange, PastVisit
from qbwc.models import Exchange, ExchangeState, Job, JobState, Purpose, Request, Session
from qbwc.queue import QueueError
from qbwc.redaction import HIDDEN, without_secrets

YEAR = timedelta(days=365)


def visits(world: Any, **given: Any) -> list[PastVisit]:
    with world.database.read() as db:
        return history.visits(db, world.connection_id, **given)


def exchanges(world: Any, visit_id: int | None = None) -> list[PastExchange]:
    with world.database.read() as db:
        return history.exchanges(db, world.connection_id, visit_id or visits(world)[0].id)


def bodies(world: Any, exchange_id: int) -> Bodies | None:
    with world.database.read() as db:
        return history.bodies(db, world.connection_id, exchange_id)


def forget(world: Any, *, bodies_before: datetime | None = None, visits_before: datetime | None = None) -> Any:
    """Everything up to now, unless told otherwise."""
    now = world.clock.tick(1)
    with world.database.write() as db:
        return history.forget(db, bodies_before=bodies_before or now, visits_before=visits_before or now)


def raw(world: Any) -> bytes:
    """Everything that is kept of all texts, uncompressed."""
    with world.database.read() as db:
        rows = db.execute(sa.text("SELECT request_body, answer_body FROM qbwc_exchange ORDER BY id")).all()
        return b"\n".join(zlib.decompress(bytes(text)) for row in rows for text in row if text is not None)


class TestWhatIsThere:
    def test_a_visit_with_its_figures(self, world: Any) -> None:
        world.put("one", "two")
        began = world.clock()
        world.visit()
        (seen,) = visits(world)
        assert (seen.opened_at, seen.closed_at, seen.duration) == (began, began, timedelta(0))
        assert (seen.result, seen.done, seen.failed, seen.error) == ("done", 2, 0, None)
        assert (seen.machine, seen.product) == ("BUREAU-2", "QuickBooks Pro 33.0")
        assert (seen.company_name, seen.company_path) == (world.books.name, world.books.path)
        assert seen.exchanges == len(exchanges(world))

    def test_every_exchange_of_both_directions_in_order_with_its_size(self, world: Any) -> None:
        world.put("one")
        world.visit()
        world.books.sent.clear()
        world.put_change()
        world.visit()
        seen = exchanges(world)
        left = [one for one in seen if one.request_size]
        assert [one.request_size for one in left] == [len(document) for document in world.books.sent]
        assert [one.purpose for one in seen] == [
            Purpose.GREETING,
            Purpose.LANDMARKS,
            Purpose.WORK,
            Purpose.WORK,
            Purpose.CLEARING,
        ]
        assert [one.is_write for one in seen] == [False, False, False, True, False]
        assert all(one.answer_size for one in seen)
        assert {one.state for one in seen} == {ExchangeState.ANSWERED}
        assert [one.requests for one in seen] == [0, 1, 1, 1, 0]
        visit = visits(world)[0]
        assert visit.sent == sum(len(document) for document in world.books.sent)
        assert visit.received == sum(one.answer_size or 0 for one in seen)

    def test_both_texts_of_each(self, world: Any) -> None:
        world.put("one")
        world.visit()
        greeting, work, *_ = exchanges(world)
        first = bodies(world, greeting.id)
        assert first is not None
        assert first.request is None, "the connector brought it along"
        assert "<ProductName>QuickBooks Pro</ProductName>" in (first.answer or "")
        second = bodies(world, work.id)
        assert second is not None
        assert '<?qbxml version="13.0"?>' in (second.request or "")
        assert "<Memo>one</Memo>" in (second.request or "")
        assert "<TxnID>T-1</TxnID>" in (second.answer or "")

    def test_a_greeting_that_was_asked_for_is_kept_too(self, world: Any) -> None:
        world.put("one")
        world.visit(brings_greeting=False)
        first = bodies(world, exchanges(world)[0].id)
        assert first is not None
        assert "<HostQueryRq" in (first.request or "")
        assert "<HostRet>" in (first.answer or "")

    def test_how_long_an_exchange_took(self, world: Any) -> None:
        world.put("one")
        ticket = world.ticket()
        document = world.ask(ticket, first=True)
        world.clock.tick(42)
        world.give(ticket, document)
        work = next(one for one in exchanges(world) if one.purpose is Purpose.WORK)
        assert work.duration == timedelta(seconds=42)
        (visit,) = visits(world)
        assert (visit.closed_at, visit.duration, visit.result) == (None, None, None)

    def test_a_visit_that_fails_says_why_in_both_languages(self, world: Any) -> None:
        world.put("one")
        world.books.file_id = "{00000000-0000-0000-0000-000000000000}"
        world.visit()
        (foreign,) = visits(world)
        assert foreign.result == "failed"
        assert set(foreign.error or {}) == {"en", "fr"}
        assert [one.purpose for one in exchanges(world)] == [Purpose.GREETING]

    def test_a_visit_that_found_no_company_has_failed_though_nobody_closed_it(self, world: Any) -> None:
        world.put("one")
        ticket = world.ticket()
        told = [world.endpoint.connection_error(ticket, "0x80040408", "not open") for _ in range(3)]
        assert told[-1] == "done"
        (seen,) = visits(world)
        assert (seen.result, seen.closed_at) == ("failed", None)
        assert "0x80040408" in (seen.error or {})["en"]

    def test_a_set_that_quickbooks_refuses_keeps_the_code(self, world: Any) -> None:
        world.put("one")
        world.books.hresult = lambda document: "0x8004041C" if "InvoiceAdd" in document else None
        world.visit()
        work = next(one for one in exchanges(world) if one.purpose is Purpose.WORK)
        assert (work.hresult, work.message) == ("0x8004041C", "QuickBooks says no")
        assert (work.answer_size, work.duration) == (None, None)

    def test_a_lost_set_stands_where_it_left_last_and_says_when_it_left_first(self, world: Any) -> None:
        world.put("one")
        began = world.clock()
        world.visit_and_lose(executed=False)
        later = world.clock()
        world.visit()
        last, first = visits(world)
        assert (first.result, last.result) == ("taken over", "done")
        assert [one.purpose for one in exchanges(world, first.id)] == [Purpose.GREETING]
        seen = exchanges(world, last.id)
        assert {Purpose.CHECK, Purpose.LOOK_UP, Purpose.WORK} <= {one.purpose for one in seen}
        work = next(one for one in seen if one.purpose is Purpose.WORK)
        assert (work.first_sent_at, work.sent_at, work.attempts) == (began, later, 2)

    def test_visits_come_newest_first_and_page_by_page(self, world: Any) -> None:
        for memo in "abcde":
            world.put(memo)
            world.visit()
        ids = [one.id for one in visits(world)]
        assert ids == sorted(ids, reverse=True)
        assert len(ids) == 5
        assert [one.id for one in visits(world, limit=2)] == ids[:2]
        assert [one.id for one in visits(world, limit=2, before_id=ids[1])] == ids[2:4]
        with world.database.read() as db:
            assert history.visit(db, world.connection_id, ids[3]) == visits(world)[3]
            assert history.visit(db, world.connection_id, 999) is None

    def test_nobody_sees_the_history_of_another_connection(self, world: Any) -> None:
        world.put("one")
        world.visit()
        mine = exchanges(world)
        other = world.connect("other", "{11111111-2222-3333-4444-555555555555}")
        with world.database.read() as db:
            assert history.visits(db, other) == []
            assert history.visit(db, other, mine[0].visit_id) is None
            assert history.exchanges(db, other, mine[0].visit_id) == []
            assert history.bodies(db, other, mine[0].id) is None


class TestSecrets:
    def test_what_is_kept_holds_none(self, world: Any, speak: Any) -> None:
        secret = "<SSN>046 454 286</SSN><CreditCardInfo><CreditCardNumber>4111</CreditCardNumber></CreditCardInfo>"
        company = world.books._company
        world.books._company = lambda: company().replace("</CompanyName>", "</CompanyName><EIN>12-3456789</EIN>")
        world.books.says["InvoiceQuery"] = lambda request: speak.done(
            "InvoiceQuery",
            request.get("requestID", ""),
            f"<InvoiceRet><TxnID>T-1</TxnID><EditSequence>1</EditSequence>{secret}</InvoiceRet>",
        )
        world.put_change()
        for brings_greeting in (True, False):
            world.visit(brings_greeting=brings_greeting)
            world.put_change(f"again {brings_greeting}")
        kept = raw(world)
        assert b"<TxnID>T-1</TxnID>" in kept
        for number in (b"046 454 286", b"4111", b"12-3456789"):
            assert number not in kept
        assert f"<SSN>{HIDDEN}</SSN>".encode() in kept
        assert f"<EIN>{HIDDEN}</EIN>".encode() in kept

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("<SSN>046 454 286</SSN>", "<SSN>***</SSN>"),
            ("<TaxRegistrationNumber>R1</TaxRegistrationNumber>", "<TaxRegistrationNumber>***</TaxRegistrationNumber>"),
            ("<BankNumber>815</BankNumber><Name>x</Name>", "<BankNumber>***</BankNumber><Name>x</Name>"),
            ("<SSN>1</SSN><SSN>2</SSN>", "<SSN>***</SSN><SSN>***</SSN>"),
            ("<SSN></SSN><SSN/>", "<SSN></SSN><SSN/>"),
            ("<Memo>SSN 046 454 286</Memo>", "<Memo>SSN 046 454 286</Memo>"),
        ],
    )
    def test_the_elements_that_hold_one(self, text: str, kept: str) -> None:
        assert without_secrets(text) == kept
        assert without_secrets(kept) == kept

    def test_a_text_is_shown_without_secrets_also_when_it_cannot_be_read(self) -> None:
        assert history.readable("<a><SSN>1</SSN>") == "<a><SSN>***</SSN>"
        assert history.readable("<a><SSN>1</SSN></a>") == "<a>\n  <SSN>***</SSN>\n</a>\n"
        assert history.readable("") is None
        assert history.readable(None) is None

    def test_a_text_is_shown_as_it_is_whatever_its_declaration_says(self) -> None:
        shown = history.readable('<?xml version="1.0" encoding="ISO-8859-1"?><?qbxml version="13.0"?><a>Éric œ</a>')
        assert shown == '<?qbxml version="13.0"?>\n<a>Éric œ</a>\n'

    def test_a_repeated_page_with_secrets_is_still_known(self, world: Any, speak: Any) -> None:
        """The answer that was kept differs from the one that comes again."""
        asked: list[Any] = []

        def say(request: Any) -> str:
            asked.append(request)
            fields = f"<ListID>8-{len(asked)}</ListID><Name>C</Name><AccountNumber>7</AccountNumber>"
            more = ' iteratorRemainingCount="1" iteratorID="{i}"' if len(asked) < 3 else ' iteratorRemainingCount="0"'
            return speak.done(
                "CustomerQuery", request.get("requestID", ""), f"<CustomerRet>{fields}</CustomerRet>", more
            )

        world.books.says["CustomerQuery"] = say
        world.refresh()
        ticket = world.ticket()
        document = world.ask(ticket, first=True)
        while "CustomerQueryRq" not in document or 'iterator="Continue"' not in document:
            before = world.books.process(document)
            world.endpoint.receive_response(ticket, before, "", "")
            document = world.ask(ticket)
        figure = world.endpoint.receive_response(ticket, before, "", "")
        assert 0 <= figure < 100
        assert world.ask(ticket) == document, "the second page is still awaited"


class TestForgetting:
    def test_texts_go_first_and_the_figures_stay(self, world: Any) -> None:
        world.put("one")
        world.visit()
        before = visits(world), exchanges(world)
        gone = forget(world, visits_before=world.clock() - YEAR)
        assert (gone.bodies, gone.requests, gone.visits) == (len(before[1]), 1, 0)
        assert raw(world) == b""
        assert (visits(world), exchanges(world)) == before
        assert bodies(world, before[1][1].id) == Bodies(request=None, answer=None)
        assert {one.body for one in world.rows(Request)} == {""}
        again = forget(world, visits_before=world.clock() - YEAR)
        assert (again.bodies, again.requests, again.visits, again.pulls) == (0, 0, 0, 0)

    def test_then_whole_visits_go_and_newer_ones_stay(self, world: Any) -> None:
        world.put("one")
        world.visit()
        between = world.clock()
        world.put("two")
        world.visit()
        kept = visits(world)[0]
        gone = forget(world, bodies_before=between, visits_before=between)
        assert (gone.visits, visits(world)) == (1, [kept])
        assert b"<Memo>two</Memo>" in raw(world)
        assert {row.session_id for row in world.rows(Exchange)} == {kept.id}

    def test_a_job_keeps_its_key_so_that_it_is_never_written_twice(self, world: Any) -> None:
        world.put("one")
        world.visit()
        forget(world)
        world.put("one")
        world.visit()
        assert world.books.invoices == ["one"]
        assert world.jobs() == {"one": "done"}
        assert world.job("one").payload == {"told": ["T-1"]}

    @pytest.mark.parametrize("executed", [True, False])
    @pytest.mark.parametrize("restored", [True, False])
    def test_what_is_in_doubt_is_kept_and_taken_up(self, world: Any, executed: bool, restored: bool) -> None:
        world.put("before")
        world.visit()
        world.put("one")
        document = world.visit_and_lose(executed=executed, sets=2)  # the landmarks are asked for first
        if restored:
            world.books.stored.clear()
        assert forget(world).visits == 1, "the visit before it is over"
        assert document.encode() in raw(world)
        assert len(visits(world)) == 1
        assert world.visit().error is None
        assert world.books.invoices == ["before", "one"]
        assert world.jobs() == {"before": "done", "one": "done"}
        forget(world)
        assert visits(world) == []
        assert raw(world) == b""

    def test_what_was_left_to_a_person_in_doubt_is_kept_for_the_retry(self, world: Any) -> None:
        world.put("one")
        world.visit_and_lose()
        kept = world.books.hresult
        world.books.hresult = lambda document: (
            "0x80040402" if "InvoiceAdd" in document or "newMessage" in document else None
        )
        for _ in range(8):
            world.visit()
            world.clock.tick(3600)
            forget(world)
        world.books.hresult = kept
        assert world.jobs() == {"one": "parked"}
        assert b"<Memo>one</Memo>" in raw(world)
        world.retry("one")
        forget(world)
        world.visit()
        assert world.jobs() == {"one": "done"}
        assert world.books.invoices == ["one"]

    def test_a_job_that_was_refused_begins_again_after_it(self, world: Any, speak: Any) -> None:
        world.books.says["InvoiceAdd"] = lambda request: speak.error("InvoiceAdd", request.get("requestID", ""), 3140)
        world.put("one")
        world.visit()
        assert world.jobs() == {"one": "parked"}
        forget(world)
        assert world.job("one").status_code == "3140"
        del world.books.says["InvoiceAdd"]
        world.retry("one")
        world.visit()
        assert world.jobs() == {"one": "done"}
        assert world.books.invoices == ["one"]

    def test_what_waits_in_the_queue_still_leaves(self, world: Any) -> None:
        world.put("one")
        forget(world)
        world.visit()
        assert world.books.invoices == ["one"]

    def test_a_job_that_was_taken_back_stays_so(self, world: Any) -> None:
        world.put("one")
        with world.database.write() as db:
            queue.cancel(db, world.job_of(db, "one"), now=world.clock())
        assert forget(world).requests == 1
        world.retry("one")
        world.visit()
        assert world.books.invoices == ["one"]
        with world.database.write() as db, pytest.raises(QueueError):
            queue.cancel(db, world.job_of(db, "one"), now=world.clock())

    def test_a_visit_under_way_goes_on(self, world: Any) -> None:
        world.put("one")
        ticket = world.ticket()
        document = world.ask(ticket, first=True)
        forget(world)
        assert world.ask(ticket) == document
        world.give(ticket, document)
        assert world.books.invoices == ["one"]
        assert world.jobs() == {"one": "done"}

    def test_an_iterator_that_broke_off_long_ago_begins_anew(self, world: Any, speak: Any) -> None:
        """Its next page is bound to a visit that is over: without that visit it would leave, and be refused."""
        world.books.says["CustomerQuery"] = lambda request: speak.done(
            "CustomerQuery",
            request.get("requestID", ""),
            "<CustomerRet><ListID>8-1</ListID><Name>C</Name></CustomerRet>",
            ' iteratorRemainingCount="1" iteratorID="{i}"',
        )
        world.refresh()
        ticket = world.ticket()
        document = world.ask(ticket, first=True)
        while "CustomerQueryRq" not in document:
            world.give(ticket, document)
            document = world.ask(ticket)
        world.give(ticket, document)
        world.endpoint.close_connection(ticket)
        forget(world)
        assert len(visits(world)) == 1
        world.books.says["CustomerQuery"] = lambda request: (
            speak.error("CustomerQuery", request.get("requestID", ""), 3391)
            if request.get("iterator") == "Continue"
            else speak.done("CustomerQuery", request.get("requestID", ""), "", ' iteratorRemainingCount="0"')
        )
        world.visit()
        assert set(world.jobs().values()) == {"done"}

    def test_pulls_that_are_done_go_with_their_visits_and_lists_are_pulled_again(self, world: Any) -> None:
        world.refresh()
        world.visit()
        pulled = len(world.rows(Job))
        assert forget(world, visits_before=world.clock() - YEAR).pulls == 0
        assert forget(world).pulls == pulled
        assert world.rows(Job) == []
        assert world.rows(Request) == []
        world.refresh()
        world.visit()
        assert {job.state for job in world.rows(Job)} == {JobState.DONE}

    def test_nothing_new_is_forgotten(self, world: Any) -> None:
        world.put("one")
        world.visit()
        kept = raw(world)
        gone = forget(world, bodies_before=world.clock() - YEAR, visits_before=world.clock() - YEAR)
        assert (gone.bodies, gone.requests, gone.visits, gone.pulls) == (0, 0, 0, 0)
        assert raw(world) == kept

    def test_no_exchange_is_left_without_its_visit(self, world: Any) -> None:
        world.put("one")
        world.visit_and_lose()
        world.visit()
        world.put("two")
        world.visit_and_lose()
        forget(world)
        ids = {row.id for row in world.rows(Session)}
        assert {row.session_id for row in world.rows(Exchange)} <= ids
        world.visit()
        assert world.jobs() == {"one": "done", "two": "done"}
