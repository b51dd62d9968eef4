"""One message set on its way: its exact bytes are kept before they leave, and its answer when it comes.

A work set that writes travels under an id of its own, under which QuickBooks keeps the answer in the company file.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import parts
from qbwc.models import Exchange, ExchangeState, Purpose, Request, RequestState, Session
from qbwc.qbxml.envelope import render_set
from qbwc.redaction import without_secrets
from qbwc.session import State

CLEAR_ALL = "ClearAllMessageSets"
#: What happens within a minute is one attempt, as when two computers take turns, or a connector asks twice.
AN_ATTEMPT_A = timedelta(minutes=1)


def leave(
    db: orm.Session,
    session: Session,
    requests: Sequence[str],
    now: datetime,
    *,
    purpose: Purpose,
    about: Exchange | None = None,
) -> Exchange:
    """Keep the bytes of a set that asks: nothing in it writes, so that it can be asked anew."""
    new = old = about.message_set_id if about is not None and purpose is Purpose.CHECK else None
    if purpose is Purpose.CLEARING:
        old = CLEAR_ALL
    body = render_set(requests, new_message_set_id=new, old_message_set_id=old)
    exchange = _keep(db, session, body, len(requests), now, purpose=purpose, about_id=about.id if about else None)
    parts.add_of_check(db, exchange, about)
    return exchange


def leave_with(db: orm.Session, session: Session, rows: Sequence[Request], now: datetime) -> Exchange:
    """Keep the bytes of a set of queued requests, all reads or all writes, and note that they are on their way."""
    is_write = rows[0].is_write
    set_id = secrets.token_hex(10) if is_write else None
    body = render_set([row.body for row in rows], new_message_set_id=set_id)
    exchange = _keep(db, session, body, len(rows), now, message_set_id=set_id, is_write=is_write)
    for position, row in enumerate(rows):
        row.state, row.exchange_id, row.position = RequestState.SENT, exchange.id, position
    parts.add_of_requests(db, exchange, rows)
    if is_write:
        session.connection.has_stored_sets = True
    return exchange


def leave_again(session: Session, exchange: Exchange, now: datetime) -> Exchange:
    """The same bytes under the same id, in this session."""
    exchange.session_id, exchange.sent_at = session.id, now
    return _wait_for(session, exchange)


def repeat(exchange: Exchange, now: datetime) -> Exchange:
    """The connector asks for the set that it has just been given: the reply did not reach it."""
    if now - exchange.sent_at >= AN_ATTEMPT_A:
        exchange.attempts += 1
        exchange.sent_at = now
    return exchange


def _wait_for(session: Session, exchange: Exchange) -> Exchange:
    session.state, session.before_id, session.out_id = State.WAITING, session.out_id, exchange.id
    return exchange


def _keep(
    db: orm.Session,
    session: Session,
    body: str,
    count: int,
    now: datetime,
    *,
    purpose: Purpose = Purpose.WORK,
    is_write: bool = False,
    message_set_id: str | None = None,
    about_id: int | None = None,
) -> Exchange:
    exchange = Exchange(
        connection_id=session.connection_id,
        session_id=session.id,
        message_set_id=message_set_id,
        about_id=about_id,
        purpose=purpose,
        is_write=is_write,
        request_body=body,
        request_size=len(body),
        request_count=count,
        first_sent_at=now,
        sent_at=now,
    )
    db.add(exchange)
    db.flush()
    return _wait_for(session, exchange)


def out(db: orm.Session, session: Session) -> Exchange:
    """The set of this session whose answer has not come; only a session that waits has one."""
    return db.get_one(Exchange, session.out_id)


def note_answer(exchange: Exchange, response: str, now: datetime) -> None:
    """The answer came; what is kept of it holds no secrets."""
    exchange.state, exchange.answered_at = ExchangeState.ANSWERED, now
    exchange.answer_body, exchange.answer_size = without_secrets(response), len(response)


def note_unreadable(exchange: Exchange, response: str, reason: str) -> None:
    """What came is kept for whoever looks into it; the set is as unanswered as before."""
    exchange.answer_body, exchange.answer_size = without_secrets(response), len(response)
    exchange.message = reason


def requests_of(db: orm.Session, exchange: Exchange) -> list[Request]:
    """The requests that travel in this set, in order."""
    return list(db.scalars(sa.select(Request).filter_by(exchange_id=exchange.id).order_by(Request.position)))
