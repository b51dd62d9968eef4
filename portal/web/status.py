"""Status: is the connection ready to invoice, what stands in the way, and what the Web Connector did."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.services import status
from portal.web.access import EVERYONE, allowed, portal_of_app

blueprint = Blueprint("status", __name__)


@blueprint.get("/connections/<int:connection_id>/status")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """Ready or not, problems, visits and lists."""
    portal = portal_of_app()
    return render_template(
        "status.html", state=status.status(portal, connection_id), visits=status.visits(portal, connection_id)
    )
