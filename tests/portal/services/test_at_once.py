"""Two at once: whoever asks, and on whichever database, each charge is billed by exactly one line."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from portal.errors import PortalError
from portal.models import BilledCharge, Charge, DraftLine, ItemCost
from portal.services import billing, build_portal, catalog, mappings, retries
from qbwc.models import Job

CHARGES = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"


def at_once(month: Any, work: Callable[[Any], Any], times: int = 2) -> list[BaseException]:
    """Run `work` that many times together, each over connections of its own; the errors that came out."""
    together, errors = threading.Barrier(times), []
    portals = [build_portal(month.portal.settings, now=month.clock) for _ in range(times)]

    def run(portal: Any) -> None:
        try:
            together.wait(timeout=20)
            work(portal)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(portal,)) for portal in portals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for portal in portals:
        portal.database.close()
    return errors


def count(month: Any, what: Any, *where: Any) -> int:
    with month.portal.database.read() as db:
        return db.scalar(sa.select(sa.func.count()).select_from(what).where(*where)) or 0


def test_billing_the_same_date_bills_each_charge_once(any_month: Any) -> None:
    errors = at_once(any_month, lambda portal: billing.bill(portal, any_month.connection_id, None), times=3)
    assert errors == []
    assert any_month.states() == {"queued": 12}
    assert count(any_month, Job, Job.kind.in_(["create-invoice", "update-invoice"])) == 12
    assert count(any_month, BilledCharge) == count(any_month, Charge) - 3, "all but Atelier Ébène's"
    assert count(any_month, DraftLine) == sum(draft.lines for draft in any_month.run().drafts)
    assert count(any_month, Job, Job.kind == "item-cost") == count(any_month, ItemCost) - 1

    late = json.loads(CHARGES.read_text(encoding="utf-8"))
    extra = copy.deepcopy(late["charges"][0])
    extra["chargeId"] = "00000000-0000-4000-8000-000000000001"
    late["charges"].append(extra)
    any_month.import_charges(json.dumps(late).encode(), "late.json")
    assert at_once(any_month, lambda portal: billing.bill(portal, any_month.connection_id, None), times=3) == []
    assert any_month.states() == {"queued": 13}


def test_importing_the_same_file_keeps_each_charge_once(any_portal: Any, make_one: Callable[[], Any], now: Any) -> None:
    made = make_one()
    month = type("Month", (), {"portal": any_portal, "clock": now})
    data = CHARGES.read_bytes()

    def bring(portal: Any) -> None:
        catalog.import_charges(portal, made.id, data, name="charges.json", provider="sherweb")

    assert at_once(month, bring, times=3) == []
    assert count(month, Charge) == 72


def test_mapping_at_once_ends_with_one_of_both(any_month: Any) -> None:
    head = ",".join(mappings.COLUMNS)
    file = f"{head}\noffer,New,NEW-1,Infonuagique:Azure,yes,\n".encode()
    errors = at_once(any_month, lambda portal: mappings.apply_csv(portal, any_month.connection_id, file, "mapping.csv"))
    assert errors == []
    assert [row.key for row in mappings.list_offers(any_month.portal, any_month.connection_id).rows].count("NEW-1") == 1


def test_two_who_retry_at_once_queue_it_once_and_the_second_is_told(any_month: Any) -> None:
    def forget(company: Any) -> None:
        rows = company.transactions("Invoice")
        rows[:] = [one for one in rows if one["RefNumber"] != "10410"]

    any_month.edit(forget)
    any_month.bill()
    any_month.visit()
    waiting = any_month.draft("École Les Érables")
    errors = at_once(any_month, lambda portal: retries.retry_draft(portal, any_month.connection_id, waiting.id))
    assert [isinstance(error, PortalError) for error in errors] == [True]
    assert "does not wait" in str(errors[0])
    assert any_month.states() == {"queued": 1, "reconciled": 11}
