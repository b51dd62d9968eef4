"""What was told of each connection: one row for a cause, and one more where accountants were told something else.

Runs may be kept from accountants, and with them the invoices that wait for a person. The row of their own has the same
key behind `FOR_ACCOUNTANTS`; a size of 0 says that they were told nothing of this cause.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import Role, ToldNotice
from portal.notices import Facts, Kind, find_notices
from portal.notices.telling import Changes, Told, compare
from portal.services.turns import of_connections

FOR_ACCOUNTANTS = "accountants:"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """A cause as it was told; `size` 0: it was not."""

    kind: Kind
    fingerprint: str
    size: int
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOf:
    """What was told of a connection, by the keys of the causes. `own` has only what accountants were told otherwise."""

    common: Mapping[str, _State]
    own: Mapping[str, _State]

    @property
    def accountants(self) -> dict[str, _State]:
        """What accountants were told."""
        return {key: one for key, one in {**self.common, **self.own}.items() if one.size}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be told of a connection: to everybody but accountants, machines too, and to accountants."""

    common: Changes
    accountants: Changes

    def __bool__(self) -> bool:
        return bool(self.common or self.accountants)


NOTHING = ToldOf(common={}, own={})


def read_told(db: orm.Session, ids: Collection[int] | None) -> dict[int, ToldOf]:
    """What was told of these connections, or of all; none of those of which nothing was."""
    row = ToldNotice
    query = sa.select(row.connection_id, row.key, row.kind, row.fingerprint, row.size, row.told_at)
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for one in db.execute(query if ids is None else of_connections(query, row, ids)):
        found[one.connection_id].append(one)
    return {connection_id: _told_of(rows) for connection_id, rows in found.items()}


def _told_of(rows: Collection[Any]) -> ToldOf:
    common: dict[str, _State] = {}
    own: dict[str, _State] = {}
    for one in rows:
        state = _State(kind=one.kind, fingerprint=one.fingerprint, size=one.size, told_at=one.told_at)
        key = one.key.removeprefix(FOR_ACCOUNTANTS)
        (common if key == one.key else own)[key] = state
    return ToldOf(common=common, own=own)


def find_news(told: ToldOf, facts: Facts, now: datetime) -> News:
    """What changed since it was told."""
    common = compare(_as_told(told.common), find_notices(facts, now), now)
    if facts.shown_errors is None and not told.own:
        return News(common=common, accountants=common)
    shown = find_notices(facts.for_accountants(), now)
    return News(common=common, accountants=compare(_as_told(told.accountants), shown, now))


def _as_told(states: Mapping[str, _State]) -> list[Told]:
    return [Told(kind=one.kind, key=key, fingerprint=one.fingerprint, size=one.size) for key, one in states.items()]


def remember(db: orm.Session, connection_id: int, told: ToldOf, news: News, now: datetime) -> None:
    """Keep what is told, in the transaction that puts it into the outbox."""
    common, accountants = _after(told.common, news.common, now), _after(told.accountants, news.accountants, now)
    wanted = dict(common)
    for key in common.keys() | accountants.keys():
        if accountants.get(key) != common.get(key):
            untold = replace(common.get(key) or accountants[key], fingerprint="", size=0)
            wanted[FOR_ACCOUNTANTS + key] = accountants.get(key, untold)
    rows = {row.key: row for row in db.scalars(sa.select(ToldNotice).filter_by(connection_id=connection_id))}
    for key in rows.keys() - wanted.keys():
        db.delete(rows[key])
    for key, state in wanted.items():
        row = rows.get(key)
        if row is None:
            row = ToldNotice(connection_id=connection_id, key=key, kind=state.kind)
            db.add(row)
        row.fingerprint, row.size, row.told_at = state.fingerprint, state.size, state.told_at


def _after(before: Mapping[str, _State], changes: Changes, now: datetime) -> dict[str, _State]:
    """What was told once these changes are."""
    after = dict(before)
    for notice in changes.news:
        after[notice.key] = _State(kind=notice.kind, fingerprint=notice.fingerprint, size=notice.size, told_at=now)
    for notice in changes.mended:
        after[notice.key] = replace(after[notice.key], fingerprint=notice.fingerprint, size=notice.size)
    for gone in changes.cleared:
        del after[gone.key]
    return after


def is_told_to(role: sa.ColumnElement[Role]) -> sa.ColumnElement[bool]:
    """The condition on told causes that somebody in this role was told them."""
    other = orm.aliased(ToldNotice)
    is_own = ToldNotice.key.startswith(FOR_ACCOUNTANTS, autoescape=True)
    has_own = (
        sa.select(other.id)
        .where(
            other.connection_id == ToldNotice.connection_id,
            other.key == sa.literal(FOR_ACCOUNTANTS).concat(ToldNotice.key),
        )
        .exists()
    )
    was_told = sa.case((is_own, ToldNotice.size > 0), else_=~has_own)
    return sa.case((role == Role.ACCOUNTANT, was_told), else_=~is_own)
