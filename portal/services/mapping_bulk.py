"""One change to many rows: what it would change is shown first, and exactly that is done, or nothing.

The rows are those that a person ticked, or all that a table's search and filter leave. Between the look and the deed a
colleague may have been there: then the deed is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Conflict, Refused
from portal.models import InvoiceMode
from portal.services import Portal
from portal.services.connections import HIGHEST_ID
from portal.services.folding import folded
from portal.services.mapping_changes import lock_rows
from portal.services.mapping_log import Changed, fields_of, note_changes
from portal.services.mapping_rows import select_rows
from portal.services.mapping_sides import OFFERS, Side
from portal.services.paging import Wanted
from portal.services.suggestions import find_exact
from portal.services.targets import CHOOSABLE, load_targets

FIRST = 10
"""How many of the rows are listed before the deed."""


class Action(StrEnum):
    """What is done to each of many rows."""

    SYNC_ON = "sync-on"
    SYNC_OFF = "sync-off"
    CREATE = "create"
    UPDATE = "update"
    EXACT = "exact"
    CLEAR = "clear"


_MODES = {Action.CREATE: InvoiceMode.CREATE, Action.UPDATE: InvoiceMode.UPDATE}


def actions_of(side: Side) -> tuple[Action, ...]:
    """What can be done to rows of this side: offers have no mode."""
    return tuple(one for one in Action if side is not OFFERS or one not in _MODES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rows of these ids, or all that are wanted where `ids` is None."""

    wanted: Wanted
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRow:
    """A row that would change: a switch, a mode, or the name of its counterpart, None for none."""

    name: str
    key: str
    before: bool | InvoiceMode | str | None
    after: bool | InvoiceMode | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPlan:
    """What an action would do: how many rows of those selected it changes, and the first of them.

    `token` tells whether it would still do the same later.
    """

    action: Action
    selected: int
    count: int
    first: tuple[BulkRow, ...]
    token: str


@dataclass(frozen=True, slots=True)
class _Change:
    id: int
    name: str
    key: str
    field: str
    before: Any
    after: Any


def plan_bulk(portal: Portal, connection_id: int, side: Side, action: str, selection: Selection) -> BulkPlan:
    """What an action would change now. Raises Refused for one that does not exist, and when no row is ticked."""
    with portal.database.read() as db:
        selected, changes = _changes(portal, db, connection_id, side, _action(side, action), selection)
        first = _first(db, connection_id, side, changes[:FIRST])
    return BulkPlan(
        action=Action(action), selected=selected, count=len(changes), first=first, token=_token(action, changes)
    )


def apply_bulk(
    portal: Portal, connection_id: int, side: Side, action: str, selection: Selection, *, token: str, who: str
) -> int:
    """Do what `plan_bulk` told, with its token; how many rows were changed. Raises Conflict when it is not that now."""
    # Asking for suggestions takes a while, so it is done before anybody has to wait for us.
    with portal.database.read() as db:
        _, changes = _changes(portal, db, connection_id, side, _action(side, action), selection)
    if _token(action, changes) != token:
        raise _overtaken()
    with portal.database.write() as db:
        rows = {row.id: row for row in lock_rows(db, side, connection_id, [one.id for one in changes])}
        if any(one.id not in rows or getattr(rows[one.id], one.field) != one.before for one in changes):
            raise _overtaken()
        if action == Action.EXACT:
            _check_targets(db, connection_id, side, {one.after for one in changes})
        done = []
        for one in changes:
            row = rows[one.id]
            done.append(Changed(row, fields_of(side, row)))
            setattr(row, one.field, one.after)
        note_changes(db, side, connection_id, done, who=who, how="bulk", at=portal.now())
    return len(changes)


def _overtaken() -> Conflict:
    return Conflict("Nothing was changed: these rows are not what they were when you looked. Look again.")


def _action(side: Side, action: str) -> Action:
    if action not in set(actions_of(side)):
        raise Refused("Choose what to do with the rows.")
    return Action(action)


def _changes(
    portal: Portal, db: orm.Session, connection_id: int, side: Side, action: Action, selection: Selection
) -> tuple[int, list[_Change]]:
    """How many rows are selected, and what the action changes of them, in the order of their names."""
    rows = _select(db, connection_id, side, selection)
    exact = {}
    if action is Action.EXACT:
        unmapped = [row for row in rows if row.is_synchronized and getattr(row, side.field) is None]
        exact = find_exact(portal, db, connection_id, side, unmapped)
    changes = []
    for row in rows:
        field, after = _after(side, action, row)
        if action is Action.EXACT:
            if row.id not in exact:
                continue
            after = exact[row.id].list_id
        before = getattr(row, field)
        if before != after:
            changes.append(_Change(row.id, row.name, row.key, field, before, after))
    return len(rows), changes


def _select(db: orm.Session, connection_id: int, side: Side, selection: Selection) -> Sequence[Any]:
    if selection.ids is None:
        query, _ = select_rows(db, side, connection_id, selection.wanted)
    else:
        ids = [row_id for row_id in selection.ids if 0 < row_id <= HIGHEST_ID]
        if not ids:
            raise Refused("Tick at least one row, or choose all rows that match.")
        query = sa.select(side.table).where(side.of(connection_id), side.table.id.in_(ids))
    return db.scalars(query.order_by(folded(db, side.table.name.expression), side.table.id)).all()


def _after(side: Side, action: Action, row: Any) -> tuple[str, Any]:
    """The field that an action sets, and to what."""
    if action in _MODES:
        return "mode", _MODES[action]
    if action in (Action.SYNC_ON, Action.SYNC_OFF):
        return "is_synchronized", action is Action.SYNC_ON
    return side.field, None


def _first(db: orm.Session, connection_id: int, side: Side, changes: Sequence[_Change]) -> tuple[BulkRow, ...]:
    list_ids = {value for one in changes if one.field == side.field for value in (one.before, one.after) if value}
    targets = load_targets(db, connection_id, side.kind, list_ids)

    def told(one: _Change, value: Any) -> Any:
        if one.field != side.field or value is None:
            return value
        return targets[value].full_name if value in targets else "?"

    return tuple(
        BulkRow(name=one.name, key=one.key, before=told(one, one.before), after=told(one, one.after)) for one in changes
    )


def _check_targets(db: orm.Session, connection_id: int, side: Side, list_ids: Collection[str]) -> None:
    found = load_targets(db, connection_id, side.kind, set(list_ids))
    if any(
        one not in found or not found[one].is_active or found[one].type not in CHOOSABLE[side.kind] for one in list_ids
    ):
        raise _overtaken()


def _token(action: str, changes: Sequence[_Change]) -> str:
    told = sorted(f"{one.id}:{one.field}:{one.before}>{one.after}" for one in changes)
    return hashlib.sha256("\n".join([action, *told]).encode()).hexdigest()
