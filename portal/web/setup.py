"""The first administrator, by the link that `portal serve` prints while nobody can log in."""

from __future__ import annotations

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.services import accounts
from portal.web import throttle
from portal.web.access import log_in, portal_of_app, public
from portal.web.errors import status_of
from portal.web.language import keep_language
from portal.web.passwords import chosen_password

blueprint = Blueprint("setup", __name__)


@blueprint.get("/setup/<token>")
@public
def show(token: str) -> ResponseReturnValue:
    """The form."""
    return _page({"partner": accounts.check_setup(portal_of_app(), token)})


@blueprint.post("/setup/<token>")
@public
def save(token: str) -> ResponseReturnValue:
    """Make the partner and its administrator, who is logged in at once."""
    form = request.form
    accounts.check_setup(portal_of_app(), token)
    wanted = form.get("language", "")
    try:
        user = accounts.set_up(
            portal_of_app(),
            token,
            partner=form.get("partner", ""),
            email=form.get("email", ""),
            password=chosen_password(),
            language=wanted,
        )
    except Refused as error:
        return _page(form, error), status_of(error)
    log_in(user)
    flash(_("Welcome. Next: make a connection to your company file."), "success")
    response = make_response(redirect(url_for("connections.index"), 303))
    throttle.know_device(response, user.email)
    keep_language(response, wanted)
    return response


def _page(form: object, error: PortalError | None = None) -> str:
    shortest = accounts.SHORTEST_PASSWORD
    problem = error.sentence if error else None
    return render_template("setup.html", form=form, shortest=shortest, problem=problem)
