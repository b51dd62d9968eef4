"""Faults on demand: what goes wrong between a Web Connector, QuickBooks and an endpoint in the field.

A fault is written NAME, NAME@N, NAME=VALUE or NAME=VALUE@N. What N counts is said by the kind of the fault: message
sets or SOAP calls of the visit, from 1, or attempts to open the company file. To add a fault, give it a row in `KINDS`
and a place in `disturbance` (or, when the connector asks for it by name, there).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from qbwc.sandbox.editions import host_facts
from qbwc.sandbox.errors import CompanyError, SandboxError
from qbwc.sandbox.features import FEATURES


class Counts(StrEnum):
    """What the number after @ counts."""

    SETS = "message sets"
    CALLS = "SOAP calls"
    ATTEMPTS = "attempts to open the company file"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One kind of fault: what it does, what N counts, and what its value must be (None: it takes none)."""

    text: str
    counts: Counts = Counts.SETS
    value: str | None = None
    example: str = ""
    accepts: Callable[[str], bool] = bool

    def usage(self, name: str) -> str:
        """How it is written; what stands in brackets may be left out."""
        number = {Counts.ATTEMPTS: "[@K]", Counts.NOTHING: ""}.get(self.counts, "[@N]")
        return f"{name}={self.value}{number}" if self.value else f"{name}{number}"


def _is_year(text: str) -> bool:
    try:
        return bool(host_facts(int(text)))
    except (ValueError, CompanyError):
        return False


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text) is not None


_CALL = Counts.CALLS
_VISIT = Counts.NOTHING

KINDS: Final[dict[str, FaultKind]] = {
    # the wire
    "cut-call-before": FaultKind(counts=_CALL, text="the connection drops before SOAP call N is sent"),
    "cut-call-during": FaultKind(
        counts=_CALL, text="half of SOAP call N leaves, then the connection drops; the call is never understood"
    ),
    "cut-call-after": FaultKind(
        counts=_CALL, text="the endpoint handles SOAP call N, and its answer is lost on the way back"
    ),
    "lost-answer": FaultKind(
        text="QuickBooks executes set N, but its answer never reaches the endpoint; the visit ends there"
    ),
    "cut-before": FaultKind(text="the visit ends after set N was fetched and before QuickBooks executes it"),
    "repeat-request": FaultKind(text="sendRequestXML for set N is called twice; the second answer is executed"),
    "repeat-answer": FaultKind(text="the answer to set N is delivered twice"),
    "truncated": FaultKind(text="half of the answer to set N is lost on the way"),
    "garbage": FaultKind(text="the answer to set N is not XML at all"),
    # QuickBooks at a message set
    "hresult": FaultKind(
        value="HRESULT", example="hresult=0x80040400@2",
        text="QuickBooks fails on the whole of set N with the given HRESULT; nothing is executed",
    ),
    "hresult-after": FaultKind(
        value="HRESULT", example="hresult-after=0x80040402@2",
        text="QuickBooks executes set N and then fails: the endpoint gets the HRESULT instead of the answer",
    ),
    "modal-dialog": FaultKind(
        text="somebody left a dialog box open in QuickBooks at set N: 0x80040414, nothing is executed"
    ),
    "slow-answer": FaultKind(
        value="SECONDS", example="slow-answer=90@1", accepts=_is_number,
        text="QuickBooks takes that many seconds for set N",
    ),
    "status": FaultKind(
        value="STATUS", example="status=3180@2", accepts=str.isdigit,
        text="QuickBooks refuses every write of set N with the given status",
    ),
    "store-failed": FaultKind(
        text="set N is executed, but QuickBooks cannot keep its answer for recovery (message-set status 9005)"
    ),
    "stale-edit": FaultKind(
        text="somebody edits every object that set N changes, just before it is executed (status 3200)"
    ),
    "locked": FaultKind(text="every object that set N changes is open on another screen (status 3175)"),
    "dead-iterator": FaultKind(text="QuickBooks forgets its iterators before set N (status 3391)"),
    # the opening of the company file
    "no-company": FaultKind(counts=_VISIT, text="no company file is open: connectionError with 0x80040408"),
    "open-failed": FaultKind(
        counts=Counts.ATTEMPTS, value="HRESULT", example="open-failed=0x80040408@2",
        text="the company file cannot be opened; with @K only the first K attempts fail",
    ),
    # another company, or not quite the same
    "restore-backup": FaultKind(
        counts=_VISIT,
        text="the company file is put back to what it was before the visit before this one; stored answers are gone",
    ),
    "copied-file": FaultKind(
        counts=_VISIT, text="a copy of the company file, in another folder, is open; your file is not changed"
    ),
    "renamed-company": FaultKind(counts=_VISIT, text="the company was renamed in QuickBooks, for good"),
    "other-company": FaultKind(
        counts=_VISIT, text="another company is open, to which the .qwc was never added; your file is not changed"
    ),
    "swapped-company": FaultKind(
        counts=_VISIT,
        text="another company of the same application is open: same object ids, another FileID; your file is not "
        "changed",
    ),
    # settings and editions
    "closed-period": FaultKind(
        counts=_VISIT, text="the books are closed until after every transaction: changes of them get status 3171"
    ),
    "feature-off": FaultKind(
        counts=_VISIT, value="FEATURE", example="feature-off=classes", accepts=FEATURES.__contains__,
        text=f"a feature is off ({', '.join(FEATURES)}): the preferences say so, what needs it gets status 3250",
    ),
    "older-quickbooks": FaultKind(
        counts=_VISIT, value="YEAR", example="older-quickbooks=2013", accepts=_is_year,
        text="QuickBooks is that year's: it reads only the qbXML of its time, newer requests get 0x80040423",
    ),
    "no-external-guid": FaultKind(counts=_VISIT, text="answers to queries never contain ExternalGUID"),
}  # fmt: skip
"""Every kind of fault."""

