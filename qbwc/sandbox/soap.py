"""SOAP as Intuit's Web Connector speaks it: .NET's exact requests, and answers read as strictly as .NET reads them."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from lxml import etree

from qbwc.sandbox.errors import ProtocolError

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
    """

    def __init__(self, url: str, *, timeout: float = 120.0, context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ProtocolError(f"The address {url!r} is no http or https address.", "QBWC1003")
        self.url = url
        self._parts = parts
        self._timeout = timeout
        self._context = context

    def check(self) -> None:
        """A plain GET must answer 200, or the connector does not accept the application."""
        status, _type, _body = self._send("GET", None, {})
        if status != 200:
            raise ProtocolError(f"GET {self.url} answered {status}; it must answer 200.", "QBWC1003")

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
        headers = {
            "User-Agent": _AGENT,
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{INTUIT}{operation}"',
            "Expect": "100-continue",
        }
        status, content_type, body = self._send("POST", envelope(operation, parameters), headers, operation)
        if status not in (200, 500):
            raise self._error(operation, f"the request failed with HTTP status {status}")
        if content_type.partition(";")[0].strip().lower() != "text/xml":
            raise self._error(
                operation, f"the answer has the content type {content_type!r} and must have text/xml (HTTP {status})"
            )
        return self._read(operation, body, status)

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
            raise self._error(operation, f"the server answered a SOAP Fault: {fault.findtext('faultstring', '')}")
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

    def _send(
        self, method: str, body: bytes | None, headers: Mapping[str, str], operation: str = ""
    ) -> tuple[int, str, bytes]:
        parts = self._parts
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=self._timeout, context=self._context)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=self._timeout)
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type", ""), response.read()
        except TimeoutError:
            text = f"the server did not answer within {self._timeout:g} seconds"
            raise ProtocolError(f"{operation or method} {self.url}: {text}", "QBWC1008") from None
        except (OSError, http.client.HTTPException) as error:
            text = f"no answer from the server ({error or type(error).__name__})"
            raise ProtocolError(f"{operation or method} {self.url}: {text}", "QBWC1007") from None
        finally:
            connection.close()

    @staticmethod
    def _error(operation: str, text: str) -> ProtocolError:
        return ProtocolError(f"{operation}: {text}.", _CODES.get(operation, "QBWC1012"))
