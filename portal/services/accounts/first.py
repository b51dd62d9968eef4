"""The first administrator: a link that the server prints while nobody can log in, good for one use.

The token is 256 random bits, kept as SHA-256. Each start of the server makes a new one, and the one before is void.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

import sqlalchemy as sa
import structlog
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError

from portal.errors import NotFound
from portal.models import Partner, Role, SetupLink, User
from portal.services import Portal
from portal.services.accounts.passwords import check_rules, hash_password
from portal.services.accounts.people import (
    UserView,
    check_email,
    check_language,
    check_partner_name,
    make_member,
    make_partner,
    view,
)

_PATH = "/setup/"
_ROW = 1

log = structlog.get_logger("portal")


def setup_link(portal: Portal) -> str | None:
    """A new link to make the first administrator; None when somebody can log in already."""
    token = secrets.token_urlsafe(32)
    try:
        with portal.database.write() as db:
            if _has_users(db):
                db.execute(sa.delete(SetupLink))
                return None
            db.merge(SetupLink(id=_ROW, token_hash=_hash(token), created_at=portal.now()))
    except IntegrityError:  # another server that starts at this moment was first: its link is replaced
        return setup_link(portal)
    return f"{portal.settings.url.rstrip('/')}{_PATH}{token}"


def check_setup(portal: Portal, token: str) -> str:
    """The name of the partner that is here already, or nothing. Raises NotFound for a link that is not good."""
    with portal.database.read() as db:
        _check(db, token)
        names = list(db.scalars(sa.select(Partner.name).limit(2)))
        return names[0] if len(names) == 1 else ""


def set_up(portal: Portal, token: str, *, partner: str, email: str, password: str, language: str) -> UserView:
    """Make the partner and its administrator. Raises NotFound for a link that is not good any more, and Refused."""
    check_setup(portal, token)
    name, address = check_partner_name(partner), check_email(email)
    check_language(language)
    check_rules(password, address)
    kept = hash_password(password)
    with portal.database.write() as db:
        _check(db, token, for_update=True)
        owner = db.scalar(sa.select(Partner).filter_by(name=name)) or make_partner(db, portal, name)
        member = make_member(db, portal, owner, address, Role.ADMINISTRATOR, language, kept)
        db.execute(sa.delete(SetupLink))
        made = view(member)
    log.info("first administrator made", user=made.id)
    return made


def _check(db: orm.Session, token: str, *, for_update: bool = False) -> None:
    found = sa.select(SetupLink.token_hash)
    kept = db.scalar(found.with_for_update() if for_update else found)
    if kept is None or not hmac.compare_digest(kept, _hash(token)) or _has_users(db):
        raise NotFound("This link was used already, or a newer one was printed. Look where the portal was started.")


def _has_users(db: orm.Session) -> bool:
    return db.scalar(sa.select(User.id).limit(1)) is not None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
