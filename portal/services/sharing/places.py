"""Which connections a person sees, and in which role: their partner's in the role they have there, and those joined.

This is the one place that answers the question; pages ask it for every address that names a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import orm
from sqlalchemy.exc import OperationalError

from portal.models import Connection, Member, Participant, Partner, Role
from portal.services import Portal
from portal.services.connections import ConnectionView, view
from portal.services.seeing import is_seen

_SEEN_EVERY = timedelta(minutes=1)

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A connection that a person sees. `participant_id` is set where they joined it, which others own.

    `is_shared`: somebody joined it.
    """

    connection_id: int
    connection: str
    partner_id: int
    partner: str
    role: Role
    participant_id: int | None
    is_shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A connection that a person opens, with their place there."""

    connection: ConnectionView
    place: Place


_someone = orm.aliased(Participant)
_IS_SHARED = sa.select(_someone.id).where(_someone.connection_id == Connection.id).exists().label("is_shared")


def enter(portal: Portal, user_id: int, connection_id: int) -> Entered | None:
    """A connection and the person's place there; None for one that they do not see, as for one that is not there."""
    now = portal.now()
    query = _seen_by(user_id, Connection, Participant.last_seen_at).where(Connection.id == connection_id)
    query = query.options(orm.joinedload(Connection.partner), orm.joinedload(Connection.wire))
    with portal.database.read() as db:
        row = db.execute(query).first()
        entered = None if row is None else Entered(connection=view(row.Connection, now), place=_place(row))
    if row is not None and entered is not None and entered.place.participant_id is not None:
        _note_visit(portal, entered.place.participant_id, row.last_seen_at, now)
    return entered


def list_places(portal: Portal, user_id: int, most: int | None = None) -> tuple[Place, ...]:
    """The connections that a person sees: their partner's first, then those joined, by partner and name."""
    is_own = sa.case((Member.id.is_not(None), 0), else_=1)
    query = _seen_by(user_id).order_by(is_own, Partner.name, Connection.name, Connection.id)
    with portal.database.read() as db:
        return tuple(_place(row) for row in db.execute(query.limit(most)))


def count_places(portal: Portal, user_id: int) -> int:
    """How many connections a person sees."""
    with portal.database.read() as db:
        query = _seen_by(user_id).order_by(None)
        return db.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def role_at(db: orm.Session, user_id: int, connection_id: int) -> Role | None:
    """The role of a person on a connection; None when they do not see it."""
    row = db.execute(_seen_by(user_id).where(Connection.id == connection_id)).first()
    return None if row is None else _place(row).role


def _seen_by(user_id: int, *more: Any) -> sa.Select[Any]:
    return (
        sa.select(
            *more,
            Connection.id.label("connection_id"),
            Connection.name.label("connection"),
            Partner.id.label("partner_id"),
            Partner.name.label("partner"),
            Member.role.label("own_role"),
            Participant.role.label("joined_role"),
            Participant.id.label("participant_id"),
            _IS_SHARED,
        )
        .select_from(Connection)
        .join(Partner, Partner.id == Connection.partner_id)
        .outerjoin(Member, sa.and_(Member.partner_id == Partner.id, Member.user_id == user_id))
        .outerjoin(Participant, sa.and_(Participant.connection_id == Connection.id, Participant.user_id == user_id))
        .where(is_seen(user_id))
    )


def _place(row: sa.Row[Any]) -> Place:
    is_own = row.own_role is not None
    return Place(
        connection_id=row.connection_id,
        connection=row.connection,
        partner_id=row.partner_id,
        partner=row.partner,
        role=row.own_role if is_own else row.joined_role,
        participant_id=None if is_own else row.participant_id,
        is_shared=bool(row.is_shared),
    )


def _note_visit(portal: Portal, participant_id: int, seen_at: datetime | None, now: datetime) -> None:
    """Once a minute, that a participant looked at the connection."""
    if seen_at is not None and now - seen_at < _SEEN_EVERY:
        return
    try:
        with portal.database.note() as db:
            db.execute(sa.update(Participant).where(Participant.id == participant_id).values(last_seen_at=now))
    except OperationalError:  # the database is busy or full: the page is shown all the same
        log.warning("the visit of a participant could not be noted")
