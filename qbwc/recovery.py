"""A message set whose answer was lost: status check, look-up, adoption, re-sending.

The bytes of every set are stored before they leave. A read set is simply asked anew. A write set carries an id under
which QuickBooks keeps its answer in the company file, so after any doubt it is taken up in three steps:

1. check: QuickBooks is asked for the answer that it keeps under the id. It is applied as if it had come at once.
2. look-up: it keeps none, because it never got the set, or because a backup was restored. What the set would have
   written is looked for in the company file, and what is found is adopted.
3. again: nothing was found. The same bytes leave under the same id; never built anew.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import exchanges, landmarks, pace, queue, sentences, stamp
from qbwc.errors import DecodeError
from qbwc.exchanges import requests_of
from qbwc.jobs import Registry
from qbwc.models import Doubt, Exchange, ExchangeState, Purpose, Request, RequestState, Session
from qbwc.qbxml import Answer, read_answers
from qbwc.qbxml.envelope import render_request
from qbwc.qbxml.reaction import DONE, Reaction, Status
from qbwc.qbxml.status import judge, judge_hresult

log = logging.getLogger("qbwc")

MOST_SENDINGS = 6
UNKNOWN_OUTCOME = "0x80040402"
#: How long QuickBooks on another PC may still be at work on a set that it was given.
AT_WORK_FOR = timedelta(minutes=10)


# -- at the start of a visit -----------------------------------------------------------------------------------------


def release_lost(db: orm.Session, registry: Registry, session: Session, now: datetime) -> None:
    """Whatever former visits left without an answer becomes due again.

    Read sets are asked anew in halves, and one that never comes back alone is left to a person; messages bound to a
    former session begin again; write sets stay out, to be taken up.
    """
    connection = session.connection
    lost = sa.select(Exchange).filter_by(connection_id=connection.id, state=ExchangeState.SENT)
    for exchange in db.scalars(lost.where(Exchange.session_id != session.id)).all():
        if exchange.purpose is Purpose.WORK and exchange.doubt in (None, Doubt.SEARCHED):
            # It left in that visit; a set that is still looked for was counted when it was lost.
            connection.largest_set = pace.after_trouble(connection.largest_set)
        if exchange.is_write:
            exchange.doubt = Doubt.NEW
            continue
        exchange.state = ExchangeState.LOST
        if exchange.purpose is Purpose.CLEARING:
            connection.has_stored_sets = True
        _ask_anew(db, registry, session, exchange, now)
    db.flush()
    bound = sa.select(Request).filter_by(connection_id=connection.id, state=RequestState.QUEUED)
    for request in db.scalars(bound.where(Request.only_in_session_id != session.id)):
        request.state = RequestState.DROPPED
        visit = queue.visit_of(db, session, request, now)
        if not queue.interrupted(registry, visit):
            queue.park(registry, visit, judge_hresult(UNKNOWN_OUTCOME))


def _ask_anew(db: orm.Session, registry: Registry, session: Session, exchange: Exchange, now: datetime) -> None:
    requests = requests_of(db, exchange)
    for request in requests:
        request.attempts += 1
        if len(requests) == 1 and request.attempts >= MOST_SENDINGS:
            status = judge_hresult(exchange.hresult or UNKNOWN_OUTCOME, exchange.message or "")
            queue.park(registry, queue.visit_of(db, session, request, now), status)
        else:
            _queue_again(request, _half(requests))


# -- write sets in doubt ---------------------------------------------------------------------------------------------


def _in_doubt(session: Session) -> sa.Select[Exchange]:
    held = sa.or_(Exchange.doubt.is_(None), Exchange.doubt != Doubt.HELD)
    lost = sa.select(Exchange).filter_by(connection_id=session.connection_id, state=ExchangeState.SENT, is_write=True)
    return lost.where(held).order_by(Exchange.id)


def has_lost(db: orm.Session, session: Session) -> bool:
    """Whether a write set without an answer can be taken up in this visit."""
    return db.scalar(_in_doubt(session).with_only_columns(Exchange.id).limit(1)) is not None


def is_clear(db: orm.Session, connection_id: int) -> bool:
    """Whether no write is in doubt, also none that was left to a person: then QuickBooks may forget all answers."""
    unsure = sa.select(Request.id).filter_by(connection_id=connection_id, state=RequestState.SENT)
    return db.scalar(unsure.limit(1)) is None


def next_step(db: orm.Session, registry: Registry, session: Session, now: datetime) -> Exchange | None:
    """The set that leaves next to take up what is in doubt; None when nothing (more) can be done in this visit."""
    for exchange in db.scalars(_in_doubt(session)).all():
        step = _step(db, registry, session, exchange, now)
        if step is not None:
            return step
    return None


def _step(db: orm.Session, registry: Registry, session: Session, exchange: Exchange, now: datetime) -> Exchange | None:
    if exchange.doubt is Doubt.ABSENT:
        if _is_at_work_elsewhere(db, session, exchange, now):
            exchange.doubt = Doubt.HELD
            exchange.attempts -= 1  # waiting is no attempt
            session.may_write = False  # two computers never write at once
            return None
        try:
            with db.begin_nested():
                questions = _look_ups(db, registry, session, exchange, now)
        except queue.ENVIRONMENT:
            raise
        except Exception:
            log.exception("exchange %s cannot be looked for", exchange.id)
            exchange.doubt, session.last_error = Doubt.HELD, sentences.UNSURE
            return None
        if questions:
            return exchanges.leave(db, session, questions, now, purpose=Purpose.LOOK_UP, about=exchange)
        exchange.doubt = Doubt.SEARCHED
    if exchange.doubt is Doubt.SEARCHED:
        return _again(db, session, exchange, now)
    if exchange.attempts >= MOST_SENDINGS:
        _give_up(db, registry, session, exchange, now)
        return None
    if now - _last_tried(db, exchange) >= exchanges.AN_ATTEMPT_A:
        exchange.attempts += 1
    exchange.doubt = Doubt.NEW
    session.total += len(_open(db, exchange))
    return exchanges.leave(db, session, [], now, purpose=Purpose.CHECK, about=exchange)


def _last_tried(db: orm.Session, exchange: Exchange) -> datetime:
    """When the set left last, or was asked after."""
    asked = db.scalar(sa.select(sa.func.max(Exchange.sent_at)).where(Exchange.about_id == exchange.id))
    return max(exchange.sent_at, asked) if asked else exchange.sent_at


def _again(db: orm.Session, session: Session, exchange: Exchange, now: datetime) -> Exchange | None:
    """The same bytes; where some of the set was found, the rest was refused or lost, and leaves in a set of its own."""
    rows = requests_of(db, exchange)
    open_rows = _open(db, exchange)
    if len(open_rows) == len(rows):
        return exchanges.leave_again(session, exchange, now)
    _end(exchange, ExchangeState.ANSWERED, exchange.answered_at or now, open_rows, at_most=len(open_rows))
    db.flush()
    return None


def _is_at_work_elsewhere(db: orm.Session, session: Session, exchange: Exchange, now: datetime) -> bool:
    """Whether another PC got the set a moment ago: it may be writing it now, and two would write it twice."""
    before = db.get(Session, exchange.session_id)
    if before is None or not before.machine or not session.machine or before.machine == session.machine:
        return False
    left = AT_WORK_FOR - (now - exchange.sent_at)
    if left <= timedelta(0):
        return False
    session.last_error = sentences.held(before.machine, max(1, round(left.total_seconds() / 60)))
    return True


def _give_up(db: orm.Session, registry: Registry, session: Session, exchange: Exchange, now: datetime) -> None:
    """Park a set that never comes back, so that it never blocks the rest.

    Its requests stay SENT: nobody knows what QuickBooks did, so a person who tries again has the same bytes taken up.
    """
    exchange.state = ExchangeState.LOST
    status = judge_hresult(exchange.hresult or UNKNOWN_OUTCOME, exchange.message or "")
    for request in _open(db, exchange):
        queue.park(registry, queue.visit_of(db, session, request, now), dataclasses.replace(status, written=None))


def _look_ups(db: orm.Session, registry: Registry, session: Session, exchange: Exchange, now: datetime) -> list[str]:
    questions = []
    for row in _open(db, exchange):
        query = registry[row.job.kind].look_up(queue.visit_of(db, session, row, now))
        if query is not None:
            questions.append(render_request(query, row.request_id))
    return questions


def looked_up(
    db: orm.Session,
    registry: Registry,
    session: Session,
    exchange: Exchange,
    response: str,
    now: datetime,
    *,
    asked: int,
) -> None:
    """Adopt what is in the company file; `asked` is how many requests were looked for. Raises DecodeError.

    An answer that says neither yes nor no leaves the set in doubt until the next visit.
    """
    waiting = {row.request_id: row for row in _open(db, exchange)}
    others = _written_by_others(db, exchange)
    taken: set[str] = set()
    answered: set[str] = set()
    is_unsure = False
    for said in read_answers(response):
        row = waiting.get(said.request_id or next((one for one in waiting if one not in answered), ""))
        if row is None:
            raise DecodeError(f"the answer {said.tag} {said.request_id} fits no request")
        answered.add(row.request_id)
        status = judge(said.status_code, said.severity, said.message)
        if status.reaction not in DONE and status.reaction is not Reaction.USER_MAPPING:
            is_unsure = True
            continue
        visit = queue.visit_of(db, session, row, now, others | taken)
        try:
            with db.begin_nested():
                found = registry[row.job.kind].find(visit, said)
        except queue.ENVIRONMENT:
            raise
        except Exception:
            log.exception("job %s (%s) cannot tell what it wrote", row.job_id, row.job.kind)
            is_unsure = True
            continue
        if found is not None:
            taken.add(found.txn_id)
            row.txn_id = found.txn_id
            queue.answer(registry, visit, _as_answer(session, row, found))
        elif said.unread:
            is_unsure = True  # it may be the one that cannot be read
    is_unsure = is_unsure or len(answered) < asked
    exchange.doubt = Doubt.HELD if is_unsure else Doubt.SEARCHED
    if is_unsure:
        session.last_error = sentences.UNSURE


def _written_by_others(db: orm.Session, exchange: Exchange) -> frozenset[str]:
    """The TxnIDs of what other sets wrote about that time: never to be taken for what this one wrote."""
    known = sa.select(Request.txn_id).where(
        Request.connection_id == exchange.connection_id,
        Request.txn_id.is_not(None),
        Request.answered_at >= exchange.first_sent_at - 2 * stamp.CLOCKS_DIFFER,
    )
    return frozenset(txn_id for txn_id in db.scalars(known) if txn_id)


def requeue(db: orm.Session, exchange: Exchange, now: datetime) -> None:
    """Its id is spent (9001), and nothing of it was found: its requests leave under another."""
    rows = _open(db, exchange)
    _end(exchange, ExchangeState.REFUSED, now, rows, at_most=len(rows))


def _as_answer(session: Session, row: Request, found: Any) -> Answer:
    """What QuickBooks would have said when it wrote this."""
    return Answer(
        tag=f"{row.tag.removesuffix('Rq')}Rs",
        request_id=row.request_id,
        status_code="0",
        severity="Info",
        message="found in the company file",
        objects=landmarks.watch(session.connection, iter([found])),
    )


def refuse(
    db: orm.Session, registry: Registry, exchange: Exchange, session: Session, status: Status, now: datetime
) -> None:
    """QuickBooks refused the set as a whole (0x80040400): halve it until the request that is to blame stands alone."""
    rows = _open(db, exchange)
    if len(rows) == 1:
        park_all(db, registry, exchange, session, status, now)
    else:
        _end(exchange, ExchangeState.REFUSED, now, rows, at_most=_half(rows))


def park_all(
    db: orm.Session, registry: Registry, exchange: Exchange, session: Session, status: Status, now: datetime
) -> None:
    """QuickBooks took nothing of the set, and would not the next time: every request is left to a person."""
    rows = _open(db, exchange)
    _end(exchange, ExchangeState.REFUSED, now, [], at_most=1)
    for row in rows:
        queue.park(registry, queue.visit_of(db, session, row, now), status)


def _open(db: orm.Session, exchange: Exchange) -> list[Request]:
    """The requests of a set of which nobody knows yet what became."""
    return [row for row in requests_of(db, exchange) if row.state is RequestState.SENT]


def _end(exchange: Exchange, state: ExchangeState, at: datetime, rows: Sequence[Request], *, at_most: int) -> None:
    """Nothing more is expected of this set: these of its requests leave in others, at most so many together."""
    exchange.state, exchange.answered_at = state, at
    for row in rows:
        _queue_again(row, at_most)


def _half(rows: Sequence[Request]) -> int:
    return max(1, len(rows) // 2)


def _queue_again(request: Request, at_most: int) -> None:
    request.state, request.exchange_id, request.position = RequestState.QUEUED, None, None
    request.largest_set = at_most
