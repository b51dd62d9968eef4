"""A receiver of webhooks on this machine, for the demonstration: it takes what comes, or refuses it, as it is told."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener:
    """Answers each message with `status`."""

    def __init__(self) -> None:
        self.status = 204
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(listener.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """What comes is seen in the portal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="portal-listener", daemon=True).start()

    @property
    def url(self) -> str:
        """The address that it listens at."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/tickets"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
