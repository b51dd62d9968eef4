"""A receiver of webhooks on this machine that answers, fails, redirects, hangs, or dribbles, as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_by(self, secret: str) -> bool:
        """The check of a receiver, written from the specification."""
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = b".".join([self.message_id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split()


@dataclass
class Receiver:
    """What it does next, and what it got. `status` 0 hangs, -1 dribbles a header for ever."""

    status: int = 204
    received: list[Received] = field(default_factory=list)
    port: int = 0
    is_stopped: threading.Event = field(default_factory=threading.Event)
    _server: Any = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received({k.lower(): v for k, v in self.headers.items()}, body))
                if receiver.status == 0:
                    receiver.is_stopped.wait(30)
                    return
                if receiver.status == -1:
                    self.dribble()
                    return
                self.send_response(receiver.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def dribble(self) -> None:
                try:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                    while not receiver.is_stopped.is_set():
                        self.wfile.write(b"x")
                        time.sleep(0.1)
                except OSError:
                    return

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.is_stopped.set()
        self._server.shutdown()
        self._server.server_close()
