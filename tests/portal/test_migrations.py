"""The tables: what the migrations make is what the models say, whoever makes them and however often."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from portal.errors import Unusable
from portal.migrations import SCRIPTS, VERSION_TABLE, upgrade
from portal.models import Base
from qbwc import migrations as wire
from qbwc.database import Database


def _same_type(
    _context: Any,
    _inspected: Any,
    _column: Any,
    inspected_type: sa.types.TypeEngine[Any],
    own: sa.types.TypeEngine[Any],
) -> bool | None:
    """Wrappers (exact decimals, UTC, compressed text, choices) count as the column they are kept in."""
    inner = own.impl_instance if isinstance(own, sa.types.TypeDecorator) else own
    if isinstance(inner, sa.Enum):
        inner = sa.String(inner.length)
    # Aware moments, bytes and JSON have another name in each database.
    if isinstance(inner, sa.DateTime | sa.LargeBinary | sa.JSON):
        return False
    return not issubclass(type(inspected_type), inner._type_affinity or type(inner)) or (
        isinstance(inner, sa.String) and getattr(inspected_type, "length", None) != inner.length
    )


@pytest.fixture
def database(any_url: str) -> Any:
    made = Database(any_url)
    yield made
    made.close()


def tables(database: Database) -> dict[str, list[str]]:
    seen = sa.inspect(database.engine)
    return {
        name: sorted(column["name"] for column in seen.get_columns(name)) for name in sorted(seen.get_table_names())
    }


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    upgrade(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": _same_type,
                "include_object": lambda _object, name, kind, *_: (
                    not (kind == "table" and name.endswith("alembic_version"))
                ),
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_unique_constraints_and_checks_are_there(database: Database) -> None:
    """What compare_metadata does not see on every database: an invoice day of 32, and a charge billed twice."""
    upgrade(database)
    seen = sa.inspect(database.engine)
    assert seen.get_pk_constraint("billed_charge")["constrained_columns"] == ["charge_id"]
    assert ["connection_id", "invoice_date"] in [one["column_names"] for one in seen.get_unique_constraints("run")]
    assert any("invoice_day" in one["sqltext"] for one in seen.get_check_constraints("connection"))


def test_upgrading_again_changes_nothing(database: Database) -> None:
    upgrade(database)
    before = tables(database)
    with database.write() as db:
        db.execute(sa.text("INSERT INTO partner (name, created_at) VALUES ('Nordet', '2026-11-01 00:00:00')"))
    upgrade(database)
    assert tables(database) == before
    with database.read() as db:
        assert db.scalar(sa.text("SELECT count(*) FROM partner")) == 1


def test_processes_that_upgrade_at_once_do_not_meet(database: Database, compiled: dict[str, str]) -> None:
    url = database.url.render_as_string(hide_password=False)
    code = (
        "import sys; from portal.migrations import upgrade; from qbwc.database import Database; "
        "upgrade(Database(sys.argv[1]))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, env=compiled, text=True)
        for _ in range(2)
    ]
    for one in started:
        _, err = one.communicate(timeout=60)
        assert (one.returncode, err) == (0, "")
    assert "draft" in tables(database)


def test_people_from_before_keep_their_place(database: Database) -> None:
    """Their table is made anew for what log-ins need: nobody who refers to it goes with the old one."""
    upgrade(database)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with wire.exclusive(database) as connection:
        config.attributes.update(connection=connection, version_table=VERSION_TABLE)
        command.downgrade(config, "0004")
    now = "'2026-11-01 00:00:00'"
    with database.write() as db:
        db.execute(sa.text(f"INSERT INTO partner (name, created_at) VALUES ('Nordet', {now})"))
        db.execute(
            sa.text(
                "INSERT INTO user_account (email, password, language, is_active, session_key, created_at)"
                f" VALUES ('a@x.com', 'hash', 'fr', true, 'key', {now})"
            )
        )
        db.execute(sa.text("INSERT INTO member (user_id, partner_id, role) VALUES (1, 1, 'billing')"))
    upgrade(database)
    with database.read() as db:
        found = db.execute(sa.text("SELECT email, role FROM member JOIN user_account ON user_id = user_account.id"))
        assert found.all() == [("a@x.com", "billing")]


@pytest.mark.parametrize("table", ["portal_alembic_version", "qbwc_alembic_version"])
def test_a_newer_database_is_refused_and_left_alone(database: Database, table: str) -> None:
    upgrade(database)
    with database.write() as db:
        db.execute(sa.text(f"UPDATE {table} SET version_num = '9999'"))
    before = tables(database)
    with pytest.raises(Unusable, match=r"newer version of the portal \(schema 9999\)\. Install that version"):
        upgrade(database)
    assert tables(database) == before
    with database.read() as db:
        assert db.scalar(sa.text(f"SELECT version_num FROM {table}")) == "9999"


def test_tables_of_others_are_refused_whole(database: Database) -> None:
    """A database that holds a table of ours by another program: one sentence, and none of our tables is left behind."""
    with database.write() as db:
        db.execute(sa.text("CREATE TABLE draft (text VARCHAR(10))"))
    with pytest.raises(Unusable, match="draft"):
        upgrade(database)
    assert "run" not in tables(database)
