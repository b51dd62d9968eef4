"""Partners and people: made, found, and the language of a person."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError

from portal.errors import Conflict, NotFound, Refused
from portal.models import LONGEST_NAME, Member, Partner, Role, User
from portal.services import Portal
from portal.services.accounts.passwords import check_rules, hash_password, stamp

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """A partner."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A person and their role at a partner; `password` only when it was just made.

    `stamp` changes with the password. `log_in_id` is the log-in by which the person is here, if by one.
    `lacks_second_factor`: the partner requires one, and the person has none yet.
    """

    id: int
    email: str
    language: str
    partner_id: int
    partner_name: str
    role: Role
    password: str | None = field(default=None, repr=False)
    stamp: str = field(default="", repr=False)
    has_second_factor: bool = False
    lacks_second_factor: bool = False
    log_in_id: int | None = None


def add_partner(portal: Portal, name: str) -> PartnerView:
    """Make a partner. Raises Refused for a blank name, Conflict when it exists."""
    name = check_partner_name(name)
    with portal.database.write() as db:
        partner = make_partner(db, portal, name)
        return PartnerView(id=partner.id, name=partner.name)


def make_partner(db: orm.Session, portal: Portal, name: str) -> Partner:
    """Make a partner of a name that was checked. Raises Conflict when it exists."""
    taken = Conflict("There is already a partner %(name)s.", name=name)
    if db.scalar(sa.select(Partner.id).filter_by(name=name)) is not None:
        raise taken
    partner = Partner(name=name, created_at=portal.now())
    db.add(partner)
    try:
        db.flush()
    except IntegrityError:  # somebody else made it at this moment
        raise taken from None
    return partner


def check_partner_name(name: str) -> str:
    """The name without blanks around it. Raises Refused for none, and for one that is too long or has many lines."""
    name = name.replace("\0", "").strip()
    if not name:
        raise Refused("A partner needs a name.")
    check_length(name)
    if not name.isprintable():
        raise Refused("A partner's name is one line of text.")
    return name


def check_length(name: str) -> None:
    """Raises Refused for a name that is too long to keep."""
    if len(name) > LONGEST_NAME:
        raise Refused(
            "A name has at most %(most)s characters; this one has %(count)s.", most=LONGEST_NAME, count=len(name)
        )


def plain_email(text: str) -> str:
    """How an address is looked for and counted, which may be any text: one person's spellings are one address."""
    return text.replace("\0", "").strip().lower()  # PostgreSQL takes no NUL in text


def check_email(email: str) -> str:
    """An e-mail address as it is kept. Raises Refused for a text that is none."""
    try:
        return validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise Refused("%(email)s is not an e-mail address: %(reason)s", email=email, reason=error) from None


def check_language(language: str) -> str:
    """Raises Refused for a language that is not spoken here."""
    if language not in LANGUAGES:
        raise Refused("The language %(language)s is not available.", language=language)
    return language


def find_partner(db: orm.Session, name: str) -> Partner:
    """A partner by name. Raises NotFound."""
    found = db.scalar(sa.select(Partner).filter_by(name=name.strip()))
    if found is None:
        raise NotFound("There is no partner %(name)s. Make it with: portal partner add", name=name)
    return found


def add_user(
    portal: Portal, email: str, *, partner: str, role: Role, password: str | None, language: str = "en"
) -> UserView:
    """Make a person who can log in. Without `password` one is made and returned, this once."""
    address = check_email(email)
    made = None
    if password is None:
        password = made = secrets.token_urlsafe(12)
    check_rules(password, address)
    kept = hash_password(password)
    with portal.database.write() as db:
        owner = find_partner(db, partner)
        member = make_member(db, portal, owner, address, role, language, kept)
        return view(member, password=made)


def make_member(
    db: orm.Session, portal: Portal, partner: Partner, email: str, role: Role, language: str, kept: str
) -> Member:
    """Make a person of a partner, whose password is kept as `kept`. Raises Conflict when the address is taken."""
    taken = Conflict("There is already a user %(email)s.", email=email)
    if db.scalar(sa.select(User.id).filter_by(email=email)) is not None:
        raise taken
    user = User(email=email, password=kept, language=language, created_at=portal.now())
    member = Member(user=user, partner=partner, role=role)
    db.add_all((user, member))
    try:
        db.flush()
    except IntegrityError:  # somebody else took the address at this moment
        raise taken from None
    return member


def find_user(db: orm.Session, email: str, *, for_update: bool = False) -> User | None:
    """A person by e-mail address, which may be any text."""
    found = sa.select(User).filter_by(email=plain_email(email))
    return db.scalar(found.with_for_update() if for_update else found)


def set_language(portal: Portal, user_id: int, language: str) -> None:
    """Keep a person's language. Raises Refused for one that is not spoken here."""
    check_language(language)
    with portal.database.write() as db:
        db.get_one(User, user_id).language = language


def first_membership(db: orm.Session, user_id: int) -> Member | None:
    """Where a person works: the partner that they joined first."""
    found = sa.select(Member).filter_by(user_id=user_id).order_by(Member.id).limit(1)
    return db.scalar(found.options(orm.joinedload(Member.user), orm.joinedload(Member.partner)))


def view(member: Member, password: str | None = None) -> UserView:
    """A member as the outside sees them."""
    user, partner = member.user, member.partner
    return UserView(
        id=user.id,
        email=user.email,
        language=user.language,
        partner_id=partner.id,
        partner_name=partner.name,
        role=member.role,
        password=password,
        stamp=stamp(user.password),
        has_second_factor=user.second_factor is not None,
        lacks_second_factor=partner.requires_second_factor and user.second_factor is None,
    )
