"""The fifth revision, over sets that left before it: each has its parts, by what its messages were and became."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from qbwc import migrations
from qbwc.database import Database
from qbwc.models import Arrival, ExchangePart, Job

AT = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


def job(one: int, kind: str, state: str = "done") -> dict[str, Any]:
    own = {"kind": kind, "key": f"{kind}:{one}", "payload": {}, "created_at": AT, "state": state}
    return {"id": one, "connection_id": 1, **own}


def exchange(one: int, purpose: str = "work", state: str = "answered", count: int = 1) -> dict[str, Any]:
    at = AT + timedelta(minutes=one)
    sizes = {"request_size": 8, "request_count": count, "attempts": 1, "is_write": False}
    own = {"session_id": 1, "purpose": purpose, "state": state, "first_sent_at": AT, "sent_at": at}
    return {"id": one, "connection_id": 1, **sizes, **own}


def request(one: int, job_id: int, exchange_id: int | None, state: str = "done") -> dict[str, Any]:
    sent = {"exchange_id": exchange_id, "position": one, "state": state, "is_write": False}
    own = {"step": "add", "request_id": str(one), "tag": "X", "body": "<X/>", "priority": 50, "attempts": 0}
    return {"id": one, "connection_id": 1, "job_id": job_id, "created_at": AT, **own, **sent}


ROWS: dict[str, list[dict[str, Any]]] = {
    "qbwc_connection": [
        {"id": 1, "user_name": "nordet", "secret_hash": "x", "owner_id": "{o}", "file_id": "{f}", "created_at": AT}
        | {"is_active": True, "accepts_missing_file_id": False, "language": "fr"}
        | {"shows_stamps": False, "has_stored_sets": True}
    ],
    "qbwc_session": [
        {"id": 1, "connection_id": 1, "ticket_hash": "1", "state": "closed", "opened_at": AT, "last_contact_at": AT}
        | dict.fromkeys(("total", "done", "failed", "progress", "connection_errors", "pauses"), 0)
        | dict.fromkeys(("may_write", "knows_landmarks", "has_asked_person"), True)
        | {"address": "192.0.2.7", "result": "done"}
    ],
    "qbwc_job": [
        job(1, "pull-list"),
        job(2, "create-invoice"),
        job(3, "create-invoice", "parked"),
        job(4, "item-cost"),
        job(5, "create-invoice", "waiting"),
    ],
    "qbwc_exchange": [
        exchange(1, count=2),  # two lists
        exchange(2, count=3),  # two invoices, one refused, and a cost
        exchange(3, state="refused"),
        exchange(4, state="sent"),
        exchange(5, count=4),  # its messages left again in another set
        exchange(6, purpose="look-up", count=1),
        exchange(7, purpose="landmarks", state="sent", count=2),
    ],
    "qbwc_request": [
        request(1, 1, 1),
        request(2, 1, 1),
        request(3, 2, 2),
        request(4, 3, 2, "parked"),
        request(5, 4, 2),
        request(6, 5, 3, "queued"),
        request(7, 5, 4, "sent"),
        request(8, 5, None, "queued"),
    ],
}


def migrate(database: Database, revision: str, *, down: bool = False) -> None:
    with migrations.exclusive(database) as connection:
        config = Config()
        config.set_main_option("script_location", str(migrations.SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = migrations.VERSION_TABLE
        (command.downgrade if down else command.upgrade)(config, revision)


@pytest.fixture
def old(empty: Database) -> Database:
    """A database of the fourth revision, with sets that left."""
    migrate(empty, "0004")
    tables = sa.MetaData()
    with empty.write() as db:
        tables.reflect(db.connection())
        for name, rows in ROWS.items():
            for row in rows:
                db.execute(sa.insert(tables.tables[name]).values(row))
            if not empty.is_sqlite:
                db.execute(sa.text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))"))
    return empty


def parts(database: Database) -> list[tuple[Any, ...]]:
    row = ExchangePart
    with database.read() as db:
        asked = sa.select(row.exchange_id, row.topic, row.requests, row.result).order_by(row.exchange_id, row.topic)
        return [(one.exchange_id, one.topic, one.requests, str(one.result)) for one in db.execute(asked)]


EXPECTED = [
    (1, "lists", 2, "done"),
    (2, "create-invoice", 2, "refused"),
    (2, "item-cost", 1, "done"),
    (3, "create-invoice", 1, "refused"),
    (4, "create-invoice", 1, "unanswered"),
    (5, "work", 4, "done"),
    (6, "checks", 1, "done"),
    (7, "checks", 2, "unanswered"),
]


def test_each_set_has_a_part_for_each_topic_with_what_became_of_it(old: Database) -> None:
    migrations.upgrade(old)
    assert parts(old) == EXPECTED
    with old.read() as db:
        row = ExchangePart
        assert db.execute(sa.select(row.connection_id, row.asked_by, row.about).distinct()).all() == [(1, "", "")]
        left = {one.exchange_id: one.at for one in db.execute(sa.select(row.exchange_id, row.at))}
        assert left == {one: AT + timedelta(minutes=one) for one in range(1, 8)}
        assert {one.id: one.topic for one in db.execute(sa.select(Job.id, Job.topic))} == {
            1: "lists",
            2: "create-invoice",
            3: "create-invoice",
            4: "item-cost",
            5: "create-invoice",
        }
        assert db.execute(sa.select(Job.asked_by, Job.about).distinct()).all() == [("", "")]
        assert db.scalars(sa.select(Arrival)).all() == [], "what earlier readings brought is not known"


def test_numbers_go_on_and_a_deleted_connection_takes_its_parts_along(old: Database) -> None:
    migrations.upgrade(old)
    with old.write() as db:
        facts = {"connection_id": 1, "exchange_id": 1, "topic": "lists", "asked_by": "", "about": "", "at": AT}
        db.execute(sa.insert(ExchangePart).values(**facts, requests=1, result="done"))
        assert db.scalar(sa.select(sa.func.max(ExchangePart.id))) == len(EXPECTED) + 1
        db.execute(sa.text("DELETE FROM qbwc_connection"))
        assert db.scalar(sa.select(sa.func.count()).select_from(ExchangePart)) == 0


def test_there_and_back_and_there_again_is_the_same(old: Database) -> None:
    migrations.upgrade(old)
    migrate(old, "0004", down=True)
    assert "topic" not in {column["name"] for column in sa.inspect(old.engine).get_columns("qbwc_job")}
    migrations.upgrade(old)
    assert parts(old) == EXPECTED


def test_an_empty_database_is_no_obstacle(empty: Database) -> None:
    migrate(empty, "0004")
    migrations.upgrade(empty)
    assert parts(empty) == []
