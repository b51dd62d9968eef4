"""Who may call what: the token of every call, the scope that every route declares, and the partner's own connections.

A route that declares nothing is refused to everybody. Who has a token may call as often as its quota says; who has none
that is known may try a few times a minute, wherever they call from, and nobody else is kept waiting for that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request

from portal.errors import Forbidden, NotFound
from portal.models import Scope
from portal.services import Portal, audit
from portal.services.api.tokens import TokenView, find_token
from portal.services.connections import ConnectionView, find_connection
from portal.web.api.problems import TooMany, Unauthenticated
from portal.web.api.quota import Allowance, Quota
from portal.web.language import LANGUAGES

CALLS = 600
"""Calls of one token in a minute."""
FAILURES = 30
"""Calls without a known token in a minute, from one address."""
WINDOW = timedelta(minutes=1)
_SCOPE = "scope_of_route"
_QUOTAS = "quotas"

View = TypeVar("View", bound=Callable[..., Any])


def scoped(scope: Scope | None) -> Callable[[View], View]:
    """Declare the scope that a route needs, None for any token. It goes below the other decorators."""

    def mark(view: View) -> View:
        setattr(view, _SCOPE, scope)
        return view

    return mark


def declared_scope(view: Callable[..., Any]) -> Scope | None:
    """The scope that a route declares, None for any token. Raises LookupError when it declares nothing."""
    if not hasattr(view, _SCOPE):
        raise LookupError(f"{view.__module__}.{view.__qualname__} declares no scope")
    return cast("Scope | None", getattr(view, _SCOPE))


def install(api: Flask, portal: Portal) -> None:
    """Put the guard in front of every route."""
    api.extensions["portal"] = portal
    api.extensions[_QUOTAS] = {"calls": Quota(CALLS, WINDOW), "failures": Quota(FAILURES, WINDOW)}
    api.before_request(_guard)
    api.after_request(_tell_allowance)
    api.teardown_request(lambda _error: audit.act_by_itself())


def token() -> TokenView:
    """The token of this call."""
    return cast("TokenView", g.token)


def connection() -> ConnectionView:
    """The connection in the address, which is the partner's own."""
    return cast("ConnectionView", g.connection)


def _portal() -> Portal:
    return cast("Portal", current_app.extensions["portal"])


def _guard() -> None:
    g.user = None  # nobody is logged in here, whatever cookies say
    g.language = request.accept_languages.best_match(LANGUAGES) or "en"
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "openapi.spec":
        return
    audit.act_as("", request.remote_addr or "")
    g.token = _find_token()
    audit.act_as(g.token.who, request.remote_addr or "")
    g.allowance = _take("calls", str(g.token.id))
    if g.allowance.is_refused:
        raise TooMany(g.allowance.seconds)
    try:
        scope = declared_scope(view)
    except LookupError:
        raise Forbidden("This address is not open to anybody.") from None
    if scope is not None and scope not in g.token.scopes:
        raise Forbidden(
            "This token does not have the permission %(scope)s. An administrator makes another one in the portal.",
            scope=scope,
        )
    if "connection_id" in (request.view_args or {}):
        g.connection = _own_connection((request.view_args or {})["connection_id"])


def _find_token() -> TokenView:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    found = find_token(_portal(), text.strip(), request.remote_addr or "") if kind.lower() == "bearer" else None
    if found is None:
        g.allowance = _take("failures", request.remote_addr or "")
        if g.allowance.is_refused:
            raise TooMany(g.allowance.seconds)
        raise Unauthenticated(
            "This call has no token that is known here, or the token was revoked or has expired. Send one in the "
            "header Authorization: Bearer …"
        )
    return found


def _own_connection(connection_id: int) -> ConnectionView:
    try:
        return find_connection(_portal(), connection_id, token().partner_id)
    except NotFound:
        raise NotFound("This connection does not exist, or it belongs to another partner.") from None


def _take(name: str, key: str) -> Allowance:
    quotas: dict[str, Quota] = current_app.extensions[_QUOTAS]
    return quotas[name].take(key, _portal().now())


def _tell_allowance(response: Response) -> Response:
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        seconds = int(WINDOW.total_seconds())
        response.headers["RateLimit-Policy"] = f'"default";q={allowance.most};w={seconds}'
        response.headers["RateLimit"] = f'"default";r={allowance.left};t={allowance.seconds}'
    response.headers["Content-Language"] = g.get("language", "en")
    response.vary.add("Accept-Language")
    return response
