"""Tokens of the API, for administrators: made with what they may do and until when, shown once, revoked."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.models import Role, Scope
from portal.services.api import tokens
from portal.web.access import allowed, portal_of_app, signed_in
from portal.web.api import PREFIX
from portal.web.errors import status_of
from portal.web.words import msgid

blueprint = Blueprint("tokens", __name__)

LASTS = {"30": msgid("30 days"), "90": msgid("90 days"), "365": msgid("A year")}
"""How long a token may work, in days."""
SCOPES: dict[Scope, str] = {
    Scope.CONNECTIONS_READ: msgid("See connections, how they bill, and their .qwc file"),
    Scope.CONNECTIONS_WRITE: msgid("Make connections, change how they bill, replace the Web Connector's password"),
    Scope.MAPPINGS_READ: msgid("See offers, organizations, their mappings and suggestions, and QuickBooks' lists"),
    Scope.MAPPINGS_WRITE: msgid("Change mappings"),
    Scope.CHARGES_READ: msgid("See charges"),
    Scope.CHARGES_WRITE: msgid("Push charges"),
    Scope.RULES_READ: msgid("See export rules, and what one would keep back"),
    Scope.RULES_WRITE: msgid("Change export rules"),
    Scope.BILLING_READ: msgid("See previews, runs and invoices"),
    Scope.BILLING_WRITE: msgid("Bill what was previewed, and send invoices again"),
    Scope.HISTORY_READ: msgid("See what is to be mended, and the visits of the Web Connector"),
    Scope.NOTICES_READ: msgid("See notices"),
}


@blueprint.get("/tokens")
@allowed(Role.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    """All tokens, and the form to make one."""
    return _page()


@blueprint.post("/tokens")
@allowed(Role.ADMINISTRATOR)
def make() -> ResponseReturnValue:
    """Make a token and show it, this once."""
    form = request.form
    try:
        if form.get("lasts") not in LASTS:
            raise Refused("Choose how long the token works: a year at most.")
        lasts = timedelta(days=int(form["lasts"]))
        made = tokens.make_token(portal_of_app(), signed_in(), form.get("name", ""), form.getlist("scope"), lasts)
    except PortalError as error:
        return _page(error), status_of(error)
    address = portal_of_app().settings.url.rstrip("/") + PREFIX
    return render_template("token.html", made=made, address=address)


@blueprint.post("/tokens/<int:token_id>/revoke")
@allowed(Role.ADMINISTRATOR)
def revoke(token_id: int) -> ResponseReturnValue:
    """End a token now."""
    ended = tokens.revoke_token(portal_of_app(), signed_in(), token_id)
    flash(_("The token %(name)s opens nothing any more.", name=ended.name), "success")
    return redirect(url_for("tokens.index"), 303)


def _page(error: PortalError | None = None) -> str:
    portal = portal_of_app()
    return render_template(
        "tokens.html",
        rows=tokens.list_tokens(portal, signed_in().own_partner),
        now=portal.now(),
        scopes=SCOPES,
        lasts=LASTS,
        form=request.form if error else {},
        chosen=request.form.getlist("scope") if error else [],
        problem=error.sentence if error else None,
    )
