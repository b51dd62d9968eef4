"""Serving: waitress on one address, which also runs on Windows beside QuickBooks."""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import socket
import sys
import threading
from typing import Any

from portal import settings as configuration
from portal.errors import Unusable
from portal.services import accounts, build_portal

THREADS = 8
LARGEST_REQUEST = 160 * 1024 * 1024  # more than the endpoint takes: it is the endpoint that says so


class PortTaken(Unusable):
    """Another program listens there."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortTaken, and Unusable when the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if os.name != "nt":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(64)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                "Port %(port)s on %(host)s is in use. Give another one with --port.", port=port, host=host
            ) from None
        raise Unusable(
            "Cannot listen on %(host)s port %(port)s: %(reason)s.", host=host, port=port, reason=error.strerror or error
        ) from None
    except UnicodeError:
        sock.close()
        raise Unusable("There is no address %(host)s: give one of this machine with --host.", host=host) from None
    except OverflowError:
        sock.close()
        raise Unusable("Port %(port)s does not exist: give one from 1 to 65535.", port=port) from None
    return sock


def build_server(application: Any, sock: socket.socket, trusted_proxy: str | None = None) -> Any:
    """A waitress server on a listening socket; its `run()` serves until `close()`.

    From `trusted_proxy`, the last address of X-Forwarded-For is where a request comes from; anybody else could write
    what they like there.
    """
    from waitress.server import create_server

    trusted: dict[str, Any] = {}
    if trusted_proxy is not None:
        trusted = {
            "trusted_proxy": _as_peer(trusted_proxy, sock),
            "trusted_proxy_count": 1,
            "trusted_proxy_headers": {"x-forwarded-for"},
        }
    return create_server(
        application,
        sockets=[sock],
        threads=THREADS,
        max_request_body_size=LARGEST_REQUEST,
        channel_timeout=600,
        asyncore_use_poll=True,  # select() ends at file descriptor 1023, and the server with it
        clear_untrusted_proxy_headers=True,
        ident=None,
        **trusted,
    )


def _as_peer(address: str, sock: socket.socket) -> str:
    """An address as connections from it are known by on this socket; `*` stays any."""
    if address == "*":
        return address
    known = ipaddress.ip_address(address)
    known = getattr(known, "ipv4_mapped", None) or known
    is_mapped = sock.family == socket.AF_INET6 and known.version == 4
    return f"::ffff:{known}" if is_mapped else str(known)


class Background:
    """A server in a thread of its own. Waitress may only be closed once its loop has ended."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="portal-server", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._server.asyncore.loop(timeout=1, map=self._server._map, use_poll=True, count=1)

    def close(self) -> None:
        """Finish what is being answered, and let go of the address."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._server.pull_trigger()
        self._thread.join(timeout=5)
        self._server.task_dispatcher.shutdown()
        self._server.close()


def serve_in_thread(application: Any, sock: socket.socket) -> Background:
    """Serve in the background, until `close()`."""
    return Background(build_server(application, sock))


def serve(host: str, port: int, *, with_worker: bool, as_json: bool) -> int:
    """Serve until interrupted."""
    from portal.wsgi import build_wsgi

    sock = listen(host, port)
    given: dict[str, Any] = {} if os.environ.get("PORTAL_URL") else {"url": f"http://localhost:{sock.getsockname()[1]}"}
    try:
        portal = build_portal(configuration.load(**given))
        setup = accounts.setup_link(portal)
    except BaseException:
        sock.close()
        raise
    server = build_server(build_wsgi(portal), sock, portal.settings.trusted_proxy)
    from portal import worker

    worker.start(portal, is_billing=with_worker)
    address = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::1') else host}:{sock.getsockname()[1]}"  # noqa: S104
    if given and given["url"] != configuration.DEFAULT_URL:
        sys.stderr.write(f"For commands in another terminal, such as portal qwc: set PORTAL_URL={given['url']}\n")
    if as_json:
        told = {"address": address, "endpoint": portal.settings.endpoint_url, "setup": setup}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        first = f"Set up the first administrator (once): {setup}\n" if setup else ""
        sys.stdout.write(
            f"Portal: {address}/\nWeb Connector: {portal.settings.endpoint_url}\n{first}Stop with Ctrl+C.\n"
        )
    sys.stdout.flush()
    try:
        server.run()
    finally:
        portal.database.close()
    return 0