FAULTS: Final[dict[str, str]] = {name: kind.text for name, kind in KINDS.items()}
"""Every fault and what it does; the help of the command line is made from it."""

_FAULT = re.compile(r"(?P<name>[a-z-]+)(?:=(?P<value>[^@]+))?(?:@(?P<at>\d{1,9}))?")


class FaultError(SandboxError):
    """A fault on the command line that does not exist or lacks something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. `at` is the message set or SOAP call it strikes, or how many attempts fail; None: the whole visit."""

    name: str
    at: int | None = None
    value: str = ""


def parse_fault(text: str) -> Fault:
    """Read `lost-answer@2` or `hresult=0x80040400@1`. Raises FaultError, saying which faults there are."""
    found = _FAULT.fullmatch(text.strip())
    if found is None or found["name"] not in KINDS:
        raise FaultError(f"There is no fault {text!r}; choose one of {', '.join(KINDS)}.")
    name, value = found["name"], found["value"] or ""
    kind = KINDS[name]
    if kind.value is None and value:
        raise FaultError(f"{text!r} cannot be read: {name} takes no value.")
    if kind.value is not None and not (value and kind.accepts(value)):
        choices = f" (one of {', '.join(FEATURES)})" if kind.value == "FEATURE" else ""
        raise FaultError(f"{text!r} cannot be read: {name} needs {kind.value}{choices}, as in {kind.example}.")
    if kind.counts is Counts.NOTHING and found["at"]:
        raise FaultError(f"{name} strikes the whole visit: leave out @{found['at']}.")
    if found["at"]:
        at: int | None = int(found["at"])
    else:
        at = 1 if kind.counts in (Counts.SETS, Counts.CALLS) else None
    if at == 0:
        raise FaultError(f"{text!r}: {kind.counts} are counted from 1.")
    return Fault(name=name, at=at, value=value)


def list_faults() -> list[dict[str, str]]:
    """Every fault as plain values: name, how it is written, an example, what N counts, what it does."""
    return [
        {
            "name": name,
            "usage": kind.usage(name),
            "example": kind.example or (name if kind.counts is Counts.NOTHING else f"{name}@2"),
            "counts": kind.counts.value,
            "text": kind.text,
        }
        for name, kind in KINDS.items()
    ]
