"""Telling: what is to be known now is compared with what was told, and what is new goes to the outbox.

Everybody is told of a cause once. It is found without a lock, and decided once more with the connection held, in the
transaction that also keeps that it was told: two who do it at once tell once. Accountants are told of what they see;
webhooks are the administrators', and told of everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import Cadence, Occasion, Role, Webhook
from portal.notices import Notice
from portal.notices.telling import Told
from portal.services import Portal
from portal.services.call_rhythm import learn
from portal.services.chunks import chunks
from portal.services.digests import mail_digests, mail_previews
from portal.services.notice_facts import Known, load_facts
from portal.services.notice_texts import notice_payload, webhook_body
from portal.services.outbox import put
from portal.services.scope import some_of
from portal.services.subscriptions import receivers
from portal.services.told_causes import NOTHING, find_news, read_told, remember
from portal.services.turns import AT_ONCE, hold_free, of_connections


def dispatch(portal: Portal) -> int:
    """Learn when connectors call, and put into the outbox what is to be told now; returns how many messages."""
    learn(portal)
    told = tell(portal)
    if portal.settings.has_mail:
        told += mail_digests(portal)
        told += mail_previews(portal)
    return told


def tell(portal: Portal) -> int:
    """Put one message into the outbox for each new cause and receiver, and one for machines when a cause has gone."""
    now = portal.now()
    with portal.database.read() as db:
        told = read_told(db, None)
        due = [
            known.connection_id
            for known in load_facts(db, now)
            if find_news(told.get(known.connection_id, NOTHING), known.facts, now)
        ]
    count = 0
    for some in chunks(sorted(due), AT_ONCE):
        with portal.database.write() as db:
            count += _tell_some(portal, db, hold_free(db, some), portal.now())
    return count


def _tell_some(portal: Portal, db: orm.Session, ids: Collection[int], now: datetime) -> int:
    if not ids:
        return 0
    told = read_told(db, ids)
    people = [one for one in receivers(db, ids) if one.cadence is Cadence.AT_ONCE and portal.settings.has_mail]
    hooks = list(
        db.scalars(of_connections(sa.select(Webhook).filter_by(is_active=True).order_by(Webhook.id), Webhook, ids))
    )
    count = 0
    for known in load_facts(db, now, some_of(ids)):
        mine = known.connection_id
        was_told = told.get(mine, NOTHING)
        news = find_news(was_told, known.facts, now)
        remember(db, mine, was_told, news, now)
        readers = [one for one in people if one.connection_id == mine]
        accountants = [one.user_id for one in readers if one.role is Role.ACCOUNTANT]
        others = [one.user_id for one in readers if one.role is not Role.ACCOUNTANT]
        machines = [one for one in hooks if one.connection_id == mine]
        for notice in news.common.news:
            count += _raise(portal, db, known, notice, others, machines, now)
        for notice in news.accountants.news:
            count += _raise(portal, db, known, notice, accountants, (), now)
        for gone in news.common.cleared:
            count += _post(portal, db, known, Occasion.CLEARED, gone, machines, now)
    return count


def _raise(
    portal: Portal,
    db: orm.Session,
    known: Known,
    notice: Notice,
    readers: Iterable[int],
    machines: Iterable[Webhook],
    now: datetime,
) -> int:
    count = 0
    for user_id in readers:
        put(
            db,
            connection_id=known.connection_id,
            now=now,
            occasion=Occasion.RAISED,
            kind=notice.kind,
            payload=notice_payload([notice]),
            user_id=user_id,
        )
        count += 1
    return count + _post(portal, db, known, Occasion.RAISED, notice, machines, now)


def _post(
    portal: Portal,
    db: orm.Session,
    known: Known,
    occasion: Occasion,
    about: Notice | Told,
    machines: Iterable[Webhook],
    now: datetime,
) -> int:
    wanted = [hook for hook in machines if not hook.kinds or about.kind.value in hook.kinds]
    if wanted:
        body = webhook_body(occasion, known, about, now, portal.settings.url)
    for hook in wanted:
        put(
            db,
            connection_id=known.connection_id,
            now=now,
            occasion=occasion,
            kind=about.kind,
            payload=body,
            webhook_id=hook.id,
        )
    return len(wanted)
