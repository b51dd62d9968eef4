"""Who may open which page: the log-in, the roles that every route declares, and the partner's own connections.

A route that declares nothing is refused to everybody: the guard runs before every view and knows only what `allowed`
and `public` wrote on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import Forbidden, NotFound
from portal.models import Role
from portal.services import Portal, accounts, connections
from portal.services.accounts import UserView
from portal.services.connections import ConnectionView
from portal.web.words import word

EVERYONE = (Role.ADMINISTRATOR, Role.BILLING, Role.ACCOUNTANT, Role.READ_ONLY)
WRITERS = (Role.ADMINISTRATOR, Role.BILLING)

_EXTENSION = "portal"
_ROLES = "allowed_roles"
_KEY = "key"

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


def declared_roles(view: Callable[..., Any]) -> frozenset[Role] | None:
    """The roles a route declares; None for a public one. Raises LookupError when it declares nothing."""
    if not hasattr(view, _ROLES):
        raise LookupError(f"{view.__module__}.{view.__qualname__} declares no roles")
    return cast("frozenset[Role] | None", getattr(view, _ROLES))


def install(app: Flask, portal: Portal) -> None:
    """Put the guard in front of every view."""
    app.extensions[_EXTENSION] = portal
    app.before_request(_guard)
    app.context_processor(lambda: {"may": may, "user": current_user(), "connection": g.get("connection")})


def portal_of_app() -> Portal:
    """The portal that the running application serves."""
    return cast("Portal", current_app.extensions[_EXTENSION])


def log_in(user: UserView) -> None:
    """Begin a log-in with nothing left of what the cookie held before."""
    session.clear()
    session.permanent = True
    session[_KEY] = user.session_key
    g.user = user


def log_out() -> None:
    """End the log-in."""
    session.clear()
    g.user = None


def current_user() -> UserView | None:
    """The person who is logged in."""
    if "user" not in g:
        key = session.get(_KEY)
        g.user = accounts.user_by_session_key(portal_of_app(), key) if isinstance(key, str) else None
    return cast("UserView | None", g.user)


def signed_in() -> UserView:
    """The person who is logged in, on a page that requires it."""
    user = current_user()
    if user is None:
        raise Forbidden("Log in first.")
    return user


def may(endpoint: str) -> bool:
    """Whether the person may use a route: pages hide what would be refused."""
    user, view = current_user(), current_app.view_functions.get(endpoint)
    if view is None:
        return False
    roles = declared_roles(view)
    return roles is None or (user is not None and user.role in roles)


def connection() -> ConnectionView:
    """The connection in the address, which is the partner's own."""
    return cast("ConnectionView", g.connection)


def _guard() -> ResponseReturnValue | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static":
        return None
    try:
        roles = declared_roles(view)
    except LookupError:
        raise Forbidden("This page is not open to anybody.") from None
    if roles is None:
        return None
    user = current_user()
    if user is None:
        here = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("session.log_in_page", next=here), 303)
    if user.role not in roles:
        raise Forbidden(
            "Your role (%(role)s) does not allow this. Ask an administrator of your company.", role=_(word(user.role))
        )
    if "connection_id" in (request.view_args or {}):
        g.connection = _own_connection(user, (request.view_args or {})["connection_id"])
    return None


def _own_connection(user: UserView, connection_id: int) -> ConnectionView:
    for one in connections.list_connections(portal_of_app(), user.partner_id):
        if one.id == connection_id:
            return one
    raise NotFound("This connection does not exist, or it belongs to another partner.")
