"""What was approved is what leaves: whatever is imported, mapped or typed between the click and the last batch."""

from __future__ import annotations

import copy
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal import worker
from portal.billing import lines
from portal.billing.options import Approval
from portal.errors import Conflict
from portal.models import Connection, ItemCost, Organization
from portal.services import billing, billing_settings, planning, preview, quickbooks, runs
from portal.services.billing import NothingToBill

CHARGES = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"
ON = date(2026, 11, 1)


def document() -> dict[str, Any]:
    return json.loads(CHARGES.read_text(encoding="utf-8"))


def client_of(row: dict[str, Any]) -> str:
    return next(tag["value"] for tag in row["tags"] if tag["name"] == "CustomerDisplayName")


def deliver(month: Any, told: dict[str, Any], name: str = "corrected.json") -> None:
    month.import_charges(json.dumps(told).encode(), name)


def previewed(month: Any) -> dict[str, preview.PreviewDraft]:
    return {one.organization: one for one in preview.preview(month.portal, month.connection_id, ON).drafts}


def begin(month: Any, *drafts: preview.PreviewDraft) -> int:
    approved = {one.organization_id: one.fingerprint for one in drafts}
    return billing.begin(month.portal, month.connection_id, ON, approved=approved)


def finish(month: Any, run_id: int) -> runs.RunView:
    billing.finish(month.portal, month.connection_id, run_id)
    return month.run()


def test_an_invoice_that_came_to_nothing_at_the_approval_does_not_leave_with_something(any_month: Any) -> None:
    first, *_, other = [one.organization for one in previewed(any_month).values() if one.reason is None]
    nothing = document()
    for row in nothing["charges"]:
        if client_of(row) == other:
            row |= {"quantity": 0, "subTotal": 0, "netPriceProrated": 0}
    deliver(any_month, nothing, "nothing.json")
    run_id = begin(any_month, previewed(any_month)[first])
    deliver(any_month, document())
    view = finish(any_month, run_id)
    assert [draft.organization for draft in view.drafts] == [first]
    assert view.changed == (other,)


def test_whether_a_line_replaces_the_partners_figure_is_a_part_of_the_approval(month: Any) -> None:
    chosen = previewed(month)["Groupe Océan Bleu inc."]
    run_id = begin(month, chosen)
    later = document()
    for row in later["charges"]:
        is_whole = row["chargeType"] == "Recurring" and row["billingCycleType"] == "Monthly" and row["quantity"] > 0
        if client_of(row) == chosen.organization and is_whole:
            row["netPriceProrated"] = round(row["netPriceProrated"] - 0.01, 2)
    deliver(month, later)
    assert finish(month, run_id).changed == (chosen.organization,)


@pytest.mark.parametrize("mode", ["create", "update"])
def test_what_is_typed_after_the_invoice_was_made_waits_for_the_next(month: Any, mode: str) -> None:
    chosen = next(one for one in previewed(month).values() if one.reason is None and one.mode == mode)
    finish(month, begin(month, chosen))
    with month.portal.database.write() as db:
        row = db.get_one(Organization, chosen.organization_id)
        row.po_number, row.tax_code_list_id = "PO-LATER", "80000001-99"
        row.class_list_id = row.terms_list_id = "80000001-99"
    assert month.visit().went_well
    sent = "".join(text for text in month.sent() if re.search(r"Invoice(Add|Mod)Rq", text))
    assert sent
    assert "PO-LATER" not in sent
    assert "80000001-99" not in sent


def test_a_draft_that_cannot_be_made_is_set_aside_and_the_others_go_on(
    month: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing, "BATCH", 4)
    chosen = [one for one in previewed(month).values() if one.reason is None]
    real = billing.keep_drafts

    def keep(db: Any, run: Any, made: Any, prepared: Any) -> Any:
        if any(one.organization_id == chosen[5].organization_id for one in made):
            raise RuntimeError("it cannot be made")
        return real(db, run, made, prepared)

    monkeypatch.setattr(billing, "keep_drafts", keep)
    view = finish(month, begin(month, *chosen))
    assert view.failed == (chosen[5].organization,)
    assert view.left == 0
    assert len(view.drafts) == len(chosen) - 1
    monkeypatch.undo()
    billing.bill(month.portal, month.connection_id, ON)
    assert month.run().failed == (), "billed since, so it is no longer told"
    assert len(month.run().drafts) == len(chosen)


