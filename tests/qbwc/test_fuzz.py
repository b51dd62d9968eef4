"""Whatever arrives: no exception leaves the application, every reply is SOAP, and qbXML is read or refused."""

from __future__ import annotations

import io
import wsgiref.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from qbwc.errors import DecodeError
from qbwc.qbxml import read_answers
from qbwc.qbxml.status import judge, judge_hresult, judge_message_set
from qbwc.wsgi import build_wsgi

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
fuzz = settings(
    max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@dataclass
class Heard:
    """An endpoint that takes every call and notes it."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def note(*values: Any) -> Any:
            self.calls.append((name, *values))
            return {"authenticate": ["", "nvu"], "receive_response": 100}.get(name, "said")

        return note


HEARD = Heard()
APP = build_wsgi(HEARD)  # type: ignore[arg-type]


def post(body: bytes, **environ: Any) -> tuple[str, bytes]:
    """The status and the content of a reply, which is a SOAP envelope with a body whatever was sent."""
    HEARD.calls.clear()
    started: list[tuple[str, list[tuple[str, str]]]] = []
    given: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/qbwc",
        "CONTENT_TYPE": "text/xml; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    wsgiref.util.setup_testing_defaults(given)
    given |= environ
    content = b"".join(APP(given, lambda status, headers, _error=None: started.append((status, headers)) or print))
    ((status, headers),) = started
    assert not any(wsgiref.util.is_hop_by_hop(name) for name, _ in headers)
    if given["REQUEST_METHOD"] == "HEAD":
        assert content == b""
    elif given["REQUEST_METHOD"] != "GET" or not status.startswith("200"):
        root = etree.fromstring(content)
        assert root.tag == f"{SOAP}Envelope"
        assert [part.tag for part in root] == [f"{SOAP}Body"]
        assert len(root[0]) == 1
        assert status.startswith("200") is (root[0][0].tag != f"{SOAP}Fault")
        assert dict(headers)["Content-Length"] == str(len(content))
    return status, content


def envelope(operation: str, inner: str, header: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f'{header}<soap:Body><{operation} xmlns="http://developer.intuit.com/">{inner}</{operation}></soap:Body>'
        "</soap:Envelope>"
    )


ANSWER = (
    '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs><CustomerQueryRs requestID="1" retCount="2" statusCode="0" '
    'statusSeverity="Info" statusMessage="Status OK"><CustomerRet><ListID>8000-1</ListID><TimeModified>'
    "2026-10-01T05:00:00-05:00</TimeModified><Name>Caf\u00e9 &amp; fils</Name><IsActive>true</IsActive><Sublevel>0"
    "</Sublevel><Balance>12.50</Balance></CustomerRet><CustomerRet><ListID>8000-2</ListID><Name>&#233;</Name>"
    '</CustomerRet></CustomerQueryRs><InvoiceAddRs requestID="2" statusCode="0" statusSeverity="Info"><InvoiceRet>'
    "<TxnID>1-1</TxnID><TxnDate>2026-11-01</TxnDate><InvoiceLineRet><TxnLineID>1</TxnLineID><Quantity>2</Quantity>"
    "</InvoiceLineRet></InvoiceRet></InvoiceAddRs></QBXMLMsgsRs></QBXML>"
)
RECEIVE = envelope(
    "receiveResponseXML",
    f"<ticket>t</ticket><response>{ANSWER.replace('&', '&amp;').replace('<', '&lt;')}</response><hresult/><message/>",
)
LOGIN = envelope("authenticate", "<strUserName>\u00e9lodie</strUserName><strPassword>p</strPassword>")

TOKENS = [
    *("<", ">", "&", ";", "&#0;", "&#x1F;", "&#xD800;", "&lt;", "&x;", "]]>", "<![CDATA[", "<!--", "-->", "<?", "?>"),
    *("<!DOCTYPE a>", '"', "'", "=", "/", "\x00", "\x0b", "\ufffe", "\ufeff", "\ud800", "\u00e9", "\U0001f600", "<a/>"),
    *(
        ' xsi:nil="true"',
        ' xsi:type="xsd:int"',
        ' xmlns=""',
        "</soap:Body>",
        "<soap:Body>",
        "9" * 400,
        " " * 40,
        "xml:",
    ),
]


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """The text with a few places cut out, doubled, replaced or filled with what XML trips over."""
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(text)))
        to = min(len(text), at + draw(st.integers(0, 30)))
        what = draw(st.one_of(st.sampled_from(TOKENS), st.just(""), st.just(text[at:to] * 2), st.text(max_size=5)))
        text = text[:at] + what + text[to:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 9)) == 0 else text


def to_bytes(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


# -- SOAP ---------------------------------------------------------------------------


@fuzz
@given(st.binary(max_size=300))
def test_random_bytes(body: bytes) -> None:
    assert post(body)[0].startswith("500")


@fuzz
@given(st.one_of(mutated(RECEIVE), mutated(LOGIN)), st.sampled_from(["utf-8", "cp1252", "utf-16", "utf-16-le"]))
def test_bodies_that_are_almost_right(text: str, encoding: str) -> None:
    post(to_bytes(text, encoding))


@fuzz
@given(st.sampled_from([RECEIVE, LOGIN]), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6))
def test_bodies_with_changed_bytes(text: str, changes: list[tuple[float, int]]) -> None:
    body = bytearray(text.encode())
    for place, byte in changes:
        body[min(len(body) - 1, int(place * len(body)))] = byte
    post(bytes(body))


CHARSETS = [
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp1252",
    "iso-8859-1",
    "us-ascii",
    "utf-7",
    "idna",
    "zip",
    "",
    ";",
]


@fuzz
@given(
    st.sampled_from(CHARSETS),
    st.sampled_from(CHARSETS),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
)
def test_accents_arrive_whatever_is_stated_and_declared(stated: str, declared: str, real: str) -> None:
    body = LOGIN.replace('encoding="utf-8"', f'encoding="{declared}"')
    status, _ = post(body.encode(real), CONTENT_TYPE=f"text/xml; charset={stated}")
    assert status.startswith("200")
    assert HEARD.calls[0][:3] == ("authenticate", "\u00e9lodie", "p")


def test_one_stray_byte_does_not_spoil_the_accents() -> None:
    body = LOGIN.replace("lodie", "lodie \u00e8\u00ea").encode().replace(b">p<", b">\xe9 p<")
    assert post(body)[0].startswith("200")
    assert HEARD.calls[0][1:3] == ("\u00e9lodie \u00e8\u00ea", "\ufffd p")


def bomb(levels: int) -> str:
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(levels))
    return f'<!DOCTYPE a [<!ENTITY e0 "boom">{entities}]>'


TEN = 10_000_000
STRANGE = {
    "entity bomb": LOGIN.replace("<soap:Env", bomb(9) + "<soap:Env", 1).replace(">p<", ">&e9;<"),
    "bomb in an attribute": LOGIN.replace("<soap:Env", bomb(9) + '<soap:Env a="&e9;"', 1),
    "bomb that is hidden": LOGIN.replace("<soap:Env", bomb(9).replace("<!DOC", "<!D\x01OC") + "<soap:Env", 1),
    "external entity": LOGIN.replace(
        "<soap:Env", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><soap:Env', 1
    ),
    "external subset": LOGIN.replace("<soap:Env", '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x"><soap:Env', 1),
    "deep": envelope("authenticate", "<a>" * 100_000 + "</a>" * 100_000),
    "deep to the end": "<a>" * 100_000,
    "huge attribute": LOGIN.replace("<strUserName", f'<strUserName a="{"x" * TEN}"'),
    "million attributes": LOGIN.replace("<strUserName", "<strUserName" + "".join(f" a{n}=''" for n in range(10**6))),
    "million attributes in many": LOGIN.replace(
        "<strUserName", ("<a" + "".join(f" a{n}='>'" for n in range(600)) + "/>") * 900 + "<strUserName"
    ),
    "million elements": LOGIN.replace("<strUserName", "<a/>" * 10**6 + "<strUserName"),
    "comments": LOGIN.replace("<strUserName", "<!---->" * 10**6 + "<strUserName"),
    "instructions": LOGIN.replace("<strUserName", "<?a?>" * 10**6 + "<strUserName"),
    "sections without an end": LOGIN.replace(">p<", ">" + "<![CDATA[" * 10**6 + "<"),
    "comments without an end": "<!--" * 10**6,
    "long name": LOGIN.replace("<strUserName", f"<{'x' * TEN}/><strUserName"),
    "foreign prefix": LOGIN.replace("<strUserName", f"<{'x' * 1000}:a/><strUserName"),
    "brackets": LOGIN.replace(">p<", ">" + "<" * 10**6 + "<"),
    "references": LOGIN.replace(">p<", ">" + "&#0;" * 10**6 + "<"),
    "ampersands": LOGIN.replace(">p<", ">" + "&" * 10**6 + "<"),
    "zeros": LOGIN.replace(">p<", f">&#{'0' * 10**6}31;<"),
    "blanks": " " * TEN,
    "blanks before": " " * TEN + LOGIN,
    "a long number": envelope("sendRequestXML", f"<qbXMLMajorVers>{'9' * 10**6}</qbXMLMajorVers>"),
    "nothing inside": LOGIN[: LOGIN.index("<authenticate")] + "</soap:Body></soap:Envelope>",
    "a comment inside": LOGIN[: LOGIN.index("<authenticate")] + "<!-- --></soap:Body></soap:Envelope>",
    "no body": '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header/></soap:Envelope>',
    "a fault": LOGIN[: LOGIN.index("<authenticate")] + "<soap:Fault/></soap:Body></soap:Envelope>",
    "soap 1.2": LOGIN.replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
    "no namespace": LOGIN.replace(' xmlns="http://developer.intuit.com/"', ""),
    "another operation": LOGIN.replace("authenticate", "formatDisk"),
    "an inner name": LOGIN.replace("authenticate", "__init__"),
    "a word for a number": envelope("sendRequestXML", "<qbXMLMajorVers>thirteen</qbXMLMajorVers>"),
}


HARMLESS = {"blanks before", "references", "zeros", "no namespace"}


@pytest.mark.parametrize("what", STRANGE)
def test_strange_bodies_are_refused_unless_nothing_is_lost(what: str) -> None:
    status, content = post(to_bytes(STRANGE[what], "utf-8"))
    assert len(content) < 2000
    if what in HARMLESS:
        assert status.startswith("200")
        assert len(HEARD.calls) == 1
    else:
        assert status.startswith("500")
        assert HEARD.calls == []


USER = "<strUserName>u</strUserName>"
KEY = "<strPassword>p</strPassword>"


@pytest.mark.parametrize(
    ("inner", "heard"),
    [
        (USER + KEY, ("u", "p")),
        (KEY + USER, ("u", "p")),
        ("", ("", "")),
        (USER, ("u", "")),
        (USER + KEY + "<more>x</more>" + KEY, ("u", "p")),
        (USER + KEY + "<strPassword>q</strPassword>", ("u", "q")),
        (f"<a>{KEY}</a>{USER}", ("u", "")),
        ("<strUserName><b>u</b></strUserName>" + KEY, ("", "p")),
        ('<strUserName xsi:nil="true"/>' + KEY, ("", "p")),
        ('<strUserName xsi:type="xsd:string">u</strUserName>' + KEY, ("u", "p")),
        ('<strUserName xsi:type="xsd:int">u</strUserName>' + KEY, ("u", "p")),
        (
            '<strUserName xsi:type="n:ArrayOfString" xmlns:n="http://developer.intuit.com/">u</strUserName>' + KEY,
            ("u", "p"),
        ),
        ('<strUserName xsi:type="x:y">u</strUserName>' + KEY, ("u", "p")),
        ("<strUserName>a<!-- x -->b<![CDATA[<c>]]>d<?e?>f</strUserName>" + KEY, ("ab<c>df", "p")),
        ("<strUserName>a\x02b&#x1F;c</strUserName>" + KEY, ("abc", "p")),
        (f'<strUserName id="a">{"u" * 9}</strUserName><strPassword href="#a"/>', ("u" * 9, "")),
        ("<strUserName xmlns=''>u</strUserName>" + KEY, ("u", "p")),
    ],
)
def test_parameters_that_are_missing_double_foreign_or_odd(inner: str, heard: tuple[str, str]) -> None:
    status, _ = post(envelope("authenticate", inner).encode())
    assert status.startswith("200")
    assert HEARD.calls == [("authenticate", *heard, "127.0.0.1")] or HEARD.calls == [("authenticate", *heard, "")]


def test_the_callers_address_is_handed_on() -> None:
    post(LOGIN.encode(), REMOTE_ADDR="192.0.2.7")
    assert HEARD.calls == [("authenticate", "\u00e9lodie", "p", "192.0.2.7")]


@pytest.mark.parametrize("attribute", ['soap:mustUnderstand="1"', 'soap:actor="x"', ""])
def test_headers_are_passed_over(attribute: str) -> None:
    header = f'<soap:Header><s:Security xmlns:s="urn:x" {attribute}>x</s:Security></soap:Header>'
    assert post(envelope("serverVersion", "", header).encode())[0].startswith("200")


def test_references_between_elements_are_not_followed() -> None:
    """A thousand short elements that refer to a long one would make a body of a megabyte a thousand."""
    many = "<a href='#x'/>" * 800
    body = envelope("authenticate", f"<strUserName id='x'>{'u' * 1_000_000}</strUserName>{many}{KEY}")
    assert post(body.encode())[0].startswith("200")
    assert len(HEARD.calls[0][1]) == 1_000_000


@pytest.mark.parametrize("length", ["0", "-1", "abc", "", "\u00b2", "9" * 5000, " 5", "1e3", "+7"])
@pytest.mark.parametrize("body", [b"", LOGIN.encode()])
def test_lengths_of_every_kind(length: str, body: bytes) -> None:
    post(body, CONTENT_LENGTH=length)


def test_a_body_that_ends_early_is_refused() -> None:
    body = LOGIN.encode()
    status, content = post(body, CONTENT_LENGTH=str(len(body) + 1))
    assert status.startswith("500")
    assert b"did not arrive whole" in content
    assert HEARD.calls == []


class Broken(io.BytesIO):
    """A connection that breaks while it is read."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError("connection reset by peer")


@pytest.mark.parametrize("length", ["50", "", "9" * 12])
def test_a_connection_that_breaks_is_answered(length: str) -> None:
    assert post(b"", CONTENT_LENGTH=length, **{"wsgi.input": Broken()})[0].startswith("500")


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "text/xml; charset=", "multipart/related; boundary=x", "\u00e9", ";" * 5000],
)
def test_the_content_type_is_of_no_account(content_type: str) -> None:
    assert post(LOGIN.encode(), CONTENT_TYPE=content_type)[0].startswith("200")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "post", "", "\u00e9"])
