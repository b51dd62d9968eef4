"""Log in, log out, choose the language."""

from __future__ import annotations

import math
from typing import cast

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from portal.errors import NotFound, Sentence
from portal.services import accounts
from portal.web import language
from portal.web.access import current_user, log_in, log_out, portal_of_app, public
from portal.web.throttle import Throttle

blueprint = Blueprint("session", __name__)


@blueprint.record_once
def _prepare(state: BlueprintSetupState) -> None:
    state.app.extensions["throttle"] = Throttle()


@blueprint.get("/login")
@public
def log_in_page() -> ResponseReturnValue:
    """The log-in form."""
    if current_user() is not None:
        return redirect(safe_target(request.args.get("next")), 303)
    return render_template("login.html", next=request.args.get("next", ""), email="")


@blueprint.post("/login")
@public
def enter() -> ResponseReturnValue:
    """Check address and password."""
    portal = portal_of_app()
    throttle = cast("Throttle", current_app.extensions["throttle"])
    email = request.form.get("email", "").strip()
    source = (request.remote_addr or "", email.casefold())
    wait = throttle.wait(*source, portal.now())
    if wait is not None:
        until = {"minutes": str(math.ceil(wait.total_seconds() / 60))}
        return _again(email, Sentence("Too many failed attempts. Try again in %(minutes)s minutes.", until), 429)
    user = accounts.check_password(portal, email, request.form.get("password", ""))
    if user is None:
        throttle.failed(*source, portal.now())
        wrong = Sentence("This e-mail address and password do not belong together. Check both and try again.")
        return _again(email, wrong, 401)
    throttle.succeeded(*source)
    log_in(user)
    return redirect(safe_target(request.form.get("next")), 303)


@blueprint.post("/logout")
@public
def leave() -> ResponseReturnValue:
    """End the log-in, here and wherever its cookie was kept."""
    user = current_user()
    if user is not None:
        accounts.end_log_ins(portal_of_app(), user.id)
    log_out()
    return redirect(url_for("session.log_in_page"), 303)


@blueprint.post("/language")
@public
def choose_language() -> ResponseReturnValue:
    """Keep the language and come back to the page."""
    wanted = request.form.get("language", "")
    if wanted not in language.LANGUAGES:
        raise NotFound("This language is not available.")
    user = current_user()
    if user is not None:
        accounts.set_language(portal_of_app(), user.id, wanted)
    response = make_response(redirect(safe_target(request.form.get("next")), 303))
    language.keep_language(response, wanted)
    return response


def safe_target(target: str | None) -> str:
    """An address of this site to go to: another site's, or none, becomes the first page."""
    home = url_for("connections.index")
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return home
    return target if target.isprintable() and "\\" not in target else home


def _again(email: str, sentence: Sentence, status: int) -> ResponseReturnValue:
    return render_template("login.html", next=request.form.get("next", ""), email=email, problem=sentence), status
