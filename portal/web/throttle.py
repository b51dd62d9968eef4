"""How many failed log-ins are borne: ten in five minutes for one address and one e-mail, in this process's memory."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

MOST = 10
WINDOW = timedelta(minutes=5)
_MOST_KEYS = 10_000


class Throttle:
    """Failures by key, forgotten after the window."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], deque[datetime]] = {}
        self._lock = threading.Lock()

    def wait(self, address: str, email: str, now: datetime) -> timedelta | None:
        """How long to wait before the next attempt; None when it may be made now."""
        with self._lock:
            failures = self._recent((address, email), now)
            return failures[0] + WINDOW - now if len(failures) >= MOST else None

    def failed(self, address: str, email: str, now: datetime) -> None:
        """Count a failure."""
        with self._lock:
            if len(self._failures) >= _MOST_KEYS:
                self._failures = {key: kept for key, kept in self._failures.items() if kept and kept[-1] > now - WINDOW}
            self._failures.setdefault((address, email), deque(maxlen=MOST)).append(now)

    def succeeded(self, address: str, email: str) -> None:
        """Forget the failures before a success."""
        with self._lock:
            self._failures.pop((address, email), None)

    def _recent(self, key: tuple[str, str], now: datetime) -> deque[datetime]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= now - WINDOW:
            failures.popleft()
        return failures