def test_other_methods(method: str) -> None:
    assert post(LOGIN.encode(), REQUEST_METHOD=method)[0].startswith("405")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"REQUEST_METHOD": "HEAD"},
        {"QUERY_STRING": "wsdl"},
        {"QUERY_STRING": "\x00&&&===%zz"},
        {"HTTP_HOST": "a\x01b"},
        {"HTTP_HOST": '"><script>'},
        {"HTTP_HOST": "\u00e9\ud800"},
        {"PATH_INFO": "/\x00\x0b\ud800"},
        {"PATH_INFO": "/../x.wsdl"},
        {"HTTP_HOST": ""},
    ],
)
def test_get_with_odd_surroundings(environ: dict[str, str]) -> None:
    global APP
    before, APP = APP, build_wsgi(HEARD)  # type: ignore[arg-type]
    try:
        status, content = post(b"", **{"REQUEST_METHOD": "GET", **environ})
        if status.startswith("200") and content:
            etree.fromstring(content)
        # Whoever comes first, the next one is served.
        status, content = post(b"", REQUEST_METHOD="GET", HTTP_HOST="books.example")
        assert status.startswith("200")
        assert etree.fromstring(content).tag == "{http://schemas.xmlsoap.org/wsdl/}definitions"
    finally:
        APP = before


