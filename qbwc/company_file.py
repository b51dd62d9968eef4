"""A person's word on a company file that is in doubt: it is the right one, or it is not.

Both are functions of one transaction; a visit that waits for the person (interactive mode) goes on by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc.errors import QueueError
from qbwc.identity import Verdict
from qbwc.models import Connection, Session
from qbwc.sentences import NOBODY_DECIDED
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
