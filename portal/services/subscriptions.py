"""What each person is mailed about a connection: as they chose, or as their role says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound, Refused
from portal.models import Cadence, NoticePreference, Role, User
from portal.notices.telling import MOST_PREVIEW_DAYS
from portal.services import Portal, audit
from portal.services.chunks import chunks
from portal.services.connections import hold
from portal.services.seeing import everybody, seen_ids
from portal.services.turns import AT_ONCE, hold_free

DIGEST_HOUR = 7
_BY_ROLE = {Role.ADMINISTRATOR: Cadence.DAILY, Role.BILLING: Cadence.DAILY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person wants to be mailed. `cadence` None: as their role says. `preview_days`: None for no preview."""

    cadence: Cadence | None
    digest_hour: int = DIGEST_HOUR
    preview_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceView:
    """What a person is mailed about a connection. `preview_days`: before each invoice day; None for no preview."""

    cadence: Cadence
    digest_hour: int = DIGEST_HOUR
    preview_days: int | None = None
    is_chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A person who may be told of a connection, with what they chose or their role says."""

    connection_id: int
    user_id: int
    email: str
    role: Role
    cadence: Cadence
    digest_hour: int
    preview_days: int | None
    is_chosen: bool


def default_cadence(role: Role) -> Cadence:
    """How often somebody is told who has not chosen: who bills, once a day; who looks on, never."""
    return _BY_ROLE.get(role, Cadence.NEVER)


def receivers(db: orm.Session, connection_ids: Collection[int], user_id: int | None = None) -> list[Receiver]:
    """The people who may be told of these connections: who can log in, and sees them. `user_id`: this one only."""
    choice, person = NoticePreference, everybody(connection_ids)
    is_own = sa.and_(choice.connection_id == person.c.connection_id, choice.user_id == User.id)
    asked = (person.c.connection_id, User.id, User.email, person.c.role)
    query = (
        sa.select(*asked, choice.cadence, choice.digest_hour, choice.preview_days)
        .select_from(person)
        .join(User, User.id == person.c.user_id)
        .outerjoin(choice, is_own)
        .where(User.is_active)
        .order_by(person.c.connection_id, User.id)
    )
    if user_id is not None:
        query = query.where(User.id == user_id)
    return [
        Receiver(
            connection_id=connection_id,
            user_id=own_id,
            email=email,
            role=role,
            cadence=cadence or default_cadence(role),
            digest_hour=DIGEST_HOUR if hour is None else hour,
            preview_days=days,
            is_chosen=cadence is not None,
        )
        for connection_id, own_id, email, role, cadence, hour, days in db.execute(query)
    ]


def get_preference(portal: Portal, connection_id: int, user_id: int) -> PreferenceView:
    """What a person is mailed about a connection. Raises NotFound for somebody who may not be told."""
    with portal.database.read() as db:
        one = _receiver(db, connection_id, user_id)
    return PreferenceView(
        cadence=one.cadence, digest_hour=one.digest_hour, preview_days=one.preview_days, is_chosen=one.is_chosen
    )


def save_preference(
    portal: Portal,
    connection_id: int,
    user_id: int,
    *,
    cadence: Cadence | None,
    digest_hour: int = DIGEST_HOUR,
    preview_days: int | None = None,
) -> None:
    """Keep what a person wants to be mailed. Raises Refused for an hour or days that cannot be, NotFound."""
    wanted = _checked(Choice(cadence=cadence, digest_hour=digest_hour, preview_days=preview_days))
    with portal.database.write() as db:
        hold(db, connection_id)
        _choose(db, portal, _receiver(db, connection_id, user_id), wanted)


def save_preference_everywhere(portal: Portal, user_id: int, wanted: Choice) -> int:
    """The same for each connection that a person sees; returns how many. Raises Refused."""
    _checked(wanted)
    with portal.database.read() as db:
        ids = sorted(db.scalars(seen_ids(user_id)))
    for some in chunks(ids, AT_ONCE):
        with portal.database.write() as db:
            held = hold_free(db, some)
            for one in receivers(db, held, user_id):
                _choose(db, portal, one, wanted)
        for connection_id in set(some) - set(held):  # somebody else is at it: in its turn
            with portal.database.write() as db:
                hold(db, connection_id)
                for one in receivers(db, [connection_id], user_id):
                    _choose(db, portal, one, wanted)
    return len(ids)


def get_row(db: orm.Session, connection_id: int, user_id: int) -> NoticePreference:
    """The row of a person's choice; one that follows their role when there is none yet. The connection is held."""
    row = db.scalar(sa.select(NoticePreference).filter_by(connection_id=connection_id, user_id=user_id))
    if row is None:
        row = NoticePreference(connection_id=connection_id, user_id=user_id, cadence=None, digest_hour=DIGEST_HOUR)
        db.add(row)
    return row


def _checked(wanted: Choice) -> Choice:
    if not 0 <= wanted.digest_hour <= 23:
        raise Refused("Choose an hour from 0 to 23 for the digest.")
    if wanted.preview_days is not None and not 1 <= wanted.preview_days <= MOST_PREVIEW_DAYS:
        raise Refused("The preview is mailed 1 to %(most)s days before the invoice day.", most=MOST_PREVIEW_DAYS)
    return wanted


def _choose(db: orm.Session, portal: Portal, one: Receiver, wanted: Choice) -> None:
    """Keep a choice, and note what it changes. The connection is held."""
    now, row = portal.now(), get_row(db, one.connection_id, one.user_id)
    before = _facts(row.cadence, row.digest_hour, row.preview_days)
    row.cadence, row.digest_hour, row.preview_days = wanted.cadence, wanted.digest_hour, wanted.preview_days
    db.flush()
    is_daily = _receiver(db, one.connection_id, one.user_id).cadence is Cadence.DAILY
    if is_daily and one.cadence is not Cadence.DAILY:
        row.digested_at = now  # what was told before is no news
    after = _facts(wanted.cadence, wanted.digest_hour, wanted.preview_days)
    if before != after:
        detail = {"name": one.email, "before": before, "after": after}
        subject = f"person:{one.user_id}"
        audit.note(db, one.connection_id, at=now, action="choose-letters", subject=subject, detail=detail)


def _facts(cadence: Cadence | None, hour: int, days: int | None) -> dict[str, str | int | None]:
    return {"cadence": "as-role" if cadence is None else cadence.value, "hour": hour, "preview_days": days}


def _receiver(db: orm.Session, connection_id: int, user_id: int) -> Receiver:
    found = next(iter(receivers(db, [connection_id], user_id)), None)
    if found is None:
        raise NotFound("This person has no access to this connection.")
    return found
