"""Joining a connection with an invitation: what it offers, and taking it, by somebody known here or by a stranger.

Two who take the same invitation at once: one of them joins. The second waits for the invitation's row, and a constraint
allows one participant of an invitation in any case. Who joins is let in nowhere else: a stranger gets an account that
is of no partner.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError

from portal.errors import Conflict, Refused
from portal.models import Connection, Invitation, InvitationState, Participant, Role, User
from portal.services import Portal, audit
from portal.services.accounts import UserView
from portal.services.accounts.passwords import check_rules, hash_password
from portal.services.accounts.people import check_email, check_language, make_user, view_person
from portal.services.connections import HIGHEST_ID
from portal.services.sharing.invitations import end
from portal.services.sharing.places import role_at
from portal.services.sharing.tickets import changed, hash_of, read_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What an invitation offers, and who made it. `is_bound`: only who has a certain e-mail address may take it."""

    connection_id: int
    connection: str
    partner: str
    role: Role
    made_by: str
    made_at: datetime
    expires_at: datetime
    is_bound: bool


def look(portal: Portal, ticket: str) -> Offered:
    """What a ticket offers. Raises Refused when it was changed, Conflict when it is not good any more."""
    with portal.database.read() as db:
        row = _read(db, portal, ticket)
        connection = db.get_one(Connection, row.connection_id)
        return Offered(
            connection_id=connection.id,
            connection=connection.name,
            partner=connection.partner.name,
            role=row.role,
            made_by=row.made_by,
            made_at=row.made_at,
            expires_at=row.expires_at,
            is_bound=bool(row.email),
        )


def accept(portal: Portal, user: UserView, ticket: str) -> int:
    """A person joins; returns the id of the connection. The invitation is used up.

    Raises what `look` raises; Refused when it is bound to another address, Conflict for who sees the connection
    already: the invitation stays open then.
    """
    try:
        with portal.database.write() as db:
            row = _read(db, portal, ticket, for_update=True)
            _check_bound(row, user.email)
            if role_at(db, user.id, row.connection_id) is not None:
                raise Conflict("You see this connection already. The invitation is still good, for somebody else.")
            _join(db, portal, row, user.id, user.email)
    except IntegrityError:  # the same person joins twice at this moment: the second try says what there is to say
        return accept(portal, user, ticket)
    return row.connection_id


def accept_as_stranger(
    portal: Portal, ticket: str, *, email: str, password: str, language: str
) -> tuple[UserView, int]:
    """Make an account with a password of one's own, and join; returns the person and the id of the connection.

    Without a good invitation nobody makes an account. Raises what `accept` raises; Refused for an address or password
    that is none, Conflict when the address has an account.
    """
    with portal.database.read() as db:
        _check_bound(_read(db, portal, ticket), email)
    address = check_email(email)
    check_language(language)
    check_rules(password, address)
    kept = hash_password(password)
    try:
        with portal.database.write() as db:
            row = _read(db, portal, ticket, for_update=True)
            if db.scalar(sa.select(User.id).filter_by(email=address)) is not None:
                raise Conflict("There is an account of %(email)s already. Log in with it, then subscribe.", email=email)
            user = make_user(db, portal, address, language, kept)
            _join(db, portal, row, user.id, user.email)
            made = cast("UserView", view_person(db, user))  # who joined belongs somewhere
    except IntegrityError:  # somebody makes an account of this address at this moment
        return accept_as_stranger(portal, ticket, email=email, password=password, language=language)
    return made, row.connection_id


def _join(db: orm.Session, portal: Portal, row: Invitation, user_id: int, email: str) -> None:
    now = portal.now()
    end(row, InvitationState.ACCEPTED, now, email)
    made = Participant(
        connection_id=row.connection_id, user_id=user_id, invitation_id=row.id, role=row.role, joined_at=now
    )
    db.add(made)
    db.flush()
    detail = {"name": email, "before": {}, "after": {"role": row.role.value}, "invited_by": row.made_by}
    audit.note(db, row.connection_id, at=now, who=email, action="join", subject=f"participant:{made.id}", detail=detail)


def _read(db: orm.Session, portal: Portal, ticket: str, *, for_update: bool = False) -> Invitation:
    """The invitation of a ticket. The ticket must say what the invitation says: the secret opens this door only."""
    read = read_text(portal.settings, ticket)
    found = sa.select(Invitation).filter_by(id=min(read.invitation_id, HIGHEST_ID))
    row = db.scalar(found.with_for_update() if for_update else found)
    if row is None or not hmac.compare_digest(row.secret_hash, hash_of(read.secret)):
        raise changed()
    if (row.connection_id, row.role.value) != (read.connection_id, read.role):
        raise changed()
    _check_open(db, row, portal.now())
    return row


def _check_open(db: orm.Session, row: Invitation, now: datetime) -> None:
    by = {"who": row.made_by}
    if row.state is InvitationState.ACCEPTED:
        raise _used()
    if row.state is InvitationState.REVOKED:
        raise Conflict("This invitation was revoked. If that was a mistake, ask %(who)s for a new one.", **by)
    if row.state is InvitationState.REPLACED:
        raise Conflict("A newer invitation has replaced this one. Ask %(who)s for it.", **by)
    if now >= row.expires_at:
        raise Conflict("This invitation has expired: it was good for seven days. Ask %(who)s for a new one.", **by)
    if row.maker_id is None or role_at(db, row.maker_id, row.connection_id) is not Role.ADMINISTRATOR:
        raise Conflict("%(who)s, who made this invitation, may not invite any more. Ask another administrator.", **by)


def _check_bound(row: Invitation, email: str) -> None:
    if row.email and row.email != email.strip().lower():
        raise Refused(
            "This invitation is for another e-mail address. Use the one that %(who)s invited, or ask for a new one.",
            who=row.made_by,
        )


def _used() -> Conflict:
    return Conflict("This invitation was used already: it works once. If it was not you, tell whoever gave it to you.")
