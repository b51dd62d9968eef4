"""The mapping file: all mappings out to CSV, and in again, all rows or none.

What cannot be named in the file, because QuickBooks no longer has it, goes out as "?". Coming in, "?" leaves a cell as
it is, so that a file which was only downloaded changes nothing. `mapping_plan` says what a file would change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Conflict, Refused
from portal.models import Offer, Organization
from portal.services import Portal
from portal.services.connections import hold
from portal.services.csv_cells import ENGLISH, Dialect, join
from portal.services.mapping_cells import COLUMNS, KEEP, OPTIONAL, disarm, read_cells
from portal.services.mapping_log import Changed, fields_of, note_changes
from portal.services.mapping_plan import FilePlan, PlannedRow, plan
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS, Side
from portal.services.mapping_values import FIELD_COLUMNS
from qbwc.models import ListObject

_TEMPLATES = ("other1", "other2")

Row = TypeVar("Row", Offer, Organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingResult:
    """What a CSV changed."""

    offers: int
    organizations: int
    changed: int


# -- in --------------------------------------------------------------------------------------------------------------


def plan_csv(portal: Portal, connection_id: int, data: bytes, name: str) -> FilePlan:
    """What a mapping file would change, and what is wrong with it. Raises Refused for what is no mapping file."""
    rows = read_cells(data, name)
    with portal.database.read() as db:
        return plan(db, connection_id, rows, name)


def apply_csv(
    portal: Portal, connection_id: int, data: bytes, name: str, *, who: str = "", token: str | None = None
) -> MappingResult:
    """Apply a mapping file, all or nothing. Columns: kind (offer, organization), name, key, quickbooks, sync, mode.

    An offer is found by its key, an organization by its name; ones that no charge has named yet are made. `quickbooks`
    is the item's or customer's full name, empty to unmap, "?" to leave it. The columns po, class, terms, tax, other1
    and other2 of organizations may be missing; then they stay as they are. Raises Refused naming the line. With the
    `token` of its plan, it raises Conflict when it would do something else than the plan told.
    """
    rows = read_cells(data, name)
    with portal.database.write() as db:
        hold(db, connection_id)
        made = plan(db, connection_id, rows, name)
        if made.faults:
            what = made.faults[0].what
            raise Refused(what.template, **what.values)
        if token not in (None, made.token):
            raise Conflict(
                "Nothing was changed: somebody changed mappings after you looked at the file. Look at it again."
            )
        for side in (OFFERS, ORGANIZATIONS):
            changed = [_write(db, connection_id, one) for one in made.planned if one.side is side]
            note_changes(db, side, connection_id, changed, who=who, how="file", at=portal.now())
    return MappingResult(offers=made.offers, organizations=made.organizations, changed=len(made.planned))


def _write(db: orm.Session, connection_id: int, wanted: PlannedRow) -> Changed:
    row, before = wanted.row, {}
    if row is None:
        row = wanted.side.table(connection_id=connection_id, key=wanted.key, name=wanted.name)
        db.add(row)
    else:
        before = fields_of(wanted.side, row)
    for field, value in wanted.values.items():
        setattr(row, field, value)
    return Changed(row, before)


# -- out -------------------------------------------------------------------------------------------------------------


def write_csv(
    portal: Portal, connection_id: int, *, dialect: Dialect = ENGLISH, sides: Collection[Side] = (OFFERS, ORGANIZATIONS)
) -> str:
    """Offers and organizations, or one of them, in the form that apply_csv reads."""
    rows: list[Iterable[str]] = [(*COLUMNS, *OPTIONAL)]
    with portal.database.read() as db:
        names = {kind: _by_id(db, connection_id, kind) for kind in ("item", "customer")}
        names |= {kind: _by_id(db, connection_id, kind) for _, kind in FIELD_COLUMNS.values()}
        for offer in db.scalars(_all(Offer, connection_id)) if OFFERS in sides else ():
            sync = "yes" if offer.is_synchronized else "no"
            cells = [disarm(cell) for cell in ("offer", offer.name, offer.key)]
            rows.append([*cells, _name_of(names["item"], offer.item_list_id), sync, "", *("" for _ in OPTIONAL)])
        for one in db.scalars(_all(Organization, connection_id)) if ORGANIZATIONS in sides else ():
            sync = "yes" if one.is_synchronized else "no"
            cells = [disarm(cell) for cell in ("organization", one.name, one.key)]
            fields = [_name_of(names[kind], getattr(one, field)) for field, kind in FIELD_COLUMNS.values()]
            customer = _name_of(names["customer"], one.customer_list_id)
            templates = [disarm(getattr(one, column) or "") for column in _TEMPLATES]
            rows.append([*cells, customer, sync, one.mode, disarm(one.po_number or ""), *fields, *templates])
    return join(*rows, delimiter=dialect.delimiter)


def _all(table: type[Row], connection_id: int) -> sa.Select[Row]:
    return sa.select(table).filter_by(connection_id=connection_id).order_by(sa.func.lower(table.name), table.id)


def _by_id(db: orm.Session, connection_id: int, kind: str) -> dict[str, str]:
    rows = db.execute(
        sa.select(ListObject.list_id, ListObject.full_name).filter_by(connection_id=connection_id, kind=kind)
    )
    return {row.list_id: row.full_name for row in rows}


def _name_of(names: Mapping[str, str], list_id: str | None) -> str:
    """The cell for a mapped object: empty for none, "?" for one that QuickBooks no longer has."""
    if not list_id:
        return ""
    return disarm(names[list_id]) if list_id in names else KEEP
