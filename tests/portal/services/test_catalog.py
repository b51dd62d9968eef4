"""Imports: whole or not at all, the same file twice adds nothing, and what is billed is never changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import NotFound, Refused
from portal.models import Charge, Offer, Organization
from portal.providers import ProviderError
from portal.services import Portal, catalog, mappings, preview

FILE = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"


@pytest.fixture
def charges() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def bring(portal: Portal, connection_id: int, charges: Any, name: str = "charges.json") -> catalog.ImportResult:
    data = charges if isinstance(charges, bytes) else json.dumps(charges).encode()
    return catalog.import_charges(portal, connection_id, data, name=name, provider="sherweb")


def kept(portal: Portal) -> list[tuple[Any, ...]]:
    with portal.database.read() as db:
        return list(db.execute(sa.select(Charge.key, Charge.quantity, Charge.amount, Charge.raw).order_by(Charge.id)))


def rows_of(portal: Portal) -> list[Any]:
    """What the ledger says of charges, in order: revision, quantity with its sign, what it reverses."""
    with portal.database.read() as db:
        query = sa.select(Charge.revision, Charge.quantity.label("signed"), Charge.reverses_id).order_by(Charge.id)
        return list(db.execute(query))


def test_a_month_is_kept_as_it_was_received(
    any_portal: Portal, make_one: Callable[..., Any], charges: dict[str, Any]
) -> None:
    made = make_one()
    result = bring(any_portal, made.id, FILE.read_bytes())
    assert (result.rows, result.added, result.changed, result.unchanged, result.corrected) == (72, 72, 0, 0, 0)
    assert (result.new_offers, result.new_organizations, result.repeated) == (16, 13, False)
    assert (result.period_start, result.period_last) == (date(2026, 10, 1), date(2026, 10, 31))
    assert result.totals == {"CAD": result.total}
    assert result.total == sum(Decimal(str(row["subTotal"])) for row in charges["charges"])
    rows = kept(any_portal)
    assert [Decimal(str(row["quantity"])) for row in charges["charges"]] == [row.quantity for row in rows]
    assert all(json.loads(row.raw) == given for row, given in zip(rows, charges["charges"], strict=True))


def test_the_same_file_twice_adds_nothing(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    bring(any_portal, made.id, FILE.read_bytes())
    before = kept(any_portal)
    again = bring(any_portal, made.id, FILE.read_bytes(), "renamed.json")
    assert (again.added, again.changed, again.unchanged, again.repeated) == (0, 0, 72, True)
    assert (again.new_offers, again.new_organizations) == (0, 0)
    assert kept(any_portal) == before
    assert len(catalog.list_imports(any_portal, made.id)) == 1


def test_a_corrected_file_changes_what_is_not_billed_and_gives_back_what_is(
    month: Any, charges: dict[str, Any]
) -> None:
    off = next(row for row in charges["charges"] if row["tags"][0]["value"] == "Atelier Ébène")
    off["quantity"] += 5
    month.bill()
    charges["charges"][0]["quantity"] += 1
    result = bring(month.portal, month.connection_id, charges)
    assert (result.added, result.changed, result.corrected, result.unchanged) == (0, 2, 1, 70)
    with month.portal.database.read() as db:
        quantities = [
            (row.organization.name, row.quantity)
            for row in db.scalars(sa.select(Charge).order_by(Charge.id)).unique()
            if row.raw and row.organization
        ]
    assert quantities[0] == ("Boulangerie Aux Trois Blés", Decimal(4))
    assert ("Atelier Ébène", Decimal(str(off["quantity"]))) in quantities
    (newest, oldest) = catalog.list_imports(month.portal, month.connection_id)
    assert (newest.changed, oldest.added) == (2, 72)
    waiting = [row for row in rows_of(month.portal) if row.revision > 1]
    assert [(row.revision, row.signed, row.reverses_id is not None) for row in waiting] == [
        (2, -4, True),
        (3, 5, False),
    ]
    assert [(one.was_billed, one.quantity_before, one.quantity_after) for one in result.differences] == [
        (True, 4, 5),
        (False, off["quantity"] - 5, off["quantity"]),
    ]


def test_a_corrected_file_that_comes_before_the_bill_is_what_is_billed(month: Any, charges: dict[str, Any]) -> None:
    charges["charges"][0]["quantity"] = 7
    assert bring(month.portal, month.connection_id, charges).changed == 1
    month.bill()
    draft = month.draft("Boulangerie Aux Trois Blés")
    assert Decimal(7) in [row.quantity for row in draft.rows if row.item == "Licences:M365 Basic"]


def test_a_broken_file_leaves_nothing_behind(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    with pytest.raises(ProviderError):
        bring(any_portal, made.id, FILE.read_bytes()[:-100])
    with any_portal.database.read() as db:
        assert all(
            db.scalar(sa.select(sa.func.count()).select_from(table)) == 0 for table in (Charge, Offer, Organization)
        )
    assert catalog.list_imports(any_portal, made.id) == ()


def test_what_cannot_be_imported_is_refused(
    any_portal: Portal, make_one: Callable[..., Any], charges: dict[str, Any]
) -> None:
    made = make_one()
    with pytest.raises(Refused, match="There is no provider acme: give one of sherweb"):
        catalog.import_charges(any_portal, made.id, b"", name="x", provider="acme")
    with pytest.raises(NotFound):
        bring(any_portal, made.id + 1, FILE.read_bytes())
    charges["charges"][3]["tags"][0]["value"] = "x" * 201
    with pytest.raises(Refused, match="more than 200 characters"):
        bring(any_portal, made.id, charges)
    assert kept(any_portal) == []


@pytest.mark.parametrize("name", ["x" * 200, "Tab\tand\nline", "zero\u0000byte", "«é»", "a;b,c\"d'", "𝒳", "-1", "=1+1"])
def test_any_name_a_provider_may_send_is_kept(
    any_portal: Portal, make_one: Callable[..., Any], charges: dict[str, Any], name: str
) -> None:
    made = make_one()
    charges["charges"][0]["tags"][0]["value"] = name
    charges["charges"][1]["productName"] = name
    result = bring(any_portal, made.id, charges)
    assert result.added == 72
    assert result.new_organizations == 14
    assert bring(any_portal, made.id, charges).unchanged == 72


def test_the_charges_of_another_connection_are_its_own(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    mine, theirs = make_one("Mine"), make_one("Theirs", partner="Other")
    assert bring(any_portal, mine.id, FILE.read_bytes()).added == 72
    assert bring(any_portal, theirs.id, FILE.read_bytes()).added == 72
    assert mappings.list_offers(any_portal, mine.id).total == 16
    assert sum(row.count for row in preview.preview(any_portal, theirs.id, date(2026, 11, 1)).skipped) == 72
