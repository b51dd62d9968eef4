"""What each message set carries, by topic, person and matter: written as it leaves, and searched by the history.

A set may carry messages of several jobs. It has one part for each topic, person and matter among them, so that a
million sets are searched by an index, and none of their texts is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc.models import Arrival, Exchange, ExchangePart, ExchangeState, Job, PartResult, Purpose, Request

CHECKS = "checks"
"""The topic of everything that carries nothing of the queue."""
MOST_PEOPLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedParts:
    """Which parts are asked for; None where it does not matter. `since` is included, `until` is not.

    `without`: no set that carries anything about one of these.
    """

    topic: str | None = None
    asked_by: str | None = None
    result: PartResult | None = None
    about: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    without: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPart:
    """One part, and the set that it travelled in; sizes in characters are those of the whole set."""

    id: int
    exchange_id: int
    visit_id: int
    topic: str
    asked_by: str
    about: str
    at: datetime
    requests: int
    result: PartResult
    purpose: Purpose
    is_write: bool
    request_size: int
    answer_size: int | None
    code: str | None


# -- as sets leave and are answered -----------------------------------------------------------------------------------


def add_of_requests(db: orm.Session, exchange: Exchange, rows: Sequence[Request]) -> None:
    """The parts of a set of queued requests."""
    jobs = sa.select(Job.id, Job.topic, Job.asked_by, Job.about).where(Job.id.in_({row.job_id for row in rows}))
    known = {row.id: (row.topic, row.asked_by, row.about) for row in db.execute(jobs)}
    counted = Counter(known[row.job_id] for row in rows)
    for (topic, asked_by, about), count in counted.items():
        _add(db, exchange, topic=topic, asked_by=asked_by, about=about, requests=count)


def add_of_check(db: orm.Session, exchange: Exchange, lost: Exchange | None) -> None:
    """The parts of a set that carries nothing of the queue; one that is about a lost set is about what that was."""
    matters = {part.about for part in lost.parts} if lost is not None else set()
    for about in sorted(matters) or [""]:
        _add(db, exchange, topic=CHECKS, about=about, requests=exchange.request_count or 0)


def _add(db: orm.Session, exchange: Exchange, *, topic: str, about: str, requests: int, asked_by: str = "") -> None:
    is_answered = exchange.state is ExchangeState.ANSWERED
    db.add(
        ExchangePart(
            connection_id=exchange.connection_id,
            exchange_id=exchange.id,
            topic=topic,
            asked_by=asked_by,
            about=about,
            at=exchange.sent_at,
            requests=requests,
            result=PartResult.DONE if is_answered else PartResult.UNANSWERED,
        )
    )


def refuse(db: orm.Session, exchange_id: int, job: Job) -> None:
    """Note that QuickBooks answered a message of this job with an error."""
    exchange = db.get_one(Exchange, exchange_id)
    for part in exchange.parts:
        if (part.topic, part.asked_by, part.about) == (job.topic, job.asked_by, job.about):
            part.result = PartResult.REFUSED


# -- looking back -----------------------------------------------------------------------------------------------------


def search(
    db: orm.Session,
    connection_id: int,
    wanted: WantedParts,
    *,
    limit: int,
    before_id: int | None = None,
    after_id: int | None = None,
) -> list[PastPart]:
    """Parts, newest first. `before_id` goes on after that part, and `after_id` goes back to those before it."""
    part, order = ExchangePart, sa.tuple_(ExchangePart.at, ExchangePart.id)
    query = sa.select(part, Exchange).join(Exchange, Exchange.id == part.exchange_id)
    query = query.where(part.connection_id == connection_id, *_conditions(connection_id, wanted)).limit(limit)
    is_back = after_id is not None and before_id is None
    for which, is_later in ((before_id, False), (after_id, True)):
        if which is not None:
            here = db.execute(sa.select(part.at, part.id).filter_by(connection_id=connection_id, id=which)).first()
            if here is None:
                return []
            bound = sa.tuple_(sa.literal(here.at, part.at.type), sa.literal(here.id))
            query = query.where(order > bound if is_later else order < bound)
    if is_back:
        rows = db.execute(query.order_by(part.at, part.id)).all()[::-1]
    else:
        rows = db.execute(query.order_by(part.at.desc(), part.id.desc())).all()
    return [_as_part(*row) for row in rows]


def _conditions(connection_id: int, wanted: WantedParts) -> list[sa.ColumnElement[bool]]:
    part = ExchangePart
    pairs: list[tuple[Any, Any]] = [
        (part.topic, wanted.topic),
        (part.asked_by, wanted.asked_by),
        (part.result, wanted.result),
        (part.about, wanted.about),
    ]
    found = [column == value for column, value in pairs if value is not None]
    if wanted.since is not None:
        found.append(part.at >= wanted.since)
    if wanted.until is not None:
        found.append(part.at < wanted.until)
    if wanted.without:
        found.append(part.exchange_id.not_in(sets_about(connection_id, wanted.without)))
    return found


def sets_about(connection_id: int, matters: Collection[str]) -> sa.Select[Any]:
    """The ids of the sets that carry anything about one of these."""
    other = orm.aliased(ExchangePart)
    return sa.select(other.exchange_id).where(
        other.connection_id == connection_id, other.about.in_(sorted(matters)), other.about != sa.literal_column("''")
    )


def _as_part(part: ExchangePart, exchange: Exchange) -> PastPart:
    return PastPart(
        id=part.id,
        exchange_id=exchange.id,
        visit_id=exchange.session_id,
        topic=part.topic,
        asked_by=part.asked_by,
        about=part.about,
        at=part.at,
        requests=part.requests,
        result=part.result,
        purpose=exchange.purpose,
        is_write=exchange.is_write,
        request_size=exchange.request_size,
        answer_size=exchange.answer_size,
        code=exchange.hresult,
    )


def people(db: orm.Session, connection_id: int) -> list[str]:
    """Everybody who asked for anything, by name; the program itself, who is nobody, is left out.

    Each is found from the one before, by the index: how many sets there are does not matter.
    """
    part = ExchangePart
    own = part.connection_id == connection_id
    seen = sa.select(sa.func.min(part.asked_by).label("who")).where(own, part.asked_by > "").cte("seen", recursive=True)
    following = sa.select(sa.func.min(part.asked_by)).where(own, part.asked_by > seen.c.who).scalar_subquery()
    seen = seen.union_all(sa.select(following).where(seen.c.who.is_not(None)))
    found = sa.select(seen.c.who).where(seen.c.who.is_not(None)).limit(MOST_PEOPLE)
    return list(db.scalars(found))


# -- what the lists brought -------------------------------------------------------------------------------------------


def last_arrivals(db: orm.Session, connection_id: int, *, with_news: bool = False) -> list[Arrival]:
    """What the last visit that read lists brought of each; `with_news`: the last one that brought anything."""
    own = sa.select(Arrival).where(Arrival.connection_id == connection_id)
    if with_news:
        own = own.where(sa.text("(added > 0 OR changed > 0 OR gone > 0)"))
    last = own.with_only_columns(Arrival.session_id).order_by(Arrival.session_id.desc()).limit(1).scalar_subquery()
    return list(db.scalars(own.where(Arrival.session_id == last)))


def first_arrival(db: orm.Session, connection_id: int) -> datetime | None:
    """When lists were read in the first visit that is not forgotten."""
    own = sa.select(Arrival.at).where(Arrival.connection_id == connection_id)
    return db.scalar(own.order_by(Arrival.session_id).limit(1))
