"""Use cases: each a function and a transaction. Pages, command line and worker call the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from portal.errors import Unusable
from portal.settings import Settings
from qbwc.database import Database
from qbwc.jobs import Registry


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Portal:
    """What every use case needs: the settings, the database, the job kinds and the clock."""

    settings: Settings
    database: Database
    registry: Registry
    now: Callable[[], datetime] = field(default=utc_now)


def build_portal(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> Portal:
    """Open the database, bring its tables up to date, and register the job kinds. Raises Unusable."""
    from portal.migrations import upgrade
    from portal.services.quickbooks import build_registry

    database = _open(settings)
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return Portal(settings, database, build_registry(), now)


def _open(settings: Settings) -> Database:
    try:
        return Database(settings.sqlalchemy_url)
    except ImportError as error:
        raise Unusable(
            "PORTAL_DATABASE_URL needs %(name)s, which is not installed. Install qbwc-portal[postgresql].",
            name=error.name or error,
        ) from None
    except (ValueError, SQLAlchemyError):  # never shown: it holds a password
        raise Unusable(
            "PORTAL_DATABASE_URL is not a database's address. Give one such as "
            "postgresql://user:password@host/database, or leave it out."
        ) from None
