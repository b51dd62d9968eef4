"""The service as a WSGI application: limits, encoding guard, logging.

GET gives the WSDL (the connector wants 200 from a plain GET), POST takes SOAP 1.1. What cannot be read is answered with
a well-formed SOAP fault in one sentence, never with a stack trace.

A body of fifty megabytes is held as few times as can be: it is examined and parsed piece by piece, is let go once it is
parsed, and the tree is let go once the parameters are read.
"""

from __future__ import annotations

import codecs
import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from lxml import etree

from qbwc._spyne import ENVELOPE, Application, ReadSoap11, Soap11, WsgiApplication
from qbwc.endpoint import Endpoint
from qbwc.qbxml.text import TAG, escape, is_plain, legible
from qbwc.service import NAMESPACE, build_service

# An answer of 64 MB: inside SOAP every "<" and ">" is three bytes longer, which is half as much again for a list of
# customers, and almost twice as much for short elements (<Rate>1</Rate>: 14 bytes become 26).
LARGEST_BODY = 128 * 1024 * 1024
# A call has a dozen elements of a few attributes; its qbXML is text. Millions of either would only fill the memory.
MOST_TAGS = 1000
LONGEST_TAGS = 64 * 1024  # bytes, all of them together
PIECE = 1024 * 1024
XML = "text/xml; charset=utf-8"

# The declaration goes too: what it says of the encoding was true of other bytes, if ever.
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml\s[^>]{0,200}\?>)?")
_SECTIONS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"

log = logging.getLogger("qbwc")

WsgiApp = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


class _BodyError(Exception):
    """A request body that cannot be taken; the text is for the person who reads the connector's log."""


NOT_SOAP = "The request cannot be understood: it is not SOAP 1.1 of this service."


def build_wsgi(endpoint: Endpoint, *, address: str | None = None, largest_body: int = LARGEST_BODY) -> WsgiApp:
    """A WSGI application for one path, such as ``/qbwc``.

    `address` is where the world reaches it, for the WSDL: without it the first caller's Host header decides.
    `largest_body` is in bytes; the web server in front must let that much pass.
    """
    application = Application(
        [build_service(endpoint)],
        tns=NAMESPACE,
        name="QBWebConnectorSvc",
        # A parameter is what our WSDL says it is, whatever type the caller writes beside it.
        in_protocol=ReadSoap11(parse_xsi_type=False),
        out_protocol=Soap11(),
    )
    inner: Any = WsgiApplication(application)

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ.get("REQUEST_METHOD", "GET")
        if method in ("GET", "HEAD"):
            content = _answer(inner, _ask_wsdl(environ, address), start_response)
            return content if method == "GET" else []
        try:
            if method != "POST":
                _pass_over(environ["wsgi.input"], _stated_length(environ) or 0, largest_body)
                sentence = "This address takes SOAP by POST, and shows its WSDL by GET."
                return _refuse(start_response, "405 Method Not Allowed", sentence)
            envelope = {ENVELOPE: _parse(_as_utf8(_read_body(environ, largest_body)))}
        except _BodyError as error:
            log.warning("body refused: %s", error)
            return _refuse(start_response, "500 Internal Server Error", str(error))
        environ = {**environ, "wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0", "CONTENT_TYPE": XML}
        environ[ENVELOPE] = envelope.pop(ENVELOPE)  # nobody else may hold it: it goes when its parameters are read
        return _answer(inner, environ, start_response)

    return serve


def _ask_wsdl(environ: WSGIEnvironment, address: str | None) -> WSGIEnvironment:
    environ = {**environ, "REQUEST_METHOD": "GET", "QUERY_STRING": "wsdl"}
    if address is not None:
        url = urlsplit(address)
        environ |= {"wsgi.url_scheme": url.scheme, "HTTP_HOST": url.netloc, "SCRIPT_NAME": "", "PATH_INFO": url.path}
    return environ


