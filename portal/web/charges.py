"""Charges: the imports so far, and the upload of another one."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.errors import PortalError, Refused
from portal.providers import ProviderError
from portal.services import catalog, import_pages, sources
from portal.web import charge_file, charge_list, columns, sherweb
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app, signed_in
from portal.web.imports import SAVED, show_charges
from portal.web.tables import read_table

blueprint = Blueprint("charges", __name__)
blueprint.register_blueprint(columns.blueprint)
blueprint.register_blueprint(sherweb.blueprint)
blueprint.register_blueprint(charge_list.blueprint)
blueprint.register_blueprint(charge_file.blueprint)


@blueprint.get("/connections/<int:connection_id>/charges")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The imports so far, and how to bring more charges."""
    return show_charges(connection_id)


@blueprint.post("/connections/<int:connection_id>/charges")
@allowed(*WRITERS)
def receive(connection_id: int) -> ResponseReturnValue:
    """Import a file, whole or not at all; or keep it while its columns are chosen."""
    file = request.files.get("file")
    source = request.form.get("provider", "")
    if file is None or not file.filename:
        return show_charges(connection_id, problem=Refused("Choose a file of charges first."))
    data, name = file.read(), file.filename.replace("\0", "")
    if source == catalog.CSV or (source.startswith(SAVED) and "look" in request.form):
        return _ask_columns(connection_id, data, name, source)
    try:
        if source.startswith(SAVED):
            profile = sources.find_profile(portal_of_app(), connection_id, columns.to_id(source.removeprefix(SAVED)))
            result = sources.import_csv(portal_of_app(), connection_id, data, name, profile)
        else:
            result = catalog.import_charges(portal_of_app(), connection_id, data, name=name, provider=source)
    except ProviderError as error:
        is_profiled = source.startswith(SAVED) and not error.key.startswith("table.")
        kept = _keep(connection_id, data, name, source) if is_profiled else None
        return show_charges(connection_id, problem=error, columns=kept)
    except PortalError as error:
        return show_charges(connection_id, problem=error)
    return show_charges(connection_id, result=result)


def _ask_columns(connection_id: int, data: bytes, name: str, source: str) -> ResponseReturnValue:
    """Keep the file and go to the page of its columns, unless it is no table."""
    try:
        sources.guess(data, name)
    except ProviderError as error:
        return show_charges(connection_id, problem=error)
    kept = _keep(connection_id, data, name, source)
    address = url_for(
        "charges.columns.show", connection_id=connection_id, file=kept["file"], profile=kept.get("profile")
    )
    return redirect(address, 303)


def _keep(connection_id: int, data: bytes, name: str, source: str) -> dict[str, str]:
    """How the page of the file's columns finds it."""
    kept = {"file": sources.keep_upload(portal_of_app(), connection_id, signed_in().id, data, name)}
    return kept | ({"profile": source.removeprefix(SAVED)} if source.startswith(SAVED) else {})


@blueprint.get("/connections/<int:connection_id>/imports/<int:import_id>")
@allowed(*EVERYONE)
def show(connection_id: int, import_id: int) -> ResponseReturnValue:
    """What one import changed of the ones before."""
    link = partial(url_for, "charges.show", connection_id=connection_id, import_id=import_id)
    table = read_table(link)
    seen = import_pages.read_import(portal_of_app(), connection_id, import_id, table.wanted)
    return render_template("import.html", seen=seen, table=table)
