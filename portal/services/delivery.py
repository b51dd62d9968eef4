"""Delivery: what waits in the outbox leaves, so that no message is lost when a process dies.

A message is leased, sent outside any transaction, and marked. Whoever is killed in between leaves a lease that runs
out, and the message goes once more under the same id: at least once, and a receiver can tell a repetition. Every
receiver has its turn beside the others, and one that hangs or fails waits alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic
from typing import Any

import sqlalchemy as sa
import structlog

from portal.channels import email, webhook
from portal.errors import Sentence
from portal.models import MessageState, OutboxMessage, Webhook
from portal.notices.telling import next_attempt
from portal.services import Portal
from portal.services.parcels import Parcel, Withdrawn, is_free, take
from portal.services.silence import NO_ACCESS

TURN = 45.0
"""Seconds after which a receiver's turn ends, well before the lease does."""
SLOW = 5.0
"""A failure that took so long keeps the receiver's other messages waiting too."""
MOST_AT_ONCE = 8
LONGEST_ANSWER = 300

NOT_MADE = Sentence("it could not be made; the log says why")

log = structlog.get_logger("portal")


def deliver(portal: Portal, *, only: int | None = None) -> int:
    """Send what is due, receivers beside each other; returns how many messages were delivered. `only`: one message."""
    parcels = take(portal, only)
    turns: dict[int, list[Parcel]] = {}
    for parcel in parcels:
        turns.setdefault(parcel.receiver, []).append(parcel)
    if not turns:
        return 0
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(turns)), thread_name_prefix="portal-outbox") as pool:
        return sum(pool.map(lambda turn: _deliver_turn(portal, turn), turns.values()))


def is_due(portal: Portal) -> bool:
    """Whether anything waits to be sent now: one look at an index."""
    due = sa.select(OutboxMessage.id).where(is_free(portal.now())).limit(1)
    return portal.database.look(due, {}) is not None


def _deliver_turn(portal: Portal, parcels: Sequence[Parcel]) -> int:
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


def _deliver_one(portal: Portal, parcel: Parcel) -> datetime | None:
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
    except Withdrawn:
        _mark(portal, parcel, state=MessageState.DROPPED, answer=NO_ACCESS.template)
        return portal.now()
    except Exception:
        log.exception("a message could not be sent", message=parcel.id)
        return _postpone(portal, parcel, None, NOT_MADE.template)
    _mark(portal, parcel, state=MessageState.DELIVERED, status=status, answer=None, is_attempt=True)
    return None


def _postpone(portal: Portal, parcel: Parcel, status: int | None, answer: str) -> datetime:
    now = portal.now()
    again = None if parcel.is_test else next_attempt(parcel.attempts + 1, now)
    state = MessageState.FAILED if again is None else MessageState.WAITING
    _mark(portal, parcel, state=state, status=status, answer=answer, is_attempt=True, next_at=again)
    if again is None and not parcel.is_test:  # who asked for a test sees it
        log.warning("a message was given up", message=parcel.id, reason=answer)
    return again or now


def _mark(
    portal: Portal,
    parcel: Parcel,
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


def _release(portal: Portal, parcels: Sequence[Parcel]) -> None:
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


def _switch_off(portal: Portal, parcel: Parcel) -> None:
    """The receiver says that it is gone for good (410)."""
    with portal.database.write() as db:
        db.execute(sa.update(Webhook).where(Webhook.id == parcel.receiver).values(is_active=False))
