"""Send and receive, as between a client and its accountant: what goes at the next visit, and what the last one brought.

What is sent is begun by `portal.services.billing`, as from the preview: this only tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import Connection, CostState, Draft, DraftState, ItemCost, Run
from portal.services import Portal, run_pages, unshared
from portal.services.connections import find
from portal.services.exchange_periods import YearChoice, year_named
from portal.services.health import Health, read_health
from portal.services.status.visit import VisitView, read_visits
from qbwc import models as wire
from qbwc import parts
from qbwc.mirror import LISTS

MOST_RUNS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRun:
    """A run of which invoices wait for the Web Connector."""

    id: int
    invoice_date: date
    invoices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """What waits to leave; `health` tells how the Web Connector does, and when it usually calls next."""

    runs: tuple[WaitingRun, ...]
    costs: int
    health: Health

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self.runs and not self.costs


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNews:
    """What the reading of one list brought: how many objects were new, changed, or gone."""

    kind: str
    added: int
    changed: int
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What came. `read_at` is when the lists were read last, in the visit `visit_id`; `news` are those that changed.

    `since` is when anything of a list came last, or from when on it is known that nothing did. `last_visit` may be a
    later one, in which no list was read. `is_wanted`: the lists are read at the next visit.
    """

    visit_id: int | None
    read_at: datetime | None
    news: tuple[ListNews, ...]
    since: datetime | None
    last_visit: VisitView | None
    is_wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class YearView:
    """A year that is looked at: its runs, newest first, and what their invoices come to in QuickBooks."""

    year: YearChoice
    runs: tuple[run_pages.RunSummary, ...]
    totals: run_pages.Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Both halves, but for what would be billed, which the preview tells.

    `last_run_at` is when a run was begun last; `mark` changes whenever anything on the screen does by itself.
    """

    departure: Departure
    receipt: Receipt
    year: YearView | None
    last_run_at: datetime | None
    last_run_on: date | None
    has_accountant: bool
    mark: str


def read_screen(portal: Portal, connection_id: int, year: str = "") -> Screen:
    """What waits, what came, and the year of this name where one is looked at. Raises NotFound."""
    with portal.database.read() as db:
        row = find(db, connection_id)
        found = year_named(year, row)
        newest = sa.select(Run.created_at, Run.invoice_date).where(Run.connection_id == row.id, unshared.is_shown())
        last = db.execute(newest.order_by(Run.created_at.desc(), Run.id.desc()).limit(1)).first()
        return Screen(
            departure=_departure(db, row, portal.now()),
            receipt=_receipt(db, row),
            year=None if found is None else _year(db, row, found),
            last_run_at=last.created_at if last else None,
            last_run_on=last.invoice_date if last else None,
            has_accountant=unshared.has_accountant(db, row.id),
            mark=_mark(db, row),
        )


def read_mark(portal: Portal, connection_id: int) -> str:
    """What changes whenever anything on the screen does by itself. Raises NotFound."""
    with portal.database.read() as db:
        return _mark(db, find(db, connection_id))


def _mark(db: orm.Session, row: Connection) -> str:
    session, part = wire.Session, wire.ExchangePart
    visits = sa.select(session.id, session.done, session.failed, session.result).filter_by(connection_id=row.id)
    exchanged = sa.select(part.id, part.result).filter_by(connection_id=row.id)
    runs = sa.select(sa.func.max(Run.id), sa.func.sum(sa.case((Run.is_shared, 1), else_=0))).filter_by(
        connection_id=row.id
    )
    queued = sa.select(sa.func.count()).select_from(Draft).join(Run, Run.id == Draft.run_id)
    queued = queued.where(Run.connection_id == row.id, Draft.state == DraftState.QUEUED)
    found: tuple[Any, ...] = (
        *(db.execute(visits.order_by(session.id.desc()).limit(1)).first() or ()),
        *(db.execute(exchanged.order_by(part.at.desc(), part.id.desc()).limit(1)).first() or ()),
        *db.execute(runs).one(),
        db.scalar(queued),
        row.lists_wanted,
    )
    return ".".join("" if one is None else str(getattr(one, "value", one)) for one in found)


def _departure(db: orm.Session, row: Connection, now: datetime) -> Departure:
    queued = (
        sa.select(Run.id, Run.invoice_date, sa.func.count())
        .join(Draft, Draft.run_id == Run.id)
        .where(Run.connection_id == row.id, Draft.state == DraftState.QUEUED, unshared.is_shown())
        .group_by(Run.id, Run.invoice_date)
        .order_by(Run.invoice_date.desc())
        .limit(MOST_RUNS)
    )
    costs = sa.select(sa.func.count()).select_from(ItemCost).filter_by(connection_id=row.id, state=CostState.QUEUED)
    return Departure(
        runs=tuple(WaitingRun(id=run_id, invoice_date=on, invoices=count) for run_id, on, count in db.execute(queued)),
        costs=db.scalar(costs) or 0,
        health=read_health(db, row, now).health,
    )


def _receipt(db: orm.Session, row: Connection) -> Receipt:
    last = {one.kind: one for one in parts.last_arrivals(db, row.id)}
    in_order = [last[kind] for kind in LISTS if kind in last]
    news = tuple(
        ListNews(kind=one.kind, added=one.added, changed=one.changed, gone=one.gone)
        for one in in_order
        if one.added or one.changed or one.gone
    )
    since = None
    if in_order and not news:
        former = [one.at for one in parts.last_arrivals(db, row.id, with_news=True)]
        since = max(former, default=None) or parts.first_arrival(db, row.id)
    visits = read_visits(db, row.id, 1)
    return Receipt(
        visit_id=in_order[0].session_id if in_order else None,
        read_at=max((one.at for one in in_order), default=None),
        news=news,
        since=since,
        last_visit=visits[0] if visits else None,
        is_wanted=row.lists_wanted,
    )


def _year(db: orm.Session, row: Connection, year: YearChoice) -> YearView:
    within = sa.and_(Run.invoice_date >= year.first, Run.invoice_date <= year.last)
    own = sa.select(Run).where(Run.connection_id == row.id, within, unshared.is_shown())
    runs = db.scalars(own.order_by(Run.invoice_date.desc()).limit(MOST_RUNS)).all()
    totals = run_pages.totals_of(db, [one.id for one in runs])
    return YearView(year=year, runs=tuple(run_pages.summaries(db, runs)), totals=totals)


__all__ = ["Departure", "ListNews", "Receipt", "Screen", "WaitingRun", "YearView", "read_mark", "read_screen"]
