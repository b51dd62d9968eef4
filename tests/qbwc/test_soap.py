"""The wire: an independent SOAP client, exact bytes, hostile bodies, and what is logged."""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import waitress.server
import zeep
from lxml import etree

from qbwc.database import Database
from qbwc.wsgi import build_wsgi

NAMESPACE = "http://developer.intuit.com/"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
LIMIT = 2 * 1024 * 1024
OPERATIONS = (
    "serverVersion",
    "clientVersion",
    "authenticate",
    "sendRequestXML",
    "receiveResponseXML",
    "connectionError",
    "getLastError",
    "closeConnection",
)
INTERACTIVE = {"interactiveUrl", "getInteractiveURL", "interactiveRejected", "interactiveDone"}  # in no published WSDL


@dataclass
class Live:
    """The endpoint behind a real web server on this computer."""

    world: Any
    host: str
    port: int
    app: Any

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/qbwc"

    def send(self, body: bytes, *, method: str = "POST", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            stated = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
            stated |= {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, "/qbwc", body or None, stated)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def call(self, operation: str, **parameters: str) -> bytes:
        status, headers, body = self.send(envelope(operation, **parameters))
        assert status == 200
        assert headers["content-type"] == "text/xml; charset=utf-8"
        return body


def envelope(operation: str, **parameters: str) -> bytes:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in parameters.items())
    return (
        '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
        f'<{operation} xmlns="http://developer.intuit.com/">{inner}</{operation}></soap:Body></soap:Envelope>'
    ).encode()


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A web server whose application each test puts in `server.holder`."""
    holder: dict[str, Any] = {}
    made: Any = waitress.server.create_server(
        lambda environ, start: holder["app"](environ, start), host="127.0.0.1", port=0, threads=4
    )
    made.holder = holder
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    yield made
    with contextlib.suppress(OSError):  # the loop may close the trigger while it is being pulled
        made.trigger.pull_trigger(made.close)
    made.task_dispatcher.shutdown()
    thread.join(10)


@pytest.fixture
def live(server: Any, database: Database, clock: Any, speak: Any) -> Live:
    world = speak.World(database, clock)
    server.holder["app"] = app = build_wsgi(world.endpoint, largest_body=LIMIT)
    return Live(world, "127.0.0.1", int(server.effective_port), app)


@pytest.fixture
def connect() -> Iterator[Callable[[str], zeep.Client]]:
    """SOAP clients, whose connections end with the test."""
    made: list[zeep.Client] = []

    def build(wsdl: str) -> zeep.Client:
        made.append(zeep.Client(wsdl))
        return made[-1]

    yield build
    for client in made:
        client.transport.session.close()


@pytest.fixture
def client(live: Live, connect: Any) -> zeep.Client:
    return connect(f"{live.url}?wsdl")


# -- an independent client ----------------------------------------------------------


def visit(service: Any, live: Live, speak: Any) -> list[Any]:
    """A whole visit through a SOAP client; returns the figures."""
    books = live.world.books
    assert service.clientVersion("2.3.0.207") in ("", None)
    ticket, file = service.authenticate(speak.USER, speak.PASSWORD)
    assert file in ("", None)
    figures: list[Any] = []
    document = service.sendRequestXML(ticket, books.greeting(), books.path, "CA", 16, 0)
    while document:
        figures.append(service.receiveResponseXML(ticket, books.process(document), "", ""))
        document = service.sendRequestXML(ticket, "", books.path, "CA", 16, 0) if figures[-1] < 100 else ""
    assert service.closeConnection(ticket).startswith("All done")
    return figures


def test_an_independent_client_reads_our_wsdl_and_works_by_it(live: Live, client: zeep.Client, speak: Any) -> None:
    live.world.put("Café & crème <1>", "œuf “2”")
    live.world.refresh()
    figures = visit(client.service, live, speak)
    assert figures[-1] == 100
    assert live.world.books.invoices == ["Café & crème <1>", 'oeuf "2"']


def test_a_client_of_intuits_wsdl_works_with_us(live: Live, connect: Any, intuit_wsdl: Path, speak: Any) -> None:
    theirs = connect(str(intuit_wsdl))
    (binding,) = [name for name in theirs.wsdl.bindings if name.endswith("Soap")]
    service = theirs.create_service(binding, live.url)
    live.world.put("a", "b")
    assert service.serverVersion() == "1.0"
    assert visit(service, live, speak) == [99, 100]
    assert live.world.books.invoices == ["a", "b"]
    assert service.authenticate(speak.USER, "wrong") == [None, "nvu"]
    assert service.connectionError("x", "0x80040408", "no") == "done"
    assert "not known here" in service.getLastError("x")


def shape(client: zeep.Client) -> dict[str, Any]:
    """Operations with the names and types of what goes in and comes out."""
    found: dict[str, Any] = {}
    for binding in client.wsdl.bindings.values():
        for operation in binding.all().values():
            found[operation.name] = tuple(
                tuple((name, element.type.name) for name, element in message.body.type.elements)
                for message in (operation.input, operation.output)
            )
    return found


def test_our_wsdl_says_the_same_as_intuits(client: zeep.Client, connect: Any, intuit_wsdl: Path) -> None:
    ours, theirs = shape(client), shape(connect(str(intuit_wsdl)))
    assert set(ours) - INTERACTIVE == set(OPERATIONS) == set(theirs)
    assert set(ours) == {*OPERATIONS, *INTERACTIVE}
    for name, parameters in (
        ("interactiveUrl", ("wcTicket", "sessionID")),
        ("getInteractiveURL", ("wcTicket", "sessionID")),
        ("interactiveRejected", ("wcTicket", "reason")),
        ("interactiveDone", ("wcTicket",)),
    ):
        assert ours[name] == (tuple((one, "string") for one in parameters), ((f"{name}Result", "string"),))
    # Intuit publishes serverVersion without a parameter, most others with one: both are taken.
    assert ours.pop("serverVersion") == ((("strVersion", "string"),), (("serverVersionResult", "string"),))
    assert theirs.pop("serverVersion") == ((), (("serverVersionResult", "string"),))
    assert {name: what for name, what in ours.items() if name not in INTERACTIVE} == theirs


def test_our_wsdl_has_intuits_namespace_and_an_array_of_string(
    client: zeep.Client, connect: Any, intuit_wsdl: Path
) -> None:
    for one in (client, connect(str(intuit_wsdl))):
        array = one.get_type(f"{{{NAMESPACE}}}ArrayOfString")
        ((name, element),) = array.elements
        assert (name, element.max_occurs, element.min_occurs, element.nillable) == ("string", "unbounded", 0, True)
        assert element.qname.namespace == NAMESPACE


# -- golden bytes -------------------------------------------------------------------


def body_of(content: bytes) -> bytes:
    """The answer without its envelope, whose prefixes are of no account."""
    root = etree.fromstring(content)
    assert root.tag == f"{{{SOAP}}}Envelope"
    (body,) = root
    assert body.tag == f"{{{SOAP}}}Body"
    (answer,) = body
    etree.cleanup_namespaces(answer)
    return etree.tostring(answer, method="c14n", exclusive=True)


def answer_bytes(operation: str, text: str) -> bytes:
    result = f"<tns:{operation}Result>{text}</tns:{operation}Result>"
    return f'<tns:{operation}Response xmlns:tns="{NAMESPACE}">{result}</tns:{operation}Response>'.encode()


def test_the_bytes_of_every_answer(live: Live, speak: Any) -> None:
    world = live.world
    assert body_of(live.call("serverVersion")) == answer_bytes("serverVersion", "1.0")
    assert body_of(live.call("serverVersion", strVersion="x")) == answer_bytes("serverVersion", "1.0")
    assert body_of(live.call("clientVersion", strVersion="2.3.0.207")) == answer_bytes("clientVersion", "")
    assert body_of(live.call("clientVersion", strVersion="1.0")) == answer_bytes("clientVersion", "O:2.1.0.30")
    assert body_of(live.call("connectionError", ticket="x", hresult="0x80040408", message="no")) == answer_bytes(
        "connectionError", "done"
    )
    unknown = "This visit is not known here, or is over."
    assert body_of(live.call("closeConnection", ticket="x")) == answer_bytes(
        "closeConnection", f"{unknown} Click Update Selected to begin a new one."
    )
    assert body_of(live.call("getLastError", ticket="x")) == answer_bytes(
        "getLastError", f"{unknown} Click Update Selected to begin a new one."
    )
    nothing = live.call("sendRequestXML", ticket="x", strHCPResponse="", strCompanyFileName="")
    assert body_of(nothing) == answer_bytes("sendRequestXML", "")
    assert body_of(live.call("receiveResponseXML", ticket="x")) == answer_bytes("receiveResponseXML", "-1")
    world.put("a")
    content = live.call("authenticate", strUserName=speak.USER, strPassword=speak.PASSWORD)
    ticket = etree.fromstring(content).findtext(f".//{{{NAMESPACE}}}string")
    assert body_of(content) == answer_bytes(
        "authenticate", f"<tns:string>{ticket}</tns:string><tns:string></tns:string>"
    )
    greeting = world.books.greeting().replace("&", "&amp;").replace("<", "&lt;")
    sent = live.call("sendRequestXML", ticket=ticket, strHCPResponse=greeting, strCompanyFileName=world.books.path)
    with world.database.read() as db:
        from qbwc.models import Exchange

        stored = db.query(Exchange).filter(Exchange.request_body.is_not(None)).one().request_body
    escaped = stored.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert body_of(sent) == answer_bytes("sendRequestXML", escaped)


@pytest.mark.parametrize(("password", "what"), [("wrong", "nvu"), (None, "none")])
def test_an_array_of_string_keeps_its_empty_item_to_the_byte(
    live: Live, speak: Any, password: str | None, what: str
) -> None:
    content = live.call("authenticate", strUserName=speak.USER, strPassword=password or speak.PASSWORD)
    items = re.findall(rb"<(\w+):string(?:/>|>([^<]*)</\1:string>)", content)
    assert [text.decode() for _, text in items][1:] == [what]
    assert len(items) == 2
    assert (items[0][1] == b"") is (what == "nvu")
    assert b"nil" not in content


def test_an_answer_is_one_document_in_utf_8_without_layout(live: Live) -> None:
    content = live.call("clientVersion", strVersion="2.3.0.207")
    assert content.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n<")
    assert content.count(b"\n") == 1


def test_sentences_arrive_without_characters_that_xml_forbids(live: Live, speak: Any) -> None:
    live.world.books.name = "Nord\u00e9t & \u201cfils\u201d"
    live.world.put("a")
    live.world.amend(company_name="X\x0bY", company_path="C:\\x.qbw")
    content = live.call("authenticate", strUserName=speak.USER, strPassword=speak.PASSWORD)
    ticket = etree.fromstring(content).findtext(f".//{{{NAMESPACE}}}string") or ""
    greeting = live.world.books.greeting().replace("& ", "&amp; ").replace("&", "&amp;").replace("<", "&lt;")
    live.call("sendRequestXML", ticket=ticket, strHCPResponse=greeting, strCompanyFileName="C:\\x.qbw")
    text = etree.fromstring(live.call("getLastError", ticket=ticket)).findtext(f".//{{{NAMESPACE}}}getLastErrorResult")
    assert text is not None
    assert "Nord\u00e9t & \u201cfils\u201d" in text
    assert "XY" in text


# -- GET ----------------------------------------------------------------------------


def test_a_plain_get_shows_the_wsdl(live: Live) -> None:
    status, headers, body = live.send(b"", method="GET")
    assert status == 200
    assert headers["content-type"].startswith("text/xml")
    assert etree.fromstring(body).tag == "{http://schemas.xmlsoap.org/wsdl/}definitions"


def test_a_head_is_answered_without_a_body(live: Live) -> None:
    status, _, body = live.send(b"", method="HEAD")
    assert (status, body) == (200, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(live: Live, method: str) -> None:
    status, _, body = live.send(b"x", method=method)
    assert status == 405
    check_fault(body)


# -- hostile and broken bodies --------------------------------------------------------


def check_fault(content: bytes) -> str:
    """A well-formed SOAP fault in one sentence that gives nothing away."""
    root = etree.fromstring(content)
    (fault,) = root.iter(f"{{{SOAP}}}Fault")
    sentence = fault.findtext("faultstring") or ""
    assert sentence.endswith(".")
    assert len(sentence) < 160
    text = content.decode()
    for word in ("Traceback", "Error:", "Exception", "spyne", "lxml", "File ", ".py", "line "):
        assert word not in text
    return sentence


WELL = envelope("clientVersion", strVersion="2.3.0.207")
DTD = b'<!DOCTYPE a [<!ENTITY x "aaaaaaaaaa"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]>'
EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   \r\n",
        b"nonsense",
        b"<a>",
        b"<a/>",
        b"<soap:Envelope/>",
        b"\x00\x01\x02\xff",
        WELL[:-20],
        WELL + b"<more/>",
        WELL.replace(b"soap:Body", b"soap:Head"),
        WELL.replace(b"clientVersion", b"formatDisk"),
        WELL.replace(b"http://developer.intuit.com/", b"http://example.test/"),
        WELL.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"),
        envelope("sendRequestXML", ticket="x", qbXMLMajorVers="thirteen"),
        DECLARATION + DTD + WELL.removeprefix(DECLARATION).replace(b"2.3.0.207", b"&y;"),
        DECLARATION + EXTERNAL + WELL.removeprefix(DECLARATION).replace(b"2.3.0.207", b"&x;"),
        DECLARATION + b"<!--" + b"x" * 9000 + b"-->" + DTD + WELL.removeprefix(DECLARATION),
        (DTD + WELL.removeprefix(DECLARATION)).decode().encode("utf-16"),
        b"<a>" * 100_000,
        b'{"json": true}',
        b"user=nordet&password=x",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_cannot_be_understood_gets_a_well_formed_fault(live: Live, body: bytes) -> None:
    status, headers, content = live.send(body)
    assert status == 500
    assert headers["content-type"] == "text/xml; charset=utf-8"
    check_fault(content)
    assert b"root:" not in content


def test_a_body_that_is_too_long_is_refused_whether_its_length_is_stated_or_not(live: Live) -> None:
    body = WELL.replace(b"2.3.0.207", b"x" * LIMIT)
    assert "longer than the 2 MB" in check_fault(live.send(body)[2])
    assert "longer than the 2 MB" in check_fault(run(live.app, body, length=None)[1])
    assert "longer than the 2 MB" in check_fault(run(live.app, b"", length="9" * 400)[1])


def run(app: Any, body: bytes, *, length: str | None, content_type: str = "text/xml") -> tuple[str, bytes]:
    """The application without a server, for what a server would not let through."""
    started: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/qbwc",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_TYPE": content_type,
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    return_value = app(environ, lambda status, headers, exc_info=None: started.append(status))
    return started[0], b"".join(return_value)


@pytest.mark.parametrize("length", ["-5", "abc", "²", ""])
def test_a_length_that_is_none_is_ignored(live: Live, length: str) -> None:
    status, content = run(live.app, WELL, length=length)
    assert status == "200 OK"
    assert body_of(content) == answer_bytes("clientVersion", "")


def test_an_answer_of_several_megabytes_passes(live: Live) -> None:
    big = WELL.replace(b"2.3.0.207", b"x" * (LIMIT - 1000))
    assert live.send(big)[0] == 200


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "cp1252"),
        ("iso-8859-1", "iso-8859-1"),
        ("utf-16", "utf-16"),
        ("us-ascii", "utf-8"),
        ("no-such-charset", "utf-8"),
        ("idna", "utf-8"),
        ("undefined", "cp1252"),
        ("unicode_escape", "utf-8"),
        ("", "utf-8"),
    ],
)
def test_accents_survive_whatever_charset_was_stated(live: Live, charset: str, encoding: str) -> None:
    live.world.amend(user_name="é")
    body = envelope("authenticate", strUserName="é", strPassword="wrong").decode()
    declared = body.replace('encoding="utf-8"', f'encoding="{charset}"' if charset else "")
    seen: list[str] = []
    live.world.endpoint.authenticate = lambda user, _password, _address: seen.append(user) or ["", "nvu"]
    status, _, _ = live.send(declared.encode(encoding), Content_Type=f'text/xml; charset="{charset}"')
    assert status == 200
    assert seen == ["é"]


@pytest.mark.parametrize("junk", ["\x02", "&#x1F;", "&#xF;", "&#0;", "\ufffe", "&#11;"])
def test_control_characters_are_left_out(live: Live, junk: str) -> None:
    seen: list[str] = []
    live.world.endpoint.client_version = lambda version: seen.append(version) or ""
    live.call("clientVersion", strVersion=f"a{junk}b")
    assert seen == ["ab"]


def test_a_body_in_chunks_is_taken(live: Live) -> None:
    connection = http.client.HTTPConnection(live.host, live.port, timeout=30)
    try:
        pieces = iter([WELL[:100], WELL[100:]])
        connection.request("POST", "/qbwc", pieces, {"Content-Type": "text/xml; charset=utf-8"}, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, body_of(answer.read())) == (200, answer_bytes("clientVersion", ""))
    finally:
        connection.close()


def test_a_client_that_expects_100_continue_is_served(live: Live) -> None:
    assert live.send(WELL, Expect="100-continue")[0] == 200


# -- failures inside ------------------------------------------------------------------


def _broken(*_args: object) -> Any:
    raise RuntimeError("the inner secret of the server")


@pytest.mark.parametrize(
    ("operation", "method", "result"),
    [
        ("authenticate", "authenticate", "<tns:string></tns:string><tns:string>busy</tns:string>"),
        ("sendRequestXML", "send_request", ""),
        ("receiveResponseXML", "receive_response", "-1"),
        ("connectionError", "connection_error", "done"),
        ("getLastError", "get_last_error", "Something went wrong on the server."),
        ("closeConnection", "close_connection", "Something went wrong on the server."),
        ("serverVersion", "server_version", ""),
        ("clientVersion", "client_version", ""),
    ],
)
def test_a_failure_inside_is_answered_by_protocol_and_logged_once(
    live: Live, operation: str, method: str, result: str, caplog: pytest.LogCaptureFixture
) -> None:
    setattr(live.world.endpoint, method, _broken)
    status, _, content = live.send(envelope(operation))
    assert status == 200
    assert result.encode() in body_of(content)
    for word in (b"secret", b"Traceback", b"RuntimeError"):
        assert word not in content
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said == [f"{operation} failed"]


# -- logging --------------------------------------------------------------------------


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """All that is logged by anybody, at the finest level."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith(("spyne", "qbwc", "waitress"))]
    before = {name: logging.getLogger(name).level for name in names}
    caplog.set_level(logging.DEBUG)
    for other in ("zeep", "urllib3"):  # the client's own
        caplog.set_level(logging.WARNING, logger=other)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield lambda: f"{caplog.text} {[record.args for record in caplog.records]}"
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body,
        lambda body: body.replace(b"strPassword", b"strPassphrase"),
        lambda body: body.replace(b"authenticate", b"login"),
        lambda body: body[:-10],
        lambda body: body.replace(b"</soap:Body>", b""),
        lambda body: body.replace(b"battery", b"\xff\x00battery"),
        lambda body: DECLARATION + DTD + body.removeprefix(DECLARATION),
        lambda body: body.replace(b"http://developer.intuit.com/", b"http://example.test/"),
    ],
)
def test_a_password_is_never_logged_however_broken_the_body_is(
    live: Live, speak: Any, spoil: Callable[[bytes], bytes], everything_logged: Callable[[], str]
) -> None:
    live.world.put("a")
    for password in (speak.PASSWORD, "not the right one but battery"):
        _, _, content = live.send(spoil(envelope("authenticate", strUserName=speak.USER, strPassword=password)))
        assert b"battery" not in content
    assert "battery" not in everything_logged()


def test_requests_and_answers_are_never_logged(
    live: Live, client: zeep.Client, speak: Any, everything_logged: Callable[[], str]
) -> None:
    live.world.put("the memo of a client")
    visit(client.service, live, speak)
    live.send(envelope("receiveResponseXML", ticket="t", response="the answer of a client").replace(b"</soap", b"<"))
    assert "the memo of a client" not in everything_logged()
    assert "the answer of a client" not in everything_logged()


def test_millions_of_elements_are_refused_before_they_fill_the_memory(live: Live) -> None:
    status, _, body = live.send(envelope("authenticate", strUserName="u").replace(b">u<", b">" + b"<a/>" * 5000 + b"<"))
    assert status == 500
    assert b"far more elements" in body


def test_a_call_may_carry_its_qbxml_as_cdata(live: Live) -> None:
    many = b"<![CDATA[" + b"<a/>" * 5000 + b"]]>"
    call = envelope("receiveResponseXML", ticket="x", response="u", hresult="", message="")
    status, _, body = live.send(call.replace(b">u<", b">" + many + b"<"))
    assert (status, b">-1<" in body) == (200, True)
