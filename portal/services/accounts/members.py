"""The people of a partner, for its administrators: who they are, what they may do, and that one administrator stays.

Whoever changes roles or members holds the partner's row, so that two administrators cannot remove each other at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy import orm

from portal.errors import Conflict, NotFound
from portal.models import Connection, Member, Participant, Partner, Role, User
from portal.services import Portal, audit
from portal.services.accounts.links import PasswordLink, make_link
from portal.services.accounts.log_ins import end_others
from portal.services.accounts.passwords import is_chosen, no_password
from portal.services.accounts.people import UserView, check_email, check_language, has_joined, make_member
from portal.services.accounts.second_factor import forget
from portal.services.silence import stop_telling

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A person of a partner. `has_password` is false until they chose one by their first link."""

    id: int
    user_id: int
    email: str
    language: str
    role: Role
    last_login_at: datetime | None
    has_second_factor: bool
    has_password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The people of a partner, and whether each must have a second factor."""

    people: list[MemberView]
    requires_second_factor: bool


def list_members(portal: Portal, partner_id: int) -> Members:
    """The people of a partner, by address."""
    with portal.database.read() as db:
        rows = db.scalars(
            sa.select(Member)
            .join(Member.user)
            .where(Member.partner_id == partner_id)
            .order_by(User.email)
            .options(orm.contains_eager(Member.user))
        )
        partner = db.get_one(Partner, partner_id)
        return Members(people=[_view(row) for row in rows], requires_second_factor=partner.requires_second_factor)


def get_member(portal: Portal, partner_id: int, member_id: int) -> MemberView:
    """One of a partner's people. Raises NotFound, also for another partner's."""
    with portal.database.read() as db:
        return _view(_find(db, partner_id, member_id))


def add_member(portal: Portal, by: UserView, email: str, role: Role, language: str) -> PasswordLink:
    """Add a person to the partner of an administrator; the link is how they choose their password."""
    address = check_email(email)
    check_language(language)
    with portal.database.write() as db:
        partner = _hold(db, by.own_partner)
        member = make_member(db, portal, partner, address, role, language, no_password())
        link = make_link(portal, member.user, partner.name)
    log.info("person added", user=member.user_id, role=role.value, by=by.id)
    return link


def member_link(portal: Portal, by: UserView, member_id: int) -> PasswordLink:
    """A new link to choose a password for another person of the administrator's partner. Raises NotFound, Conflict."""
    with portal.database.write() as db:
        member = _find(db, by.own_partner, member_id)
        _check_other(member, by)
        _check_own(db, member)
        if not member.user.is_active:
            raise Conflict("This person may not log in any more.")
        link = make_link(portal, member.user, member.partner.name)
        _note(db, portal, by, member, "make-password-link")
    log.info("password link made", user=member.user_id, by=by.id)
    return link


def change_role(portal: Portal, by: UserView, member_id: int, role: Role) -> None:
    """Give a person another role. It counts from their next click. Raises NotFound; Conflict for the last one."""
    with portal.database.write() as db:
        _hold(db, by.own_partner)
        member = _find(db, by.own_partner, member_id)
        if role is not Role.ADMINISTRATOR:
            _check_not_last(db, member)
        if member.role is not role:
            _note(db, portal, by, member, "change-role", before=member.role, after=role)
        member.role = role
    log.info("role changed", user=member.user_id, role=role.value, by=by.id)


def remove_member(portal: Portal, by: UserView, member_id: int) -> None:
    """Take a person off the partner and end their log-ins. Raises NotFound; Conflict for the last administrator.

    Who belongs to no other partner and joined no connection is forgotten; what they decided stays in the log under
    their address.
    """
    with portal.database.write() as db:
        _hold(db, by.own_partner)
        member = _find(db, by.own_partner, member_id)
        _check_not_last(db, member)
        end_others(db, member.user_id)
        is_elsewhere = _belongs_elsewhere(db, member)
        _note(db, portal, by, member, "remove-person", before=member.role)
        db.execute(sa.delete(Member).where(Member.id == member_id))
        stop_telling(db, member.user_id, portal.now())
        if not is_elsewhere:
            db.execute(sa.delete(User).where(User.id == member.user_id))
    log.info("person removed", user=member.user_id, by=by.id)


