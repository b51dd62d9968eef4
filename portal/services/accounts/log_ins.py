"""Log-ins: begun with a password, known by a token that only the browser keeps, listed, and ended.

The token is 256 random bits and is kept as SHA-256: it cannot be guessed, so a slow hash would only slow every page.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy import orm
from sqlalchemy.exc import OperationalError

from portal.models import LONGEST_ADDRESS, LONGEST_USER_AGENT, LogIn, Member, Partner, User
from portal.services import Portal
from portal.services.accounts.passwords import check_rules, hash_password, is_right, stamp
from portal.services.accounts.people import UserView, find_user, first_membership, view

LOG_IN_LASTS = timedelta(hours=12)
_SEEN_EVERY = timedelta(minutes=1)

_PERSON = (
    sa.select(
        User.id,
        User.email,
        User.language,
        User.second_factor.is_not(None).label("has_second_factor"),
        Member.role,
        Partner.id.label("partner_id"),
        Partner.name.label("partner_name"),
        Partner.requires_second_factor,
        LogIn.id.label("log_in_id"),
        LogIn.last_seen_at,
    )
    .select_from(LogIn)
    .join(User, User.id == LogIn.user_id)
    .join(Member, Member.user_id == User.id)
    .join(Partner, Partner.id == Member.partner_id)
    .where(
        LogIn.token_hash == sa.bindparam("token_hash"),
        LogIn.last_seen_at > sa.bindparam("since", type_=LogIn.last_seen_at.type),
        User.is_active,
    )
    .order_by(Member.id)
    .limit(1)
)

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInView:
    """A browser in which a person is logged in."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    user_agent: str
    address: str


def check_password(portal: Portal, email: str, password: str) -> UserView | None:
    """The person, when address and password are right. An unknown address takes as long as a wrong password.

    With a second factor this is half of the way only: see `portal.services.accounts.second_factor.accept`.
    """
    with portal.database.read() as db:
        user = find_user(db, email)
    if not is_right(user.password if user else None, password) or user is None or not user.is_active:
        return None
    with portal.database.read() as db:
        member = first_membership(db, user.id)
        return view(member) if member else None


def is_own_password(portal: Portal, user_id: int, password: str) -> bool:
    """Whether this is the password of somebody who is logged in, asked again before what matters."""
    with portal.database.read() as db:
        kept = db.get_one(User, user_id).password
    return is_right(kept, password)


def begin_log_in(portal: Portal, user_id: int, given: str, *, user_agent: str, address: str) -> str | None:
    """Begin a log-in and return its token. None when the password was changed since its stamp `given` was taken."""
    token, now = secrets.token_hex(32), portal.now()
    with portal.database.write() as db:
        user = db.get(User, user_id, with_for_update=True)
        if user is None or not user.is_active or stamp(user.password) != given:
            return None
        user.last_login_at = now
        db.execute(sa.delete(LogIn).where(LogIn.last_seen_at <= now - LOG_IN_LASTS))
        db.add(
            LogIn(
                user_id=user_id,
                token_hash=_hash(token),
                created_at=now,
                last_seen_at=now,
                user_agent=user_agent.replace("\0", "")[:LONGEST_USER_AGENT],
                address=address[:LONGEST_ADDRESS],
            )
        )
    return token


def find_log_in(portal: Portal, token: str, *, is_use: bool = True) -> UserView | None:
    """The person of a log-in that is still good: one small question, and once a minute a note that it was used.

    Not `is_use`: a page asks by itself, and nobody may be in front of it.
    """
    now = portal.now()
    row = portal.database.look(_PERSON, {"token_hash": _hash(token), "since": now - LOG_IN_LASTS})
    if row is None:
        return None
    if is_use and now - row.last_seen_at >= _SEEN_EVERY:
        _note_use(portal, row.log_in_id, now)
    return UserView(
        id=row.id,
        email=row.email,
        language=row.language,
        partner_id=row.partner_id,
        partner_name=row.partner_name,
        role=row.role,
        has_second_factor=bool(row.has_second_factor),
        lacks_second_factor=row.requires_second_factor and not row.has_second_factor,
        log_in_id=row.log_in_id,
    )


def list_log_ins(portal: Portal, user_id: int) -> list[LogInView]:
    """Where a person is logged in, the latest used first."""
    with portal.database.read() as db:
        rows = db.scalars(
            sa.select(LogIn)
            .where(LogIn.user_id == user_id, LogIn.last_seen_at > portal.now() - LOG_IN_LASTS)
            .order_by(LogIn.last_seen_at.desc(), LogIn.id.desc())
        )
        return [
            LogInView(
                id=row.id,
                created_at=row.created_at,
                last_seen_at=row.last_seen_at,
                user_agent=row.user_agent,
                address=row.address,
            )
            for row in rows
        ]


def end_log_in(portal: Portal, user_id: int, log_in_id: int) -> None:
    """End one log-in of a person; one that is gone already, or is another's, is left as it is."""
    with portal.database.write() as db:
        db.execute(sa.delete(LogIn).filter_by(id=log_in_id, user_id=user_id))


def end_log_ins(portal: Portal, user_id: int) -> None:
    """End every log-in of a person: a cookie that was kept somewhere is worth nothing any more."""
    with portal.database.write() as db:
        end_others(db, user_id)


def end_others(db: orm.Session, user_id: int, but: int | None = None) -> None:
    """End the log-ins of a person, all but one of them."""
    ended = sa.delete(LogIn).where(LogIn.user_id == user_id)
    db.execute(ended if but is None else ended.where(LogIn.id != but))


def change_password(portal: Portal, user: UserView, current: str, new: str) -> bool:
    """Replace a person's password, and end their other log-ins. False when the current one is wrong.

    Raises Refused for a new one that is none, whatever the current one is.
    """
    check_rules(new, user.email)
    with portal.database.read() as db:
        kept = db.get_one(User, user.id).password
    if not is_right(kept, current):
        return False
    made = hash_password(new)
    with portal.database.write() as db:
        row = db.get_one(User, user.id, with_for_update=True)
        if row.password != kept:  # changed elsewhere at this moment
            return False
        row.password = made
        end_others(db, user.id, but=user.log_in_id)
    log.info("password changed", user=user.id)
    return True


def _note_use(portal: Portal, log_in_id: int, now: datetime) -> None:
    used = sa.update(LogIn).where(LogIn.id == log_in_id, LogIn.last_seen_at < now).values(last_seen_at=now)
    try:
        with portal.database.note() as db:
            db.execute(used)
    except OperationalError:  # the database is busy or full: the page is shown all the same
        log.warning("the use of a log-in could not be noted")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
