"""The second revision, over tables that hold rows of the first."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from qbwc import migrations, queue
from qbwc.database import Database
from qbwc.endpoint import Endpoint, hash_secret
from qbwc.jobs import Registry
from qbwc.models import Base, Connection, Doubt, Exchange, Job, ListObject, ListState, Request, Session
from qbwc.session import State

AT = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
BODY = "<QBXML/>"

ROWS: dict[str, list[dict[str, Any]]] = {
    "qbwc_connection": [
        {
            "id": 1,
            "user_name": "nordet",
            "secret_hash": hash_secret("secret"),
            "owner_id": "{57F3B9B6-86F1-4FCC-B1FF-966DE1813D20}",
            "file_id": "{0C7C1F5A-2B3D-4E5F-8A9B-0C1D2E3F4A5B}",
            "is_active": True,
            "created_at": AT,
            "company_name": "Nordet",
            "company_path": "C:\\Nordet.qbw",
            "accepts_missing_file_id": False,
            "verdict": "go",
            "host": {"product_name": "QuickBooks Pro"},
        }
    ],
    "qbwc_session": [
        {
            "id": 1,
            "ticket_hash": "1",
            "state": "closed",
            "last_error": "Il manque l'été.",
            "result": "failed",
            "closed_at": AT,
        },
        {"id": 2, "ticket_hash": "2", "state": "closed", "last_error": None, "result": "done", "closed_at": AT},
        {"id": 3, "ticket_hash": "3", "state": "waiting", "last_error": 'said "no"', "result": None, "closed_at": None},
    ],
    "qbwc_job": [
        {"id": 1, "kind": "add-invoice", "key": "a", "state": "waiting"},
        {"id": 2, "kind": "add-invoice", "key": "b", "state": "parked", "status_code": "3140"},
    ],
    "qbwc_exchange": [
        {
            "id": 1,
            "session_id": 3,
            "message_set_id": "0123456789abcdef0123",
            "purpose": "work",
            "is_write": True,
            "state": "sent",
            "attempts": 2,
            "request_body": zlib.compress(BODY.encode()),
            "request_size": len(BODY),
            "request_count": 1,
            "sent_at": AT,
        }
    ],
    "qbwc_request": [
        {
            "id": 1,
            "job_id": 1,
            "step": "add",
            "request_id": "1",
            "tag": "InvoiceAddRq",
            "body": "<InvoiceAddRq/>",
            "is_write": True,
            "state": "sent",
            "priority": 50,
            "attempts": 0,
            "only_in_session_id": 3,
            "exchange_id": 1,
            "position": 0,
            "created_at": AT,
        }
    ],
    "qbwc_list_object": [
        {
            "id": 1,
            "kind": "customer",
            "type": "Customer",
            "list_id": "C-1",
            "full_name": "Client",
            "is_active": True,
            "data": {"company_name": "Client"},
            "pull": 1,
            "seen_at": AT,
        }
    ],
    "qbwc_list_state": [{"kind": "customer", "pull": 1, "is_complete": True, "watermark": "2026-10-01T10:00:00"}],
}
COUNTS = ("total", "done", "failed", "progress", "connection_errors")
DEFAULTS: dict[str, dict[str, Any]] = {
    "qbwc_session": {"opened_at": AT, "last_contact_at": AT, "may_write": True, **dict.fromkeys(COUNTS, 0)},
    "qbwc_job": {"payload": {"told": []}, "created_at": AT},
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
    """A database of the first revision, with rows in every table."""
    migrate(empty, "0001")
    tables = sa.MetaData()
    with empty.write() as db:
        tables.reflect(db.connection())
        for name, rows in ROWS.items():
            for row in rows:
                owner = {} if name == "qbwc_connection" else {"connection_id": 1}
                values = {**owner, **DEFAULTS.get(name, {}), **row}
                db.execute(sa.insert(tables.tables[name]).values(values))
            if not empty.is_sqlite and "id" in tables.tables[name].c:
                db.execute(sa.text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))"))
    assert {one for one in tables.tables if one.startswith("qbwc_")} == {*ROWS, migrations.VERSION_TABLE}
    return empty


def test_every_row_survives_and_what_is_new_has_its_beginning(old: Database) -> None:
    migrations.upgrade(old)
    with old.read() as db:
        connection = db.scalars(sa.select(Connection)).one()
        assert (connection.user_name, connection.company_path) == ("nordet", "C:\\Nordet.qbw")
        assert connection.host == {"product_name": "QuickBooks Pro"}
        assert (connection.language, connection.has_stored_sets) == ("en", False)
        new = (connection.minimum_interval, connection.largest_set, connection.landmarks, connection.preparing_until)
        assert new == (None, None, None, None)
        exchange = db.scalars(sa.select(Exchange)).one()
        assert exchange.first_sent_at == exchange.sent_at == AT
        assert (exchange.request_body, exchange.doubt, exchange.about_id) == (BODY, None, None)
        request = db.scalars(sa.select(Request)).one()
        assert (request.exchange_id, request.text_changes, request.only_in_session_id) == (1, None, 3)
        assert {job.key: (str(job.state), job.warning) for job in db.scalars(sa.select(Job))} == {
            "a": ("waiting", None),
            "b": ("parked", None),
        }
        assert db.scalars(sa.select(ListObject)).one().data == {"company_name": "Client"}
        assert db.scalars(sa.select(ListState)).one().pulled_whole_at is None


def test_what_refers_to_a_table_that_is_made_anew_still_does(old: Database) -> None:
    migrations.upgrade(old)
    with old.write() as db:
        if old.is_sqlite:
            assert db.execute(sa.text("PRAGMA foreign_keys")).scalar() == 1
            assert db.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        db.execute(sa.text("DELETE FROM qbwc_connection"))
        assert {name: db.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar() for name in ROWS} == dict.fromkeys(
            ROWS, 0
        )


def test_an_error_becomes_a_text_by_language_and_an_open_visit_is_over(old: Database) -> None:
    migrations.upgrade(old)
    with old.read() as db:
        rows = list(db.scalars(sa.select(Session).order_by(Session.id)))
        assert [row.last_error for row in rows] == [{"en": "Il manque l'été."}, None, {"en": 'said "no"'}]
        assert [row.result for row in rows] == ["failed", "done", "abandoned"]
        assert {row.state for row in rows} == {State.CLOSED}
        assert [(row.address, row.pauses, row.out_id) for row in rows] == [("", 0, None)] * 3


def test_the_tables_are_what_the_models_say(old: Database) -> None:
    migrations.upgrade(old)
    with old.engine.connect() as connection:
        # Whoever else keeps tables in this metadata does not count here.
        ours = {
            "include_object": lambda _object, name, kind, *_: (
                kind != "table" or (name.startswith("qbwc_") and name != migrations.VERSION_TABLE)
            )
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), Base.metadata) == []
    with old.write() as db, pytest.raises(sa.exc.IntegrityError):
        db.execute(sa.update(Exchange).values(first_sent_at=None))


def test_a_set_that_was_lost_before_is_taken_up_after(old: Database) -> None:
    migrations.upgrade(old)
    endpoint = Endpoint(old, Registry(), now=lambda: AT)
    ticket, what = endpoint.authenticate("nordet", "secret")
    assert (len(ticket), what) == (32, "C:\\Nordet.qbw")
    with old.read() as db:
        assert db.scalars(sa.select(Exchange)).one().doubt is Doubt.NEW
        assert not queue.has_due(db, 1)


def test_upgrading_twice_changes_nothing(old: Database) -> None:
    migrations.upgrade(old)
    migrations.upgrade(old)
    with old.read() as db:
        assert db.scalars(sa.select(Session.last_error).where(Session.id == 1)).one() == {"en": "Il manque l'été."}


def test_the_way_back_keeps_the_rows_and_the_english_text(old: Database) -> None:
    migrations.upgrade(old)
    migrate(old, "0001", down=True)
    with old.read() as db:
        said = db.execute(sa.text("SELECT last_error FROM qbwc_session ORDER BY id")).scalars().all()
        assert said == ["Il manque l'été.", None, 'said "no"']
        for name, rows in ROWS.items():
            assert db.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar() == len(rows)
    columns = {column["name"] for column in sa.inspect(old.engine).get_columns("qbwc_session")}
    assert "pauses" not in columns
    migrations.upgrade(old)
    with old.read() as db:
        assert db.scalars(sa.select(Session.last_error).where(Session.id == 1)).one() == {"en": "Il manque l'été."}
