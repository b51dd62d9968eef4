"""Mappings as the API reads and replaces them: with a version, so that nobody overwrites what they have not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound, Stale
from portal.models import InvoiceMode, Organization
from portal.services import Portal
from portal.services.api.keyset import From, Slice, read_slice
from portal.services.invoice_fields import LISTS, check_po_number, check_template, field_problems, require_object
from portal.services.mapping_changes import lock_rows
from portal.services.mapping_log import Changed, fields_of, note_changes
from portal.services.mapping_rows import Only
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS, Side, is_mapped, is_off, is_unmapped
from portal.services.mapping_views import OfferRow, OrganizationRow, offer_row, organization_row
from portal.services.suggestions import Advice, advise_offers, advise_organizations
from portal.services.targets import load_targets, require_target

HOW = "api"
Row = TypeVar("Row", OfferRow, OrganizationRow)
_CONDITIONS = {Only.UNMAPPED: is_unmapped, Only.MAPPED: is_mapped, Only.OFF: is_off}


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned(Generic[Row]):
    """A row, what a person decides about it by field, and the version of that."""

    row: Row
    fields: Mapping[str, Any]
    version: str


def list_offers(
    portal: Portal, connection_id: int, wanted: From, only: Only | None = None
) -> Slice[Versioned[OfferRow]]:
    """The offers of a connection, in the order they were first charged. Problems cannot be filtered by."""
    with portal.database.read() as db:
        page = read_slice(db, _rows(OFFERS, connection_id, only), OFFERS.table.id, wanted)
        return page.map(lambda rows: _offers(db, connection_id, [row for (row,) in rows]))


def list_organizations(
    portal: Portal, connection_id: int, wanted: From, only: Only | None = None
) -> Slice[Versioned[OrganizationRow]]:
    """The organizations of a connection. As `list_offers`."""
    with portal.database.read() as db:
        page = read_slice(db, _rows(ORGANIZATIONS, connection_id, only), ORGANIZATIONS.table.id, wanted)
        return page.map(lambda rows: _organizations(db, connection_id, [row for (row,) in rows]))


def get_offer(portal: Portal, connection_id: int, offer_id: int) -> Versioned[OfferRow]:
    """One offer. Raises NotFound."""
    with portal.database.read() as db:
        return _offers(db, connection_id, [_find(db, OFFERS, connection_id, offer_id)])[0]


def get_organization(portal: Portal, connection_id: int, organization_id: int) -> Versioned[OrganizationRow]:
    """One organization. Raises NotFound."""
    with portal.database.read() as db:
        return _organizations(db, connection_id, [_find(db, ORGANIZATIONS, connection_id, organization_id)])[0]


def put_offer(
    portal: Portal, connection_id: int, offer_id: int, values: Mapping[str, Any], *, seen: str | None, who: str
) -> Versioned[OfferRow]:
    """Replace what is decided about an offer, by field. Raises NotFound, Refused; Stale unless it is as it was `seen`.

    None as `seen` takes it as it is.
    """
    with portal.database.write() as db:
        row = _put(db, portal, OFFERS, connection_id, offer_id, values, seen, who)
        return _offers(db, connection_id, [row])[0]


def put_organization(
    portal: Portal, connection_id: int, organization_id: int, values: Mapping[str, Any], *, seen: str | None, who: str
) -> Versioned[OrganizationRow]:
    """Replace what is decided about an organization, by field. As `put_offer`."""
    checked = {
        **values,
        "mode": InvoiceMode(values["mode"]),
        "po_number": check_po_number(values["po_number"] or "") or None,
        "other1": check_template(values["other1"] or "") or None,
        "other2": check_template(values["other2"] or "") or None,
    }
    with portal.database.write() as db:
        row = _put(db, portal, ORGANIZATIONS, connection_id, organization_id, checked, seen, who)
        return _organizations(db, connection_id, [row])[0]


def advise(portal: Portal, connection_id: int, side: Side, wanted: From) -> Slice[Advice]:
    """What the unmapped rows of a page may be in QuickBooks; rows without any suggestion are left out.

    Who else is suggested the same customer is looked for among the rows of the page.
    """
    with portal.database.read() as db:
        query = sa.select(side.table).where(side.of(connection_id), is_unmapped(side))
        page = read_slice(db, query, side.table.id, wanted)
        ids = [row.id for (row,) in page.rows]
    found = (advise_offers if side is OFFERS else advise_organizations)(portal, connection_id, only=ids)
    return page.map(lambda _rows: [found.rows[one] for one in ids if one in found.rows])


def _rows(side: Side, connection_id: int, only: Only | None) -> sa.Select[Any]:
    query: sa.Select[Any] = sa.select(side.table).where(side.of(connection_id))
    return query if only is None else query.where(_CONDITIONS[only](side))


def _find(db: orm.Session, side: Side, connection_id: int, row_id: int) -> Any:
    row = db.scalar(sa.select(side.table).where(side.of(connection_id), side.table.id == row_id))
    if row is None:
        raise _lacking(side)
    return row


def _lacking(side: Side) -> NotFound:
    if side is OFFERS:
        return NotFound("This offer does not exist here.")
    return NotFound("This organization does not exist here.")


def _put(
    db: orm.Session,
    portal: Portal,
    side: Side,
    connection_id: int,
    row_id: int,
    values: Mapping[str, Any],
    seen: str | None,
    who: str,
) -> Any:
    rows = lock_rows(db, side, connection_id, [row_id])
    if not rows:
        raise _lacking(side)
    row, before = rows[0], fields_of(side, rows[0])
    if seen is not None and _version(before) != seen:
        raise Stale("Somebody changed this mapping after you read it. Read it again, and save yours then.")
    wanted: dict[str, Any] = {
        field: values[field] or None if field.endswith("_list_id") else values[field] for field in side.fields
    }
    if wanted[side.field] and wanted[side.field] != before[side.field]:
        require_target(db, connection_id, side.kind, wanted[side.field])
    for field, kind in LISTS.items():
        if wanted.get(field) and wanted[field] != before[field]:
            require_object(db, connection_id, kind, wanted[field])
    for field, value in wanted.items():
        setattr(row, field, value)
    note_changes(db, side, connection_id, [Changed(row, before)], who=who, how=HOW, at=portal.now())
    return row


def _offers(db: orm.Session, connection_id: int, rows: Sequence[Any]) -> list[Versioned[OfferRow]]:
    items = load_targets(db, connection_id, OFFERS.kind, _ids(OFFERS, rows))
    return [_versioned(OFFERS, row, offer_row(row, items.get(row.item_list_id or ""), 0)) for row in rows]


def _organizations(
    db: orm.Session, connection_id: int, rows: Sequence[Organization]
) -> list[Versioned[OrganizationRow]]:
    customers = load_targets(db, connection_id, ORGANIZATIONS.kind, set(_ids(ORGANIZATIONS, rows)))
    problems = field_problems(db, connection_id, rows)
    return [
        _versioned(
            ORGANIZATIONS,
            row,
            organization_row(row, customers.get(row.customer_list_id or ""), 0, problems.get(row.id, ())),
        )
        for row in rows
    ]


def _ids(side: Side, rows: Collection[Any]) -> set[str]:
    return {list_id for row in rows if (list_id := getattr(row, side.field))}


def _versioned(side: Side, row: Any, view: Row) -> Versioned[Row]:
    fields = fields_of(side, row)
    return Versioned(row=view, fields=fields, version=_version(fields))


def _version(fields: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change with anything that is decided."""
    told = {name: None if value is None else str(value) for name, value in sorted(fields.items())}
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


__all__ = [
    "Only",
    "Versioned",
    "advise",
    "get_offer",
    "get_organization",
    "list_offers",
    "list_organizations",
    "put_offer",
    "put_organization",
]
