"""Status: is the connection ready to invoice, what stands in the way, and the last visits of the Web Connector."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.services import insight, status
from portal.services.paging import HIGHEST_PAGE
from portal.web.access import EVERYONE, allowed, portal_of_app
from portal.web.charted import visits_chart

LAST_VISITS = 5
LONGEST_CODE = 40

blueprint = Blueprint("status", __name__)


@blueprint.get("/connections/<int:connection_id>/status")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """Ready or not; problems by kind, or a page of one kind; the last visits; the lists."""
    portal, asked = portal_of_app(), request.args.get("kind", "")
    kind = status.Kind(asked) if asked in set(status.Kind) else None
    code = request.args.get("code", "")[:LONGEST_CODE]
    page = min(max(1, request.args.get("page", 1, type=int)), HIGHEST_PAGE)
    seen = status.overview(portal, connection_id, kind=kind, code=code, page=page)

    def link(**changes: Any) -> str:
        query = {"kind": kind.value if kind else None, "code": seen.code or None, **changes}
        return url_for("status.show", connection_id=connection_id, _anchor="problems", **query)

    visits = status.visits(portal, connection_id, LAST_VISITS) if kind is None else ()
    return render_template(
        "status.html",
        seen=seen,
        state=seen.view,
        kind=kind,
        link=link,
        visits=visits,
        visits_by_day=None if kind else visits_chart(insight.visits_over_time(portal, connection_id)),
        kinds=list(status.Kind),
    )