@pytest.mark.parametrize(
    ("operation", "inner", "heard"),
    [
        ("interactiveUrl", "<wcTicket>t</wcTicket><sessionID>s</sessionID>", ("interactive_url", "t", "s")),
        ("getInteractiveURL", "<wcTicket>t</wcTicket><sessionID>s</sessionID>", ("interactive_url", "t", "s")),
        ("interactiveRejected", "<wcTicket>t</wcTicket><reason>r</reason>", ("interactive_rejected", "t", "r")),
        ("interactiveDone", "<wcTicket>t</wcTicket>", ("interactive_done", "t")),
    ],
)
def test_the_interactive_operations(operation: str, inner: str, heard: tuple[str, ...]) -> None:
    status, content = post(envelope(operation, inner).encode())
    assert status.startswith("200")
    assert HEARD.calls == [heard]
    assert etree.fromstring(content).findtext(f".//{{http://developer.intuit.com/}}{operation}Result") == "said"


# -- qbXML --------------------------------------------------------------------------


def read(text: str) -> int:
    """How many objects are read; DecodeError is the only exception there is."""
    count, reason = 0, ""
    try:
        for said in read_answers(text):
            count += sum(1 for _ in said.objects) + len(said.unread)
    except DecodeError as error:
        reason = str(error)
    assert len(reason) < 500
    return count


