"""What each SOAP operation does: one transaction each.

authenticate opens a session when something is due. The first sendRequestXML brings the host, the company and its
preferences, from which the company file is recognised before anything is read or written. Then message sets leave
(their bytes stored first) and answers are applied, until nothing is left. Nothing here raises for what a caller sent:
an unknown ticket, a lost answer or nonsense is answered by protocol and noted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import company_file, exchanges, greeting, history, receiving, sending, sentences
from qbwc.admission import Admission, BeforeVisit, hash_secret
from qbwc.connector import ConnectorPolicy
from qbwc.database import Database
from qbwc.errors import DecodeError
from qbwc.identity import Verdict, is_same_name
from qbwc.jobs import Registry
from qbwc.models import Connection, Purpose, Session
from qbwc.qbxml.envelope import render_request
from qbwc.qbxml.reaction import Reaction
from qbwc.qbxml.status import judge_hresult
from qbwc.sentences import Said, spoken
from qbwc.session import Act, Call, State, act, progress

__all__ = ["GO_ON", "UNEXPECTED", "BeforeVisit", "Endpoint", "hash_secret"]

log = logging.getLogger("qbwc")

MOST_CONNECTION_ERRORS = 2
GO_ON = -1
UNEXPECTED = sentences.UNEXPECTED["en"]
NO_OP, INTERACTIVE, DONE = "NoOp", "Interactive mode", "Done"

InteractivePage = Callable[[Connection], str]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Endpoint:
    """The Web Connector's counterpart.

    `before_visit` may queue jobs when a connection calls (such as a daily pull). `interactive_page` gives the address
    of a page where a person decides about a company file in doubt; without one, or when it gives "", the visit ends
    with a sentence.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        *,
        before_visit: Sequence[BeforeVisit] = (),
        server_version: str = "1.0",
        connectors: ConnectorPolicy | None = None,
        interactive_page: InteractivePage | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.database = database
        self.registry = registry
        self._admission = Admission(database, registry, before_visit)
        self._server_version = server_version
        self._connectors = connectors or ConnectorPolicy()
        self._interactive_page = interactive_page
        self._now = now

    def server_version(self) -> str:
        """Our version, for the connector's log."""
        return self._server_version

    def client_version(self, version: str) -> str:
        """Empty to go on; ``W:``, ``E:`` or ``O:`` as the policy says."""
        return self._connectors.answer(version)

    def authenticate(self, user_name: str, password: str, address: str = "") -> list[str]:
        """A ticket and ``nvu``, ``busy``, ``none``, or the company file to open (empty: the one that is open).

        A third text, in seconds, postpones the visit; a fourth is the shortest interval between two. `address` is
        where the call comes from.
        """
        return self._admission.admit(user_name, password, address, self._now())

    # -- what leaves

    def send_request(self, ticket: str, greeting_xml: str, company_path: str) -> str:
        """The next message set, or empty when there is nothing (more) to send."""
        now = self._now()
        with self.database.write() as db:
            session = self._session(db, ticket, now)
            if session is None:
                return ""
            if self._is_another_file(session, greeting_xml, company_path):
                self._fail(session, sentences.ANOTHER_FILE)
                return ""
            match act(session.state, Call.ASK):
                case Act.RESEND:
                    return exchanges.repeat(exchanges.out(db, session), now).request_body or ""
                case Act.TAKE if session.company_path is None:
                    return self._begin(db, session, greeting_xml, company_path, now)
                case Act.TAKE:
                    return self._next_set(db, session, now)
                case Act.GIVE_UP:
                    if session.has_asked_person:
                        company_file.give_up(session)  # a connector that opens no page gets the sentence
                    return ""
                case _:
                    return ""

    def _is_another_file(self, session: Session, greeting_xml: str, company_path: str) -> bool:
        """Whether QuickBooks has another company file open than at the first request of this session."""
        known = session.company_path
        if known is None or session.state in (State.DONE, State.FAILED):
            return False
        if known and company_path.strip() and not is_same_name(known, company_path):
            return True
        if not greeting_xml.strip() or session.company_name is None:
            return False
        try:
            met = greeting.read(greeting_xml, session.connection, company_path)
        except DecodeError:
            return True
        return met.seen.name != session.company_name or not met.verdict.may_read

    def _begin(self, db: orm.Session, session: Session, greeting_xml: str, company_path: str, now: datetime) -> str:
        if not greeting_xml.strip():
            session.company_path = company_path
            queries = greeting.queries(session.connection)
            rendered = [render_request(message, str(number)) for number, message in enumerate(queries)]
            return exchanges.leave(db, session, rendered, now, purpose=Purpose.GREETING).request_body or ""
        history.keep_greeting(db, session, greeting_xml, now)
        if not self._greet(session, greeting_xml, company_path):
            return ""
        return self._next_set(db, session, now)

    def _greet(self, session: Session, greeting_xml: str, company_path: str) -> bool:
        """Recognise the company file; False when nothing may be exchanged with it."""
        try:
            met = greeting.read(greeting_xml, session.connection, company_path)
        except DecodeError as error:
            self._fail(session, sentences.unreadable_greeting(str(error)))
            return False
        greeting.note(session, met)
        session.last_error = met.explanation or None
        if met.verdict is not Verdict.GO:
            log.warning("company file of connection %s questioned: %s", session.connection_id, met.verdict)
        if not met.verdict.may_read:
            session.state = sending.ending(session, self._asks_person(session))
            return False
        return True

    def _asks_person(self, session: Session) -> bool:
        return self._interactive_page is not None and bool(self._interactive_page(session.connection))

    def _next_set(self, db: orm.Session, session: Session, now: datetime) -> str:
        exchange = sending.next_set(db, self.registry, session, now, asks_person=self._asks_person)
        if exchange is None:
            self._note_end(session, now)
            return ""
        return exchange.request_body or ""

    # -- what comes

    def receive_response(self, ticket: str, response: str, hresult: str, message: str) -> int:
        """0-99: more to come; 100: all done; negative: the connector asks getLastError."""
        now = self._now()
        with self.database.write() as db:
            session = self._session(db, ticket, now)
            if session is None:
                return GO_ON
            match act(session.state, Call.ANSWER):
                case Act.APPLY:
                    return self._take_answer(db, session, response, hresult.strip(), message, now)
                case Act.REPEAT:
                    return GO_ON if session.state is State.FAILED else session.progress
                case Act.FAIL:
                    return self._fail(session, sentences.ANSWER_FIRST)
                case _:
                    return GO_ON

    def _take_answer(
        self, db: orm.Session, session: Session, response: str, hresult: str, message: str, now: datetime
    ) -> int:
        exchange = exchanges.out(db, session)
        if hresult and not (response and judge_hresult(hresult).reaction is Reaction.OK):
            goes_on = receiving.refused(db, self.registry, session, exchange, hresult, message, now)
            return self._figure(db, session, now) if goes_on else self._fail(session, session.last_error)
        if receiving.is_repeated_page(db, session, exchange, response):
            return session.progress
        try:
            with db.begin_nested():
                if exchange.purpose is Purpose.GREETING:
                    exchanges.note_answer(exchange, response, now)
                    if not self._greet(session, response, session.company_path or ""):
                        return self._stop(session)
                else:
                    receiving.apply(db, self.registry, session, exchange, response, now)
        except DecodeError as error:
            log.error("answer to exchange %s unreadable: %s", exchange.id, error)
            exchanges.note_unreadable(exchange, response, str(error))
            return self._fail(session, sentences.unreadable_answer(str(error)))
        return self._figure(db, session, now)

    def _figure(self, db: orm.Session, session: Session, now: datetime) -> int:
        """The progress figure; what is asked for again or anew was counted when it was queued."""
        db.flush()
        more = sending.has_more(db, session, now)
        if not more and session.last_error:
            session.state = sending.ending(session, self._asks_person(session))
            return self._stop(session)
        session.state = State.READY if more else State.DONE
        session.progress = progress(session.done, session.total, session.progress, more)
        self._note_end(session, now)
        return session.progress

    def _stop(self, session: Session) -> int:
        """The figure that ends a session without success; interactive mode begins after an empty sendRequestXML."""
        return session.progress if session.state is State.PERSON else GO_ON

    def _note_end(self, session: Session, now: datetime) -> None:
        if session.state is State.DONE:
            session.connection.last_success_at = now

    def _fail(self, session: Session, said: Said | None) -> int:
        session.state, session.last_error = State.FAILED, said
        return GO_ON

    # -- the end, and interactive mode

    def get_last_error(self, ticket: str) -> str:
        """A sentence for the person at QuickBooks, never empty; ``NoOp`` to wait, ``Interactive mode`` to decide."""
        with self.database.write() as db:
            session = self._session(db, ticket, self._now())
            if session is None:
                return self._farewell(db, ticket)
            match act(session.state, Call.ERROR):
                case Act.PAUSE:
                    return NO_OP
                case Act.INTERACT:
                    session.has_asked_person = True
                    return INTERACTIVE
                case _:
                    otherwise = sentences.UNEXPECTED
                    if session.state is State.DONE:
                        has_summary = session.done or session.failed
                        otherwise = sentences.summary(session.done, session.failed) if has_summary else sentences.IDLE
                    return spoken(session.last_error, session.connection.language, otherwise)

    def interactive_url(self, ticket: str, session_id: str = "") -> str:
        """The address of the page where a person decides; empty when there is nothing to decide."""
        with self.database.write() as db:
            session = self._session(db, ticket, self._now())
            if session is None or session.state is not State.PERSON or self._interactive_page is None:
                return ""
            return self._interactive_page(session.connection)

    def interactive_done(self, ticket: str) -> str:
        """``Done`` once the person has decided, or the visit waits for nobody; empty to ask again."""
        with self.database.write() as db:
            session = self._session(db, ticket, self._now())
            return DONE if session is None or company_file.resume(session) else ""

    def interactive_rejected(self, ticket: str, reason: str) -> str:
        """Nobody opened the page, or somebody closed it: the text is shown, and nothing was written."""
        with self.database.write() as db:
            session = self._session(db, ticket, self._now())
            if session is None:
                return self._farewell(db, ticket)
            company_file.give_up(session)
            return spoken(sentences.NOBODY_DECIDED, session.connection.language)

    def connection_error(self, ticket: str, hresult: str, message: str) -> str:
        """``done`` to give up, or the company file to try again (empty: the one that is open), at most twice."""
        with self.database.write() as db:
            session = self._session(db, ticket, self._now())
            if session is None:
                return "done"
            status = judge_hresult(hresult, message)
            session.connection_errors += 1
            session.last_error = sentences.refused(status)
            may_pass = status.reaction in (Reaction.RETRY_LATER, Reaction.RETRY_LOCK)
            # Another company file than ours is never a remedy: the path is the same again.
            is_first = session.state is State.OPEN  # later, a set may be out, and the file would be opened anew
            if is_first and may_pass and session.connection_errors <= MOST_CONNECTION_ERRORS:
                return company_file.path_to_open(session.connection)
            if is_first:
                session.last_error = company_file.note_absence(session.connection, status.code, session.last_error)
            session.state = State.FAILED
            return "done"

    def close_connection(self, ticket: str) -> str:
        """Close the session; the text is shown in the connector."""
        now = self._now()
        with self.database.write() as db:
            session = self._session(db, ticket, now)
            if session is None:
                return self._farewell(db, ticket)
            language = session.connection.language
            is_done = session.last_error is None and session.state is State.DONE
            if not is_done:
                session.last_error = session.last_error or sentences.NOT_FINISHED
            session.state, session.closed_at = State.CLOSED, now
            session.result = "done" if is_done else "failed"
            return spoken(sentences.summary(session.done, session.failed) if is_done else session.last_error, language)

    def _farewell(self, db: orm.Session, ticket: str) -> str:
        """The text for a visit that is over: its result, when another call closed it after its last answer."""
        closed = db.scalar(sa.select(Session).filter_by(ticket_hash=hash_secret(ticket)))
        if closed is None:
            return sentences.UNKNOWN_TICKET["en"]
        is_done = closed.result == "done"
        said = sentences.summary(closed.done, closed.failed) if is_done else sentences.UNKNOWN_TICKET
        return spoken(said, closed.connection.language)

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
