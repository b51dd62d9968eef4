"""authenticate: who calls, is there work, is another visit under way; and the opening of a session.

The cost of a call without work is one small read and one small write. No write here waits for the disk: nothing leaves
before sendRequestXML has committed, and that commit keeps everything before it. A wrong password costs a read: it takes
no lock, and leaves a trace at most once a minute, so that whoever tries them out neither slows nor locks out the real
connector.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import company_file, queue, recovery
from qbwc.database import Database
from qbwc.jobs import Registry
from qbwc.models import Connection, Exchange, ExchangeState, Request, RequestState, Session
from qbwc.session import State

log = logging.getLogger("qbwc")

BUSY_FOR = timedelta(seconds=90)
REFUSALS_NOTED_EVERY = timedelta(minutes=1)
POSTPONED_BY = 60
CLOCKS_DIFFER = timedelta(minutes=2)

BeforeVisit = Callable[[orm.Session, Connection, datetime], None]

# What a poll asks and notes, built once and on the tables themselves: the mapping around it would double its time.
_CONNECTION = Connection.metadata.tables[Connection.__tablename__]
_ID = _CONNECTION.c.id
_NAMES = ("id", "secret_hash", "is_active", "refused_at", "minimum_interval", "preparing_until")
_KNOWN = sa.select(
    *(_CONNECTION.c[name] for name in _NAMES),
    sa.exists().where(Session.connection_id == _ID, Session.state != State.CLOSED).label("is_open"),
    sa.exists().where(Request.connection_id == _ID, Request.state == RequestState.QUEUED).label("is_due"),
    sa.exists().where(Exchange.connection_id == _ID, Exchange.state == ExchangeState.SENT).label("is_lost"),
).where(_CONNECTION.c.user_name == sa.bindparam("user_name"))
_NOTE = (
    sa.update(_CONNECTION)
    .where(sa.bindparam("connection_id") == _ID)
    .values(last_contact_at=sa.bindparam("now"), last_success_at=sa.bindparam("now"))
)


def hash_secret(secret: str) -> str:
    """How machine secrets are stored. They are 256 random bits, so one fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Admission:
    """The door: one for each endpoint."""

    def __init__(self, database: Database, registry: Registry, before_visit: Sequence[BeforeVisit]) -> None:
        self._database = database
        self._registry = registry
        self._before_visit = before_visit

    def admit(self, user_name: str, password: str, address: str, now: datetime) -> list[str]:
        """The two to four texts of authenticate (Web Connector guide)."""
        known = self._database.look(_KNOWN, {"user_name": user_name})
        # An unknown user costs the same comparison as a known one.
        is_right = hmac.compare_digest(hash_secret(password), known.secret_hash if known else hash_secret(""))
        if known is None or not is_right or not known.is_active:
            self._refuse(known, user_name, now)
            return ["", "nvu"]
        is_preparing = known.preparing_until is not None and known.preparing_until > now
        with self._database.note() as db:
            if self._before_visit or known.is_open or known.is_due or known.is_lost or is_preparing:
                return self._open(db, known.id, address, now)
            db.execute(_NOTE, {"connection_id": known.id, "now": now})
        return _with_interval([secrets.token_hex(16), "none"], known.minimum_interval)

    def _refuse(self, known: Any | None, user_name: str, now: datetime) -> None:
        if known is None:
            log.info("authenticate refused: unknown user %r", user_name[:64])
            return
        if known.refused_at is not None and now - known.refused_at < REFUSALS_NOTED_EVERY:
            return
        log.warning("authenticate refused: user %r", user_name[:64])
        with self._database.note() as db:
            db.execute(sa.update(Connection).where(Connection.id == known.id).values(refused_at=now))

    def _open(self, db: orm.Session, connection_id: int, address: str, now: datetime) -> list[str]:
        connection = db.get_one(Connection, connection_id, with_for_update={"key_share": True})
        if self._is_busy(db, connection, address, now):
            return ["", "busy"]
        self._prepare(db, connection, now)
        ticket = secrets.token_hex(16)
        has_work = queue.has_due(db, connection.id) or _has_lost(db, connection.id)
        is_preparing = connection.preparing_until is not None and connection.preparing_until > now
        connection.last_contact_at = now
        if not has_work and not is_preparing:
            connection.last_success_at = now
            return _with_interval([ticket, "none"], connection.minimum_interval)
        session = Session(
            connection_id=connection.id,
            ticket_hash=hash_secret(ticket),
            opened_at=now,
            last_contact_at=now,
            address=address[:64],
        )
        session.connection = connection
        db.add(session)
        db.flush()
        recovery.release_lost(db, self._registry, session, now)
        session.total = queue.count_due(db, connection.id)
        answer = [ticket, company_file.path_to_open(connection)]
        if not has_work:
            # Come back when it is prepared; a person who clicked Update Selected goes on, and waits by NoOp.
            session.pauses = 1
            answer.append(str(POSTPONED_BY))
        return _with_interval(answer, connection.minimum_interval)

    def _prepare(self, db: orm.Session, connection: Connection, now: datetime) -> None:
        """Let others queue jobs for this visit; one that fails never keeps the queue from moving."""
        for plan in self._before_visit:
            try:
                with db.begin_nested():
                    plan(db, connection, now)
            except sa.exc.OperationalError:
                raise
            except Exception:
                log.exception("preparing a visit of connection %s failed", connection.id)

    def _is_busy(self, db: orm.Session, connection: Connection, address: str, now: datetime) -> bool:
        """Whether another visit of this connection is under way; abandoned ones are closed."""
        busy = False
        open_sessions = sa.select(Session).where(Session.connection_id == connection.id, Session.state != State.CLOSED)
        for session in db.scalars(open_sessions).all():
            if _is_in_use(session, address, now):
                busy = True
                continue
            how = {State.WAITING: "taken over", State.DONE: "done"}.get(session.state, "abandoned")
            session.state, session.closed_at = State.CLOSED, now
            session.result = "failed" if session.last_error else how
        return busy


def _is_in_use(session: Session, address: str, now: datetime) -> bool:
    """Whether a visit goes on elsewhere.

    One that waits for an answer while the same computer logs in again has lost that answer (protocol, error recovery):
    it is taken over at once, and what it sent is taken up before anything else. Another computer waits its turn.
    """
    idle = now - session.last_contact_at
    if session.state is State.WAITING:
        is_elsewhere = bool(session.address and address) and session.address != address[:64]
        return is_elsewhere and is_recent(idle, recovery.AT_WORK_FOR)
    was_postponed = session.state is State.OPEN and session.pauses > 0
    is_over = session.state in (State.DONE, State.FAILED)
    return not was_postponed and not is_over and is_recent(idle, BUSY_FOR)


def is_recent(idle: timedelta, limit: timedelta) -> bool:
    """Whether so little time has passed. Calls that arrive together may be a little before each other, and servers'
    clocks differ; one that was set back for longer proves nothing.
    """
    return -CLOCKS_DIFFER <= idle < limit


def _has_lost(db: orm.Session, connection_id: int) -> bool:
    lost = sa.select(Exchange.id).filter_by(connection_id=connection_id, state=ExchangeState.SENT)
    return db.scalar(lost.limit(1)) is not None


def _with_interval(answer: list[str], minimum_interval: int | None) -> list[str]:
    """The same, with the shortest rhythm that this connection is allowed as fourth text."""
    if not minimum_interval:
        return answer
    return [*answer, *[""] * (3 - len(answer)), str(minimum_interval)]
