"""Answers of 64 MB are taken, what is larger is refused by protocol, and the connection goes on after a refusal."""

from __future__ import annotations

import contextlib
import http.client
import io
import threading
import wsgiref.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import waitress.server
from lxml import etree

from qbwc.qbxml import read_answers
from qbwc.wsgi import LARGEST_BODY, build_wsgi

MB = 1024 * 1024
LIMIT = 2 * MB
FAULT = "{http://schemas.xmlsoap.org/soap/envelope/}Fault"
RESULT = ".//{http://developer.intuit.com/}receiveResponseXMLResult"

HEAD = (
    b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    b'<soap:Body><receiveResponseXML xmlns="http://developer.intuit.com/"><ticket>t</ticket><response>'
)
TAIL = b"</response><hresult /><message /></receiveResponseXML></soap:Body></soap:Envelope>"
FIRST = (
    '<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs>\n<CustomerQueryRs requestID="1" statusCode="0" '
    'statusSeverity="Info" statusMessage="Status OK">\n'
)
LAST = "</CustomerQueryRs>\n</QBXMLMsgsRs>\n</QBXML>\n"


@dataclass
class Reader:
    """An endpoint that reads what it receives."""

    length: int = 0
    names: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def receive_response(self, _ticket: str, response: str, _hresult: str, _message: str) -> int:
        self.length, self.names = len(response), []
        for said in read_answers(response):
            self.names += [one.name for one in said.objects]
            self.problems += [one.reason for one in said.unread]
        return 100


def escape(text: str) -> bytes:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").encode()


def call(app: Any, stream: Any, length: int | None) -> tuple[str, bytes]:
    """Send what is in a stream; without a length it is as one that came in chunks."""
    started: list[str] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "wsgi.input": stream, "CONTENT_TYPE": "text/xml"}
    environ |= {"CONTENT_LENGTH": str(length)} if length is not None else {"HTTP_TRANSFER_ENCODING": "chunked"}
    wsgiref.util.setup_testing_defaults(environ)
    content = b"".join(app(environ, lambda status, _headers, _error=None: started.append(status)))
    return started[0], content


def check_refused(status: str, content: bytes) -> None:
    assert status.startswith("500")
    (fault,) = etree.fromstring(content).iter(FAULT)
    assert fault.findtext("faultstring") == "The request is longer than the 2 MB that are accepted."


def body_of(size: int) -> bytes:
    """A body of exactly so many bytes."""
    text = escape(FIRST) + escape("<CustomerRet><ListID>1</ListID><Name>a</Name></CustomerRet>") + escape(LAST)
    return HEAD + text.ljust(size - len(HEAD) - len(TAIL)) + TAIL


def test_an_answer_of_64_mb_with_dense_tags_is_taken() -> None:
    """Short elements are what grows most inside SOAP; few of the objects are asked for, to be done in seconds."""
    dense = "<RateRet>\n<Rate>12.5</Rate>\n<IsOn>1</IsOn>\n<City/>\n</RateRet>\n"
    known = "<CustomerRet>\n<ListID>{n}</ListID>\n<Name>Caf\u00e9 {n}</Name>\n</CustomerRet>\n"
    block = known + dense * (MB // len(dense))
    text = FIRST + "".join(block.replace("{n}", str(n)) for n in range(64)) + LAST
    body = HEAD + escape(text) + TAIL
    assert 63 * MB < len(text) < 65 * MB
    inflated = len(body) / len(text)
    assert 1.6 < inflated < 2
    assert len(body) < LARGEST_BODY
    reader, length = Reader(), len(text)
    app = build_wsgi(reader)  # type: ignore[arg-type]
    del text
    status, content = call(app, io.BytesIO(body), len(body))
    assert status == "200 OK"
    assert etree.fromstring(content).findtext(RESULT) == "100"
    assert reader.length == length
    assert reader.names == [f"Caf\u00e9 {n}" for n in range(64)]
    assert reader.problems == []


def test_the_limit_itself_is_taken_and_one_byte_more_is_not() -> None:
    reader = Reader()
    app = build_wsgi(reader, largest_body=LIMIT)  # type: ignore[arg-type]
    for length in (LIMIT, None):
        status, _ = call(app, io.BytesIO(body_of(LIMIT)), length)
        assert (status, reader.names) == ("200 OK", ["a"])
        reader.names = []
        more = body_of(LIMIT + 1)
        check_refused(*call(app, io.BytesIO(more), len(more) if length else None))
        assert reader.names == []


class Measured(io.RawIOBase):
    """A stream without an end, that counts what is taken from it and gives a little at a time."""

    def __init__(self, at_a_time: int = 100_000) -> None:
        super().__init__()
        self.taken, self.at_a_time = 0, at_a_time

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0, "a body is never read without a bound"
        given = min(size, self.at_a_time)
        self.taken += given
        return b"x" * given


@pytest.mark.parametrize("length", [LIMIT + 1, 3 * LIMIT, 10**15, None])
def test_what_is_refused_is_read_away_but_not_for_ever(length: int | None) -> None:
    stream = Measured()
    check_refused(*call(build_wsgi(Reader(), largest_body=LIMIT), stream, length))  # type: ignore[arg-type]
    assert stream.taken <= 2 * LIMIT + 1
    if length == LIMIT + 1:
        assert stream.taken >= LIMIT


def test_a_body_that_comes_in_small_parts_is_put_together() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 997))

    for length in (100_000, None):
        reader = Reader()
        assert call(build_wsgi(reader), Slow(body_of(100_000)), length)[0] == "200 OK"  # type: ignore[arg-type]
        assert reader.names == ["a"]


@pytest.fixture
def port() -> Iterator[int]:
    """A real web server with a service that takes 2 MB."""
    app = build_wsgi(Reader(), largest_body=LIMIT)  # type: ignore[arg-type]
    server: Any = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield int(server.effective_port)
    with contextlib.suppress(OSError):  # the loop may close the trigger while it is being pulled
        server.trigger.pull_trigger(server.close)
    server.task_dispatcher.shutdown()
    thread.join(10)


def test_a_connection_goes_on_after_a_refusal(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    first = connection.sock
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    try:
        for chunked in (False, True, False):
            whole = body_of(LIMIT + 70_000)
            body: Any = iter([whole[:MB], whole[MB:]]) if chunked else whole
            connection.request("POST", "/qbwc", body, headers, encode_chunked=chunked)
            answer = connection.getresponse()
            check_refused(f"{answer.status}", answer.read())
            connection.request("POST", "/qbwc", body_of(50_000), headers)
            answer = connection.getresponse()
            assert (answer.status, etree.fromstring(answer.read()).findtext(RESULT)) == (200, "100")
        assert connection.sock is first
    finally:
        connection.close()
