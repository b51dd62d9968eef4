"""The SOAP calls of one visit: numbered, recorded, and cut off where a fault says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from qbwc.sandbox.disturbance import Faults
from qbwc.sandbox.errors import ProtocolError
from qbwc.sandbox.soap import Endpoint
from qbwc.sandbox.visits import End, Outcome, Step

_Answer = TypeVar("_Answer")


class Calls:
    """Calls an endpoint and keeps every step. `number` is that of the last SOAP call; the plain GET has none.

    `on_call` hears of each SOAP call, by number and operation, before anything of it is sent. `watch` sees each step
    as it is made. A call raises ProtocolError, or End when a fault cuts it off.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        faults: Faults,
        on_call: Callable[[int, str], None] | None = None,
        watch: Callable[[Step], None] | None = None,
    ) -> None:
        self.number = 0
        self.steps: list[Step] = []
        self._endpoint = endpoint
        self._faults = faults
        self._on_call = on_call
        self._watch = watch

    def keep(self, step: Step) -> None:
        """Record a step."""
        self.steps.append(step)
        if self._watch is not None:
            self._watch(step)

    def check(self) -> None:
        """Look whether the address answers a plain GET."""
        with self._step("GET AppURL", {}):
            self._endpoint.check()

    def ask(self, operation: str, /, **sent: str) -> str:
        """Call an operation that returns a string."""
        with self._step(operation, sent) as step:
            answer = step["received"] = self._place(operation, sent, self._endpoint.ask)
        return answer

    def ask_again(self, before: str, operation: str, /, **sent: str) -> str:
        """Call an operation once more; the step says whether the answer is the same as `before`."""
        with self._step(operation, sent) as step:
            answer = step["received"] = self._place(operation, sent, self._endpoint.ask)
            step["note"] = "the same bytes again" if answer == before else "OTHER BYTES than before"
        return answer

    def ask_number(self, operation: str, /, **sent: str) -> int:
        """Call an operation that returns an int."""
        with self._step(operation, sent) as step:
            answer = step["received"] = self._place(operation, sent, self._endpoint.ask_number)
        return answer

    def authenticate(self, name: str, password: str) -> list[str]:
        """Log in; the password is sent and not recorded."""
        with self._step("authenticate", {"strUserName": name}) as step:
            sent = {"strUserName": name, "strPassword": password}
            items = self._place("authenticate", sent, self._endpoint.ask_list)
            step["received"] = tuple(items)
        return items

    def _place(self, operation: str, sent: dict[str, str], ask: Callable[..., _Answer]) -> _Answer:
        self.number += 1
        if self._on_call is not None:
            self._on_call(self.number, operation)
        cut = self._faults.cut(self.number)
        if cut is None:
            return ask(operation, **sent)
        if cut == "cut-call-during":
            self._endpoint.tear(operation, **sent)
        elif cut == "cut-call-after":
            self._endpoint.drop(operation, **sent)
        where = {
            "cut-call-before": "before it was sent",
            "cut-call-during": "half-way",
            "cut-call-after": "before its answer arrived",
        }[cut]
        raise End(Outcome.LOST, f"SOAP call {self.number} ({operation}) was cut off {where}, as asked for")

    @contextmanager
    def _step(self, operation: str, sent: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Record a call, also one that fails."""
        step: dict[str, Any] = {"note": ""}
        started = time.monotonic()
        try:
            yield step
        except (ProtocolError, End) as error:
            step["note"] = str(error)
            raise
        finally:
            seconds = round(time.monotonic() - started, 6)
            self.keep(Step(operation=operation, sent=sent, seconds=seconds, **step))
