"""Notices: what somebody should know of the connections, computed anew by every call."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from portal.models import Scope
from portal.services import notices
from portal.services.api.keyset import cut
from portal.web.access import portal_of_app
from portal.web.api.guard import scoped, token
from portal.web.api.pages import PageQuery, envelope, wanted_page
from portal.web.api.shapes.notices import NoticeOut, NoticePage
from portal.web.words import msgid

blueprint = APIBlueprint("notices", __name__, tag="Notices")
_ANEW = "Computed anew by every call: a notice is gone as soon as its cause is."


@blueprint.get("/notices")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(NoticePage)
@blueprint.doc(summary=msgid("What somebody should know, of all connections of the partner"), description=_ANEW)
@scoped(Scope.NOTICES_READ)
def list_partner_notices(query: PageQuery) -> dict[str, Any]:
    return _page(notices.list_partner_notices(portal_of_app(), token().partner_id), query)


@blueprint.get("/connections/<int:connection_id>/notices")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(NoticePage)
@blueprint.doc(summary=msgid("What somebody should know of a connection, the most urgent first"), description=_ANEW)
@scoped(Scope.NOTICES_READ)
def list_notices(connection_id: int, query: PageQuery) -> dict[str, Any]:
    return _page(notices.list_notices(portal_of_app(), connection_id), query)


def _page(found: tuple[notices.NoticeView, ...], query: PageQuery) -> dict[str, Any]:
    page = cut(found, wanted_page(query))
    return envelope(page, [NoticeOut.of(view) for view in page.rows])
