"""What each SOAP operation does: one transaction each.

authenticate opens a session when something is due. The first sendRequestXML brings the host, the company and its
preferences, from which the company file is recognised before anything is read or written. Then message sets leave
(their bytes stored first) and answers are applied, until nothing is left. Nothing here raises for what a caller sent:
an unknown ticket, a lost answer or nonsense is answered by protocol and noted.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import greeting, queue, recovery
from qbwc.database import Database
from qbwc.errors import DecodeError
from qbwc.identity import Verdict
from qbwc.jobs import Registry
from qbwc.models import Connection, Exchange, ExchangeState, RequestState, Session
from qbwc.qbxml import read_answers
from qbwc.qbxml.envelope import render_request, render_set
from qbwc.qbxml.status import judge_hresult
from qbwc.session import Act, Call, State, act, progress

log = logging.getLogger("qbwc")

OLDEST_CONNECTOR = (2, 1, 0, 30)
BUSY_FOR = timedelta(seconds=90)
PARSE_REFUSED = "0x80040400"
MOST_CONNECTION_ERRORS = 2
GO_ON = -1
IDLE = "Nothing to do: everything is up to date."
UNEXPECTED = "Something went wrong on the server. It was noted; click Update Selected to try again."

BeforeVisit = Callable[[orm.Session, Connection, datetime], None]


def hash_secret(secret: str) -> str:
    """How machine secrets are stored. They are 256 random bits, so one fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Endpoint:
    """The Web Connector's counterpart. `before_visit` may queue jobs when a connection calls (such as a daily pull)."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        *,
        before_visit: Sequence[BeforeVisit] = (),
        server_version: str = "1.0",
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.database = database
        self.registry = registry
        self._before_visit = before_visit
        self._server_version = server_version
        self._now = now

    def server_version(self) -> str:
        """Our version, for the connector's log."""
        return self._server_version

    def client_version(self, version: str) -> str:
        """Empty to go on; ``O:`` with the version that is needed when the connector is too old."""
        try:
            numbers = tuple(int(part) for part in version.strip().split("."))
        except ValueError:
            return ""
        return "" if numbers >= OLDEST_CONNECTOR else "O:" + ".".join(map(str, OLDEST_CONNECTOR))

    def authenticate(self, user_name: str, password: str) -> list[str]:
        """A ticket and ``nvu``, ``busy``, ``none``, or the company file to open (empty: the one that is open)."""
        now = self._now()
        ticket = secrets.token_hex(16)
        with self.database.write() as db:
            connection = db.scalar(sa.select(Connection).filter_by(user_name=user_name).with_for_update(key_share=True))
            # An unknown user costs the same comparison as a known one.
            expected = connection.secret_hash if connection else hash_secret("")
            if (
                not hmac.compare_digest(hash_secret(password), expected)
                or connection is None
                or not connection.is_active
            ):
                log.warning("authenticate refused: user %r", user_name[:64])
                return ["", "nvu"]
            if self._is_busy(db, connection, now):
                return ["", "busy"]
            self._prepare(db, connection, now)
            connection.last_contact_at = now
            lost = sa.select(Exchange.id).filter_by(connection_id=connection.id, state=ExchangeState.SENT)
            if not queue.has_due(db, connection.id) and db.scalar(lost.limit(1)) is None:
                connection.last_success_at = now
                return [ticket, "none"]
            session = Session(
                connection_id=connection.id, ticket_hash=hash_secret(ticket), opened_at=now, last_contact_at=now
            )
            db.add(session)
            db.flush()
            recovery.release_lost(db, self.registry, connection, session, now)
            session.total = queue.count_due(db, connection.id)
            return [ticket, connection.company_path or ""]

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

    def _is_busy(self, db: orm.Session, connection: Connection, now: datetime) -> bool:
        """Whether another visit of this connection is under way; abandoned ones are closed.

        A session that waits for an answer while the connector logs in again has lost that answer: it is taken over at
        once, because its writes are sent again unchanged and QuickBooks executes them once.
        """
        busy = False
        open_sessions = sa.select(Session).where(Session.connection_id == connection.id, Session.state != State.CLOSED)
        for session in db.scalars(open_sessions).all():
            in_use = session.state in (State.OPEN, State.READY) and now - session.last_contact_at < BUSY_FOR
            if in_use:
                busy = True
            else:
                how = "taken over" if session.state is State.WAITING else "abandoned"
                self._close(session, now, "failed" if session.last_error else how)
        return busy

    def send_request(self, ticket: str, greeting_xml: str, company_file: str) -> str:
        """The next message set, or empty when there is nothing (more) to send."""
        now = self._now()
        with self.database.write() as db:
            session = self._session(db, ticket, now)
            if session is None:
                return ""
            match act(session.state, Call.ASK):
                case Act.RESEND:
                    return self._repeat(db, session)
                case Act.TAKE:
                    if session.state is State.OPEN:
                        return self._begin(db, session, greeting_xml, company_file, now)
                    return self._next_set(db, session, now)
                case _:
                    return ""

    def _begin(self, db: orm.Session, session: Session, greeting_xml: str, company_file: str, now: datetime) -> str:
        if not greeting_xml.strip():
            session.company_path = company_file
            requests = [
                render_request(message, str(n)) for n, message in enumerate(greeting.queries(session.connection))
            ]
            return self._store(db, session, requests, now, purpose="greeting")
        if not self._greet(session, greeting_xml, company_file):
            return ""
        return self._next_set(db, session, now)

    def _greet(self, session: Session, greeting_xml: str, company_file: str) -> bool:
        """Recognise the company file; False when the session has failed."""
        try:
            met = greeting.read(greeting_xml, session.connection, company_file)
        except DecodeError as error:
            self._fail(session, f"QuickBooks' first answer cannot be read ({error}). Click Update Selected again.")
            return False
        greeting.note(session, met)
        session.last_error = met.explanation or None
        if met.verdict is not Verdict.GO:
            log.warning("company file of connection %s questioned: %s", session.connection_id, met.verdict)
        if not met.verdict.may_read:
            self._fail(session, met.explanation)
            return False
        return True

    def _next_set(self, db: orm.Session, session: Session, now: datetime) -> str:
        if session.may_write:
            again = recovery.resend(db, self.registry, session.connection, session, now)
            if again is not None:
                session.state = State.WAITING
                return again.request_body or ""
        requests = queue.take(db, session, writes=session.may_write)
        if not requests:
            session.state = State.FAILED if session.last_error else State.DONE
            return ""
        body = self._store(db, session, [row.body for row in requests], now, is_write=requests[0].is_write)
        exchange = self._open_exchange(db, session)
        for position, row in enumerate(requests):
            row.state, row.exchange_id, row.position = RequestState.SENT, exchange.id, position
        return body

    def _store(
        self,
        db: orm.Session,
        session: Session,
        requests: list[str],
        now: datetime,
        *,
        is_write: bool = False,
        purpose: str = "work",
    ) -> str:
        """Keep the exact bytes of a set before they leave."""
        set_id = secrets.token_hex(10) if is_write else None
        body = render_set(requests, new_message_set_id=set_id)
        exchange = Exchange(
            connection_id=session.connection_id,
            session_id=session.id,
            message_set_id=set_id,
            purpose=purpose,
            is_write=is_write,
            request_body=body,
            request_size=len(body),
            request_count=len(requests),
            sent_at=now,
        )
        db.add(exchange)
        db.flush()
        session.state = State.WAITING
        return body

    def _open_exchange(self, db: orm.Session, session: Session) -> Exchange:
        waiting = sa.select(Exchange).filter_by(session_id=session.id, state=ExchangeState.SENT)
        return db.scalars(waiting.order_by(Exchange.id.desc()).limit(1)).one()

    def _repeat(self, db: orm.Session, session: Session) -> str:
        """The connector asks again without having answered: the same bytes leave with the same id."""
        exchange = self._open_exchange(db, session)
        exchange.attempts += 1
        return exchange.request_body or ""

    def receive_response(self, ticket: str, response: str, hresult: str, message: str) -> int:
        """0-99: more to come; 100: all done; negative: the connector asks getLastError."""
        now = self._now()
        with self.database.write() as db:
            session = self._session(db, ticket, now)
            if session is None:
                return GO_ON
            match act(session.state, Call.ANSWER):
                case Act.APPLY:
                    exchange = self._open_exchange(db, session)
                    if hresult.strip():
                        return self._refused(db, session, exchange, hresult.strip(), message, now)
                    return self._apply(db, session, exchange, response, now)
                case Act.REPEAT:
                    return GO_ON if session.state is State.FAILED else session.progress
                case Act.FAIL:
                    return self._fail(session, "An answer came before a request was sent. Click Update Selected again.")
                case _:
                    return GO_ON

    def _apply(self, db: orm.Session, session: Session, exchange: Exchange, response: str, now: datetime) -> int:
        try:
            with db.begin_nested():
                self._apply_answers(db, session, exchange, response, now)
        except DecodeError as error:
            log.error("answer to exchange %s unreadable: %s", exchange.id, error)
            return self._fail(
                session, f"QuickBooks' answer cannot be read ({error}). It will be asked for again at the next visit."
            )
        if session.state is State.FAILED:
            return GO_ON
        return self._figure(db, session, now)

    def _apply_answers(
        self, db: orm.Session, session: Session, exchange: Exchange, response: str, now: datetime
    ) -> None:
        again = exchange.answered_at is not None  # begun again by a person: only what was left open is applied
        exchange.state, exchange.answered_at = ExchangeState.ANSWERED, now
        exchange.answer_body, exchange.answer_size = response, len(response)
        if exchange.purpose == "greeting":
            self._greet(session, response, session.company_path or "")
            return
        rows = recovery.requests_of(db, exchange)
        waiting = {(row.request_id, row.tag): row for row in rows if row.state is RequestState.SENT}
        known = {(row.request_id, row.tag) for row in rows}
        answers = read_answers(response)
        for said in answers:
            asked = (said.request_id, f"{said.tag.removesuffix('Rs')}Rq")
            row = waiting.pop(asked, None)
            if row is None and (again or asked in known):
                continue  # answered already
            if row is None:
                raise DecodeError(f"the answer {said.tag} {said.request_id} fits no request")
            queue.answer(self.registry, queue.visit_of(db, session.connection, session, row, now), said)
        if waiting and answers.message_set_status not in (None, "", "0"):
            raise DecodeError(f"message set status {answers.message_set_status}")
        if waiting:
            raise DecodeError(f"{len(waiting)} of {exchange.request_count} requests have no answer")

    def _refused(
        self, db: orm.Session, session: Session, exchange: Exchange, hresult: str, message: str, now: datetime
    ) -> int:
        status = judge_hresult(hresult)
        log.warning("exchange %s refused as a whole: %r", exchange.id, hresult)
        # A set that was answered once, or left before, may have been executed: it is never split and built anew.
        if status.code.casefold() == PARSE_REFUSED and exchange.answered_at is None and exchange.attempts == 1:
            recovery.refuse(db, self.registry, exchange, session, hresult, message, now)
            return self._figure(db, session, now)
        # Nobody knows whether it was executed: it stays out, and leaves again unchanged at the next visit.
        exchange.hresult, exchange.message = hresult[:16], message
        return self._fail(session, f"{status.what('en')} {status.do('en')} ({hresult})")

    def _figure(self, db: orm.Session, session: Session, now: datetime) -> int:
        """The progress figure; what is asked for again or anew was counted when it was queued."""
        db.flush()
        more = queue.has_due(db, session.connection_id, session, writes=session.may_write) or (
            session.may_write and recovery.has_lost(db, session.connection)
        )
        if not more and session.last_error:
            session.state = State.FAILED
            return GO_ON
        session.state = State.READY if more else State.DONE
        session.progress = progress(session.done, session.total, session.progress, more)
        if not more:
            session.connection.last_success_at = now
        return session.progress

    def _fail(self, session: Session, sentence: str) -> int:
        session.state, session.last_error = State.FAILED, sentence
        return GO_ON

    def get_last_error(self, ticket: str) -> str:
        """A sentence for the person at QuickBooks, never empty."""
        with self.database.write() as db:
            session = self._session(db, ticket, self._now())
            if session is None:
                return "This visit is not known here, or is over. Click Update Selected to begin a new one."
            return session.last_error or (IDLE if session.state is State.DONE else UNEXPECTED)

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        """``done`` to give up, or empty to try again with the company file that is open."""
        with self.database.write() as db:
            session = self._session(db, ticket, self._now())
            if session is None:
                return "done"
            status = judge_hresult(hresult)
            session.connection_errors += 1
            session.last_error = f"{status.what('en')} {status.do('en')} ({hresult})"
            # Another company file than ours is open: trying with that one would be the very mistake.
            if session.connection_errors > MOST_CONNECTION_ERRORS or session.connection.company_path:
                session.state = State.FAILED
                return "done"
            return ""

    def close_connection(self, ticket: str) -> str:
        """Close the session; the text is shown in the connector."""
        now = self._now()
        with self.database.write() as db:
            session = self._session(db, ticket, now)
            if session is None:
                return "This visit is not known here, or is over."
            failed = session.last_error is not None or session.state is not State.DONE
            text = (session.last_error or UNEXPECTED) if failed else _summary(session)
            self._close(session, now, "failed" if failed else "done")
            return text

    def _close(self, session: Session, now: datetime, result: str) -> None:
        session.state, session.closed_at, session.result = State.CLOSED, now, result

    def _session(self, db: orm.Session, ticket: str, now: datetime) -> Session | None:
        """The open session of a ticket. Its connection is locked first, as authenticate does: never a deadlock."""
        same = sa.select(Session).filter_by(ticket_hash=hash_secret(ticket))
        owner = same.with_only_columns(Session.connection_id).scalar_subquery()
        db.scalar(sa.select(Connection).where(Connection.id == owner).with_for_update(key_share=True))
        found = db.scalar(same)
        if found is None or found.state is State.CLOSED:
            log.warning("ticket refused: %s", "closed" if found is not None else "unknown")
            return None
        found.last_contact_at = now
        return found


def _summary(session: Session) -> str:
    if session.failed:
        return f"{session.done} requests answered; {session.failed} need attention: see the Status page."
    return f"All done: {session.done} requests answered."
