"""A run is made in batches: stopped anywhere it goes on, once; what changed meanwhile is not sent, and is named."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal import worker
from portal.errors import Conflict
from portal.models import BilledCharge, Charge, Organization, PlannedDraft
from portal.services import billing, build_portal, planning, preview, runs

ON = date(2026, 11, 1)


@pytest.fixture
def by_twos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing, "BATCH", 2)


def count(month: Any, what: Any) -> int:
    with month.portal.database.read() as db:
        return db.scalar(sa.select(sa.func.count()).select_from(what)) or 0


def begin(month: Any) -> int:
    return billing.begin(month.portal, month.connection_id, ON)


def drafted(view: runs.RunView) -> dict[str, list[tuple[str, str, str]]]:
    return {
        draft.organization: [(line.item, line.description, str(line.quantity)) for line in draft.rows]
        for draft in view.drafts
    }


@pytest.mark.usefixtures("by_twos")
def test_a_run_stopped_between_any_two_batches_is_made_to_the_end_once(any_month: Any) -> None:
    expected = {
        one.organization: [(line.item, line.description, str(line.quantity)) for line in one.lines]
        for one in preview.preview(any_month.portal, any_month.connection_id, ON).drafts
        if one.reason is None
    }
    run_id, lefts = begin(any_month), []
    while True:  # each batch by a process of its own, as after a stop
        other = build_portal(any_month.portal.settings, now=any_month.clock)
        assert billing.unfinished(other) == ((any_month.connection_id, run_id),)
        lefts.append(billing.advance(other, any_month.connection_id, run_id))
        seen = runs.get_run(other, any_month.connection_id, run_id)
        assert seen.left == lefts[-1]
        other.database.close()
        if not lefts[-1]:
            break
    assert lefts == sorted(lefts, reverse=True)
    assert len(lefts) >= 6
    assert drafted(any_month.run()) == expected
    assert count(any_month, BilledCharge) == count(any_month, Charge) - 3, "all but Atelier Ébène's"
    assert billing.unfinished(any_month.portal) == ()
    assert billing.advance(any_month.portal, any_month.connection_id, run_id) == 0


def test_what_is_planned_a_batch_at_a_time_is_what_the_whole_plan_says(any_month: Any) -> None:
    with any_month.portal.database.read() as db:
        whole = planning.prepare(db, any_month.connection_id, ON, any_month.clock()).plan
        ids = list(db.scalars(sa.select(Organization.id)))
        parts = [planning.prepare(db, any_month.connection_id, ON, any_month.clock(), only={one}).plan for one in ids]
    by_id = {draft.organization_id: draft for draft in whole.drafts}
    assert {draft.organization_id: draft for part in parts for draft in part.drafts} == by_id
    skipped = sorted((one for part in parts for one in part.skipped), key=lambda one: one.charge_id)
    assert tuple(skipped) == whole.skipped


@pytest.mark.usefixtures("by_twos")
def test_a_killed_process_leaves_a_run_that_the_worker_ends(month: Any, tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from datetime import date\n"
        "from portal import settings\n"
        "from portal.services import billing, build_portal\n"
        "billing.BATCH = 2\n"
        "portal = build_portal(settings.load({}, data=Path(sys.argv[1]), url='http://localhost:8080'))\n"
        "def tell(done, whole):\n"
        "    if done >= 5: os.kill(os.getpid(), 9)\n"
        "billing.bill(portal, int(sys.argv[2]), date(2026, 11, 1), progress=tell)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(month.portal.settings.data), str(month.connection_id)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -9, ended.stderr
    assert 5 <= len(month.run().drafts) < 12
    assert month.run().left > 0
    worker.finish_what_was_begun(month.portal)
    assert month.states() == {"queued": 12}
    assert month.run().left == 0


@pytest.mark.usefixtures("by_twos")
def test_what_changes_after_the_approval_is_not_sent_and_is_named(any_month: Any) -> None:
    seen = [one for one in preview.preview(any_month.portal, any_month.connection_id, ON).drafts if one.reason is None]
    approved = {one.organization_id: one.fingerprint for one in seen}
    run_id = billing.begin(any_month.portal, any_month.connection_id, ON, approved=approved)
    billing.advance(any_month.portal, any_month.connection_id, run_id)
    last = seen[-1]
    with any_month.portal.database.write() as db:
        db.get_one(Organization, last.organization_id).po_number = "PO-2"
    billing.finish(any_month.portal, any_month.connection_id, run_id)
    view = any_month.run()
    assert view.changed == (last.organization,)
    assert last.organization not in drafted(view)
    assert len(view.drafts) == len(seen) - 1
    assert billing.unfinished(any_month.portal) == (), "it waits for a person, not for the worker"

    with pytest.raises(Conflict, match=last.organization):
        billing.begin(any_month.portal, any_month.connection_id, ON, approved={last.organization_id: last.fingerprint})
    again = preview.preview(any_month.portal, any_month.connection_id, ON).drafts
    approved = {one.organization_id: one.fingerprint for one in again if one.organization_id == last.organization_id}
    view = billing.bill(any_month.portal, any_month.connection_id, ON, approved=approved)
    assert view.changed == ()
    assert last.organization in drafted(view)


@pytest.mark.parametrize(
    "field", ["po_number", "class_list_id", "terms_list_id", "tax_code_list_id", "other1", "other2"]
)
def test_everything_that_leaves_with_an_invoice_is_a_part_of_what_is_approved(month: Any, field: str) -> None:
    def seen() -> dict[str, str]:
        return {
            one.organization: one.fingerprint
            for one in preview.preview(month.portal, month.connection_id, ON).drafts
            if one.reason is None
        }

    before = seen()
    chosen = next(iter(before))
    with month.portal.database.write() as db:
        row = db.scalars(sa.select(Organization).filter_by(name=chosen)).one()
        setattr(row, field, "80000001-1")
    after = seen()
    assert {name for name in before if before[name] != after[name]} == {chosen}


@pytest.mark.usefixtures("by_twos")
def test_two_who_make_one_run_share_its_batches(any_month: Any) -> None:
    run_id = begin(any_month)
    portals = [build_portal(any_month.portal.settings, now=any_month.clock) for _ in range(3)]
    errors: list[BaseException] = []

    def work(portal: Any) -> None:
        try:
            billing.finish(portal, any_month.connection_id, run_id)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(portal,)) for portal in portals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for portal in portals:
        portal.database.close()
    assert errors == []
    assert any_month.states() == {"queued": 12}
    assert count(any_month, PlannedDraft) == 0
