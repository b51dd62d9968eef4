"""The notices of one connection for every page that names it: read anew when somebody committed, else kept.

They follow from half a dozen statements, and every page counts them. What follows from the clock alone (overdue, a new
invoice day) shows when what is kept is five minutes old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from portal.services import Portal
from portal.services.notices import NoticeView, list_notices
from qbwc.database import Database

KEPT_FOR = timedelta(minutes=5)
MOST = 500


@dataclass(frozen=True, slots=True)
class _Kept:
    version: object
    at: datetime
    views: tuple[NoticeView, ...]


_kept: WeakKeyDictionary[Database, dict[tuple[int, int], _Kept]] = WeakKeyDictionary()


def open_notices(portal: Portal, connection_id: int, user_id: int) -> tuple[NoticeView, ...]:
    """What a person has not dismissed, the most urgent first. Raises NotFound."""
    return tuple(view for view in all_notices(portal, connection_id, user_id) if not view.is_dismissed)


def all_notices(portal: Portal, connection_id: int, user_id: int) -> tuple[NoticeView, ...]:
    """The same with what the person dismissed."""
    mine = _kept.setdefault(portal.database, {})
    key, now, version = (connection_id, user_id), portal.now(), portal.database.version()
    known = mine.get(key)
    if known is None or known.version != version or not timedelta() <= now - known.at < KEPT_FOR:
        known = _Kept(version, now, list_notices(portal, connection_id, user_id=user_id))
        if len(mine) >= MOST:
            mine.clear()
        mine[key] = known
    return known.views
