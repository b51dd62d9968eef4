"""How many guesses are borne, in this process: by where they come from, whom they are for, and both.

Behind a proxy, or one office's router, everybody has the same address: somebody's wrong guesses would lock a person
out of their own account. So a browser in which a person has logged in before carries a signed cookie that says so, and
its guesses for that person are counted by themselves (OWASP's device cookies).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from portal.services.accounts import plain_email
from portal.web.access import portal_of_app

MOST = 10
WINDOW = timedelta(minutes=5)
MOST_FOR_ACCOUNT = 50
ACCOUNT_WINDOW = timedelta(hours=1)
MOST_FROM_NETWORK = 100
MOST_CODES = 5
CODES_WINDOW = timedelta(minutes=15)
MOST_LETTERS = 3
LETTERS_WINDOW = timedelta(hours=1)
COOKIE = "portal_device"
_MOST_KEYS = 10_000
_MOST_PEOPLE = 5  # of one browser
_NETWORK_V6 = 64  # bits: whoever has one address of it has them all
_EXTENSION = "throttles"
_YEAR = 365 * 24 * 3600

Key = tuple[str, ...]


class Throttle:
    """Attempts by key, forgotten after the window. Beyond many keys the oldest is forgotten."""

    def __init__(self, most: int = MOST, window: timedelta = WINDOW) -> None:
        self._most, self._window = most, window
        self._attempts: OrderedDict[Key, deque[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def attempt(self, key: Key, now: datetime) -> timedelta | None:
        """Count an attempt that is about to be made. When there were too many, how long to wait, and none is made."""
        with self._lock:
            kept = self._attempts.setdefault(key, deque())
            while kept and kept[0] <= now - self._window:
                kept.popleft()
            if len(kept) >= self._most:
                return kept[0] + self._window - now
            kept.append(now)
            self._attempts.move_to_end(key)
            if len(self._attempts) > _MOST_KEYS:
                self._attempts.popitem(last=False)
            return None

    def take_back(self, key: Key) -> None:
        """Forget the latest attempt: it was not made, or it was right."""
        with self._lock:
            if kept := self._attempts.get(key):
                kept.pop()

    def succeeded(self, key: Key) -> None:
        """Forget the attempts before a success."""
        with self._lock:
            self._attempts.pop(key, None)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody is about to try, by all that it is counted by. The first is theirs alone."""

    counted_by: tuple[tuple[Throttle, Key], ...]

    def wait(self, now: datetime) -> timedelta | None:
        """Count it. When there were too many by any count, how long to wait, and none is made."""
        for number, (throttle, key) in enumerate(self.counted_by):
            wait = throttle.attempt(key, now)
            if wait is not None:
                for earlier, its_key in self.counted_by[:number]:
                    earlier.take_back(its_key)
                return wait
        return None

    def succeeded(self) -> None:
        """It was right: their wrong ones before are forgotten, others' stay counted."""
        (own, own_key), *shared = self.counted_by
        own.succeeded(own_key)
        for throttle, key in shared:
            throttle.take_back(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttles:
    """A counter of each kind: what fills the memory of one makes no other forget."""

    guesses: Throttle
    accounts: Throttle
    networks: Throttle
    codes: Throttle
    letters: Throttle


def install(app: Flask) -> None:
    """Keep the counters with the application."""
    app.extensions[_EXTENSION] = Throttles(
        guesses=Throttle(),
        accounts=Throttle(MOST_FOR_ACCOUNT, ACCOUNT_WINDOW),
        networks=Throttle(MOST_FROM_NETWORK),
        codes=Throttle(MOST_CODES, CODES_WINDOW),
        letters=Throttle(MOST_LETTERS, LETTERS_WINDOW),
    )


def _throttles() -> Throttles:
    return cast("Throttles", current_app.extensions[_EXTENSION])


def at_log_in(email: str) -> Attempt:
    """A password at the log-in: counted by the browser when it is known, else by address, account and network."""
    counters, mark, address = _throttles(), _mark(email), request.remote_addr or ""
    device = _devices().get(mark)
    if device:
        return Attempt(((counters.guesses, ("device", device)),))
    return Attempt(
        (
            (counters.guesses, ("address", address, mark)),
            (counters.accounts, (mark,)),
            (counters.networks, (network_of(address),)),
        )
    )


def at_open_browser(user_id: int) -> Attempt:
    """What only the person knows, asked for again while they are logged in."""
    return Attempt(((_throttles().guesses, ("account", str(user_id))),))


def of_code(email: str) -> Attempt:
    """A code. Who guesses here knows the password, so where they are does not count, unless the browser is known."""
    mark = _mark(email)
    device = _devices().get(mark)
    return Attempt(((_throttles().codes, ("device", device) if device else ("account", mark)),))


def of_letter(email: str) -> Attempt:
    """A letter that somebody asks for who is not logged in."""
    return Attempt(((_throttles().letters, (_mark(email),)),))


def network_of(address: str) -> str:
    """What one guesser is taken to have: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((int(known), _NETWORK_V6), strict=False))


def know_device(response: Response, email: str) -> None:
    """Let this browser be known as one in which the person has logged in."""
    devices = _devices()
    devices.pop(_mark(email), None)
    newest = list(devices.items())[1 - _MOST_PEOPLE :]
    value = _signer().dumps({**dict(newest), _mark(email): secrets.token_hex(8)})
    secure = portal_of_app().settings.url.startswith("https://")
    response.set_cookie(COOKIE, value, max_age=_YEAR, secure=secure, httponly=True, samesite="Lax")


def _devices() -> dict[str, str]:
    """Who logged in here before: the mark of an address -> the name under which this browser's guesses are counted."""
    try:
        kept = _signer().loads(request.cookies.get(COOKIE, ""))
    except BadData:
        return {}
    return dict(kept) if isinstance(kept, Mapping) else {}


def _mark(email: str) -> str:
    """Stands for an address: in the cookie, which anybody at the browser can read, and, however long, in memory."""
    key = portal_of_app().settings.key.encode()
    return hmac.new(key, plain_email(email).encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(portal_of_app().settings.key, salt="known device")
