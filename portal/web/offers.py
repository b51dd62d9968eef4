"""Offers: which QuickBooks item each one is billed as, and whether it is synchronized."""

from __future__ import annotations

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from portal.services import mappings
from portal.services.mapping_sides import OFFERS
from portal.services.suggestions import advise_offers, use_items
from portal.web import bulk, mapping_table, suggestions
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app
from portal.web.mapping_table import Screen

blueprint = Blueprint("offers", __name__)
SCREEN = Screen(
    name="offers",
    side=OFFERS,
    load=mappings.load_offers,
    save=mappings.save_offers,
    advise=advise_offers,
    use=use_items,
    why=suggestions.why_item,
    tell_saved=mapping_table.tell_offers,
)


@blueprint.get("/connections/<int:connection_id>/offers")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The table of offers."""
    return mapping_table.page(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/offers")
@allowed(*WRITERS)
def save(connection_id: int) -> ResponseReturnValue:
    """Save the rows that were changed."""
    return mapping_table.save(connection_id, SCREEN)


@blueprint.get("/connections/<int:connection_id>/offers/suggestions")
@allowed(*WRITERS)
def review(connection_id: int) -> ResponseReturnValue:
    """The answers for offers without item, to be ticked."""
    return mapping_table.review(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/offers/suggestions")
@allowed(*WRITERS)
def use(connection_id: int) -> ResponseReturnValue:
    """Map the rows that were picked, and no others."""
    return mapping_table.use(connection_id, SCREEN)


@blueprint.get("/connections/<int:connection_id>/offers/advice")
@allowed(*WRITERS)
def advice(connection_id: int) -> ResponseReturnValue:
    """The suggestions for a page that was shown without them."""
    return mapping_table.advice(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/offers/bulk")
@allowed(*WRITERS)
def ask_bulk(connection_id: int) -> ResponseReturnValue:
    """Show what one change to many offers would do."""
    return bulk.ask(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/offers/bulk/apply")
@allowed(*WRITERS)
def apply_bulk(connection_id: int) -> ResponseReturnValue:
    """Do it."""
    return bulk.apply(connection_id, SCREEN)


@blueprint.app_context_processor
def _counters() -> dict[str, object]:
    return {"unmapped_of": unmapped_of}


def unmapped_of(screen: str) -> int:
    """How many rows of a screen of this connection are still to be mapped; 0 for screens that map nothing."""
    connection = g.get("connection")
    if connection is None or screen not in ("offers", "organizations"):
        return 0
    if "unmapped" not in g:
        g.unmapped = mappings.count_unmapped(portal_of_app(), connection.id)
    return int(g.unmapped[screen])
