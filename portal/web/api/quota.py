"""How many calls a key may make in a window of time, in this process. Beyond many keys the oldest is forgotten."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of `most` calls, and the seconds until all of them may be made again."""

    most: int
    left: int
    seconds: int
    is_refused: bool


class Quota:
    """So many calls in each window, which begins with the first of them."""

    def __init__(self, most: int, window: timedelta) -> None:
        self._most, self._window = most, window
        self._counted: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, now: datetime) -> Allowance:
        """Count a call that is about to be made; one that is refused does not count."""
        with self._lock:
            begun, count = self._counted.get(key, (now, 0))
            if now - begun >= self._window or now < begun:
                begun, count = now, 0
            is_refused = count >= self._most
            count += not is_refused
            self._counted[key] = (begun, count)
            self._counted.move_to_end(key)
            if len(self._counted) > _MOST_KEYS:
                self._counted.popitem(last=False)
        seconds = max(1, math.ceil((begun + self._window - now).total_seconds()))
        return Allowance(most=self._most, left=self._most - count, seconds=seconds, is_refused=is_refused)
