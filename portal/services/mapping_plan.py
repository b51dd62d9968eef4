"""What a mapping file would change: its rows beside what is there, and which of them cannot be.

Nothing is written here. A cell that cannot be does not keep the other rows from being looked at, so that a person sees
everything that is wrong with a file at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Refused
from portal.models import Offer, Organization
from portal.services.csv_plan import CellChange, Fault, WrongCell
from portal.services.mapping_cells import KEEP, Cells
from portal.services.mapping_log import fields_of
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS, Side
from portal.services.mapping_values import FIELD_COLUMNS, Known, Named, read_key, read_values
from qbwc.models import ListObject

_SIDES = {side.noun: side for side in (OFFERS, ORGANIZATIONS)}
_COLUMNS = {"is_synchronized": "sync", "po_number": "po", **{field: name for name, (field, _) in FIELD_COLUMNS.items()}}
_LISTS = {side.field: side.kind for side in _SIDES.values()} | dict(FIELD_COLUMNS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """A row that would change. `kind` is offer or organization; `is_new`: no charge has named it yet."""

    line: int
    kind: str
    name: str
    key: str
    is_new: bool
    cells: tuple[CellChange, ...]


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row to be written: which side, the row that is there, if it is, and its fields as they are to be."""

    side: Side
    row: Offer | Organization | None
    name: str
    key: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """What a file would do: rows read, changes, faults. `token` tells whether it would still do the same later."""

    offers: int
    organizations: int
    changes: tuple[RowChange, ...]
    faults: tuple[Fault, ...]
    planned: tuple[PlannedRow, ...]
    token: str


def plan(db: orm.Session, connection_id: int, rows: Iterable[tuple[int, Cells]], file: str) -> FilePlan:
    """Compare the rows of a file, each with its line number, with what is there."""
    known = _load(db, connection_id)
    counts = dict.fromkeys(_SIDES, 0)
    changes, faults, planned = [], [], []
    seen: dict[tuple[str, str], int] = {}
    for line, cells in rows:
        try:
            side = _side(cells, line, seen)
            counts[side.noun] += 1
            wanted = _plan_row(known, side, cells)
        except WrongCell as wrong:
            faults.append(wrong.at(file, line))
            continue
        change = _compare(known, wanted, line)
        if change is not None:
            changes.append(change)
            planned.append(wanted)
    return FilePlan(
        offers=counts["offer"],
        organizations=counts["organization"],
        changes=tuple(changes),
        faults=tuple(faults),
        planned=tuple(planned),
        token=_token(planned),
    )


def _load(db: orm.Session, connection_id: int) -> Known:
    rows: dict[tuple[str, str], Offer | Organization] = {}
    for side in _SIDES.values():
        same_side: sa.Select[Any] = sa.select(side.table).where(side.of(connection_id))
        rows |= {(side.noun, row.key): row for row in db.scalars(same_side)}
    by_name: dict[str, dict[str, Named]] = {kind: {} for kind in _LISTS.values()}
    by_id: dict[str, dict[str, str]] = {kind: {} for kind in _LISTS.values()}
    columns = (ListObject.kind, ListObject.full_name, ListObject.list_id, ListObject.is_active)
    same = sa.select(*columns).where(ListObject.connection_id == connection_id, ListObject.kind.in_(list(by_id)))
    for kind, name, list_id, is_active in db.execute(same):
        by_name[kind][name.casefold()] = Named(list_id, is_active)
        by_id[kind][list_id] = name
    return Known(rows, by_name, by_id)


def _side(cells: Cells, line: int, seen: dict[tuple[str, str], int]) -> Side:
    kind = (cells["kind"] or "").casefold()
    called = cells["key"] or cells["name"] or ""
    twin = seen.setdefault((kind, called), line)
    if twin != line:
        raise WrongCell(
            "key",
            Refused(
                "%(file)s, line %(line)s: “%(name)s” stands on line %(twin)s already. Keep one of the two.",
                name=called,
                twin=twin,
            ),
        )
    if kind not in _SIDES:
        raise WrongCell(
            "kind",
            Refused("%(file)s, line %(line)s: kind is “%(kind)s”: write offer or organization.", kind=cells["kind"]),
        )
    return _SIDES[kind]


def _plan_row(known: Known, side: Side, cells: Cells) -> PlannedRow:
    key = read_key(side, cells)
    row = known.rows.get((side.noun, key))
    before = fields_of(side, row) if row is not None else dict.fromkeys(side.fields)
    name = row.name if row is not None else cells["name"] or key
    return PlannedRow(side, row, name, key, read_values(known, side, cells, before))


def _compare(known: Known, wanted: PlannedRow, line: int) -> RowChange | None:
    """The cells that would change; None when nothing would."""
    side, row = wanted.side, wanted.row
    before = fields_of(side, row) if row is not None else dict.fromkeys(side.fields)
    if row is not None and before == wanted.values:
        return None
    cells = (
        CellChange(
            column=_COLUMNS.get(field, "quickbooks" if field == side.field else field),
            before=_told(known, field, before[field]),
            after=_told(known, field, wanted.values[field]),
        )
        for field in side.fields
        if before[field] != wanted.values[field]
    )
    return RowChange(
        line=line, kind=side.noun, name=wanted.name, key=wanted.key, is_new=row is None, cells=tuple(cells)
    )


def _told(known: Known, field: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return known.by_id[_LISTS[field]].get(value, KEEP) if field in _LISTS else str(value)


def _token(planned: Iterable[PlannedRow]) -> str:
    """Says which rows change from what to what."""
    told = []
    for one in planned:
        before = fields_of(one.side, one.row) if one.row is not None else None
        told.append(repr((one.side.noun, one.key, before and sorted(before.items()), sorted(one.values.items()))))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
