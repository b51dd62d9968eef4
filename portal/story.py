"""What happens in the demonstration, day by day: two months of a reseller, with what goes wrong in such months.

The days are counted back from today, so that the history is of the last weeks whenever it is played; the invoices keep
their dates. Between the visits somebody works in QuickBooks by hand: deletes a customer, closes the books.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from portal.errors import Unusable
from portal.listener import Listener
from portal.providers import csvfile
from portal.services import (
    Portal,
    billing,
    catalog,
    decisions,
    delivery,
    dispatch_notices,
    mappings,
    preview,
    runs,
    sources,
    status,
)
from qbwc.sandbox import Company, Visit, delete, parse_fault, read_manifest, visit

SEPTEMBER, OCTOBER = date(2026, 10, 1), date(2026, 11, 1)
"""The invoice dates: the connection bills in arrears."""
FIRST_DAY, OCTOBER_DAY = 52, 21
"""How many days ago the connection was made, and October billed."""
EARLIER_CLOSING, LATER_CLOSING = "2026-09-05", "2026-10-05"
LATE = ("Northwind Logistics Ltd.", "Pharmacie Nguyễn")
"""They are billed in September when the books are closed already."""
ENTERED_BY_HAND = "Pharmacie Nguyễn"
DELETED_CUSTOMER = "Fromagerie Petit-Champ"


class Calendar:
    """The clock of the demonstration: so many days behind the real one."""

    def __init__(self, days_ago: float = 0) -> None:
        self._behind = timedelta(days=days_ago)

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self._behind

    def go_to(self, days_ago: float) -> None:
        """Go on from another day; 0 is now."""
        self._behind = timedelta(days=days_ago)


@dataclass(frozen=True, slots=True)
class Stage:
    """The portal, its company file in the sandbox, the samples, the clock of both, and who listens to webhooks."""

    portal: Portal
    connection_id: int
    password: str
    folder: Path
    samples: Path
    calendar: Calendar
    lock: threading.Lock
    listener: Listener

    def visit(self, *faults: str) -> Visit:
        """One visit of the sandbox's Web Connector, over real HTTP."""
        with self.lock:
            return visit(
                read_manifest(self.folder / "demo.qwc"),
                Company.load(self.folder / "company.json", clock=self.calendar),
                self.password,
                faults=[parse_fault(fault) for fault in faults],
                pause=lambda _seconds: None,
            )

    def work_by_hand(self, change: Callable[[Company], object]) -> None:
        """What somebody does in QuickBooks between two visits."""
        company = Company.load(self.folder / "company.json", clock=self.calendar)
        change(company)
        company.forget_indexes()
        company.save()

    def bring(self, path: Path, data: bytes | None = None) -> catalog.ImportResult:
        """Import a file of Sherweb's, or `data` as if it were an earlier version of it."""
        name = path.name if data is None else f"{path.stem}-preliminary.json"
        read = path.read_bytes() if data is None else data
        return catalog.import_charges(self.portal, self.connection_id, read, name=name, provider="sherweb")

    def tell(self) -> None:
        """What the worker does in between: find what is to be told, and deliver it."""
        dispatch_notices.dispatch(self.portal)
        while delivery.is_due(self.portal) and delivery.deliver(self.portal):
            pass

    def map(self, path: Path) -> None:
        """Apply a mapping file."""
        mappings.apply_csv(self.portal, self.connection_id, path.read_bytes(), path.name)


def must(made: Visit) -> None:
    """Raises Unusable for a visit that should have gone well."""
    if not made.went_well:
        raise Unusable("The sandbox's visit failed: %(reason)s.", reason=made.explanation or made.outcome.value)


def connect(stage: Stage) -> list[status.ListView]:
    """The first visit: QuickBooks' lists come in."""
    stage.work_by_hand(lambda company: company.file.update(ClosingDate=EARLIER_CLOSING))
    stage.calendar.go_to(FIRST_DAY - 0.1)
    must(stage.visit())
    return list(status.status(stage.portal, stage.connection_id).lists)


