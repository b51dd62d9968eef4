"""Mappings: offer to item, organization to customer; one by one, or all at once by CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import (
    BILLABLE_ITEMS,
    MappedOffer,
    MappedOrganization,
    Reason,
    Target,
    offer_refusal,
    organization_refusal,
)
from portal.errors import NotFound, Refused, Sentence
from portal.models import LONGEST_KEY, BilledCharge, Charge, InvoiceMode, Offer, Organization
from portal.services import Portal
from portal.services.connections import hold
from portal.services.reasons import REASONS
from qbwc.models import ListObject

COLUMNS = ("kind", "name", "key", "quickbooks", "sync", "mode")
_FORMULAS = ("=", "+", "-", "@")
_YES = {"yes": True, "oui": True, "true": True, "1": True, "no": False, "non": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRow:
    """An offer with its item. `problem` says why it cannot be billed; `charges` counts what waits to be billed."""

    id: int
    key: str
    name: str
    item_list_id: str | None
    item_name: str | None
    item_type: str | None
    price: Decimal | None
    cost: Decimal | None
    is_synchronized: bool
    charges: int
    problem: Sentence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRow:
    """An organization with its customer."""

    id: int
    key: str
    name: str
    customer_list_id: str | None
    customer_name: str | None
    mode: InvoiceMode
    is_synchronized: bool
    charges: int
    problem: Sentence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPage:
    """Offers, with how many of all of them still need an item."""

    rows: tuple[OfferRow, ...]
    unmapped: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationPage:
    """Organizations, with how many of all of them still need a customer."""

    rows: tuple[OrganizationRow, ...]
    unmapped: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An item or customer to choose from."""

    list_id: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingResult:
    """What a CSV changed."""

    offers: int
    organizations: int
    changed: int


def target(row: ListObject | None) -> Target | None:
    """A mirrored object as the rules see it."""
    if row is None:
        return None
    price, currency = row.data.get("price"), row.data.get("currency_ref") or {}
    return Target(
        list_id=row.list_id,
        full_name=row.full_name,
        type=row.type,
        is_active=row.is_active,
        price=Decimal(price) if price else None,
        currency=currency_code(currency.get("full_name")),
    )


_CURRENCIES = {"Canadian Dollar": "CAD", "US Dollar": "USD", "Euro": "EUR", "British Pound Sterling": "GBP"}


def currency_code(name: str | None) -> str | None:
    """QuickBooks names currencies, charges carry ISO codes. A name that is not known here equals no code."""
    return _CURRENCIES.get(name, name) if name else None


def load_targets(db: orm.Session, connection_id: int, kind: str, list_ids: set[str]) -> dict[str, ListObject]:
    """The mirrored objects with these ListIDs."""
    found: dict[str, ListObject] = {}
    wanted = sorted(list_ids)
    for begin in range(0, len(wanted), 500):
        chunk = wanted[begin : begin + 500]
        query = sa.select(ListObject).filter_by(connection_id=connection_id, kind=kind)
        found.update((row.list_id, row) for row in db.scalars(query.where(ListObject.list_id.in_(chunk))))
    return found


def mapped_offer(row: Offer, item: ListObject | None) -> MappedOffer:
    """An offer as the rules see it."""
    return MappedOffer(
        id=row.id, name=row.name, is_synchronized=row.is_synchronized, item_list_id=row.item_list_id, item=target(item)
    )


def mapped_organization(row: Organization, customer: ListObject | None) -> MappedOrganization:
    """An organization as the rules see it."""
    return MappedOrganization(
        id=row.id,
        name=row.name,
        is_synchronized=row.is_synchronized,
        customer_list_id=row.customer_list_id,
        customer=target(customer),
    )


def _waiting(column: orm.InstrumentedAttribute[int], connection_id: int) -> sa.Subquery:
    return (
        sa.select(column.label("owner_id"), sa.func.count().label("waiting"))
        .outerjoin(BilledCharge, BilledCharge.charge_id == Charge.id)
        .where(Charge.connection_id == connection_id, BilledCharge.charge_id.is_(None))
        .group_by(column)
        .subquery()
    )


def list_offers(
    portal: Portal, connection_id: int, *, search: str = "", only_unmapped: bool = False, only_id: int | None = None
) -> OfferPage:
    """The offers of a connection, by name."""
    with portal.database.read() as db:
        waiting = _waiting(Charge.offer_id, connection_id)
        query = (
            sa.select(Offer, waiting.c.waiting)
            .outerjoin(waiting, waiting.c.owner_id == Offer.id)
            .where(Offer.connection_id == connection_id)
            .order_by(sa.func.lower(Offer.name), Offer.id)
        )
        query = _filtered(query, Offer, search, Offer.item_list_id if only_unmapped else None, only_id)
        rows = db.execute(query).all()
        items = load_targets(db, connection_id, "item", {row.item_list_id for row, _ in rows if row.item_list_id})
        counts = _counts(db, Offer, Offer.item_list_id, connection_id)
        views = tuple(_offer_row(row, items.get(row.item_list_id or ""), count or 0) for row, count in rows)
        return OfferPage(rows=views, unmapped=counts[1], total=counts[0])


