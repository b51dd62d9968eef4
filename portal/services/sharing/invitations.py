"""Invitations to a connection: made by its administrators, good once and for seven days, and revoked at any time.

One is open for a role and an address (or for a role and nobody in particular): making it again revokes the former.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Conflict, Forbidden, NotFound
from portal.models import Connection, Invitation, InvitationState, Role
from portal.services import Portal, audit
from portal.services.accounts import UserView
from portal.services.accounts.people import check_email, find_user
from portal.services.connections import HIGHEST_ID, find
from portal.services.sharing.places import role_at
from portal.services.sharing.tickets import Ticket, hash_of, read_text, write_file, write_text

INVITATION_LASTS = timedelta(days=7)
_PATH = "/join/"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """An invitation as its makers see it. `email` is empty when it is bound to nobody."""

    id: int
    role: Role
    email: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    state: InvitationState
    is_expired: bool
    ended_at: datetime | None
    ended_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An invitation that was just made, with its ticket and link, this once. `has_replaced` an earlier one."""

    invitation: InvitationView
    has_replaced: bool
    ticket: str = field(repr=False)
    url: str = field(repr=False)


def invite(portal: Portal, by: UserView, connection_id: int, role: Role, email: str = "") -> Made:
    """Invite somebody to a connection in a role, whoever they are, or only who has this e-mail address.

    An open invitation for the same role and address is revoked. Raises Refused for what is no address, Conflict when
    it is that of somebody who sees the connection already, Forbidden for who is no administrator there.
    """
    address = check_email(email) if email.strip() else ""
    secret, now = secrets.token_urlsafe(32), portal.now()
    with portal.database.write() as db:
        row = find(db, connection_id)
        # Who invites at the same moment waits here; an index keeps two from being open in any case.
        db.refresh(row, with_for_update={"key_share": True})
        if role_at(db, by.id, connection_id) is not Role.ADMINISTRATOR:
            raise Forbidden("Only administrators of this connection invite.")
        _refuse_known(db, address, connection_id)
        former = _end_former(db, row.id, role, address, by, now)
        made = Invitation(
            connection_id=row.id,
            role=role,
            email=address,
            secret_hash=hash_of(secret),
            maker_id=by.id,
            made_by=by.email,
            made_at=now,
            expires_at=now + INVITATION_LASTS,
        )
        db.add(made)
        db.flush()
        note(db, made, "invite", now, by.email)
        ticket = Ticket(invitation_id=made.id, connection_id=row.id, role=role.value, secret=secret)
        told = _view(made, now)
    text = write_text(portal.settings, ticket)
    url = f"{portal.settings.url.rstrip('/')}{_PATH}{text}"
    return Made(invitation=told, has_replaced=former, ticket=text, url=url)


def _refuse_known(db: orm.Session, address: str, connection_id: int) -> None:
    known = find_user(db, address) if address else None
    if known is not None and role_at(db, known.id, connection_id) is not None:
        raise Conflict("%(email)s sees this connection already.", email=address)


def _end_former(db: orm.Session, connection_id: int, role: Role, email: str, by: UserView, now: datetime) -> bool:
    same = sa.select(Invitation).filter_by(
        connection_id=connection_id, role=role, email=email, state=InvitationState.OPEN
    )
    former = db.scalar(same.with_for_update())
    if former is None:
        return False
    end(former, InvitationState.REPLACED, now, by.email)
    db.flush()
    return former.expires_at > now


def invite_again(portal: Portal, by: UserView, connection_id: int, invitation_id: int) -> Made:
    """Make an invitation again, because its file is lost or it is too old: the same role, the same address.

    Raises NotFound, and what `invite` raises.
    """
    with portal.database.read() as db:
        former = _find(db, connection_id, invitation_id)
    return invite(portal, by, connection_id, former.role, former.email)


def revoke(portal: Portal, by: UserView, connection_id: int, invitation_id: int) -> None:
    """End an invitation that nobody used: its file and its link open nothing any more.

    Revoking it again changes nothing. Raises NotFound; Conflict when it was used meanwhile.
    """
    with portal.database.write() as db:
        row = _find(db, connection_id, invitation_id, for_update=True)
        if row.state is InvitationState.ACCEPTED:
            raise Conflict("%(email)s has used this invitation already. Remove the person instead.", email=row.ended_by)
        if row.state is not InvitationState.OPEN:
            return
        end(row, InvitationState.REVOKED, portal.now(), by.email)
        note(db, row, "revoke-invitation", portal.now(), by.email)


def list_invitations(portal: Portal, connection_id: int, most: int = 20) -> tuple[InvitationView, ...]:
    """The latest invitations to a connection, the open ones first."""
    is_ended = sa.case((Invitation.state == InvitationState.OPEN, 0), else_=1)
    query = sa.select(Invitation).filter_by(connection_id=connection_id).order_by(is_ended, Invitation.id.desc())
    with portal.database.read() as db:
        return tuple(_view(row, portal.now()) for row in db.scalars(query.limit(most)))


def invitation_file(portal: Portal, connection_id: int, ticket: str) -> str:
    """The `.qbinvite` file of a ticket that was just made here. Raises Refused, or NotFound."""
    read = read_text(portal.settings, ticket)
    with portal.database.read() as db:
        row = _find(db, connection_id, read.invitation_id)
        connection = db.get_one(Connection, connection_id)
        about = {
            "portal": portal.settings.url.rstrip("/"),
            "partner": connection.partner.name,
            "connection": connection.name,
            "role": row.role.value,
            "made_by": row.made_by,
            "expires_at": row.expires_at.isoformat(timespec="seconds"),
        }
    return write_file(portal.settings, read, about)


def end(row: Invitation, state: InvitationState, now: datetime, who: str) -> None:
    """Nobody can use it from now on."""
    row.state, row.ended_at, row.ended_by = state, now, who


def note(db: orm.Session, row: Invitation, action: str, now: datetime, who: str) -> None:
    """Note in the log what was done with an invitation."""
    facts = {"role": row.role.value, "email": row.email, "until": row.expires_at.isoformat(timespec="seconds")}
    is_new = action == "invite"
    detail = {"name": row.email, "before": {} if is_new else facts, "after": facts if is_new else {}}
    subject = f"invitation:{row.id}"
    audit.note(db, row.connection_id, at=now, who=who, action=action, subject=subject, detail=detail)


def _find(db: orm.Session, connection_id: int, invitation_id: int, *, for_update: bool = False) -> Invitation:
    found = sa.select(Invitation).filter_by(id=min(invitation_id, HIGHEST_ID), connection_id=connection_id)
    row = db.scalar(found.with_for_update() if for_update else found)
    if row is None:
        raise NotFound("This invitation does not exist here.")
    return row


def _view(row: Invitation, now: datetime) -> InvitationView:
    return InvitationView(
        id=row.id,
        role=row.role,
        email=row.email,
        made_by=row.made_by,
        made_at=row.made_at,
        expires_at=row.expires_at,
        state=row.state,
        is_expired=row.state is InvitationState.OPEN and now >= row.expires_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )
