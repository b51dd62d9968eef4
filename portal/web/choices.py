"""Items and customers to choose from, as the fields of the tables ask for them while somebody types."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.services import mappings
from portal.services.mappings import Choice
from portal.web.access import WRITERS, allowed, portal_of_app
from portal.web.language import price
from portal.web.tables import LONGEST_SEARCH
from portal.web.words import item_type

MOST = 50

blueprint = Blueprint("choices", __name__)


@blueprint.get("/connections/<int:connection_id>/choices/item")
@allowed(*WRITERS)
def item(connection_id: int) -> ResponseReturnValue:
    """Items whose path has all words of `q`: `choices` with name and detail, and whether there are `more`."""
    return _answer(mappings.item_choices(portal_of_app(), connection_id, _search(), MOST + 1))


@blueprint.get("/connections/<int:connection_id>/choices/customer")
@allowed(*WRITERS)
def customer(connection_id: int) -> ResponseReturnValue:
    """Customers whose path has all words of `q`. As `item`."""
    return _answer(mappings.customer_choices(portal_of_app(), connection_id, _search(), MOST + 1))


def _search() -> str:
    return request.args.get("q", "")[:LONGEST_SEARCH]


def _answer(found: Sequence[Choice]) -> ResponseReturnValue:
    shown = [{"name": one.name, "detail": _detail(one)} for one in found[:MOST]]
    return jsonify(choices=shown, more=len(found) > MOST)


def _detail(one: Choice) -> str:
    """What tells an item or a customer from others, in the page's language."""
    if one.type == "Customer":
        return one.email
    parts = [str(_(item_type(one.type)))]
    if one.price is not None:
        parts.append(str(_("price %(price)s", price=price(one.price))))
    if one.cost is not None:
        parts.append(str(_("cost %(cost)s", cost=price(one.cost))))
    return " · ".join(parts)
