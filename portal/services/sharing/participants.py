"""The people of a connection: its partner's, who are managed with the partner, and those who joined it.

One administrator who can log in stays on every connection, be it the partner's or one who joined.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Conflict, Forbidden, NotFound
from portal.models import Connection, Invitation, LogIn, Member, Participant, Partner, Role, User
from portal.services import Portal, audit
from portal.services.accounts import UserView
from portal.services.accounts.passwords import is_chosen
from portal.services.accounts.people import first_membership, has_joined
from portal.services.connections import HIGHEST_ID, find
from portal.services.sharing.places import role_at
from portal.services.silence import stop_telling


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """Somebody who sees a connection. `participant_id` is set for who joined, by an invitation of `invited_by`."""

    user_id: int
    participant_id: int | None
    email: str
    role: Role
    last_seen_at: datetime | None
    joined_at: datetime | None
    invited_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who sees a connection: the partner's own people, and who joined; each by address."""

    own: tuple[PersonView, ...]
    joined: tuple[PersonView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedView:
    """A connection that a person joined, on the page of their account."""

    participant_id: int
    connection_id: int
    connection: str
    partner: str
    role: Role
    joined_at: datetime
    is_last: bool


def list_people(portal: Portal, connection_id: int) -> People:
    """Everybody who sees a connection. Raises NotFound."""
    with portal.database.read() as db:
        row = find(db, connection_id)
        return People(own=_own(db, row.partner_id), joined=_joined(db, connection_id))


def _own(db: orm.Session, partner_id: int) -> tuple[PersonView, ...]:
    used = sa.select(LogIn.user_id, sa.func.max(LogIn.last_seen_at).label("at")).group_by(LogIn.user_id).subquery()
    at = sa.func.coalesce(used.c.at, User.last_login_at, type_=User.last_login_at.type)
    rows = db.execute(
        sa.select(User.id, User.email, Member.role, at.label("at"))
        .join(Member, Member.user_id == User.id)
        .outerjoin(used, used.c.user_id == User.id)
        .where(Member.partner_id == partner_id)
        .order_by(User.email)
    )
    return tuple(
        PersonView(
            user_id=row.id,
            participant_id=None,
            email=row.email,
            role=row.role,
            last_seen_at=row.at,
            joined_at=None,
            invited_by="",
        )
        for row in rows
    )


def _joined(db: orm.Session, connection_id: int) -> tuple[PersonView, ...]:
    rows = db.execute(
        sa.select(Participant, User.email, Invitation.made_by)
        .join(User, User.id == Participant.user_id)
        .join(Invitation, Invitation.id == Participant.invitation_id)
        .where(Participant.connection_id == connection_id)
        .order_by(User.email)
    )
    return tuple(
        PersonView(
            user_id=row.Participant.user_id,
            participant_id=row.Participant.id,
            email=row.email,
            role=row.Participant.role,
            last_seen_at=row.Participant.last_seen_at,
            joined_at=row.Participant.joined_at,
            invited_by=row.made_by,
        )
        for row in rows
    )


def list_joined(portal: Portal, user_id: int) -> tuple[JoinedView, ...]:
    """The connections that a person joined, by partner and name."""
    with portal.database.read() as db:
        has_partner = first_membership(db, user_id) is not None
        rows = db.execute(
            sa.select(Participant, Connection.name.label("connection"), Partner.name.label("partner"))
            .join(Connection, Connection.id == Participant.connection_id)
            .join(Partner, Partner.id == Connection.partner_id)
            .where(Participant.user_id == user_id)
            .order_by(Partner.name, Connection.name)
        ).all()
    return tuple(
        JoinedView(
            participant_id=row.Participant.id,
            connection_id=row.Participant.connection_id,
            connection=row.connection,
            partner=row.partner,
            role=row.Participant.role,
            joined_at=row.Participant.joined_at,
            is_last=len(rows) == 1 and not has_partner,
        )
        for row in rows
    )


def change_joined_role(portal: Portal, by: UserView, connection_id: int, participant_id: int, role: Role) -> None:
    """Give somebody who joined another role on this connection. It counts from their next click.

    Raises NotFound, Forbidden; Conflict for the last administrator.
    """
    with portal.database.write() as db:
        row = _hold(db, by, connection_id, participant_id)
        if row.role is role:
            return
        if role is not Role.ADMINISTRATOR:
            _check_not_last(db, row)
        before, row.role = row.role, role
        _note(db, portal, row, "change-joined-role", by.email, before=before, after=role)


def remove_joined(portal: Portal, by: UserView, connection_id: int, participant_id: int) -> str:
    """Take somebody who joined off a connection; returns their address. It counts from their next click.

    Who belongs nowhere then is forgotten; what they decided stays in the log under their address. Raises NotFound,
    Forbidden; Conflict for the last administrator.
    """
    with portal.database.write() as db:
        row = _hold(db, by, connection_id, participant_id)
        _check_not_last(db, row)
        email = row.user.email
        _note(db, portal, row, "remove-joined", by.email, before=row.role)
        _forget(db, portal, row)
    return email


def leave(portal: Portal, user: UserView, participant_id: int) -> bool:
    """A person leaves a connection that they joined. False when it was their last: their account is closed with it.

    Raises NotFound; Conflict for the last administrator.
    """
    with portal.database.write() as db:
        mine = sa.select(Participant).filter_by(id=min(participant_id, HIGHEST_ID), user_id=user.id)
        row = db.scalar(mine)
        if row is None:
            raise NotFound("You have not joined this connection, or have left it already.")
        _lock(db, row.connection_id)
        _check_not_last(db, row)
        _note(db, portal, row, "leave", user.email, before=row.role)
        return _forget(db, portal, row)


def _hold(db: orm.Session, by: UserView, connection_id: int, participant_id: int) -> Participant:
    """A participant, while nobody else changes who may administer the connection."""
    _lock(db, connection_id)
    if role_at(db, by.id, connection_id) is not Role.ADMINISTRATOR:
        raise Forbidden("Only administrators of this connection decide who sees it.")
    found = sa.select(Participant).filter_by(id=min(participant_id, HIGHEST_ID), connection_id=connection_id)
    row = db.scalar(found.options(orm.joinedload(Participant.user)))
    if row is None:
        raise NotFound("This person has not joined this connection, or was removed already.")
    return row


def _lock(db: orm.Session, connection_id: int) -> None:
    """Hold the partner's row, as who changes the partner's people does."""
    partner_id = find(db, connection_id).partner_id
    db.get_one(Partner, partner_id, with_for_update=True)


def _check_not_last(db: orm.Session, row: Participant) -> None:
    if row.role is not Role.ADMINISTRATOR:
        return
    partner = sa.select(Connection.partner_id).where(Connection.id == row.connection_id).scalar_subquery()
    own = sa.select(Member.user_id).where(Member.partner_id == partner, Member.role == Role.ADMINISTRATOR)
    joined = sa.select(Participant.user_id).where(
        Participant.connection_id == row.connection_id,
        Participant.role == Role.ADMINISTRATOR,
        Participant.id != row.id,
    )
    others = sa.select(User.password).where(sa.or_(User.id.in_(own), User.id.in_(joined)), User.is_active)
    if not any(is_chosen(kept) for kept in db.scalars(others)):
        raise Conflict("This is the connection's last administrator who can log in. Invite another one first.")


def _forget(db: orm.Session, portal: Portal, row: Participant) -> bool:
    """Take a participant away, and with their last connection the account. Whether the account stays."""
    db.execute(sa.delete(Participant).where(Participant.id == row.id))
    stop_telling(db, row.user_id, portal.now())
    stays = first_membership(db, row.user_id) is not None or has_joined(db, row.user_id)
    if not stays:
        db.execute(sa.delete(User).where(User.id == row.user_id))
    return stays


def _note(
    db: orm.Session,
    portal: Portal,
    row: Participant,
    action: str,
    who: str,
    *,
    before: Role,
    after: Role | None = None,
) -> None:
    detail = {
        "name": row.user.email,
        "before": {"role": before.value},
        "after": {"role": after.value} if after else {},
    }
    subject = f"participant:{row.id}"
    audit.note(db, row.connection_id, at=portal.now(), who=who, action=action, subject=subject, detail=detail)
