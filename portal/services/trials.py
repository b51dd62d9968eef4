"""What people send themselves: tests, of a letter or a webhook, and a message once more; now, whatever else waits."""

from __future__ import annotations

from time import monotonic, sleep

import sqlalchemy as sa

from portal.errors import NotFound, Refused
from portal.models import Occasion, Webhook
from portal.services import Portal
from portal.services.connections import HIGHEST_ID, find
from portal.services.delivery import deliver
from portal.services.notice_facts import load_facts
from portal.services.notice_texts import webhook_body
from portal.services.outbox import MessageView, get_message, put, send_again
from portal.services.scope import only

MOST_SECONDS = 15.0
"""How long somebody waits for what came of a message that the worker delivers meanwhile."""


def try_email(portal: Portal, connection_id: int, user_id: int) -> MessageView:
    """Send a person a letter now, to see whether it comes. Raises Refused without a mail server."""
    if not portal.settings.has_mail:
        raise Refused("No mail server is set up. Whoever runs the portal sets PORTAL_SMTP_URL and PORTAL_MAIL_FROM.")
    with portal.database.write() as db:
        find(db, connection_id)
        row = put(
            db, connection_id=connection_id, now=portal.now(), occasion=Occasion.TEST, payload="", user_id=user_id
        )
    return _send_now(portal, connection_id, row.id)


def try_webhook(portal: Portal, connection_id: int, webhook_id: int) -> MessageView:
    """Send a webhook a test now, once, and return what came of it. Raises NotFound."""
    now = portal.now()
    with portal.database.write() as db:
        hook = db.scalar(sa.select(Webhook).filter_by(connection_id=connection_id, id=min(webhook_id, HIGHEST_ID)))
        if hook is None:
            raise NotFound("This webhook does not exist here.")
        known = load_facts(db, now, only(connection_id))[0]
        body = webhook_body(Occasion.TEST, known, None, now, portal.settings.url)
        row = put(db, connection_id=connection_id, now=now, occasion=Occasion.TEST, payload=body, webhook_id=hook.id)
    return _send_now(portal, connection_id, row.id)


def repeat(portal: Portal, connection_id: int, outbox_id: int) -> MessageView:
    """Send a message once more, now, and return what came of it; what fails is tried again as if it were new.

    Raises NotFound; Refused for a letter that came, or that nobody may have any more.
    """
    if not get_message(portal, connection_id, outbox_id).can_leave_again:
        raise Refused("This message is not sent again: it arrived, is being sent, or nobody may have it any more.")
    send_again(portal, connection_id, outbox_id)
    return _send_now(portal, connection_id, outbox_id)


def _send_now(portal: Portal, connection_id: int, outbox_id: int) -> MessageView:
    """Deliver a message, or wait while the worker does."""
    deliver(portal, only=outbox_id)
    until = monotonic() + MOST_SECONDS
    while (seen := get_message(portal, connection_id, outbox_id)).is_leaving and monotonic() < until:
        sleep(0.05)
    return seen
