"""The mapping file: all mappings out to CSV, and in again, all rows or none.

What cannot be named in the file, because QuickBooks no longer has it, goes out as "?". Coming in, "?" leaves a cell as
it is, so that a file which was only downloaded changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.description import PLACEHOLDERS
from portal.errors import Refused
from portal.models import LONGEST_KEY, InvoiceMode, Offer, Organization
from portal.services import Portal
from portal.services.connections import hold
from portal.services.invoice_fields import LONGEST_TEMPLATE, check_po_number, check_template
from portal.services.mapping_cells import COLUMNS, KEEP, OPTIONAL, Cells, disarm, read_cells
from qbwc.models import ListObject

FIELD_COLUMNS: Mapping[str, tuple[str, str]] = {
    "class": ("class_list_id", "class"),
    "terms": ("terms_list_id", "terms"),
    "tax": ("tax_code_list_id", "tax-code"),
}
"""Columns that a file may lack: the field of the organization that each one is, and the list it names."""
_TEMPLATES = ("other1", "other2")
_YES = {"yes": True, "oui": True, "true": True, "1": True, "no": False, "non": False, "false": False, "0": False}

Row = TypeVar("Row", Offer, Organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingResult:
    """What a CSV changed."""

    offers: int
    organizations: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Named:
    list_id: str
    is_active: bool


_Names = Mapping[str, Mapping[str, _Named]]


# -- in --------------------------------------------------------------------------------------------------------------


def apply_csv(portal: Portal, connection_id: int, data: bytes, name: str) -> MappingResult:
    """Apply a mapping file, all or nothing. Columns: kind (offer, organization), name, key, quickbooks, sync, mode.

    An offer is found by its key, an organization by its name; ones that no charge has named yet are made. `quickbooks`
    is the item's or customer's full name, empty to unmap, "?" to leave it. The columns po, class, terms, tax, other1
    and other2 of organizations may be missing; then they stay as they are. Raises Refused naming the line.
    """
    rows = read_cells(data, name)
    counts = {"offer": 0, "organization": 0}
    changed = 0
    with portal.database.write() as db:
        hold(db, connection_id)
        lists = ("item", "customer", *(kind for _, kind in FIELD_COLUMNS.values()))
        names = {kind: _by_name(db, connection_id, kind) for kind in lists}
        seen: dict[tuple[str, str], int] = {}
        for number, row in rows:
            kind = (row["kind"] or "").casefold()
            called = row["key"] or row["name"] or ""
            twin = seen.setdefault((kind, called), number)
            if twin != number:
                raise _line(
                    name,
                    number,
                    "%(file)s, line %(line)s: “%(name)s” stands on line %(twin)s already. Keep one of the two.",
                    name=called,
                    twin=twin,
                )
            if kind not in counts:
                raise _line(
                    name,
                    number,
                    "%(file)s, line %(line)s: kind is “%(kind)s”: write offer or organization.",
                    kind=row["kind"],
                )
            counts[kind] += 1
            apply = _apply_offer if kind == "offer" else _apply_organization
            changed += apply(db, connection_id, row, names, name, number)
    return MappingResult(offers=counts["offer"], organizations=counts["organization"], changed=changed)


def _line(file: str, number: int, template: str, /, **values: object) -> Refused:
    return Refused(template, file=file, line=number, **values)


def _by_name(db: orm.Session, connection_id: int, kind: str) -> dict[str, _Named]:
    rows = db.execute(
        sa.select(ListObject.full_name, ListObject.list_id, ListObject.is_active).filter_by(
            connection_id=connection_id, kind=kind
        )
    )
    return {full_name.casefold(): _Named(list_id, is_active) for full_name, list_id, is_active in rows}


def _target_id(row: Cells, names: _Names, noun: str, before: str | None, file: str, number: int) -> str | None:
    wanted = row["quickbooks"]
    if wanted is None:
        return before
    if not wanted:
        return None
    found = names[noun].get(wanted.casefold())
    if found is not None:
        return found.list_id
    if noun == "item":
        raise _line(
            file,
            number,
            "%(file)s, line %(line)s: QuickBooks has no item “%(name)s”. Write its full name as QuickBooks shows "
            "it, with parents, such as Parent:Child.",
            name=wanted,
        )
    raise _line(
        file,
        number,
        "%(file)s, line %(line)s: QuickBooks has no customer “%(name)s”. Write its full name as QuickBooks shows "
        "it, with parents, such as Parent:Child.",
        name=wanted,
    )


def _sync(row: Cells, file: str, number: int) -> bool:
    said = row["sync"] or ""
    if said.casefold() not in _YES:
        raise _line(file, number, "%(file)s, line %(line)s: sync is “%(sync)s”: write yes or no.", sync=said)
    return _YES[said.casefold()]


def _check_length(key: str, file: str, number: int) -> None:
    if len(key) > LONGEST_KEY:
        raise _line(
            file,
            number,
            "%(file)s, line %(line)s: a key of %(count)s characters is too long; %(most)s is the most.",
            count=len(key),
            most=LONGEST_KEY,
        )


def _apply_offer(db: orm.Session, connection_id: int, row: Cells, names: _Names, file: str, number: int) -> bool:
    key = row["key"] or row["name"]
    if not key:
        raise _line(file, number, "%(file)s, line %(line)s: an offer needs a key.")
    _check_length(key, file, number)
    for column in OPTIONAL:
        if row[column]:
            raise _line(
                file,
                number,
                "%(file)s, line %(line)s: column %(column)s is for organizations. Leave it empty for an offer.",
                column=column,
            )
    found = db.scalar(sa.select(Offer).filter_by(connection_id=connection_id, key=key))
    if found is None:
        found = Offer(connection_id=connection_id, key=key, name=row["name"] or key)
        db.add(found)
    before = (found.item_list_id, found.is_synchronized)
    found.item_list_id = _target_id(row, names, "item", found.item_list_id, file, number)
    found.is_synchronized = _sync(row, file, number)
    return before != (found.item_list_id, found.is_synchronized)


def _apply_organization(db: orm.Session, connection_id: int, row: Cells, names: _Names, file: str, number: int) -> bool:
    key = row["key"] or row["name"]
    if not key:
        raise _line(file, number, "%(file)s, line %(line)s: an organization needs a name.")
    _check_length(key, file, number)
    found = db.scalar(sa.select(Organization).filter_by(connection_id=connection_id, key=key))
    if found is None:
        found = Organization(connection_id=connection_id, key=key, name=row["name"] or key)
        db.add(found)
    before = _state(found)
    found.customer_list_id = _target_id(row, names, "customer", found.customer_list_id, file, number)
    found.is_synchronized = _sync(row, file, number)
    said = row["mode"] or ""
    try:
        found.mode = InvoiceMode(said.casefold() or found.mode or InvoiceMode.CREATE)
    except ValueError:
        raise _line(
            file, number, "%(file)s, line %(line)s: mode is “%(mode)s”: write create or update.", mode=said
        ) from None
    _apply_fields(found, row, names, file, number)
    return before != _state(found)


def _state(row: Organization) -> tuple[object, ...]:
    fields = (getattr(row, field) for field, _ in FIELD_COLUMNS.values())
    return (row.customer_list_id, row.is_synchronized, row.mode, row.po_number, row.other1, row.other2, *fields)


def _apply_fields(found: Organization, row: Cells, names: _Names, file: str, number: int) -> None:
    """What the invoices carry. An object that is inactive may stay where it is, but not be chosen."""
    if row["po"] is not None:
        try:
            found.po_number = check_po_number(row["po"]) or None
        except Refused as error:
            raise _line(
                file,
                number,
                "%(file)s, line %(line)s: “%(po)s” cannot be a PO number in QuickBooks: 25 characters at most, and "
                "none that it cannot keep.",
                po=row["po"],
            ) from error
    for column, (field, kind) in FIELD_COLUMNS.items():
        wanted = row[column]
        if wanted is None:
            continue
        named = names[kind].get(wanted.casefold())
        if wanted and (named is None or not (named.is_active or named.list_id == getattr(found, field))):
            raise _line(
                file,
                number,
                "%(file)s, line %(line)s, column %(column)s: QuickBooks has no active “%(name)s” in this list. Write "
                "it as QuickBooks shows it, or leave the cell empty.",
                column=column,
                name=wanted,
            )
        setattr(found, field, named.list_id if named and wanted else None)
    _apply_templates(found, row, file, number)


def _apply_templates(found: Organization, row: Cells, file: str, number: int) -> None:
    for column in _TEMPLATES:
        wanted = row[column]
        if wanted is None:
            continue
        try:
            setattr(found, column, check_template(wanted) or None)
        except Refused as error:
            raise _line(
                file,
                number,
                "%(file)s, line %(line)s, column %(column)s: “%(template)s” cannot be a template: %(most)s characters "
                "at most, and no placeholders but %(known)s.",
                column=column,
                template=wanted,
                most=LONGEST_TEMPLATE,
                known=" ".join("{" + name + "}" for name in PLACEHOLDERS),
            ) from error


# -- out -------------------------------------------------------------------------------------------------------------


def write_csv(portal: Portal, connection_id: int) -> str:
    """All mappings in the form that apply_csv reads, with a byte-order mark so that Excel keeps the accents."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow((*COLUMNS, *OPTIONAL))
    with portal.database.read() as db:
        names = {kind: _by_id(db, connection_id, kind) for kind in ("item", "customer")}
        names |= {kind: _by_id(db, connection_id, kind) for _, kind in FIELD_COLUMNS.values()}
        for offer in db.scalars(_all(Offer, connection_id)):
            sync = "yes" if offer.is_synchronized else "no"
            cells = [disarm(cell) for cell in ("offer", offer.name, offer.key)]
            writer.writerow([*cells, _name_of(names["item"], offer.item_list_id), sync, "", *("" for _ in OPTIONAL)])
        for one in db.scalars(_all(Organization, connection_id)):
            sync = "yes" if one.is_synchronized else "no"
            cells = [disarm(cell) for cell in ("organization", one.name, one.key)]
            fields = [_name_of(names[kind], getattr(one, field)) for field, kind in FIELD_COLUMNS.values()]
            customer = _name_of(names["customer"], one.customer_list_id)
            templates = [disarm(getattr(one, column) or "") for column in _TEMPLATES]
            writer.writerow([*cells, customer, sync, one.mode, disarm(one.po_number or ""), *fields, *templates])
    return "\ufeff" + out.getvalue()


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