def play_september(stage: Stage) -> runs.RunView:
    """The first month, in which much goes wrong; what is not mended yet stays on the Status page."""
    charges = stage.samples / "sherweb" / "payable-charges-2026-09.json"
    stage.bring(charges, _preliminary(charges.read_bytes()))
    stage.bring(charges)
    stage.map(stage.samples / "mapping-2026-09.csv")
    _bill_september(stage, lambda name: name not in LATE)
    stage.work_by_hand(lambda company: delete(company, "Customer", DELETED_CUSTOMER))
    stage.calendar.go_to(FIRST_DAY - 1)
    stage.visit("no-company")  # the company file was closed for the night
    stage.calendar.go_to(FIRST_DAY - 2)
    stage.visit("locked")  # somebody has the invoice open that is to be updated
    stage.calendar.go_to(FIRST_DAY - 3)
    must(stage.visit())
    stage.work_by_hand(lambda company: company.file.update(ClosingDate=LATER_CLOSING))
    stage.calendar.go_to(FIRST_DAY - 7)
    made = _bill_september(stage, lambda name: name in LATE)
    must(stage.visit())
    late = next(one for one in made.drafts if one.organization == ENTERED_BY_HAND)
    decisions.mark_done(stage.portal, stage.connection_id, late.id, who="comptable@example.com")
    for days_ago in (39, 33):
        _pass(stage, days_ago)
    stage.calendar.go_to(27)
    stage.visit("cut-before@1")  # the computer went to sleep in the middle
    _pass(stage, 26.9)
    return runs.get_run(stage.portal, stage.connection_id, made.id)


def bill_october(stage: Stage) -> runs.RunView:
    """The month that goes well: everything is mapped, billed, and waits for the Web Connector."""
    stage.map(stage.samples / "mapping.csv")
    return billing.bill(stage.portal, stage.connection_id, OCTOBER)


def play_since(stage: Stage) -> None:
    """What came after: visits, a failure that a later one made good, and charges of another supplier."""
    _pass(stage, 14)
    _pass(stage, 8)
    stage.calendar.go_to(3)
    stage.visit("modal-dialog")  # a dialog box was left open in QuickBooks
    stage.tell()
    _pass(stage, 2)
    stage.calendar.go_to(1)
    folder = stage.samples / "csv"
    profile = csvfile.Profile.from_json((folder / "harbourlight.profile.json").read_text(encoding="utf-8"))
    profile = replace(profile, name="Harbourlight")
    other = folder / "harbourlight-2026-10.csv"
    sources.save_profile(stage.portal, stage.connection_id, profile)
    sources.import_csv(stage.portal, stage.connection_id, other.read_bytes(), other.name, profile)
    _pass(stage, 0)


def _preliminary(data: bytes) -> bytes:
    """The month as the provider told it first: two seats more of the first charge, and one charge too many."""
    document = json.loads(data)
    first, second = document["charges"][:2]
    seats = first["quantity"] + 2
    mistaken = {**second, "chargeId": "2c9b6d1e-9f0c-4b56-8a53-5a6b0f3f7d10"}
    document["charges"] = [
        {**first, "quantity": seats, "subTotal": round(first["netPrice"] * seats, 2), "deductions": []},
        *document["charges"][1:],
        mistaken,
    ]
    return json.dumps(document).encode()


def _bill_september(stage: Stage, wanted: Callable[[str], bool]) -> runs.RunView:
    seen = preview.preview(stage.portal, stage.connection_id, SEPTEMBER)
    approved = {
        one.organization_id: one.fingerprint for one in seen.drafts if one.reason is None and wanted(one.organization)
    }
    return billing.bill(stage.portal, stage.connection_id, SEPTEMBER, approved=approved)


def _pass(stage: Stage, days_ago: float) -> None:
    """A visit of the Web Connector's own schedule."""
    stage.calendar.go_to(days_ago)
    must(stage.visit())
    stage.tell()
