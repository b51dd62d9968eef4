"""A forgotten password: a link by e-mail, and the page to choose a password that a link opens."""

from __future__ import annotations

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.services import accounts
from portal.services.accounts import Bearer
from portal.web import throttle
from portal.web.access import portal_of_app, public
from portal.web.errors import status_of
from portal.web.language import COOKIE

blueprint = Blueprint("passwords", __name__)


@blueprint.get("/password/forgotten")
@public
def forgotten() -> ResponseReturnValue:
    """The form that asks for a link, or who can make one."""
    return render_template("password_forgotten.html", has_mail=portal_of_app().settings.has_mail)


@blueprint.post("/password/forgotten")
@public
def send_link() -> ResponseReturnValue:
    """Mail the link, and say the same to everybody: nobody learns here who has an account."""
    portal, email = portal_of_app(), request.form.get("email", "")
    is_fresh = throttle.of_letter(email).wait(portal.now()) is None
    if portal.settings.has_mail and is_fresh:
        accounts.mail_reset(portal, email)
    return render_template("password_forgotten.html", has_mail=portal.settings.has_mail, was_asked=True)


@blueprint.get("/password/<token>")
@public
def choose(token: str) -> ResponseReturnValue:
    """The form to choose a password, for who came with a good link."""
    return _page(_bearer(token))


@blueprint.post("/password/<token>")
@public
def save(token: str) -> ResponseReturnValue:
    """Keep the password. The browser is known from now on: whoever has the link is no guesser."""
    bearer = _bearer(token)
    try:
        accounts.choose_password(portal_of_app(), token, chosen_password())
    except Refused as error:
        return _page(bearer, error), status_of(error)
    flash(_("The password is saved. Log in with it."), "success")
    response = make_response(redirect(url_for("session.log_in_page"), 303))
    throttle.know_device(response, bearer.email)
    return response


def chosen_password() -> str:
    """The new password of a form, which was typed twice. Raises Refused when the two differ."""
    password = request.form.get("new_password", "")
    if password != request.form.get("once_more", ""):
        raise Refused("The two passwords differ. Type the same one twice.")
    return password


def _bearer(token: str) -> Bearer:
    bearer = accounts.read_link(portal_of_app(), token)
    if COOKIE not in request.cookies:
        g.language = bearer.language  # the letter was in it too
    return bearer


def _page(bearer: Bearer, error: PortalError | None = None) -> str:
    shortest = accounts.SHORTEST_PASSWORD
    problem = error.sentence if error else None
    return render_template("password_choose.html", bearer=bearer, shortest=shortest, problem=problem)
