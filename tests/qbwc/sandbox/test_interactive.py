"""Interactive mode: the address is fetched and shown, and the person finishes or refuses."""

from __future__ import annotations

import pytest

from qbwc.sandbox import Outcome

CLASSES = "<ClassQueryRq/>"
URL = "https://portal.example.test/setup?t=1"
FAULT = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    "<faultcode>s:Client</faultcode><faultstring>unknown</faultstring></s:Fault></s:Body></s:Envelope>"
)


@pytest.fixture
def asking(server, document):
    """An endpoint that wants its page opened before it sends its only set."""

    def send(_parameters):
        return document(CLASSES) if server.received("interactiveDone") else ""

    server.answers |= {
        "authenticate": ["t", ""],
        "sendRequestXML": send,
        "receiveResponseXML": 100,
        "getLastError": "Interactive mode",
        "interactiveUrl": URL,
        "interactiveDone": "Done",
        "interactiveRejected": "Set-up was not finished: run the update again.",
    }
    return server


def test_a_person_who_is_done_lets_the_visit_go_on(asking, call):
    shown = []
    made = call(interact=lambda url: shown.append(url) or True)
    assert (made.outcome, shown) == (Outcome.DONE, [URL])
    operations = [step.operation for step in made.steps]
    start = operations.index("getLastError")
    assert operations[start:] == [
        "getLastError",
        "interactiveUrl",
        "interactiveDone",
        "sendRequestXML",
        "QuickBooks",
        "receiveResponseXML",
        "closeConnection",
    ]
    (asked,) = asking.received("interactiveUrl")
    assert asked["wcTicket"] == "t"
    assert asked["sessionID"]
    assert asking.received("interactiveDone") == [{"wcTicket": "t"}]
    assert f"Interactive mode: {URL}" in made.messages


@pytest.mark.parametrize("interact", [None, lambda _url: False, lambda _url: None])
def test_a_person_who_refuses_ends_the_visit(asking, call, interact):
    made = call(interact=interact)
    assert made.outcome == Outcome.STOPPED
    assert made.explanation == "Set-up was not finished: run the update again."
    assert made.explanation in made.messages
    assert [step.operation for step in made.steps][-2:] == ["interactiveRejected", "closeConnection"]
    (rejected,) = asking.received("interactiveRejected")
    assert rejected["wcTicket"] == "t"
    assert rejected["reason"]


def test_the_other_name_of_the_operation_is_tried_after_a_fault(asking, call):
    asking.raw["interactiveUrl"] = (500, "text/xml", FAULT)
    asking.answers["getInteractiveURL"] = URL
    made = call(interact=lambda url: url == URL)
    assert made.outcome == Outcome.DONE
    assert "SOAP Fault" in next(step.note for step in made.steps if step.operation == "interactiveUrl")


def test_an_endpoint_without_interactive_operations_fails(asking, call):
    asking.raw |= dict.fromkeys(("interactiveUrl", "getInteractiveURL"), (500, "text/xml", FAULT))
    assert call(interact=lambda _url: True).outcome == Outcome.FAILED


def test_an_empty_address_is_rejected_and_nobody_is_asked(asking, call):
    asking.answers["interactiveUrl"] = ""
    assert call(interact=lambda _url: pytest.fail("there is nothing to show")).outcome == Outcome.STOPPED


def test_the_connector_asks_until_the_work_is_done(asking, call):
    pauses = []
    asking.answers["interactiveDone"] = lambda _sent: "" if len(asking.received("interactiveDone")) < 3 else "Done"
    assert call(interact=lambda _url: True, pause=pauses.append).outcome == Outcome.DONE
    assert pauses == [5.0, 5.0]


def test_the_connector_does_not_ask_for_ever(asking, call):
    asking.answers["interactiveDone"] = "not yet"
    made = call(interact=lambda _url: True, most_pauses=4)
    assert (made.outcome, len(asking.received("interactiveDone"))) == (Outcome.FAILED, 4)
    assert made.steps[-1].operation == "closeConnection"


def test_an_endpoint_that_wants_the_page_again_and_again_is_stopped(asking, call):
    asking.answers["sendRequestXML"] = ""
    made = call(interact=lambda _url: True)
    assert made.outcome == Outcome.FAILED
    assert len(asking.received("interactiveUrl")) == 3
