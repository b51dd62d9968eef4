"""Rows of the tables as a person edited them: saved together, each one or its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Refused, Sentence
from portal.models import InvoiceMode, Offer, Organization
from portal.services import Portal
from portal.services.connections import HIGHEST_ID
from portal.services.mapping_log import Changed, fields_of, note_changes
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS, Side
from portal.services.mapping_views import shown
from portal.services.targets import find_by_name, load_targets
from qbwc.models import ListObject

_OVERTAKEN = Sentence(
    "Somebody changed this row after you opened the page. Look at what it is now: “%(name)s”. Save again to have yours."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A row as it was typed. `seen` is what the page showed of it (`shown` of the row), if it is known."""

    id: int
    name: str
    is_synchronized: bool
    mode: str = ""
    seen: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """How many rows were saved, and why others were not, by id."""

    count: int
    refused: Mapping[int, Sentence]


def save_offers(portal: Portal, connection_id: int, edits: Sequence[Edit], *, who: str) -> Saved:
    """Save offers: the item by its full name, empty for none, and the switch. What is not this connection's is passed.

    A row that cannot be saved, or that somebody else changed since it was seen, does not keep the others.
    """
    return _save(portal, connection_id, OFFERS, edits, who)


def save_organizations(portal: Portal, connection_id: int, edits: Sequence[Edit], *, who: str) -> Saved:
    """Save organizations: the customer by its full name, the mode and the switch. As `save_offers`."""
    return _save(portal, connection_id, ORGANIZATIONS, edits, who)


def lock_rows(db: orm.Session, side: Side, connection_id: int, ids: Sequence[int]) -> list[Any]:
    """The rows of these ids, held to the end of the transaction; in order, so that two never block each other."""
    rows: list[Any] = []
    wanted = sorted({row_id for row_id in ids if 0 < row_id <= HIGHEST_ID})
    for begin in range(0, len(wanted), 500):
        query: sa.Select[Any] = sa.select(side.table).where(
            side.of(connection_id), side.table.id.in_(wanted[begin : begin + 500])
        )
        # Billing refers to them while it makes drafts, in an order of its own: it must not be kept waiting for that.
        rows += db.scalars(query.order_by(side.table.id).with_for_update(key_share=True)).all()
    return rows


def _save(portal: Portal, connection_id: int, side: Side, edits: Sequence[Edit], who: str) -> Saved:
    by_id = {edit.id: edit for edit in edits}
    changed: list[Changed] = []
    refused: dict[int, Sentence] = {}
    count = 0
    with portal.database.write() as db:
        rows = lock_rows(db, side, connection_id, list(by_id))
        list_ids = {list_id for row in rows if (list_id := getattr(row, side.field))}
        targets = load_targets(db, connection_id, side.kind, list_ids)
        for row in rows:
            target = targets.get(getattr(row, side.field) or "")
            before = fields_of(side, row)
            try:
                _apply(db, side, row, target, by_id[row.id])
            except Refused as error:
                refused[row.id] = error.sentence
                continue
            changed.append(Changed(row, before))
            count += 1
        note_changes(db, side, connection_id, changed, who=who, how="page", at=portal.now())
    return Saved(count=count, refused=refused)


def _apply(db: orm.Session, side: Side, row: Offer | Organization, target: ListObject | None, edit: Edit) -> None:
    name = target.full_name if target else ""
    if edit.seen is not None and edit.seen != shown(name, row.is_synchronized, getattr(row, "mode", None)):
        raise Refused(_OVERTAKEN.template, name=name or "–")
    list_id = _list_id(db, side, row, name, edit.name)
    if isinstance(row, Organization):
        if edit.mode not in set(InvoiceMode):
            raise Refused("Choose whether a separate invoice is created or the unsent one is updated.")
        row.mode = InvoiceMode(edit.mode)
    setattr(row, side.field, list_id)
    row.is_synchronized = edit.is_synchronized


def _list_id(db: orm.Session, side: Side, row: Offer | Organization, name: str, typed: str) -> str | None:
    """What a typed name means. The name that stands there already means what it is, also when it is inactive."""
    if typed.strip() == name.strip():
        kept: str | None = getattr(row, side.field)
        return kept
    return find_by_name(db, row.connection_id, side.kind, typed.strip()) if typed.strip() else None
