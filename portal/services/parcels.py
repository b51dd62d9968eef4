"""What is to leave of the outbox, leased to who delivers it: each parcel knows how it is sent, or why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from portal.channels import email, webhook
from portal.errors import Sentence
from portal.models import Channel, Connection, Occasion, OutboxMessage, User, Webhook
from portal.services import Portal
from portal.services.notice_texts import compose
from portal.services.seeing import sees
from portal.services.silence import NO_ACCESS
from portal.services.subscriptions import receivers
from portal.services.webhooks import open_secret

LEASE = timedelta(seconds=90)
MOST_OF_ONE = 10

SWITCHED_OFF = Sentence("the webhook is switched off")
UNREADABLE = Sentence("its secret cannot be read, since the portal's secret key was changed: make a new one")


class Withdrawn(Exception):
    """Whom it was for lost the access since it was leased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A leased message. `send` gives the status of the answer, or raises; None when nobody may have it."""

    id: int
    receiver: int
    attempts: int
    is_test: bool
    leased_until: datetime
    send: Callable[[], int | None] | None = field(repr=False)
    obstacle: str = ""


def is_free(now: datetime) -> sa.ColumnElement[bool]:
    row = OutboxMessage
    return sa.and_(
        sa.text("outbox.state = 'waiting'"),
        row.next_at <= now,
        sa.or_(row.leased_until.is_(None), row.leased_until <= now),
    )


def take(portal: Portal, only: int | None) -> list[Parcel]:
    """Lease the next messages of every receiver, a few of each, so that none fills the others' places."""
    now, row = portal.now(), OutboxMessage
    free = is_free(now)
    if only is None:
        place = sa.func.row_number().over(
            partition_by=sa.func.coalesce(row.webhook_id, 0), order_by=(row.next_at, row.id)
        )
        ranked = sa.select(row.id, place.label("place")).where(free).subquery()
        wanted: sa.ColumnElement[bool] = row.id.in_(sa.select(ranked.c.id).where(ranked.c.place <= MOST_OF_ONE))
    else:
        wanted = row.id == only
    with portal.database.write() as db:
        query = sa.select(row).where(wanted, free).order_by(row.id).with_for_update(skip_locked=True)
        rows = db.scalars(query).all()
        for one in rows:
            one.leased_until = now + LEASE
        return _parcels(portal, db, rows)


def _parcels(portal: Portal, db: orm.Session, rows: Sequence[OutboxMessage]) -> list[Parcel]:
    webhook_ids = {row.webhook_id for row in rows if row.webhook_id is not None}
    hooks = {row.id: row for row in db.scalars(sa.select(Webhook).where(Webhook.id.in_(webhook_ids)))}
    user_ids = {row.user_id for row in rows if row.user_id is not None}
    people = {row.id: row for row in db.scalars(sa.select(User).where(User.id.in_(user_ids)))}
    connection_ids = {row.connection_id for row in rows}
    owners = {row.id: row for row in db.scalars(sa.select(Connection).where(Connection.id.in_(connection_ids)))}
    may_be_told = {(one.connection_id, one.user_id) for one in receivers(db, connection_ids)}
    parcels = []
    for row in rows:
        send: Callable[[], int | None] | None = None
        obstacle = ""
        if row.channel is Channel.WEBHOOK:
            send, obstacle = _webhook_sender(portal, row, hooks.get(row.webhook_id or 0))
        elif (row.connection_id, row.user_id) in may_be_told:
            send = _letter_sender(portal, row, people[row.user_id or 0], owners[row.connection_id])
        else:
            obstacle = NO_ACCESS.template
        parcels.append(
            Parcel(
                id=row.id,
                receiver=row.webhook_id or 0,
                attempts=row.attempts,
                is_test=row.occasion is Occasion.TEST,
                leased_until=row.leased_until or row.next_at,
                send=send,
                obstacle=obstacle,
            )
        )
    return parcels


def _webhook_sender(
    portal: Portal, row: OutboxMessage, hook: Webhook | None
) -> tuple[Callable[[], int | None] | None, str]:
    if hook is None or not hook.is_active:
        return None, SWITCHED_OFF.template
    secret = open_secret(portal, hook)
    if secret is None:
        return None, UNREADABLE.template
    post = webhook.Post(url=hook.url, secret=secret, message_id=row.message_id, body=row.payload.encode())
    allows_private = portal.settings.private_webhooks
    return lambda: webhook.send(post, portal.now(), allows_private=allows_private), ""


def _letter_sender(
    portal: Portal, row: OutboxMessage, person: User, connection: Connection
) -> Callable[[], int | None]:
    def send() -> None:
        with portal.database.read() as db:  # others were sent before this one meanwhile
            if not sees(db, person.id, connection.id):
                raise Withdrawn
        letter = compose(
            row.occasion,
            row.payload,
            message_id=row.message_id,
            to=person.email,
            language=person.language,
            connection_id=connection.id,
            connection=connection.name,
            time_zone=connection.time_zone,
            url=portal.settings.url,
        )
        email.send(portal.settings, letter)

    return send
