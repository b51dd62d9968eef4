"""Connections: the list, a new one, and one with its .qwc file, password and steps."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.utils import secure_filename

from portal.billing.period import BillingMode
from portal.errors import PortalError, Refused
from portal.models import Role
from portal.services import connections, connector
from portal.web.access import EVERYONE, WRITERS, allowed, connection, portal_of_app, signed_in
from portal.web.dates import to_date_or_none
from portal.web.errors import status_of
from portal.web.language import language
from portal.web.words import PRORATIONS

blueprint = Blueprint("connections", __name__)


@blueprint.get("/")
@allowed(*EVERYONE)
def index() -> ResponseReturnValue:
    """The partner's connections."""
    rows = connections.list_connections(portal_of_app(), signed_in().partner_id)
    return render_template("connections.html", rows=rows)


@blueprint.get("/connections/new")
@allowed(Role.ADMINISTRATOR)
def new() -> ResponseReturnValue:
    """The form of a new connection."""
    return render_template("connection_new.html", form={}, prorations=PRORATIONS, modes=BillingMode)


@blueprint.post("/connections/new")
@allowed(Role.ADMINISTRATOR)
def create() -> ResponseReturnValue:
    """Make a connection and show its password, this once."""
    try:
        made = connections.add_connection(
            portal_of_app(),
            request.form.get("name", ""),
            partner=signed_in().partner_name,
            billing_mode=_billing_mode(request.form.get("billing_mode", "")),
            invoice_day=_day_of_month(request.form.get("invoice_day", "")),
            prorate=request.form.getlist("prorate"),
            start_date=to_date_or_none(request.form.get("start_date", "")),
            language=language(),
        )
    except PortalError as error:
        page = render_template(
            "connection_new.html", form=request.form, prorations=PRORATIONS, modes=BillingMode, problem=error.sentence
        )
        return page, status_of(error)
    return _show_password(made.id, made.name, made.user_name, made.password)


@blueprint.get("/connections/<int:connection_id>")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """One connection: what it is, how it stands, and how the Web Connector is set up."""
    return render_template("connection.html", prorations=PRORATIONS)


@blueprint.get("/connections/<int:connection_id>/qwc")
@allowed(Role.ADMINISTRATOR, Role.BILLING)
def qwc(connection_id: int) -> ResponseReturnValue:
    """The .qwc file."""
    document = connections.qwc(portal_of_app(), connection_id)
    name = secure_filename(connection().name) or f"connection-{connection_id}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.qwc"'}
    return Response(document, content_type="application/xml; charset=utf-8", headers=headers)


@blueprint.post("/connections/<int:connection_id>/password")
@allowed(Role.ADMINISTRATOR)
def renew_password(connection_id: int) -> ResponseReturnValue:
    """Replace the Web Connector's password and show it, this once."""
    password = connections.new_password(portal_of_app(), connection_id)
    return _show_password(connection_id, connection().name, connection().user_name, password)


@blueprint.post("/connections/<int:connection_id>/company")
@allowed(Role.ADMINISTRATOR)
def confirm_company(connection_id: int) -> ResponseReturnValue:
    """Re-establish the link with the company file that was last seen."""
    shown = {name: request.form.get(name) or None for name in ("name", "path")}
    connections.confirm_company(portal_of_app(), connection_id, name=shown["name"], path=shown["path"])
    flash(_("The link is re-established. Click Update Selected in the Web Connector."), "success")
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


@blueprint.post("/connections/<int:connection_id>/company/refuse")
@allowed(Role.ADMINISTRATOR)
def keep_refusing(connection_id: int) -> ResponseReturnValue:
    """Leave the link as it is; a Web Connector that waits for the decision ends its visit."""
    connector.keep_refusing(portal_of_app(), connection_id)
    flash(
        _("Nothing is written to this file. Open the right one in QuickBooks, then click Update Selected."), "success"
    )
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


@blueprint.post("/connections/<int:connection_id>/window")
@allowed(Role.ADMINISTRATOR)
def choose_window(connection_id: int) -> ResponseReturnValue:
    """The language of the Web Connector's messages, and whether it opens a page."""
    wanted = request.form.get("language", "")
    connector.choose_window(portal_of_app(), connection_id, language=wanted, opens_page="opens_page" in request.form)
    flash(_("Saved. It takes effect at the next visit of the Web Connector."), "success")
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


@blueprint.post("/connections/<int:connection_id>/lists")
@allowed(*WRITERS)
def request_lists(connection_id: int) -> ResponseReturnValue:
    """Have the lists read at the next visit."""
    connections.request_lists(portal_of_app(), connection_id)
    done = _(
        "The lists will be read at the next visit of the Web Connector. To have them now, click Update Selected there."
    )
    flash(done, "success")
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


def _show_password(connection_id: int, name: str, user_name: str, password: str) -> str:
    return render_template("password.html", id=connection_id, name=name, user_name=user_name, password=password)


def _billing_mode(text: str) -> BillingMode:
    if text not in set(BillingMode):
        raise Refused("Choose a billing mode: in advance or in arrears.")
    return BillingMode(text)


def _day_of_month(text: str) -> int:
    if not text.strip().isdecimal() or len(text.strip()) > 2:
        raise Refused("Give the invoice day as a number from 1 to 31.")
    return int(text)
