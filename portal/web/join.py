"""Join a connection: open an invitation's file or link, see what is offered and by whom, and subscribe.

The secret of a link is in its path, because a fragment would need a script to be read. It is there for one request
only: the answer keeps it in a cookie that is sent to these pages alone, and leads to an address without it, so neither
the address bar nor a Referer nor a bookmark shows it. The cookie also carries it over the log-in. Opening a link uses
nothing up: whoever previews it on its way takes nothing.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.services import accounts, sharing
from portal.web import throttle
from portal.web.access import EVERYONE, allowed, log_in, portal_of_app, public, signed_in
from portal.web.errors import status_of
from portal.web.language import keep_language
from portal.web.passwords import chosen_password
from portal.web.session import too_many

COOKIE = "portal_invitation"
_LASTS = 3600

blueprint = Blueprint("join", __name__)


@blueprint.get("/join")
@public
def show() -> ResponseReturnValue:
    """What the invitation offers that was opened here; without one, the form that opens a file."""
    return _page()


@blueprint.get("/join/<token>")
@public
def open_link(token: str) -> ResponseReturnValue:
    """Come by a link."""
    return _take(token)


@blueprint.post("/join/file")
@public
def open_file() -> ResponseReturnValue:
    """Open a file."""
    given = request.files.get("file")
    data = given.stream.read(sharing.LARGEST_FILE + 1) if given is not None else b""
    try:
        ticket = sharing.read_file(portal_of_app().settings, data)
    except PortalError as error:
        return _page(error, shows_offer=False)
    return _take(ticket)


@blueprint.post("/join/accept")
@allowed(*EVERYONE)
def accept() -> ResponseReturnValue:
    """Subscribe."""
    try:
        connection_id = sharing.accept(portal_of_app(), signed_in(), _ticket())
    except PortalError as error:
        return _page(error)
    return _joined(make_response(redirect(url_for("connections.show", connection_id=connection_id), 303)))


@blueprint.post("/join/account")
@public
def make_account() -> ResponseReturnValue:
    """Make an account with a password of one's own, and subscribe."""
    portal, form, ticket = portal_of_app(), request.form, _ticket()
    email, language = form.get("email", "").strip(), form.get("language", "")
    attempt = throttle.of_invitation(ticket)
    wait = attempt.wait(portal.now())
    if wait is not None:
        told = too_many(wait)
        return _page(PortalError(told.template, **told.values), "account", status=429)
    try:
        user, connection_id = sharing.accept_as_stranger(
            portal, ticket, email=email, password=chosen_password(), language=language
        )
    except PortalError as error:
        return _page(error, "account")
    attempt.succeeded()
    log_in(user)
    response = _joined(make_response(redirect(url_for("connections.show", connection_id=connection_id), 303)))
    throttle.know_device(response, user.email)
    keep_language(response, language)
    return response


@blueprint.post("/join/forget")
@public
def forget() -> ResponseReturnValue:
    """Put the invitation away; it stays good."""
    response = make_response(redirect(url_for("join.show"), 303))
    response.delete_cookie(COOKIE, path=url_for("join.show"))
    return response


def _ticket() -> str:
    """The ticket of the invitation that was opened in this browser. Raises Refused when there is none."""
    ticket = request.cookies.get(COOKIE, "")
    if not ticket:
        raise Refused("Open the invitation again: its file, or its link.")
    return ticket


def _take(ticket: str) -> ResponseReturnValue:
    response = make_response(redirect(url_for("join.show"), 303))
    secure = portal_of_app().settings.url.startswith("https://")
    path = url_for("join.show")
    response.set_cookie(COOKIE, ticket[:3000], _LASTS, path=path, secure=secure, httponly=True, samesite="Lax")
    return response


def _joined(response: Response) -> Response:
    flash(_("Welcome. You see this connection from now on. Delete the invitation's file: it is used up."), "success")
    response.delete_cookie(COOKIE, path=url_for("join.show"))
    return response


def _page(
    error: PortalError | None = None, part: str = "", *, status: int = 0, shows_offer: bool = True
) -> ResponseReturnValue:
    """The offer; or why there is none, with the form for another file. `part` is the form that comes back."""
    ticket, offered = request.cookies.get(COOKIE, ""), None
    status = status or (status_of(error) if error else 200)
    problem = error.sentence if error else None
    if ticket and shows_offer:
        try:
            offered = sharing.look(portal_of_app(), ticket)
        except PortalError as refusal:
            problem, status = refusal.sentence, status_of(refusal)
    shown = {"form": request.form if part else {}, "part": part, "shortest": accounts.SHORTEST_PASSWORD}
    return render_template("join.html", offered=offered, problem=problem, **shown), status
