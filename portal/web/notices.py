"""Notices: the list of a connection's, the banners above its pages, and how many stand open, in the browser's title."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import NotFound, Stale
from portal.notices import Kind
from portal.services import notices, open_notices
from portal.services.notices import NoticeView
from portal.web.access import EVERYONE, allowed, connection, is_fragment, place, portal_of_app, signed_in
from portal.web.language import ago, language, say
from portal.web.notice_words import told, way, who_may
from portal.web.session import safe_target

blueprint = Blueprint("notices", __name__)

MOST_BANNERS = 2
_CALLS = frozenset({Kind.NEVER_CONNECTED, Kind.WRONG_PASSWORD, Kind.OVERDUE, Kind.VISIT_FAILED, Kind.COMPANY_FILE})
_EVERY = frozenset(Kind)
SHOWN: dict[str, frozenset[Kind]] = {
    "connections.show": _EVERY - _CALLS,
    "status.show": _EVERY - {Kind.ERRORS, Kind.UNMAPPED},
    "preview.show": _EVERY - {Kind.LINES_WAITING, Kind.UNMAPPED},
    "charges.index": frozenset({Kind.IMPORT_FAILED, Kind.UNMAPPED, Kind.LINES_WAITING}),
    "exchanges.show": _EVERY - {Kind.LINES_WAITING},
    "runs.index": _CALLS | {Kind.NEW_PASSWORD, Kind.OLD_QUICKBOOKS, Kind.ERRORS},
}
"""Which notices matter on which page, less those that the page tells itself."""
UNUSABLE = "old-quickbooks:unusable"
"""The connection's page tells it itself."""


@blueprint.app_context_processor
def _tell_templates() -> dict[str, Any]:
    return {
        "open_notices": _open,
        "banners_of": banners_of,
        "came_from": came_from,
        "notice_mark": notice_mark,
        "told_notice": told,
        "way_to_mend": way,
        "who_may_mend": who_may,
    }


@blueprint.get("/connections/<int:connection_id>/notices")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The notices, the most urgent first, and those that the person dismissed; nothing when they are as shown."""
    seen = open_notices.all_notices(portal_of_app(), connection_id, signed_in().id)
    if is_fragment() and request.args.get("mark") == notice_mark(seen):
        return "", 204
    shown = [view for view in seen if not view.is_dismissed]
    dismissed = [view for view in seen if view.is_dismissed]
    return render_template("notices.html", shown=shown, dismissed=dismissed, seen=seen)


@blueprint.get("/connections/<int:connection_id>/notices/banners")
@allowed(*EVERYONE)
def banners(connection_id: int) -> ResponseReturnValue:
    """The banners of a page that stays open, and their number; nothing when they are as shown."""
    here = request.args.get("here", "")
    if request.args.get("mark") == notice_mark(_open()):
        return "", 204
    return render_template("parts/live_notices.html", here=here)


@blueprint.post("/connections/<int:connection_id>/notices/dismiss")
@allowed(*EVERYONE)
def dismiss(connection_id: int) -> ResponseReturnValue:
    """Put a notice away, for the person who asks."""
    key, seen = request.form.get("key", ""), request.form.get("seen")
    try:
        notices.dismiss(portal_of_app(), connection_id, signed_in().id, key, fingerprint=seen)
    except (NotFound, Stale) as error:
        flash(say(error.sentence), "warning")
    return redirect(_back(connection_id), 303)


@blueprint.post("/connections/<int:connection_id>/notices/bring-back")
@allowed(*EVERYONE)
def bring_back(connection_id: int) -> ResponseReturnValue:
    """Show a dismissed notice again."""
    notices.bring_back(portal_of_app(), connection_id, signed_in().id, request.form.get("key", ""))
    flash(_("The notice is back."), "success")
    return redirect(_back(connection_id), 303)


def banners_of(here: str) -> list[NoticeView]:
    """What a page shows of the notices that stand open: the most urgent ones that matter there."""
    matters = SHOWN.get(here, frozenset())
    is_said = UNUSABLE if here == "connections.show" else None
    found = [one for one in _open() if one.notice.kind in matters and one.notice.key != is_said]
    return found[:MOST_BANNERS]


def came_from() -> str:
    """The page that a banner stands on, to come back to; none for the list and for what was sent as a form."""
    if request.endpoint == "notices.banners":
        return request.args.get("at", "")
    return "" if request.method != "GET" or request.blueprint == "notices" else request.full_path.rstrip("?")


def notice_mark(views: Any) -> str:
    """What changes with the notices as they are shown, in this language and role."""
    shown = [(one.notice.key, one.notice.fingerprint, one.is_dismissed, _since(one)) for one in views]
    return hashlib.sha256(repr((language(), place().role, shown)).encode()).hexdigest()[:12]


def _since(view: NoticeView) -> str:
    return ago(view.notice.since) if view.notice.since else ""


def _open() -> tuple[NoticeView, ...]:
    """The open notices of the connection in the address, once a request."""
    if "open_notices" not in g:
        g.open_notices = open_notices.open_notices(portal_of_app(), connection().id, signed_in().id)
    found: tuple[NoticeView, ...] = g.open_notices
    return found


def _back(connection_id: int) -> str:
    target = request.form.get("next")
    return safe_target(target) if target else url_for(".index", connection_id=connection_id)
