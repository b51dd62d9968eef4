"""Who may open which page: the log-in, the roles that every route declares, and the connections that a person sees.

A route that declares nothing is refused to everybody: the guard runs before every view and knows only what `allowed`
and `public` wrote on it. For a page of a connection the role on that connection counts, for all others the role at the
person's own partner; who has none may open what every role may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import Forbidden, NotFound
from portal.models import Role
from portal.services import Portal, accounts, audit, sharing, unshared
from portal.services.accounts import UserView
from portal.services.connections import ConnectionView
from portal.services.sharing import Place
from portal.web.words import word

EVERYONE = (Role.ADMINISTRATOR, Role.BILLING, Role.ACCOUNTANT, Role.READ_ONLY)
WRITERS = (Role.ADMINISTRATOR, Role.BILLING)

HALF_WAY_LASTS = timedelta(minutes=10)

_EXTENSION = "portal"
_ROLES = "allowed_roles"
_WITHOUT_FACTOR = "open_without_second_factor"
_TOKEN = "token"  # noqa: S105 -- the name under which the cookie keeps it
_HALF = "half"

View = TypeVar("View", bound=Callable[..., Any])


def allowed(*roles: Role) -> Callable[[View], View]:
    """Declare the roles that may use a route. It goes below the route decorator."""

    def mark(view: View) -> View:
        setattr(view, _ROLES, frozenset(roles))
        return view

    return mark


def public(view: View) -> View:
    """Declare that a route needs no log-in."""
    setattr(view, _ROLES, None)
    return view


def without_second_factor(view: View) -> View:
    """Declare that a route is open to who must have a second factor and has none yet: it leads to one."""
    setattr(view, _WITHOUT_FACTOR, True)
    return view


def declared_roles(view: Callable[..., Any]) -> frozenset[Role] | None:
    """The roles a route declares; None for a public one. Raises LookupError when it declares nothing."""
    if not hasattr(view, _ROLES):
        raise LookupError(f"{view.__module__}.{view.__qualname__} declares no roles")
    return cast("frozenset[Role] | None", getattr(view, _ROLES))


def install(app: Flask, portal: Portal) -> None:
    """Put the guard in front of every view."""
    app.extensions[_EXTENSION] = portal
    app.before_request(_guard)
    app.teardown_request(lambda _error: _forget_who())
    app.context_processor(
        lambda: {"may": may, "user": current_user(), "connection": g.get("connection"), "place": g.get("place")}
    )


def portal_of_app() -> Portal:
    """The portal that the running application serves."""
    return cast("Portal", current_app.extensions[_EXTENSION])


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfWay:
    """Somebody who gave the right password, and has to give a code yet."""

    id: int
    email: str
    stamp: str


def log_in(who: UserView | HalfWay) -> bool:
    """Begin a log-in with nothing left of what the cookie held before. False when the password changed meanwhile."""
    log_out()
    address, browser = request.remote_addr or "", request.user_agent.string
    token = accounts.begin_log_in(portal_of_app(), who.id, who.stamp, user_agent=browser, address=address)
    g.pop("user", None)
    if token is not None:
        session.permanent = True
        session[_TOKEN] = token
    return token is not None


def await_code(user: UserView) -> None:
    """Remember in the cookie, which is signed, who gave the right password."""
    until = int((portal_of_app().now() + HALF_WAY_LASTS).timestamp())
    session.clear()
    session[_HALF] = [user.id, user.email, user.stamp, until]
    g.pop("user", None)


def half_way() -> HalfWay | None:
    """Who gave the right password in this browser a moment ago."""
    try:
        user_id, email, stamp, until = session[_HALF]
    except (KeyError, TypeError, ValueError):
        return None
    is_late = portal_of_app().now().timestamp() >= until
    return None if is_late else HalfWay(id=user_id, email=email, stamp=stamp)


def log_out() -> None:
    """End the log-in."""
    user = current_user()
    if user is not None and user.log_in_id is not None:
        accounts.end_log_in(portal_of_app(), user.id, user.log_in_id)
    forget_log_in()


def forget_log_in() -> None:
    """Empty the cookie of a log-in that has ended."""
    session.clear()
    g.user = None


def current_user() -> UserView | None:
    """The person who is logged in."""
    if "user" not in g:
        token = session.get(_TOKEN)
        g.user = None
        if isinstance(token, str):
            g.user = accounts.find_log_in(portal_of_app(), token, is_use=not is_fragment())
    return cast("UserView | None", g.user)


def signed_in() -> UserView:
    """The person who is logged in, on a page that requires it."""
    user = current_user()
    if user is None:
        raise Forbidden("Log in first.")
    return user


def may(endpoint: str, at: Place | None = None) -> bool:
    """Whether the person may use a route: pages hide what would be refused.

    A route of a connection is judged by the role `at` a place, by default at the connection in the address.
    """
    user, view = current_user(), current_app.view_functions.get(endpoint)
    if view is None:
        return False
    roles = declared_roles(view)
    if roles is None or user is None:
        return roles is None
    if not _is_of_connection(endpoint):
        return _opens(roles, user.role)
    at = at or g.get("place")
    return at is not None and at.role in roles


def _opens(roles: frozenset[Role], role: Role | None) -> bool:
    """Whether a role opens what is declared for `roles`. Who has none opens what every role opens."""
    return role in roles or roles.issuperset(EVERYONE)


def _is_of_connection(endpoint: str) -> bool:
    return any("connection_id" in rule.arguments for rule in current_app.url_map.iter_rules(endpoint))


def connection() -> ConnectionView:
    """The connection in the address, which the person sees."""
    return cast("ConnectionView", g.connection)


def place() -> Place:
    """The person's place at the connection in the address."""
    return cast("Place", g.place)


