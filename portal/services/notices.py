"""Notices as people see them: what is to be known of their connections now, less what each of them dismissed.

Accountants are told nothing of the runs that are kept from them (`portal.services.unshared`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound, Stale
from portal.models import NoticeDismissal
from portal.notices import Kind, Notice, find_notices
from portal.services import Portal
from portal.services.connections import find, hold
from portal.services.notice_facts import Known, load_facts
from portal.services.scope import of_partner, only, seen_by
from portal.services.seeing import ids_as_accountant


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """A notice of a connection; `is_dismissed` by the person who asks. Moments are shown in `time_zone`."""

    connection_id: int
    connection: str
    time_zone: str
    notice: Notice
    is_dismissed: bool

    def may_be_mended_by(self, role: str) -> bool:
        """Whether a member in this role may do what mends it."""
        return role in self.notice.roles


def list_notices(portal: Portal, connection_id: int, *, user_id: int | None = None) -> tuple[NoticeView, ...]:
    """The notices of one connection, the most urgent first, dismissed ones too. Raises NotFound."""
    with portal.database.read() as db:
        found = load_facts(db, portal.now(), only(connection_id))
        if not found:
            find(db, connection_id)
        return _views(portal, db, found, user_id, connection_id)


def list_partner_notices(portal: Portal, partner_id: int) -> tuple[NoticeView, ...]:
    """Those of all connections of a partner, by the connections' names."""
    with portal.database.read() as db:
        return _views(portal, db, load_facts(db, portal.now(), of_partner(partner_id)), None)


def list_notices_seen_by(portal: Portal, user_id: int) -> tuple[NoticeView, ...]:
    """Those of all connections that a person sees, of whichever partners, by the connections' names."""
    with portal.database.read() as db:
        return _views(portal, db, load_facts(db, portal.now(), seen_by(user_id)), user_id)


def list_all_notices(portal: Portal) -> tuple[NoticeView, ...]:
    """Those of every connection, for whoever runs the portal."""
    with portal.database.read() as db:
        return _views(portal, db, load_facts(db, portal.now()), None)


def count_notices(views: Collection[NoticeView]) -> dict[int, int]:
    """How many notices each connection has that are not dismissed."""
    return dict(Counter(view.connection_id for view in views if not view.is_dismissed))


def dismiss(portal: Portal, connection_id: int, user_id: int, key: str, *, fingerprint: str | None = None) -> None:
    """Put a notice away for one person, until its facts change; `fingerprint` is of those that the person saw.

    Raises NotFound when it is gone already, and Stale when its facts are others by now.
    """
    with portal.database.write() as db:
        hold(db, connection_id)
        notice = next((one for one in _notices_of(portal, db, connection_id, user_id) if one.key == key), None)
        if notice is None:
            raise NotFound("This notice is gone: what it was about has changed.")
        if fingerprint is not None and fingerprint != notice.fingerprint:
            raise Stale("What this notice is about changed in the meantime. Look at it again.")
        _put_away(db, connection_id, user_id, notice, portal.now())


def put_away_doubt(portal: Portal, db: orm.Session, connection_id: int, user_id: int) -> None:
    """Dismiss for one person what is said of the company file, within a transaction that is open already."""
    for notice in _notices_of(portal, db, connection_id, user_id):
        if notice.kind is Kind.COMPANY_FILE:
            _put_away(db, connection_id, user_id, notice, portal.now())


def _notices_of(portal: Portal, db: orm.Session, connection_id: int, user_id: int) -> tuple[Notice, ...]:
    known = load_facts(db, portal.now(), only(connection_id))
    ((_, found),) = _told_to(db, user_id, known, portal.now())
    return found


def _told_to(
    db: orm.Session, user_id: int | None, found: Collection[Known], now: datetime
) -> Iterator[tuple[Known, tuple[Notice, ...]]]:
    """The notices of these connections for one person; everything for None."""
    less: Collection[int] = ()
    if user_id is not None and any(known.facts.shown_errors is not None for known in found):
        less = frozenset(db.scalars(ids_as_accountant(user_id)))
    for known in found:
        facts = known.facts.for_accountants() if known.connection_id in less else known.facts
        yield known, find_notices(facts, now)


def _put_away(db: orm.Session, connection_id: int, user_id: int, notice: Notice, now: datetime) -> None:
    mine = {"connection_id": connection_id, "user_id": user_id, "key": notice.key}
    row = db.scalar(sa.select(NoticeDismissal).filter_by(**mine))
    if row is None:
        row = NoticeDismissal(**mine)
        db.add(row)
    row.fingerprint, row.dismissed_at = notice.fingerprint, now


def bring_back(portal: Portal, connection_id: int, user_id: int, key: str) -> None:
    """Show a notice again that this person dismissed."""
    mine = sa.delete(NoticeDismissal).filter_by(connection_id=connection_id, user_id=user_id, key=key)
    with portal.database.write() as db:
        find(db, connection_id)
        db.execute(mine)


def read_dismissed(db: orm.Session, user_id: int, connection_id: int | None = None) -> frozenset[tuple[int, str, str]]:
    """What a person dismissed, at one connection or at all: connection, key and fingerprint of each."""
    is_all = connection_id is None
    values = {"user_id": user_id} if is_all else {"user_id": user_id, "connection_id": connection_id}
    return frozenset((row[0], row[1], row[2]) for row in db.execute(_dismissed(is_all=is_all), values))


@cache
def _dismissed(*, is_all: bool) -> sa.Select[int, str, str]:
    row = NoticeDismissal
    mine = sa.select(row.connection_id, row.key, row.fingerprint).where(row.user_id == sa.bindparam("user_id"))
    return mine if is_all else mine.where(row.connection_id == sa.bindparam("connection_id"))


def _views(
    portal: Portal, db: orm.Session, found: Collection[Known], user_id: int | None, connection_id: int | None = None
) -> tuple[NoticeView, ...]:
    dismissed = frozenset() if user_id is None else read_dismissed(db, user_id, connection_id)
    return tuple(
        NoticeView(
            connection_id=known.connection_id,
            connection=known.name,
            time_zone=known.time_zone,
            notice=notice,
            is_dismissed=(known.connection_id, notice.key, notice.fingerprint) in dismissed,
        )
        for known, mine in _told_to(db, user_id, found, portal.now())
        for notice in mine
    )


__all__ = [
    "NoticeView",
    "bring_back",
    "count_notices",
    "dismiss",
    "list_all_notices",
    "list_notices",
    "list_notices_seen_by",
    "list_partner_notices",
    "put_away_doubt",
]
