"""The faults of one visit, asked at the places where they strike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from lxml import etree

from qbwc.sandbox.backups import restore_backup
from qbwc.sandbox.company import LISTS, TRANSACTIONS, Company
from qbwc.sandbox.editions import host_facts
from qbwc.sandbox.errors import HresultError, Record
from qbwc.sandbox.extensions import store_company_value
from qbwc.sandbox.faults import Fault
from qbwc.sandbox.features import FEATURES
from qbwc.sandbox.session import Session

CUTS: Final = ("cut-call-before", "cut-call-during", "cut-call-after")
MODAL_DIALOG: Final = "0x80040414"
OTHER_FILE_ID: Final = "{0E0E0E0E-0E0E-4E0E-8E0E-0E0E0E0E0E0E}"
"""The FileID that swapped-company finds in the company."""
_NO_FILE = ("0x80040408", "Could not start QuickBooks.")


class Faults:
    """The faults of one visit, asked by name at the place where each strikes."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = tuple(faults)

    def strikes(self, name: str, at: int | None = None) -> bool:
        """Whether a fault happens in message set `at` (or in the whole visit)."""
        return self.value(name, at) is not None

    def value(self, name: str, at: int | None = None) -> str | None:
        """The value of a fault that happens in message set `at`, empty when it has none; None when it does not."""
        return next((fault.value for fault in self._faults if (fault.name, fault.at) == (name, at)), None)

    def cut(self, call: int) -> str | None:
        """Which of `CUTS` strikes a SOAP call."""
        return next((name for name in CUTS if self.strikes(name, call)), None)

    def opening_failure(self, attempt: int) -> tuple[str, str] | None:
        """The hresult and its text with which an attempt to open the company file fails, counted from 1."""
        if self.strikes("no-company"):
            return _NO_FILE
        for fault in self._faults:
            if fault.name == "open-failed" and (fault.at is None or attempt <= fault.at):
                return fault.value, "The company file could not be opened (fault on demand)."
        return None

    @property
    def is_our_file(self) -> bool:
        """Whether a person would still find the application among those of the file that is open."""
        return not any(map(self.strikes, ("other-company", "swapped-company", "restore-backup")))

    def open_company(self, company: Company, owner_id: str) -> Company:
        """The company that is really open during this visit, with the settings it pretends to have."""
        if self.strikes("restore-backup"):
            restore_backup(company)
        if self.strikes("renamed-company"):
            company.file["CompanyName"] = f"{company.file['CompanyName']} (new name)"[:59]
        if self.strikes("copied-file"):
            company = Company(company.snapshot(), clock=company.clock)
            folder, _, name = company.file["Path"].rpartition("\\")
            company.file["Path"] = f"{folder}\\Copies\\Copy of {name}"
        another = {"CompanyName": "Another Company", "LegalCompanyName": "Another Company", "Path": _ANOTHER_PATH}
        if self.strikes("other-company"):
            company = Company({"file": {**company.snapshot()["file"], **another}}, clock=company.clock)
        if self.strikes("swapped-company"):
            company = Company(company.snapshot(), clock=company.clock)
            company.file.update(another)
            company.state["MessageSets"] = {}
            store_company_value(company, owner_id, "FileID", OTHER_FILE_ID)
        company.pretended = self._pretended(company)
        return company

    def _pretended(self, company: Company) -> Record:
        pretended: Record = {}
        for fault in self._faults:
            if fault.name == "feature-off":
                pretended[FEATURES[fault.value].preference] = "false"
            elif fault.name == "older-quickbooks":
                pretended |= host_facts(int(fault.value))
            elif fault.name == "closed-period":
                days = [form["TxnDate"] for kind in TRANSACTIONS for form in company.transactions(kind)]
                year = max(company.today().year, *(date.fromisoformat(day).year for day in days))
                pretended["ClosingDate"] = f"{year + 1:04}-12-31"
        return pretended

    def before_set(self, at: int, company: Company, session: Session, text: str) -> None:
        """Prepare QuickBooks for message set `at`. Raises HresultError when it fails on the whole set."""
        hresult = self.value("hresult", at)
        if hresult is not None:
            raise HresultError(hresult, "QuickBooks could not execute the request (fault on demand).")
        if self.strikes("modal-dialog", at):
            raise HresultError(MODAL_DIALOG, "A dialog box is open in QuickBooks: close it, then try again.")
        refusal = self.value("status", at)
        session.locked = set(changed_ids(text)) if self.strikes("locked", at) else set()
        session.refusal = None if refusal is None else int(refusal)
        session.cannot_store = self.strikes("store-failed", at)
        session.hidden = frozenset(("ExternalGUID",)) if self.strikes("no-external-guid") else frozenset()
        if self.strikes("dead-iterator", at):
            session.iterators.clear()
        if self.strikes("stale-edit", at):
            for object_id in changed_ids(text):
                found = company.find_transaction(object_id) or company.find(LISTS, {"ListID": object_id})
                if found is not None:
                    company.touch(found[1])

    def after_set(self, at: int, answer: str) -> tuple[str, str, str]:
        """What arrives of an answer: the document, or an hresult and its text."""
        hresult = self.value("hresult-after", at)
        if hresult is not None:
            return "", hresult, "QuickBooks failed while it answered (fault on demand)."
        if self.strikes("garbage", at):
            return "<html><body>504 Gateway Time-out</body></html", "", ""
        return answer[: len(answer) // 2] if self.strikes("truncated", at) else answer, "", ""


_ANOTHER_PATH = "C:\\QB\\Another.qbw"


def changed_ids(text: str) -> list[str]:
    """The TxnIDs and ListIDs that the requests of a set change."""
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, recover=True))
    except (etree.XMLSyntaxError, ValueError):
        return []
    ids = []
    for element in root.iter("*") if root is not None else ():
        tag = str(element.tag)
        if tag.endswith(("Mod", "DelRq", "VoidRq")) and "Line" not in tag:
            ids += [child.text or "" for child in element if child.tag in ("TxnID", "ListID")]
    return ids
