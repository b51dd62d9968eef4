"""A small stand-in of Sherweb's API on this computer: the log-in and the payable charges, with answers on demand.

Paths, parameters and shapes are those of Sherweb's OpenAPI documents; what a wrong key is answered with is Azure API
Management's. `answer(path, Reply(...))` puts a reply in the place of the next one.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "/auth/oidc/connect/token"
CHARGES = "/distributor/v1/billing/payable-charges"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `length` lies about the size, `pieces` are sent as chunks, `held` is waited for before
    anything; a cut reply lacks its end, and a dropped one is no reply at all."""

    status: int = 200
    body: bytes = b""
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    pieces: Callable[[], Iterator[bytes]] | None = None
    is_cut: bool = False
    is_dropped: bool = False
    held: threading.Event | None = None


def reply_json(value: object, status: int = 200, **options: Any) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode(), **options)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


@dataclass(kw_only=True)
class Account:
    client_id: str
    client_secret: str
    subscription_key: str
    charges: bytes


class Sherweb:
    """The accounts, the tokens given, the requests seen, and the replies that wait to be given."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, str] = {}
        self.lifetime: object = 3600
        self.seen: list[Seen] = []
        self.url = ""
        self._replies: dict[str, deque[Reply]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add(self, account: Account) -> None:
        self.accounts[account.client_id] = account

    def answer(self, path: str, *replies: Reply) -> None:
        self._replies[path].extend(replies)

    def count(self, path: str) -> int:
        return sum(seen.path == path for seen in self.seen)

    def reply(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            if self._replies[seen.path]:
                return self._replies[seen.path].popleft()
        if (refusal := self._refuse_key(seen)) is not None:
            return refusal
        if (seen.method, seen.path) == ("POST", TOKEN):
            return self._give_token(seen)
        if (seen.method, seen.path) == ("GET", CHARGES):
            return self._give_charges(seen)
        return reply_json({"title": "Not Found", "status": 404}, 404, type="application/problem+json")

    def _refuse_key(self, seen: Seen) -> Reply | None:
        key = seen.headers.get("ocp-apim-subscription-key")
        if key in {account.subscription_key for account in self.accounts.values()}:
            return None
        why = "missing" if key is None else "invalid"
        return reply_json({"statusCode": 401, "message": f"Access denied due to {why} subscription key."}, 401)

    def _give_token(self, seen: Seen) -> Reply:
        form = seen.form
        account = self.accounts.get(form.get("client_id", ""))
        if seen.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            return reply_json({"error": "invalid_request"}, 400)
        if account is None or form.get("client_secret") != account.client_secret:
            return reply_json({"error": "invalid_client"}, 400)
        if form.get("grant_type") != "client_credentials":
            return reply_json({"error": "unsupported_grant_type"}, 400)
        if form.get("scope") != "distributor":
            return reply_json({"error": "invalid_scope"}, 400)
        with self._lock:
            token = f"token-{account.client_id}-{len(self.tokens) + 1}"
            self.tokens[token] = account.client_id
        return reply_json({"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"})

    def _give_charges(self, seen: Seen) -> Reply:
        kind, _, token = seen.headers.get("authorization", "").partition(" ")
        client = self.tokens.get(token) if kind == "Bearer" else None
        if client is None:
            return Reply(status=401, headers={"WWW-Authenticate": "Bearer"})
        account = self.accounts[client]
        if seen.headers["ocp-apim-subscription-key"] != account.subscription_key:
            return reply_json({"title": "Forbidden", "status": 403}, 403, type="application/problem+json")
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", seen.query.get("date", "")):
            errors = {"date": ["The value is not a date."]}
            problem = {"title": "One or more validation errors occurred.", "status": 400, "errors": errors}
            return reply_json(problem, 400, type="application/problem+json")
        return Reply(body=account.charges, type="application/json; charset=utf-8")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    sherweb: Sherweb

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is inherited
        """Quiet."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        reply = self.sherweb.reply(
            Seen(
                method=self.command,
                path=parts.path,
                query={name: values[0] for name, values in parse_qs(parts.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                form={name: values[0] for name, values in parse_qs(body).items()},
            )
        )
        try:
            self._write(reply)
        except OSError:  # the client has seen enough
            self.close_connection = True

    def _write(self, reply: Reply) -> None:
        if reply.held is not None:
            reply.held.wait(10)
        if reply.is_dropped:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in {"Content-Type": reply.type, **reply.headers}.items():
            if value:
                self.send_header(name, value)
        if reply.pieces is not None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces():
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            if not reply.is_cut:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            self.wfile.write(reply.body)
        self.close_connection = reply.is_cut or reply.length is not None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet when a client hangs up, which many tests want."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Sherweb]:
    """The stand-in on a free port of 127.0.0.1, until the end of the block."""
    sherweb = Sherweb()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"sherweb": sherweb}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    sherweb.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield sherweb
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
