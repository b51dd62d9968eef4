"""Letters that come at their hour: the daily digest, and the preview some days before the invoice day."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import orm

from portal.errors import PortalError
from portal.models import Cadence, Connection, NoticePreference, Occasion, Role, ToldNotice, User
from portal.notices import Notice, find_notices
from portal.notices.telling import due_preview, next_digest
from portal.services import Portal
from portal.services.chunks import chunks
from portal.services.notice_facts import load_facts
from portal.services.notice_texts import notice_payload, preview_payload
from portal.services.notices import read_dismissed
from portal.services.outbox import put
from portal.services.preview import preview
from portal.services.scope import some_of
from portal.services.seeing import everybody
from portal.services.subscriptions import DIGEST_HOUR, default_cadence, get_row
from portal.services.told_causes import is_told_to
from portal.services.turns import AT_ONCE, hold_free

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A person whose digest of a connection is due."""

    connection_id: int
    user_id: int
    is_accountant: bool


def mail_digests(portal: Portal) -> int:
    """Put the digests into the outbox whose hour has come since something new was told."""
    with portal.database.read() as db:
        due = _due_digests(db, portal.now(), None)
    count = 0
    for some in chunks(sorted({one.connection_id for one in due}), AT_ONCE):
        with portal.database.write() as db:
            held, now = hold_free(db, some), portal.now()
            if not held:
                continue
            facts = {known.connection_id: known.facts for known in load_facts(db, now, some_of(held))}
            for one in _due_digests(db, now, held):
                seen = facts[one.connection_id]
                count += _digest(db, one, find_notices(seen.for_accountants() if one.is_accountant else seen, now), now)
    return count


def _due_digests(db: orm.Session, now: datetime, ids: Collection[int] | None) -> list[_Due]:
    """Since something was told that was in no digest of theirs; for who came after it, since they came."""
    choice, person = NoticePreference, everybody(ids)
    is_own = sa.and_(choice.connection_id == Connection.id, choice.user_id == User.id)
    asked = (
        Connection.id,
        Connection.time_zone,
        User.id.label("user_id"),
        person.c.role,
        sa.func.coalesce(person.c.joined_at, User.created_at).label("came_at"),
        choice.cadence,
        choice.digest_hour,
    )
    query = (
        sa.select(*asked, sa.func.min(ToldNotice.told_at).label("told_at"))
        .select_from(ToldNotice)
        .join(Connection, Connection.id == ToldNotice.connection_id)
        .join(person, person.c.connection_id == Connection.id)
        .join(User, User.id == person.c.user_id)
        .outerjoin(choice, is_own)
        .where(User.is_active, is_told_to(person.c.role))
        .where(sa.or_(choice.digested_at.is_(None), ToldNotice.told_at > choice.digested_at))
        .group_by(*asked)
        .order_by(Connection.id, User.id)
    )
    return [
        _Due(connection_id=row.id, user_id=row.user_id, is_accountant=row.role is Role.ACCOUNTANT)
        for row in db.execute(query if ids is None else query.where(Connection.id.in_(ids)))
        if (row.cadence or default_cadence(row.role)) is Cadence.DAILY and _digest_at(row) <= now
    ]


def _digest_at(row: Any) -> datetime:
    hour = DIGEST_HOUR if row.digest_hour is None else row.digest_hour
    return next_digest(max(row.told_at, row.came_at), hour, row.time_zone)


def _digest(db: orm.Session, one: _Due, notices: Iterable[Notice], now: datetime) -> int:
    """One digest, of everything that stands and was not put away; none when nothing does."""
    get_row(db, one.connection_id, one.user_id).digested_at = now
    dismissed = read_dismissed(db, one.user_id, one.connection_id)
    open_ones = [
        notice
        for notice in notices
        if (one.connection_id, notice.key, notice.fingerprint) not in dismissed
        and (notice.told_from is None or notice.told_from <= now)
    ]
    if open_ones:
        put(
            db,
            connection_id=one.connection_id,
            now=now,
            occasion=Occasion.DIGEST,
            payload=notice_payload(open_ones),
            user_id=one.user_id,
        )
    return bool(open_ones)


def mail_previews(portal: Portal) -> int:
    """Put the previews into the outbox that people asked for, once for each invoice day."""
    with portal.database.read() as db:
        due = _due_previews(db, portal.now(), None)
    count = 0
    for (connection_id, on), people in _by_date(due).items():
        try:
            payload = preview_payload(preview(portal, connection_id, on))
        except PortalError as error:
            log.warning("preview refused", connection=connection_id, date=on.isoformat(), reason=str(error))
            continue
        with portal.database.write() as db:
            held = hold_free(db, [connection_id])
            for row, due_on in _due_previews(db, portal.now(), held):
                if due_on == on and row.user_id in people:
                    row.previewed_for = on
                    put(
                        db,
                        connection_id=connection_id,
                        now=portal.now(),
                        occasion=Occasion.PREVIEW,
                        payload=payload,
                        user_id=row.user_id,
                    )
                    count += 1
    return count


def _due_previews(db: orm.Session, now: datetime, ids: Collection[int] | None) -> list[tuple[NoticePreference, date]]:
    person = everybody(ids)
    is_theirs = sa.and_(
        person.c.user_id == NoticePreference.user_id, person.c.connection_id == NoticePreference.connection_id
    )
    query = (
        sa.select(NoticePreference, Connection.time_zone, Connection.invoice_day)
        .join(Connection, Connection.id == NoticePreference.connection_id)
        .join(User, User.id == NoticePreference.user_id)
        .join(person, is_theirs)
        .where(NoticePreference.preview_days.is_not(None), User.is_active)
        .order_by(NoticePreference.id)
    )
    found = []
    for row, zone, day in db.execute(query if ids is None else query.where(Connection.id.in_(ids))):
        on = due_preview(now, zone, day, row.preview_days or 0, row.digest_hour)
        if on is not None and (row.previewed_for is None or row.previewed_for < on):
            found.append((row, on))
    return found


def _by_date(due: Iterable[tuple[NoticePreference, date]]) -> dict[tuple[int, date], set[int]]:
    grouped: dict[tuple[int, date], set[int]] = {}
    for row, on in due:
        grouped.setdefault((row.connection_id, on), set()).add(row.user_id)
    return grouped
