"""Mappings: offer to item, organization to customer. The tables, one row by its ids, and the doors to the rest.

`mapping_rows` loads the tables, `mapping_changes` saves what was typed, `mapping_bulk` changes many rows at once, and
`mapping_file` takes them out and in as CSV.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from portal.errors import NotFound
from portal.models import InvoiceMode, Offer, Organization
from portal.services import Portal
from portal.services.connections import HIGHEST_ID
from portal.services.mapping_cells import COLUMNS
from portal.services.mapping_changes import Edit, Saved, save_offers, save_organizations
from portal.services.mapping_file import MappingResult, apply_csv, plan_csv, write_csv
from portal.services.mapping_log import Changed, fields_of, note_changes
from portal.services.mapping_rows import (
    Found,
    MappingCounts,
    Only,
    count_unmapped,
    load_offers,
    load_organizations,
)
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS
from portal.services.mapping_views import OfferRow, OrganizationRow
from portal.services.paging import Wanted
from portal.services.targets import Choice, customer_choices, item_choices, require_target

_ALL = 10**9


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


def list_offers(
    portal: Portal, connection_id: int, *, search: str = "", only_unmapped: bool = False, only_id: int | None = None
) -> OfferPage:
    """The offers of a connection, by name: all on one page."""
    found = load_offers(portal, connection_id, _wanted(search, only_unmapped, only_id))
    return OfferPage(rows=found.page.rows, unmapped=found.counts.unmapped, total=found.counts.total)


def list_organizations(
    portal: Portal, connection_id: int, *, search: str = "", only_unmapped: bool = False, only_id: int | None = None
) -> OrganizationPage:
    """The organizations of a connection, by name: all on one page."""
    found = load_organizations(portal, connection_id, _wanted(search, only_unmapped, only_id))
    return OrganizationPage(rows=found.page.rows, unmapped=found.counts.unmapped, total=found.counts.total)


def _wanted(search: str, only_unmapped: bool, only_id: int | None) -> Wanted:
    filters = {"only": Only.UNMAPPED if only_unmapped else "", "row": "" if only_id is None else str(only_id)}
    return Wanted(search=search, filters=filters, size=_ALL)


def map_offer(
    portal: Portal, connection_id: int, offer_id: int, *, item_list_id: str | None, is_synchronized: bool, who: str = ""
) -> OfferRow:
    """Map one offer, or unmap it with None. Raises NotFound, and Refused for an item that may not be chosen."""
    with portal.database.write() as db:
        row = db.scalar(sa.select(Offer).filter_by(id=min(offer_id, HIGHEST_ID), connection_id=connection_id))
        if row is None:
            raise NotFound("This offer does not exist here.")
        if item_list_id and item_list_id != row.item_list_id:
            require_target(db, connection_id, "item", item_list_id)
        before = fields_of(OFFERS, row)
        row.item_list_id, row.is_synchronized = item_list_id or None, is_synchronized
        note_changes(db, OFFERS, connection_id, [Changed(row, before)], who=who, how="page", at=portal.now())
    return list_offers(portal, connection_id, only_id=offer_id).rows[0]


def map_organization(
    portal: Portal,
    connection_id: int,
    organization_id: int,
    *,
    customer_list_id: str | None,
    mode: InvoiceMode,
    is_synchronized: bool,
    who: str = "",
) -> OrganizationRow:
    """Map one organization, or unmap it with None. Raises NotFound, and Refused for a customer that may not be."""
    with portal.database.write() as db:
        wanted = sa.select(Organization).filter_by(id=min(organization_id, HIGHEST_ID), connection_id=connection_id)
        row = db.scalar(wanted)
        if row is None:
            raise NotFound("This organization does not exist here.")
        if customer_list_id and customer_list_id != row.customer_list_id:
            require_target(db, connection_id, "customer", customer_list_id)
        before = fields_of(ORGANIZATIONS, row)
        row.customer_list_id, row.mode, row.is_synchronized = customer_list_id or None, mode, is_synchronized
        note_changes(db, ORGANIZATIONS, connection_id, [Changed(row, before)], who=who, how="page", at=portal.now())
    return list_organizations(portal, connection_id, only_id=organization_id).rows[0]


__all__ = [
    "COLUMNS",
    "OFFERS",
    "ORGANIZATIONS",
    "Choice",
    "Edit",
    "Found",
    "MappingCounts",
    "MappingResult",
    "OfferPage",
    "OfferRow",
    "Only",
    "OrganizationPage",
    "OrganizationRow",
    "Saved",
    "apply_csv",
    "count_unmapped",
    "customer_choices",
    "item_choices",
    "list_offers",
    "list_organizations",
    "load_offers",
    "load_organizations",
    "map_offer",
    "map_organization",
    "plan_csv",
    "save_offers",
    "save_organizations",
    "write_csv",
]
