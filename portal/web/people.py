"""The people of a partner, for its administrators: who may do what, links for passwords, and who has to leave."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.models import Role
from portal.services import accounts
from portal.services.accounts import PasswordLink
from portal.web.access import allowed, forget_log_in, portal_of_app, signed_in
from portal.web.errors import status_of

blueprint = Blueprint("people", __name__)


@blueprint.get("/people")
@allowed(Role.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    """Everybody, and the form to add a person."""
    return _page()


@blueprint.post("/people")
@allowed(Role.ADMINISTRATOR)
def add() -> ResponseReturnValue:
    """Add a person, and show the link by which they choose their password, this once."""
    form = request.form
    try:
        link = accounts.add_member(
            portal_of_app(), signed_in(), form.get("email", ""), _role(), form.get("language", "")
        )
    except PortalError as error:
        return _page(error), status_of(error)
    return _show_link(link)


@blueprint.post("/people/requirement")
@allowed(Role.ADMINISTRATOR)
def require() -> ResponseReturnValue:
    """Whether everybody must have a second factor."""
    required = "required" in request.form
    accounts.require_second_factor(portal_of_app(), signed_in(), required)
    if required:
        flash(_("Saved. Who has no second factor yet sets one up at the next click."), "success")
    else:
        flash(_("Saved. A second factor is each person's own choice."), "success")
    return redirect(url_for("people.index"), 303)


@blueprint.get("/people/<int:member_id>")
@allowed(Role.ADMINISTRATOR)
def show(member_id: int) -> ResponseReturnValue:
    """One person."""
    return _person(member_id)


@blueprint.post("/people/<int:member_id>/role")
@allowed(Role.ADMINISTRATOR)
def change_role(member_id: int) -> ResponseReturnValue:
    """Give a person another role."""
    portal, user = portal_of_app(), signed_in()
    person = accounts.get_member(portal, user.own_partner, member_id)
    try:
        role = _role()
        accounts.change_role(portal, user, member_id, role)
    except PortalError as error:
        return _person(member_id, error), status_of(error)
    flash(_("Saved. It counts from their next click."), "success")
    is_self_lowered = person.user_id == user.id and role is not Role.ADMINISTRATOR
    return redirect(url_for("connections.index" if is_self_lowered else "people.index"), 303)


@blueprint.post("/people/<int:member_id>/link")
@allowed(Role.ADMINISTRATOR)
def make_link(member_id: int) -> ResponseReturnValue:
    """Make a link by which a person chooses a password, and show it, this once."""
    try:
        link = accounts.member_link(portal_of_app(), signed_in(), member_id)
    except PortalError as error:
        return _person(member_id, error), status_of(error)
    return _show_link(link)


@blueprint.post("/people/<int:member_id>/second-factor/off")
@allowed(Role.ADMINISTRATOR)
def drop_second_factor(member_id: int) -> ResponseReturnValue:
    """Switch a person's second factor off: their telephone is lost."""
    try:
        accounts.drop_second_factor(portal_of_app(), signed_in(), member_id)
    except PortalError as error:
        return _person(member_id, error), status_of(error)
    flash(_("The second factor is off, and the person is logged out."), "success")
    return redirect(url_for("people.show", member_id=member_id), 303)


@blueprint.post("/people/<int:member_id>/remove")
@allowed(Role.ADMINISTRATOR)
def remove(member_id: int) -> ResponseReturnValue:
    """Take a person off the partner; they are logged out at once."""
    portal, user = portal_of_app(), signed_in()
    person = accounts.get_member(portal, user.own_partner, member_id)
    try:
        accounts.remove_member(portal, user, member_id)
    except PortalError as error:
        return _person(member_id, error), status_of(error)
    if person.user_id == user.id:
        forget_log_in()
        return redirect(url_for("session.log_in_page"), 303)
    flash(_("%(email)s can no longer log in.", email=person.email), "success")
    return redirect(url_for("people.index"), 303)


def _role() -> Role:
    wanted = request.form.get("role", "")
    if wanted not in set(Role):
        raise Refused("Choose a role.")
    return Role(wanted)


def _page(error: PortalError | None = None) -> str:
    members = accounts.list_members(portal_of_app(), signed_in().own_partner)
    return render_template(
        "people.html",
        people=members.people,
        is_required=members.requires_second_factor,
        roles=Role,
        form=request.form if error else {},
        problem=error.sentence if error else None,
    )


def _person(member_id: int, error: PortalError | None = None) -> str:
    person = accounts.get_member(portal_of_app(), signed_in().own_partner, member_id)
    problem = error.sentence if error else None
    return render_template("person.html", person=person, roles=Role, problem=problem)


def _show_link(link: PasswordLink) -> str:
    portal = portal_of_app()
    if portal.settings.has_mail:
        accounts.mail_link(portal, link)
    return render_template("link.html", link=link, is_mailed=portal.settings.has_mail)
