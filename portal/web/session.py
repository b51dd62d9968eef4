"""Log in, with a code where there is a second factor; log out; choose the language."""

from __future__ import annotations

import math
from datetime import timedelta

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.errors import NotFound, PortalError, Sentence
from portal.services import accounts
from portal.services.accounts import UserView
from portal.web import language, throttle
from portal.web.access import HalfWay, await_code, current_user, half_way, log_in, log_out, portal_of_app, public
from portal.web.errors import status_of

blueprint = Blueprint("session", __name__)


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
    email = request.form.get("email", "").strip()
    guess = throttle.at_log_in(email)
    wait = guess.wait(portal.now())
    if wait is not None:
        return _again(email, too_many(wait), 429)
    user = accounts.check_password(portal, email, request.form.get("password", ""))
    if user is None:
        wrong = Sentence("This e-mail address and password do not belong together. Check both and try again.")
        return _again(email, wrong, 401)
    guess.succeeded()
    target = safe_target(request.form.get("next"))
    if user.has_second_factor:
        await_code(user)
        return redirect(url_for("session.code_page", next=target), 303)
    return _let_in(user, target)


@blueprint.get("/login/code")
@public
def code_page() -> ResponseReturnValue:
    """The form of the second step."""
    if half_way() is None:
        return redirect(url_for("session.log_in_page", next=request.args.get("next")), 303)
    return render_template("login_code.html", next=request.args.get("next", ""))


@blueprint.post("/login/code")
@public
def enter_code() -> ResponseReturnValue:
    """Check the code, or a recovery code."""
    portal, who = portal_of_app(), half_way()
    target = safe_target(request.form.get("next"))
    if who is None:
        flash(_("That took too long. Log in again."), "warning")
        return redirect(url_for("session.log_in_page", next=target), 303)
    guess = throttle.of_code(who.email)
    wait = guess.wait(portal.now())
    if wait is not None:
        return _code_again(too_many(wait), 429)
    try:
        taken = accounts.accept(portal, who.id, request.form.get("code", ""))
    except PortalError as error:
        return _code_again(error.sentence, status_of(error))
    if taken is None:
        return _code_again(Sentence("This code is not right, or it was used already. Wait for the next one."), 401)
    guess.succeeded()
    answer = _let_in(who, target)
    if taken.codes_left is not None:
        left = ngettext(
            "You used a recovery code; %(num)s is left. Make new ones on the page of your account.",
            "You used a recovery code; %(num)s are left. Make new ones on the page of your account.",
            taken.codes_left,
        )
        flash(left, "warning")
    return answer


@blueprint.post("/logout")
@public
def leave() -> ResponseReturnValue:
    """End the log-in, here and wherever its cookie was kept."""
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


def too_many(wait: timedelta) -> Sentence:
    """What somebody is told who guessed too often."""
    until = {"minutes": str(math.ceil(wait.total_seconds() / 60))}
    return Sentence("Too many failed attempts. Try again in %(minutes)s minutes.", until)


def _let_in(who: UserView | HalfWay, target: str) -> Response:
    if not log_in(who):
        flash(_("The password was changed a moment ago. Log in again."), "warning")
        return make_response(redirect(url_for("session.log_in_page", next=target), 303))
    response = make_response(redirect(target, 303))
    throttle.know_device(response, who.email)
    return response


def _again(email: str, sentence: Sentence, status: int) -> ResponseReturnValue:
    return render_template("login.html", next=request.form.get("next", ""), email=email, problem=sentence), status


def _code_again(sentence: Sentence, status: int) -> ResponseReturnValue:
    return render_template("login_code.html", next=request.form.get("next", ""), problem=sentence), status
