"""How the Web Connector's window speaks to the person in front of it: its language, and the page that it may open."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import orm

from portal.errors import Refused
from portal.models import Connection
from portal.services import Portal, audit, notices
from portal.services.connections import check_language, find, hold
from qbwc import company_file
from qbwc import models as wire
from qbwc.errors import QueueError


def choose_window(portal: Portal, connection_id: int, *, language: str, opens_page: bool) -> None:
    """Set the language of the connector's messages, and whether it opens a page when a company file is in doubt."""
    check_language(language)
    with portal.database.write() as db:
        row = find(db, connection_id)
        before = {"language": row.wire.language, "opens_page": row.opens_page}
        row.wire.language, row.opens_page = language, opens_page
        after = {"language": language, "opens_page": opens_page}
        if before != after:
            detail = {"name": row.name, "before": before, "after": after}
            subject = f"connection:{row.id}"
            audit.note(db, row.id, at=portal.now(), action="change-window", subject=subject, detail=detail)


def page_opener(url: str) -> Callable[[wire.Connection], str]:
    """The address that the connector opens for a connection; empty for one that wants a sentence instead."""

    def page(connection: wire.Connection) -> str:
        db = orm.object_session(connection)
        row = db.get(Connection, connection.id) if db is not None else None
        return f"{url.rstrip('/')}/connections/{connection.id}" if row is not None and row.opens_page else ""

    return page


def seek_company(portal: Portal, connection_id: int) -> None:
    """A person says that the company file may have been moved: the next visit looks at the one that is open.

    Raises Refused when it was met again since.
    """
    with portal.database.write() as db:
        row = hold(db, connection_id)
        try:
            company_file.seek(db, row.wire)
        except QueueError:
            raise Refused("The company file was met again since. Look at this page again.") from None
        known = {"company_name": row.wire.company_name, "company_path": row.wire.company_path}
        detail, subject = {"name": row.name, **known}, f"connection:{row.id}"
        audit.note(db, row.id, at=portal.now(), action="seek-company", subject=subject, detail=detail)


def keep_refusing(portal: Portal, connection_id: int, *, user_id: int | None = None) -> None:
    """A person says that the company file last seen is not the right one: a visit that waits for it ends.

    The notice is put away for that person until another file is met; everybody else goes on seeing it.
    """
    with portal.database.write() as db:
        row = hold(db, connection_id)
        seen = {"company_name": row.wire.seen_company_name, "company_path": row.wire.seen_company_path}
        detail, subject = {"name": row.name, **seen}, f"connection:{row.id}"
        audit.note(db, row.id, at=portal.now(), action="keep-refusing", subject=subject, detail=detail)
        company_file.keep_refusing(db, row.wire)
        if user_id is not None:
            notices.put_away_doubt(portal, db, connection_id, user_id)
