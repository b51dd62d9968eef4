"""The tables of the library, brought up to date: ``upgrade(database)``.

A host application with tables of its own passes its script folder and version table to the same function.
"""

from __future__ import annotations

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


def upgrade(database: Database, scripts: Path = SCRIPTS, version_table: str = VERSION_TABLE) -> None:
    """Bring the tables to the newest revision, in one transaction. Raises NewerDatabase when they are newer than that.
    Bring the tables to the newest revision, in one transaction. Raises NewerDatabase when they are newer than that.
    """
    with database.write() as db:
        connection = db.connection()
        if not database.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = version_table
        context = MigrationContext.configure(connection, opts={"version_table": version_table})
        current = context.get_current_revision()
        script = ScriptDirectory.from_config(config)
        if current == script.get_current_head():
            return
        if current is not None:
            try:
                script.get_revision(current)
            except CommandError:
                raise NewerDatabase(current) from None
        command.upgrade(config, "head")
