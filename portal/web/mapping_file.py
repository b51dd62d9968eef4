"""Mappings in bulk: a CSV file out, and in again."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.utils import secure_filename

from portal.errors import Refused
from portal.services import mappings
from portal.web.access import EVERYONE, WRITERS, allowed, connection, portal_of_app

blueprint = Blueprint("mapping_file", __name__)


@blueprint.get("/connections/<int:connection_id>/mapping.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """All offers and organizations with their counterparts."""
    name = secure_filename(connection().name) or f"connection-{connection_id}"
    headers = {"Content-Disposition": f'attachment; filename="{name}-mapping.csv"'}
    content = mappings.write_csv(portal_of_app(), connection_id)
    return Response(content, content_type="text/csv; charset=utf-8", headers=headers)


@blueprint.post("/connections/<int:connection_id>/mapping.csv")
@allowed(*WRITERS)
def receive(connection_id: int) -> ResponseReturnValue:
    """Apply a mapping file: all rows or none."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Refused("Choose a mapping file first.")
    result = mappings.apply_csv(portal_of_app(), connection_id, file.read(), file.filename)
    flash(
        _(
            "The file was applied: %(offers)s offers and %(organizations)s organizations read, %(changed)s changed.",
            offers=result.offers,
            organizations=result.organizations,
            changed=result.changed,
        ),
        "success",
    )
    screen = "organizations.index" if request.form.get("from") == "organizations" else "offers.index"
    return redirect(url_for(screen, connection_id=connection_id), 303)
