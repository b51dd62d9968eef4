"""Tables of mappings: found by words, filtered by the database as the rules would, in pages, with few statements."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import Offer, Organization
from portal.services import Portal, mappings, suggestions
from portal.services.folding import fold, folded, has_words
from portal.services.mapping_bulk import Selection, plan_bulk
from portal.services.mapping_sides import OFFERS
from portal.services.paging import Wanted
from qbwc.models import ListObject


def add_object(db: Any, connection_id: int, kind: str, list_id: str, name: str, **changed: Any) -> None:
    given: dict[str, Any] = {
        "type": "ItemService" if kind == "item" else "Customer" if kind == "customer" else "Class",
        "is_active": True,
        "data": {},
        **changed,
    }
    at = sa.text("CURRENT_TIMESTAMP")
    db.execute(
        sa.insert(ListObject).values(
            connection_id=connection_id, kind=kind, list_id=list_id, full_name=name, pull=1, seen_at=at, **given
        )
    )


def names(found: Any) -> list[str]:
    return [row.name for row in found.page.rows]


@pytest.fixture
def place(any_portal: Portal, make_one: Callable[..., Any]) -> tuple[Portal, int]:
    """An empty connection on each kind of database."""
    return any_portal, make_one().id


class TestFilters:
    """What the database leaves is what the rules say, in every combination."""

    def test_of_offers(self, place: tuple[Portal, int]) -> None:
        portal, connection = place
        types = ("ItemService", "ItemInventory", "ItemGroup", "ItemSubtotal")
        with portal.database.write() as db:
            cases: list[str | None] = [None, "gone"]
            for number, (type_, is_active) in enumerate(itertools.product(types, (True, False))):
                add_object(db, connection, "item", f"I-{number}", f"Item {number}", type=type_, is_active=is_active)
                cases.append(f"I-{number}")
            add_object(db, connection, "customer", "gone", "Another list's")
            for number, (list_id, is_on) in enumerate(itertools.product(cases, (True, False))):
                key = f"O-{number}"
                db.add(Offer(connection_id=connection, key=key, name=key, item_list_id=list_id, is_synchronized=is_on))
        self.check(mappings.load_offers, portal, connection, lambda row: row.item_list_id)

    def test_of_organizations(self, place: tuple[Portal, int]) -> None:
        portal, connection = place
        fields: tuple[str | None, ...] = (None, "", "C-gone", "C-off", "C-on")
        with portal.database.write() as db:
            add_object(db, connection, "customer", "on", "On")
            add_object(db, connection, "customer", "off", "Off", is_active=False)
            for kind in ("class", "terms", "tax-code"):
                add_object(db, connection, kind, "C-on", f"{kind} on")
                add_object(db, connection, kind, "C-off", f"{kind} off", is_active=False)
            combinations = itertools.product((None, "gone", "on", "off"), (True, False), fields, ("class", "terms"))
            for number, (list_id, is_on, value, kind) in enumerate(combinations):
                key = f"O-{number}"
                row = Organization(
                    connection_id=connection, key=key, name=key, customer_list_id=list_id, is_synchronized=is_on
                )
                setattr(row, f"{kind}_list_id", value)
                db.add(row)
            db.add(
                Organization(connection_id=connection, key="T", name="T", customer_list_id="on", tax_code_list_id="x")
            )
        self.check(mappings.load_organizations, portal, connection, lambda row: row.customer_list_id)

    def check(self, load: Any, portal: Portal, connection: int, list_id: Callable[[Any], str | None]) -> None:
        every = load(portal, connection, Wanted(size=1000))
        rows = every.page.rows
        expected = {
            "": {row.id for row in rows},
            "unmapped": {row.id for row in rows if row.is_synchronized and list_id(row) is None},
            "mapped": {row.id for row in rows if row.is_synchronized and list_id(row) is not None},
            "off": {row.id for row in rows if not row.is_synchronized},
            "problem": {row.id for row in rows if row.is_stuck},
        }
        assert 0 < len(expected["problem"]) < len(rows)
        for only, ids in expected.items():
            found = load(portal, connection, Wanted(filters={"only": only}, size=1000))
            assert {row.id for row in found.page.rows} == ids, only
            assert every.counts.of(only) == found.page.count == len(ids), only


def test_words_are_found_in_any_order_without_case_and_accents(place: tuple[Portal, int]) -> None:
    portal, connection = place
    with portal.database.write() as db:
        add_object(db, connection, "customer", "C1", "Commission scolaire:École Les Érables")
        add_object(db, connection, "customer", "C2", "Cœur 100%_ d'Œuvre")
        db.add(Organization(connection_id=connection, key="K-77", name="Client un", customer_list_id="C1"))
        db.add(Organization(connection_id=connection, key="K-78", name="ÉPICERIE Bélanger", customer_list_id="C2"))
        db.add(Organization(connection_id=connection, key="K-79", name="Zèbre"))

    def found(search: str) -> list[str]:
        return names(mappings.load_organizations(portal, connection, Wanted(search=search)))

    assert found("erables ecole") == ["Client un"], "the customer's name"
    assert found("belanger epicerie") == ["ÉPICERIE Bélanger"]
    assert found("k-79") == ["Zèbre"], "the key"
    assert found("un k-77 scolaire") == ["Client un"], "words of several texts"
    assert found("coeur oeuvre 100%_") == ["ÉPICERIE Bélanger"]
    assert found("%") == ["ÉPICERIE Bélanger"]
    assert found("nobody") == []
    assert [one.name for one in mappings.customer_choices(portal, connection, "erables COMMISSION")] == [
        "Commission scolaire:École Les Érables"
    ]
    assert names(mappings.load_organizations(portal, connection, Wanted())) == [
        "Client un",
        "ÉPICERIE Bélanger",
        "Zèbre",
    ], "É stands beside E"


def test_each_head_sorts_and_pages_follow_each_other(place: tuple[Portal, int]) -> None:
    portal, connection = place
    with portal.database.write() as db:
        for number in range(25):
            data = {"price": str(number * 7 % 25), "cost": None if number % 2 else f"{number}.5"}
            add_object(db, connection, "item", f"I-{number}", f"Item {number:02}", data=data)
            db.add(
                Offer(
                    connection_id=connection,
                    key=f"K{number}",
                    name=f"Offer {24 - number:02}",
                    item_list_id=f"I-{number}" if number else None,
                    is_synchronized=number % 3 != 0,
                )
            )

    def column(sort: str, value: Callable[[Any], Any], *, is_descending: bool = False) -> list[Any]:
        pages = []
        for number in (1, 2, 3):
            wanted = Wanted(sort=sort, is_descending=is_descending, page=number, size=10)
            pages += [value(row) for row in mappings.load_offers(portal, connection, wanted).page.rows]
        assert len(pages) == 25
        return pages

    offers = column("name", lambda row: row.name)
    assert offers == sorted(offers)
    assert column("name", lambda row: row.name, is_descending=True) == offers[::-1]
    assert column("nonsense", lambda row: row.name) == offers
    items = column("item", lambda row: row.item_name or "")
    assert items == sorted(items)
    for field in ("price", "cost"):
        prices = column(field, lambda row, field=field: -1 if getattr(row, field) is None else getattr(row, field))
        assert prices == sorted(prices)
    on = column("sync", lambda row: row.is_synchronized)
    assert on == sorted(on, reverse=True)
    assert column("charges", lambda row: row.charges) == [0] * 25
    last = mappings.load_offers(portal, connection, Wanted(page=99, size=10)).page
    assert (last.page, last.pages, last.count, len(last.rows)) == (3, 3, 25, 5)


def test_what_waits_to_be_billed_sorts_too(any_month: Any) -> None:
    portal, connection = any_month.portal, any_month.connection_id
    for load in (mappings.load_offers, mappings.load_organizations):
        rows = load(portal, connection, Wanted(sort="charges", is_descending=True)).page.rows
        counts = [row.charges for row in rows]
        assert counts == sorted(counts, reverse=True)
        assert sum(counts) == 72
    modes = [row.mode for row in mappings.load_organizations(portal, connection, Wanted(sort="mode")).page.rows]
    assert modes == sorted(modes)


@contextmanager
def counting(portal: Portal) -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    sa.event.listen(portal.database.engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(portal.database.engine, "before_cursor_execute", note)


def test_the_number_of_statements_does_not_grow_with_the_rows(place: tuple[Portal, int]) -> None:
    portal, connection = place
    counts: dict[int, list[int]] = {}
    for total in (5, 300):
        with portal.database.write() as db:
            db.execute(sa.delete(Offer))
            db.execute(sa.delete(Organization))
            db.execute(sa.delete(ListObject))
            for number in range(total):
                add_object(db, connection, "item", f"I-{number}", f"Item {number}")
                add_object(db, connection, "customer", f"C-{number}", f"Client {number}")
                is_mapped = number % 4 != 0
                name = f"Client {number}"
                db.add(
                    Offer(
                        connection_id=connection,
                        key=f"K{number}",
                        name=f"Item {number}",
                        item_list_id=f"I-{number}" if is_mapped else None,
                    )
                )
                db.add(
                    Organization(
                        connection_id=connection,
                        key=name,
                        name=name,
                        customer_list_id=f"C-{number}" if is_mapped else None,
                    )
                )
        seen = []
        for wanted in (
            Wanted(),
            Wanted(search="1"),
            Wanted(filters={"only": "problem"}),
            Wanted(sort="charges"),
            Wanted(sort="price"),
        ):
            for load in (mappings.load_offers, mappings.load_organizations):
                with counting(portal) as statements:
                    load(portal, connection, wanted)
                seen.append(len(statements))
        ids = [row.id for row in mappings.load_offers(portal, connection, Wanted()).page.rows]
        suggestions.advise_offers(portal, connection, only=ids)  # reads the list once for all pages
        with counting(portal) as statements:
            suggestions.advise_offers(portal, connection, only=ids)
            mappings.item_choices(portal, connection, "item")
            mappings.count_unmapped(portal, connection)
            plan_bulk(portal, connection, OFFERS, "clear", Selection(wanted=Wanted()))
        seen.append(len(statements))
        counts[total] = seen
    assert counts[5] == counts[300]


def test_counts_for_the_tabs(month: Any) -> None:
    assert mappings.count_unmapped(month.portal, 1) == {"offers": 0, "organizations": 0}
    with month.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None))
        db.execute(sa.update(Organization).values(customer_list_id=None))
    assert mappings.count_unmapped(month.portal, 1) == {"offers": 16, "organizations": 12}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("École", "ecole"), ("ŒUVRE", "oeuvre"), ("E\u0301t\u00e9", "ete"), ("Łódź", "łodz"), ("日本", "日本"), ("", "")],
)
def test_a_text_is_folded_alike_here_and_in_the_database(any_portal: Portal, text: str, expected: str) -> None:
    assert fold(text) == expected
    with any_portal.database.read() as db:
        value = sa.literal(text, sa.Text)
        assert db.scalar(sa.select(folded(db, value))) == expected
        assert db.scalar(sa.select(sa.literal(1)).where(has_words(db, text, value, sa.null()))) == 1
        assert db.scalar(sa.select(sa.literal(1)).where(has_words(db, "qqq", value))) is None
