"""Insight: only what is certain counts, nothing is added across currencies, and every figure is the ledger's."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.charge import Charge as Value
from portal.errors import NotFound, Refused
from portal.models import BilledCharge, Charge, Connection, Draft, DraftState, InvoiceMode, Offer, Organization
from portal.providers import Delivery, sherweb
from portal.services import Portal, catalog, insight, mappings
from portal.services.insight import Move

FILE = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"
OFF = "Atelier Ébène"
BAKERY = "Boulangerie Aux Trois Blés"
OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
Made = Callable[..., Any]


@pytest.fixture
def charges() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def bring(month: Any, charges: dict[str, Any], name: str = "corrected.json") -> catalog.ImportResult:
    return month.import_charges(json.dumps(charges).encode(), name)


def bill_and_reconcile(month: Any) -> Any:
    """The month, billed and reconciled."""
    month.bill()
    assert month.visit().went_well
    return month


def margin(month: Any, *between: date) -> insight.MarginReport:
    return insight.margin(month.portal, month.connection_id, *between)


def orphans(month: Any) -> insight.OrphanReport:
    return insight.orphans(month.portal, month.connection_id)


def change(month: Any, table: Any, where: Any, **values: Any) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.update(table).where(where).values(**values).execution_options(synchronize_session=False))


def named(name: str) -> Any:
    return Charge.organization_id.in_(sa.select(Organization.id).where(Organization.name == name))


def amounts(month: Any, *where: Any) -> Decimal:
    """The sum of what the provider asks for, added up from objects."""
    with month.portal.database.read() as db:
        return sum((row.amount for row in db.scalars(sa.select(Charge).where(*where))), Decimal(0))


# -- margin ----------------------------------------------------------------------------------------------------------


def test_the_margin_is_what_quickbooks_invoiced_less_what_the_provider_asks_for(any_month: Any) -> None:
    report = margin(bill_and_reconcile(any_month))
    assert (report.first, report.last, report.latest, report.runs) == (NOVEMBER, NOVEMBER, NOVEMBER, 1)
    assert report.year_first == date(2025, 11, 2)
    (group,) = report.groups
    assert group.currency == "CAD"
    invoiced = {draft.organization: draft.billed for draft in any_month.run().drafts}
    assert {row.organization: row.sales for row in group.organizations} == invoiced
    for row in group.organizations:
        assert row.cost == amounts(any_month, named(row.organization), Charge.is_billed)
        assert row.margin == row.sales - row.cost
    assert (group.total.lines, group.total.unverified) == (sum(one.lines for one in any_month.run().drafts), 0)
    assert group.total.sales == sum(invoiced.values())
    assert group.total.cost + orphans(any_month).groups[0].amount == catalog.list_imports(any_month.portal, 1)[0].total
    assert group.total.percent == Decimal("24.18")


def test_offers_organizations_and_pairs_add_up_to_the_same_smallest_first(billed: Any) -> None:
    (group,) = margin(billed).groups
    for rows in (group.organizations, group.offers, group.pairs):
        assert sum(row.sales for row in rows) == group.total.sales
        assert sum(row.cost for row in rows) == group.total.cost
        earned = [row.sales - row.cost for row in rows]
        assert earned == sorted(earned)
    assert {(row.organization, row.offer_key) for row in group.organizations} == {
        (draft.organization, "") for draft in billed.run().drafts
    }
    assert all(row.organization and row.offer and row.offer_key for row in group.pairs)


def test_what_quickbooks_has_not_confirmed_is_counted_apart(any_month: Any) -> None:
    any_month.bill()
    (group,) = margin(any_month).groups
    total = group.total
    assert (total.lines, total.sales, total.cost, total.margin, total.percent) == (0, 0, 0, None, None)
    assert total.unverified == sum(draft.lines for draft in any_month.run().drafts)
    assert total.unverified_cost == amounts(any_month, Charge.is_billed)


def draft_of(name: str) -> Any:
    return Draft.organization_id.in_(sa.select(Organization.id).where(Organization.name == name))


@pytest.mark.parametrize(
    "state", [DraftState.WRITTEN, DraftState.DIFFERENT, DraftState.PARKED, DraftState.QUEUED, DraftState.DONE]
)
def test_one_invoice_in_doubt_leaves_the_others_alone(billed: Any, state: DraftState) -> None:
    before = {row.organization: row for row in margin(billed).groups[0].organizations}
    change(billed, Draft, draft_of(BAKERY), state=state, code=None)
    (group,) = margin(billed).groups
    *others, last = group.organizations
    assert (last.organization, last.lines, last.unverified) == (BAKERY, 0, before[BAKERY].lines)
    assert (last.margin, last.percent, last.unverified_cost) == (None, None, before[BAKERY].cost)
    assert others == [row for row in before.values() if row.organization != BAKERY]


def test_what_is_not_to_be_billed_was_sold_for_nothing(billed: Any) -> None:
    change(billed, Draft, draft_of(BAKERY), state=DraftState.IGNORED)
    (group,) = margin(billed).groups
    first = group.organizations[0]
    assert (first.organization, first.sales, first.percent, first.unverified) == (BAKERY, 0, None, 0)
    assert first.margin == -amounts(billed, named(BAKERY))


def test_currencies_are_never_added_together(billed: Any) -> None:
    change(billed, Charge, named(BAKERY), currency="USD")
    cad, usd = margin(billed).groups
    assert (cad.currency, usd.currency) == ("CAD", "USD")
    assert [row.organization for row in usd.organizations] == [BAKERY]
    assert BAKERY not in {row.organization for row in cad.organizations}
    assert usd.total.cost == amounts(billed, named(BAKERY))


def test_a_line_of_two_currencies_is_counted_and_not_split(month: Any) -> None:
    change(month, Connection, Connection.id == 1, grouping="offer")
    bill_and_reconcile(month)
    with month.portal.database.read() as db:
        shared = sa.select(BilledCharge.line_id).group_by(BilledCharge.line_id).having(sa.func.count() > 1)
        line_id = db.scalars(shared).first()
        charge_id = db.scalar(sa.select(sa.func.min(BilledCharge.charge_id)).filter_by(line_id=line_id))
        all_lines = db.scalar(sa.select(sa.func.count(BilledCharge.line_id.distinct())))
    change(month, Charge, Charge.id == charge_id, currency="USD")
    report = margin(month)
    assert report.mixed == 1
    assert [(group.currency, group.total.lines) for group in report.groups] == [("CAD", all_lines - 1)]


def test_a_correction_counts_with_what_it_gives_back(any_month: Any, charges: dict[str, Any]) -> None:
    bill_and_reconcile(any_month)
    charges["charges"][0].update(quantity=6, subTotal=46.14)
    assert bring(any_month, charges).corrected == 1
    any_month.clock.at = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    any_month.bill(DECEMBER)
    assert any_month.visit().went_well
    (later,) = margin(any_month).groups
    assert [(row.organization, row.cost) for row in later.pairs] == [(BAKERY, Decimal("15.38"))]
    both = margin(any_month, NOVEMBER, DECEMBER)
    assert both.runs == 2
    assert both.groups[0].total.cost == amounts(any_month, ~named(OFF))
    assert both.groups[0].total.sales == margin(any_month, OCTOBER, NOVEMBER).groups[0].total.sales + later.total.sales


def test_a_range_without_a_run_is_empty_and_one_that_ends_before_it_begins_is_refused(billed: Any) -> None:
    assert (margin(billed, DECEMBER).runs, margin(billed, DECEMBER).groups) == (0, ())
    assert margin(billed, OCTOBER).runs == 1
    with pytest.raises(Refused, match="before it begins on 2026-12-01"):
        margin(billed, DECEMBER, NOVEMBER)


def test_a_new_connection_has_nothing_to_show(any_portal: Portal, make_one: Made) -> None:
    made = make_one()
    report = insight.margin(any_portal, made.id)
    assert (report.first, report.latest, report.year_first, report.groups) == (None, None, None, ())
    assert insight.orphans(any_portal, made.id).invoice_date is None
    assert insight.changes(any_portal, made.id).chosen is None
    assert insight.seats(any_portal, made.id) == ()


def test_a_connection_that_does_not_exist_is_said_so(any_portal: Portal) -> None:
    for ask in (insight.margin, insight.orphans, insight.changes, insight.seats):
        with pytest.raises(NotFound):
            ask(any_portal, 7)


# -- orphans ---------------------------------------------------------------------------------------------------------


def test_what_no_run_has_reached_yet_is_no_orphan(any_month: Any) -> None:
    report = orphans(any_month)
    assert (report.invoice_date, report.groups, report.left_out) == (None, (), ())


def test_an_orphan_says_why_and_leads_to_the_row_to_fix(any_month: Any) -> None:
    row = mappings.list_offers(any_month.portal, 1, search="SEC-EDR").rows[0]
    mappings.map_offer(any_month.portal, 1, row.id, item_list_id=None, is_synchronized=True)
    bill_and_reconcile(any_month)
    report = orphans(any_month)
    assert (report.invoice_date, report.period_last) == (NOVEMBER, date(2026, 10, 31))
    (group,) = report.groups
    assert group.amount == sum(one.amount for one in group.rows) == amounts(any_month, ~Charge.is_billed)
    assert (group.count, group.ready) == (sum(one.count for one in group.rows), 0)
    assert [one.amount for one in group.rows] == sorted((one.amount for one in group.rows), reverse=True)
    by_code = {(one.code, one.link) for one in group.rows}
    assert by_code == {("organization-off", "organization"), ("offer-unmapped", "offer")}
    unmapped = [one for one in group.rows if one.code == "offer-unmapped"]
    assert {(one.offer_key, one.link_id) for one in unmapped} == {("SEC-EDR", row.id)}
    assert str(unmapped[0].reason) == "The offer has no QuickBooks item. Choose one."
    mine = [one for one in group.rows if one.organization == OFF]
    assert sum(one.amount for one in mine) == amounts(any_month, named(OFF))
    assert (min(one.first for one in mine), max(one.last for one in mine)) == (OCTOBER, date(2027, 10, 26))


def test_a_charge_that_came_after_the_run_only_waits(billed: Any, charges: dict[str, Any]) -> None:
    late = copy.deepcopy(charges["charges"][0])
    late.update(sku="M365-BS", subTotal=12.5)
    charges["charges"].append(late)
    bring(billed, charges)
    (group,) = orphans(billed).groups
    (ready,) = [row for row in group.rows if not row.code]
    assert (ready.organization, ready.offer_key, ready.amount, ready.link) == (BAKERY, "M365-BS", 12.5, "preview")
    assert group.ready == Decimal("12.5")
    billed.bill()
    assert all(row.code for row in orphans(billed).groups[0].rows)


def test_what_lies_beyond_the_last_run_is_no_orphan(billed: Any, charges: dict[str, Any]) -> None:
    before = orphans(billed)
    bring(billed, next_month(charges), "november.json")
    assert orphans(billed) == before


def next_month(charges: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(charges).replace("2026-10-31", "2026-11-30").replace("2026-10-", "2026-11-")
    return json.loads(text)


def test_what_was_billed_and_is_no_longer_provided_is_no_orphan(billed: Any, charges: dict[str, Any]) -> None:
    before = orphans(billed)
    gone = charges["charges"].pop(0)
    assert bring(billed, charges).corrected == 1
    assert orphans(billed) == before
    charges["charges"].insert(0, {**gone, "quantity": 3, "subTotal": 23.07})
    bring(billed, charges, "less.json")
    assert orphans(billed) == before, "less than was billed is given back, not lost"


def test_what_was_added_to_a_billed_charge_is_one(billed: Any, charges: dict[str, Any]) -> None:
    charges["charges"][0].update(quantity=6, subTotal=46.14)
    bring(billed, charges)
    (ready,) = [row for row in orphans(billed).groups[0].rows if not row.code]
    assert (ready.count, ready.amount) == (1, Decimal("15.38"))


def test_what_moved_to_another_organization_was_never_billed_there(billed: Any) -> None:
    read = sherweb.read(FILE.read_bytes(), FILE.name)
    moved = replace(read.charges[0], organization=OFF)
    delivered = replace(read, charges=(moved, *read.charges[1:]))
    assert catalog.keep(billed.portal, 1, delivered, b"moved", name="moved.json").corrected == 1
    rows = [row for row in orphans(billed).groups[0].rows if row.offer_key == "M365-BB"]
    assert [(row.organization, row.amount) for row in rows] == [(OFF, moved.amount)]


def test_charges_before_the_start_and_credits_are_counted_apart(billed: Any) -> None:
    whole = orphans(billed).groups[0]
    change(billed, Charge, sa.and_(named(OFF), Charge.kind == ChargeKind.USAGE), amount=Decimal("-20.00"))
    report = orphans(billed)
    (credit,) = report.left_out
    assert (credit.currency, credit.count, credit.amount) == ("CAD", 1, Decimal("-20.00"))
    assert report.groups[0].count == whole.count - 1
    change(billed, Connection, Connection.id == 1, start_date=date(2026, 10, 15))
    report = orphans(billed)
    old = next(one for one in report.left_out if "start date" in str(one.why))
    assert old.count + report.groups[0].count == whole.count
    assert all(row.first >= date(2026, 10, 15) for row in report.groups[0].rows)


def test_orphans_of_two_currencies_stand_apart(billed: Any) -> None:
    usage = sa.and_(named(OFF), Charge.kind == ChargeKind.USAGE)
    change(billed, Charge, usage, currency="USD")
    cad, usd = orphans(billed).groups
    assert (cad.currency, usd.currency, usd.count) == ("CAD", "USD", 1)
    assert usd.amount == amounts(billed, usage)


def test_an_invoice_that_is_held_back_leads_to_the_preview(billed: Any) -> None:
    with billed.portal.database.write() as db:
        row = db.scalars(sa.select(Charge).where(named(OFF), Charge.kind == ChargeKind.RECURRING)).first()
        row.kind, row.quantity = ChargeKind.CREDIT, -abs(row.quantity)
        others = sa.and_(named(OFF), Charge.id != row.id)
        db.execute(sa.update(Charge).where(others).values(start=DECEMBER, end=date(2027, 1, 1)))
    customer = mappings.customer_choices(billed.portal, 1, "Coop des Cantons")[0].list_id
    organization = mappings.list_organizations(billed.portal, 1, search=OFF).rows[0]
    mappings.map_organization(
        billed.portal,
        1,
        organization.id,
        customer_list_id=customer,
        mode=InvoiceMode.CREATE,
        is_synchronized=True,
    )
    (held,) = orphans(billed).groups[0].rows
    assert (held.code, held.link) == ("negative-total", "preview")


# -- drift between two imports -----------------------------------------------------------------------------------------


def changes(month: Any, import_id: int | None = None) -> insight.ImportDrift:
    return insight.changes(month.portal, month.connection_id, import_id)


def test_an_imports_changes_are_gathered_by_organization_and_offer(any_month: Any, charges: dict[str, Any]) -> None:
    bill_and_reconcile(any_month)
    assert changes(any_month).chosen is None
    charges["charges"][0].update(quantity=6, subTotal=46.14)
    gone = charges["charges"].pop(20)
    result = bring(any_month, charges)
    report = changes(any_month)
    assert report.chosen is not None
    assert (report.chosen.id, report.chosen.file_name, report.choices) == (
        result.id,
        "corrected.json",
        (report.chosen,),
    )
    (group,) = report.groups
    back, grown = group.rows
    lost = Decimal(str(gone["subTotal"]))
    assert (back.withdrawn, back.changed, back.billed) == (1, 0, 1)
    assert (back.quantity_before, back.quantity_after) == (gone["quantity"], 0)
    assert (back.amount_before, back.amount_after) == (lost, 0)
    assert (grown.organization, grown.offer_key, grown.changed, grown.withdrawn, grown.billed) == (
        BAKERY,
        "M365-BB",
        1,
        0,
        1,
    )
    assert (grown.quantity_before, grown.quantity_after) == (4, 6)
    assert (grown.amount_before, grown.amount_after) == (Decimal("30.76"), Decimal("46.14"))
    assert (group.currency, group.amount_before, group.amount_after) == (
        "CAD",
        Decimal("30.76") + lost,
        Decimal("46.14"),
    )


def test_the_newest_import_with_changes_is_shown_unless_another_is_chosen(
    any_month: Any, charges: dict[str, Any]
) -> None:
    charges["charges"][0]["quantity"] = 5
    second = bring(any_month, charges, "second.json")
    charges["charges"][0]["quantity"] = 7
    third = bring(any_month, charges, "third.json")
    bring(any_month, next_month(charges), "november.json")
    report = changes(any_month)
    assert [one.id for one in report.choices] == [third.id, second.id]
    assert report.groups[0].rows[0].quantity_before == 5
    assert changes(any_month, second.id).groups[0].rows[0].quantity_after == 5
    first = changes(any_month, 1)
    assert first.chosen is not None
    assert (first.chosen.file_name, first.groups) == (FILE.name, ())
    for unknown in (99, -1, 10**12):
        with pytest.raises(NotFound):
            changes(any_month, unknown)


def test_what_was_withdrawn_before_it_was_billed_keeps_its_currency(any_month: Any, charges: dict[str, Any]) -> None:
    charges["charges"].pop(0)
    bring(any_month, charges)
    (group,) = changes(any_month).groups
    assert (group.currency, group.amount_after, group.rows[0].billed) == ("CAD", 0, 0)
    change(any_month, Charge, Charge.id == 3, currency="USD")
    change(any_month, Charge, named(BAKERY), currency="USD")
    assert [one.currency for one in changes(any_month).groups] == ["USD"], "as the organization's other charges"


def test_without_a_currency_no_amount_is_shown(any_month: Any, charges: dict[str, Any]) -> None:
    charges["charges"].pop(0)
    bring(any_month, charges)
    with any_month.portal.database.read() as db:
        one = db.scalars(sa.select(Charge.id).where(named(BAKERY))).first()
    change(any_month, Charge, Charge.id == one, currency="USD")
    (group,) = changes(any_month).groups
    assert (group.currency, group.amount_before, group.rows[0].amount_before) == ("", None, None)
    assert group.rows[0].quantity_before == 4


# -- drift between two periods -----------------------------------------------------------------------------------------


def seat(
    organization: str, seats: str, start: date = OCTOBER, end: date = NOVEMBER, **other: Any
) -> Callable[[str], Value]:
    """A recurring charge; its key is its place in the delivery, unless one is given."""
    given = {"cycle": BillingCycle.MONTHLY, "kind": ChargeKind.RECURRING, "offer_key": "X", **other}
    facts = {"offer_name": given["offer_key"], "unit_cost": Decimal(1), "unit_cost_prorated": Decimal(1)}
    facts |= {"quantity": Decimal(seats), "amount": Decimal(seats), "currency": "CAD", "is_proratable": True}
    return lambda key: Value(key=key, organization=organization, start=start, end=end, **{**facts, **given})


def deliver(
    portal: Portal,
    connection_id: int,
    start: date,
    end: date,
    *made: Callable[[str], Value],
    scope: str = "",
    provider: str = "sherweb",
    name: str = "",
) -> catalog.ImportResult:
    values = tuple(one(f"{provider}:{scope}:{start}:{place}") for place, one in enumerate(made))
    delivered = Delivery(
        provider=provider,
        period_start=start,
        period_end=end,
        charges=values,
        raw=tuple("{}" for _ in values),
        total=sum((value.amount for value in values), Decimal(0)),
        scope=scope,
    )
    name = name or f"{provider}-{scope}-{start}"
    digest = f"{name}{[(value.organization, value.quantity) for value in values]}"
    return catalog.keep(portal, connection_id, delivered, digest.encode(), name=name)


def of_november(organization: str, seats: str, **other: Any) -> Callable[[str], Value]:
    return seat(organization, seats, NOVEMBER, DECEMBER, **other)


def moves(drift: insight.SeatDrift) -> dict[tuple[str, str], tuple[Move, Decimal, Decimal]]:
    return {(row.organization, row.offer_key): (row.move, row.before, row.after) for row in drift.rows}


def test_seats_are_new_gone_more_or_fewer(any_portal: Portal, make_one: Made) -> None:
    made = make_one().id
    deliver(any_portal, made, OCTOBER, NOVEMBER, *(seat(name, "5") for name in ("Gone", "More", "Fewer", "Same")))
    (alone,) = insight.seats(any_portal, made)
    assert (alone.before, alone.rows, alone.last_before) == (None, (), date(2026, 9, 30))
    later = [of_november("New", "2"), of_november("More", "6"), of_november("Fewer", "4")]
    later += [of_november("Same", "2"), of_november("Same", "3")]
    later += [of_november("Fewer", "9", kind=kind) for kind in (ChargeKind.PRORATED, ChargeKind.USAGE)]
    deliver(any_portal, made, NOVEMBER, DECEMBER, *later)
    (drift,) = insight.seats(any_portal, made)
    assert drift.before is not None
    assert (drift.before.start, drift.period.start, drift.unchanged) == (OCTOBER, NOVEMBER, 1)
    assert (drift.files, drift.files_before) == (("sherweb--2026-11-01",), ("sherweb--2026-10-01",))
    assert moves(drift) == {
        ("Fewer", "X"): (Move.FEWER, 5, 4),
        ("Gone", "X"): (Move.GONE, 5, 0),
        ("More", "X"): (Move.MORE, 5, 6),
        ("New", "X"): (Move.NEW, 0, 2),
    }
    assert [row.organization for row in drift.rows] == ["Fewer", "Gone", "More", "New"]


def test_a_period_that_is_missing_is_not_bridged(any_portal: Portal, make_one: Made) -> None:
    made = make_one().id
    deliver(any_portal, made, OCTOBER, NOVEMBER, seat("A", "5"))
    deliver(any_portal, made, DECEMBER, date(2027, 1, 1), seat("A", "6", DECEMBER, date(2027, 1, 1)))
    (drift,) = insight.seats(any_portal, made)
    assert (drift.before, drift.rows, drift.last_before) == (None, (), date(2026, 11, 30))


def test_a_file_that_is_not_imported_yet_does_not_look_cancelled(any_portal: Portal, make_one: Made) -> None:
    made = make_one().id
    for scope in ("phones", "backup"):
        deliver(any_portal, made, OCTOBER, NOVEMBER, seat("A", "5", offer_key=scope), scope=scope)
    deliver(any_portal, made, NOVEMBER, DECEMBER, of_november("A", "7", offer_key="phones"), scope="phones")
    deliver(any_portal, made, NOVEMBER, DECEMBER, scope="backup", name="empty")
    (drift,) = insight.seats(any_portal, made)
    assert (drift.left_out, moves(drift)) == (("backup",), {("A", "phones"): (Move.MORE, 5, 7)})


def test_invoice_numbers_that_never_come_again_are_compared_whole(any_portal: Portal, make_one: Made) -> None:
    made = make_one().id
    deliver(any_portal, made, OCTOBER, NOVEMBER, seat("A", "5"), scope="G1", provider="microsoft")
    deliver(any_portal, made, NOVEMBER, DECEMBER, of_november("A", "6"), scope="G2", provider="microsoft")
    deliver(any_portal, made, NOVEMBER, DECEMBER, of_november("A", "1"), scope="G3", provider="microsoft")
    deliver(any_portal, made, NOVEMBER, DECEMBER, of_november("A", "1"))
    microsoft, sherweb = insight.seats(any_portal, made)
    assert (microsoft.provider, moves(microsoft)) == ("microsoft", {("A", "X"): (Move.MORE, 5, 7)})
    assert (sherweb.provider, sherweb.before) == ("sherweb", None)


def test_a_year_that_is_paid_at_once_counts_in_each_of_its_months(any_portal: Portal, make_one: Made) -> None:
    made = make_one().id
    year = {"cycle": BillingCycle.YEARLY, "offer_key": "domain"}
    ends = seat("Ends", "2", date(2025, 11, 20), date(2026, 11, 20), **year)
    renewed = seat("Renewed", "4", date(2025, 11, 20), date(2026, 11, 20), **year)
    runs = seat("Runs", "3", OCTOBER, date(2027, 10, 1), **year)
    deliver(any_portal, made, OCTOBER, NOVEMBER, ends, renewed, runs)
    again = seat("Renewed", "4", date(2026, 11, 20), date(2027, 11, 20), **year)
    deliver(any_portal, made, NOVEMBER, DECEMBER, again, of_november("A", "1"))
    (drift,) = insight.seats(any_portal, made)
    assert moves(drift) == {("Ends", "domain"): (Move.GONE, 2, 0), ("A", "X"): (Move.NEW, 0, 1)}
    assert drift.unchanged == 2


def test_a_corrected_charge_is_counted_once(any_month: Any, charges: dict[str, Any]) -> None:
    bill_and_reconcile(any_month)
    charges["charges"][0].update(quantity=6, subTotal=46.14)
    gone = charges["charges"].pop(20)
    assert bring(any_month, charges).corrected == 2
    november = next_month(charges)
    november["charges"] = [one for one in november["charges"] if one["billingCycleType"] == "Monthly"]
    bring(any_month, november, "november.json")
    (drift,) = insight.seats(any_month.portal, 1)
    assert not drift.rows, "october as corrected is november"
    november["charges"][0]["quantity"] = 9
    bring(any_month, november, "november-2.json")
    (drift,) = insight.seats(any_month.portal, 1)
    assert moves(drift) == {(BAKERY, "M365-BB"): (Move.MORE, 6, 9)}
    assert drift.files == ("november-2.json",)
    assert gone["chargeType"] == "Recurring"


def test_the_figures_of_another_connection_are_its_own(any_portal: Portal, make_one: Made) -> None:
    mine, theirs = make_one("Mine").id, make_one("Theirs", partner="Other").id
    deliver(any_portal, mine, OCTOBER, NOVEMBER, seat("A", "5"))
    deliver(any_portal, theirs, OCTOBER, NOVEMBER, seat("A", "9"))
    changed = deliver(any_portal, theirs, OCTOBER, NOVEMBER, seat("A", "8"), name="again")
    deliver(any_portal, theirs, NOVEMBER, DECEMBER, of_november("A", "7"))
    assert insight.changes(any_portal, mine).choices == ()
    with pytest.raises(NotFound):
        insight.changes(any_portal, mine, changed.id)
    assert insight.seats(any_portal, mine)[0].before is None
    (drift,) = insight.seats(any_portal, theirs)
    assert moves(drift) == {("A", "X"): (Move.FEWER, 8, 7)}
    with any_portal.database.read() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(Offer)) == 2
