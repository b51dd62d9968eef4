"""Is the portal alive? Asks the database, for a monitor and for the Web Connector's look at the support address."""

from __future__ import annotations

import structlog
from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal.services import accounts
from portal.web.access import portal_of_app, public

blueprint = Blueprint("health", __name__)
log = structlog.get_logger("portal")


@blueprint.get("/healthz")
@public
def show() -> ResponseReturnValue:
    """200 when the database answers, 503 when it does not."""
    kind = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        accounts.find_log_in(portal_of_app(), "")  # nobody's: one small question to the tables
    except Exception:
        log.exception("health check failed")
        return "The database does not answer.\n", 503, kind
    return "ok\n", 200, kind
