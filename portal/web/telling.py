"""How you are told: what a person is mailed about a connection, and a test of whether letters reach them."""

from __future__ import annotations

from datetime import time

from babel.dates import format_time
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.models import Cadence, MessageState
from portal.notices.telling import MOST_PREVIEW_DAYS
from portal.services import outbox_pages, sharing, subscriptions, trials
from portal.services.outbox import MessageView
from portal.services.subscriptions import Choice
from portal.web import telling_words
from portal.web.access import EVERYONE, allowed, place, portal_of_app, signed_in
from portal.web.errors import status_of
from portal.web.language import language

blueprint = Blueprint("telling", __name__)
AS_ROLE = "as-role"


@blueprint.get("/connections/<int:connection_id>/notices/telling")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """What one is mailed, and what else one may choose."""
    return _page(connection_id)


@blueprint.post("/connections/<int:connection_id>/notices/telling")
@allowed(*EVERYONE)
def save(connection_id: int) -> ResponseReturnValue:
    """Keep a choice, for this connection or for all that the person sees."""
    portal, user = portal_of_app(), signed_in()
    try:
        wanted = _wanted()
        if "everywhere" in request.form:
            count = subscriptions.save_preference_everywhere(portal, user.id, wanted)
            flash(ngettext("Saved for %(num)s connection.", "Saved for %(num)s connections.", count), "success")
        else:
            subscriptions.save_preference(
                portal,
                connection_id,
                user.id,
                cadence=wanted.cadence,
                digest_hour=wanted.digest_hour,
                preview_days=wanted.preview_days,
            )
            flash(_("Saved."), "success")
    except PortalError as error:
        return _page(connection_id, error), status_of(error)
    return _back(connection_id)


@blueprint.post("/connections/<int:connection_id>/notices/telling/test")
@allowed(*EVERYONE)
def test(connection_id: int) -> ResponseReturnValue:
    """Send a letter to oneself, now, and say what came of it."""
    try:
        seen = trials.try_email(portal_of_app(), connection_id, signed_in().id)
    except PortalError as error:
        return _page(connection_id, error), status_of(error)
    if seen.state is MessageState.DELIVERED:
        flash(_("The mail server took the letter to %(email)s. Look at your inbox.", email=seen.to), "success")
    else:
        flash(_("The letter did not leave. %(said)s", said=what_came(seen)), "danger")
    return _back(connection_id)


def what_came(seen: MessageView) -> str:
    """What came of a message, as one sentence."""
    if seen.state is MessageState.WAITING and not seen.answer:
        return str(_("It is on its way."))
    answer = _(seen.answer) if seen.answer else _("no answer")
    if seen.status is not None:
        answer = f"{answer} ({seen.status})"
    return str(_("The answer: %(answer)s.", answer=answer.rstrip(".")))


def _wanted() -> Choice:
    cadence, hour, days = (request.form.get(name, "") for name in ("cadence", "hour", "preview"))
    if cadence != AS_ROLE and cadence not in set(Cadence):
        raise Refused("Choose how often you are told.")
    if not (hour.isdecimal() and hour.isascii() and len(hour) <= 2):
        raise Refused("Choose an hour from 0 to 23 for the digest.")
    if days and not (days.isdecimal() and days.isascii() and len(days) <= 2):
        raise Refused("The preview is mailed 1 to %(most)s days before the invoice day.", most=MOST_PREVIEW_DAYS)
    return Choice(
        cadence=None if cadence == AS_ROLE else Cadence(cadence),
        digest_hour=int(hour),
        preview_days=int(days) if days else None,
    )


def _hour(hour: int) -> str:
    """An hour of the day as the language writes it."""
    shape = "H 'h'" if language() == "fr" else "h:mm a"
    return str(format_time(time(hour), shape, locale=get_locale()))


def _back(connection_id: int) -> ResponseReturnValue:
    return redirect(url_for("telling.show", connection_id=connection_id), 303)


def _page(connection_id: int, error: PortalError | None = None) -> str:
    portal, user = portal_of_app(), signed_in()
    kept = subscriptions.get_preference(portal, connection_id, user.id)
    form = request.form if error and "cadence" in request.form else None
    return render_template(
        "telling.html",
        problem=error.sentence if error else None,
        words=telling_words,
        cadences=Cadence,
        as_role=AS_ROLE,
        of_role=subscriptions.default_cadence(place().role),
        cadence=form["cadence"] if form else (kept.cadence.value if kept.is_chosen else AS_ROLE),
        hours=[_hour(one) for one in range(24)],
        hour=form.get("hour", "") if form else str(kept.digest_hour),
        preview=form.get("preview", "") if form else str(kept.preview_days or ""),
        most_days=MOST_PREVIEW_DAYS,
        places=sharing.count_places(portal, user.id),
        has_mail=portal.settings.has_mail,
        letters=outbox_pages.latest_messages(portal, connection_id, user_id=user.id),
    )
