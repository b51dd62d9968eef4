"""The API: pushing charges over a bare insert of the same rows, and pages of long lists over those of 1,000."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from portal import settings as configuration
from portal.app import create_app
from portal.billing.period import BillingMode
from portal.models import Charge, Delivery, Offer, Organization, Role, Scope
from portal.services import Portal, accounts, build_portal, connections
from portal.services.api import tokens
from portal.web.api.quota import Quota
from tests.whole import WHOLE

pytestmark = pytest.mark.bench

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROWS = 10_000
LARGE = 1_000_000 if WHOLE else 200_000
MOST_PUSH, MOST_PAGE = 5.0, 3.0
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
DAY = "2026-11-01 00:00:00.000000"
OFFERS = f"""INSERT INTO offer (id, connection_id, key, name, is_synchronized)
{NUMBERS} SELECT i, 1, 'o' || i, 'Offer ' || i, 1 FROM n"""
ORGANIZATIONS = f"""INSERT INTO organization (id, connection_id, key, name, mode, is_synchronized)
{NUMBERS} SELECT i, 1, 'c' || i, 'Client ' || i, 'create', 1 FROM n"""
CHARGES = f"""INSERT INTO charge (id, connection_id, delivery_id, organization_id, offer_id, key, name, kind, cycle,
  quantity, start, "end", unit_cost, unit_cost_prorated, amount, amount_cents, currency, is_proratable, tags, raw,
  revision, is_billed)
{NUMBERS} SELECT i, 1, 1, i % 100 + 1, i % 100 + 1, 'k' || i, 'Licence', 'recurring', 'monthly', '1', '2026-10-01',
  '2026-11-01', '1', '1', '1.00', 100, 'CAD', 1, '{{{{"tags": []}}}}', '{{{{}}}}', 1, 0 FROM n"""
ITEMS = f"""INSERT INTO qbwc_list_object (connection_id, kind, type, list_id, full_name, is_active, data, pull, seen_at)
{NUMBERS} SELECT 1, 'item', 'ItemService', printf('I-%08d', i), 'Item ' || i, 1, '{{{{}}}}', 1, '{DAY}' FROM n"""
DRAFTS = f"""INSERT INTO draft (id, run_id, organization_id, sequence, form, mode, customer_list_id, guid, state)
{NUMBERS} SELECT i, 1, i % 100 + 1, i, 'invoice', 'create', 'C', 'g' || i, 'queued' FROM n"""


@dataclass
class Place:
    """A portal, and a program at it."""

    portal: Portal
    client: FlaskClient
    token: str

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api/v1/connections/1/{path}", headers=self._headers(), buffered=True)
        assert answer.status_code == 200, answer.text
        return answer.json

    def push(self, body: bytes) -> Any:
        headers = {**self._headers(), "Content-Type": "application/json"}
        answer = self.client.post("/api/v1/connections/1/charges", data=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def open_place(folder: Path) -> Iterator[Place]:
    portal = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"), now=lambda: NOW)
    accounts.add_partner(portal, "Nordet")
    email, password = "a@nordet.example", "correct horse battery"
    who = accounts.add_user(portal, email, partner="Nordet", role=Role.ADMINISTRATOR, password=password)
    connections.add_connection(portal, "Books", partner="Nordet", billing_mode=BillingMode.IN_ARREARS, invoice_day=1)
    text = tokens.make_token(portal, who, "Bench", tuple(Scope), timedelta(days=30)).text
    app = create_app(portal)
    quotas = {name: Quota(10**9, timedelta(minutes=1)) for name in ("calls", "failures")}
    app.extensions["api"].extensions["quotas"] = quotas
    yield Place(portal, app.test_client(), text)
    portal.database.close()


def pushed(batch: int) -> bytes:
    """10,000 charges of 200 organizations and 50 offers, none of them known."""
    rows = [
        {
            "key": f"{batch}/{number}",
            "organization": f"Client {number % 200}",
            "offer_key": f"SKU-{number % 50}",
            "offer_name": f"Licence {number % 50}",
            "kind": "recurring",
            "cycle": "monthly",
            "quantity": str(number % 90 + 1),
            "start": "2026-10-01",
            "last": "2026-10-31",
            "unit_cost": "24.30",
            "amount": f"{(number % 90 + 1) * Decimal('24.30')}",
            "currency": "CAD",
            "tags": {"region": "Québec"},
        }
        for number in range(ROWS)
    ]
    return json.dumps({"charges": rows}).encode()


def test_pushing_10_000_charges_stays_near_a_bare_insert(ratios: Any, tmp_path: Path) -> None:
    with open_place(tmp_path) as place:
        place.push(pushed(0))
        bodies = iter([pushed(batch) for batch in range(1, 7)])
        with place.portal.database.read() as db:
            delivery = db.scalars(sa.select(Delivery.id)).first()
            organization = db.scalars(sa.select(Organization.id).order_by(Organization.id)).first()
            offer = db.scalars(sa.select(Offer.id).order_by(Offer.id)).first()
        batches = iter(range(100, 200))
        raw = json.dumps(json.loads(pushed(0))["charges"][0])

        def bare() -> None:
            batch = next(batches)
            rows = [
                {
                    "connection_id": 1,
                    "delivery_id": delivery,
                    "organization_id": organization,
                    "offer_id": offer,
                    "key": f"{batch}/{number}",
                    "name": "Licence",
                    "kind": "recurring",
                    "cycle": "monthly",
                    "quantity": Decimal(number % 90 + 1),
                    "start": date(2026, 10, 1),
                    "end": date(2026, 11, 1),
                    "unit_cost": Decimal("24.30"),
                    "currency": "CAD",
                    "raw": raw,
                    "unit_cost_prorated": Decimal("24.30"),
                    "amount": Decimal("24.30"),
                    "is_proratable": True,
                    "tags": {"tags": [["region", "Québec"]]},
                    "revision": 1,
                }
                for number in range(ROWS)
            ]
            with place.portal.database.write() as db:
                db.execute(sa.insert(Charge.__table__), rows)

        def ours() -> None:
            assert place.push(next(bodies))["made"] == ROWS

        ratio = ratios.measure("API: 10,000 charges pushed, over a bare insert of them", ours, bare, rounds=5)
        again = pushed(0)
        ratios.measure(
            "API: the same 10,000 pushed again, over a bare insert", lambda: place.push(again), bare, rounds=2
        )
        assert ratio <= MOST_PUSH


def fill(place: Place, count: int) -> None:
    with place.portal.database.write() as db:
        connection = db.connection()
        connection.exec_driver_sql(
            "INSERT INTO delivery (id, connection_id, provider, scope, file_name, digest, period_start, period_end,"
            " total, rows, added, changed, withdrawn, family, imported_at)"
            " VALUES (1, 1, 'api', '', 'x', 'x', '2026-10-01',"
            f" '2026-11-01', '0', 0, 0, 0, 0, 1, '{DAY}')"
        )
        connection.exec_driver_sql(
            "INSERT INTO run (id, connection_id, invoice_date, period_start, period_end, created_at) "
            f"VALUES (1, 1, '2026-11-01', '2026-10-01', '2026-11-01', '{DAY}')"
        )
        for statement in (OFFERS, ORGANIZATIONS, CHARGES, ITEMS, DRAFTS):
            connection.exec_driver_sql(statement.format(count=count))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Lists of 1,000 rows."""
    with open_place(tmp_path_factory.mktemp("small")) as place:
        fill(place, 1_000)
        yield place


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Lists of very many rows."""
    with open_place(tmp_path_factory.mktemp("large")) as place:
        fill(place, LARGE)
        yield place


@pytest.mark.parametrize("path", ["charges", "offers", "organizations", "lists/item", "runs/1/invoices"])
def test_a_page_of_a_long_list_is_as_quick_as_of_a_short_one(
    ratios: Any, small: Place, large: Place, path: str
) -> None:
    following = [place.get(f"{path}?limit=50")["next"] for place in (small, large)]
    assert all(following)
    deep = large.get(f"{path}?limit=200")["next"]
    for name, begin in (("the first page", ""), ("a page further on", f"&cursor={deep}")):
        ratio = ratios.measure(
            f"API: {path}, {name} of {LARGE:,} rows over the first of 1,000",
            lambda begin=begin: large.get(f"{path}?limit=50{begin}"),
            lambda: small.get(f"{path}?limit=50"),
            rounds=7,
        )
        assert ratio <= MOST_PAGE