def _guard() -> ResponseReturnValue | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static":
        return None
    try:
        roles = declared_roles(view)
    except LookupError:
        raise Forbidden("This page is not open to anybody.") from None
    audit.act_as("", request.remote_addr or "")
    unshared.read_as(None)
    if roles is None:
        return None
    user = current_user()
    if user is None:
        if request.method != "GET":
            flash(_("You were logged out, so nothing was saved. Log in, then do it again."), "warning")
        return _lead_to(url_for("session.log_in_page", next=_here()))
    audit.act_as(user.email, request.remote_addr or "")
    if user.lacks_second_factor and not hasattr(view, _WITHOUT_FACTOR):
        return _lead_to(url_for("account.second_factor"))
    if "connection_id" in (request.view_args or {}):
        _enter(user, (request.view_args or {})["connection_id"], roles)
    elif not _opens(roles, user.role):
        if user.role is None:
            raise Forbidden("Only people of a partner may do this. Ask an administrator of the one that invited you.")
        raise Forbidden(
            "Your role (%(role)s) does not allow this. Ask an administrator of your company.", role=_(word(user.role))
        )
    return None


def _forget_who() -> None:
    """The request has ended: nobody acts or reads any more."""
    audit.act_by_itself()
    unshared.read_as(None)


def is_fragment() -> bool:
    """Whether a part of a page asks by itself: htmx says so."""
    return "HX-Request" in request.headers


def _lead_to(address: str) -> ResponseReturnValue:
    """Go elsewhere first; a part of a page cannot, so its page is to load again, and goes."""
    return ("", 204, {"HX-Refresh": "true"}) if is_fragment() else redirect(address, 303)


def _here() -> str | None:
    """The page to come back to: this one, or the one whose form was sent, when it is of this site."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    try:
        sent_by = urlsplit(request.referrer or "")
    except ValueError:
        return None
    if sent_by.netloc not in (request.host, urlsplit(portal_of_app().settings.url).netloc):
        return None
    if not current_app.url_map.bind("localhost").test(sent_by.path, "GET"):  # a form that came back from where it went
        return None
    return (f"{sent_by.path}?{sent_by.query}" if sent_by.query else sent_by.path) or None


def _enter(user: UserView, connection_id: int, roles: frozenset[Role]) -> None:
    """Let a person into a connection that they see, as far as their role there goes."""
    entered = sharing.enter(portal_of_app(), user.id, connection_id)
    if entered is None:
        raise NotFound("This connection does not exist, or it belongs to another partner.")
    g.connection, g.place = entered.connection, entered.place
    role = entered.place.role
    unshared.read_as(role)
    if role in roles:
        return
    if entered.place.participant_id is None:
        raise Forbidden(
            "Your role (%(role)s) does not allow this. Ask an administrator of your company.", role=_(word(role))
        )
    raise Forbidden(
        "Your role on this connection (%(role)s) does not allow this. Ask an administrator of %(partner)s.",
        role=_(word(role)),
        partner=entered.place.partner,
    )
