"""What each operation answers, over either kind of database."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from qbwc import company_file, pace, receiving
from qbwc.endpoint import UNEXPECTED
from qbwc.errors import QueueError
from qbwc.identity import Verdict
from qbwc.models import Connection, Exchange, ExchangeState, JobState, Purpose, Request, Session
from qbwc.session import State

# -- a plain visit ------------------------------------------------------------


def test_invoices_are_written_once_and_their_jobs_are_told(world: Any) -> None:
    world.put("a", "b", "c")
    seen = world.visit()
    assert seen.figures == [100]
    assert seen.error is None
    assert seen.closed == "All done: 3 requests answered."
    assert world.books.invoices == ["a", "b", "c"]
    assert world.jobs() == {"a": "done", "b": "done", "c": "done"}
    assert [world.job(key).payload for key in "abc"] == [{"told": [f"T-{n}"]} for n in (1, 2, 3)]
    assert world.visit().told[1] == "none"
    (session,) = world.rows(Session)
    assert (session.state, session.result, session.progress) == (State.CLOSED, "done", 100)
    assert (session.product, session.machine) == ("QuickBooks Pro 33.0", "BUREAU-2")


def test_the_figure_rises_and_reaches_100_only_with_the_last_set(world: Any) -> None:
    count = pace.LARGEST_SET + 20
    world.put(*(f"{n}" for n in range(count)))
    world.refresh()
    seen = world.visit()
    assert seen.raw == sorted(seen.raw)
    assert seen.raw[-2:] == [99, 100]  # the clearing is the last set
    assert len(seen.figures) == 3
    assert len(world.books.invoices) == count


def test_the_bytes_are_stored_before_they_leave(world: Any, speak: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    with world.database.read() as db:
        exchange = db.scalars(sa.select(Exchange).filter_by(purpose=Purpose.WORK)).one()
        assert exchange.request_body == document
        assert exchange.message_set_id == speak.set_id(document)
        assert exchange.state is ExchangeState.SENT
    assert document.isascii()


def test_reads_carry_no_set_id_and_leave_before_writes(world: Any, speak: Any) -> None:
    world.put("a")
    world.put_change()
    world.visit()
    read, write, clearing = world.books.sent
    assert speak.steps([clearing]) == ["clear"]
    assert (speak.tags(read), speak.set_id(read)) == (["InvoiceQueryRq"], None)
    assert speak.tags(write) == ["InvoiceAddRq"]
    assert len(speak.set_id(write)) == 20


def test_two_connections_never_see_each_others_work(world: Any, speak: Any) -> None:
    other = world.connect("other", "{22222222-2222-2222-2222-222222222222}")
    assert other != world.connection_id
    world.put("mine")
    assert world.log_in("other")[1] == "none"
    assert world.visit().figures == [100]


# -- tickets ------------------------------------------------------------------


@pytest.mark.parametrize("ticket", ["", "0" * 32, "x" * 5000, "é"])
def test_an_unknown_ticket_gets_nothing_and_harms_nothing(world: Any, ticket: str) -> None:
    world.put("a")
    assert world.endpoint.send_request(ticket, world.books.greeting(), "C:\\x.qbw") == ""
    assert world.endpoint.receive_response(ticket, "<QBXML/>", "", "") == -1
    assert world.endpoint.connection_error(ticket, "0x80040408", "no") == "done"
    assert "not known here" in world.endpoint.get_last_error(ticket)
    assert "not known here" in world.endpoint.close_connection(ticket)
    assert world.rows(Exchange) == []


def test_a_ticket_that_is_over_is_told_so_in_the_connections_language(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    world.ask(ticket, first=True)
    with world.database.write() as db:
        db.scalars(sa.select(Connection)).one().language = "fr"
    world.endpoint.close_connection(ticket)
    assert "Cette visite" in world.endpoint.get_last_error(ticket)
    assert "Cette visite" in world.endpoint.close_connection(ticket)


def test_a_closed_ticket_is_spent(world: Any) -> None:
    world.put("a", "b")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    world.endpoint.close_connection(ticket)
    assert world.ask(ticket) == ""
    assert world.give(ticket, document) == -1
    assert "not known here" in world.endpoint.close_connection(ticket)
    assert world.jobs() == {"a": "waiting", "b": "waiting"}
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a", "b"]


# -- greeting -----------------------------------------------------------------


def test_a_connector_that_brings_no_greeting_is_asked_for_it(world: Any, speak: Any) -> None:
    world.put("a")
    seen = world.visit(brings_greeting=False)
    assert speak.tags(world.books.sent[0]) == ["HostQueryRq", "CompanyQueryRq", "PreferencesQueryRq"]
    assert speak.OWNER_ID in world.books.sent[0]
    assert seen.figures == [0, 100]
    assert world.connection().verdict is Verdict.GO
    assert world.connection().company_path == speak.PATH


def test_a_foreign_file_is_recognised_also_when_we_had_to_ask(world: Any) -> None:
    world.books.file_id = "{11111111-1111-1111-1111-111111111111}"
    world.put("a")
    seen = world.visit(brings_greeting=False)
    assert seen.figures == [-1]
    assert "belongs to another connection" in seen.error
    assert world.books.invoices == []


@pytest.mark.parametrize("hresult", ["0x80040400", "0x80040423", "0x80040402"])
def test_a_file_that_was_never_recognised_is_neither_read_nor_written(world: Any, hresult: str) -> None:
    """QuickBooks refuses to say which company is open."""
    world.put("a")
    world.refresh()
    world.books.hresult = lambda document: hresult if "HostQueryRq" in document else None
    seen = world.visit(brings_greeting=False)
    assert seen.raw == [-1]
    assert f"({hresult})" in seen.error
    assert len(world.books.sent) == 1
    world.books.hresult = lambda _document: None
    assert world.visit().raw[-1] == 100


def test_the_preferences_are_kept(world: Any) -> None:
    world.put("a")
    world.visit()
    row = world.connection()
    assert row.preferences["closing_date"] == "2026-09-30"
    assert row.preferences["uses_classes"] is True
    assert row.host["supported_qbxml_version"] == ["1.0", "12.0", "13.0", "16.0"]


def test_a_quickbooks_that_is_too_old_is_refused_with_a_sentence(world: Any) -> None:
    world.books.versions = ("1.0", "10.0", "12.0", "CA3.0")
    world.put("a")
    seen = world.visit()
    assert seen.figures == []
    assert "QuickBooks 2015 or newer" in seen.error
    assert world.books.sent == []
    assert world.rows(Session)[0].last_error["fr"].startswith("Ce QuickBooks est trop ancien")
    assert world.connection().verdict is Verdict.TOO_OLD


@pytest.mark.parametrize(
    ("file_id", "name", "words"),
    [
        ("{11111111-1111-1111-1111-111111111111}", "Nordet Infogérance inc.", "belongs to another connection"),
        (None, "Nordet Infogérance inc.", "does not carry this connection's mark"),
        (None, "Sudet inc.", "Another company is open: Sudet inc. instead of Nordet"),
    ],
)
def test_a_file_that_is_not_ours_is_neither_read_nor_written(
    world: Any, speak: Any, file_id: str | None, name: str, words: str
) -> None:
    world.put("first")
    world.visit()
    world.books.file_id, world.books.name = file_id, name
    world.put("a")
    world.refresh()
    before = len(world.books.sent)
    seen = world.visit()
    assert len(world.books.sent) == before
    assert words in seen.error
    assert seen.closed == seen.error
    assert world.jobs()["a"] == "waiting"
    assert world.connection().company_name == speak.NAME


@pytest.mark.parametrize("change", [{"path": "D:\\Copie\\Nordet.qbw"}, {"name": "Nordet 2027 inc."}])
def test_a_file_that_moved_or_was_renamed_is_read_and_not_written_until_a_person_confirms(
    world: Any, speak: Any, change: dict[str, str]
) -> None:
    world.put("first")
    world.visit()
    for name, value in change.items():
        setattr(world.books, name, value)
    world.put("a")
    world.refresh()
    seen = world.visit()
    assert "InvoiceAddRq" not in "".join(world.books.sent[1:])
    assert "CustomerQueryRq" in "".join(world.books.sent[1:])
    assert seen.figures[-1] == -1
    assert "Nothing is written until you confirm" in seen.error
    assert world.connection().company_path == speak.PATH
    with world.database.write() as db:
        company_file.confirm(db, world.connection_of(db))
    assert world.visit().figures[-1] == 100
    assert world.books.invoices == ["first", "a"]


def test_a_lost_write_is_not_sent_again_into_a_file_that_is_not_surely_ours(world: Any, speak: Any) -> None:
    world.put("first")
    world.visit()
    world.put("a")
    lost = world.visit_and_lose(executed=False, sets=2)
    world.books.path = "D:\\Copie\\Nordet.qbw"
    sent = len(world.books.sent)
    world.visit()
    assert len(world.books.sent) == sent
    world.books.path = speak.PATH
    world.visit()
    assert speak.steps(world.books.sent[sent:]) == ["landmarks", "check", "look-up", "write", "clear"]
    assert world.books.work()[-1] == lost
    assert world.books.invoices == ["first", "a"]


@pytest.mark.parametrize("text", ["<QBXML>", "nonsense", "<QBXML><QBXMLMsgsRs/></QBXML>"])
def test_a_greeting_that_cannot_be_read_or_names_no_company_stops_the_visit(world: Any, text: str) -> None:
    world.put("a")
    ticket = world.ticket()
    assert world.endpoint.send_request(ticket, text, "C:\\x.qbw") == ""
    assert "first answer cannot be read" in world.endpoint.get_last_error(ticket)
    assert world.visit().figures == [100]


# -- errors of the connection ---------------------------------------------------


def test_opening_the_file_is_tried_a_few_times_while_no_path_is_known(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    told = [world.endpoint.connection_error(ticket, "0x80040408", "Could not start QuickBooks.") for _ in range(3)]
    assert told == ["", "", "done"]
    assert "0x80040408" in world.endpoint.close_connection(ticket)


def test_a_first_failure_to_open_does_not_spoil_the_visit_that_follows(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    assert world.endpoint.connection_error(ticket, "0x80040408", "Could not start QuickBooks.") == ""
    assert world.give(ticket, world.ask(ticket, first=True)) == 99
    assert world.give(ticket, world.ask(ticket)) == 100
    assert world.endpoint.close_connection(ticket) == "All done: 1 requests answered."


def test_another_file_than_ours_is_never_tried_instead(world: Any, speak: Any) -> None:
    world.put("a")
    world.visit()
    world.put("b")
    ticket = world.ticket()
    told = [world.endpoint.connection_error(ticket, "0x80040408", "Could not start QuickBooks.") for _ in range(3)]
    assert told == [speak.PATH, speak.PATH, "done"]


@pytest.mark.parametrize("hresult", ["0x8004040A", "0x80040407", "0x80040420", "0x80070005"])
def test_what_a_person_must_settle_is_not_tried_again(world: Any, hresult: str) -> None:
    world.put("a")
    ticket = world.ticket()
    assert world.endpoint.connection_error(ticket, hresult, "no") == "done"
    assert world.ask(ticket, first=True) == ""
    said = world.rows(Session)[0].last_error
    assert world.endpoint.get_last_error(ticket) == said["en"]
    assert f"({hresult})" in said["fr"]
    assert world.endpoint.close_connection(ticket) == said["en"]


def test_what_went_wrong_is_said_in_the_language_of_the_connection(world: Any) -> None:
    world.amend(language="fr")
    world.put("a")
    ticket = world.ticket()
    world.endpoint.receive_response(ticket, "<QBXML/>", "", "")
    assert world.endpoint.get_last_error(ticket).startswith("Une réponse est arrivée avant toute demande.")
    assert world.endpoint.close_connection(ticket).startswith("Une réponse")
    seen = world.visit()
    assert seen.closed == "Terminé : 1 demandes traitées."
    world.put("b")
    ticket = world.ticket()
    assert world.endpoint.connection_error(ticket, "0x80040407", "") == "done"
    assert world.endpoint.get_last_error(ticket).startswith("QuickBooks n'est pas installé au complet.")
    world.books.file_id = "{11111111-1111-1111-1111-111111111111}"
    seen = world.visit()
    assert "appartient à une autre connexion" in seen.error
    assert seen.closed == seen.error
    world.books.file_id = world.connection().file_id
    ticket = world.ticket()
    world.ask(ticket, first=True)
    assert world.endpoint.close_connection(ticket).startswith("La visite s'est terminée avant")


# -- answers ------------------------------------------------------------------


def test_an_answer_before_any_request_fails_the_visit_with_a_sentence(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    assert world.endpoint.receive_response(ticket, "<QBXML/>", "", "") == -1
    assert "came before a request" in world.endpoint.get_last_error(ticket)
    assert world.ask(ticket) == ""


def test_the_same_answer_twice_is_applied_once_and_gets_the_same_figure(world: Any) -> None:
    world.put(*(f"{n}" for n in range(pace.LARGEST_SET + 10)))
    ticket = world.ticket()
    answer = world.books.process(world.ask(ticket, first=True))
    first = world.endpoint.receive_response(ticket, answer, "", "")
    assert 0 < first < 100
    assert world.endpoint.receive_response(ticket, answer, "", "") == first
    assert [len(world.job(f"{n}").payload["told"]) for n in range(pace.LARGEST_SET)] == [1] * pace.LARGEST_SET
    answer = world.books.process(world.ask(ticket))
    assert world.endpoint.receive_response(ticket, answer, "", "") == 99
    assert world.endpoint.receive_response(ticket, answer, "", "") == 99
    answer = world.books.process(world.ask(ticket))
    assert world.endpoint.receive_response(ticket, answer, "", "") == 100
    assert world.endpoint.receive_response(ticket, answer, "", "") == 100
    assert len(world.job(f"{pace.LARGEST_SET + 9}").payload["told"]) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "<html>proxy</html>",
        lambda text: text.replace("InvoiceAddRs", "CustomerAddRs"),
        lambda text: text.replace('requestID="', 'requestID="9'),
        lambda text: text[: text.rindex("<InvoiceAddRs")] + "</QBXMLMsgsRs></QBXML>",
        lambda text: '<QBXML><QBXMLMsgsRs messageSetStatusCode="600"/></QBXML>',
        lambda text: '<QBXML><QBXMLMsgsRs messageSetStatusCode="9002"/></QBXML>',
        lambda text: '<QBXML><QBXMLMsgsRs messageSetStatusCode="0"/></QBXML>',
    ],
    ids=["cut", "empty", "html", "other answer", "other id", "one missing", "not stored", "none stored", "no answers"],
)
def test_an_answer_that_cannot_be_read_is_asked_for_again_at_the_next_visit(world: Any, speak: Any, spoil: Any) -> None:
    world.put("a", "b")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    answer = world.books.process(document)
    assert world.endpoint.receive_response(ticket, spoil(answer), "", "") == -1
    sentence = world.endpoint.get_last_error(ticket)
    assert "cannot be read" in sentence
    assert "next visit" in sentence
    assert world.jobs() == {"a": "waiting", "b": "waiting"}
    assert world.job("a").payload == {}
    assert world.endpoint.close_connection(ticket) == sentence
    assert world.visit().raw[-1] == 100
    assert speak.steps(world.books.sent) == ["write", "check", "clear"]
    assert world.books.invoices == ["a", "b"]
    assert world.books.executed["InvoiceAdd"] == 2
    assert [world.job(key).payload for key in "ab"] == [{"told": ["T-1"]}, {"told": ["T-2"]}]


def test_one_object_that_cannot_be_read_does_not_spoil_the_rest_of_its_answer(world: Any) -> None:
    world.put("a", "b")
    ticket = world.ticket()
    answer = world.books.process(world.ask(ticket, first=True))
    spoiled = answer.replace("<TxnID>T-1</TxnID>", "<TxnID></TxnID><TxnNumber>many</TxnNumber>")
    assert world.endpoint.receive_response(ticket, spoiled, "", "") == 99
    assert world.job("b").payload == {"told": ["T-2"]}
    assert world.job("a").warning.startswith("1 unreadable: InvoiceRet")


@pytest.mark.parametrize("code", ["9004"])
def test_a_set_that_quickbooks_refuses_by_its_number_is_left_to_a_person_at_once(world: Any, code: str) -> None:
    world.put("a", "b")
    ticket = world.ticket()
    world.ask(ticket, first=True)
    refusal = f'<QBXML><QBXMLMsgsRs messageSetStatusCode="{code}"/></QBXML>'
    assert world.endpoint.receive_response(ticket, refusal, "", "") in range(100)
    assert world.jobs() == {"a": "parked", "b": "parked"}
    assert world.job("a").status_code == code
    assert [status.written for status in world.add.parkings] == [False, False]
    assert world.give(ticket, world.ask(ticket)) == 100
    assert "2 need attention" in world.endpoint.close_connection(ticket)
    world.retry("a")
    assert world.visit().figures == [100]
    assert world.books.invoices == ["a"]


def test_a_crash_inside_is_never_reported_as_success(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("a")
    ticket = world.ticket()
    document = world.ask(ticket, first=True)
    monkeypatch.setattr(receiving, "read_answers", lambda _text: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.give(ticket, document)
    monkeypatch.undo()
    assert world.endpoint.get_last_error(ticket) == UNEXPECTED
    closed = world.endpoint.close_connection(ticket)
    assert "ended before everything was sent" in closed
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a"]


def test_a_visit_that_is_cut_short_is_not_called_done(world: Any) -> None:
    world.put(*(f"{n}" for n in range(pace.LARGEST_SET + 1)))
    ticket = world.ticket()
    world.give(ticket, world.ask(ticket, first=True))
    assert world.endpoint.close_connection(ticket).startswith("The visit ended before everything was sent.")
    (session,) = world.rows(Session)
    assert session.result == "failed"
    assert session.last_error["fr"].startswith("La visite s'est terminée")


def test_nothing_more_to_send_is_said_in_a_sentence(world: Any) -> None:
    world.put("a")
    ticket = world.ticket()
    world.give(ticket, world.ask(ticket, first=True))
    world.give(ticket, world.ask(ticket))
    assert world.ask(ticket) == ""
    assert world.endpoint.get_last_error(ticket) == "All done: 1 requests answered."
    assert world.endpoint.close_connection(ticket) == "All done: 1 requests answered."


def test_an_error_in_one_request_does_not_stop_the_rest(world: Any, speak: Any) -> None:
    plain = world.books._answer

    def say(request: Any) -> Any:
        if request.findtext(".//Memo") == "b":
            return speak.error("InvoiceAdd", request.get("requestID"), 3140)
        del world.books.says["InvoiceAdd"]
        try:
            return plain(request)
        finally:
            world.books.says["InvoiceAdd"] = say

    world.books.says["InvoiceAdd"] = say
    world.put("a", "b", "c")
    seen = world.visit()
    assert seen.figures == [100]
    assert "1 need attention" in seen.closed
    assert world.jobs() == {"a": "done", "b": "parked", "c": "done"}
    parked = world.job("b")
    assert (parked.status_code, parked.status_message) == ("3140", "said 3140")
    assert [status.code for status in world.add.parkings] == ["3140"]
    assert world.visit().told[1] == "none"


def test_every_row_belongs_to_its_connection(world: Any) -> None:
    world.put("a")
    world.refresh()
    world.visit()
    for table in (Session, Exchange, Request):
        assert {row.connection_id for row in world.rows(table)} == {world.connection_id}
    assert all(job.state is JobState.DONE for job in world.rows(type(world.job("a"))))


# -- a file that is not where it was


@pytest.mark.parametrize("hresult", ["0x80040403", "0x8004040a", "-2147220470"])
def test_a_file_that_is_not_where_it_was_is_asked_for_there_until_a_person_wants_another_seen(
    world: Any, speak: Any, hresult: str
) -> None:
    world.put("first")
    world.visit()
    world.put("a")
    assert world.connection().company_path == speak.PATH
    ticket = world.ticket()
    assert world.endpoint.connection_error(ticket, hresult, "no") == "done"
    assert speak.PATH in world.endpoint.get_last_error(ticket)
    world.endpoint.close_connection(ticket)
    assert world.connection().verdict is Verdict.AWAY
    with world.database.write() as db:
        company_file.seek(db, db.scalars(sa.select(Connection)).one())
    ticket, path = world.endpoint.authenticate(speak.USER, speak.PASSWORD)[:2]
    assert path == ""
    assert world.endpoint.connection_error(ticket, "0x80040416", "no file is open") == "done"
    world.endpoint.close_connection(ticket)
    assert world.connection().verdict is Verdict.SOUGHT
    world.books.path = r"D:\moved.qbw"
    world.visit()
    assert world.connection().verdict is Verdict.MOVED
    assert world.connection().company_path == speak.PATH
    with world.database.write() as db, pytest.raises(QueueError):
        company_file.seek(db, db.scalars(sa.select(Connection)).one())


@pytest.mark.parametrize("hresult", ["0x80040414", "0x80040416", "0x80040407"])
def test_what_is_no_matter_of_the_file_leaves_it_known(world: Any, hresult: str) -> None:
    world.put("first")
    world.visit()
    world.put("a")
    ticket = world.ticket()
    for _ in range(3):
        world.endpoint.connection_error(ticket, hresult, "no")
    assert world.connection().verdict is Verdict.GO
