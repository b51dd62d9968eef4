"""The service as a WSGI application: limits, encoding guard, logging.

GET gives the WSDL (the connector wants 200 from a plain GET), POST takes SOAP 1.1. What cannot be read is answered with
a well-formed SOAP fault in one sentence, never with a stack trace.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from qbwc._spyne import Application, Soap11, WsgiApplication
from qbwc.endpoint import Endpoint
from qbwc.qbxml.envelope import legible
from qbwc.qbxml.text import escape
from qbwc.service import NAMESPACE, build_service

LARGEST_BODY = 96 * 1024 * 1024  # an answer of 64 MB, escaped once more inside SOAP
# A call has a dozen elements; its qbXML is text. Millions of tags would only fill the memory.
MOST_TAGS = 1000
XML = "text/xml; charset=utf-8"

_CHARSET = re.compile(r'charset="?([\w.:-]+)', re.IGNORECASE)
_CDATA = re.compile(rb"<!\[CDATA\[.*?\]\]>", re.DOTALL)
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*?\?>")
# Any other codec of Python's would be the caller's choice of code to run.
_CHARSETS = {"utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "iso-8859-1", "windows-1252", "cp1252"}

log = logging.getLogger("qbwc")

WsgiApp = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


class _BodyError(Exception):
    """A request body that cannot be taken; the text is for the person who reads the connector's log."""


def build_wsgi(endpoint: Endpoint, *, address: str | None = None, largest_body: int = LARGEST_BODY) -> WsgiApp:
    """A WSGI application for one path, such as ``/qbwc``.

    `address` is where the world reaches it, for the WSDL: without it the first caller's Host header decides.
    `largest_body` is in bytes.
    """
    protocol = {"huge_tree": True, "resolve_entities": False, "no_network": True}
    application = Application(
        [build_service(endpoint)],
        tns=NAMESPACE,
        name="QBWebConnectorSvc",
        in_protocol=Soap11(**protocol),
        out_protocol=Soap11(),
    )
    inner: Any = WsgiApplication(application, max_content_length=largest_body * 2)

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ.get("REQUEST_METHOD", "GET")
        if method in ("GET", "HEAD"):
            environ = {**environ, "REQUEST_METHOD": "GET", "QUERY_STRING": "wsdl"}
            if address is not None:
                url = urlsplit(address)
                environ |= {
                    "wsgi.url_scheme": url.scheme,
                    "HTTP_HOST": url.netloc,
                    "SCRIPT_NAME": "",
                    "PATH_INFO": url.path,
                }
            content: Iterable[bytes] = inner(environ, start_response)
            return content if method == "GET" else []
        if method != "POST":
            return _refuse(
                start_response, "405 Method Not Allowed", "This address takes SOAP by POST, and shows its WSDL by GET."
            )
        try:
            body = _read_body(environ, largest_body)
        except _BodyError as error:
            log.warning("body refused: %s", error)
            return _refuse(start_response, "500 Internal Server Error", str(error))
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": XML}
        return _answer(inner, environ, start_response)

    return serve


def _answer(inner: Any, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    started: list[Any] = []
    try:
        content = b"".join(inner(environ, lambda *args: started.extend(args)))
    except Exception:
        log.exception("soap failed")
        return _refuse(start_response, "500 Internal Server Error", "The request cannot be understood as SOAP 1.1.")
    status, headers = started[0], [(k, v) for k, v in started[1] if k.lower() not in ("content-type", "content-length")]
    if status.startswith("500") or not content:
        log.warning("answered with a SOAP fault: %s", status)
        return _refuse(
            start_response,
            "500 Internal Server Error",
            "The request cannot be understood: it is not SOAP 1.1 of this service.",
        )
    start_response(status, [*headers, ("Content-Type", XML), ("Content-Length", str(len(content)))])
    return [content]


def _read_body(environ: WSGIEnvironment, largest: int) -> bytes:
    too_long = f"The request is longer than the {largest // (1024 * 1024)} MB that are accepted."
    stated = environ.get("CONTENT_LENGTH") or ""
    length = int(stated[:20]) if re.fullmatch("[0-9]+", stated) else None
    if length is not None and length > largest:
        raise _BodyError(too_long)
    stream = environ["wsgi.input"]
    body: bytes = stream.read(largest + 1 if length is None else length)
    if len(body) > largest:
        raise _BodyError(too_long)
    if not body.strip():
        raise _BodyError("The request is empty.")
    text = _as_utf8(body, environ.get("CONTENT_TYPE") or "")
    if b"<!DOCTYPE" in text:
        raise _BodyError("The request holds a document type declaration, which is not accepted.")
    if text.count(b"<") > MOST_TAGS and _CDATA.sub(b"", text).count(b"<") > MOST_TAGS:
        raise _BodyError("The request holds far more elements than a call of this service has.")
    return text


def _as_utf8(body: bytes, content_type: str) -> bytes:
    """The body in UTF-8 without characters that XML forbids, whatever charset was stated or really used."""
    stated = _CHARSET.search(content_type)
    charset = stated[1].lower() if stated and stated[1].lower() in _CHARSETS else "utf-8"
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        charset = "utf-16"
    try:
        text = body.decode(charset)
    except UnicodeDecodeError:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            text = body.decode("cp1252", "replace")
    data = legible(text.lstrip("\ufeff")).encode("utf-8", "replace")
    return _DECLARATION.sub(b"", data, count=1)


def _refuse(start_response: StartResponse, status: str, sentence: str) -> Iterable[bytes]:
    content = (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
        f"<faultcode>soap:Client</faultcode><faultstring>{escape(sentence)}</faultstring>"
        "</soap:Fault></soap:Body></soap:Envelope>"
    ).encode("ascii")
    start_response(status, [("Content-Type", XML), ("Content-Length", str(len(content)))])
    return [content]
