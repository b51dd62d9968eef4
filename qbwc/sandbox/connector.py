"""The Web Connector: one visit to an endpoint, from serverVersion to closeConnection.

It does what Intuit's connector does and no more: it never repairs an answer, it keeps no memory between visits but
what the company file holds, and after a failure it simply stops, so that the endpoint must cope on the next visit.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from qbwc.sandbox.company import Company
from qbwc.sandbox.errors import HresultError, ProtocolError
from qbwc.sandbox.extensions import company_value, store_company_value
from qbwc.sandbox.faults import Fault, Faults, keep_backup
from qbwc.sandbox.manifest import Manifest
from qbwc.sandbox.processor import process
from qbwc.sandbox.session import Session
from qbwc.sandbox.soap import Endpoint
from qbwc.sandbox.visits import Outcome, Step, Visit

VERSION = "34.0.10003.23"
"""What this connector tells clientVersion, unless another is given."""

PAUSE = 5.0
"""Seconds between getLastError answering NoOp and the next sendRequestXML."""

_ANOTHER_FILE = (
    "0x8004040A",
    "A QuickBooks company data file is already open and it is different from the one requested.",
)
_NO_FILE = ("0x80040408", "Could not start QuickBooks.")
_TICKS_AT_EPOCH = 621355968000000000


class _End(Exception):
    def __init__(self, outcome: Outcome, explanation: str = "") -> None:
        super().__init__(explanation)
        self.outcome = outcome
        self.explanation = explanation


def visit(
    manifest: Manifest,
    company: Company,
    password: str,
    *,
    url: str | None = None,
    faults: Iterable[Fault] = (),
    version: str = VERSION,
    pause: Callable[[float], None] = time.sleep,
    most_pauses: int = 3,
    most_sets: int = 1000,
    timeout: float = 120.0,
    context: ssl.SSLContext | None = None,
    watch: Callable[[Step], None] | None = None,
) -> Visit:
    """Make one visit and return what happened; the company file is saved after each message set.

    `url` replaces the manifest's AppURL. `pause` waits when the endpoint says NoOp, at most `most_pauses` times;
    `most_sets` stops an endpoint that never finishes. `watch` sees each step as it is made. Nothing that an endpoint
    answers raises: it becomes the outcome. CompanyError is raised when a fault cannot be set up.
    """
    disturbance = Faults(faults)
    if not disturbance.strikes("restore-backup"):
        keep_backup(company)
    opened = disturbance.open_company(company)
    caller = _Visitor(manifest, opened, disturbance, version, pause, watch)
    caller.may_add = not (disturbance.strikes("other-company") or disturbance.strikes("restore-backup"))
    try:
        endpoint = Endpoint(url or manifest.app_url, timeout=timeout, context=context)
        caller.run(endpoint, password, most_pauses, most_sets)
        end = _End(Outcome.DONE)
    except _End as reached:
        end = reached
    except ProtocolError as error:
        caller.messages.append(f"{error.code}: {error}")
        end = _End(Outcome.FAILED, f"{error.code}: {error}")
    opened.save()
    return Visit(
        outcome=end.outcome,
        explanation=end.explanation,
        steps=tuple(caller.steps),
        messages=tuple(caller.messages),
    )


class _Visitor:
    def __init__(
        self,
        manifest: Manifest,
        company: Company,
        faults: Faults,
        version: str,
        pause: Callable[[float], None],
        watch: Callable[[Step], None] | None,
    ) -> None:
        self.manifest = manifest
        self.company = company
        self.faults = faults
        self.version = version
        self.pause = pause
        self.watch = watch
        self.may_add = True
        self.steps: list[Step] = []
        self.messages: list[str] = []
        self.session = Session(application=manifest.owner_id, read_only=manifest.is_read_only)
        self.sets = 0

    def run(self, endpoint: Endpoint, password: str, most_pauses: int, most_sets: int) -> None:
        with self._step("GET AppURL"):
            endpoint.check()
        with self._step("serverVersion") as step:
            step["received"] = endpoint.ask("serverVersion")
        self._check_version(endpoint)
        ticket, path = self._authenticate(endpoint, password)
        self._open(endpoint, ticket, path)
        try:
            self._exchange(endpoint, ticket, most_pauses, most_sets)
        finally:
            self._lock(locked=False)

    @contextmanager
    def _step(self, operation: str, **sent: str) -> Iterator[dict[str, Any]]:
        """Record a call, also one that fails."""
        step: dict[str, Any] = {"note": ""}
        started = time.monotonic()
        try:
            yield step
        except ProtocolError as error:
            step["note"] = str(error)
            raise
        finally:
            seconds = round(time.monotonic() - started, 6)
            made = Step(operation=operation, sent=sent, seconds=seconds, **step)
            self.steps.append(made)
            if self.watch is not None:
                self.watch(made)

    # before QuickBooks is opened

    def _check_version(self, endpoint: Endpoint) -> None:
        with self._step("clientVersion", strVersion=self.version) as step:
            answer = step["received"] = endpoint.ask("clientVersion", strVersion=self.version)
        letter, text = answer[:2], answer[2:]
        if letter == "W:":
            self.messages.append(f"Warning: {text}")
        elif letter in ("E:", "O:"):
            self.messages.append(text if letter == "E:" else f"This application needs Web Connector {text} or newer.")
            raise _End(Outcome.STOPPED, f"clientVersion answered {answer!r}")

    def _authenticate(self, endpoint: Endpoint, password: str) -> tuple[str, str]:
        name = self.manifest.user_name
        with self._step("authenticate", strUserName=name) as step:
            items = endpoint.ask_list("authenticate", strUserName=name, strPassword=password)
            step["received"] = tuple(items)
        ticket, answer = items[0], items[1]
        if answer.lower() == "nvu":
            self.messages.append(f"QBWC1012: the user name {name} or its password is not valid.")
            raise _End(Outcome.REFUSED, "authenticate answered nvu")
        if answer.lower() == "none":
            self.messages.append("No data exchange required.")
            raise _End(Outcome.NOTHING_TO_DO)
        if answer.lower() == "busy":
            self.messages.append("The application is busy: try again later.")
            raise _End(Outcome.BUSY, "authenticate answered busy")
        if len(items) > 2 and _seconds(items[2]) > 0:
            self.messages.append(f"The application asks to come back in {items[2]} seconds.")
            raise _End(Outcome.POSTPONED, f"for {items[2]} seconds")
        if len(items) > 3 and _seconds(items[3]) > 0:
            self.messages.append(f"The application asks for visits at least {items[3]} seconds apart.")
        return ticket, answer

    def _open(self, endpoint: Endpoint, ticket: str, path: str) -> None:
        """Open the company file, and let the endpoint choose another path a few times when that fails."""
        for _attempt in range(3):
            failure = self._opening_failure(path)
            if failure is None:
                self._add_application()
                self._lock(locked=True)
                return
            hresult, message = failure
            with self._step("connectionError", ticket=ticket, hresult=hresult, message=message) as step:
                answer = step["received"] = endpoint.ask(
                    "connectionError", ticket=ticket, hresult=hresult, message=message
                )
            if answer.lower() == "done":
                break
            path = answer
        self.messages.append(f"QBWC1013: Error connecting to QuickBooks. {message}")
        raise _End(Outcome.NO_COMPANY, f"{hresult}: {message}")

    def _opening_failure(self, path: str) -> tuple[str, str] | None:
        if self.faults.strikes("no-company"):
            return _NO_FILE
        return _ANOTHER_FILE if path and path.casefold() != self.company.file["Path"].casefold() else None

    def _add_application(self) -> None:
        """Leave our mark in a company file to which the .qwc is new: the private value FileID."""
        known: list[str] = self.company.state["KnownApplications"]
        owner, file_id = self.manifest.owner_id, self.manifest.file_id
        if not self.may_add or f"{owner}{file_id}" in known:
            return
        stored = company_value(self.company, owner, "FileID")
        if stored is not None and stored != file_id:
            self.messages.append("QBWC1026: this company file already carries another FileID of the application.")
            return
        store_company_value(self.company, owner, "FileID", file_id)
        known.append(f"{owner}{file_id}")

    def _lock(self, *, locked: bool) -> None:
        if company_value(self.company, self.manifest.owner_id, "FileID") is not None:
            ticks = _TICKS_AT_EPOCH + int(self.company.clock().timestamp() * 10_000_000)
            word = "LOCKED" if locked else "UNLOCKED"
            store_company_value(self.company, self.manifest.owner_id, "AppLock", f"{word}:SANDBOX:{ticks}")

    # the exchange of message sets

    def _exchange(self, endpoint: Endpoint, ticket: str, most_pauses: int, most_sets: int) -> None:
        facts, pauses = self._company_facts(), 0
        while True:
            text = self._fetch(endpoint, ticket, facts)
            facts = ""
            if text in ("", "NoOp"):
                message = self._last_error(endpoint, ticket)
                if message != "NoOp":
                    self._close(endpoint, ticket, message)
                    raise _End(Outcome.STOPPED if message else Outcome.DONE, message)
                if pauses >= most_pauses:
                    self._close(endpoint, ticket)
                    raise _End(Outcome.FAILED, f"the endpoint said NoOp more than {most_pauses} times")
                pauses += 1
                self.pause(PAUSE)
                continue
            self.sets += 1
            if self.faults.strikes("cut-before", self.sets):
                raise _End(Outcome.LOST, f"before message set {self.sets} was executed, as asked for")
            progress = self._deliver(endpoint, ticket, *self._execute(text))
            if progress < 0:
                message = self._last_error(endpoint, ticket)
                self._close(endpoint, ticket, message)
                raise _End(Outcome.STOPPED, message or f"receiveResponseXML answered {progress}")
            if progress >= 100:
                self._close(endpoint, ticket)
                return
            if self.sets >= most_sets:
                self._close(endpoint, ticket)
                raise _End(Outcome.FAILED, f"the endpoint was not done after {most_sets} message sets")

    def _company_facts(self) -> str:
        """The document that the first sendRequestXML of a session carries."""
        versions = self.company.file["SupportedQBXMLVersion"]
        version = "13.0" if "13.0" in versions else max(versions, key=_version_number)
        asked = (
            f'<?xml version="1.0" ?><?qbxml version="{version}"?><QBXML><QBXMLMsgsRq onError="continueOnError">'
            '<HostQueryRq requestID="0"/><CompanyQueryRq requestID="1">'
            f"<OwnerID>{self.manifest.owner_id}</OwnerID></CompanyQueryRq>"
            '<PreferencesQueryRq requestID="2"/></QBXMLMsgsRq></QBXML>'
        )
        return process(self.company, asked, self.session)

    def _fetch(self, endpoint: Endpoint, ticket: str, facts: str) -> str:
        major, minor = _version_number(max(self.company.file["SupportedQBXMLVersion"], key=_version_number))
        sent = {
            "ticket": ticket,
            "strHCPResponse": facts,
            "strCompanyFileName": self.company.file["Path"],
            "qbXMLCountry": self.company.country,
            "qbXMLMajorVers": str(major),
            "qbXMLMinorVers": str(minor),
        }
        with self._step("sendRequestXML", **sent) as step:
            text = step["received"] = endpoint.ask("sendRequestXML", **sent)
        if text not in ("", "NoOp") and self.faults.strikes("repeat-request", self.sets + 1):
            sent["strHCPResponse"] = ""
            with self._step("sendRequestXML", **sent) as step:
                step["received"] = endpoint.ask("sendRequestXML", **sent)
                step["note"] = "the same bytes again" if step["received"] == text else "OTHER BYTES than before"
                text = step["received"]
        return text

    def _execute(self, text: str) -> tuple[str, str, str]:
        """Let QuickBooks execute a set: the answer, the hresult and its message; what was stored is saved."""
        answer, hresult, message, note = "", "", "", ""
        started = time.monotonic()
        try:
            self.faults.before_set(self.sets, self.company, self.session, text)
            answer = process(self.company, text, self.session)
        except HresultError as error:
            hresult, message, note = error.hresult, error.message, error.detail
        self.company.save()
        self.session.locked = set()
        step = Step(
            operation="QuickBooks",
            sent={"request": text},
            received=answer,
            seconds=round(time.monotonic() - started, 6),
            note=f"{hresult}: {message} ({note})" if note else f"{hresult}: {message}" if hresult else "",
        )
        self.steps.append(step)
        if self.watch is not None:
            self.watch(step)
        if self.faults.strikes("lost-answer", self.sets):
            raise _End(Outcome.LOST, f"the answer to message set {self.sets} was lost, as asked for")
        return self.faults.after_set(self.sets, answer) if not hresult else "", hresult, message

    def _deliver(self, endpoint: Endpoint, ticket: str, answer: str, hresult: str, message: str) -> int:
        sent = {"ticket": ticket, "response": answer, "hresult": hresult, "message": message}
        progress = 0
        for _time in range(2 if self.faults.strikes("repeat-answer", self.sets) else 1):
            with self._step("receiveResponseXML", **sent) as step:
                progress = step["received"] = endpoint.ask_number("receiveResponseXML", **sent)
        return progress

    def _last_error(self, endpoint: Endpoint, ticket: str) -> str:
        with self._step("getLastError", ticket=ticket) as step:
            message = str(endpoint.ask("getLastError", ticket=ticket))
            step["received"] = message
        if message == "Interactive mode":
            self.messages.append("The application asks for interactive mode, which the sandbox does not offer.")
        elif message not in ("", "NoOp"):
            self.messages.append(message)
        return message

    def _close(self, endpoint: Endpoint, ticket: str, shown: str = "") -> None:
        with self._step("closeConnection", ticket=ticket) as step:
            message = step["received"] = endpoint.ask("closeConnection", ticket=ticket)
        if message and message != shown:
            self.messages.append(message)


def _seconds(text: str) -> int:
    return int(text) if text.strip().isdigit() else 0


def _version_number(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
