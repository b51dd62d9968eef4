"""The portal's tables and the library's, brought up to date by themselves."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import DBAPIError

from portal.errors import Unusable
from qbwc import migrations as wire
from qbwc.database import Database
from qbwc.errors import NewerDatabase

SCRIPTS = Path(__file__).parent
VERSION_TABLE = "portal_alembic_version"


def upgrade(database: Database) -> None:
    """Bring all tables to the newest revision. Raises Unusable for a newer or unreachable database."""
    try:
        wire.upgrade(database)
        wire.upgrade(database, SCRIPTS, VERSION_TABLE)
    except NewerDatabase as error:
        raise Unusable(
            "The database was made by a newer version of the portal (schema %(revision)s). "
            "Install that version, or set PORTAL_DATA or PORTAL_DATABASE_URL to another database.",
            revision=error.revision,
        ) from None
    except DBAPIError as error:
        raise Unusable(
            "The database cannot be opened: %(reason)s. Check PORTAL_DATA and PORTAL_DATABASE_URL.",
            reason=reason(error),
        ) from None


def reason(error: DBAPIError) -> str:
    """What the database itself said, in its first line and without a full stop."""
    said = str(error.orig).strip() or type(error.orig).__name__
    return said.splitlines()[0].rstrip(".")
