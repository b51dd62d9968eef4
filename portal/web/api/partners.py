"""Who the token is of: itself, and its partner."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from portal.errors import NotFound
from portal.services.api.keyset import Slice
from portal.web.api.guard import scoped, token
from portal.web.api.pages import PageQuery, envelope, wanted_page
from portal.web.api.shapes.connections import PartnerOut, PartnerPage, TokenOut
from portal.web.words import msgid

blueprint = APIBlueprint("partners", __name__, tag="Partners")


@blueprint.get("/token")
@blueprint.output(TokenOut)
@blueprint.doc(summary=msgid("The token of this call: its permissions, and until when it works"))
@scoped(None)
def get_token() -> TokenOut:
    return TokenOut.of(token())


@blueprint.get("/partners")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(PartnerPage)
@blueprint.doc(summary=msgid("The partners that the token sees: its own"))
@scoped(None)
def list_partners(query: PageQuery) -> dict[str, Any]:
    after = wanted_page(query).after
    own = PartnerOut(id=token().partner_id, name=token().partner_name)
    rows = () if isinstance(after, int) and own.id <= after else (own,)
    return envelope(Slice(rows=rows, last=None), list(rows))


@blueprint.get("/partners/<int:partner_id>")
@blueprint.output(PartnerOut)
@blueprint.doc(summary=msgid("One partner"))
@scoped(None)
def get_partner(partner_id: int) -> PartnerOut:
    if partner_id != token().partner_id:
        raise NotFound("This partner does not exist, or the token is of another one.")
    return PartnerOut(id=partner_id, name=token().partner_name)
