"""Every visit and every exchange, to be read, and after a while forgotten.

Answers are kept compressed and without what is nobody's business (see `qbwc.redaction`). Forgetting never touches what
is still needed: a set whose outcome is in doubt keeps its bytes, and a job keeps its key for ever, because the key is
what keeps it from being written twice.

A write set that leaves again stands in the visit in which it left last: `first_sent_at` says when it left first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from lxml import etree
from sqlalchemy import orm

from qbwc import parts
from qbwc.mirror import PULL
from qbwc.models import Exchange, ExchangeState, Job, JobState, Purpose, Request, RequestState, Session
from qbwc.redaction import without_secrets
from qbwc.session import State


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVisit:
    """One visit. `result` is "done", "failed", "abandoned", "taken over", or None while it goes on.

    `done` and `failed` count the messages that were answered, `requests` those that were sent, and `exchanges` the
    message sets they travelled in; `sent` and `received` are the sizes of those in characters.
    `error` is the sentence that the person at QuickBooks read, by language.
    """

    id: int
    opened_at: datetime
    closed_at: datetime | None
    result: str | None
    machine: str | None
    product: str | None
    company_name: str | None
    company_path: str | None
    address: str
    done: int
    failed: int
    exchanges: int
    requests: int
    sent: int
    received: int
    error: dict[str, str] | None

    @property
    def duration(self) -> timedelta | None:
        """From the log-in to the end."""
        return None if self.closed_at is None else self.closed_at - self.opened_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PastExchange:
    """One message set and its answer, without their texts; sizes in characters."""

    id: int
    visit_id: int
    purpose: Purpose
    is_write: bool
    state: ExchangeState
    attempts: int
    requests: int
    first_sent_at: datetime
    sent_at: datetime
    answered_at: datetime | None
    request_size: int
    answer_size: int | None
    hresult: str | None
    message: str | None

    @property
    def duration(self) -> timedelta | None:
        """From its (last) sending to its answer."""
        return None if self.answered_at is None else self.answered_at - self.sent_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """What crossed the wire, indented for reading; None when it was never there, or is forgotten."""

    request: str | None
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How much was pruned: exchanges that lost their texts, requests that did, whole visits, pulls of lists."""

    bodies: int
    requests: int
    visits: int
    pulls: int


