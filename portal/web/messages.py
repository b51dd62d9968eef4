"""Messages of a connection: what left, waits, failed or was dropped, and sending one once more."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.models import Channel, MessageState, Role
from portal.services import outbox_pages, trials
from portal.services.outbox import KEPT_FOR
from portal.web import telling_words
from portal.web.access import EVERYONE, allowed, place, portal_of_app, signed_in
from portal.web.tables import read_table
from portal.web.telling import what_came

blueprint = Blueprint("messages", __name__)


@blueprint.get("/connections/<int:connection_id>/messages")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The messages, newest first: all of them for administrators, for others those to themselves."""
    table = read_table(partial(url_for, "messages.index", connection_id=connection_id), filters=outbox_pages.FILTERS)
    page = outbox_pages.page_of_messages(portal_of_app(), connection_id, table.wanted, user_id=_only())
    return render_template(
        "messages.html",
        page=page,
        table=table,
        words=telling_words,
        states=MessageState,
        channels=Channel,
        sees_all=_only() is None,
        days=KEPT_FOR.days,
    )


@blueprint.get("/connections/<int:connection_id>/messages/<int:outbox_id>")
@allowed(*EVERYONE)
def show(connection_id: int, outbox_id: int) -> ResponseReturnValue:
    """One message with what it says."""
    seen = outbox_pages.get_message_detail(portal_of_app(), connection_id, outbox_id, user_id=_only())
    return render_template("message.html", seen=seen, one=seen.message, words=telling_words)


@blueprint.post("/connections/<int:connection_id>/messages/<int:outbox_id>/again")
@allowed(Role.ADMINISTRATOR)
def again(connection_id: int, outbox_id: int) -> ResponseReturnValue:
    """Send a message once more, now, under the same id."""
    seen = trials.repeat(portal_of_app(), connection_id, outbox_id)
    if seen.state is MessageState.DELIVERED:
        flash(_("Delivered."), "success")
    elif seen.state is MessageState.WAITING:
        flash(_("Not delivered yet; it is tried again by itself. %(said)s", said=what_came(seen)), "warning")
    else:
        flash(_("Not delivered. %(said)s", said=what_came(seen)), "danger")
    return redirect(url_for("messages.show", connection_id=connection_id, outbox_id=outbox_id), 303)


def _only() -> int | None:
    """The person whose messages are shown; None for all. What other people get, and where to, is for administrators."""
    return None if place().role is Role.ADMINISTRATOR else signed_in().id
