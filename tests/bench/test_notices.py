"""The notices of a thousand connections: as many statements as for one, and their time beside the plainest read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal import settings as configuration
from portal.billing.period import BillingMode
from portal.models import Connection, Offer, Organization, Partner
from portal.services import Portal, build_portal, dispatch_notices, notices
from qbwc import models as wire

pytestmark = pytest.mark.bench

CONNECTIONS, ROWS = 1000, 20
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A thousand connections with customers and items, a tenth of which is in some trouble."""
    folder = tmp_path_factory.mktemp("crowd")
    portal = build_portal(configuration.load({}, data=folder), now=lambda: NOW)
    _fill(portal)
    yield portal
    portal.database.close()


def _fill(portal: Portal) -> None:
    day = timedelta(days=1)
    ids = range(1, CONNECTIONS + 1)
    with portal.database.write() as db:
        db.add(Partner(id=1, name="Nordet", created_at=NOW))
        db.flush()
        db.execute(
            sa.insert(wire.Connection), [_caller(one, NOW - (9 * day if one % 10 == 0 else day / 24)) for one in ids]
        )
        db.execute(sa.insert(Connection), [_connection(one) for one in ids])
        db.execute(sa.insert(wire.ListState), [_list(one, kind) for one in ids for kind in ("customer", "item")])
        db.execute(sa.insert(wire.Session), [_visit(one, number) for one in ids for number in range(30)])
        for table, kind in ((Offer, "item"), (Organization, "customer")):
            rows = [(one, number) for one in ids for number in range(ROWS)]
            db.execute(sa.insert(wire.ListObject), [_object(one, number, kind) for one, number in rows])
            db.execute(sa.insert(table), [_row(one, number, table) for one, number in rows])


def _caller(one: int, last: datetime) -> dict[str, Any]:
    return {
        "id": one,
        "user_name": f"u{one}",
        "secret_hash": "",
        "owner_id": "{o}",
        "file_id": f"{{{one}}}",
        "created_at": NOW,
        "last_contact_at": last,
        "last_success_at": last,
        "host": {"product_name": "QuickBooks", "major_version": "34"},
    }


def _connection(one: int) -> dict[str, Any]:
    return {
        "id": one,
        "partner_id": 1,
        "name": f"C{one}",
        "billing_mode": BillingMode.IN_ARREARS,
        "invoice_day": one % 28 + 1,
        "created_at": NOW - timedelta(days=100),
    }


def _list(one: int, kind: str) -> dict[str, Any]:
    return {"connection_id": one, "kind": kind, "pull": 1, "is_complete": True, "refreshed_at": NOW}


def _visit(one: int, number: int) -> dict[str, Any]:
    at = NOW - timedelta(days=number)
    return {"connection_id": one, "ticket_hash": f"{one}-{number}", "opened_at": at, "last_contact_at": at}


def _object(one: int, number: int, kind: str) -> dict[str, Any]:
    type_ = "ItemService" if kind == "item" else "Customer"
    own = {"kind": kind, "type": type_, "list_id": f"{number}", "full_name": f"{number}"}
    return {"connection_id": one, **own, "data": {}, "pull": 1, "seen_at": NOW}


def _row(one: int, number: int, table: Any) -> dict[str, Any]:
    column = "item_list_id" if table is Offer else "customer_list_id"
    gone = number == 0 and one % 10 == 1
    return {"connection_id": one, "key": f"{number}", "name": f"{number}", column: None if gone else f"{number}"}


def test_a_thousand_connections_cost_a_few_statements(crowd: Portal, ratios: Any) -> None:
    statements: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(crowd.database.engine, "before_cursor_execute", count)
    seen = notices.list_all_notices(crowd)
    sa.event.remove(crowd.database.engine, "before_cursor_execute", count)
    assert len(statements) <= 8
    assert len(seen) == 200

    def bare() -> None:
        """The same tables by hand: the least that any way to count them must read."""
        with closing(sqlite3.connect(str(Path(crowd.database.url.database or "")))) as db:
            for table in ("connection", "qbwc_connection"):
                db.execute(f"SELECT * FROM {table}").fetchall()
            for table, kind, column in (
                ("offer", "item", "item_list_id"),
                ("organization", "customer", "customer_list_id"),
            ):
                db.execute(
                    f"SELECT t.connection_id, count(*) FROM {table} t LEFT JOIN qbwc_list_object o ON"
                    f" o.connection_id = t.connection_id AND o.kind = '{kind}' AND o.list_id = t.{column}"
                    " WHERE o.id IS NULL GROUP BY 1"
                ).fetchall()

    ratio = ratios.measure(
        "notices of 1,000 connections, over the same tables by hand", lambda: notices.list_all_notices(crowd), bare, 3
    )
    assert ratio < 6


def test_a_round_without_news_costs_little_more_than_looking(crowd: Portal, ratios: Any) -> None:
    dispatch_notices.dispatch(crowd)
    ratio = ratios.measure(
        "a round of telling without news, over listing the notices",
        lambda: dispatch_notices.dispatch(crowd),
        lambda: notices.list_all_notices(crowd),
        3,
    )
    assert ratio < 2.5
