"""The log of what people decided: written with the decision, in its transaction, and read beside what it was about.

Who acts, and from which address, is told once, where a request or a command begins, and stands beside every entry: a
use case that is not told `who` takes the one who acts. What follows by itself has nobody and no address.
"""

from __future__ import annotations

from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import LONGEST_ADDRESS, AuditEntry, Connection, Member, Participant
from portal.services.chunks import chunks

_LONGEST_WORDS = 2000
COMMAND_LINE = "command line"
"""In place of an address."""


class Kind(StrEnum):
    """What a decision was about."""

    MAPPING = "mapping"
    RULE = "rule"
    RUN = "run"
    LINK = "link"
    MEMBER = "member"
    PASSWORD = "password"  # noqa: S105 -- the name of a kind
    SOURCE = "source"
    TELLING = "telling"


KINDS: dict[str, Kind] = {
    "map": Kind.MAPPING,
    "change-settings": Kind.RULE,
    "rename": Kind.RULE,
    "change-window": Kind.RULE,
    "save-export-rule": Kind.RULE,
    "bill": Kind.RUN,
    "share-run": Kind.RUN,
    "mark-done": Kind.RUN,
    "ignore": Kind.RUN,
    "release": Kind.RUN,
    "reopen": Kind.RUN,
    "retry": Kind.RUN,
    "found": Kind.RUN,
    "released": Kind.RUN,
    "not-searched": Kind.RUN,
    "make-connection": Kind.LINK,
    "start": Kind.LINK,
    "confirm-company": Kind.LINK,
    "keep-refusing": Kind.LINK,
    "seek-company": Kind.LINK,
    "try-visit-again": Kind.LINK,
    "invite": Kind.MEMBER,
    "revoke-invitation": Kind.MEMBER,
    "join": Kind.MEMBER,
    "leave": Kind.MEMBER,
    "change-joined-role": Kind.MEMBER,
    "remove-joined": Kind.MEMBER,
    "add-person": Kind.MEMBER,
    "change-role": Kind.MEMBER,
    "remove-person": Kind.MEMBER,
    "show-password": Kind.PASSWORD,
    "new-password": Kind.PASSWORD,
    "make-password-link": Kind.PASSWORD,
    "choose-password": Kind.PASSWORD,
    "change-password": Kind.PASSWORD,
    "second-factor-on": Kind.PASSWORD,
    "second-factor-off": Kind.PASSWORD,
    "recovery-codes": Kind.PASSWORD,
    "require-second-factor": Kind.PASSWORD,
    "make-token": Kind.PASSWORD,
    "revoke-token": Kind.PASSWORD,
    "charge-file": Kind.SOURCE,
    "save-credentials": Kind.SOURCE,
    "forget-credentials": Kind.SOURCE,
    "change-nightly": Kind.SOURCE,
    "save-columns": Kind.SOURCE,
    "delete-columns": Kind.SOURCE,
    "choose-letters": Kind.TELLING,
    "add-webhook": Kind.TELLING,
    "change-webhook": Kind.TELLING,
    "renew-webhook-secret": Kind.TELLING,
    "remove-webhook": Kind.TELLING,
    "send-message-again": Kind.TELLING,
}
"""Every action that is noted, and its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: an e-mail address, empty for nobody who is known; and from where."""

    who: str = ""
    address: str = ""


_NOBODY = Actor()
_actor: ContextVar[Actor] = ContextVar("actor", default=_NOBODY)


def act_as(who: str, address: str) -> None:
    """From here on this person acts, in this request or command."""
    _actor.set(Actor(who=who, address=address[:LONGEST_ADDRESS]))


def act_by_itself() -> None:
    """From here on nobody acts: the request has ended."""
    _actor.set(_NOBODY)


def who_acts() -> str:
    """Who acts now, by the name that the log keeps; empty for nobody who is known."""
    return _actor.get().who


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """An entry. `who` is an e-mail address, and empty for what followed by itself."""

    at: datetime
    who: str
    action: str
    subject: str
    detail: dict[str, Any]


def note(
    db: orm.Session,
    connection_id: int,
    *,
    at: datetime,
    action: str,
    subject: str,
    detail: dict[str, Any],
    who: str | None = None,
) -> None:
    """Add an entry about a connection. `who` is who acts, unless it is said."""
    owners = db.info.setdefault("owner_of_connection", {})
    if connection_id not in owners:
        owners[connection_id] = db.scalars(sa.select(Connection.partner_id).filter_by(id=connection_id)).one()
    _add(db, owners[connection_id], connection_id, at, action, subject, detail, who)


def note_of_partner(
    db: orm.Session,
    partner_id: int,
    *,
    at: datetime,
    action: str,
    subject: str,
    detail: dict[str, Any],
    who: str | None = None,
) -> None:
    """Add an entry about a partner's people."""
    _add(db, partner_id, None, at, action, subject, detail, who)


def note_of_person(
    db: orm.Session, user_id: int, email: str, *, at: datetime, action: str, who: str | None = None
) -> None:
    """Add an entry about a person's own log-in where it matters; they decided it themselves, unless `who` is said.

    It is told to the partners of whom they are; who is of none, to the partners whose connections they joined.
    """
    partners = db.scalars(sa.select(Member.partner_id).filter_by(user_id=user_id)).all()
    if not partners:
        joined = sa.select(Connection.partner_id).join(Participant, Participant.connection_id == Connection.id)
        partners = db.scalars(joined.where(Participant.user_id == user_id).distinct()).all()
    for partner_id in partners:
        decided = (_actor.get().who or email) if who is None else who
        _add(db, partner_id, None, at, action, f"person:{user_id}", {"name": email}, decided)


def _add(
    db: orm.Session,
    partner_id: int,
    connection_id: int | None,
    at: datetime,
    action: str,
    subject: str,
    detail: dict[str, Any],
    who: str | None,
) -> None:
    actor = _actor.get()
    db.add(
        AuditEntry(
            partner_id=partner_id,
            connection_id=connection_id,
            at=at,
            who=actor.who if who is None else who,
            address=actor.address,
            action=action,
            subject=subject,
            detail=detail,
            words="\n".join(_texts(detail))[:_LONGEST_WORDS],
        )
    )


def _texts(value: Any) -> list[str]:
    """Every text in a detail."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [text for one in inner for text in _texts(one)]


def entries(db: orm.Session, connection_id: int, subjects: Collection[str]) -> dict[str, list[AuditView]]:
    """The entries about each of these subjects, newest first; subjects without any are left out."""
    found: dict[str, list[AuditView]] = {}
    for some in chunks(sorted(subjects)):
        same = sa.select(AuditEntry).where(AuditEntry.connection_id == connection_id, AuditEntry.subject.in_(some))
        for row in db.scalars(same.order_by(AuditEntry.id.desc())):
            found.setdefault(row.subject, []).append(
                AuditView(at=row.at, who=row.who, action=row.action, subject=row.subject, detail=row.detail)
            )
    return found
