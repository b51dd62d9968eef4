"""Mappings: offer to item, organization to customer, one by one. `mapping_file` does many at once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import Reason, offer_refusal, organization_refusal
from portal.errors import NotFound, Sentence
from portal.models import BilledCharge, Charge, InvoiceMode, Offer, Organization
from portal.services import Portal
from portal.services.invoice_fields import LISTS, field_problems
from portal.services.mapping_cells import COLUMNS
from portal.services.mapping_file import MappingResult, apply_csv, write_csv
from portal.services.reasons import REASONS
from portal.services.targets import (
    Choice,
    customer_choices,
    item_choices,
    load_targets,
    mapped_offer,
    mapped_organization,
    require_target,
)
from qbwc.models import ListObject


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
    """An organization with its customer. `field_problems` say what is wrong with the other fields of its invoices."""

    id: int
    key: str
    name: str
    customer_list_id: str | None
    customer_name: str | None
    mode: InvoiceMode
    is_synchronized: bool
    charges: int
    problem: Sentence | None
    has_fields: bool
    field_problems: tuple[Sentence, ...]


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
        problems = field_problems(db, connection_id, [row for row, _ in rows])
        views = tuple(
            _organization_row(row, customers.get(row.customer_list_id or ""), count or 0, problems.get(row.id, ()))
            for row, count in rows
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


def _organization_row(
    row: Organization, customer: ListObject | None, waiting: int, field_problems: tuple[Sentence, ...]
) -> OrganizationRow:
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
        has_fields=any(getattr(row, field) for field in ("po_number", "other1", "other2", *LISTS)),
        field_problems=field_problems,
    )


def map_offer(
    portal: Portal, connection_id: int, offer_id: int, *, item_list_id: str | None, is_synchronized: bool
) -> OfferRow:
    """Map one offer, or unmap it with None. Raises NotFound, and Refused for an item that may not be chosen."""
    with portal.database.write() as db:
        row = db.scalar(sa.select(Offer).filter_by(id=offer_id, connection_id=connection_id))
        if row is None:
            raise NotFound("This offer does not exist here.")
        if item_list_id and item_list_id != row.item_list_id:
            require_target(db, connection_id, "item", item_list_id)
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
    """Map one organization, or unmap it with None. Raises NotFound, and Refused for a customer that may not be."""
    with portal.database.write() as db:
        row = db.scalar(sa.select(Organization).filter_by(id=organization_id, connection_id=connection_id))
        if row is None:
            raise NotFound("This organization does not exist here.")
        if customer_list_id and customer_list_id != row.customer_list_id:
            require_target(db, connection_id, "customer", customer_list_id)
        row.customer_list_id, row.mode, row.is_synchronized = customer_list_id or None, mode, is_synchronized
    return list_organizations(portal, connection_id, only_id=organization_id).rows[0]


__all__ = [
    "COLUMNS",
    "Choice",
    "MappingResult",
    "OfferPage",
    "OfferRow",
    "OrganizationPage",
    "OrganizationRow",
    "apply_csv",
    "customer_choices",
    "item_choices",
    "list_offers",
    "list_organizations",
    "map_offer",
    "map_organization",
    "write_csv",
]
