"""Faults on demand: what goes wrong between a Web Connector, QuickBooks and an endpoint in the field.

A fault is written NAME, NAME@N or NAME=VALUE@N; N counts the message sets of the visit from 1. To add one, give it a
row in `FAULTS` and, unless the connector already asks for it by name, a place in `Faults`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from qbwc.sandbox.company import LISTS, Company
from qbwc.sandbox.errors import CompanyError, HresultError, SandboxError
from qbwc.sandbox.session import Session

FAULTS: Final[dict[str, str]] = {
    "lost-answer": "QuickBooks executes set N, but its answer never reaches the endpoint; the visit ends there",
    "cut-before": "the visit ends after set N was fetched and before QuickBooks executes it",
    "hresult": "QuickBooks fails on set N with the given HRESULT, e.g. hresult=0x80040400@2; nothing is executed",
    "status": "QuickBooks refuses every write of set N with the given status, e.g. status=3180@2",
    "truncated": "half of the answer to set N is lost on the way",
    "garbage": "the answer to set N is not XML at all",
    "stale-edit": "somebody edits every object that set N changes, just before it is executed (status 3200)",
    "locked": "every object that set N changes is open on another screen (status 3175)",
    "dead-iterator": "QuickBooks forgets its iterators before set N (status 3391)",
    "repeat-request": "sendRequestXML for set N is called twice; the second answer is executed",
    "repeat-answer": "the answer to set N is delivered twice",
    "no-company": "no company file is open: connectionError with 0x80040408",
    "restore-backup": "the company file is put back to what it was before the visit before this one",
    "copied-file": "a copy of the company file, in another folder, is open; your file is not changed",
    "renamed-company": "the company was renamed in QuickBooks, for good",
    "other-company": "another company is open, to which the .qwc was never added; your file is not changed",
}
"""Every fault and what it does; the help of the command line is made from it."""

_FAULT = re.compile(r"(?P<name>[a-z-]+)(?:=(?P<value>[^@]+))?(?:@(?P<at>\d+))?")
_VALUED = {"hresult": "hresult=0x80040400@1", "status": "status=3180@1"}
_WHOLE_VISIT = frozenset(("no-company", "restore-backup", "copied-file", "renamed-company", "other-company"))


class FaultError(SandboxError):
    """A fault on the command line that does not exist or lacks something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; `at` is the message set it strikes, None for the whole visit."""

    name: str
    at: int | None = None
    value: str = ""


def parse_fault(text: str) -> Fault:
    """Read `lost-answer@2` or `hresult=0x80040400@1`. Raises FaultError, saying which faults there are."""
    found = _FAULT.fullmatch(text.strip())
    if found is None or found["name"] not in FAULTS:
        raise FaultError(f"There is no fault {text!r}; choose one of {', '.join(FAULTS)}.")
    name, value = found["name"], found["value"] or ""
    example = _VALUED.get(name)
    if bool(example) != bool(value) or (name == "status" and not value.isdigit()):
        hint = f"{name} needs a code: {example}" if example else f"{name} takes no value"
        raise FaultError(f"{text!r} cannot be read: {hint}.")
    if name in _WHOLE_VISIT and found["at"]:
        raise FaultError(f"{name} strikes the whole visit: leave out @{found['at']}.")
    at = None if name in _WHOLE_VISIT else int(found["at"] or 1)
    if at == 0:
        raise FaultError(f"{text!r}: message sets are counted from 1.")
    return Fault(name=name, at=at, value=value)


class Faults:
    """The faults of one visit, asked by name at the place where each strikes."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = tuple(faults)

    def strikes(self, name: str, at: int | None = None) -> bool:
        """Whether a fault happens in message set `at` (or in the whole visit)."""
        return any(fault.name == name and fault.at == at for fault in self._faults)

    def open_company(self, company: Company) -> Company:
        """The company that is really open during this visit."""
        if self.strikes("restore-backup"):
            restore_backup(company)
        if self.strikes("renamed-company"):
            company.file["CompanyName"] = f"{company.file['CompanyName']} (new name)"[:59]
        if self.strikes("copied-file"):
            company = Company(company.snapshot(), clock=company.clock)
            folder, _, name = company.file["Path"].rpartition("\\")
            company.file["Path"] = f"{folder}\\Copies\\Copy of {name}"
        if self.strikes("other-company"):
            facts = {**company.snapshot()["file"], "CompanyName": "Another Company", "Path": "C:\\QB\\Another.qbw"}
            company = Company({"file": {**facts, "LegalCompanyName": "Another Company"}}, clock=company.clock)
        return company

    def before_set(self, at: int, company: Company, session: Session, text: str) -> None:
        """Prepare QuickBooks for message set `at`. Raises HresultError when it fails on the whole set."""
        for fault in self._faults:
            if fault.at == at and fault.name == "hresult":
                raise HresultError(fault.value, "QuickBooks could not execute the request (fault on demand).")
        session.locked = set(changed_ids(text)) if self.strikes("locked", at) else set()
        session.refusal = next((int(one.value) for one in self._faults if (one.name, one.at) == ("status", at)), None)
        if self.strikes("dead-iterator", at):
            session.iterators.clear()
        if self.strikes("stale-edit", at):
            for object_id in changed_ids(text):
                found = company.find_transaction(object_id) or company.find(LISTS, {"ListID": object_id})
                if found is not None:
                    company.touch(found[1])

    def after_set(self, at: int, answer: str) -> str:
        """What arrives of an answer."""
        if self.strikes("garbage", at):
            return "<html><body>504 Gateway Time-out</body></html"
        return answer[: len(answer) // 2] if self.strikes("truncated", at) else answer


def changed_ids(text: str) -> list[str]:
    """The TxnIDs and ListIDs that the requests of a set change."""
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, recover=True))
    except (etree.XMLSyntaxError, ValueError):
        return []
    ids = []
    for element in root.iter("*"):
        tag = str(element.tag)
        if tag.endswith(("Mod", "DelRq", "VoidRq")) and "Line" not in tag:
            ids += [child.text or "" for child in element if child.tag in ("TxnID", "ListID")]
    return ids


def keep_backup(company: Company) -> None:
    """Copy the company file aside, as the state before this visit."""
    if company.path is not None:
        company.save(company.path.with_name(f"{company.path.name}.backup"))


def restore_backup(company: Company) -> None:
    """Put the state before the last visit back. Raises CompanyError when there is no backup yet."""
    if company.path is None:
        raise CompanyError("A company without a file has no backup to restore.")
    backup = company.path.with_name(f"{company.path.name}.backup")
    try:
        company.restore(json.loads(backup.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise CompanyError(f"There is no backup {backup} yet: make one visit without restore-backup first.") from None
