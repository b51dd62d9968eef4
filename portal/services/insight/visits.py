"""Visits of the Web Connector over time: how many of each day or week went well, were broken off, or failed.

Days and weeks are those of the connection's time zone; their bounds are given to the database, which counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.services import Portal
from portal.services.connections import find
from qbwc.models import Session
from qbwc.session import State


class Step(StrEnum):
    """How long a span of the chart is."""

    DAY = "day"
    WEEK = "week"


SPANS = {Step.DAY: 14, Step.WEEK: 12}
"""How many spans are counted, the last one being that of today."""
_DAYS = {Step.DAY: 1, Step.WEEK: 7}
_DONE, _FAILED, _BROKEN = "done", "failed", "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCount:
    """The visits that began from `first` to `last`, both included. A visit that goes on is not counted yet."""

    first: date
    last: date
    done: int = 0
    broken: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitHistory:
    """The spans, oldest first. `is_empty`: no visit ended in any of them."""

    step: Step
    spans: tuple[VisitCount, ...]

    @property
    def is_empty(self) -> bool:
        return not any(one.done or one.broken or one.failed for one in self.spans)


def visits_over_time(portal: Portal, connection_id: int, step: Step = Step.DAY) -> VisitHistory:
    """The visits of the last days or weeks, counted in one statement. Raises NotFound."""
    with portal.database.read() as db:
        zone = ZoneInfo(find(db, connection_id).time_zone)
        firsts = _firsts(portal.now().astimezone(zone).date(), step)
        counts = _count(db, connection_id, [_beginning(one, zone) for one in firsts])
    length = timedelta(days=_DAYS[step] - 1)
    spans = tuple(
        VisitCount(first=first, last=first + length, **counts.get(number, {})) for number, first in enumerate(firsts)
    )
    return VisitHistory(step=step, spans=spans)


def _firsts(today: date, step: Step) -> list[date]:
    """The first days of the spans. Weeks begin on Monday."""
    newest = today if step is Step.DAY else today - timedelta(days=today.weekday())
    return [newest - timedelta(days=_DAYS[step] * back) for back in reversed(range(SPANS[step]))]


def _beginning(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _count(db: orm.Session, connection_id: int, bounds: list[datetime]) -> dict[int, dict[str, int]]:
    """How many visits of each result began after each bound and before the next, by the bound's number."""
    span = sa.case(
        *((Session.opened_at < bound, number) for number, bound in enumerate(bounds[1:])), else_=len(bounds) - 1
    )
    result = sa.case(
        (Session.result == "done", _DONE),
        (sa.or_(Session.result == "failed", Session.state == State.FAILED), _FAILED),
        else_=_BROKEN,
    )
    is_over = sa.or_(Session.result.is_not(None), Session.state == State.FAILED)
    query = (
        sa.select(span, result, sa.func.count())
        .where(Session.connection_id == connection_id, Session.opened_at >= bounds[0], is_over)
        .group_by(sa.literal_column("1"), sa.literal_column("2"))
    )
    counts: dict[int, dict[str, int]] = {}
    for number, name, visits in db.execute(query):
        counts.setdefault(number, {})[name] = visits
    return counts
