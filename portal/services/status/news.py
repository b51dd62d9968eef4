"""What waits to be billed, as the banners of every page say it, beside how the Web Connector does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import Connection
from portal.notices import Lines
from portal.services import Portal
from portal.services.connections import find
from portal.services.health import HealthView, read_health
from portal.services.waiting_lines import count_lines, latest_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Banners:
    """What a person should know on any page of a connection: how the Web Connector does, and what waits."""

    health: HealthView
    news: Lines


def banners(portal: Portal, connection_id: int) -> Banners:
    """What the banners of a connection say now. Raises NotFound."""
    with portal.database.read() as db:
        connection, now = find(db, connection_id), portal.now()
        return Banners(health=read_health(db, connection, now), news=read_news(db, connection, now))


def read_news(db: orm.Session, connection: Connection, now: datetime) -> Lines:
    """What waits for the latest run that has come, within a transaction that is open already."""
    only = sa.select(Connection.id).where(Connection.id == connection.id)
    found = count_lines(db, [connection], now, only)
    return found.get(connection.id) or Lines(invoice_date=latest_date(connection, now))
