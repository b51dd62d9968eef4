"""What is to be mended, and the visits of the Web Connector."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from portal.errors import Refused
from portal.models import Scope
from portal.services.api import lists
from portal.services.api.keyset import Slice
from portal.services.connections import to_row_id
from portal.services.status import NUMBERED, Kind, slice_problems
from portal.web.access import portal_of_app
from portal.web.api.guard import scoped
from portal.web.api.pages import PageQuery, envelope, wanted_page
from portal.web.api.shapes.history import ErrorOut, ErrorPage, ExchangeOut, ExchangePage, VisitOut, VisitPage
from portal.web.words import msgid

blueprint = APIBlueprint("history", __name__, tag="Errors and visits")


@blueprint.get("/connections/<int:connection_id>/errors")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(ErrorPage)
@blueprint.doc(
    summary=msgid("What is to be mended, each with its cause and what to do"),
    description="Computed anew by every call: an error is gone as soon as its cause is. A page goes on after the error "
    "that the page before ended with, whatever was mended meanwhile.",
)
@scoped(Scope.HISTORY_READ)
def list_errors(connection_id: int, query: PageQuery) -> dict[str, Any]:
    wanted = wanted_page(query, str)
    found, last = slice_problems(portal_of_app(), connection_id, _place(wanted.after), wanted.limit)
    page = Slice(rows=found, last=None if last is None else f"{last[0].value}:{last[1]}")
    return envelope(page, [ErrorOut.of(*row) for row in found])


def _place(after: int | str | None) -> tuple[Kind, int | str] | None:
    if after is None:
        return None
    name, _, key = str(after).partition(":")
    if name in set(Kind) and key:
        kind = Kind(name)
        if kind not in NUMBERED:
            return kind, key
        if (number := to_row_id(key)) is not None:
            return kind, number
    raise Refused("This cursor is not one of this list. Begin the list again without it.")


@blueprint.get("/connections/<int:connection_id>/visits")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(VisitPage)
@blueprint.doc(summary=msgid("The visits of the Web Connector, newest first"))
@scoped(Scope.HISTORY_READ)
def list_visits(connection_id: int, query: PageQuery) -> dict[str, Any]:
    page = lists.list_visits(portal_of_app(), connection_id, wanted_page(query))
    return envelope(page, [VisitOut.of(row) for row in page.rows])


@blueprint.get("/connections/<int:connection_id>/visits/<int:visit_id>")
@blueprint.output(VisitOut)
@blueprint.doc(summary=msgid("One visit"))
@scoped(Scope.HISTORY_READ)
def get_visit(connection_id: int, visit_id: int) -> VisitOut:
    return VisitOut.of(lists.get_visit(portal_of_app(), connection_id, visit_id))


@blueprint.get("/connections/<int:connection_id>/visits/<int:visit_id>/exchanges")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(ExchangePage)
@blueprint.doc(summary=msgid("What crossed the wire in a visit, without the texts"))
@scoped(Scope.HISTORY_READ)
def list_exchanges(connection_id: int, visit_id: int, query: PageQuery) -> dict[str, Any]:
    page = lists.list_exchanges(portal_of_app(), connection_id, visit_id, wanted_page(query))
    return envelope(page, [ExchangeOut.of(row) for row in page.rows])
