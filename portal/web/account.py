"""A person's own account: password, second factor, and where they are logged in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from portal.errors import PortalError, Refused
from portal.services import accounts, sharing
from portal.services.accounts import Offer
from portal.web import throttle
from portal.web.access import EVERYONE, allowed, forget_log_in, portal_of_app, signed_in, without_second_factor
from portal.web.errors import status_of
from portal.web.passwords import chosen_password
from portal.web.session import too_many

blueprint = Blueprint("account", __name__)
MOST_PLACES = 10
"""Connections that lead to what one is mailed about them; that page has a button for all."""
Result = TypeVar("Result")


class Throttled(Refused):
    """Too many guesses of what only the person knows."""


@blueprint.get("/account")
@allowed(*EVERYONE)
def show() -> ResponseReturnValue:
    """The page."""
    return _page()


@blueprint.post("/account/password")
@allowed(*EVERYONE)
def change_password() -> ResponseReturnValue:
    """Replace the password; every other log-in ends."""
    portal, user, form = portal_of_app(), signed_in(), request.form
    try:
        new = chosen_password()
        accounts.check_rules(new, user.email)  # before it counts as a guess of the current one
        is_changed = _guess(lambda: accounts.change_password(portal, user, form.get("password", ""), new) or None)
    except Refused as error:
        return _page("password", error), _status(error)
    if is_changed is None:
        return _page("password", Refused("The current password is not right.")), 400
    flash(_("The password is changed. You are logged out everywhere else."), "success")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/log-ins/<int:log_in_id>/end")
@allowed(*EVERYONE)
def end_log_in(log_in_id: int) -> ResponseReturnValue:
    """End one log-in: that of a lost telephone, or of somebody else's computer."""
    user = signed_in()
    accounts.end_log_in(portal_of_app(), user.id, log_in_id)
    if log_in_id == user.log_in_id:
        forget_log_in()
        return redirect(url_for("session.log_in_page"), 303)
    flash(_("That browser is logged out."), "success")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/log-ins/end")
@allowed(*EVERYONE)
def end_log_ins() -> ResponseReturnValue:
    """Log out everywhere, here too."""
    accounts.end_log_ins(portal_of_app(), signed_in().id)
    forget_log_in()
    flash(_("You are logged out everywhere."), "success")
    return redirect(url_for("session.log_in_page"), 303)


@blueprint.get("/account/second-factor")
@allowed(*EVERYONE)
@without_second_factor
def second_factor() -> ResponseReturnValue:
    """The code to scan."""
    user = signed_in()
    if user.has_second_factor:
        return redirect(url_for("account.show"), 303)
    return _offer_page(accounts.offer(portal_of_app(), user))


@blueprint.post("/account/second-factor")
@allowed(*EVERYONE)
@without_second_factor
def switch_on() -> ResponseReturnValue:
    """Confirm with a code and the password, and show the recovery codes, this once."""
    portal, user, form = portal_of_app(), signed_in(), request.form
    offered = form.get("offered", "")
    try:
        codes = _guess(
            lambda: accounts.switch_on(portal, user, offered, form.get("code", ""), form.get("password", ""))
        )
    except Refused as error:
        return _offer_page(accounts.offer(portal, user, offered), error), _status(error)
    if codes is None:
        wrong = Refused("This code is not right. Wait for the next one in your authenticator, and type it here.")
        return _offer_page(accounts.offer(portal, user, offered), wrong), 400
    return render_template("recovery_codes.html", codes=codes, is_new=True)


@blueprint.post("/account/second-factor/off")
@allowed(*EVERYONE)
def switch_off() -> ResponseReturnValue:
    """Switch the second factor off."""
    portal, user, password = portal_of_app(), signed_in(), request.form.get("password", "")
    try:
        is_off = _guess(lambda: accounts.switch_off(portal, user, password) or None)
    except PortalError as error:
        return _page("off", error), _status(error)
    if is_off is None:
        return _page("off", Refused("The password is not right.")), 400
    flash(_("The second factor is off. From now on, the password alone lets you in."), "success")
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/recovery-codes")
@allowed(*EVERYONE)
def new_codes() -> ResponseReturnValue:
    """New recovery codes, this once."""
    portal, user, password = portal_of_app(), signed_in(), request.form.get("password", "")
    try:
        codes = _guess(lambda: accounts.new_codes(portal, user, password))
    except PortalError as error:
        return _page("codes", error), _status(error)
    if codes is None:
        return _page("codes", Refused("The password is not right.")), 400
    return render_template("recovery_codes.html", codes=codes, is_new=False)


@blueprint.post("/account/connections/<int:participant_id>/leave")
@allowed(*EVERYONE)
def leave(participant_id: int) -> ResponseReturnValue:
    """Leave a connection that one joined; with the last one, the account of who is of no partner is closed."""
    if not sharing.leave(portal_of_app(), signed_in(), participant_id):
        forget_log_in()
        flash(_("You left your last connection, so your account is closed. A new invitation makes another."), "success")
        return redirect(url_for("session.log_in_page"), 303)
    flash(_("You left the connection. Only a new invitation brings you back."), "success")
    return redirect(url_for("account.show"), 303)


def _guess(attempt: Callable[[], Result | None]) -> Result | None:
    """Make an attempt that somebody at an open browser could make too; None is a wrong guess. Raises Throttled."""
    guess = throttle.at_open_browser(signed_in().id)
    wait = guess.wait(portal_of_app().now())
    if wait is not None:
        told = too_many(wait)
        raise Throttled(told.template, **told.values)
    made = attempt()
    if made is not None:
        guess.succeeded()
    return made


def _status(error: PortalError) -> int:
    return 429 if isinstance(error, Throttled) else status_of(error)


def _page(part: str = "", error: PortalError | None = None) -> str:
    """The page; `part` is the form that comes back with its reason."""
    portal, user = portal_of_app(), signed_in()
    shown: dict[str, Any] = {
        "log_ins": accounts.list_log_ins(portal, user.id),
        "joined": sharing.list_joined(portal, user.id),
        "places": sharing.list_places(portal, user.id, MOST_PLACES),
        "codes_left": accounts.codes_left(portal, user.id),
        "shortest": accounts.SHORTEST_PASSWORD,
        "problems": {part: error.sentence} if error else {},
    }
    return render_template("account.html", **shown)


def _offer_page(offer: Offer, error: PortalError | None = None) -> str:
    picture = segno.make(offer.uri, error="m").svg_inline(scale=5, border=4, light="#fff")
    secret = " ".join(offer.secret[begin : begin + 4] for begin in range(0, len(offer.secret), 4))
    return render_template(
        "second_factor.html",
        picture=Markup(picture),  # noqa: S704 -- drawn here, from our own text
        secret=secret,
        offered=offer.sealed,
        problem=error.sentence if error else None,
    )
