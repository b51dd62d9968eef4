"""The facts that notices follow from, of many connections at once: as many statements for a thousand as for one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import CallRhythm, Connection, ExportRuleVersion, FailedImport
from portal.notices import Company, Errors, Facts, FailedVisit, Lines, Unmapped
from portal.notices import FailedImport as FailedImportFact
from portal.providers import ProviderError
from portal.services.call_rhythm import as_rhythm
from portal.services.notice_counts import CountedErrors, count_errors, count_unmapped, has_lists
from portal.services.scope import EVERY, Query, Scope, Which, within
from portal.services.speaking import explain_provider
from portal.services.waiting_lines import count_lines
from qbwc import models as wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A connection, by what lists and letters say of it, and its facts."""

    connection_id: int
    name: str
    partner_id: int
    time_zone: str
    facts: Facts


def load_facts(db: orm.Session, now: datetime, scope: Scope = EVERY) -> list[Known]:
    """The facts of all connections, or of those in `scope`, by name."""
    rows = db.execute(_connections(scope.which), scope.values).all()
    if not rows:
        return []
    found = _Found(
        visits=_failed_visits(db, scope, rows),
        lines=count_lines(db, rows, now, scope),
        rows=count_unmapped(db, scope),
        errors=count_errors(db, scope),
        imports=_failed_imports(db, scope) if any(row.has_failed_import for row in rows) else {},
    )
    return [
        Known(
            connection_id=row.id,
            name=row.name,
            partner_id=row.partner_id,
            time_zone=row.time_zone,
            facts=_facts(row, found),
        )
        for row in rows
    ]


_NO_ERRORS = CountedErrors(errors=Errors(), shown=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read beside the connections themselves, by connection."""

    visits: Mapping[int, FailedVisit]
    lines: Mapping[int, Lines]
    rows: Mapping[int, Unmapped]
    errors: Mapping[int, CountedErrors]
    imports: Mapping[int, tuple[FailedImportFact, ...]]


@cache
def _connections(which: Which) -> Query:
    caller = wire.Connection
    query = (
        sa.select(
            Connection.id,
            Connection.name,
            Connection.partner_id,
            Connection.time_zone,
            Connection.created_at,
            Connection.billing_mode,
            Connection.invoice_day,
            Connection.start_date,
            Connection.password_changed_at,
            caller.last_contact_at,
            caller.last_success_at,
            caller.refused_at,
            caller.verdict,
            caller.seen_company_name,
            caller.seen_company_path,
            caller.company_name,
            caller.company_path,
            caller.host,
            CallRhythm.first_week,
            CallRhythm.week,
            CallRhythm.hours,
            has_lists(Connection.id).label("has_lists"),
            sa.exists().where(ExportRuleVersion.connection_id == Connection.id).label("has_rule"),
            sa.exists().where(FailedImport.connection_id == Connection.id).label("has_failed_import"),
        )
        .join(caller, caller.id == Connection.id)
        .outerjoin(CallRhythm, CallRhythm.connection_id == Connection.id)
        .order_by(Connection.name, Connection.id)
    )
    return within(query, Connection.id, which)


def _facts(row: Any, found: _Found) -> Facts:
    host, errors = row.host or {}, found.errors.get(row.id, _NO_ERRORS)
    return Facts(
        created_at=row.created_at,
        time_zone=row.time_zone,
        last_contact_at=row.last_contact_at,
        refused_at=row.refused_at,
        password_changed_at=row.password_changed_at,
        rhythm=as_rhythm(row),
        company=None if row.verdict is None else _company(row),
        failed_visit=found.visits.get(row.id),
        lines=found.lines.get(row.id),
        has_lists=row.has_lists,
        unmapped=found.rows.get(row.id, Unmapped()),
        errors=errors.errors,
        shown_errors=errors.shown,
        product=str(host.get("product_name") or ""),
        release=host.get("major_version"),
        failed_imports=found.imports.get(row.id, ()),
    )


def _company(row: Any) -> Company:
    return Company(
        verdict=row.verdict,
        name=row.seen_company_name or "?",
        path=row.seen_company_path or "?",
        known_name=row.company_name or "?",
        known_path=row.company_path or "?",
    )


def _failed_visits(db: orm.Session, scope: Scope, rows: Collection[Any]) -> dict[int, FailedVisit]:
    """Of those that called and did not succeed since: the last failed visit, and when the first of the row was."""
    if not any(row.last_contact_at and (row.last_success_at or row.created_at) < row.last_contact_at for row in rows):
        return {}
    return {
        row.connection_id: FailedVisit(error=row.last_error, since=row.since)
        for row in db.execute(_last_visits(scope.which), scope.values)
        if row.last_error
    }


@cache
def _last_visits(which: Which) -> Query:
    caller, visit = wire.Connection, wire.Session
    fails = sa.or_(caller.last_success_at.is_(None), caller.last_contact_at > caller.last_success_at)
    is_since = sa.or_(caller.last_success_at.is_(None), visit.opened_at >= caller.last_success_at)
    grouped = (
        sa.select(
            visit.connection_id,
            sa.func.max(visit.id).label("last_id"),
            sa.func.min(sa.case((visit.last_error.is_not(None), visit.opened_at))).label("since"),
        )
        .join(caller, caller.id == visit.connection_id)
        .where(fails, is_since)
        .group_by(visit.connection_id)
    )
    latest = within(grouped, visit.connection_id, which).subquery()
    last = sa.select(latest.c.connection_id, latest.c.since, visit.last_error)
    return last.join(visit, visit.id == latest.c.last_id)


def _failed_imports(db: orm.Session, scope: Scope) -> dict[int, tuple[FailedImportFact, ...]]:
    found: dict[int, tuple[FailedImportFact, ...]] = {}
    for row in db.scalars(within(sa.select(FailedImport), FailedImport.connection_id, scope.which), scope.values):
        why = Sentence(row.template, row.values)
        if row.error_key is not None:
            why = explain_provider(ProviderError(row.error_key, row.template, **row.values))
        fact = FailedImportFact(provider=row.provider, file_name=row.file_name, at=row.failed_at, why=why)
        found[row.connection_id] = (*found.get(row.connection_id, ()), fact)
    return found
