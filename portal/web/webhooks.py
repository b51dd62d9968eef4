"""Webhooks of a connection, for its administrators: addresses of other programs that are told what happens."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import PortalError, Refused
from portal.models import MessageState, Role
from portal.notices import Kind
from portal.services import outbox_pages, trials, webhooks
from portal.services.webhooks import LONGEST_URL, MOST_WEBHOOKS, WebhookView
from portal.web import telling_words
from portal.web.access import allowed, portal_of_app
from portal.web.errors import status_of
from portal.web.telling import what_came

blueprint = Blueprint("webhooks", __name__)


@blueprint.get("/connections/<int:connection_id>/webhooks")
@allowed(Role.ADMINISTRATOR)
def index(connection_id: int) -> ResponseReturnValue:
    """All webhooks, and the form to add one."""
    return _list(connection_id)


@blueprint.post("/connections/<int:connection_id>/webhooks")
@allowed(Role.ADMINISTRATOR)
def add(connection_id: int) -> ResponseReturnValue:
    """Add a webhook and show its secret, this once."""
    try:
        made = webhooks.add_webhook(portal_of_app(), connection_id, request.form.get("url", ""), kinds=_kinds())
    except PortalError as error:
        return _list(connection_id, error), status_of(error)
    return _show_secret(made, is_new=True)


@blueprint.get("/connections/<int:connection_id>/webhooks/<int:webhook_id>")
@allowed(Role.ADMINISTRATOR)
def show(connection_id: int, webhook_id: int) -> ResponseReturnValue:
    """One webhook: what it is told of, a test, its last messages."""
    return _one(connection_id, webhook_id)


@blueprint.post("/connections/<int:connection_id>/webhooks/<int:webhook_id>")
@allowed(Role.ADMINISTRATOR)
def change(connection_id: int, webhook_id: int) -> ResponseReturnValue:
    """Change where it goes, and what it is told of."""
    portal = portal_of_app()
    kept = webhooks.get_webhook(portal, connection_id, webhook_id)
    try:
        webhooks.change_webhook(
            portal,
            connection_id,
            webhook_id,
            url=request.form.get("url", ""),
            kinds=_kinds(),
            is_active=kept.is_active,
        )
    except PortalError as error:
        return _one(connection_id, webhook_id, error), status_of(error)
    flash(_("Saved. What is told from now on goes there."), "success")
    return _back(connection_id, webhook_id)


@blueprint.post("/connections/<int:connection_id>/webhooks/<int:webhook_id>/switch")
@allowed(Role.ADMINISTRATOR)
def switch(connection_id: int, webhook_id: int) -> ResponseReturnValue:
    """Switch it off, or on again."""
    is_active = request.form.get("active") == "1"
    webhooks.switch_webhook(portal_of_app(), connection_id, webhook_id, is_active=is_active)
    flash(
        _("The webhook is on. It is told what happens from now on.")
        if is_active
        else _("The webhook is off. What still waits for it is dropped."),
        "success",
    )
    return _back(connection_id, webhook_id)


@blueprint.post("/connections/<int:connection_id>/webhooks/<int:webhook_id>/secret")
@allowed(Role.ADMINISTRATOR)
def renew(connection_id: int, webhook_id: int) -> ResponseReturnValue:
    """Another secret, shown this once."""
    made = webhooks.renew_webhook_secret(portal_of_app(), connection_id, webhook_id)
    return _show_secret(made, is_new=False)


@blueprint.post("/connections/<int:connection_id>/webhooks/<int:webhook_id>/test")
@allowed(Role.ADMINISTRATOR)
def test(connection_id: int, webhook_id: int) -> ResponseReturnValue:
    """Send it a test, now and once, and say what it answered."""
    seen = trials.try_webhook(portal_of_app(), connection_id, webhook_id)
    if seen.state is MessageState.DELIVERED:
        flash(_("The receiver took the test: it answered %(status)s.", status=seen.status), "success")
    else:
        flash(_("The receiver did not take the test. %(said)s", said=what_came(seen)), "danger")
    return _back(connection_id, webhook_id)


@blueprint.post("/connections/<int:connection_id>/webhooks/<int:webhook_id>/remove")
@allowed(Role.ADMINISTRATOR)
def remove(connection_id: int, webhook_id: int) -> ResponseReturnValue:
    """Remove it, with its messages."""
    webhooks.remove_webhook(portal_of_app(), connection_id, webhook_id)
    flash(_("The webhook is removed. Nothing goes to this address any more."), "success")
    return redirect(url_for("webhooks.index", connection_id=connection_id), 303)


def _kinds() -> list[str]:
    """What is ticked; none when all is, so that notices of a later release are told too."""
    if not request.form.getlist("kind"):
        raise Refused("Tick at least one notice. To tell it nothing for a while, switch the webhook off.")
    kinds = request.form.getlist("kind")
    return [] if set(kinds) >= {kind.value for kind in Kind} else kinds


def _back(connection_id: int, webhook_id: int) -> ResponseReturnValue:
    return redirect(url_for("webhooks.show", connection_id=connection_id, webhook_id=webhook_id), 303)


def _show_secret(made: WebhookView, *, is_new: bool) -> str:
    return render_template("webhook_secret.html", made=made, is_new=is_new)


def _list(connection_id: int, error: PortalError | None = None) -> str:
    return render_template(
        "webhooks.html",
        rows=webhooks.list_webhooks(portal_of_app(), connection_id),
        most=MOST_WEBHOOKS,
        **_form(error),
    )


def _one(connection_id: int, webhook_id: int, error: PortalError | None = None) -> str:
    portal = portal_of_app()
    hook = webhooks.get_webhook(portal, connection_id, webhook_id)
    form = _form(error)
    if not error:
        form |= {"url": hook.url, "chosen": [kind.value for kind in hook.kinds or Kind]}
    latest = outbox_pages.latest_messages(portal, connection_id, webhook_id=webhook_id)
    return render_template("webhook.html", hook=hook, latest=latest, **form)


def _form(error: PortalError | None) -> dict[str, object]:
    return {
        "problem": error.sentence if error else None,
        "url": request.form.get("url", "") if error else "",
        "chosen": request.form.getlist("kind") if error else [kind.value for kind in Kind],
        "kinds": Kind,
        "words": telling_words,
        "longest": LONGEST_URL,
    }
