"""Connections: made, listed, their settings, their .qwc file and password, and QuickBooks' lists."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, url_for

from portal.models import Scope
from portal.services import billing_settings, connections, wizard
from portal.services.api import lists
from portal.web.access import portal_of_app
from portal.web.api import guard
from portal.web.api.guard import scoped, token
from portal.web.api.pages import PageQuery, envelope, wanted_page
from portal.web.api.shapes.connections import (
    ConnectionIn,
    ConnectionOut,
    ConnectionPage,
    NewConnectionOut,
    ObjectOut,
    ObjectPage,
    PasswordOut,
    SettingsIn,
    SettingsOut,
)
from portal.web.api.versions import etag, seen_version, versioned
from portal.web.files import as_file, named_after
from portal.web.words import msgid

blueprint = APIBlueprint("connections", __name__, tag="Connections")


@blueprint.get("/connections")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(ConnectionPage)
@blueprint.doc(summary=msgid("The connections of the partner"))
@scoped(Scope.CONNECTIONS_READ)
def list_connections(query: PageQuery) -> dict[str, Any]:
    page = lists.list_connections(portal_of_app(), token().partner_id, wanted_page(query))
    return envelope(page, [ConnectionOut.of(row) for row in page.rows])


@blueprint.post("/connections")
@blueprint.input(ConnectionIn, arg_name="wanted")
@blueprint.output(NewConnectionOut, status_code=201)
@blueprint.doc(summary=msgid("Make a connection; its password is told this once"))
@scoped(Scope.CONNECTIONS_WRITE)
def add_connection(wanted: ConnectionIn) -> Any:
    made = connections.add_connection(
        portal_of_app(),
        wanted.name,
        partner=token().partner_name,
        billing_mode=wanted.billing_mode,
        invoice_day=wanted.invoice_day,
        prorate=wanted.prorate,
        start_date=wanted.start_date,
        language=wanted.language,
    )
    there = {"Location": url_for("connections.get_connection", connection_id=made.id)}
    return NewConnectionOut.of(made), 201, there


@blueprint.get("/connections/<int:connection_id>")
@blueprint.output(ConnectionOut)
@blueprint.doc(summary=msgid("One connection"))
@scoped(Scope.CONNECTIONS_READ)
def get_connection(connection_id: int) -> ConnectionOut:
    return ConnectionOut.of(guard.connection())


@blueprint.get("/connections/<int:connection_id>/settings")
@blueprint.output(SettingsOut)
@blueprint.doc(summary=msgid("How a connection bills"))
@scoped(Scope.CONNECTIONS_READ)
def get_settings(connection_id: int) -> Any:
    seen = billing_settings.get_settings(portal_of_app(), connection_id)
    return SettingsOut.of(seen), 200, etag(billing_settings.version_of(seen))


@blueprint.patch("/connections/<int:connection_id>/settings")
@blueprint.input(SettingsIn, arg_name="wanted")
@blueprint.output(SettingsOut)
@blueprint.doc(summary=msgid("Change how a connection bills, from its next run on"))
@versioned
@scoped(Scope.CONNECTIONS_WRITE)
def change_settings(connection_id: int, wanted: SettingsIn) -> Any:
    changes = {field: getattr(wanted, field) for field in wanted.model_fields_set}
    seen = seen_version()
    now = billing_settings.change_settings(portal_of_app(), connection_id, changes, who=token().who, seen=seen)
    return SettingsOut.of(now), 200, etag(billing_settings.version_of(now))


@blueprint.get("/connections/<int:connection_id>/qwc")
@blueprint.output({}, content_type="application/xml")
@blueprint.doc(summary=msgid("The .qwc file for the Web Connector"))
@scoped(Scope.CONNECTIONS_READ)
def get_qwc(connection_id: int) -> Response:
    document = connections.qwc(portal_of_app(), connection_id)
    return as_file(document, f"{named_after(guard.connection())}.qwc", "application/xml")


@blueprint.post("/connections/<int:connection_id>/password")
@blueprint.output(PasswordOut)
@blueprint.doc(summary=msgid("Replace the Web Connector's password; the new one is told this once"))
@scoped(Scope.CONNECTIONS_WRITE)
def renew_password(connection_id: int) -> PasswordOut:
    password = wizard.show_password(portal_of_app(), connection_id, who=token().who)
    return PasswordOut(user_name=guard.connection().user_name, password=password)


@blueprint.get("/connections/<int:connection_id>/lists/<kind>")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(ObjectPage)
@blueprint.doc(summary=msgid("A list of QuickBooks: item, customer, class, terms or tax-code"))
@scoped(Scope.MAPPINGS_READ)
def list_objects(connection_id: int, kind: str, query: PageQuery) -> dict[str, Any]:
    page = lists.list_objects(portal_of_app(), connection_id, kind, wanted_page(query, str))
    return envelope(page, [ObjectOut.of(row) for row in page.rows])
