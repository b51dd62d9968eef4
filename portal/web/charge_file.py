"""Charges in bulk: a CSV file out, and in again after a look at what it would change."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import Conflict, PortalError, Refused, Sentence
from portal.providers import ProviderError
from portal.services import charge_file, sources
from portal.services.charge_list import FILTERS
from portal.web.access import EVERYONE, WRITERS, allowed, connection, portal_of_app, signed_in
from portal.web.files import as_file, named_after
from portal.web.imports import sentence_of, status_of_any
from portal.web.language import csv_dialect
from portal.web.tables import read_table

MOST = 200
"""How many differences and errors are listed."""

blueprint = Blueprint("file", __name__)


@blueprint.get("/connections/<int:connection_id>/charges/file.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """The charges that the list's filters leave, in the form that comes in again."""
    wanted = read_table(lambda **_query: "", filters=FILTERS, sort="-date").wanted
    text = charge_file.write_csv(portal_of_app(), connection_id, wanted, csv_dialect())
    return as_file(text, f"{named_after(connection())}-charges.csv")


@blueprint.get("/connections/<int:connection_id>/charges/file")
@allowed(*WRITERS)
def show(connection_id: int) -> ResponseReturnValue:
    """How charges go out and in as a file; or what the file that waits would change."""
    if "file" in request.args:
        return _look(connection_id, None)
    return _bring(None)


@blueprint.post("/connections/<int:connection_id>/charges/file.csv")
@allowed(*WRITERS)
def receive(connection_id: int) -> ResponseReturnValue:
    """Keep a file of charges and show what it would change."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _bring(Refused("Choose a file of charges first."))
    data, name = file.read(), file.filename.replace("\0", "")
    try:
        charge_file.check(data, name)
    except (Refused, ProviderError) as error:
        return _bring(error)
    kept = sources.keep_upload(portal_of_app(), connection_id, signed_in().id, data, name)
    return redirect(url_for(".show", connection_id=connection_id, file=kept), 303)


@blueprint.post("/connections/<int:connection_id>/charges/file")
@allowed(*WRITERS)
def apply(connection_id: int) -> ResponseReturnValue:
    """Post the file that waits, just as it was shown, or show what it would do by now."""
    portal, who = portal_of_app(), signed_in()
    upload = sources.get_upload(portal, connection_id, who.id, request.args.get("file", ""))
    token = request.form.get("token", "")
    try:
        done = charge_file.apply_csv(portal, connection_id, upload.data, upload.name, who=who.email, token=token)
    except Refused:
        return _look(connection_id, None, 400)
    except Conflict as error:
        return _look(connection_id, error.sentence, 409)
    sources.forget_upload(portal, connection_id, who.id, upload.token)
    flash(
        _(
            "The file was applied: %(rows)s charges read, %(new)s new, %(changed)s changed.",
            rows=done.rows,
            new=done.new,
            changed=done.changed,
        ),
        "success",
    )
    if done.import_id is None:
        return redirect(url_for("charges.list.show", connection_id=connection_id), 303)
    return redirect(url_for("charges.show", connection_id=connection_id, import_id=done.import_id), 303)


def _bring(problem: PortalError | ProviderError | None) -> ResponseReturnValue:
    return render_template("charge_file.html", plan=None, problem=sentence_of(problem)), status_of_any(problem)


def _look(connection_id: int, problem: Sentence | None, status: int = 200) -> ResponseReturnValue:
    upload = sources.get_upload(portal_of_app(), connection_id, signed_in().id, request.args.get("file", ""))
    plan = charge_file.plan_csv(portal_of_app(), connection_id, upload.data, upload.name)
    action = url_for(".apply", connection_id=connection_id, file=upload.token)
    page = render_template(
        "charge_file.html",
        plan=plan,
        upload=upload,
        problem=problem,
        most=MOST,
        action=action,
        dialect=csv_dialect(),
    )
    return page, status


__all__ = ["blueprint"]
