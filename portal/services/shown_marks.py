"""What an open page showed last, by a mark: who looks again is told at once when nobody committed since.

Moments are told by their distance ("5 minutes ago"), so what is kept is made anew once a minute all the same.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from portal.services import Portal
from qbwc.database import Database

KEPT_FOR = timedelta(minutes=1)
MOST = 500


@dataclass(frozen=True, slots=True)
class _Shown:
    version: object
    at: datetime
    mark: str


_shown: WeakKeyDictionary[Database, dict[Hashable, _Shown]] = WeakKeyDictionary()


def is_shown_still(portal: Portal, page: Hashable, mark: str) -> bool:
    """Whether a page would look the same again, as far as this is known without making it."""
    known = _shown.setdefault(portal.database, {}).get(page)
    if known is None or known.mark != mark or not timedelta() <= portal.now() - known.at < KEPT_FOR:
        return False
    return known.version == portal.database.version()


def keep_shown(portal: Portal, page: Hashable, mark: str, version: object) -> None:
    """Keep what a page shows. `version` is the database's, asked for before the page was made."""
    mine = _shown.setdefault(portal.database, {})
    if page not in mine and len(mine) >= MOST:
        mine.clear()
    mine[page] = _Shown(version, portal.now(), mark)
