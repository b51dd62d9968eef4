"""A person's word on a company file that is in doubt: it is the right one, or it is not.

Both are functions of one transaction; a visit that waits for the person (interactive mode) goes on by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc.errors import QueueError
from qbwc.identity import Known, Seen, Verdict, explain
from qbwc.models import Connection, Session
from qbwc.sentences import NOBODY_DECIDED, Said
from qbwc.session import State


def confirm(db: orm.Session, connection: Connection, *, name: str | None = None, path: str | None = None) -> None:
    """The file that was met last is the right one: it is expected from now on, and may be written to.

    `name` and `path` are what the person was shown: when another file was met since, nothing is confirmed.

    A file that lacks what we wrote is taken as it is: its landmarks begin anew. Raises QueueError when there is no
    file in doubt, or one that cannot be confirmed (another connection's, another company, a QuickBooks too old).
    """
    db.refresh(connection, with_for_update={"key_share": True})
    verdict = connection.verdict
    if verdict is None or not verdict.may_be_confirmed:
        raise QueueError("No company file of this connection waits to be confirmed.")
    was_shown = (name or connection.seen_company_name, path or connection.seen_company_path)
    if was_shown != (connection.seen_company_name, connection.seen_company_path):
        raise QueueError("Another company file was met since: look at that one.")
    connection.company_name, connection.company_path = connection.seen_company_name, connection.seen_company_path
    connection.accepts_missing_file_id = connection.accepts_missing_file_id or verdict is Verdict.UNMARKED
    if verdict is Verdict.STALE:
        connection.landmarks = None
    connection.verdict = Verdict.GO


def keep_refusing(db: orm.Session, connection: Connection) -> None:
    """The file that was met last is not the right one: a visit that waits for the person ends."""
    waiting = sa.update(Session).where(Session.connection_id == connection.id, Session.state == State.PERSON)
    db.execute(waiting.values(state=State.FAILED))


NOT_WHERE_IT_WAS = frozenset({"0x80040403", "0x8004040A"})
"""It cannot be opened at its path; another one is open than the one at that path (hresults of the opening)."""


def path_to_open(connection: Connection) -> str:
    """The company file that a visit asks for: the known one, or whichever is open ("") where a person wants that.

    QuickBooks asks who sits there before it lets us into a file that does not know us, so it is never done unasked.
    """
    return "" if connection.verdict is Verdict.SOUGHT else connection.company_path or ""


def note_absence(connection: Connection, hresult: str, said: Said) -> Said:
    """The known file could not be opened: what was said of it, and that it may have been moved.

    A doubt that there was already says more.
    """
    if not connection.company_path or hresult not in NOT_WHERE_IT_WAS:
        return said
    if connection.verdict in (None, Verdict.GO):
        connection.verdict = Verdict.AWAY
    if connection.verdict is not Verdict.AWAY:
        return said
    name, path = connection.company_name or "?", connection.company_path
    known = Known(file_id=connection.file_id, name=name, path=path)
    more = explain(Verdict.AWAY, known, Seen(file_id=None, name=name, path=path))
    return {language: f"{text} {more[language]}" for language, text in said.items()}


def seek(db: orm.Session, connection: Connection) -> None:
    """The file may have been moved: whichever is open at the next visit is compared with the known one.

    Raises QueueError when the known file is where it was, as far as is known.
    """
    db.refresh(connection, with_for_update={"key_share": True})
    if connection.verdict not in (Verdict.AWAY, Verdict.SOUGHT):
        raise QueueError("The company file of this connection is not missing.")
    connection.verdict = Verdict.SOUGHT


def resume(session: Session) -> bool:
    """Whether the visit that waits for a person may go on: with writing when confirmed, to its end when refused."""
    if session.state is not State.PERSON:
        return True
    if session.connection.verdict is not Verdict.GO:
        return False
    session.may_write, session.last_error, session.state = True, None, State.READY
    return True


def give_up(session: Session) -> None:
    """Nobody decided: the visit ends with the sentence that it began with."""
    if session.state is State.PERSON:
        session.state, session.last_error = State.FAILED, session.last_error or NOBODY_DECIDED