def _answer(inner: Any, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    started: list[Any] = []
    try:
        content = b"".join(inner(environ, lambda *args: started.extend(args)))
    except Exception:
        log.exception("soap failed")
        return _refuse(start_response, "500 Internal Server Error", NOT_SOAP)
    status, headers = started[0], [(k, v) for k, v in started[1] if k.lower() not in ("content-type", "content-length")]
    if status.startswith("500") or not content:
        log.warning("answered with a SOAP fault: %s", status)
        return _refuse(start_response, "500 Internal Server Error", NOT_SOAP)
    start_response(status, [*headers, ("Content-Type", XML), ("Content-Length", str(len(content)))])
    return [content]


def _stated_length(environ: WSGIEnvironment) -> int | None:
    stated = environ.get("CONTENT_LENGTH") or ""
    return int(stated[:20]) if re.fullmatch("[0-9]+", stated) else None


def _read_body(environ: WSGIEnvironment, largest: int) -> bytes:
    """The body; one without a stated length (sent in chunks) is read to its end."""
    length = _stated_length(environ)
    stream = environ["wsgi.input"]
    too_long = f"The request is longer than the {largest // (1024 * 1024)} MB that are accepted."
    if length is not None and length > largest:
        _pass_over(stream, length, largest)
        raise _BodyError(too_long)
    missing = largest + 1 if length is None else length
    parts: list[bytes] = []
    try:
        while missing and (part := stream.read(missing)):
            parts.append(part)
            missing -= len(part)
    except Exception as error:  # every web server has its own for a connection that breaks or a malformed chunk
        raise _BodyError("The request did not arrive whole.") from error
    if length is None and not missing:
        parts.clear()
        _pass_over(stream, largest, largest)
        raise _BodyError(too_long)
    if length is not None and missing:
        raise _BodyError("The request did not arrive whole.")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _pass_over(stream: Any, length: int, most: int) -> None:
    """Read away what is refused, up to `most` bytes, so that the caller gets to read why and the next request on this
    connection begins where it should. (An application may not send ``Connection: close``, PEP 3333.)"""
    missing = min(length, most)
    try:
        while missing > 0 and (part := stream.read(min(missing, PIECE))):
            missing -= len(part)
    except Exception:
        log.info("a refused request ended early")


def _as_utf8(body: bytes) -> bytes:
    """The body in UTF-8 without characters that XML forbids: itself, where that is what it is.

    What the caller states is not asked: the bytes tell UTF-16 and UTF-8, and what is neither is Windows Latin.
    """
    if len(body) <= PIECE and is_plain(body):
        return body  # as most calls are
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        charset = "utf-16"
    elif body.startswith((b"<\0", b"\0<")):
        charset = "utf-16-le" if body.startswith(b"<") else "utf-16-be"
    else:
        charset = "utf-8" if _reads_as_utf8(body) else "cp1252"
    changed: io.BytesIO | None = None
    at = 0
    for piece in legible(text.encode("utf-8", "ignore") for text in _decode(body, charset)):
        if changed is None and not body.startswith(piece, at):
            changed = io.BytesIO()
            changed.write(body[:at])
        if changed is not None:
            changed.write(piece)
        at += len(piece)
    return body[:at] if changed is None else changed.getvalue()


def _decode(body: bytes, charset: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(charset)("replace")
    for at in range(0, len(body), PIECE):
        yield decoder.decode(body[at : at + PIECE])
    yield decoder.decode(b"", final=True)


def _reads_as_utf8(body: bytes) -> bool:
    """Whether more of what is not ASCII is UTF-8 than is not: a single stray byte must not spoil all accents."""
    balance = 0
    for text in _decode(body, "utf-8"):
        if not text.isascii():
            others = len(text) - len(text.encode("ascii", "ignore"))
            balance += others - 2 * text.count("\ufffd")
    return balance >= 0


def _check_markup(body: bytes, at: int) -> None:
    """Refuse what would fill the memory once it is a tree, before it is one: a document type, many or long tags."""
    left = LONGEST_TAGS
    for _ in range(MOST_TAGS):
        at = body.find(b"<", at)
        if at < 0:
            return
        section = next((mark for mark in _SECTIONS if body.startswith(mark, at)), None)
        if section is not None:
            end = body.find(_SECTIONS[section], at + len(section))
        elif body.startswith(b"<!", at):
            raise _BodyError("The request holds a document type declaration, which is not accepted.")
        else:
            tag = TAG.match(body, at, at + left)
            end = tag.end() if tag else -1
            left -= end - at
        if end < 0:
            raise _BodyError("The request holds markup that does not end, or is far too long.")
        at = end
    raise _BodyError("The request holds far more elements than a call of this service has.")


def _parse(body: bytes) -> etree._Element:
    """The envelope, which has a body with an operation in it."""
    beginning = _BEGINNING.match(body)
    begin = beginning.end() if beginning else 0
    if begin == len(body):
        raise _BodyError("The request is empty.")
    _check_markup(body, begin)
    parser = etree.XMLParser(
        encoding="utf-8",
        huge_tree=True,
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for at in range(begin, len(body), PIECE):
            parser.feed(body[at : at + PIECE])
        root: etree._Element = parser.close()
    except etree.XMLSyntaxError:
        raise _BodyError("The request is not well-formed XML.") from None
    inside = root.find(f"{_SOAP}Body")
    if root.tag != f"{_SOAP}Envelope" or inside is None or not len(inside):
        raise _BodyError(NOT_SOAP)
    return root


def _refuse(start_response: StartResponse, status: str, sentence: str) -> Iterable[bytes]:
    content = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
        f"<faultcode>soap:Client</faultcode><faultstring>{escape(sentence)}</faultstring>"
        "</soap:Fault></soap:Body></soap:Envelope>"
    ).encode("ascii")
    start_response(status, [("Content-Type", XML), ("Content-Length", str(len(content)))])
    return [content]
