"""What waits to be billed, counted: the new lines of the provider's charges, and those that it took back.

Counted in one statement, and in the same terms as the preview: what it would bill, hold back, or leave out until
something is mended. What is switched off, or older than the start date, waits for nobody and is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import ChargeKind
from portal.billing.mapping import Reason
from portal.models import Connection, Offer, Organization
from portal.services import Portal
from portal.services.connections import find
from portal.services.health import HealthView, get_health
from portal.services.planning import period_of
from portal.services.waiting import CHARGES, is_waiting

UNCOUNTED = frozenset({Reason.OFFER_OFF, Reason.ORGANIZATION_OFF, Reason.BEFORE_START})
"""Why a charge that waits is no news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Lines that wait for the run of an invoice date: `new` ones, and `removed` ones that give back what was billed."""

    invoice_date: date
    new: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Banners:
    """What a person should know on any page of a connection: how the Web Connector does, and what waits."""

    health: HealthView
    news: News


def banners(portal: Portal, connection_id: int) -> Banners:
    """What the banners of a connection say now. Raises NotFound."""
    with portal.database.read() as db:
        news = read_news(db, find(db, connection_id), portal.now())
    return Banners(health=get_health(portal, connection_id), news=news)


def read_news(db: orm.Session, connection: Connection, now: datetime) -> News:
    """What waits for the latest run that has come, within a transaction that is open already."""
    period = period_of(db, connection, None, now)
    is_counted = sa.and_(
        is_waiting(connection.id),
        CHARGES.c.start < period.covered.end,
        CHARGES.c.organization_id.not_in(_switched_off(Organization, connection.id)),
        CHARGES.c.offer_id.not_in(_switched_off(Offer, connection.id)),
    )
    gives_back = CHARGES.c.reverses_id.is_not(None)
    if connection.start_date is not None:
        is_counted = sa.and_(is_counted, sa.or_(gives_back, _is_young(connection.start_date)))
    counted = sa.select(gives_back, sa.func.count()).select_from(CHARGES).where(is_counted).group_by(gives_back)
    counts = {bool(is_removed): int(count) for is_removed, count in db.execute(counted)}
    return News(invoice_date=period.on, new=counts.get(False, 0), removed=counts.get(True, 0))


def _is_young(floor: date) -> sa.ColumnElement[bool]:
    """Whether a charge is not older than the start date; a credit is as old as the subscription's period around it."""
    known = CHARGES.alias("known")
    around = (
        sa.select(known.c.id)
        .where(known.c.organization_id == CHARGES.c.organization_id, known.c.offer_id == CHARGES.c.offer_id)
        .where(known.c.kind == ChargeKind.RECURRING)
        .where(known.c.start <= CHARGES.c.start, known.c.end > CHARGES.c.start)
        .correlate(CHARGES)
    )
    is_plain = CHARGES.c.kind != ChargeKind.CREDIT
    is_of_young = sa.or_(~around.exists(), around.where(known.c.start >= floor).exists())
    return sa.and_(CHARGES.c.start >= floor, sa.or_(is_plain, is_of_young))


def _switched_off(table: type[Offer] | type[Organization], connection_id: int) -> Any:
    return sa.select(table.id).where(table.connection_id == connection_id, table.is_synchronized.is_(False))
