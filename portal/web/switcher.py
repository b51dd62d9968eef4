"""The switcher at the head of a connection's pages: the same screen of another connection that the person sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, request, url_for

from portal.services import sharing
from portal.services.sharing import Place
from portal.web.access import may, portal_of_app, signed_in

MOST = 12
"""How many connections it shows; the page of all of them has the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Another connection, and where it leads."""

    place: Place
    url: str


def install(app: Flask) -> None:
    """Let the pages of a connection ask for it: a page that shows none asks the database nothing."""
    app.context_processor(lambda: {"switcher": choices})


def choices(here: Place) -> dict[str, Any]:
    """The other connections, and whether there are more than are shown."""
    places = sharing.list_places(portal_of_app(), signed_in().id, MOST + 2)
    others = [one for one in places if one.connection_id != here.connection_id]
    return {"others": [Choice(place=one, url=_there(one)) for one in others[:MOST]], "has_more": len(others) > MOST}


def _there(place: Place) -> str:
    """The same screen over there, where it has one that the person may open; else the connection's first."""
    endpoint = request.endpoint or ""
    rules = current_app.url_map.iter_rules(endpoint)
    is_screen = any(rule.arguments == {"connection_id"} and "GET" in (rule.methods or ()) for rule in rules)
    if is_screen and may(endpoint, place) and not endpoint.startswith("wizard."):
        return url_for(endpoint, connection_id=place.connection_id)
    return url_for("connections.show", connection_id=place.connection_id)
