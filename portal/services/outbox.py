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
from portal.services import Portal, audit
from portal.services.connections import HIGHEST_ID, find
from portal.services.webhooks import plain_url

KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. `to` is an e-mail address or a webhook's; `status` and `answer` are what it said last.

    An answer of a webhook is a text that has a translation; that of a mail server is in English. `is_leaving`: somebody
    delivers it at this moment.
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
    is_leaving: bool = False
    user_id: int | None = None
    webhook_id: int | None = None

    @property
    def can_leave_again(self) -> bool:
        """Whether it makes sense to send it once more: a letter that came, or that nobody may have, is not repeated."""
        if self.state is MessageState.WAITING:
            return not self.is_leaving
        return self.channel is Channel.WEBHOOK or self.state is MessageState.FAILED


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
    query = messages_of(connection_id)
    if state is not None:
        query = query.where(OutboxMessage.state == state)
    if before_id is not None:
        query = query.where(OutboxMessage.id < before_id)
    with portal.database.read() as db:
        find(db, connection_id)
        rows = db.execute(query.order_by(OutboxMessage.id.desc()).limit(limit)).all()
        return tuple(view_message(row[0], row[1], portal.now()) for row in rows)


def get_message(portal: Portal, connection_id: int, outbox_id: int) -> MessageView:
    """One message. Raises NotFound."""
    with portal.database.read() as db:
        return view_message(*read_message(db, connection_id, outbox_id), portal.now())


def read_message(db: orm.Session, connection_id: int, outbox_id: int) -> tuple[OutboxMessage, str]:
    """The row of a message, and whom it is for. Raises NotFound."""
    row = db.execute(messages_of(connection_id).where(OutboxMessage.id == min(outbox_id, HIGHEST_ID))).first()
    if row is None:
        raise NotFound("This message does not exist here, or it was so long ago that it is forgotten.")
    return row[0], row[1]


def send_again(portal: Portal, connection_id: int, outbox_id: int) -> None:
    """Send a message once more, now, under the same id; one that waits does not wait any longer. Raises NotFound."""
    now = portal.now()
    with portal.database.write() as db:
        row, to = read_message(db, connection_id, outbox_id)
        db.refresh(row, with_for_update=True)
        about = plain_url(to) if row.channel is Channel.WEBHOOK else to
        audit.note(
            db,
            connection_id,
            at=now,
            action="send-message-again",
            subject=f"message:{row.id}",
            detail={"name": about, "state": row.state.value},
        )
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


def messages_of(connection_id: int) -> Any:
    """The messages of a connection, each with whom it is for."""
    to = sa.func.coalesce(Webhook.url, User.email, "").label("to")
    return (
        sa.select(OutboxMessage, to)
        .outerjoin(Webhook, Webhook.id == OutboxMessage.webhook_id)
        .outerjoin(User, User.id == OutboxMessage.user_id)
        .where(OutboxMessage.connection_id == connection_id)
    )


def view_message(row: OutboxMessage, to: str, now: datetime) -> MessageView:
    """A message as people see it."""
    is_waiting = row.state is MessageState.WAITING
    return MessageView(
        id=row.id,
        message_id=row.message_id,
        channel=row.channel,
        to=to,
        occasion=row.occasion,
        kind=row.kind,
        state=row.state,
        attempts=row.attempts,
        next_at=row.next_at if is_waiting else None,
        status=row.status,
        answer=row.answer,
        created_at=row.created_at,
        ended_at=row.ended_at,
        is_leaving=is_waiting and row.leased_until is not None and row.leased_until > now,
        user_id=row.user_id,
        webhook_id=row.webhook_id,
    )
