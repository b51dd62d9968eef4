"""Which version of an export rule applies: the newest, or the one that a run was begun by.

A run that is being made keeps its version, and the day that "the last n days" count from, until all its drafts are
made. Asked for once more after that, it takes the newest. What is queued or sent already, a visit keeps: no rule takes
back what was billed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.export_rule import EVERYTHING, Applied, ExportRule
from portal.billing.rule_record import from_record
from portal.models import Connection, ExportRuleVersion, PlannedDraft, PlannedState, Run
from portal.services import rule_conditions
from portal.services.scope import Scope, Which, within


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A version of a connection's rule as it is applied. Version 0, without an id, is that of before the first."""

    connection_id: int
    applied: Applied
    id: int | None = None
    version: int = 0
    rule: ExportRule = field(default_factory=lambda: EVERYTHING)

    @property
    def keeps(self) -> sa.ColumnElement[bool]:
        """The charges that may leave."""
        return rule_conditions.keeps(self.rule, self.connection_id, self.applied)

    @property
    def drops(self) -> sa.ColumnElement[bool]:
        """The charges that are kept back."""
        return rule_conditions.drops(self.rule, self.connection_id, self.applied)


def today_of(connection: Connection, now: datetime) -> Applied:
    """Where a connection is, and what day it is there."""
    zone = ZoneInfo(connection.time_zone)
    return Applied(zone=zone, today=now.astimezone(zone).date())


def newest(db: orm.Session, connection: Connection, now: datetime) -> InForce:
    """The version that the next run takes."""
    own = sa.select(ExportRuleVersion).filter_by(connection_id=connection.id)
    row = db.scalar(own.order_by(ExportRuleVersion.version.desc()).limit(1))
    return _in_force(connection.id, row, today_of(connection, now))


def of_run(db: orm.Session, connection: Connection, on: date, now: datetime) -> InForce:
    """The version for an invoice date: that of its run while this is being made, else the newest."""
    run = db.scalar(being_made(connection.id).where(Run.invoice_date == on))
    return newest(db, connection, now) if run is None else begun_by(db, connection, run, now)


def restricting(
    db: orm.Session, rows: Collection[Any], dates: Mapping[int, date], now: datetime, scope: Scope
) -> list[InForce]:
    """Of many connections the versions that keep something back, each as `of_run` has it for its date.

    `rows` are the connections, or have their id and time zone; `scope` asks for the same ones, or for more.
    """
    known = {row.connection_id: row for row in db.scalars(_newest_versions(scope.which), scope.values)}
    if not known:
        return []
    asked = {"ruled": sorted(known), "dates": sorted(set(dates.values()))}
    made = {(run.connection_id, run.invoice_date): (run, begun) for run, begun in db.execute(_begun_runs(), asked)}
    found = []
    for row in rows:
        if row.id in known:
            run, begun = made.get((row.id, dates[row.id]), (None, known[row.id]))
            found.append(_in_force(row.id, begun, _as_begun(row, run, now)))
    return [one for one in found if one.rule.restricts]


@cache
def _newest_versions(which: Which) -> sa.Select[ExportRuleVersion]:
    version = ExportRuleVersion
    latest = sa.select(version.connection_id, sa.func.max(version.version).label("version"))
    last = within(latest.group_by(version.connection_id), version.connection_id, which).subquery()
    is_last = sa.and_(version.connection_id == last.c.connection_id, version.version == last.c.version)
    return sa.select(version).join(last, is_last)


@cache
def _begun_runs() -> sa.Select[Run, ExportRuleVersion]:
    version = ExportRuleVersion
    runs = sa.select(Run, version).outerjoin(version, version.id == Run.rule_id).where(_is_being_made())
    is_ruled = Run.connection_id.in_(sa.bindparam("ruled", expanding=True))
    return runs.where(is_ruled, Run.invoice_date.in_(sa.bindparam("dates", expanding=True)))


def begun_by(db: orm.Session, connection: Connection, run: Run, now: datetime) -> InForce:
    """The version that a run was begun by."""
    row = None if run.rule_id is None else db.get_one(ExportRuleVersion, run.rule_id)
    return _in_force(connection.id, row, _as_begun(connection, run, now))


def _as_begun(connection: Connection, run: Run | None, now: datetime) -> Applied:
    """The day that counts for a run is that on which it was begun."""
    applied = today_of(connection, now)
    return applied if run is None or run.rule_on is None else replace(applied, today=run.rule_on)


def being_made(connection_id: int) -> sa.Select[Run]:
    """The runs that still have drafts to make."""
    return sa.select(Run).where(Run.connection_id == connection_id, _is_being_made()).order_by(Run.id)


def _is_being_made() -> sa.ColumnElement[bool]:
    return Run.id.in_(sa.select(PlannedDraft.run_id).filter_by(state=PlannedState.WAITING))


def _in_force(connection_id: int, row: ExportRuleVersion | None, applied: Applied) -> InForce:
    if row is None:
        return InForce(connection_id=connection_id, applied=applied)
    rule = from_record(row.rule)
    return InForce(connection_id=connection_id, applied=applied, id=row.id, version=row.version, rule=rule)