def list_organizations(
    portal: Portal, connection_id: int, *, search: str = "", only_unmapped: bool = False, only_id: int | None = None
) -> OrganizationPage:
    """The organizations of a connection, by name."""
    with portal.database.read() as db:
        waiting = _waiting(Charge.organization_id, connection_id)
        query = (
            sa.select(Organization, waiting.c.waiting)
            .outerjoin(waiting, waiting.c.owner_id == Organization.id)
            .where(Organization.connection_id == connection_id)
            .order_by(sa.func.lower(Organization.name), Organization.id)
        )
        query = _filtered(
            query, Organization, search, Organization.customer_list_id if only_unmapped else None, only_id
        )
        rows = db.execute(query).all()
        ids = {row.customer_list_id for row, _ in rows if row.customer_list_id}
        customers = load_targets(db, connection_id, "customer", ids)
        counts = _counts(db, Organization, Organization.customer_list_id, connection_id)
        views = tuple(
            _organization_row(row, customers.get(row.customer_list_id or ""), count or 0) for row, count in rows
        )
        return OrganizationPage(rows=views, unmapped=counts[1], total=counts[0])


def _filtered(
    query: sa.Select[Any],
    table: type[Offer] | type[Organization],
    search: str,
    unmapped: orm.InstrumentedAttribute[str | None] | None,
    only_id: int | None,
) -> sa.Select[Any]:
    if search.strip():
        words = search.strip()
        query = query.where(table.name.icontains(words, autoescape=True) | table.key.icontains(words, autoescape=True))
    if unmapped is not None:
        query = query.where(unmapped.is_(None), table.is_synchronized)
    return query if only_id is None else query.where(table.id == only_id)


def _counts(
    db: orm.Session,
    table: type[Offer] | type[Organization],
    counterpart: orm.InstrumentedAttribute[str | None],
    connection_id: int,
) -> tuple[int, int]:
    unmapped = sa.func.sum(sa.case((counterpart.is_(None) & table.is_synchronized, 1), else_=0))
    total, missing = db.execute(sa.select(sa.func.count(), unmapped).where(table.connection_id == connection_id)).one()
    return total, missing or 0


def _offer_row(row: Offer, item: ListObject | None, waiting: int) -> OfferRow:
    reason = offer_refusal(mapped_offer(row, item))
    data = item.data if item else {}
    return OfferRow(
        id=row.id,
        key=row.key,
        name=row.name,
        item_list_id=row.item_list_id,
        item_name=item.full_name if item else None,
        item_type=item.type if item else None,
        price=Decimal(data["price"]) if data.get("price") else None,
        cost=Decimal(data["cost"]) if data.get("cost") else None,
        is_synchronized=row.is_synchronized,
        charges=waiting,
        problem=None if reason in (None, Reason.OFFER_OFF) else REASONS[reason],
    )


def _organization_row(row: Organization, customer: ListObject | None, waiting: int) -> OrganizationRow:
    reason = organization_refusal(mapped_organization(row, customer))
    return OrganizationRow(
        id=row.id,
        key=row.key,
        name=row.name,
        customer_list_id=row.customer_list_id,
        customer_name=customer.full_name if customer else None,
        mode=row.mode,
        is_synchronized=row.is_synchronized,
        charges=waiting,
        problem=None if reason in (None, Reason.ORGANIZATION_OFF) else REASONS[reason],
    )


def item_choices(portal: Portal, connection_id: int, search: str = "", limit: int = 50) -> tuple[Choice, ...]:
    """Items that can be billed by quantity, by path."""
    return _choices(portal, connection_id, "item", search, limit, sorted(BILLABLE_ITEMS))


def customer_choices(portal: Portal, connection_id: int, search: str = "", limit: int = 50) -> tuple[Choice, ...]:
    """Customers and jobs, by path."""
    return _choices(portal, connection_id, "customer", search, limit, ["Customer"])


