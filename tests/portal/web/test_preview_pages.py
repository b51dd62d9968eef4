"""The preview: paged, filtered, searched; approved as a whole from any page, or as ticked; and as a file."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from portal.billing.charge import ChargeKind
from portal.billing.export_rule import ExportRule
from portal.models import Organization
from portal.services import export_rules, preview_pages

PREVIEW, BILL = "/connections/1/preview", "/connections/1/bill"


@pytest.fixture(autouse=True)
def _few_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_pages, "SIZE", 5)


def approvals(text: str) -> list[str]:
    return re.findall(r'name="approved" value="([^"]+)" checked', text)


def whole(text: str) -> str:
    found = re.search(r'name="whole" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def test_a_page_shows_five_and_the_whole_is_the_same_on_each(admin: Any) -> None:
    first, last = admin.get(PREVIEW).text, admin.get(f"{PREVIEW}?page=3").text
    assert (len(approvals(first)), len(approvals(last))) == (5, 2)
    assert whole(first) == whole(last)
    assert "12 invoices to send" in last
    assert "Approve all 12 invoices" in last
    assert "Only the ticks of this page count." in last


def test_approving_all_bills_what_is_on_other_pages_too(admin: Any, month: Any) -> None:
    text = admin.get(PREVIEW).text
    # What is ticked on the page travels along, and does not matter.
    form = {"on": "2026-11-01", "how": "all", "whole": whole(text), "approved": approvals(text)[:1]}
    assert admin.post(BILL, form).status_code == 303
    assert month.states() == {"queued": 12}
    again = admin.post(BILL, form)
    assert (again.status_code, again.location) == (303, "/connections/1/runs/1")
    assert "billed already" in admin.get(again.location).text
    assert len(month.run().drafts) == 12


@pytest.mark.parametrize("change", ["a mapping", "an amount"])
def test_what_changed_since_is_not_billed_wherever_it_is(admin: Any, month: Any, change: str) -> None:
    text = admin.get(PREVIEW).text
    if change == "a mapping":
        month.map("organization,Théâtre de l'Île,,Theatre de l'Ile (OBNL),yes,create")
    else:
        with month.portal.database.write() as db:
            db.query(Organization).filter_by(name="Théâtre de l'Île").update({"po_number": "PO-9"})
    refused = admin.post(BILL, {"on": "2026-11-01", "how": "all", "whole": whole(text)})
    assert (refused.status_code, refused.location) == (303, "/connections/1/preview?on=2026-11-01")
    assert "Something changed since the preview, so nothing was sent" in admin.get(refused.location).text
    assert admin.post(BILL, {"on": "2026-11-01", "how": "all"}).location == refused.location
    assert month.states() == {}
    assert admin.post(BILL, {"on": "2026-11-01", "how": "ticked"}).status_code == 400


def test_the_ticked_ones_of_a_page_are_billed_alone(admin: Any, month: Any) -> None:
    text = admin.get(f"{PREVIEW}?page=2").text
    form = {"on": "2026-11-01", "how": "ticked", "whole": whole(text), "approved": approvals(text)[1:3]}
    assert admin.post(BILL, form).status_code == 303
    assert month.states() == {"queued": 2}


def test_it_is_searched_and_filtered(admin: Any, month: Any) -> None:
    assert len(approvals(admin.get(f"{PREVIEW}?q=ILE theatre").text)) == 1, "without accents, in any order"
    assert "No invoice matches" in admin.get(f"{PREVIEW}?q=zzz").text
    credited = admin.get(f"{PREVIEW}?show=credits").text
    assert 0 < len(approvals(credited)) < 12
    assert "12 invoices to send" in credited, "what is approved as a whole does not depend on the filter"
    assert whole(credited) == whole(admin.get(PREVIEW).text)
    assert "No invoice matches" in admin.get(f"{PREVIEW}?show=held").text
    assert len(approvals(admin.get(f"{PREVIEW}?show=nothing").text)) == 5


def test_what_is_not_billed_is_counted_by_reason_and_has_pages(admin: Any, month: Any) -> None:
    month.map("offer,Microsoft 365 Business Basic,M365-BB,,yes,\noffer,Email Security,SEC-MAIL,,yes,")
    text = admin.get(PREVIEW).text
    assert "The offer has no QuickBooks item." in text
    assert "The organization is not synchronized." in text
    only = admin.get(f"{PREVIEW}?why=organization-off").text
    table = only.split('id="left-out"')[1].split("<table")[1]
    assert "The organization is not synchronized." in table
    assert "The offer has no QuickBooks item." not in table
    assert admin.get(f"{PREVIEW}?skipped=2").status_code == 200
    assert admin.get(f"{PREVIEW}?skipped=x&page=-3&why=%00").status_code == 200


def test_the_file_has_what_is_billed_and_what_is_not(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.query(Organization).filter_by(name="Studio Lumière").update({"name": "=Studio"})
    answer = admin.get(f"{PREVIEW}.csv?on=2026-11-01")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["organization"] for row in rows if row["quantity"]} >= {"'=Studio"}
    left_out = [row for row in rows if not row["quantity"]]
    assert left_out
    assert all(row["not_billed_because"] and row["charges"] for row in left_out)
    assert admin.get(f"{PREVIEW}.csv?on=soon").status_code == 400


def test_what_the_export_rule_keeps_back_is_named_with_nothing_to_fix(admin: Any, month: Any) -> None:
    rule = ExportRule(kinds=frozenset(ChargeKind) - {ChargeKind.RECURRING})
    export_rules.save(month.portal, month.connection_id, rule, version=0, who="marie")
    seen = admin.get(f"{PREVIEW}?why=excluded")
    assert seen.status_code == 200
    assert "The export rule keeps these charges back." in seen.text
    left_out = seen.text.split('id="left-out"')[1].split("</tbody>")[0]
    assert "Fix the" not in left_out
