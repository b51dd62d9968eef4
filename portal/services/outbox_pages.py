"""The outbox as pages show it: the messages that a person may see, filtered and by pages, and one with what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from portal.channels.email import Letter
from portal.errors import NotFound
from portal.models import Channel, Connection, MessageState, OutboxMessage, User
from portal.services import Portal
from portal.services.notice_texts import compose
from portal.services.outbox import MessageView, messages_of, read_message, view_message
from portal.services.paging import Page, Wanted, load_page

FILTERS = ("state", "channel")
LATEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetail:
    """A message with what it says: `letter` as it is read, or `body`, the JSON of a webhook."""

    message: MessageView
    letter: Letter | None
    body: str


def page_of_messages(
    portal: Portal, connection_id: int, wanted: Wanted, *, user_id: int | None = None
) -> Page[MessageView]:
    """One page of the messages of a connection, newest first. `user_id`: only those to this person."""
    row, query = OutboxMessage, messages_of(connection_id)
    if user_id is not None:
        query = query.where(row.user_id == user_id)
    if wanted.filters.get("state") in set(MessageState):
        query = query.where(row.state == MessageState(wanted.filters["state"]))
    if wanted.filters.get("channel") in set(Channel):
        query = query.where(row.channel == Channel(wanted.filters["channel"]))
    newest_first = Wanted(page=wanted.page, size=wanted.size, is_descending=True)
    now = portal.now()
    with portal.database.read() as db:
        page = load_page(db, query, newest_first, sorts={"at": row.id}, key=row.id)
        return page.map(lambda rows: [view_message(one.OutboxMessage, one.to, now) for one in rows])


def latest_messages(
    portal: Portal, connection_id: int, *, user_id: int | None = None, webhook_id: int | None = None
) -> tuple[MessageView, ...]:
    """The last messages to a person, or to a webhook."""
    row, now = OutboxMessage, portal.now()
    mine = row.webhook_id == webhook_id if webhook_id is not None else row.user_id == user_id
    query = messages_of(connection_id).where(mine).order_by(row.id.desc()).limit(LATEST)
    with portal.database.read() as db:
        return tuple(view_message(one.OutboxMessage, one.to, now) for one in db.execute(query))


def get_message_detail(
    portal: Portal, connection_id: int, outbox_id: int, *, user_id: int | None = None
) -> MessageDetail:
    """One message and what it says. `user_id`: only when it is to this person. Raises NotFound."""
    with portal.database.read() as db:
        row, to = read_message(db, connection_id, outbox_id)
        if user_id is not None and row.user_id != user_id:
            raise NotFound("This message does not exist here, or it was so long ago that it is forgotten.")
        letter = _letter(db, portal, row, to) if row.channel is Channel.EMAIL else None
        return MessageDetail(
            message=view_message(row, to, portal.now()),
            letter=letter,
            body="" if letter else _pretty(row.payload),
        )


def _letter(db: orm.Session, portal: Portal, row: OutboxMessage, to: str) -> Letter:
    connection = db.get_one(Connection, row.connection_id)
    language = db.scalars(sa.select(User.language).filter_by(id=row.user_id)).one()
    return compose(
        row.occasion,
        row.payload,
        message_id=row.message_id,
        to=to,
        language=language,
        connection_id=connection.id,
        connection=connection.name,
        time_zone=connection.time_zone,
        url=portal.settings.url,
    )


def _pretty(payload: str) -> str:
    return json.dumps(json.loads(payload), ensure_ascii=False, indent=2)
