"""Sherweb's API on the Charges screen: the credentials, the log-in tried, the charges fetched.

The API's addresses are not part of the form: only the command line sets them, so that nobody who logs in to the portal
can make it call another computer.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError
from portal.models import Role
from portal.providers import ProviderError
from portal.providers.sherweb_api import Patience
from portal.services import sources
from portal.web.access import WRITERS, allowed, portal_of_app, signed_in
from portal.web.dates import to_date
from portal.web.imports import show_charges

PATIENCE = Patience(total=90, attempts=2, longest_pause=15)
"""A person waits at the page, and proxies wait no longer."""

blueprint = Blueprint("sherweb", __name__)


@blueprint.post("/connections/<int:connection_id>/sherweb")
@allowed(Role.ADMINISTRATOR)
def save(connection_id: int) -> ResponseReturnValue:
    """Keep the credentials. They are never shown again."""
    given = {name: request.form.get(name, "") for name in ("client_id", "client_secret", "subscription_key")}
    try:
        sources.save_sherweb(portal_of_app(), connection_id, **given, who=signed_in().email)
    except (PortalError, ProviderError) as error:
        return show_charges(connection_id, problem=error)
    flash(_("The credentials of Sherweb are saved. Test the log-in now."), "success")
    return _back(connection_id)


@blueprint.post("/connections/<int:connection_id>/sherweb/check")
@allowed(*WRITERS)
def check(connection_id: int) -> ResponseReturnValue:
    """Log in to Sherweb, and do nothing else."""
    try:
        sources.check_sherweb(portal_of_app(), connection_id, patience=PATIENCE)
    except (PortalError, ProviderError) as error:
        return show_charges(connection_id, problem=error)
    flash(_("Sherweb accepted the log-in."), "success")
    return _back(connection_id)


@blueprint.post("/connections/<int:connection_id>/sherweb/fetch")
@allowed(*WRITERS)
def fetch(connection_id: int) -> ResponseReturnValue:
    """Fetch the charges of the period that holds a day."""
    try:
        day = to_date(request.form.get("day", "")[:40])
        result = sources.fetch_sherweb(portal_of_app(), connection_id, day, patience=PATIENCE)
    except (PortalError, ProviderError) as error:
        return show_charges(connection_id, problem=error)
    return show_charges(connection_id, result=result)


@blueprint.post("/connections/<int:connection_id>/sherweb/nightly")
@allowed(*WRITERS)
def switch_nightly(connection_id: int) -> ResponseReturnValue:
    """Fetch every night, or no more."""
    is_on = request.form.get("nightly") == "on"
    sources.switch_nightly(portal_of_app(), connection_id, is_on, who=signed_in().email)
    flash(
        _("The charges are fetched every night.") if is_on else _("The charges are no longer fetched every night."),
        "success",
    )
    return _back(connection_id)


@blueprint.post("/connections/<int:connection_id>/sherweb/delete")
@allowed(Role.ADMINISTRATOR)
def delete(connection_id: int) -> ResponseReturnValue:
    """Forget the credentials."""
    sources.forget_sherweb(portal_of_app(), connection_id, who=signed_in().email)
    flash(_("The credentials of Sherweb were deleted. What was imported stays."), "success")
    return _back(connection_id)


def _back(connection_id: int) -> ResponseReturnValue:
    return redirect(url_for("charges.index", connection_id=connection_id, _anchor="sherweb"), 303)