def _choices(
    portal: Portal, connection_id: int, kind: str, search: str, limit: int, types: Sequence[str]
) -> tuple[Choice, ...]:
    query = (
        sa.select(ListObject)
        .filter_by(connection_id=connection_id, kind=kind, is_active=True)
        .where(ListObject.type.in_(types))
        .order_by(sa.func.lower(ListObject.full_name))
        .limit(limit)
    )
    if search.strip():
        query = query.where(ListObject.full_name.icontains(search.strip(), autoescape=True))
    with portal.database.read() as db:
        return tuple(
            Choice(
                list_id=row.list_id,
                name=row.full_name,
                detail=str(row.data.get("price") or row.data.get("email") or ""),
            )
            for row in db.scalars(query)
        )


def map_offer(
    portal: Portal, connection_id: int, offer_id: int, *, item_list_id: str | None, is_synchronized: bool
) -> OfferRow:
    """Map one offer, or unmap it with None. Raises NotFound, and Refused for an item that is not there."""
    with portal.database.write() as db:
        row = db.scalar(sa.select(Offer).filter_by(id=offer_id, connection_id=connection_id))
        if row is None:
            raise NotFound("This offer does not exist here.")
        if item_list_id and item_list_id != row.item_list_id:
            _require(db, connection_id, "item", item_list_id)
        row.item_list_id, row.is_synchronized = item_list_id or None, is_synchronized
    return list_offers(portal, connection_id, only_id=offer_id).rows[0]


def map_organization(
    portal: Portal,
    connection_id: int,
    organization_id: int,
    *,
    customer_list_id: str | None,
    mode: InvoiceMode,
    is_synchronized: bool,
) -> OrganizationRow:
    """Map one organization, or unmap it with None. Raises NotFound, and Refused for a customer that is not there."""
    with portal.database.write() as db:
        row = db.scalar(sa.select(Organization).filter_by(id=organization_id, connection_id=connection_id))
        if row is None:
            raise NotFound("This organization does not exist here.")
        if customer_list_id and customer_list_id != row.customer_list_id:
            _require(db, connection_id, "customer", customer_list_id)
        row.customer_list_id, row.mode, row.is_synchronized = customer_list_id or None, mode, is_synchronized
    return list_organizations(portal, connection_id, only_id=organization_id).rows[0]


def _require(db: orm.Session, connection_id: int, kind: str, list_id: str) -> None:
    if list_id not in load_targets(db, connection_id, kind, {list_id}):
        if kind == "item":
            raise Refused(
                "QuickBooks has no such item any more. Click Update Selected in the Web Connector, then choose again."
            )
        raise Refused(
            "QuickBooks has no such customer any more. Click Update Selected in the Web Connector, then choose again."
        )


# -- CSV -------------------------------------------------------------------------------------------------------------


def apply_csv(portal: Portal, connection_id: int, data: bytes, name: str) -> MappingResult:
    """Apply a mapping file, all or nothing. Columns: kind (offer, organization), name, key, quickbooks, sync, mode.

    An offer is found by its key, an organization by its name; ones that no charge has named yet are made. `quickbooks`
    is the item's or customer's full name, empty to unmap. Raises Refused naming the line.
    """
    rows = _read_csv(data, name)
    counts = {"offer": 0, "organization": 0}
    changed = 0
    with portal.database.write() as db:
        hold(db, connection_id)
        names = {kind: _by_name(db, connection_id, kind) for kind in ("item", "customer")}
        seen: dict[tuple[str, str], int] = {}
        for number, row in rows:
            kind = row["kind"].casefold()
            twin = seen.setdefault((kind, row["key"] or row["name"]), number)
            if twin != number:
                raise _line(
                    name,
                    number,
                    "%(file)s, line %(line)s: “%(name)s” stands on line %(twin)s already. Keep one of the two.",
                    name=row["key"] or row["name"],
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


def _read_csv(data: bytes, name: str) -> list[tuple[int, dict[str, str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if "\0" in text:
        raise Refused("%(file)s is not text. Save it as CSV in UTF-8.", file=name)
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    try:
        return _read_rows(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter), name)
    except csv.Error as error:
        raise Refused("%(file)s is not CSV: %(reason)s. Save it as CSV again.", file=name, reason=error) from None


def _read_rows(reader: csv.DictReader[str], name: str) -> list[tuple[int, dict[str, str]]]:
    columns = [column.strip().casefold() for column in reader.fieldnames or []]
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise Refused(
            "%(file)s has no column %(columns)s. The first line must name: %(all)s.",
            file=name,
            columns=", ".join(missing),
            all=", ".join(COLUMNS),
        )
    reader.fieldnames = columns
    return [
        (reader.line_num, {column: _revive((row.get(column) or "").strip()) for column in COLUMNS})
        for row in reader
        if any((value or "").strip() for key, value in row.items() if isinstance(value, str))
    ]


def _line(file: str, number: int, template: str, /, **values: object) -> Refused:
    return Refused(template, file=file, line=number, **values)


def _by_name(db: orm.Session, connection_id: int, kind: str) -> dict[str, str]:
    rows = db.execute(
        sa.select(ListObject.full_name, ListObject.list_id).filter_by(connection_id=connection_id, kind=kind)
    )
    return {full_name.casefold(): list_id for full_name, list_id in rows}


def _target_id(names: dict[str, str], row: dict[str, str], noun: str, file: str, number: int) -> str | None:
    if not row["quickbooks"]:
        return None
    found = names.get(row["quickbooks"].casefold())
    if found is None:
        if noun == "item":
            raise _line(
                file,
                number,
                "%(file)s, line %(line)s: QuickBooks has no item “%(name)s”. Write its full name as QuickBooks shows "
                "it, with parents, such as Parent:Child.",
                name=row["quickbooks"],
            )
        raise _line(
            file,
            number,
            "%(file)s, line %(line)s: QuickBooks has no customer “%(name)s”. Write its full name as QuickBooks shows "
            "it, with parents, such as Parent:Child.",
            name=row["quickbooks"],
        )
    return found


def _sync(row: dict[str, str], file: str, number: int) -> bool:
    if row["sync"].casefold() not in _YES:
        raise _line(file, number, "%(file)s, line %(line)s: sync is “%(sync)s”: write yes or no.", sync=row["sync"])
    return _YES[row["sync"].casefold()]


def _check_length(key: str, file: str, number: int) -> None:
    if len(key) > LONGEST_KEY:
        raise _line(
            file,
            number,
            "%(file)s, line %(line)s: a key of %(count)s characters is too long; %(most)s is the most.",
            count=len(key),
            most=LONGEST_KEY,
        )


def _apply_offer(
    db: orm.Session, connection_id: int, row: dict[str, str], names: dict[str, dict[str, str]], file: str, number: int
) -> bool:
    key = row["key"] or row["name"]
    if not key:
        raise _line(file, number, "%(file)s, line %(line)s: an offer needs a key.")
    _check_length(key, file, number)
    item = _target_id(names["item"], row, "item", file, number)
    found = db.scalar(sa.select(Offer).filter_by(connection_id=connection_id, key=key))
    if found is None:
        found = Offer(connection_id=connection_id, key=key, name=row["name"] or key)
        db.add(found)
    before = (found.item_list_id, found.is_synchronized)
    found.item_list_id, found.is_synchronized = item, _sync(row, file, number)
    return before != (found.item_list_id, found.is_synchronized)


def _apply_organization(
    db: orm.Session, connection_id: int, row: dict[str, str], names: dict[str, dict[str, str]], file: str, number: int
) -> bool:
    key = row["key"] or row["name"]
    if not key:
        raise _line(file, number, "%(file)s, line %(line)s: an organization needs a name.")
    _check_length(key, file, number)
    customer = _target_id(names["customer"], row, "customer", file, number)
    found = db.scalar(sa.select(Organization).filter_by(connection_id=connection_id, key=key))
    if found is None:
        found = Organization(connection_id=connection_id, key=key, name=row["name"] or key)
        db.add(found)
    try:
        mode = InvoiceMode(row["mode"].casefold() or found.mode or InvoiceMode.CREATE)
    except ValueError:
        raise _line(
            file, number, "%(file)s, line %(line)s: mode is “%(mode)s”: write create or update.", mode=row["mode"]
        ) from None
    before = (found.customer_list_id, found.is_synchronized, found.mode)
    found.customer_list_id, found.is_synchronized, found.mode = customer, _sync(row, file, number), mode
    return before != (found.customer_list_id, found.is_synchronized, found.mode)


def _is_formula(cell: str) -> bool:
    return cell.lstrip("'").startswith(_FORMULAS)


def _disarm(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula, with an apostrophe in front."""
    return f"'{cell}" if _is_formula(cell) else cell


def _revive(cell: str) -> str:
    """The cell as it was before _disarm."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def write_csv(portal: Portal, connection_id: int) -> str:
    """All mappings in the form that apply_csv reads, with a byte-order mark so that Excel keeps the accents."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for offer in list_offers(portal, connection_id).rows:
        sync = "yes" if offer.is_synchronized else "no"
        cells = ("offer", offer.name, offer.key, offer.item_name or "", sync, "")
        writer.writerow([_disarm(cell) for cell in cells])
    for one in list_organizations(portal, connection_id).rows:
        sync = "yes" if one.is_synchronized else "no"
        writer.writerow(
            [_disarm(cell) for cell in ("organization", one.name, one.key, one.customer_name or "", sync, one.mode)]
        )
    return "\ufeff" + out.getvalue()
