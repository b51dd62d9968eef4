"""SOAP as Intuit's Web Connector speaks it: .NET's exact requests, and answers read as strictly as .NET reads them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication
from xml.sax.saxutils import escape

from lxml import etree

from qbwc.sandbox.errors import DEFAULT_CODE, ProtocolError, SoapFaultError
from qbwc.sandbox.transports import Direct, Reply, Socket, Transport, UnansweredError

INTUIT = "http://developer.intuit.com/"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_AGENT = "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol 4.0.30319.42000)"
_OPEN = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
)
_CLOSE = "</soap:Body></soap:Envelope>"
_CODES = {"sendRequestXML": "QBWC1041", "receiveResponseXML": "QBWC1042", "connectionError": "QBWC1044"}
_WHOLE = re.compile(r"\s*[+-]?\d{1,9}\s*")


def envelope(operation: str, parameters: Mapping[str, str]) -> bytes:
    """The request body, on one line; an empty string is an empty element, no parameter an empty operation."""
    inside = "".join(
        f"<{name}>{escape(value)}</{name}>" if value else f"<{name} />" for name, value in parameters.items()
    )
    call = f'<{operation} xmlns="{INTUIT}">{inside}</{operation}>' if inside else f'<{operation} xmlns="{INTUIT}" />'
    return f"{_OPEN}{call}{_CLOSE}".encode()


class Endpoint:
    """A Web Connector endpoint at an address. Raises ProtocolError for whatever Intuit's connector would not accept.

    Every call opens its own connection. `timeout` is in seconds; `context` is for https with a private authority.
    `application` is called in this process instead, when it is given; the address then only says which path.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 120.0,
        context: ssl.SSLContext | None = None,
        application: WSGIApplication | None = None,
    ) -> None:
        self.url = url
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ProtocolError(f"The address {url!r} is no http or https address.", "QBWC1003")
        self._transport: Transport = (
            Socket(parts, timeout, context) if application is None else Direct(application, parts)
        )

    def check(self) -> None:
        """A plain GET must answer 200, or the connector does not accept the application."""
        status = self._send("GET", None, {}).status
        if status != 200:
            raise ProtocolError(f"GET {self.url} answered {status}; it must answer 200.", "QBWC1003")

    def tear(self, operation: str, **parameters: str) -> None:
        """Send half of a call and break off."""
        self._transport.tear(envelope(operation, parameters), _headers(operation))

    def drop(self, operation: str, **parameters: str) -> None:
        """Send a whole call, wait until it is answered, and throw the answer away."""
        with suppress(ProtocolError):
            self._send("POST", envelope(operation, parameters), _headers(operation), operation)

    def ask(self, operation: str, **parameters: str) -> str:
        """Call an operation that returns a string."""
        result = self._call(operation, parameters)
        if len(result):
            raise self._error(operation, f"{operation}Result must hold text, not <{result[0].tag!s}>")
        return result.text or ""

    def ask_number(self, operation: str, **parameters: str) -> int:
        """Call an operation that returns an int."""
        text = self.ask(operation, **parameters)
        if not _WHOLE.fullmatch(text):
            raise self._error(operation, f"{operation}Result must be a whole number, not {text[:40]!r}")
        return int(text)

    def ask_list(self, operation: str, **parameters: str) -> list[str]:
        """Call an operation that returns an ArrayOfString: two to four <string> items in Intuit's namespace."""
        result = self._call(operation, parameters)
        for child in result:
            if child.tag != f"{{{INTUIT}}}string":
                raise self._error(
                    operation, f"an item of {operation}Result must be <string> in {INTUIT}, not <{child.tag!s}>"
                )
        items = [child.text or "" for child in result]
        if (result.text or "").strip():
            raise self._error(operation, f"{operation}Result must hold <string> items, not text")
        if not 2 <= len(items) <= 4:
            raise self._error(
                operation,
                f"{operation}Result has {len(items)} items and must have two to four. "
                "Intuit's connector says: Index was outside the bounds of the array",
            )
        return items

    def _call(self, operation: str, parameters: Mapping[str, str]) -> etree._Element:
        reply = self._send("POST", envelope(operation, parameters), _headers(operation), operation)
        status, content_type = reply.status, reply.content_type
        if status not in (200, 500):
            raise self._error(operation, f"the request failed with HTTP status {status}")
        if content_type.partition(";")[0].strip().lower() != "text/xml":
            raise self._error(
                operation, f"the answer has the content type {content_type!r} and must have text/xml (HTTP {status})"
            )
        return self._read(operation, reply.body, status)

    def _read(self, operation: str, body: bytes, status: int) -> etree._Element:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        try:
            root = etree.fromstring(body, parser)
        except etree.XMLSyntaxError as error:
            raise self._error(operation, f"the answer is not well-formed XML: {error}") from None
        inside = root.find(f"{{{_SOAP}}}Body")
        if root.tag != f"{{{_SOAP}}}Envelope" or inside is None:
            raise self._error(operation, "the answer is no SOAP 1.1 envelope with a Body")
        fault = inside.find(f"{{{_SOAP}}}Fault")
        if fault is not None:
            text = f"{operation}: the server answered a SOAP Fault: {fault.findtext('faultstring', '')}."
            raise SoapFaultError(text, _CODES.get(operation, DEFAULT_CODE))
        if status != 200:
            raise self._error(operation, f"the request failed with HTTP status {status} and no SOAP Fault")
        response = inside.find(f"{{{INTUIT}}}{operation}Response")
        if response is None:
            found = ", ".join(str(child.tag) for child in inside) or "nothing"
            raise self._error(operation, f"the Body must hold {operation}Response in {INTUIT}; it holds {found}")
        result = response.find(f"{{{INTUIT}}}{operation}Result")
        if result is None or result.get(_NIL) in ("true", "1"):
            raise self._error(
                operation,
                f"{operation}Result is missing: the answer is null and must at least be an empty string. "
                "Intuit's connector says: Object reference not set to an instance of an object",
            )
        return result

    def _send(self, method: str, body: bytes | None, headers: Mapping[str, str], operation: str = "") -> Reply:
        try:
            return self._transport.send(method, body, headers)
        except UnansweredError as error:
            raise ProtocolError(f"{operation or method} {self.url}: {error}", error.code) from error.__cause__

    @staticmethod
    def _error(operation: str, text: str) -> ProtocolError:
        return ProtocolError(f"{operation}: {text}.", _CODES.get(operation, DEFAULT_CODE))


def _headers(operation: str) -> dict[str, str]:
    return {
        "User-Agent": _AGENT,
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": f'"{INTUIT}{operation}"',
        "Expect": "100-continue",
    }
