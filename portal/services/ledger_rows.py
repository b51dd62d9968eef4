"""Reading the ledger as it is kept: the entries of charges as plain rows, a chunk of keys at a time.

An import looks at 100,000 of them, so no object of the database's session is made for any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import Charge as Value
from portal.models import Charge
from portal.services.chunks import chunks

CHARGES = Charge.metadata.tables[Charge.__tablename__]
FACTS = {
    "kind": "kind",
    "cycle": "cycle",
    "quantity": "quantity",
    "start": "start",
    "end": "end",
    "unit_cost": "unit_cost",
    "unit_cost_prorated": "unit_cost_prorated",
    "amount": "amount",
    "currency": "currency",
    "is_proratable": "is_proratable",
    "name": "offer_name",
}
"""What a charge says beside its key, offer, organization and tags: the columns, and the names of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry of the ledger as it is kept; see `portal.models.Charge`."""

    id: int
    delivery_id: int
    revision: int
    is_billed: bool
    reverses: int | None
    value: Value
    raw: str


def chains(
    db: orm.Session,
    connection_id: int,
    keys: Sequence[str],
    *,
    organization_of: Callable[[int], str] = str,
    offer_of: Callable[[int], str] = str,
) -> dict[str, list[Row]]:
    """The entries of the charges with these keys, oldest first; keys without any are left out.

    `organization_of` and `offer_of` give the keys by the ids of their rows. Without them the ids stand in the values:
    enough for whom it only counts whether two are the same.
    """
    found: dict[str, list[Row]] = {}
    for some in chunks(keys):
        same = sa.select(CHARGES).where(CHARGES.c.connection_id == connection_id, CHARGES.c.key.in_(some))
        for row in db.execute(same.order_by(CHARGES.c.revision)).mappings():
            value = Value(
                key=row["key"],
                organization=organization_of(row["organization_id"]),
                offer_key=offer_of(row["offer_id"]),
                tags=tuple((name, told) for name, told in row["tags"].get("tags", [])),
                **{theirs: row[ours] for ours, theirs in FACTS.items()},
            )
            entry = Row(
                id=row["id"],
                delivery_id=row["delivery_id"],
                revision=row["revision"],
                is_billed=row["is_billed"],
                reverses=row["reverses_id"],
                value=value,
                raw=row["raw"],
            )
            found.setdefault(row["key"], []).append(entry)
    return found
