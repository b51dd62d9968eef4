"""Mappings in bulk: a CSV file out, and in again after a look at what it would change."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import Conflict, Refused, Sentence
from portal.services import mappings, sources
from portal.web.access import EVERYONE, WRITERS, allowed, connection, portal_of_app, signed_in
from portal.web.files import as_file, named_after
from portal.web.language import csv_dialect

MOST = 200
"""How many differences and errors are listed."""
SCREENS = {"offers": mappings.OFFERS, "organizations": mappings.ORGANIZATIONS}

blueprint = Blueprint("mapping_file", __name__)


@blueprint.get("/connections/<int:connection_id>/mapping.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """Offers and organizations with their counterparts, or `only` one of them, as the page's Excel opens it."""
    only = request.args.get("only", "")
    sides = (SCREENS[only],) if only in SCREENS else tuple(SCREENS.values())
    what = only if only in SCREENS else "mapping"
    content = mappings.write_csv(portal_of_app(), connection_id, dialect=csv_dialect(), sides=sides)
    return as_file(content, f"{named_after(connection())}-{what}.csv")


@blueprint.post("/connections/<int:connection_id>/mapping.csv")
@allowed(*WRITERS)
def receive(connection_id: int) -> ResponseReturnValue:
    """Keep a mapping file and show what it would change."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Refused("Choose a mapping file first.")
    data, name = file.read(), file.filename.replace("\0", "")
    mappings.plan_csv(portal_of_app(), connection_id, data, name)  # what is no mapping file is refused at once
    kept = sources.keep_upload(portal_of_app(), connection_id, signed_in().id, data, name)
    return redirect(url_for(".look", connection_id=connection_id, file=kept, **_came_from()), 303)


@blueprint.get("/connections/<int:connection_id>/mapping")
@allowed(*WRITERS)
def look(connection_id: int) -> ResponseReturnValue:
    """What the file that waits would change, and what is wrong with it."""
    return _page(connection_id, None)


@blueprint.post("/connections/<int:connection_id>/mapping")
@allowed(*WRITERS)
def apply(connection_id: int) -> ResponseReturnValue:
    """Apply the file that waits, just as it was shown, or show what it would do by now."""
    portal, who = portal_of_app(), signed_in()
    upload = sources.get_upload(portal, connection_id, who.id, request.args.get("file", ""))
    try:
        result = mappings.apply_csv(
            portal, connection_id, upload.data, upload.name, who=who.email, token=request.form.get("token", "")
        )
    except Refused:
        return _page(connection_id, None), 400
    except Conflict as error:
        return _page(connection_id, error.sentence), 409
    sources.forget_upload(portal, connection_id, who.id, upload.token)
    flash(
        _(
            "The file was applied: %(offers)s offers and %(organizations)s organizations read, %(changed)s changed.",
            offers=result.offers,
            organizations=result.organizations,
            changed=result.changed,
        ),
        "success",
    )
    return redirect(url_for(f"{_screen()}.index", connection_id=connection_id), 303)


def _page(connection_id: int, problem: Sentence | None) -> str:
    upload = sources.get_upload(portal_of_app(), connection_id, signed_in().id, request.args.get("file", ""))
    plan = mappings.plan_csv(portal_of_app(), connection_id, upload.data, upload.name)
    return render_template(
        "mapping_file.html",
        plan=plan,
        upload=upload,
        problem=problem,
        most=MOST,
        back=url_for(f"{_screen()}.index", connection_id=connection_id),
        action=url_for(".apply", connection_id=connection_id, file=upload.token, **_came_from()),
    )


def _screen() -> str:
    found = request.values.get("from", "")
    return found if found in SCREENS else next(iter(SCREENS))


def _came_from() -> dict[str, Any]:
    return {"from": _screen()}
