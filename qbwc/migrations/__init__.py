"""The tables of the library, brought up to date: ``upgrade(database)``.

A host application with tables of its own passes its script folder and version table to the same function.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from qbwc.database import Database
from qbwc.errors import NewerDatabase

SCRIPTS = Path(__file__).parent
VERSION_TABLE = "qbwc_alembic_version"
_LOCK = 0x71627763  # any number, the same for every process that migrates


@contextmanager
def exclusive(database: Database) -> Iterator[sa.Connection]:
    """The one transaction in which tables may be made anew, while no other process does.

    SQLite changes a table by making a new one and dropping the old: with foreign keys on, every row that refers to it
    would be deleted with it. The setting can only be changed outside of a transaction.
    """
    with database.engine.connect() as plain:
        connection = plain.execution_options(qbwc_writes=True)
        if database.is_sqlite:
            _enforce_foreign_keys(connection, False)
        try:
            with connection.begin():
                if not database.is_sqlite:
                    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                yield connection
        finally:
            if database.is_sqlite:
                _enforce_foreign_keys(connection, True)


def _enforce_foreign_keys(connection: sa.Connection, value: bool) -> None:
    cursor = connection.connection.cursor()  # the driver's: SQLAlchemy would begin a transaction
    cursor.execute(f"PRAGMA foreign_keys={'ON' if value else 'OFF'}")
    cursor.close()


def upgrade(database: Database, scripts: Path = SCRIPTS, version_table: str = VERSION_TABLE) -> None:
    """Bring the tables to the newest revision, in one transaction. Raises NewerDatabase when they are newer.

    Tables that are at it already are only read: others may write meanwhile.
    """
    script = _scripts_in(scripts)
    with database.engine.connect() as connection:
        if _revision(connection, version_table) == script.get_current_head():
            return
    with exclusive(database) as connection:
        current = _revision(connection, version_table)  # another process may have been first
        if current == script.get_current_head():
            return
        if current is not None:
            try:
                script.get_revision(current)
            except CommandError:
                raise NewerDatabase(current) from None
        config = _config(scripts)
        config.attributes["connection"] = connection
        config.attributes["version_table"] = version_table
        command.upgrade(config, "head")


def _revision(connection: sa.Connection, version_table: str) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": version_table})
    return context.get_current_revision()


@cache
def _scripts_in(scripts: Path) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(scripts))


def _config(scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    return config
