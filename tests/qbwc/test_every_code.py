"""Every code of the tables, said by a QuickBooks at work: what becomes of its request, of the others, of the visit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from qbwc.database import Database
from qbwc.qbxml.reaction import DONE, Reaction, Section, Status
from qbwc.qbxml.status import catalogue, expand, judge_hresult
from qbwc.queue import REFUSED_TO_ALL


def first_number(entry: Status) -> int:
    return min(expand(entry.code))


CODES = sorted(first_number(entry) for entry in catalogue(Section.STATUS))
REACTIONS = {first_number(entry): entry.reaction for entry in catalogue(Section.STATUS)}
HRESULTS = sorted(f"0x{first_number(entry):08X}" for entry in catalogue(Section.HRESULT) if first_number(entry))
SET_CODES = sorted(first_number(entry) for entry in catalogue(Section.MESSAGE_SET) if first_number(entry))

Answers = Callable[[etree._Element], str]


@pytest.fixture
def small(database: Database, clock: Any, speak: Any) -> Any:
    return speak.World(database, clock)


def says_once(small: Any, speak: Any, code: int) -> list[int]:
    """QuickBooks answers the second invoice with this code, the first time that it sees it."""
    said: list[int] = []
    severity = "Info" if code < 500 else "Warn" if code < 1000 else "Error"

    def say(request: etree._Element) -> str:
        del small.books.says["InvoiceAdd"]
        try:
            if (request.findtext(".//Memo") or "") == "odd" and not said:
                said.append(code)
                number = len(small.books.invoices) + 1
                ret = f"<InvoiceRet><TxnID>T-{number}</TxnID><EditSequence>{number}</EditSequence></InvoiceRet>"
                if code < 1000:
                    small.books.invoices.append("odd")
                    small.books.kept.append(
                        {"TxnID": f"T-{number}", "EditSequence": str(number), "TxnDate": "", "CustomerRef": ""}
                    )
                return speak.error("InvoiceAdd", request.get("requestID"), code, ret if code < 1000 else "", severity)
            return small.books._answer(request)
        finally:
            small.books.says["InvoiceAdd"] = say

    small.books.says["InvoiceAdd"] = say
    return said


@pytest.mark.parametrize("code", CODES)
def test_each_status_does_what_its_class_says_and_never_stops_the_others(small: Any, speak: Any, code: int) -> None:
    said = says_once(small, speak, code)
    small.put("before", "odd", "after")
    seen = small.visit()
    assert said == [code]
    reaction = REACTIONS[code]
    states = small.jobs()
    assert (states["before"], states["after"]) == ("done", "done")
    if reaction in DONE or reaction in (Reaction.REQUEUE, Reaction.RETRY_LOCK):
        assert states["odd"] == "done", "carried out, or tried again in the same visit"
    elif reaction is Reaction.STOP or str(code) in REFUSED_TO_ALL:
        assert states["odd"] == "waiting"
        assert f"({code})" in seen.error
    elif reaction is Reaction.RETRY_LATER:
        assert states["odd"] == "waiting", "the next visit"
    else:
        job = small.job("odd")
        assert (job.state, job.status_code) == ("parked", str(code))
    small.visit()
    parks = reaction not in (*DONE, Reaction.REQUEUE, Reaction.RETRY_LOCK, Reaction.STOP, Reaction.RETRY_LATER)
    parks = parks and str(code) not in REFUSED_TO_ALL
    assert small.jobs()["odd"] == ("parked" if parks else "done")
    assert small.books.invoices.count("odd") == (0 if parks else 1)
    assert small.visit().told[1] == "none"


@pytest.mark.parametrize("code", [code for code in CODES if REACTIONS[code] not in DONE])
def test_no_status_keeps_a_request_coming_back_for_ever(small: Any, speak: Any, code: int) -> None:
    small.books.says["InvoiceAdd"] = lambda request: speak.error("InvoiceAdd", request.get("requestID"), code)
    small.put("odd")
    for _ in range(8):
        small.visit()
    job = small.job("odd")
    assert (job.state, job.status_code) == ("parked", str(code))
    assert small.visit().told[1] == "none"
    assert len(small.add.parkings) == 1


# What QuickBooks may have done before it failed: nothing, or, where nobody can tell, everything.
OUTCOMES = [(hresult, False) for hresult in HRESULTS] + [
    (hresult, True) for hresult in HRESULTS if judge_hresult(hresult).written is None
]


@pytest.mark.parametrize(("hresult", "executed"), OUTCOMES)
def test_each_hresult_leaves_every_invoice_written_once(small: Any, hresult: str, executed: bool) -> None:
    failures = [hresult]

    def fail(document: str) -> str | None:
        if "InvoiceAdd" not in document or not failures:
            return None
        if executed:
            failed, small.books.hresult = failures.pop(), lambda _document: None
            small.books.process(document)
            small.books.hresult = fail
            return failed
        return failures.pop()

    small.books.hresult = fail
    small.put("a", "b")
    for _ in range(4):
        small.visit()
    assert small.books.invoices == ["a", "b"]
    assert small.jobs() == {"a": "done", "b": "done"}


@pytest.mark.parametrize("hresult", HRESULTS)
def test_each_failure_to_open_the_file_ends_with_a_sentence(small: Any, hresult: str) -> None:
    small.put("a")
    ticket = small.ticket()
    answers = []
    while not answers or (answers[-1] != "done" and len(answers) < 10):
        answers.append(small.endpoint.connection_error(ticket, hresult, "said QuickBooks"))
    assert len(answers) <= 3
    assert set(answers[:-1]) <= {""}
    status = judge_hresult(hresult, "said QuickBooks")
    sentence = small.endpoint.get_last_error(ticket)
    assert status.what("en") in sentence
    assert status.code in sentence
    assert small.endpoint.close_connection(ticket) == sentence
    small.clock.tick(300)
    assert small.visit().figures == [100]


@pytest.mark.parametrize("code", SET_CODES)
def test_each_status_of_a_set_is_survived(small: Any, code: int) -> None:
    """It comes without answers, once: the set is taken up again, or left to a person with the reason."""
    small.put("a")
    ticket = small.ticket()
    small.ask(ticket, first=True)
    empty = f'<QBXML><QBXMLMsgsRs messageSetStatusCode="{code}"/></QBXML>'
    small.endpoint.receive_response(ticket, empty, "", "")
    small.endpoint.close_connection(ticket)
    small.clock.tick(300)
    for _ in range(3):
        small.visit()
    job = small.job("a")
    if code == 9004:
        assert (job.state, job.status_code) == ("parked", str(code))
        assert small.books.invoices == []
    else:
        assert job.state == "done"
        assert small.books.invoices == ["a"]
