"""Status: what stands in the way and what is to be mended, computed from facts, so that it goes when its cause goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from portal.services import Portal, catalog, connections, mappings, status
from qbwc.models import ListObject

FILE = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"


def blockers(month: Any) -> list[str]:
    return [str(one) for one in month.status().blockers]


def test_from_nothing_to_ready_one_step_after_the_other(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    seen = status.status(any_portal, made.id)
    assert (seen.is_ready, seen.can_bill, seen.last_visit) == (False, False, None)
    assert "never connected" in str(seen.blockers[0])
    with any_portal.database.write() as db:
        db.execute(sa.text("UPDATE qbwc_connection SET last_contact_at = '2026-11-01 12:00:00'"))
    said = [str(one) for one in status.status(any_portal, made.id).blockers]
    assert any("have not arrived yet" in one for one in said)
    assert any("No charges have been imported" in one for one in said)
    catalog.import_charges(any_portal, made.id, FILE.read_bytes(), name="x", provider="sherweb")
    said = [str(one) for one in status.status(any_portal, made.id).blockers]
    assert not any("No charges" in one for one in said)
    assert any("Offers without a QuickBooks item: 16" in one for one in said)
    assert any("Organizations without a QuickBooks customer: 13" in one for one in said)


def test_when_everything_is_mapped_it_is_ready(month: Any) -> None:
    seen = month.status()
    assert seen.is_ready
    assert seen.problems == ()
    assert (seen.offers.mapped, seen.offers.unmapped, seen.offers.off) == (16, 0, 0)
    assert (seen.organizations.mapped, seen.organizations.unmapped, seen.organizations.off) == (12, 0, 1)
    assert {one.kind: one.count for one in seen.lists}["customer"] == 41
    assert all(one.refreshed_at for one in seen.lists)
    assert seen.last_visit is not None
    assert (seen.last_visit.result, seen.last_visit.failed) == ("done", 0)
    assert seen.waiting_requests == 0


def test_a_mapping_problem_comes_and_goes_with_its_cause(month: Any) -> None:
    azure = mappings.list_offers(month.portal, 1, search="azure").rows[0]
    item = sa.update(ListObject).where(ListObject.list_id == azure.item_list_id)

    def change(**values: Any) -> None:
        with month.portal.database.write() as db:
            db.execute(item.values(**values))

    for values, undo, words in (
        ({"is_active": False}, {"is_active": True}, "inactive"),
        ({"type": "ItemSubtotal"}, {"type": "ItemService"}, "cannot be billed by quantity"),
        ({"kind": "gone"}, {"kind": "item"}, "no longer in QuickBooks"),
    ):
        change(**values)
        (problem,) = month.status().problems
        assert words in str(problem.what)
        assert (problem.link, problem.link_id) == ("offer", azure.id)
        assert not month.status().is_ready
        change(**undo)
        assert month.status().problems == ()
        assert month.status().is_ready
    mappings.map_offer(month.portal, 1, azure.id, item_list_id=None, is_synchronized=True)
    assert len(month.status().problems) == 1
    mappings.map_offer(month.portal, 1, azure.id, item_list_id=None, is_synchronized=False)
    assert month.status().problems == ()


def test_a_failed_visit_is_told_until_one_goes_well(month: Any) -> None:
    for fault, code, words in (
        ("no-company", "visit-failed", "0x80040408"),
        ("copied-file", "company-away", "moved, copied or renamed"),
        ("other-company", "company-away", "another company file is open"),
    ):
        assert not month.visit(fault).went_well
        (problem,) = month.status().problems
        assert problem.code == code
        assert words in str(problem.what)
        assert (problem.link, problem.link_id) == ("connection", 1)
    assert month.visit().went_well
    assert month.status().problems == ()


def test_a_company_file_in_doubt_blocks_until_it_is_right_again(month: Any) -> None:
    def rename(name: str) -> None:
        month.edit(lambda company: company.file.update(CompanyName=name))

    rename("Nordet Infogérance (2027)")
    assert not month.visit().went_well
    (problem,) = month.status().problems
    assert problem.code == "company-renamed"
    assert "Nordet Infogérance (2027)" in str(problem.what)
    assert (problem.link, problem.link_id) == ("connection", 1)
    assert not month.status().can_bill
    rename("Nordet Infogérance inc.")
    assert month.visit().went_well
    assert month.status().problems == ()
    assert month.status().is_ready


def test_a_company_that_was_renamed_is_confirmed_and_written_to_again(month: Any) -> None:
    month.bill()
    month.visit("renamed-company")
    assert month.status().invoices == {"queued": 12}
    connections.confirm_company(month.portal, 1)
    assert month.visit().went_well
    assert month.status().invoices == {"reconciled": 12}


def test_invoices_are_counted_by_where_they_stand(month: Any) -> None:
    assert month.status().invoices == {}
    month.bill()
    assert month.status().invoices == {"queued": 12}
    assert month.status().waiting_requests > 12
    month.visit()
    assert month.status().invoices == {"reconciled": 12}
    assert month.status().waiting_requests == 0


def test_the_last_visits_are_listed_newest_first(month: Any) -> None:
    month.bill()
    month.visit("no-company")
    month.visit()
    seen = status.visits(month.portal, 1)
    assert [one.done > 0 for one in seen] == [True, False, True]
    assert seen[1].last_error
    assert len(status.visits(month.portal, 1, limit=1)) == 1