def visits(
    db: orm.Session,
    connection_id: int,
    *,
    limit: int = 50,
    before_id: int | None = None,
    after_id: int | None = None,
    result: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[PastVisit]:
    """The visits of a connection, newest first.

    `before_id` continues a list, and `after_id` goes back in it: the `limit` visits next to that one. `result` is one
    that `PastVisit` names, or "open" for those that go on; `since` and `until` bound the beginning, the end excluded.
    """
    query = sa.select(Session).filter_by(connection_id=connection_id).limit(limit)
    if before_id is not None:
        query = query.where(Session.id < before_id)
    if after_id is not None:
        query = query.where(Session.id > after_id)
    if result is not None:
        query = query.where(_ended(result))
    if since is not None:
        query = query.where(Session.opened_at >= since)
    if until is not None:
        query = query.where(Session.opened_at < until)
    if after_id is not None and before_id is None:
        return _as_visits(db, db.scalars(query.order_by(Session.id)).all()[::-1])
    return _as_visits(db, db.scalars(query.order_by(Session.id.desc())).all())


def _ended(result: str) -> sa.ColumnElement[bool]:
    """The condition for `PastVisit.result`."""
    is_silent_failure = sa.and_(Session.result.is_(None), Session.state == State.FAILED)
    if result == "open":
        return sa.and_(Session.result.is_(None), Session.state != State.FAILED)
    return sa.or_(Session.result == result, is_silent_failure) if result == "failed" else Session.result == result


def visit(db: orm.Session, connection_id: int, visit_id: int) -> PastVisit | None:
    """One visit; None when this connection has no such visit, or it is forgotten."""
    found = db.scalars(sa.select(Session).filter_by(connection_id=connection_id, id=visit_id)).all()
    return next(iter(_as_visits(db, found)), None)


def _as_visits(db: orm.Session, rows: Sequence[Session]) -> list[PastVisit]:
    sums = (
        sa.select(
            Exchange.session_id,
            sa.func.count(),
            sa.func.sum(Exchange.request_count),
            sa.func.sum(Exchange.request_size),
            sa.func.sum(sa.func.coalesce(Exchange.answer_size, 0)),
        )
        .where(Exchange.session_id.in_([row.id for row in rows]))
        .group_by(Exchange.session_id)
    )
    sizes = {session_id: tuple(figures) for session_id, *figures in db.execute(sums)}
    return [_as_visit(row, *sizes.get(row.id, (0, 0, 0, 0))) for row in rows]


def _as_visit(row: Session, count: int, requests: int, sent: int, received: int) -> PastVisit:
    return PastVisit(
        id=row.id,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        # The connector may end a visit that failed without a word: it is closed when the next one begins.
        result=row.result or ("failed" if row.state is State.FAILED else None),
        machine=row.machine,
        product=row.product,
        company_name=row.company_name,
        company_path=row.company_path,
        address=row.address,
        done=row.done,
        failed=row.failed,
        exchanges=count,
        requests=requests,
        sent=sent,
        received=received,
        error=row.last_error,
    )


def exchanges(
    db: orm.Session,
    connection_id: int,
    visit_id: int,
    *,
    limit: int | None = None,
    after_id: int | None = None,
    without: Collection[str] = (),
) -> list[PastExchange]:
    """The exchanges of one visit, in order; `after_id` continues a list. `without`: none that is about one of these."""
    query = sa.select(Exchange).filter_by(connection_id=connection_id, session_id=visit_id).order_by(Exchange.id)
    if after_id is not None:
        query = query.where(Exchange.id > after_id)
    if without:
        query = query.where(Exchange.id.not_in(parts.sets_about(connection_id, without)))
    return [_as_exchange(row) for row in db.scalars(query if limit is None else query.limit(limit))]


def exchange(
    db: orm.Session, connection_id: int, exchange_id: int, *, without: Collection[str] = ()
) -> PastExchange | None:
    """One exchange; None when this connection has no such exchange, or it is about one of `without`."""
    query = sa.select(Exchange).filter_by(connection_id=connection_id, id=exchange_id)
    if without:
        query = query.where(Exchange.id.not_in(parts.sets_about(connection_id, without)))
    row = db.scalar(query)
    return None if row is None else _as_exchange(row)


def _as_exchange(row: Exchange) -> PastExchange:
    return PastExchange(
        id=row.id,
        visit_id=row.session_id,
        purpose=row.purpose,
        is_write=row.is_write,
        state=row.state,
        attempts=row.attempts,
        requests=row.request_count,
        first_sent_at=row.first_sent_at,
        sent_at=row.sent_at,
        answered_at=row.answered_at,
        request_size=row.request_size,
        answer_size=row.answer_size,
        hresult=row.hresult,
        message=row.message,
    )


def bodies(db: orm.Session, connection_id: int, exchange_id: int) -> Bodies | None:
    """Both texts of one exchange; None when this connection has no such exchange."""
    row = db.scalar(sa.select(Exchange).filter_by(connection_id=connection_id, id=exchange_id))
    if row is None:
        return None
    return Bodies(request=readable(row.request_body), answer=readable(row.answer_body))


def readable(text: str | None) -> str | None:
    """qbXML indented, one element a line; as it is when it is not well-formed. Never with secrets."""
    if not text:
        return None
    shown = without_secrets(text)
    # What the declaration says of the encoding was true of other bytes than these.
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, remove_blank_text=True)
    try:
        root = etree.fromstring(shown.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return shown
    etree.indent(root)
    return etree.tostring(root.getroottree(), encoding="unicode", pretty_print=True)


def keep_greeting(db: orm.Session, session: Session, text: str, now: datetime) -> None:
    """Keep what the connector brought along at the first request of a session."""
    exchange = Exchange(
        connection_id=session.connection_id,
        session_id=session.id,
        purpose=Purpose.GREETING,
        is_write=False,
        state=ExchangeState.ANSWERED,
        answer_body=without_secrets(text),
        answer_size=len(text),
        first_sent_at=now,
        sent_at=now,
        answered_at=now,
    )
    db.add(exchange)
    db.flush()
    parts.add_of_check(db, exchange, None)


def forget(db: orm.Session, *, bodies_before: datetime, visits_before: datetime) -> Forgotten:
    """Forget the texts of exchanges and then whole visits that are older than these moments.

    What is in doubt, is bound to a visit, or may be tried again by a person, keeps its bytes and its visit.
    """
    needed = sa.select(Request.exchange_id).where(Request.state == RequestState.SENT, Request.exchange_id.is_not(None))
    is_over = sa.and_(Exchange.state != ExchangeState.SENT, Exchange.id.not_in(needed))
    texts = _change(
        db,
        sa.update(Exchange)
        .where(is_over, Exchange.sent_at < bodies_before)
        .where(sa.or_(Exchange.request_body.is_not(None), Exchange.answer_body.is_not(None)))
        .values(request_body=None, answer_body=None),
    )
    finished = sa.select(Job.id).where(Job.state.in_([JobState.DONE, JobState.CANCELLED]))
    requests = _change(
        db,
        sa.update(Request)
        .where(Request.state.in_([RequestState.ANSWERED, RequestState.DROPPED]), Request.job_id.in_(finished))
        .where(sa.func.coalesce(Request.answered_at, Request.created_at) < bodies_before, Request.body != "")
        .values(body=""),
    )
    kept = sa.select(Exchange.session_id).where(sa.not_(is_over))
    # An iterator that began in a visit goes on in that visit only, also when the visit is long past.
    bound = sa.select(Request.only_in_session_id).where(
        Request.state == RequestState.QUEUED, Request.only_in_session_id.is_not(None)
    )
    old = _change(
        db,
        sa.delete(Session).where(Session.closed_at < visits_before, Session.id.not_in(kept), Session.id.not_in(bound)),
    )
    # The pulls of lists are the only jobs whose keys are never put again.
    pulls = _change(
        db,
        sa.delete(Job).where(Job.kind == PULL, Job.state == JobState.DONE, Job.finished_at < visits_before),
    )
    return Forgotten(bodies=texts, requests=requests, visits=old, pulls=pulls)


def _change(db: orm.Session, statement: sa.Update | sa.Delete) -> int:
    """Run a statement on rows that nobody holds; returns how many there were."""
    result = db.execute(statement.execution_options(synchronize_session=False))
    return int(getattr(result, "rowcount", 0))
