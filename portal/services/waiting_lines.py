"""The lines that wait for the latest invoice date that has come, counted for many connections at once.

In the same terms as the preview: what it would bill, hold back, or leave out until something is mended. What is
switched off, older than the start date, or kept back by the export rule, waits for nobody and is not counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import ChargeKind
from portal.billing.mapping import Reason
from portal.billing.period import Period, billed_period, invoice_date_on_or_before
from portal.models import Connection, Offer, Organization, Run
from portal.notices import Lines
from portal.services.chunks import chunks
from portal.services.rule_versions import InForce, restricting
from portal.services.scope import Query, Scope, Which, within
from portal.services.waiting import CHARGES

UNCOUNTED = frozenset({Reason.OFFER_OFF, Reason.ORGANIZATION_OFF, Reason.BEFORE_START, Reason.EXCLUDED})
"""Why a charge that waits is no news."""
_RULES = 50
"""The rules of so many connections are asked in one statement."""


def count_lines(db: orm.Session, rows: Collection[Any], now: datetime, scope: Scope) -> dict[int, Lines]:
    """The lines of those connections that have any.

    `rows` are the connections, or have their columns that count here, and `has_rule`; `scope` asks for the same ones.
    """
    owners = {row.id: row for row in rows}
    dates = {row.id: latest_date(row, now) for row in rows}
    ruled = [row for row in rows if row.has_rule]
    rules = restricting(db, ruled, dates, now, scope) if ruled else []
    groups = _groups(db, rows, rules, scope)
    # One that was made a moment ago is not among the rows.
    concerned = sorted({group[0] for group in groups} & owners.keys())
    periods = _periods(db, scope, [owners[one] for one in concerned], dates)
    found: dict[int, Lines] = {}
    for connection_id, start, is_removed, count in groups:
        if connection_id not in periods or start >= periods[connection_id].end:
            continue
        known = found.get(connection_id, Lines(invoice_date=dates[connection_id]))
        found[connection_id] = Lines(
            invoice_date=known.invoice_date,
            new=known.new + (0 if is_removed else count),
            removed=known.removed + (count if is_removed else 0),
        )
    return found


def latest_date(row: Any, now: datetime) -> date:
    """The latest invoice date of a connection that has come."""
    return invoice_date_on_or_before(now.astimezone(ZoneInfo(row.time_zone)).date(), row.invoice_day)


def _groups(
    db: orm.Session, rows: Collection[Any], rules: Collection[InForce], scope: Scope
) -> list[sa.Row[int, date, bool, int]]:
    """How many lines begin on a day: counted by it, since every connection has its own last day."""
    has_floors = any(row.start_date is not None for row in rows)
    plain = _plain(scope.which, has_floors=has_floors)
    if rules:
        plain = plain.where(CHARGES.c.connection_id.not_in([rule.connection_id for rule in rules]))
    groups = list(db.execute(plain, scope.values).all())
    counted = _counted(scope.which, has_floors=has_floors)
    for few in chunks(rules, _RULES):
        asked = [counted.where(CHARGES.c.connection_id == rule.connection_id, rule.keeps) for rule in few]
        groups += db.execute(sa.union_all(*asked), scope.values).all()
    return groups


@cache
def _plain(which: Which, *, has_floors: bool) -> Any:
    return within(_counted(which, has_floors=has_floors), CHARGES.c.connection_id, which)


@cache
def _counted(which: Which, *, has_floors: bool) -> Any:
    gives_back = CHARGES.c.reverses_id.is_not(None)
    place = (CHARGES.c.connection_id, CHARGES.c.start, gives_back.label("gives_back"))
    counted = sa.select(*place, sa.func.count()).where(
        sa.text("charge.is_billed IS NOT TRUE"),
        CHARGES.c.organization_id.not_in(_switched_off(Organization, which)),
        CHARGES.c.offer_id.not_in(_switched_off(Offer, which)),
    )
    if has_floors:
        counted = counted.join(Connection, Connection.id == CHARGES.c.connection_id)
        floor = Connection.start_date.expression
        counted = counted.where(sa.or_(floor.is_(None), gives_back, _is_young(floor)))
    return counted.group_by(*place)


def _switched_off(table: type[Offer] | type[Organization], which: Which) -> Any:
    return within(sa.select(table.id).where(table.is_synchronized.is_(False)), table.connection_id, which)


def _is_young(floor: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a charge is not older than the start date; a credit is as old as the subscription's period around it."""
    known = CHARGES.alias("known")
    around = (
        sa.select(known.c.id)
        .where(known.c.organization_id == CHARGES.c.organization_id, known.c.offer_id == CHARGES.c.offer_id)
        .where(known.c.kind == ChargeKind.RECURRING)
        .where(known.c.start <= CHARGES.c.start, known.c.end > CHARGES.c.start)
        .correlate(CHARGES, Connection)
    )
    is_plain = CHARGES.c.kind != ChargeKind.CREDIT
    is_of_young = sa.or_(~around.exists(), around.where(known.c.start >= floor).exists())
    return sa.and_(CHARGES.c.start >= floor, sa.or_(is_plain, is_of_young))


def _periods(db: orm.Session, scope: Scope, rows: Collection[Any], dates: Mapping[int, date]) -> dict[int, Period]:
    """The days that the latest invoice date of each covers, as `planning.period_of` has them."""
    if not rows:
        return {}
    asked = {**scope.values, "dates": sorted({dates[row.id] for row in rows})}
    made = {
        (run.connection_id, run.invoice_date): Period(run.period_start, run.period_end)
        for run in db.execute(_runs(scope.which), asked)
    }
    return {
        row.id: made.get((row.id, dates[row.id])) or billed_period(dates[row.id], row.invoice_day, row.billing_mode)
        for row in rows
    }


@cache
def _runs(which: Which) -> Query:
    runs = sa.select(Run.connection_id, Run.invoice_date, Run.period_start, Run.period_end)
    return within(runs.where(Run.invoice_date.in_(sa.bindparam("dates", expanding=True))), Run.connection_id, which)
