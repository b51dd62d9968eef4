"""A message set whose answer was lost: status check, adopt, re-send.

The bytes of every set are stored before they leave. A write set carries an id under which QuickBooks keeps its answer
in the company file: sending the same bytes with the same id again gives the stored answer and writes nothing twice. So
after any doubt a write set leaves again unchanged. A read set is simply asked anew.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import queue
from qbwc.jobs import Registry
from qbwc.models import Connection, Exchange, ExchangeState, Request, RequestState, Session
from qbwc.qbxml.status import judge_hresult

MOST_SENDINGS = 6
UNKNOWN_OUTCOME = "0x80040402"


def requests_of(db: orm.Session, exchange: Exchange) -> list[Request]:
    """The requests that travel in this set, in order."""
    return list(db.scalars(sa.select(Request).filter_by(exchange_id=exchange.id).order_by(Request.position)))


def release_lost(db: orm.Session, registry: Registry, connection: Connection, session: Session, now: datetime) -> None:
    """At the start of a session: whatever former sessions left without an answer becomes due again.

    Read sets are asked anew in halves, and one that never comes back alone is left to a person; messages bound to a
    former session begin again; write sets stay out, to be re-sent.
    """
    lost = sa.select(Exchange).filter_by(connection_id=connection.id, state=ExchangeState.SENT)
    for exchange in db.scalars(lost.where(Exchange.session_id != session.id, Exchange.is_write.is_(False))):
        exchange.state = ExchangeState.LOST
        requests = requests_of(db, exchange)
        for request in requests:
            request.attempts += 1
            if len(requests) == 1 and request.attempts >= MOST_SENDINGS:
                status = judge_hresult(exchange.hresult or UNKNOWN_OUTCOME, exchange.message or "")
                queue.park(registry, queue.visit_of(db, connection, session, request, now), status)
                continue
            _queue_again(request, len(requests))
    db.flush()
    bound = sa.select(Request).filter_by(connection_id=connection.id, state=RequestState.QUEUED)
    for request in db.scalars(bound.where(Request.only_in_session_id != session.id)):
        request.state = RequestState.DROPPED
        visit = queue.visit_of(db, connection, session, request, now)
        if not queue.interrupted(registry, visit):
            queue.park(registry, visit, judge_hresult(UNKNOWN_OUTCOME))


def has_lost(db: orm.Session, connection: Connection) -> bool:
    """Whether a write set is out without an answer."""
    lost = sa.select(Exchange.id).filter_by(connection_id=connection.id, state=ExchangeState.SENT, is_write=True)
    return db.scalar(lost.limit(1)) is not None


def resend(
    db: orm.Session, registry: Registry, connection: Connection, session: Session, now: datetime
) -> Exchange | None:
    """The oldest write set without an answer, to leave again unchanged; None when there is none.

    A set that was sent too often without an answer is parked with all its requests, so that it never blocks the rest.
    Its requests stay SENT: nobody knows what QuickBooks did, so a person who tries again has the same bytes sent.
    """
    lost = sa.select(Exchange).filter_by(connection_id=connection.id, state=ExchangeState.SENT, is_write=True)
    for exchange in db.scalars(lost.order_by(Exchange.id)).all():
        if exchange.attempts < MOST_SENDINGS:
            exchange.attempts += 1
            exchange.session_id = session.id
            exchange.sent_at = now
            session.total += exchange.request_count
            return exchange
        exchange.state = ExchangeState.LOST
        status = judge_hresult(exchange.hresult or UNKNOWN_OUTCOME, exchange.message or "")
        for request in requests_of(db, exchange):
            if request.state is RequestState.SENT:
                visit = queue.visit_of(db, connection, session, request, now)
                queue.park(registry, visit, dataclasses.replace(status, written=None))
    return None


def refuse(
    db: orm.Session, registry: Registry, exchange: Exchange, session: Session, hresult: str, message: str, now: datetime
) -> None:
    """QuickBooks refused the set as a whole (0x80040400): halve it until the request that is to blame stands alone."""
    exchange.state, exchange.answered_at = ExchangeState.REFUSED, now
    exchange.hresult, exchange.message = hresult[:16], message
    requests = [row for row in requests_of(db, exchange) if row.state is RequestState.SENT]
    connection = exchange_connection(db, exchange)
    if len(requests) == 1:
        status = judge_hresult(hresult, message)
        queue.park(registry, queue.visit_of(db, connection, session, requests[0], now), status)
        return
    for request in requests:
        _queue_again(request, len(requests))


def _queue_again(request: Request, together: int) -> None:
    """Back into the queue, with at most half as many beside it as before."""
    request.state, request.exchange_id, request.position = RequestState.QUEUED, None, None
    request.largest_set = max(1, together // 2)


def exchange_connection(db: orm.Session, exchange: Exchange) -> Connection:
    """The connection that an exchange belongs to."""
    return db.get_one(Connection, exchange.connection_id)
