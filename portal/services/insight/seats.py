"""Drift between two periods: recurring seats of a provider's newest period, and of the one right before it.

Every delivery is whole, or it was not imported. Still a period is compared only with what can be compared: the one that
ends on the day it starts on, and, where a provider delivers in several scopes that come again, those that both periods
have; or a file that is not imported yet would look like licences that were cancelled.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.period import Period
from portal.models import Charge, Delivery
from portal.services import Portal, charge_file
from portal.services.connections import find
from portal.services.insight.names import CHUNK, Names


class Move(StrEnum):
    """What became of the seats of an organization and offer."""

    NEW = "new"
    GONE = "gone"
    MORE = "more"
    FEWER = "fewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    """Recurring seats that are others than in the period before."""

    organization: str
    offer: str
    offer_key: str
    before: Decimal
    after: Decimal
    move: Move


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatDrift:
    """A provider's newest period beside the one before it. Without `before`, that one was not imported.

    `files` and `files_before` are what is compared. `left_out` are the scopes that one of the two periods lacks.
    `unchanged` counts pairs of organization and offer.
    """

    provider: str
    period: Period
    before: Period | None
    files: tuple[str, ...]
    files_before: tuple[str, ...]
    left_out: tuple[str, ...]
    unchanged: int
    rows: tuple[SeatRow, ...]

    @property
    def last_before(self) -> date:
        """The last day of the period before, whether it was imported or not."""
        return self.period.start - timedelta(days=1)


_Seats = dict[tuple[int, int], Decimal]


def seats(portal: Portal, connection_id: int) -> tuple[SeatDrift, ...]:
    """The drift of every provider of a connection. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        delivered = _delivered(db, connection_id)
        return tuple(_drift(db, connection_id, provider, periods) for provider, periods in sorted(delivered.items()))


def _delivered(db: orm.Session, connection_id: int) -> dict[str, dict[Period, dict[str, str]]]:
    """The newest file of each scope, by provider and period. A delivery without charges says nothing of seats."""
    query = (
        sa.select(Delivery.provider, Delivery.period_start, Delivery.period_end, Delivery.scope, Delivery.file_name)
        .where(Delivery.connection_id == connection_id, Delivery.rows > 0)
        .where(Delivery.provider != charge_file.PROVIDER)  # which says nothing of what it does not list
        .order_by(Delivery.id)
    )
    found: dict[str, dict[Period, dict[str, str]]] = {}
    for provider, start, end, scope, file_name in db.execute(query):
        found.setdefault(provider, {}).setdefault(Period(start, end), {})[scope] = file_name
    return found


def _drift(db: orm.Session, connection_id: int, provider: str, periods: dict[Period, dict[str, str]]) -> SeatDrift:
    period = max(periods, key=lambda one: (one.end, one.start))
    before = max((one for one in periods if one.end == period.start), key=lambda one: one.start, default=None)
    files = periods[period]
    files_before = files if before is None else periods[before]
    every = files.keys() | files_before.keys()
    # None in common: scopes that never come again, such as invoices' numbers.
    compared = files.keys() & files_before.keys() or every
    rows: list[SeatRow | None] = []
    if before is not None:
        scopes = None if compared == every else compared
        now = _count(db, connection_id, provider, period, scopes)
        then = _count(db, connection_id, provider, before, scopes)
        pairs = [pair for pair in now.keys() | then.keys() if now.get(pair) or then.get(pair)]
        names = Names.load(db, pairs)
        pairs.sort(key=lambda pair: names.order(*pair))
        rows = [_row(pair, then.get(pair, Decimal(0)), now.get(pair, Decimal(0)), names) for pair in pairs]
    return SeatDrift(
        provider=provider,
        period=period,
        before=before,
        files=tuple(name for scope, name in files.items() if scope in compared),
        files_before=tuple(name for scope, name in files_before.items() if before and scope in compared),
        left_out=tuple(sorted(every - compared)),
        unchanged=rows.count(None),
        rows=tuple(row for row in rows if row is not None),
    )


def _count(
    db: orm.Session, connection_id: int, provider: str, period: Period, scopes: Collection[str] | None
) -> _Seats:
    """Recurring seats that stand: those delivered for the period, and those of a year that covers its last day.

    `scopes` are the only ones that count, if given. The database counts how often each quantity stands there: the
    quantities themselves are added here.
    """
    back = sa.orm.aliased(Charge)
    stands = sa.and_(
        Charge.connection_id == connection_id,
        Charge.kind == ChargeKind.RECURRING,
        Charge.reverses_id.is_(None),
        ~sa.exists().where(back.reverses_id == Charge.id),
    )
    of_period = sa.and_(
        Charge.cycle != BillingCycle.YEARLY,
        Delivery.period_start == period.start,
        Delivery.period_end == period.end,
    )
    of_year = sa.and_(
        Charge.cycle == BillingCycle.YEARLY,
        Delivery.period_end <= period.end,
        Charge.start <= period.last,
        Charge.end > period.last,
    )
    query = (
        sa.select(Charge.organization_id, Charge.offer_id, Charge.quantity, sa.func.count())
        .join(Delivery, Delivery.id == Charge.delivery_id)
        .where(stands, Delivery.provider == provider, sa.or_(of_period, of_year))
        .where(sa.true() if scopes is None else Delivery.scope.in_(scopes))
        .group_by(Charge.organization_id, Charge.offer_id, Charge.quantity)
        .execution_options(yield_per=CHUNK)
    )
    found: _Seats = {}
    for organization_id, offer_id, quantity, times in db.execute(query):
        pair = (organization_id, offer_id)
        found[pair] = found.get(pair, Decimal(0)) + quantity * times
    return found


def _row(pair: tuple[int, int], before: Decimal, after: Decimal, names: Names) -> SeatRow | None:
    if before == after:
        return None
    if before == 0 or after == 0:
        move = Move.NEW if before == 0 else Move.GONE
    else:
        move = Move.MORE if after > before else Move.FEWER
    offer, key = names.offers[pair[1]]
    return SeatRow(
        organization=names.organizations[pair[0]], offer=offer, offer_key=key, before=before, after=after, move=move
    )
