"""The outbox: messages that wait until their receiver took them, and what came of those that did not wait any more."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound
from portal.models import Channel, MessageState, Occasion, OutboxMessage, User, Webhook
from portal.notices import Kind
from portal.services import Portal
from portal.services.connections import HIGHEST_ID, find

KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. `to` is an e-mail address or a webhook's; `status` and `answer` are what it said last.

    An answer of a webhook is a text that has a translation; that of a mail server is in English.
    """

    id: int
    message_id: str
    channel: Channel
    to: str
    occasion: Occasion
    kind: Kind | None
    state: MessageState
    attempts: int
    next_at: datetime | None
    status: int | None
    answer: str | None
    created_at: datetime
    ended_at: datetime | None


def put(
    db: orm.Session,
    *,
    connection_id: int,
    now: datetime,
    occasion: Occasion,
    payload: str,
    kind: Kind | None = None,
    user_id: int | None = None,
    webhook_id: int | None = None,
) -> OutboxMessage:
    """Let a message wait for a person or a webhook."""
    row = OutboxMessage(
        connection_id=connection_id,
        message_id=f"msg_{secrets.token_hex(16)}",
        channel=Channel.EMAIL if webhook_id is None else Channel.WEBHOOK,
        user_id=user_id,
        webhook_id=webhook_id,
        occasion=occasion,
        kind=kind,
        payload=payload,
        state=MessageState.WAITING,
        attempts=0,
        next_at=now,
        created_at=now,
    )
    db.add(row)
    return row


def list_messages(
    portal: Portal,
    connection_id: int,
    *,
    state: MessageState | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> tuple[MessageView, ...]:
    """The messages of a connection, newest first; the next page goes on before the last one's id."""
    query = _views(connection_id)
    if state is not None:
        query = query.where(OutboxMessage.state == state)
    if before_id is not None:
        query = query.where(OutboxMessage.id < before_id)
    with portal.database.read() as db:
        find(db, connection_id)
        rows = db.execute(query.order_by(OutboxMessage.id.desc()).limit(limit)).all()
        return tuple(_view(*row) for row in rows)


def get_message(portal: Portal, connection_id: int, outbox_id: int) -> MessageView:
    """One message. Raises NotFound."""
    with portal.database.read() as db:
        row = db.execute(_views(connection_id).where(OutboxMessage.id == min(outbox_id, HIGHEST_ID))).first()
        if row is None:
            raise NotFound("This message does not exist here, or it was so long ago that it is forgotten.")
        return _view(*row)


def send_again(portal: Portal, connection_id: int, outbox_id: int) -> None:
    """Send a message once more, now, under the same id; one that waits does not wait any longer. Raises NotFound."""
    now = portal.now()
    with portal.database.write() as db:
        same = sa.select(OutboxMessage).filter_by(connection_id=connection_id, id=min(outbox_id, HIGHEST_ID))
        row = db.scalar(same.with_for_update())
        if row is None:
            raise NotFound("This message does not exist here, or it was so long ago that it is forgotten.")
        if row.state is not MessageState.WAITING:
            row.state, row.attempts, row.ended_at, row.leased_until = MessageState.WAITING, 0, None, None
        row.next_at = now


def forget_old(portal: Portal) -> int:
    """Forget messages that ended long ago."""
    ended = sa.delete(OutboxMessage).where(
        OutboxMessage.state != MessageState.WAITING, OutboxMessage.ended_at < portal.now() - KEPT_FOR
    )
    with portal.database.write() as db:
        result: Any = db.execute(ended)
        return int(result.rowcount)


def _views(connection_id: int) -> Any:
    to = sa.func.coalesce(Webhook.url, User.email, "")
    return (
        sa.select(OutboxMessage, to)
        .outerjoin(Webhook, Webhook.id == OutboxMessage.webhook_id)
        .outerjoin(User, User.id == OutboxMessage.user_id)
        .where(OutboxMessage.connection_id == connection_id)
    )


def _view(row: OutboxMessage, to: str) -> MessageView:
    return MessageView(
        id=row.id,
        message_id=row.message_id,
        channel=row.channel,
        to=to,
        occasion=row.occasion,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts,
        next_at=row.next_at if row.state is MessageState.WAITING else None,
        status=row.status,
        answer=row.answer,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
