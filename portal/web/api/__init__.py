"""The API, `/api/v1`: an application of its own, mounted beside the pages. `build_api` reads as a table of contents.

It knows no cookies, sessions or forms: a program shows its token with every call, so that no browser can be made to
call it in a person's name, and nothing here needs the forms' tokens. What it does is done by the pages' use cases.

A room is a blueprint beside the others, its shapes in `shapes`, its scopes in `portal.models.Scope`.
"""

from __future__ import annotations

from typing import Any

from apiflask import APIFlask
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from portal.services import Portal
from portal.web import compress, headers, language
from portal.web.addresses import RowNumber
from portal.web.api import (
    billing,
    charges,
    connections,
    document,
    guard,
    history,
    mappings,
    notices,
    partners,
    problems,
    rules,
)

PREFIX = "/api/v1"
LARGEST_BODY = 16 * 1024 * 1024
_EXTENSION = "api"

ROOMS = (partners, connections, mappings, charges, rules, billing, history, notices)


def build_api(portal: Portal) -> APIFlask:
    """The API over `portal`, without the prefix of its addresses."""
    api = APIFlask(
        "portal",  # where the texts are
        title="Billing portal",
        version="1",
        docs_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]
    )
    api.url_map.converters["int"] = RowNumber
    api.url_map.strict_slashes = False
    api.json.sort_keys = False  # type: ignore[attr-defined]
    api.config.update(SECRET_KEY=None, MAX_CONTENT_LENGTH=LARGEST_BODY)
    guard.install(api, portal)
    language.install(api)
    problems.install(api)
    headers.install(api, is_https=portal.settings.url.startswith("https://"))
    compress.install(api)
    for room in ROOMS:
        api.register_blueprint(room.blueprint)
    document.install(api, f"{portal.settings.url.rstrip('/')}{PREFIX}")
    return api


def mount(app: Flask, portal: Portal) -> None:
    """Answer the addresses of the API beside those of `app`."""
    api = build_api(portal)
    app.extensions[_EXTENSION] = api
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: api})  # type: ignore[method-assign]


def document_of(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of the API that is mounted on `app`."""
    api: APIFlask = app.extensions[_EXTENSION]
    with api.app_context():
        found = api.spec
    assert isinstance(found, dict)  # noqa: S101 -- it is text only where YAML is asked for
    return found
