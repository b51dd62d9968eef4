"""Use cases: each a function and a transaction. Pages, command line and worker call the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from portal.models import Role
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, and in which role."""

    user_id: int
    email: str
    partner_id: int
    role: Role


def build_portal(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> Portal:
    """Open the database, bring its tables up to date, and register the job kinds. Raises Unusable."""
    from portal.migrations import upgrade
    from portal.services.quickbooks import build_registry

    database = Database(settings.sqlalchemy_url)
    upgrade(database)
    return Portal(settings, database, build_registry(), now)
