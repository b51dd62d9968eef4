"""What people changed of a mapping, in the log: who, what stood before, what after.

Names of items and customers are kept beside their ListIDs: QuickBooks may not have them any more when it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import orm

from portal.models import Offer, Organization
from portal.services import audit
from portal.services.mapping_sides import Side
from portal.services.targets import load_rows

MAP = "map"
"""The action under which the log keeps them; `how` says which way: page, bulk, suggestion, file."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that was changed, and its fields before; none for one that was made."""

    row: Offer | Organization
    before: dict[str, Any]


def fields_of(side: Side, row: Offer | Organization) -> dict[str, Any]:
    """What a person decides about a row, by field."""
    return {field: getattr(row, field) for field in side.fields}


def note_changes(
    db: orm.Session, side: Side, connection_id: int, changed: Sequence[Changed], *, who: str, how: str, at: datetime
) -> None:
    """Write an entry for each row whose fields are not what they were."""
    db.flush()  # new rows get their ids
    pairs = [(one, fields_of(side, one.row)) for one in changed]
    pairs = [(one, after) for one, after in pairs if one.before != after]
    ids = {fields.get(side.field) for one, after in pairs for fields in (one.before, after)}
    names = {
        list_id: row.full_name
        for list_id, row in load_rows(db, connection_id, side.kind, {one for one in ids if one}).items()
    }
    for one, after in pairs:
        fields = [field for field in side.fields if one.before.get(field) != after[field] or not one.before]
        audit.note(
            db,
            connection_id,
            at=at,
            who=who,
            action=MAP,
            subject=side.subject(one.row.id),
            detail={
                "how": how,
                "name": one.row.name,
                "before": _told(side, one.before, fields, names) if one.before else {},
                "after": _told(side, after, fields, names),
            },
        )


def _told(side: Side, values: dict[str, Any], fields: Sequence[str], names: dict[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {field: values[field] for field in fields}
    if side.field in told:
        told[side.kind] = names.get(told[side.field])
    return told
