"""The charges that wait to be billed, as the rules see them, and what is known of their subscriptions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import Charge as ChargeValue
from portal.billing.charge import ChargeKind
from portal.billing.lines import Given, History, Received
from portal.billing.money import from_cents
from portal.billing.period import Period
from portal.models import BilledCharge, Charge, Delivery, Draft, DraftLine, DraftState, Offer

CHARGES = Charge.metadata.tables[Charge.__tablename__]
_BILLED = BilledCharge.metadata.tables[BilledCharge.__tablename__]
HISTORY = timedelta(days=2 * 366)
_COLUMNS = tuple(
    CHARGES.c[name]
    for name in (
        "id",
        "organization_id",
        "offer_id",
        "delivery_id",
        "key",
        "name",
        "kind",
        "cycle",
        "quantity",
        "start",
        "end",
        "unit_cost",
        "unit_cost_prorated",
        "amount",
        "currency",
        "is_proratable",
        "reverses_id",
    )
)


def is_waiting(connection_id: int, only: Collection[int] | None = None) -> sa.ColumnElement[bool]:
    """The charges of a connection, or of organizations of it, that no line bills.

    In these words, for the indexes on them to be used: a batch of a run must not read all that waits.
    """
    return sa.and_(_of(CHARGES, connection_id, only), sa.text("charge.is_billed IS NOT TRUE"))


def _of(charges: Any, connection_id: int, only: Collection[int] | None) -> sa.ColumnElement[bool]:
    if only is None:
        return cast("sa.ColumnElement[bool]", charges.c.connection_id == connection_id)
    return cast("sa.ColumnElement[bool]", charges.c.organization_id.in_(sorted(only)))


def read_waiting(db: orm.Session, asked: sa.ColumnElement[bool]) -> Sequence[Any]:
    """The rows of what waits, for `load_received`: plain ones, since there may be 100,000."""
    return db.connection().execute(sa.select(*_COLUMNS).where(asked).order_by(CHARGES.c.id)).all()


def load_received(
    db: orm.Session,
    connection_id: int,
    rows: Sequence[Any],
    asked: sa.ColumnElement[bool],
    offers: dict[int, Offer],
    organizations: dict[int, Any],
) -> list[Received]:
    """Everything up to the end of the period that is not billed: late charges and corrections are swept up with it.

    What the export rule keeps back is not in `asked`: it waits, however late, until a version of the rule lets it.
    """
    deliveries = {
        row.id: Period(row.period_start, row.period_end)
        for row in db.execute(
            sa.select(Delivery.id, Delivery.period_start, Delivery.period_end).filter_by(connection_id=connection_id)
        )
    }
    keys = {row.id: row.key for row in offers.values()}
    names = {row.id: row.name for row in organizations.values()}
    given = _given(db, asked)
    return [
        Received(
            id=row[0],
            charge=ChargeValue(
                key=row[4],
                organization=names[row[1]],
                offer_key=keys[row[2]],
                offer_name=row[5],
                kind=row[6],
                cycle=row[7],
                quantity=row[8],
                start=row[9],
                end=row[10],
                unit_cost=row[11],
                unit_cost_prorated=row[12],
                amount=row[13],
                currency=row[14],
                is_proratable=row[15],
            ),
            offer_id=row[2],
            organization_id=row[1],
            whole=deliveries[row[3]],
            gives_back=None if row[16] is None else given[row[16]],
        )
        for row in rows
    ]


def _given(db: orm.Session, asked: sa.ColumnElement[bool]) -> dict[int, Given]:
    """What each charge that one of these gives back came to; nothing, where a person said not to bill its invoice."""
    query = (
        sa.select(_BILLED.c.charge_id, _BILLED.c.quantity, _BILLED.c.rate, _BILLED.c.amount, Draft.state)
        .join(CHARGES, CHARGES.c.reverses_id == _BILLED.c.charge_id)
        .join(DraftLine, DraftLine.id == _BILLED.c.line_id)
        .join(Draft, Draft.id == DraftLine.draft_id)
        .where(asked)
    )
    return {
        charge_id: Given(quantity=quantity, rate=rate, amount=amount)
        if state is not DraftState.IGNORED
        else Given(quantity=Decimal(0))
        for charge_id, quantity, rate, amount, state in db.execute(query)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """The charges of one organization, offer and currency that the export rule keeps back."""

    organization_id: int
    offer_id: int
    currency: str
    count: int
    amount: Decimal


def load_excluded(db: orm.Session, asked: sa.ColumnElement[bool]) -> tuple[Excluded, ...]:
    """How many of these charges there are, and what they come to: added up where they are, without loading them."""
    place = (CHARGES.c.organization_id, CHARGES.c.offer_id, CHARGES.c.currency)
    sums = sa.select(*place, sa.func.count(), sa.func.sum(CHARGES.c.amount_cents)).where(asked)
    return tuple(
        Excluded(
            organization_id=organization_id,
            offer_id=offer_id,
            currency=currency,
            count=count,
            amount=from_cents(int(cents)),
        )
        for organization_id, offer_id, currency, count, cents in db.execute(sums.group_by(*place).order_by(*place))
    )


def load_history(
    db: orm.Session,
    connection_id: int,
    period: Period,
    asks: sa.ColumnElement[bool],
    only: Collection[int] | None,
) -> History:
    """The charges of two years that tell what a waiting one is; only of those offers that one asks about."""
    known = CHARGES.alias("known")
    since = sa.and_(known.c.start < period.end, known.c.start >= period.end - HISTORY)
    partial = CHARGES.c.kind.in_([ChargeKind.PRORATED, ChargeKind.CREDIT])
    # Made once: asked for each charge again, or joined by SQLite, the time would grow with the square of them.
    pairs = sa.select(CHARGES.c.organization_id, CHARGES.c.offer_id).where(asks, partial)
    wholes: dict[tuple[int, int], list[Period]] = {}
    found = (
        sa.select(known.c.organization_id, known.c.offer_id, known.c.start, known.c.end)
        .where(_of(known, connection_id, only), since, known.c.kind == ChargeKind.RECURRING)
        .where(sa.tuple_(known.c.organization_id, known.c.offer_id).in_(pairs))
        .distinct()
    )
    for organization_id, offer_id, start, end in db.execute(found):
        wholes.setdefault((organization_id, offer_id), []).append(Period(start, end))
    # Whether seats or money come back is asked only where the sign is on the price, and the first like cost answers it.
    is_cost = size_of(known.c.unit_cost) == size_of(CHARGES.c.unit_cost)
    is_other = sa.and_(known.c.offer_id == CHARGES.c.offer_id, known.c.kind != ChargeKind.CREDIT)
    is_priced_back = sa.and_(
        CHARGES.c.kind == ChargeKind.CREDIT,
        sa.type_coerce(CHARGES.c.amount, sa.String).like("-%"),
        sa.type_coerce(CHARGES.c.quantity, sa.String).not_like("-%"),
    )
    charged = (
        sa.select(CHARGES.c.offer_id, CHARGES.c.unit_cost)
        .where(asks, is_priced_back, sa.exists().where(is_other, since, is_cost))
        .distinct()
    )
    costs: dict[int, set[Decimal]] = {}
    for offer_id, cost in db.execute(charged):
        costs.setdefault(offer_id, set()).add(abs(cost))
    return History(wholes, costs)


def size_of(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The size of a decimal that is kept as text."""
    return sa.func.abs(sa.cast(sa.type_coerce(column, sa.String), sa.Numeric))


def load_bought(db: orm.Session, run_id: int, offers: Collection[int]) -> list[tuple[int, Decimal, Decimal]]:
    """What a run bills of these offers already, alike ones together: offer id, unit cost, units. No credits."""
    query = (
        sa.select(CHARGES.c.offer_id, CHARGES.c.unit_cost, CHARGES.c.quantity, sa.func.count())
        .join(_BILLED, _BILLED.c.charge_id == CHARGES.c.id)
        .join(DraftLine, DraftLine.id == _BILLED.c.line_id)
        .join(Draft, Draft.id == DraftLine.draft_id)
        .where(Draft.run_id == run_id, CHARGES.c.kind != ChargeKind.CREDIT, CHARGES.c.reverses_id.is_(None))
        .group_by(CHARGES.c.offer_id, CHARGES.c.unit_cost, CHARGES.c.quantity)
    )
    return [
        (offer_id, cost, abs(units) * count)
        for offer_id, cost, units, count in db.execute(query)
        if offer_id in offers and cost >= 0
    ]
