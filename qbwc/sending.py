"""What leaves next, in one order: landmarks, recovery, work, clearing.

Nothing is written before the company file is known to hold what we wrote last, and what is in doubt is taken up before
anything new; only a set that must wait for the next visit lets the others go first. The kept answers are cleared last,
once every one of them is applied and committed here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import orm

from qbwc import exchanges, landmarks, queue, recovery, sentences
from qbwc.jobs import Registry
from qbwc.models import Exchange, Purpose, Session
from qbwc.session import State

#: The connector waits five seconds after each NoOp.
MOST_PAUSES = 60


def next_set(
    db: orm.Session,
    registry: Registry,
    session: Session,
    now: datetime,
    *,
    asks_person: Callable[[Session], bool] = lambda _session: False,
) -> Exchange | None:
    """The set that leaves now; None when nothing does, and then the state of the session says why.

    `asks_person` tells whether there is a page where a person can decide what stops the session (interactive mode).
    """
    if session.may_write:
        step = landmarks.ask(db, session, now)
        if step is None and recovery.has_lost(db, session):
            step = recovery.next_step(db, registry, session, now)
        if step is not None:
            return step
    rows = queue.take(db, session, writes=session.may_write)
    if rows:
        if session.done + len(rows) > session.total:  # queued since the log-in
            session.total = session.done + queue.count_due(db, session.connection_id)
        return exchanges.leave_with(db, session, rows, now)
    if wants_clearing(db, session):
        session.connection.has_stored_sets = False
        return exchanges.leave(db, session, [], now, purpose=Purpose.CLEARING)
    session.state = _rest(session, now, asks_person(session))
    return None


def _rest(session: Session, now: datetime, asks_person: bool) -> State:
    """The state of a session that has nothing to send."""
    if is_preparing(session, now):
        if session.pauses < MOST_PAUSES:
            session.pauses += 1
            return State.PAUSED
        session.last_error = session.last_error or sentences.PAUSED_TOO_LONG
    return ending(session, asks_person)


def ending(session: Session, asks_person: bool) -> State:
    """How a session without more work ends: done, failed, or with a question to a person, once."""
    if not session.last_error:
        return State.DONE
    verdict = session.connection.verdict
    if asks_person and not session.has_asked_person and verdict is not None and verdict.may_be_confirmed:
        return State.PERSON
    return State.FAILED


def is_preparing(session: Session, now: datetime) -> bool:
    """Whether work is being prepared that this visit may wait for."""
    until = session.connection.preparing_until
    return until is not None and until > now


def has_more(db: orm.Session, session: Session, now: datetime) -> bool:
    """Whether another set leaves in this session, or may."""
    return (
        queue.has_due(db, session.connection_id, session, writes=session.may_write)
        or (session.may_write and recovery.has_lost(db, session))
        or wants_clearing(db, session)
        or (is_preparing(session, now) and session.pauses < MOST_PAUSES)
    )


def wants_clearing(db: orm.Session, session: Session) -> bool:
    """Whether QuickBooks keeps answers that nobody needs any more."""
    return session.may_write and session.connection.has_stored_sets and recovery.is_clear(db, session.connection_id)
