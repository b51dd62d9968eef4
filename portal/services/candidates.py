"""The candidates of suggestions, kept ready to be asked.

Reading 10,000 names costs a second or two, so an index is kept per process until its list is pulled anew, together with
what it was asked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.suggestion import Candidate, Index, Reason, Subject, Suggestion, index_customers, index_items
from portal.services.targets import choosable
from qbwc.database import Database
from qbwc.models import ListObject, ListState

MOST_INDEXES, MOST_CANDIDATES, MOST_ASKED = 16, 50_000, 5_000
"""What is kept in memory: 10,000 candidates take about 50 MB."""
FEW = 1_000
"""So many candidates are read while somebody waits for a page."""


@dataclass(slots=True)
class Shelved:
    """An index, and what was asked of it already."""

    index: Index
    size: int
    asked: dict[Subject, tuple[Suggestion, ...]] = field(default_factory=dict)

    def ask(self, subject: Subject) -> tuple[Suggestion, ...]:
        """The suggestions for a subject."""
        found = self.asked.get(subject)
        if found is None:
            if len(self.asked) >= MOST_ASKED:
                self.asked.clear()
            found = self.asked[subject] = self.index.suggest(subject)
        return found

    def ask_exact(self, subject: Subject) -> Suggestion | None:
        """The one candidate that is called just so, if there is one: what comes first of `ask`, many times quicker."""
        found = self.index.suggest(subject, 1, is_same_only=True)
        is_sure = found and found[0].reason is Reason.EXACT and not found[0].is_ambiguous
        return found[0] if is_sure else None


@dataclass(slots=True)
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    state: datetime | None = None
    shelved: Shelved | None = None


class Shelf:
    """The indexes of a database by connection and list; the ones that were asked longest ago go first.

    When several threads ask for a list that was pulled anew, one of them builds and the others wait for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: OrderedDict[tuple[int, str], _Slot] = OrderedDict()

    def take(self, key: tuple[int, str], state: datetime | None, build: Callable[[], Shelved]) -> Shelved:
        """The index of a list that was last pulled then, built when there is none."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
        with slot.lock:
            if slot.shelved is None or slot.state != state:
                slot.shelved = None  # the old one's memory is free before the new one is built
                slot.shelved, slot.state = build(), state
            made = slot.shelved
        with self._lock:
            while len(self._slots) > 1 and (len(self._slots) > MOST_INDEXES or self._size() > MOST_CANDIDATES):
                self._slots.popitem(last=False)
        return made

    def peek(self, key: tuple[int, str], state: datetime | None) -> Shelved | None:
        """The index of a list that was last pulled then, if it is there already."""
        with self._lock:
            slot = self._slots.get(key)
        return slot.shelved if slot is not None and slot.state == state else None

    def _size(self) -> int:
        kept = [slot.shelved for slot in self._slots.values()]
        return sum(one.size for one in kept if one is not None)


_INDEXES = {"item": index_items, "customer": index_customers}
_SHELVES: WeakKeyDictionary[Database, Shelf] = WeakKeyDictionary()
_SHELVES_LOCK = threading.Lock()


def take_index(database: Database, db: orm.Session, connection_id: int, kind: str) -> Shelved:
    """What may be chosen of a list (item, customer), ready to be asked. `db` is a transaction of the database."""
    shelf, state = _shelf(database), _state(db, connection_id, kind)

    def build() -> Shelved:
        candidates = [_candidate(row) for row in db.scalars(choosable(connection_id, kind))]
        return Shelved(index=_INDEXES[kind](candidates), size=len(candidates))

    return shelf.take((connection_id, kind), state, build)


def is_quick(database: Database, db: orm.Session, connection_id: int, kind: str, subjects: Collection[Subject]) -> bool:
    """Whether these can be asked while somebody waits: the list is short, or they were asked before."""
    kept = _shelf(database).peek((connection_id, kind), _state(db, connection_id, kind))
    if kept is not None and (kept.size <= FEW or all(one in kept.asked for one in subjects)):
        return True
    some = choosable(connection_id, kind).with_only_columns(ListObject.id).limit(FEW + 1).subquery()
    return (db.scalar(sa.select(sa.func.count()).select_from(some)) or 0) <= FEW


def _shelf(database: Database) -> Shelf:
    with _SHELVES_LOCK:
        return _SHELVES.setdefault(database, Shelf())


def _state(db: orm.Session, connection_id: int, kind: str) -> datetime | None:
    found = db.get(ListState, (connection_id, kind))
    return found.refreshed_at if found else None


def _candidate(row: ListObject) -> Candidate:
    texts = (row.data.get(name) for name in ("company_name", "description", "desc"))
    return Candidate(
        list_id=row.list_id,
        full_name=row.full_name,
        also=tuple(text for text in texts if text),
        domains=tuple(filter(None, [row.data.get("email")])),
    )
