"""Offers and organizations, what each is in QuickBooks, and what it may be."""

from __future__ import annotations

from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import Field

from portal.models import Scope
from portal.services.api import mappings
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS
from portal.web.access import portal_of_app
from portal.web.api.guard import scoped, token
from portal.web.api.pages import PageQuery, envelope, wanted_page
from portal.web.api.shapes.mappings import (
    OfferMapping,
    OfferOut,
    OfferPage,
    OrganizationMapping,
    OrganizationOut,
    OrganizationPage,
    SuggestionOut,
    SuggestionPage,
)
from portal.web.api.versions import etag, seen_version, versioned
from portal.web.words import msgid

blueprint = APIBlueprint("mappings", __name__, tag="Offers, organizations and mappings")
_ONLY = "^(unmapped|mapped|off)$"


class MappingQuery(PageQuery):
    """A page of a table of mappings."""

    only: Annotated[str | None, Field(pattern=_ONLY, description="unmapped, mapped or off; all without it.")] = None


def _only(query: MappingQuery) -> mappings.Only | None:
    return None if query.only is None else mappings.Only(query.only)


@blueprint.get("/connections/<int:connection_id>/offers")
@blueprint.input(MappingQuery, location="query", arg_name="query")
@blueprint.output(OfferPage)
@blueprint.doc(summary=msgid("The offers of a connection, each with its item"))
@scoped(Scope.MAPPINGS_READ)
def list_offers(connection_id: int, query: MappingQuery) -> dict[str, Any]:
    page = mappings.list_offers(portal_of_app(), connection_id, wanted_page(query), _only(query))
    return envelope(page, [OfferOut.of(row) for row in page.rows])


@blueprint.get("/connections/<int:connection_id>/offers/<int:offer_id>")
@blueprint.output(OfferOut)
@blueprint.doc(summary=msgid("One offer"))
@scoped(Scope.MAPPINGS_READ)
def get_offer(connection_id: int, offer_id: int) -> OfferOut:
    return OfferOut.of(mappings.get_offer(portal_of_app(), connection_id, offer_id))


@blueprint.get("/connections/<int:connection_id>/offers/<int:offer_id>/mapping")
@blueprint.output(OfferMapping)
@blueprint.doc(summary=msgid("The item that an offer is billed as"))
@scoped(Scope.MAPPINGS_READ)
def get_offer_mapping(connection_id: int, offer_id: int) -> Any:
    one = mappings.get_offer(portal_of_app(), connection_id, offer_id)
    return OfferMapping.of(one), 200, etag(one.version)


@blueprint.put("/connections/<int:connection_id>/offers/<int:offer_id>/mapping")
@blueprint.input(OfferMapping, arg_name="wanted")
@blueprint.output(OfferMapping)
@blueprint.doc(summary=msgid("Map an offer to an item, or to none"))
@versioned
@scoped(Scope.MAPPINGS_WRITE)
def put_offer_mapping(connection_id: int, offer_id: int, wanted: OfferMapping) -> Any:
    one = mappings.put_offer(
        portal_of_app(), connection_id, offer_id, wanted.model_dump(), seen=seen_version(), who=token().who
    )
    return OfferMapping.of(one), 200, etag(one.version)


@blueprint.get("/connections/<int:connection_id>/offers/suggestions")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(SuggestionPage)
@blueprint.doc(summary=msgid("What the unmapped offers may be in QuickBooks"))
@scoped(Scope.MAPPINGS_READ)
def suggest_items(connection_id: int, query: PageQuery) -> dict[str, Any]:
    page = mappings.advise(portal_of_app(), connection_id, OFFERS, wanted_page(query))
    return envelope(page, [SuggestionOut.of(row) for row in page.rows])


@blueprint.get("/connections/<int:connection_id>/organizations")
@blueprint.input(MappingQuery, location="query", arg_name="query")
@blueprint.output(OrganizationPage)
@blueprint.doc(summary=msgid("The organizations of a connection, each with its customer"))
@scoped(Scope.MAPPINGS_READ)
def list_organizations(connection_id: int, query: MappingQuery) -> dict[str, Any]:
    page = mappings.list_organizations(portal_of_app(), connection_id, wanted_page(query), _only(query))
    return envelope(page, [OrganizationOut.of(row) for row in page.rows])


@blueprint.get("/connections/<int:connection_id>/organizations/<int:organization_id>")
@blueprint.output(OrganizationOut)
@blueprint.doc(summary=msgid("One organization"))
@scoped(Scope.MAPPINGS_READ)
def get_organization(connection_id: int, organization_id: int) -> OrganizationOut:
    return OrganizationOut.of(mappings.get_organization(portal_of_app(), connection_id, organization_id))


@blueprint.get("/connections/<int:connection_id>/organizations/<int:organization_id>/mapping")
@blueprint.output(OrganizationMapping)
@blueprint.doc(summary=msgid("The customer that an organization is, and what its invoices carry"))
@scoped(Scope.MAPPINGS_READ)
def get_organization_mapping(connection_id: int, organization_id: int) -> Any:
    one = mappings.get_organization(portal_of_app(), connection_id, organization_id)
    return OrganizationMapping.of(one), 200, etag(one.version)


@blueprint.put("/connections/<int:connection_id>/organizations/<int:organization_id>/mapping")
@blueprint.input(OrganizationMapping, arg_name="wanted")
@blueprint.output(OrganizationMapping)
@blueprint.doc(summary=msgid("Map an organization to a customer, or to none, and say what its invoices carry"))
@versioned
@scoped(Scope.MAPPINGS_WRITE)
def put_organization_mapping(connection_id: int, organization_id: int, wanted: OrganizationMapping) -> Any:
    one = mappings.put_organization(
        portal_of_app(), connection_id, organization_id, wanted.model_dump(), seen=seen_version(), who=token().who
    )
    return OrganizationMapping.of(one), 200, etag(one.version)


@blueprint.get("/connections/<int:connection_id>/organizations/suggestions")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(SuggestionPage)
@blueprint.doc(summary=msgid("What the unmapped organizations may be in QuickBooks"))
@scoped(Scope.MAPPINGS_READ)
def suggest_customers(connection_id: int, query: PageQuery) -> dict[str, Any]:
    page = mappings.advise(portal_of_app(), connection_id, ORGANIZATIONS, wanted_page(query))
    return envelope(page, [SuggestionOut.of(row) for row in page.rows])
