"""Partners, people, their roles and passwords."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import argon2
import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email

from portal.errors import Conflict, NotFound, Refused
from portal.models import LONGEST_NAME, Member, Partner, Role, User
from portal.services import Portal

SHORTEST_PASSWORD = 10
LANGUAGES = ("en", "fr")

_hasher = argon2.PasswordHasher()
_nobody = _hasher.hash(secrets.token_hex(8))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """A partner."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A person; `password` only when it was just made."""

    id: int
    email: str
    language: str
    session_key: str
    partner_id: int
    partner_name: str
    role: Role
    password: str | None = None


def add_partner(portal: Portal, name: str) -> PartnerView:
    """Make a partner. Raises Refused for a blank name, Conflict when it exists."""
    name = name.strip()
    if not name:
        raise Refused("A partner needs a name.")
    check_length(name)
    with portal.database.write() as db:
        if db.scalar(sa.select(Partner.id).filter_by(name=name)) is not None:
            raise Conflict("There is already a partner %(name)s.", name=name)
        partner = Partner(name=name, created_at=portal.now())
        db.add(partner)
        db.flush()
        return PartnerView(id=partner.id, name=partner.name)


def check_length(name: str) -> None:
    """Raises Refused for a name that is too long to keep."""
    if len(name) > LONGEST_NAME:
        raise Refused(
            "A name has at most %(most)s characters; this one has %(count)s.", most=LONGEST_NAME, count=len(name)
        )


def find_partner(db: sa.orm.Session, name: str) -> Partner:
    """A partner by name. Raises NotFound."""
    found = db.scalar(sa.select(Partner).filter_by(name=name.strip()))
    if found is None:
        raise NotFound("There is no partner %(name)s. Make it with: portal partner add", name=name)
    return found


def add_user(
    portal: Portal, email: str, *, partner: str, role: Role, password: str | None, language: str = "en"
) -> UserView:
    """Make a person who can log in. Without `password` one is made and returned, this once."""
    try:
        address = validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise Refused("%(email)s is not an e-mail address: %(reason)s", email=email, reason=error) from None
    made = None
    if password is None:
        password = made = secrets.token_urlsafe(12)
    if len(password) < SHORTEST_PASSWORD:
        raise Refused("The password is too short: use at least %(count)s characters.", count=SHORTEST_PASSWORD)
    with portal.database.write() as db:
        owner = find_partner(db, partner)
        if db.scalar(sa.select(User.id).filter_by(email=address)) is not None:
            raise Conflict("There is already a user %(email)s.", email=address)
        user = User(
            email=address,
            password=_hasher.hash(password),
            language=language,
            session_key=secrets.token_hex(16),
            created_at=portal.now(),
        )
        db.add(user)
        db.flush()
        db.add(Member(user_id=user.id, partner_id=owner.id, role=role))
        return _view(user, owner, role, made)


def check_password(portal: Portal, email: str, password: str) -> UserView | None:
    """The person, when address and password are right. An unknown address takes as long as a wrong password."""
    email = email.replace("\0", "")  # PostgreSQL takes no NUL in text
    with portal.database.read() as db:
        user = db.scalar(sa.select(User).filter_by(email=email.strip().lower()))
        try:
            _hasher.verify(user.password if user else _nobody, password)
        except argon2.exceptions.VerificationError:
            return None
        if user is None or not user.is_active:
            return None
        user_id = user.id
    with portal.database.write() as db:
        user = db.get_one(User, user_id)
        user.last_login_at = portal.now()
        return _first_membership(db, user)


def user_by_session_key(portal: Portal, key: str) -> UserView | None:
    """The person of a log-in that is still good."""
    with portal.database.read() as db:
        user = db.scalar(sa.select(User).filter_by(session_key=key, is_active=True))
        return _first_membership(db, user) if user else None


def end_log_ins(portal: Portal, user_id: int) -> None:
    """End every log-in of a person: a cookie that was kept somewhere is worth nothing any more."""
    with portal.database.write() as db:
        db.get_one(User, user_id).session_key = secrets.token_hex(16)


def set_language(portal: Portal, user_id: int, language: str) -> None:
    """Keep a person's language. Raises Refused for one that is not spoken here."""
    if language not in LANGUAGES:
        raise Refused("The language %(language)s is not available.", language=language)
    with portal.database.write() as db:
        db.get_one(User, user_id).language = language


def _first_membership(db: sa.orm.Session, user: User) -> UserView | None:
    row = db.execute(
        sa.select(Member, Partner).join(Partner).where(Member.user_id == user.id).order_by(Member.id).limit(1)
    ).first()
    return _view(user, row[1], row[0].role) if row else None


def _view(user: User, partner: Partner, role: Role, password: str | None = None) -> UserView:
    return UserView(
        id=user.id,
        email=user.email,
        language=user.language,
        session_key=user.session_key,
        partner_id=partner.id,
        partner_name=partner.name,
        role=role,
        password=password,
    )
