"""Tokens of the API: made and revoked by administrators, shown once, known by their hash, and when they were used last.

A token is 256 random bits and is kept as SHA-256: it cannot be guessed, so a slow hash would only slow every call.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy import orm
from sqlalchemy.exc import OperationalError

from portal.errors import NotFound, Refused
from portal.models import LONGEST_ADDRESS, ApiToken, Partner, Scope
from portal.services import Portal, audit
from portal.services.accounts import UserView, check_length
from portal.services.connections import HIGHEST_ID

PREFIX = "portal_"
"""Begins every token, so that programs which look for secrets where none should be find it."""
LONGEST_LIFE = timedelta(days=366)
_USED_EVERY = timedelta(minutes=1)
_LONGEST = 200

log = structlog.get_logger("portal")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A token as its partner's administrators see it."""

    id: int
    partner_id: int
    partner_name: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime
    last_used_at: datetime | None
    last_used_from: str | None
    revoked_at: datetime | None
    revoked_by: str | None

    @property
    def who(self) -> str:
        """Under what name the log keeps what was done with it."""
        return f"API: {self.name}"

    def is_usable(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was just made, with its text, this once."""

    view: TokenView
    text: str


def make_token(portal: Portal, by: UserView, name: str, scopes: Collection[str], lasts: timedelta) -> NewToken:
    """Make a token for the partner of an administrator. Raises Refused."""
    name = name.replace("\0", "").strip()
    if not name:
        raise Refused("A token needs a name: say which program uses it.")
    check_length(name)
    if not name.isprintable():
        raise Refused("A token's name is one line of text.")
    if not scopes:
        raise Refused("Tick at least one thing that the token may do.")
    if not set(scopes) <= set(Scope):
        raise Refused("There is no such permission. Choose from the list.")
    if not timedelta() < lasts <= LONGEST_LIFE:
        raise Refused("Choose how long the token works: a year at most.")
    text = PREFIX + secrets.token_urlsafe(32)
    now = portal.now()
    with portal.database.write() as db:
        row = ApiToken(
            partner_id=by.own_partner,
            name=name,
            token_hash=_hash(text),
            scopes=sorted(Scope(one).value for one in set(scopes)),
            created_at=now,
            created_by=by.email,
            expires_at=now + lasts,
        )
        db.add(row)
        db.flush()
        _note(db, row, now, "make-token", {"scopes": row.scopes, "until": row.expires_at.isoformat()})
        made = _view(row, by.partner_name)
    log.info(
        "API token made",
        token=made.id,
        partner=by.own_partner,
        by=by.id,
        scopes=[one.value for one in sorted(made.scopes)],
    )
    return NewToken(view=made, text=text)


def list_tokens(portal: Portal, partner_id: int) -> tuple[TokenView, ...]:
    """The tokens of a partner, newest first."""
    query = sa.select(ApiToken, Partner.name).join(Partner, Partner.id == ApiToken.partner_id)
    with portal.database.read() as db:
        rows = db.execute(query.where(ApiToken.partner_id == partner_id).order_by(ApiToken.id.desc()))
        return tuple(_view(row, name) for row, name in rows)


def revoke_token(portal: Portal, by: UserView, token_id: int) -> TokenView:
    """End a token now. Ending it again changes nothing. Raises NotFound, also for another partner's."""
    with portal.database.write() as db:
        found = sa.select(ApiToken).filter_by(id=min(token_id, HIGHEST_ID), partner_id=by.own_partner)
        row = db.scalar(found.with_for_update())
        if row is None:
            raise NotFound("This token does not exist, or belongs to another partner.")
        if row.revoked_at is None:
            row.revoked_at, row.revoked_by = portal.now(), by.email
            _note(db, row, portal.now(), "revoke-token", {})
        ended = _view(row, by.partner_name)
    log.info("API token revoked", token=token_id, partner=by.own_partner, by=by.id)
    return ended


def _note(db: orm.Session, row: ApiToken, now: datetime, action: str, after: dict[str, Any]) -> None:
    detail = {"name": row.name, "before": {}, "after": after}
    subject = f"token:{row.id}"
    audit.note_of_partner(db, row.partner_id, at=now, action=action, subject=subject, detail=detail)


def find_token(portal: Portal, text: str, address: str) -> TokenView | None:
    """The token of this text, when it may be used now; that it was used is noted once a minute."""
    if not text.startswith(PREFIX) or len(text) > _LONGEST:
        return None
    now = portal.now()
    query = sa.select(ApiToken, Partner.name).join(Partner, Partner.id == ApiToken.partner_id)
    with portal.database.read() as db:
        found = db.execute(query.where(ApiToken.token_hash == _hash(text))).one_or_none()
        seen = None if found is None else _view(*found)
    if seen is None or not seen.is_usable(now):
        return None
    if seen.last_used_at is None or seen.last_used_at <= now - _USED_EVERY:
        _note_use(portal, seen.id, now, address)
    return seen


def _note_use(portal: Portal, token_id: int, now: datetime, address: str) -> None:
    used = {"last_used_at": now, "last_used_from": address[:LONGEST_ADDRESS]}
    try:
        with portal.database.write() as db:
            db.execute(sa.update(ApiToken).where(ApiToken.id == token_id).values(**used))
    except OperationalError:  # the database is busy: the next call notes it
        log.info("the use of an API token was not noted", token=token_id)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _view(row: ApiToken, partner_name: str) -> TokenView:
    return TokenView(
        id=row.id,
        partner_id=row.partner_id,
        partner_name=partner_name,
        name=row.name,
        scopes=frozenset(Scope(one) for one in row.scopes if one in set(Scope)),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_used_from=row.last_used_from,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
    )
