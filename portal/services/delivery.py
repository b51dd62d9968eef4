"""Delivery: what waits in the outbox leaves, so that no message is lost when a process dies.

A message is leased, sent outside any transaction, and marked. Whoever is killed in between leaves a lease that runs
out, and the message goes once more under the same id: at least once, and a receiver can tell a repetition. Every
receiver has its turn beside the others, and one that hangs or fails waits alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import orm

from portal.channels import email, webhook
from portal.errors import NotFound, Refused, Sentence
from portal.models import Channel, Connection, MessageState, Occasion, OutboxMessage, User, Webhook
from portal.notices.telling import next_attempt
from portal.services import Portal
from portal.services.connections import HIGHEST_ID, find
from portal.services.notice_facts import load_facts
from portal.services.notice_texts import compose, webhook_body
from portal.services.outbox import MessageView, get_message, put
from portal.services.subscriptions import open_secret, receivers

LEASE = timedelta(seconds=90)
TURN = 45.0
"""Seconds after which a receiver's turn ends, well before the lease does."""
SLOW = 5.0
"""A failure that took so long keeps the receiver's other messages waiting too."""
MOST_OF_ONE = 10
MOST_AT_ONCE = 8
LONGEST_ANSWER = 300

NO_ACCESS = Sentence("this person has no access any more")
SWITCHED_OFF = Sentence("the webhook is switched off")
UNREADABLE = Sentence("its secret cannot be read, since the portal's secret key was changed: make a new one")
NOT_MADE = Sentence("it could not be made; the log says why")

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parcel:
    """A leased message. `send` gives the status of the answer, or raises; None when nobody may have it."""

    id: int
    receiver: int
    attempts: int
    is_test: bool
    leased_until: datetime
    send: Callable[[], int | None] | None = field(repr=False)
    obstacle: str = ""


def deliver(portal: Portal, *, only: int | None = None) -> int:
    """Send what is due, receivers beside each other; returns how many messages were delivered. `only`: one message."""
    parcels = _take(portal, only)
    turns: dict[int, list[_Parcel]] = {}
    for parcel in parcels:
        turns.setdefault(parcel.receiver, []).append(parcel)
    if not turns:
        return 0
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(turns)), thread_name_prefix="portal-outbox") as pool:
        return sum(pool.map(lambda turn: _deliver_turn(portal, turn), turns.values()))


def is_due(portal: Portal) -> bool:
    """Whether anything waits to be sent now: one look at an index."""
    due = sa.select(OutboxMessage.id).where(_is_free(portal.now())).limit(1)
    return portal.database.look(due, {}) is not None


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    row = OutboxMessage
    return sa.and_(
        sa.text("outbox.state = 'waiting'"),
        row.next_at <= now,
        sa.or_(row.leased_until.is_(None), row.leased_until <= now),
    )


def _take(portal: Portal, only: int | None) -> list[_Parcel]:
    """Lease the next messages of every receiver, a few of each, so that none fills the others' places."""
    now, row = portal.now(), OutboxMessage
    free = _is_free(now)
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


