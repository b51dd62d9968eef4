"""Connections: the list of all, and one with its health, its .qwc file, its password and the steps that mend it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from portal.models import Role
from portal.services import connections, connector, health, notices, sharing, shown_marks
from portal.web.access import EVERYONE, WRITERS, allowed, connection, is_fragment, portal_of_app, signed_in
from portal.web.files import as_file, named_after
from portal.web.language import language
from portal.web.words import PRORATIONS

blueprint = Blueprint("connections", __name__)


QUICK, SLOW = 5, 60
"""Seconds after which the list looks again by itself: a long one less often, since all of it is made anew."""
LONG = 100


@blueprint.get("/")
@allowed(*EVERYONE)
def index() -> ResponseReturnValue:
    """The connections that the person sees, each with its most urgent notice: the partner's, and those joined.

    A page that stays open asks for the list alone, and gets nothing while it is as shown.
    """
    portal, user, asked = portal_of_app(), signed_in(), request.args.get("mark", "")
    is_short = "open" in request.args
    page = ("connections", user.id, language(), is_short)
    if is_fragment() and shown_marks.is_shown_still(portal, page, asked):
        return "", 204
    version = portal.database.version()
    shown = _list(is_short=is_short)
    listed = Markup(render_template("parts/connections.html", **shown))  # noqa: S704 -- a template made it
    shown_mark = hashlib.sha256(listed.encode()).hexdigest()[:12]
    shown_marks.keep_shown(portal, page, shown_mark, version)
    if is_fragment() and asked == shown_mark:
        return "", 204
    template = "parts/connections_open.html" if is_fragment() else "connections.html"
    return render_template(template, **shown, listed=listed, shown_mark=shown_mark)


def _list(*, is_short: bool) -> dict[str, Any]:
    portal, user = portal_of_app(), signed_in()
    places = {one.connection_id: one for one in sharing.list_places(portal, user.id)}
    rows = {row.connection.id: row for row in health.list_health_of(portal, places)}
    told = _most_urgent(notices.list_notices_seen_by(portal, user.id))
    if is_short:
        rows = {key: row for key, row in rows.items() if key in told}
    joined = [(rows[key], one) for key, one in places.items() if one.participant_id is not None and key in rows]
    own = [(rows[key], one) for key, one in places.items() if one.participant_id is None and key in rows]
    return {
        "own": own,
        "joined": joined,
        "told": told,
        "count": sum(one.count for one in told.values()),
        "is_short": is_short,
        "pace": QUICK if len(places) <= LONG else SLOW,
    }


@dataclass(frozen=True, slots=True)
class _Told:
    """The most urgent open notice of a connection, and how many there are."""

    first: notices.NoticeView
    count: int


def _most_urgent(views: Iterable[notices.NoticeView]) -> dict[int, _Told]:
    """By connection, of what is not dismissed; they come the most urgent first."""
    found: dict[int, _Told] = {}
    for view in views:
        if not view.is_dismissed:
            known = found.get(view.connection_id)
            found[view.connection_id] = _Told(view, 1) if known is None else _Told(known.first, known.count + 1)
    return found


@blueprint.get("/connections/<int:connection_id>")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """One connection: how it stands and what mends it, what it is, and how the Web Connector is set up."""
    seen = health.get_health(portal_of_app(), connection_id)
    return render_template("connection.html", prorations=PRORATIONS, seen=seen, every=connections.RUN_EVERY_MINUTES)


@blueprint.get("/connections/<int:connection_id>/qwc")
@allowed(Role.ADMINISTRATOR, Role.BILLING)
def qwc(connection_id: int) -> ResponseReturnValue:
    """The .qwc file."""
    document = connections.qwc(portal_of_app(), connection_id)
    return as_file(document, f"{named_after(connection())}.qwc", "application/xml")


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


@blueprint.post("/connections/<int:connection_id>/company/seek")
@allowed(Role.ADMINISTRATOR)
def seek_company(connection_id: int) -> ResponseReturnValue:
    """Have the next visit look at the company file that is open, where the known one is not found."""
    connector.seek_company(portal_of_app(), connection_id)
    flash(_("Open the file in QuickBooks, then click Update Selected in the Web Connector."), "success")
    return redirect(url_for("connections.show", connection_id=connection_id), 303)


@blueprint.post("/connections/<int:connection_id>/company/refuse")
@allowed(Role.ADMINISTRATOR)
def keep_refusing(connection_id: int) -> ResponseReturnValue:
    """Leave the link as it is; a Web Connector that waits for the decision ends its visit."""
    connector.keep_refusing(portal_of_app(), connection_id, user_id=signed_in().id)
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
