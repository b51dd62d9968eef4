"""How many guesses are borne: ten in five minutes, by where they come from and whom they are for, in this process.

Behind a proxy, or one office's router, everybody has the same address: somebody's wrong guesses would lock a person
out of their own account. So a browser in which a person has logged in before carries a signed cookie that says so, and
its guesses for that person are counted by themselves (OWASP's device cookies).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from portal.web.access import portal_of_app

MOST = 10
WINDOW = timedelta(minutes=5)
MOST_LETTERS = 3
LETTERS_WINDOW = timedelta(hours=1)
COOKIE = "portal_device"
_MOST_KEYS = 10_000
_MOST_PEOPLE = 5  # of one browser
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

    def succeeded(self, key: Key) -> None:
        """Forget the attempts before a success."""
        with self._lock:
            self._attempts.pop(key, None)


def install(app: Flask) -> None:
    """Keep the counters with the application."""
    app.extensions["guesses"] = Throttle()
    app.extensions["letters"] = Throttle(MOST_LETTERS, LETTERS_WINDOW)


def guesses() -> Throttle:
    """Counts passwords and codes that were tried."""
    return cast("Throttle", current_app.extensions["guesses"])


def letters() -> Throttle:
    """Counts letters that somebody asked for who is not logged in."""
    return cast("Throttle", current_app.extensions["letters"])


def password_key(email: str) -> Key:
    """By what guesses of a person's password are counted: the browser when it is known, else the address."""
    device = _devices().get(_mark(email))
    return ("device", device) if device else ("address", request.remote_addr or "", _mark(email))


def code_key(email: str) -> Key:
    """By what guesses of a code are counted. Who guesses here knows the password, so their address does not count."""
    device = _devices().get(_mark(email))
    return ("code", "device", device) if device else ("code", _mark(email))


def letter_key(email: str) -> Key:
    """By what letters to a person are counted."""
    return ("letter", _mark(email))


def invitation_key(ticket: str) -> Key:
    """By what guesses of the address that an invitation is bound to are counted."""
    return ("invitation", _mark(ticket))


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
    return hmac.new(key, email.strip().casefold().encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(portal_of_app().settings.key, salt="known device")
