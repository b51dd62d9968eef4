"""What the connector carries through one visit: the application, the company, the calls, and who may be waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from qbwc.sandbox.calls import Calls
from qbwc.sandbox.company import Company
from qbwc.sandbox.disturbance import Faults
from qbwc.sandbox.manifest import Manifest
from qbwc.sandbox.session import Session

PAUSE = 5.0
"""Seconds between getLastError answering NoOp and the next sendRequestXML."""
INTERACTIVE = "Interactive mode"
"""What getLastError answers when the application wants a person to open a page."""


@dataclass(slots=True, kw_only=True)
class Tour:
    """One visit under way. `pause` waits between calls, `wait` while QuickBooks is slow; both take seconds.

    `interact` plays the person to whom an address is shown: true when the work there is done.
    """

    manifest: Manifest
    company: Company
    faults: Faults
    calls: Calls
    session: Session
    version: str
    pause: Callable[[float], None]
    wait: Callable[[float], None]
    interact: Callable[[str], bool | None] | None
    most_pauses: int
    most_sets: int
    messages: list[str] = field(default_factory=list)
    sets: int = 0

    def last_error(self, ticket: str) -> str:
        """Ask what to do; a text for people is shown."""
        message = self.calls.ask("getLastError", ticket=ticket)
        if message not in ("", "NoOp", INTERACTIVE):
            self.messages.append(message)
        return message

    def close(self, ticket: str, shown: str = "") -> None:
        """Say good-bye; the text that comes back is shown unless it was `shown` already."""
        message = self.calls.ask("closeConnection", ticket=ticket)
        if message and message != shown:
            self.messages.append(message)
