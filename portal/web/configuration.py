"""Configuration: the billing integrations, each a tile with how far it is and what to do next."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.services import health
from portal.services.wizard import STEPS
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app, signed_in

blueprint = Blueprint("configuration", __name__)


@blueprint.get("/configuration")
@allowed(*EVERYONE)
def index() -> ResponseReturnValue:
    """The tiles."""
    user = signed_in()
    partner_id, may_set_up = user.partner_id, user.role in WRITERS
    rows = health.list_health(portal_of_app(), partner_id) if partner_id is not None else ()
    return render_template("configuration.html", rows=rows, steps=STEPS, may_set_up=may_set_up)
