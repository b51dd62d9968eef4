"""Webhooks: a JSON body, signed by the Standard Webhooks specification 1.0.0, posted to an address of the partner's.

The address comes from outside, so what stands behind it is checked when the connection is made, on the very address
that is connected to: a name may mean a public address when it is entered, and a private one when it is used. Nothing
is followed, nothing of the answer but its status is read, and whoever keeps us waiting is cut off.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError

TIMEOUT = 10.0
"""Seconds, for the whole of an attempt but the look-up of the name."""
GONE = 410
_PREFIX = "whsec_"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class NotDelivered(Exception):
    """The receiver did not take the message; the text, which has a translation, says why.

    `status` is that of its HTTP answer, None when there was none.
    """

    def __init__(self, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


class _Private(Exception):
    """The address is not one of the public Internet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message: where it goes, the secret that signs it (``whsec_…``), its id, and the bytes of its JSON."""

    url: str
    secret: str = field(repr=False)
    message_id: str
    body: bytes = field(repr=False)


def new_secret() -> str:
    """256 random bits, written as the specification asks."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header webhook-signature."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def is_usable(url: str, *, allows_private: bool) -> bool:
    """Whether an address can be one: https, or where it is allowed http on this machine; without a log-in in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.password is not None or port == 0:
        return False
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    if parts.scheme == "http":
        return allows_private and parts.hostname in _THIS_MACHINE
    return parts.scheme == "https" and (allows_private or not _is_private_name(parts.hostname))


def send(post: Post, now: datetime, *, allows_private: bool = False) -> int:
    """Post a message and return the status of the answer, 200 to 299. Raises NotDelivered."""
    timeout, timestamp = TIMEOUT, int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "qbwc-portal",
        "webhook-id": post.message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(post.secret, post.message_id, timestamp, post.body),
    }
    with requests.Session() as session, _cut_off(timeout) as watch:
        session.trust_env = False  # a proxy would connect for us, to addresses that nobody checked
        adapter = _Adapter(allows_private=allows_private, watch=watch)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        try:
            with session.post(
                post.url, data=post.body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
        except _Private:
            raise NotDelivered("the address is private, and PORTAL_PRIVATE_WEBHOOKS does not allow it") from None
        except requests.exceptions.SSLError:
            raise NotDelivered("its certificate is not trusted") from None
        except (requests.exceptions.Timeout, requests.exceptions.RequestException, OSError, ValueError) as error:
            if watch.is_cut or isinstance(error, requests.exceptions.Timeout):
                raise NotDelivered("no answer in time") from None
            raise NotDelivered("no connection") from None
    if watch.is_cut:  # cut in the middle of the headers, an answer looks like a whole one
        raise NotDelivered("no answer in time")
    if 200 <= status < 300:
        return status
    if 300 <= status < 400:
        raise NotDelivered("it answered with a redirect, which is not followed", status)
    raise NotDelivered("it answered with an error", status)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet, whatever it is wrapped in."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def _is_private_name(host: str) -> bool:
    """What is private at first sight; names are looked up only when a message leaves."""
    if host in _THIS_MACHINE or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return False


@dataclass
class _Watch:
    """The sockets of an attempt, which are shut when its time is over."""

    sockets: list[socket.socket] = field(default_factory=list)
    is_cut: bool = False

    def cut(self) -> None:
        self.is_cut = True
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


@contextmanager
def _cut_off(seconds: float) -> Iterator[_Watch]:
    """A receiver that sends a letter every few seconds never runs into a time-out of its own."""
    watch = _Watch()
    timer = threading.Timer(seconds, watch.cut)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()


class _Adapter(HTTPAdapter):
    """Opens connections only to addresses that are allowed, and under watch."""

    def __init__(self, *, allows_private: bool, watch: _Watch) -> None:
        def connect(connection: HTTPConnection) -> socket.socket:
            return _connect(connection, watch, allows_private=allows_private)

        class Plain(HTTPConnection):
            _new_conn = connect

        class Encrypted(HTTPSConnection):
            _new_conn = connect

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self._pools = {"http": PlainPool, "https": EncryptedPool}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


def _connect(connection: HTTPConnection, watch: _Watch, *, allows_private: bool) -> socket.socket:
    host, port = connection.host, connection.port or 443
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NameResolutionError(host, connection, socket.gaierror(str(error))) from None
    addresses = [str(one[4][0]) for one in found]
    if not allows_private and not all(is_public(one) for one in addresses):
        raise _Private
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else TIMEOUT
    refused = OSError("the name has no address")
    for address in addresses:
        if watch.is_cut:
            break
        try:
            sock = socket.create_connection((address, port), timeout)
        except OSError as error:
            refused = error
            continue
        watch.sockets.append(sock)
        if watch.is_cut:  # just now
            watch.cut()
        return sock
    raise refused
