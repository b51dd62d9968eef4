"""SOAP calls: counted, heard of, cut off anywhere, and made without a socket."""

from __future__ import annotations

from wsgiref.validate import validator

import pytest

from qbwc.sandbox import Outcome, as_json

CLASSES = "<ClassQueryRq/>"
ADD = "<CustomerAddRq><CustomerAdd><Name>Neuf</Name></CustomerAdd></CustomerAddRq>"
ORDER = [
    "serverVersion",
    "clientVersion",
    "authenticate",
    "sendRequestXML",
    "receiveResponseXML",
    "closeConnection",
]


@pytest.fixture(params=["socket", "application"])
def way(request, server):
    """How the endpoint is reached."""
    return {} if request.param == "socket" else {"transport": server.wsgi}


def names(company):
    return [record["Name"] for record in company.records("Customer")]


def heard(server):
    return [operation for operation, _parameters in server.calls]


def test_calls_are_counted_from_server_version(server, call, document, way):
    seen = []
    server.documents = [document(CLASSES)]
    made = call(on_call=lambda number, operation: seen.append((number, operation)), **way)
    assert made.outcome == Outcome.DONE
    assert seen == list(enumerate(ORDER, start=1))
    assert made.calls == as_json(made)["calls"] == len(ORDER)
    assert heard(server) == ORDER


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("cut", ["before", "during", "after"])
def test_a_visit_can_be_cut_off_at_every_call(server, call, document, way, cut, number):
    server.documents = [document(ADD)]
    made = call(f"cut-call-{cut}@{number}", **way)
    assert (made.outcome, made.went_well, made.calls) == (Outcome.LOST, False, number)
    assert heard(server) == ORDER[: number if cut == "after" else number - 1]
    assert len(server.torn) == (cut == "during")
    assert made.steps[-1].operation == ORDER[number - 1]
    assert f"SOAP call {number} ({ORDER[number - 1]}) was cut off" in made.explanation
    assert made.steps[-1].note == made.explanation
    assert ("Neuf" in names(call.company)) == (number > 4)


def test_half_a_request_is_half_a_request(server, call, document, way):
    server.documents = [document(CLASSES)]
    call("cut-call-during@3", **way)
    server.documents = [document(CLASSES)]
    assert call(**way).outcome == Outcome.DONE, "the endpoint lives on"
    whole = next(body for body in server.bodies if b"authenticate" in body)
    assert server.torn == [whole[: len(whole) // 2]]


def test_a_call_that_does_not_happen_is_not_cut(server, call, document):
    server.documents = [document(CLASSES)]
    assert call("cut-call-after@99").outcome == Outcome.DONE


def test_a_server_that_dies_while_it_answers_a_cut_call_changes_nothing(server, call, document):
    server.documents = [document(CLASSES)]
    server.raw["authenticate"] = (500, "text/plain", "Traceback")
    assert call("cut-call-after@3").outcome == Outcome.LOST


def test_a_cut_call_to_nobody_is_still_only_cut(call):
    made = call("cut-call-during@1", url="http://127.0.0.1:9/qbwc", transport=None)
    assert made.outcome == Outcome.FAILED, "the plain GET comes first"


def test_an_application_is_called_as_a_web_server_would_call_it(server, call, document):
    server.documents = [document(ADD)]
    checked = validator(server.wsgi)
    made = call(transport=checked, url="http://localhost/deep/pa%20th?x=1")
    assert made.outcome == Outcome.DONE
    assert "Neuf" in names(call.company)


def test_both_ways_send_the_same_bytes(server, call, document):
    sent = []
    for options in ({}, {"transport": server.wsgi}):
        server.documents = [document(CLASSES)]
        server.bodies.clear()
        call(**options)
        sent.append(list(server.bodies))
    assert sent[0] == sent[1]


def test_the_application_sees_path_and_headers(call):
    seen = {}

    def application(environ, start_response):
        seen.update(environ)
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b""]

    made = call(transport=application, url="https://qbwc.example.test:8443/pa%20th?x=1")
    assert "answered 404" in made.explanation
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["wsgi.url_scheme"]) == ("/pa th", "x=1", "https")
    assert (seen["HTTP_HOST"], seen["SERVER_PORT"]) == ("qbwc.example.test:8443", "8443")


def test_an_application_that_raises_is_a_failed_visit(call):
    def application(_environ, _start_response):
        raise RuntimeError("out of order")

    made = call(transport=application)
    assert made.outcome == Outcome.FAILED
    assert "the application raised RuntimeError: out of order" in made.explanation


def test_a_test_can_act_between_two_calls(server, call, document):
    def replace_server(number, _operation):
        if number == 5:
            server.answers["receiveResponseXML"] = -1
            server.answers["getLastError"] = "the new server knows nothing of this"

    server.documents = [document(ADD)]
    made = call(on_call=replace_server)
    assert made.outcome == Outcome.STOPPED
    assert "the new server knows nothing of this" in made.messages


def test_what_a_listener_raises_leaves_the_visit(server, call, document):
    def listen(number, _operation):
        if number == 5:
            raise KeyError("stop here")

    server.documents = [document(ADD)]
    with pytest.raises(KeyError):
        call(on_call=listen)


@pytest.mark.parametrize("url", ["ftp://localhost/qbwc", "http://localhost:port/qbwc", "http://"])
def test_an_address_that_is_none_is_a_failed_visit(call, url):
    made = call(url=url)
    assert (made.outcome, made.steps) == (Outcome.FAILED, ())
    assert "QBWC1003" in made.explanation