def _parcels(portal: Portal, db: orm.Session, rows: Sequence[OutboxMessage]) -> list[_Parcel]:
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
            _Parcel(
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


def _deliver_turn(portal: Portal, parcels: Sequence[_Parcel]) -> int:
    """One receiver's messages, one after the other, until it hangs or its turn is over; returns the delivered."""
    begun, delivered = monotonic(), 0
    for index, parcel in enumerate(parcels):
        if monotonic() - begun > TURN:
            _release(portal, parcels[index:])
            break
        at = monotonic()
        try:
            wait_until = _deliver_one(portal, parcel)
        except Exception:  # such as a database that is away: the lease runs out
            log.exception("what came of a message was not kept", message=parcel.id)
            continue
        delivered += wait_until is None
        if wait_until is not None and monotonic() - at > SLOW:
            _release(portal, parcels[index + 1 :])
            _let_wait(portal, parcel.receiver, wait_until)
            break
    return delivered


def _deliver_one(portal: Portal, parcel: _Parcel) -> datetime | None:
    """Send one and mark it; None when it was delivered, else when it is tried again at the earliest."""
    if parcel.send is None:
        _mark(portal, parcel, state=MessageState.DROPPED, answer=parcel.obstacle)
        return portal.now()
    try:
        status = parcel.send()
    except webhook.NotDelivered as error:
        if error.status == webhook.GONE:
            _switch_off(portal, parcel)
            _mark(portal, parcel, state=MessageState.FAILED, status=error.status, answer=str(error), is_attempt=True)
            return portal.now()
        return _postpone(portal, parcel, error.status, str(error))
    except email.NotSent as error:
        return _postpone(portal, parcel, None, str(error))
    except Exception:
        log.exception("a message could not be sent", message=parcel.id)
        return _postpone(portal, parcel, None, NOT_MADE.template)
    _mark(portal, parcel, state=MessageState.DELIVERED, status=status, answer=None, is_attempt=True)
    return None


def _postpone(portal: Portal, parcel: _Parcel, status: int | None, answer: str) -> datetime:
    now = portal.now()
    again = None if parcel.is_test else next_attempt(parcel.attempts + 1, now)
    state = MessageState.FAILED if again is None else MessageState.WAITING
    _mark(portal, parcel, state=state, status=status, answer=answer, is_attempt=True, next_at=again)
    if again is None:
        log.warning("a message was given up", message=parcel.id, reason=answer)
    return again or now


def _mark(
    portal: Portal,
    parcel: _Parcel,
    *,
    state: MessageState,
    answer: str | None,
    status: int | None = None,
    is_attempt: bool = False,
    next_at: datetime | None = None,
) -> None:
    """Keep what came of it. Who lost the lease meanwhile may only say that it was delivered."""
    values: dict[str, Any] = {
        "state": state,
        "status": status,
        "answer": answer[:LONGEST_ANSWER] if answer else None,
        "leased_until": None,
    }
    if is_attempt:
        values["attempts"] = parcel.attempts + 1
    if next_at is not None:
        values["next_at"] = next_at
    if state is not MessageState.WAITING:
        values["ended_at"] = portal.now()
    same = sa.update(OutboxMessage).where(OutboxMessage.id == parcel.id)
    if state is not MessageState.DELIVERED:
        same = same.where(OutboxMessage.leased_until == parcel.leased_until)
    with portal.database.write() as db:
        db.execute(same.values(values))


def _release(portal: Portal, parcels: Sequence[_Parcel]) -> None:
    """Give back what was not tried."""
    if not parcels:
        return
    mine = sa.update(OutboxMessage).where(
        OutboxMessage.id.in_([parcel.id for parcel in parcels]),
        OutboxMessage.leased_until == parcels[0].leased_until,
    )
    with portal.database.write() as db:
        db.execute(mine.values(leased_until=None))


def _let_wait(portal: Portal, receiver: int, until: datetime) -> None:
    """A receiver hangs: none of its messages is tried before this one again. No attempt of theirs is counted."""
    row = OutboxMessage
    is_its = row.webhook_id == receiver if receiver else row.webhook_id.is_(None)
    waiting = sa.update(row).where(is_its, sa.text("outbox.state = 'waiting'"), row.next_at < until)
    with portal.database.write() as db:
        db.execute(waiting.where(row.leased_until.is_(None)).values(next_at=until))


def _switch_off(portal: Portal, parcel: _Parcel) -> None:
    """The receiver says that it is gone for good (410)."""
    with portal.database.write() as db:
        db.execute(sa.update(Webhook).where(Webhook.id == parcel.receiver).values(is_active=False))


# -- tests that people ask for


def try_email(portal: Portal, connection_id: int, user_id: int) -> MessageView:
    """Send a person a letter now, to see whether it comes. Raises Refused without a mail server."""
    if not portal.settings.has_mail:
        raise Refused("No mail server is set up. Whoever runs the portal sets PORTAL_SMTP_URL and PORTAL_MAIL_FROM.")
    with portal.database.write() as db:
        find(db, connection_id)
        row = put(
            db, connection_id=connection_id, now=portal.now(), occasion=Occasion.TEST, payload="", user_id=user_id
        )
    deliver(portal, only=row.id)
    return get_message(portal, connection_id, row.id)


def try_webhook(portal: Portal, connection_id: int, webhook_id: int) -> MessageView:
    """Send a webhook a test now, once, and return what came of it. Raises NotFound."""
    now = portal.now()
    with portal.database.write() as db:
        hook = db.scalar(sa.select(Webhook).filter_by(connection_id=connection_id, id=min(webhook_id, HIGHEST_ID)))
        if hook is None:
            raise NotFound("This webhook does not exist here.")
        known = load_facts(db, now, Connection.id == connection_id)[0]
        body = webhook_body(Occasion.TEST, known, None, now, portal.settings.url)
        row = put(db, connection_id=connection_id, now=now, occasion=Occasion.TEST, payload=body, webhook_id=hook.id)
    deliver(portal, only=row.id)
    return get_message(portal, connection_id, row.id)