@fuzz
@given(st.text(max_size=200))
def test_random_text_as_an_answer(text: str) -> None:
    assert read(text) == 0


@settings(fuzz, max_examples=500)
@given(mutated(ANSWER))
def test_answers_that_are_almost_right(text: str) -> None:
    read(text)


VALUES = st.one_of(
    st.text(st.characters(exclude_characters="<&"), max_size=12),
    st.sampled_from(
        ["", " ", "true", "1E9999", "NaN", "Infinity", "-0", "2026-02-30", "0000-00-00T00:00:00", "\u0663"]
    ),
    st.sampled_from(["9999-12-31T23:59:59+14:00", "2026-W01-1", "20261001", "1_0", "9" * 4999, "&#0;", "<a>1</a>"]),
)


@settings(fuzz, max_examples=300)
@given(st.lists(VALUES, min_size=8, max_size=8))
def test_values_of_every_kind_spoil_their_own_object_only(values: list[str]) -> None:
    names = ("TimeModified", "IsActive", "Sublevel", "Balance", "TotalBalance", "TimeCreated", "EditSequence", "Name")
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, values, strict=True))
    bad = f"<CustomerRet><ListID>3</ListID>{inner}</CustomerRet>"
    assert read(ANSWER) == 3
    assert read(ANSWER.replace("<CustomerRet>", bad + "<CustomerRet>", 1)) == 4


@settings(fuzz, max_examples=300)
@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_every_text_is_judged(code: str, severity: str, message: str) -> None:
    for status in (judge(code, severity, message), judge_hresult(code, message), judge_message_set(code, message)):
        assert status.what("fr")
        assert status.do("en")


@fuzz
@given(st.one_of(st.integers(), st.integers(0, 10_000), st.integers(0x80040000, 0x80050000)))
def test_every_number_is_judged(number: int) -> None:
    for text in (str(number), hex(number), f"0x{number & 0xFFFFFFFF:08X}", f"QBWC{number}"):
        for status in (judge(text, "", ""), judge(text, "Warn", ""), judge_hresult(text), judge_message_set(text)):
            assert status.what("en")
