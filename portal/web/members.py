"""Members of a connection: who sees it, who joined, and the invitations to it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.models import Role
from portal.services import sharing
from portal.services.sharing import Made
from portal.web.access import EVERYONE, allowed, connection, place, portal_of_app, signed_in
from portal.web.errors import status_of
from portal.web.files import as_file, named_after

blueprint = Blueprint("members", __name__)


@blueprint.get("/connections/<int:connection_id>/members")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """Everybody who sees the connection; for its administrators the invitations too."""
    return _page(connection_id)


@blueprint.post("/connections/<int:connection_id>/invitations")
@allowed(Role.ADMINISTRATOR)
def invite(connection_id: int) -> ResponseReturnValue:
    """Make an invitation, and show its file and its link, this once."""
    try:
        made = sharing.invite(portal_of_app(), signed_in(), connection_id, _role(), request.form.get("email", ""))
    except PortalError as error:
        return _page(connection_id, error), status_of(error)
    return _show(made)


@blueprint.post("/connections/<int:connection_id>/invitations/<int:invitation_id>/again")
@allowed(Role.ADMINISTRATOR)
def invite_again(connection_id: int, invitation_id: int) -> ResponseReturnValue:
    """Make an invitation again: the former one ends."""
    return _show(sharing.invite_again(portal_of_app(), signed_in(), connection_id, invitation_id))


@blueprint.post("/connections/<int:connection_id>/invitations/<int:invitation_id>/revoke")
@allowed(Role.ADMINISTRATOR)
def revoke(connection_id: int, invitation_id: int) -> ResponseReturnValue:
    """End an invitation that nobody used."""
    sharing.revoke(portal_of_app(), signed_in(), connection_id, invitation_id)
    flash(_("The invitation is revoked: its file and its link open nothing any more."), "success")
    return _back(connection_id)


@blueprint.post("/connections/<int:connection_id>/invitations/file")
@allowed(Role.ADMINISTRATOR)
def download(connection_id: int) -> ResponseReturnValue:
    """The file of an invitation that was just made. By POST, so that no address holds its secret."""
    text = sharing.invitation_file(portal_of_app(), connection_id, request.form.get("ticket", ""))
    return as_file(text, f"{named_after(connection())}.qbinvite", "application/json")


@blueprint.post("/connections/<int:connection_id>/members/<int:participant_id>/role")
@allowed(Role.ADMINISTRATOR)
def change_role(connection_id: int, participant_id: int) -> ResponseReturnValue:
    """Give somebody who joined another role on this connection."""
    try:
        sharing.change_joined_role(portal_of_app(), signed_in(), connection_id, participant_id, _role())
    except PortalError as error:
        return _page(connection_id, error), status_of(error)
    flash(_("Saved. It counts from their next click."), "success")
    return _back(connection_id)


@blueprint.post("/connections/<int:connection_id>/members/<int:participant_id>/remove")
@allowed(Role.ADMINISTRATOR)
def remove(connection_id: int, participant_id: int) -> ResponseReturnValue:
    """Take somebody who joined off the connection."""
    try:
        email = sharing.remove_joined(portal_of_app(), signed_in(), connection_id, participant_id)
    except PortalError as error:
        return _page(connection_id, error), status_of(error)
    flash(_("%(email)s no longer sees this connection.", email=email), "success")
    return redirect(url_for("connections.index"), 303) if email == signed_in().email else _back(connection_id)


def _role() -> Role:
    wanted = request.form.get("role", "")
    if wanted not in set(Role):
        raise Refused("Choose a role.")
    return Role(wanted)


def _back(connection_id: int) -> ResponseReturnValue:
    return redirect(url_for("members.index", connection_id=connection_id), 303)


def _show(made: Made) -> str:
    return render_template("invitation.html", made=made)


def _page(connection_id: int, error: PortalError | None = None) -> str:
    portal, may_invite = portal_of_app(), place().role is Role.ADMINISTRATOR
    return render_template(
        "members.html",
        people=sharing.list_people(portal, connection_id),
        invitations=sharing.list_invitations(portal, connection_id) if may_invite else (),
        may_invite=may_invite,
        roles=Role,
        form=request.form if error else {},
        problem=error.sentence if error else None,
    )
