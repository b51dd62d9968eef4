"""How the Web Connector's window speaks to the person in front of it: its language, and the page that it may open."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import orm

from portal.models import Connection
from portal.services import Portal
from portal.services.connections import check_language, find
from qbwc import company_file
from qbwc import models as wire


def choose_window(portal: Portal, connection_id: int, *, language: str, opens_page: bool) -> None:
    """Set the language of the connector's messages, and whether it opens a page when a company file is in doubt."""
    check_language(language)
    with portal.database.write() as db:
        row = find(db, connection_id)
        row.wire.language, row.opens_page = language, opens_page


def page_opener(url: str) -> Callable[[wire.Connection], str]:
    """The address that the connector opens for a connection; empty for one that wants a sentence instead."""

    def page(connection: wire.Connection) -> str:
        db = orm.object_session(connection)
        row = db.get(Connection, connection.id) if db is not None else None
        return f"{url.rstrip('/')}/connections/{connection.id}" if row is not None and row.opens_page else ""

    return page


def keep_refusing(portal: Portal, connection_id: int) -> None:
    """A person says that the company file last seen is not the right one: a visit that waits for it ends."""
    with portal.database.write() as db:
        company_file.keep_refusing(db, find(db, connection_id).wire)
