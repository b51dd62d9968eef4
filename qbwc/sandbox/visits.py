"""What a visit leaves: how it ended, every step, and the messages a person would have read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How a visit ended. DONE, NOTHING_TO_DO and POSTPONED are good ends."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    POSTPONED = "postponed"
    BUSY = "busy"
    REFUSED = "refused"
    STOPPED = "stopped by the endpoint"
    NO_COMPANY = "company file not opened"
    LOST = "cut off"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call: what went out (never the password), what came back, and how long it took in seconds."""

    operation: str
    sent: Mapping[str, str] = field(default_factory=dict)
    received: str | tuple[str, ...] | int = ""
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A whole visit: how it ended, why, every step, and the messages a person would have seen in the connector.

    `calls` counts the SOAP calls, as the faults cut-call-... do; the last one is the highest N that strikes.
    """

    outcome: Outcome
    explanation: str = ""
    steps: tuple[Step, ...] = ()
    messages: tuple[str, ...] = ()
    calls: int = 0

    @property
    def went_well(self) -> bool:
        """Whether nothing has to be looked at."""
        return self.outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO, Outcome.POSTPONED)


class End(Exception):
    """The visit is over before its natural end; it never leaves `visit`."""

    def __init__(self, outcome: Outcome, explanation: str = "") -> None:
        super().__init__(explanation)
        self.outcome = outcome
        self.explanation = explanation
