"""One WSGI application: the Web Connector's endpoint at /qbwc, the pages everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from portal.app import create_app
from portal.services import Portal
from portal.services.connector import page_opener
from portal.services.quickbooks import build_endpoint
from qbwc.wsgi import build_wsgi as build_connector_wsgi

ENDPOINT = ("/qbwc", "/qbwc/")

WsgiApp = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


def build_wsgi(portal: Portal, *, extra_blueprints: Iterable[Any] = ()) -> WsgiApp:
    """Both applications over one portal."""
    pages = create_app(portal, extra_blueprints=extra_blueprints)
    endpoint = build_endpoint(
        portal.database,
        portal.registry,
        portal.now,
        version("qbwc-portal"),
        interactive_page=page_opener(portal.settings.url),
    )
    connector = build_connector_wsgi(endpoint, address=portal.settings.endpoint_url)

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        application = connector if environ.get("PATH_INFO") in ENDPOINT else pages
        return application(environ, start_response)

    return serve