def drop_second_factor(portal: Portal, by: UserView, member_id: int) -> None:
    """Switch another person's second factor off, because their telephone is lost; they are logged out.

    Raises NotFound, Conflict.
    """
    with portal.database.write() as db:
        member = _find(db, by.own_partner, member_id)
        _check_other(member, by)
        _check_own(db, member)
        forget(db, member.user)
        _note(db, portal, by, member, "second-factor-off")
        end_others(db, member.user_id)
    log.info("second factor switched off by an administrator", user=member.user_id, by=by.id)


def require_second_factor(portal: Portal, by: UserView, required: bool) -> None:
    """Whether each person of the partner must have a second factor. Who has none is led to it at their next click."""
    with portal.database.write() as db:
        partner = _hold(db, by.own_partner)
        if partner.requires_second_factor is not required:
            detail = {"before": {"required": partner.requires_second_factor}, "after": {"required": required}}
            audit.note_of_partner(
                db,
                partner.id,
                at=portal.now(),
                action="require-second-factor",
                subject=f"partner:{partner.id}",
                detail={"name": partner.name, **detail},
                who=by.email,
            )
        partner.requires_second_factor = required
    log.info("second factor required" if required else "second factor not required", partner=by.partner_id, by=by.id)


def _note(
    db: orm.Session,
    portal: Portal,
    by: UserView,
    member: Member,
    action: str,
    *,
    before: Role | None = None,
    after: Role | None = None,
) -> None:
    detail = {
        "name": member.user.email,
        "before": {"role": before.value} if before else {},
        "after": {"role": after.value} if after else {},
    }
    audit.note_of_partner(
        db,
        member.partner_id,
        at=portal.now(),
        action=action,
        subject=f"person:{member.user_id}",
        detail=detail,
        who=by.email,
    )


def _hold(db: orm.Session, partner_id: int) -> Partner:
    return db.get_one(Partner, partner_id, with_for_update=True)


def _find(db: orm.Session, partner_id: int, member_id: int) -> Member:
    found = db.scalar(
        sa.select(Member)
        .filter_by(id=member_id, partner_id=partner_id)
        .options(orm.joinedload(Member.user), orm.joinedload(Member.partner))
    )
    if found is None:
        raise NotFound("This person does not exist, or belongs to another partner.")
    return found


def _check_not_last(db: orm.Session, member: Member) -> None:
    """One administrator who can log in has to stay: the partner would be locked out."""
    if member.role is not Role.ADMINISTRATOR:
        return
    others = (
        sa.select(User.password)
        .join(Member, Member.user_id == User.id)
        .where(
            Member.partner_id == member.partner_id,
            Member.role == Role.ADMINISTRATOR,
            Member.id != member.id,
            User.is_active,
        )
    )
    if not any(is_chosen(kept) for kept in db.scalars(others)):
        raise Conflict(
            "This is the last administrator who can log in. Make somebody else an administrator first, and wait until "
            "they chose their password."
        )


def _check_other(member: Member, by: UserView) -> None:
    """Oneself is asked for the password, which these ways do without: else an open browser would be enough."""
    if member.user_id == by.id:
        raise Conflict("Do this on the page of your account.")


def _check_own(db: orm.Session, member: Member) -> None:
    """Who works for another partner too is not this administrator's alone: a link would open that partner as well."""
    theirs = (
        sa.select(Participant.id)
        .join(Connection, Connection.id == Participant.connection_id)
        .where(Participant.user_id == member.user_id, Connection.partner_id != member.partner_id)
    )
    if _is_member_elsewhere(db, member) or db.scalar(theirs.limit(1)) is not None:
        raise Conflict("This person works for another company too. They ask for a new password on the log-in page.")


def _belongs_elsewhere(db: orm.Session, member: Member) -> bool:
    return _is_member_elsewhere(db, member) or has_joined(db, member.user_id)


def _is_member_elsewhere(db: orm.Session, member: Member) -> bool:
    others = sa.select(Member.id).where(Member.user_id == member.user_id, Member.id != member.id).limit(1)
    return db.scalar(others) is not None


def _view(row: Member) -> MemberView:
    user = row.user
    return MemberView(
        id=row.id,
        user_id=user.id,
        email=user.email,
        language=user.language,
        role=row.role,
        last_login_at=user.last_login_at,
        has_second_factor=user.second_factor is not None,
        has_password=is_chosen(user.password),
    )
