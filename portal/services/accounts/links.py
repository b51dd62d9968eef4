"""Links to choose a password: signed, and good until the password is chosen or their time has passed.

A link is kept nowhere. It names the person and the stamp of what is kept as their password, so that a change of the
password, by this link or in any other way, ends every link from before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from itsdangerous import BadData, URLSafeSerializer

from portal.errors import Conflict, NotFound
from portal.models import User
from portal.services import Portal, audit
from portal.services.accounts.log_ins import end_others
from portal.services.accounts.passwords import check_rules, hash_password, is_chosen, stamp
from portal.services.accounts.people import find_user, first_membership, has_joined
from portal.settings import Settings

RESET_LASTS = timedelta(hours=1)
WELCOME_LASTS = timedelta(days=7)
_PATH = "/password/"

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordLink:
    """A link for a person to choose a password. `is_first`: they never had one."""

    email: str
    language: str
    partner_name: str
    is_first: bool
    until: datetime
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who came with a link, and what it opens."""

    user_id: int
    email: str
    language: str
    is_first: bool
    kept: str = field(repr=False)


def reset_link(portal: Portal, email: str) -> PasswordLink:
    """A link for the person of this address. Raises NotFound."""
    with portal.database.read() as db:
        user = find_user(db, email)
        member = first_membership(db, user.id) if user else None
        if user is None or not user.is_active or (member is None and not has_joined(db, user.id)):
            raise NotFound("There is no user %(email)s.", email=email)
        return make_link(portal, user, member.partner.name if member else "")


def make_link(portal: Portal, user: User, partner_name: str) -> PasswordLink:
    """A link for a person: an hour for who has a password, a week for who has none yet."""
    is_first = not is_chosen(user.password)
    until = portal.now() + (WELCOME_LASTS if is_first else RESET_LASTS)
    token = _signer(portal.settings).dumps([user.id, int(until.timestamp()), stamp(user.password)])
    return PasswordLink(
        email=user.email,
        language=user.language,
        partner_name=partner_name,
        is_first=is_first,
        until=until,
        url=f"{portal.settings.url.rstrip('/')}{_PATH}{token}",
    )


def read_link(portal: Portal, token: str) -> Bearer:
    """Who may choose a password with this link. Raises NotFound when it is not good, or not any more."""
    try:
        user_id, until, given = _signer(portal.settings).loads(token)
    except (BadData, TypeError, ValueError):
        raise _useless() from None
    with portal.database.read() as db:
        user = db.get(User, user_id)
        if (
            user is None
            or not user.is_active
            or stamp(user.password) != given
            or portal.now().timestamp() >= until
            or (first_membership(db, user.id) is None and not has_joined(db, user.id))
        ):
            raise _useless()
        return Bearer(
            user_id=user.id,
            email=user.email,
            language=user.language,
            is_first=not is_chosen(user.password),
            kept=user.password,
        )


def choose_password(portal: Portal, token: str, password: str) -> Bearer:
    """Choose a password by a link, which is used up, and end all log-ins. Raises NotFound, Refused, Conflict."""
    bearer = read_link(portal, token)
    check_rules(password, bearer.email)
    kept = hash_password(password)
    with portal.database.write() as db:
        user = db.get(User, bearer.user_id, with_for_update=True)
        if user is None or user.password != bearer.kept:
            raise Conflict("This link was used a moment ago. Log in with the password that was chosen.")
        user.password = kept
        end_others(db, user.id)
        audit.note_of_person(db, user.id, user.email, at=portal.now(), action="choose-password")
    log.info("password chosen by a link", user=bearer.user_id)
    return bearer


def _useless() -> NotFound:
    return NotFound("This link was used already, or its time has passed. Ask for a new one on the log-in page.")


def _signer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.key, salt="choose a password")
