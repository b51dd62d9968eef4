"""Charges: the imports so far, and the upload of another one."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal.errors import Refused
from portal.services import catalog
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app
from portal.web.words import msgid

PROVIDERS = {"sherweb": msgid("Sherweb: payable charges (JSON)")}

blueprint = Blueprint("charges", __name__)


@blueprint.get("/connections/<int:connection_id>/charges")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The imports so far and the upload form."""
    return _page(connection_id)


@blueprint.post("/connections/<int:connection_id>/charges")
@allowed(*WRITERS)
def receive(connection_id: int) -> ResponseReturnValue:
    """Import a file: whole or not at all."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Refused("Choose a file of charges first.")
    provider = request.form.get("provider", "")
    result = catalog.import_charges(portal_of_app(), connection_id, file.read(), name=file.filename, provider=provider)
    return _page(connection_id, result)


@blueprint.get("/connections/<int:connection_id>/imports/<int:import_id>")
@allowed(*EVERYONE)
def show(connection_id: int, import_id: int) -> ResponseReturnValue:
    """What one import changed of the ones before."""
    rows = catalog.list_differences(portal_of_app(), connection_id, import_id)
    return render_template("import.html", rows=rows, most=catalog.MOST_DIFFERENCES)


def _page(connection_id: int, result: catalog.ImportResult | None = None) -> ResponseReturnValue:
    rows = catalog.list_imports(portal_of_app(), connection_id)
    providers = {key: PROVIDERS.get(key, key) for key in catalog.PROVIDERS}
    return render_template("charges.html", rows=rows, result=result, providers=providers)
