"""How a call reaches an endpoint: over a socket, or straight into a WSGI application. Both can be torn on purpose."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote
from wsgiref.types import WSGIApplication, WSGIEnvironment

_LONGEST_WAIT = 5.0
"""Seconds to wait until a server has noticed that half a request is all there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back of one HTTP request."""

    status: int
    content_type: str
    body: bytes


class UnansweredError(Exception):
    """No reply came; `code` is what Intuit's connector would report."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Transport(Protocol):
    """One way to reach an endpoint."""

    def send(self, method: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """Send a request and wait for the reply. Raises UnansweredError."""

    def tear(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send half of a request, then break off; return once the server has noticed. Never raises."""


class Socket:
    """HTTP over a connection of its own for each request. `timeout` is in seconds."""

    def __init__(self, parts: SplitResult, timeout: float, context: ssl.SSLContext | None) -> None:
        self._parts = parts
        self._timeout = timeout
        self._context = context
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def send(self, method: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """Send a request and wait for the reply. Raises UnansweredError."""
        try:
            with closing(self._connection(self._timeout)) as connection:
                connection.request(method, self._path, body, dict(headers))
                response = connection.getresponse()
                return Reply(
                    status=response.status,
                    content_type=response.getheader("Content-Type", ""),
                    body=response.read(),
                )
        except TimeoutError:
            text = f"the server did not answer within {self._timeout:g} seconds"
            raise UnansweredError(text, "QBWC1008") from None
        except (OSError, http.client.HTTPException) as error:
            raise UnansweredError(f"no answer from the server ({error or type(error).__name__})", "QBWC1007") from None

    def tear(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send the head and half of the body, end the stream, and wait a little until the server hangs up."""
        with (
            suppress(OSError, http.client.HTTPException),
            closing(self._connection(min(self._timeout, _LONGEST_WAIT))) as connection,
        ):
            connection.putrequest("POST", self._path)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            connection.send(body[: len(body) // 2])
            connection.sock.shutdown(socket.SHUT_WR)
            while connection.sock.recv(65536):
                pass

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)
        return http.client.HTTPConnection(host, port, timeout=timeout)


class Direct:
    """A WSGI application called in this process, with what a web server would give it."""

    def __init__(self, application: WSGIApplication, parts: SplitResult) -> None:
        self._application = application
        self._parts = parts

    def send(self, method: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """Call the application. Raises UnansweredError when it raises or answers no status."""
        data = body or b""
        try:
            return self._run(method, data, len(data), headers)
        except Exception as error:
            text = f"the application raised {type(error).__name__}: {error}"
            raise UnansweredError(text, "QBWC1007") from error

    def tear(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Give the application half of what the head promises; whatever it makes of it is thrown away."""
        with suppress(Exception):
            self._run("POST", body[: len(body) // 2], len(body), headers)

    def _run(self, method: str, body: bytes, length: int, headers: Mapping[str, str]) -> Reply:
        started: list[Any] = []
        written: list[bytes] = []

        def start_response(status: str, fields: list[tuple[str, str]], _exc_info: Any = None, /) -> Any:
            started[:] = [status, {name.lower(): value for name, value in fields}]
            return written.append

        content = self._application(self._environ(method, body, length, headers), start_response)
        try:
            written.extend(content)
        finally:
            close = getattr(content, "close", None)
            if close is not None:
                close()
        status, fields = started
        return Reply(status=int(status[:3]), content_type=fields.get("content-type", ""), body=b"".join(written))

    def _environ(self, method: str, body: bytes, length: int, headers: Mapping[str, str]) -> WSGIEnvironment:
        parts = self._parts
        port = parts.port or (443 if parts.scheme == "https" else 80)
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(parts.path or "/", "latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": parts.hostname or "",
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": parts.netloc,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": parts.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        if method == "POST":
            environ["CONTENT_LENGTH"] = str(length)
        return environ