def test_a_run_that_stops_does_not_stop_the_others(month: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = billing.begin(month.portal, month.connection_id, ON)
    later = document()
    extra = copy.deepcopy(later["charges"][0])
    extra |= {"chargeId": "00000000-0000-4000-8000-000000000001"}
    extra |= {"periodFrom": "2026-11-01", "periodTo": "2026-11-30"}
    later["charges"].append(extra)
    deliver(month, later)
    month.clock.at = month.clock.at.replace(month=12)
    second = billing.begin(month.portal, month.connection_id, date(2026, 12, 1))
    real = billing.advance

    def advance(portal: Any, connection_id: int, run_id: int, **given: Any) -> int:
        if run_id == first:
            raise sa.exc.OperationalError("SELECT", {}, Exception("the database does not answer"))
        return real(portal, connection_id, run_id, **given)

    monkeypatch.setattr(billing, "advance", advance)
    worker.finish_what_was_begun(month.portal)
    left = {one.id: one.left for one in runs.list_runs(month.portal, month.connection_id)}
    assert left[first] > 0
    assert left[second] == 0


def test_when_all_that_was_planned_is_gone_the_date_stays_open(month: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(
            sa.update(Connection).values(approval=Approval.AUTOMATIC, created_at=month.clock().replace(month=10))
        )
    due = worker._due(month.portal)
    run_id = billing.begin(month.portal, month.connection_id, ON)
    with month.portal.database.write() as db:
        db.execute(sa.update(Organization).values(is_synchronized=False))
    with pytest.raises(NothingToBill):
        billing.finish(month.portal, month.connection_id, run_id)
    assert runs.list_runs(month.portal, month.connection_id) == ()
    assert worker._due(month.portal) == due != []


def test_the_choices_of_billing_stay_while_a_run_is_made(month: Any) -> None:
    run_id = billing.begin(month.portal, month.connection_id, ON)
    change = {"description": "{offer}, {month}"}
    with pytest.raises(Conflict, match="being prepared"):
        billing_settings.change_settings(month.portal, month.connection_id, change, who="a@nordet.example")
    finish(month, run_id)
    billing_settings.change_settings(month.portal, month.connection_id, change, who="a@nordet.example")


def test_reading_sees_one_moment_while_an_import_ends(any_month: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The offers are read first, the charges later: a new offer's charge must not come without it."""
    later = document()
    extra = copy.deepcopy(later["charges"][0])
    later["charges"].append(extra | {"chargeId": "00000000-0000-4000-8000-000000000001", "sku": "NEW-SKU"})
    real = planning.load_received

    def load(*given: Any) -> Any:
        monkeypatch.setattr(planning, "load_received", real)
        deliver(any_month, later)
        return real(*given)

    monkeypatch.setattr(planning, "load_received", load)
    before = previewed(any_month)
    assert [one.lines for one in previewed(any_month).values()] != [] != [one.lines for one in before.values()]


# -- unit costs -------------------------------------------------------------------------------------------------------


def cost_of(month: Any, list_id: str) -> Decimal:
    with month.portal.database.read() as db:
        return db.scalars(sa.select(ItemCost.unit_cost).filter_by(item_list_id=list_id)).one()


def basic(month: Any) -> preview.CostRow:
    seen = preview.preview(month.portal, month.connection_id, ON).costs
    return next(one for one in seen if "M365" in one.item and "Basic" in one.item)


def test_the_cost_of_what_is_left_of_a_month_is_that_of_the_month(any_month: Any) -> None:
    told = document()
    usual = next(row for row in told["charges"] if row["chargeType"] == "Recurring" and row["sku"] == "M365-BB")
    names = [client_of(row) for row in told["charges"]]
    other = next(name for name in names if name != client_of(usual) and "Atelier" not in name)
    dear = copy.deepcopy(usual)
    dear |= {"chargeId": "00000000-0000-4000-8000-000000000001", "quantity": 1}
    dear |= {"netPrice": 99.0, "netPriceProrated": 99.0, "subTotal": 99.0}
    dear["tags"] = [{"name": "CustomerDisplayName", "value": other}]
    told["charges"].append(dear)
    deliver(any_month, told)
    item = basic(any_month)
    seen = [one for one in previewed(any_month).values() if one.reason is None]
    finish(any_month, begin(any_month, *(one for one in seen if one.organization != other)))
    assert cost_of(any_month, item.item_list_id) == item.unit_cost
    finish(any_month, begin(any_month, previewed(any_month)[other]))
    assert cost_of(any_month, item.item_list_id) == item.unit_cost


def test_the_last_cost_asked_for_is_the_one_that_stays(month: Any) -> None:
    """Also where it was asked for before, and another one in between."""
    item = basic(month)
    with month.portal.database.write() as db:
        row = ItemCost(connection_id=month.connection_id, item_list_id=item.item_list_id)
        db.add(row)
        for cost in ("5.00", "6.00", "5.00"):
            row.unit_cost, row.state, row.changed_at = Decimal(cost), "queued", month.clock()
            db.flush()
            quickbooks.dispatch_cost(db, month.portal.registry, row, month.clock())
    assert month.visit().went_well
    assert f'"{item.item_list_id}"' in json.dumps(month.company())
    found = [
        one for one in walk(month.company()) if one.get("ListID") == item.item_list_id and "SalesAndPurchase" in one
    ]
    assert [Decimal(one["SalesAndPurchase"]["PurchaseCost"]) for one in found] == [Decimal(5)]


def walk(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(one for inner in value.values() for one in walk(inner))]
    return [one for inner in value for one in walk(inner)] if isinstance(value, list) else []


def test_every_fact_of_a_line_is_in_the_fingerprint_or_shown_not_to_leave() -> None:
    """Whoever adds a field to a line decides here whether people approve it."""
    approved = {"item", "description", "quantity", "rate", "amount", "service_date", "other1", "other2", "states_all"}
    follows = {"offer_id", "kind", "section", "end", "arithmetic", "parts"}
    assert set(lines.Line.__dataclass_fields__) == approved | follows
