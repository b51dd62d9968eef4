"""What was invoiced and earned month by month: one sum of the database for each month and currency.

The same lines count as in the margin. Decimals are kept as text, so the database adds them as whole millionths, which
is exact for every amount of money.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import BilledCharge, Charge, Draft, DraftLine, Run
from portal.services import Portal
from portal.services.connections import find
from portal.services.insight.margin import sold_for

MONTHS = 12
_PARTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """The invoices dated in the month that begins on `first`; None where nothing is verified."""

    first: date
    sales: Decimal | None
    margin: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthGroup:
    """The months in one currency, oldest first, without a gap."""

    currency: str
    rows: tuple[MonthRow, ...]


def months(portal: Portal, connection_id: int) -> tuple[MonthGroup, ...]:
    """The twelve months that end with the last run, from the first of them that has one. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        latest = db.scalar(sa.select(sa.func.max(Run.invoice_date)).filter_by(connection_id=connection_id))
        if latest is None:
            return ()
        firsts = _firsts(latest)
        sums = _add_up(db, connection_id, firsts[0])
    groups = []
    for currency, found in sorted(sums.items()):
        begun = next(number for number, first in enumerate(firsts) if first in found)
        rows = (_row(first, found.get(first)) for first in firsts[begun:])
        groups.append(MonthGroup(currency=currency, rows=tuple(rows)))
    return tuple(groups)


def _firsts(latest: date) -> list[date]:
    """The first days of the twelve months that end with a day's."""
    newest = latest.year * 12 + latest.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(newest - MONTHS + 1, newest + 1)]


def _row(first: date, found: tuple[int, int] | None) -> MonthRow:
    if found is None:
        return MonthRow(first=first, sales=None, margin=None)
    sales, cost = (Decimal(number) / _PARTS for number in found)
    return MonthRow(first=first, sales=sales, margin=sales - cost)


def _add_up(db: orm.Session, connection_id: int, first: date) -> dict[str, dict[date, tuple[int, int]]]:
    """Sales and cost in millionths, by currency and first day of the month. Lines of two currencies are left out."""
    lines = (
        sa.select(
            Run.invoice_date.label("day"),
            _parts(sold_for()).label("sales"),
            sa.func.min(Charge.currency).label("currency"),
            sa.func.max(Charge.currency).label("other"),
            sa.func.sum(_parts(Charge.amount)).label("cost"),
        )
        .select_from(Run)
        .join(Draft, Draft.run_id == Run.id)
        .join(DraftLine, DraftLine.draft_id == Draft.id)
        .join(BilledCharge, BilledCharge.line_id == DraftLine.id)
        .join(Charge, Charge.id == BilledCharge.charge_id)
        .where(Run.connection_id == connection_id, Run.invoice_date >= first)
        .group_by(DraftLine.id, Run.invoice_date, Draft.state, Draft.code, DraftLine.amount)
        .subquery()
    )
    query = (
        sa.select(lines.c.day, lines.c.currency, sa.func.sum(lines.c.sales), sa.func.sum(lines.c.cost))
        .where(lines.c.currency == lines.c.other, lines.c.sales.is_not(None))
        .group_by(lines.c.day, lines.c.currency)
    )
    sums: dict[str, dict[date, tuple[int, int]]] = {}
    for day, currency, sales, cost in db.execute(query):
        month = sums.setdefault(currency, {})
        before = month.get(day.replace(day=1), (0, 0))
        month[day.replace(day=1)] = (before[0] + int(sales), before[1] + int(cost))
    return sums


def _parts(amount: Any) -> sa.ColumnElement[int]:
    """An amount that is kept as text, in whole millionths."""
    return sa.cast(
        sa.func.round(sa.cast(sa.type_coerce(amount, sa.String), sa.Numeric(30, 10)) * _PARTS), sa.BigInteger
    )
