"""Pages over a large partner's tables, against the same pages over the sample's size.

A large partner has 10,000 organizations, 5,000 offers, 20,000 customers and 20,000 items. What a page costs must depend
on the rows that it shows, so each stays below three times the small one's time, with the same number of statements.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from portal import settings as configuration
from portal.app import create_app
from portal.billing.period import BillingMode
from portal.models import Offer, Organization, Role
from portal.services import Portal, accounts, build_portal, connections
from qbwc.models import ListObject, ListState

pytestmark = pytest.mark.bench

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MOST = 3.0
TRADES = ("Plomberie", "Garage", "Pharmacie", "Boulangerie", "Électricité", "Clinique", "Toitures", "Groupe", "École")
PEOPLE = ("Bélanger", "Lavoie", "Gagné", "Roy", "Côté", "Tremblay", "Pelletier", "Saint-Onge", "Fournier", "Ménard")
PASSWORD = "correct horse battery"


@dataclass
class Place:
    """A portal of some size, and an administrator at it."""

    portal: Portal
    client: FlaskClient
    statements: list[str]

    def get(self, path: str) -> str:
        answer = self.client.get(path, buffered=True)
        assert answer.status_code == 200, path
        return answer.text

    def count(self, path: str) -> int:
        """How many statements a page takes."""
        self.get(path)
        self.statements.clear()
        self.get(path)
        return len(self.statements)


def _names(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [f"{rng.choice(TRADES)} {rng.choice(PEOPLE)} {number:05} inc." for number in range(count)]


def _fill(portal: Portal, connection_id: int, sizes: dict[str, int]) -> None:
    """Rows in bulk: one in fifty without counterpart, switched off, or mapped to what is inactive or gone."""
    rng = random.Random(7)

    def list_id(kind: str, number: int) -> str:
        return f"8{number:07X}-{kind}"

    def counterpart(kind: str, number: int) -> str | None:
        return None if number % 50 == 1 else list_id(kind, rng.randrange(sizes[kind] + sizes[kind] // 50))

    objects = [
        {
            "connection_id": connection_id,
            "kind": kind,
            "type": "Customer" if kind == "customer" else "ItemService",
            "list_id": list_id(kind, number),
            "full_name": name,
            "is_active": number % 50 != 2,
            "data": {"price": f"{number % 90}.50", "cost": "1.25", "email": f"c{number}@example.com"},
            "pull": 1,
            "seen_at": NOW,
        }
        for kind, seed in (("customer", 1), ("item", 2))
        for number, name in enumerate(_names(sizes[kind], seed))
    ]
    with portal.database.write() as db:
        db.execute(sa.insert(ListObject), objects)
        db.execute(
            sa.insert(ListState),
            [
                {"connection_id": connection_id, "kind": kind, "is_complete": True, "pull": 1, "refreshed_at": NOW}
                for kind in ("customer", "item")
            ],
        )
        for table, kind, size, seed in (
            (Organization, "customer", sizes["organizations"], 3),
            (Offer, "item", sizes["offers"], 4),
        ):
            db.execute(
                sa.insert(table),
                [
                    {
                        "connection_id": connection_id,
                        "key": f"K-{number:05}",
                        "name": name,
                        f"{kind}_list_id": counterpart(kind, number),
                        "is_synchronized": number % 50 != 3,
                    }
                    for number, name in enumerate(_names(size, seed))
                ],
            )


@contextmanager
def open_place(folder: Path, **sizes: int) -> Iterator[Place]:
    portal = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"), now=lambda: NOW)
    accounts.add_partner(portal, "Nordet")
    email = "a@nordet.example"
    accounts.add_user(portal, email, partner="Nordet", role=Role.ADMINISTRATOR, password=PASSWORD)
    made = connections.add_connection(
        portal, "Books", partner="Nordet", billing_mode=BillingMode.IN_ARREARS, invoice_day=1
    )
    _fill(portal, made.id, sizes)
    client = create_app(portal).test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token
    entered = client.post("/login", data={"csrf_token": token[1], "email": email, "password": PASSWORD})
    assert entered.status_code == 303
    statements: list[str] = []
    sa.event.listen(
        portal.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]), named=False
    )
    yield Place(portal, client, statements)
    portal.database.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place of the sample's size: one page of each table."""
    sizes = {"organizations": 50, "offers": 50, "customer": 60, "item": 60}
    with open_place(tmp_path_factory.mktemp("small"), **sizes) as place:
        yield place


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A large partner's place."""
    sizes = {"organizations": 10_000, "offers": 5_000, "customer": 20_000, "item": 20_000}
    with open_place(tmp_path_factory.mktemp("large"), **sizes) as place:
        yield place


OFFERS, ORGANIZATIONS = "/connections/1/offers", "/connections/1/organizations"
PAGES = {
    "offers": OFFERS,
    "offers, searched": f"{OFFERS}?q=garage+belanger",
    "offers with a problem": f"{OFFERS}?only=problem",
    "offers by price": f"{OFFERS}?sort=-price",
    "organizations": ORGANIZATIONS,
    "organizations, searched": f"{ORGANIZATIONS}?q=garage+belanger",
    "organizations by customer": f"{ORGANIZATIONS}?sort=customer",
    "organizations to map": f"{ORGANIZATIONS}?only=unmapped",
    "organizations, last page": f"{ORGANIZATIONS}?page=9999",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_table_of_a_large_partner_is_as_quick_as_a_small_one(
    ratios: Any, small: Place, large: Place, name: str
) -> None:
    path = PAGES[name]
    whole = path.split("?")[0]  # of the small place: the same 50 rows, whatever is searched for in the large one
    assert large.count(path) <= small.count(whole) + 1
    ratio = ratios.measure(
        f"page: {name}, 10,000 organizations, over 50",
        lambda: large.get(path),
        lambda: small.get(whole),
        rounds=15,
        clock=process_time,
    )
    assert ratio <= MOST


@pytest.mark.parametrize("kind", ["item", "customer"])
def test_choosing_among_20_000_is_quick_enough_to_type(ratios: Any, small: Place, large: Place, kind: str) -> None:
    """A list of 20,000 is looked through whole at each stop of the keys, so it may take longer; a tenth of a second."""
    call: Callable[[], object] = lambda: large.get(f"/connections/1/choices/{kind}?q=menard+garage")  # noqa: E731
    call()
    page = lambda: small.get(OFFERS)  # noqa: E731
    ratio = ratios.measure(f"choices: {kind}, 20,000, over a page of 50 offers", call, page)
    assert ratio <= MOST
