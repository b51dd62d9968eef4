"""Who is told of a connection's notices: what each person chose, and the webhooks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.channels import webhook as channel
from portal.errors import NotFound, Refused
from portal.models import Cadence, Connection, Member, NoticePreference, Role, User, Webhook
from portal.notices import Kind
from portal.notices.telling import MOST_PREVIEW_DAYS
from portal.services import Portal, audit
from portal.services.connections import HIGHEST_ID, hold
from portal.services.sealing import Purpose, seal, unseal

DIGEST_HOUR = 7
MOST_WEBHOOKS = 10
LONGEST_URL = 2000
_BY_ROLE = {Role.ADMINISTRATOR: Cadence.DAILY, Role.BILLING: Cadence.DAILY}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceView:
    """What a person is mailed about a connection. `preview_days`: before each invoice day; None for no preview."""

    cadence: Cadence
    digest_hour: int = DIGEST_HOUR
    preview_days: int | None = None
    is_chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView:
    """A webhook. `kinds` are what it is told of, all when empty; `secret` only when it was just made, this once."""

    id: int
    url: str
    kinds: tuple[Kind, ...]
    is_active: bool
    created_at: datetime
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A person who may be told of a connection, with what they chose or their role says."""

    connection_id: int
    user_id: int
    cadence: Cadence
    digest_hour: int
    preview_days: int | None


def default_cadence(role: Role) -> Cadence:
    """How often somebody is told who has not chosen: who bills, once a day; who looks on, never."""
    return _BY_ROLE.get(role, Cadence.NEVER)


def receivers(db: orm.Session, connection_ids: Collection[int]) -> list[Receiver]:
    """The people who may be told of these connections: who can log in, and is a member of their partner."""
    choice = NoticePreference
    is_own = sa.and_(choice.connection_id == Connection.id, choice.user_id == User.id)
    query = (
        sa.select(Connection.id, User.id, Member.role, choice.cadence, choice.digest_hour, choice.preview_days)
        .join(Member, Member.partner_id == Connection.partner_id)
        .join(User, User.id == Member.user_id)
        .outerjoin(choice, is_own)
        .where(Connection.id.in_(sorted(connection_ids)), User.is_active)
        .order_by(Connection.id, User.id)
    )
    return [
        Receiver(
            connection_id=connection_id,
            user_id=user_id,
            cadence=cadence or default_cadence(role),
            digest_hour=DIGEST_HOUR if hour is None else hour,
            preview_days=days,
        )
        for connection_id, user_id, role, cadence, hour, days in db.execute(query)
    ]


def get_preference(portal: Portal, connection_id: int, user_id: int) -> PreferenceView:
    """What a person is mailed about a connection. Raises NotFound for somebody who may not be told."""
    with portal.database.read() as db:
        one = _receiver(db, connection_id, user_id)
        chosen = db.scalar(sa.select(NoticePreference.id).filter_by(connection_id=connection_id, user_id=user_id))
        return PreferenceView(
            cadence=one.cadence,
            digest_hour=one.digest_hour,
            preview_days=one.preview_days,
            is_chosen=chosen is not None,
        )


def save_preference(
    portal: Portal,
    connection_id: int,
    user_id: int,
    *,
    cadence: Cadence,
    digest_hour: int = DIGEST_HOUR,
    preview_days: int | None = None,
) -> None:
    """Keep what a person wants to be mailed. Raises Refused for an hour or days that cannot be, NotFound."""
    if not 0 <= digest_hour <= 23:
        raise Refused("Choose an hour from 0 to 23 for the digest.")
    if preview_days is not None and not 1 <= preview_days <= MOST_PREVIEW_DAYS:
        raise Refused("The preview is mailed 1 to %(most)s days before the invoice day.", most=MOST_PREVIEW_DAYS)
    with portal.database.write() as db:
        hold(db, connection_id)
        was = _receiver(db, connection_id, user_id).cadence
        row = get_row(db, connection_id, user_id)
        if cadence is Cadence.DAILY and was is not Cadence.DAILY:
            row.digested_at = portal.now()  # what was told before is no news
        row.cadence, row.digest_hour, row.preview_days = cadence, digest_hour, preview_days


def get_row(db: orm.Session, connection_id: int, user_id: int) -> NoticePreference:
    """The row of a person's choice; one that follows their role when there is none yet. The connection is held."""
    row = db.scalar(sa.select(NoticePreference).filter_by(connection_id=connection_id, user_id=user_id))
    if row is None:
        one = _receiver(db, connection_id, user_id)
        row = NoticePreference(
            connection_id=connection_id, user_id=user_id, cadence=one.cadence, digest_hour=one.digest_hour
        )
        db.add(row)
    return row


def _receiver(db: orm.Session, connection_id: int, user_id: int) -> Receiver:
    found = next((one for one in receivers(db, [connection_id]) if one.user_id == user_id), None)
    if found is None:
        raise NotFound("This person has no access to this connection.")
    return found


def list_webhooks(portal: Portal, connection_id: int) -> tuple[WebhookView, ...]:
    """The webhooks of a connection, in the order in which they were made."""
    with portal.database.read() as db:
        rows = db.scalars(sa.select(Webhook).filter_by(connection_id=connection_id).order_by(Webhook.id))
        return tuple(_view(row) for row in rows)


def add_webhook(
    portal: Portal, connection_id: int, url: str, *, kinds: Collection[str] = (), who: str = ""
) -> WebhookView:
    """Make a webhook; its secret is returned this once. Raises Refused with what to correct."""
    secret = channel.new_secret()
    with portal.database.write() as db:
        hold(db, connection_id)
        mine = sa.select(sa.func.count()).select_from(Webhook).where(Webhook.connection_id == connection_id)
        if (db.scalar(mine) or 0) >= MOST_WEBHOOKS:
            raise Refused("A connection has at most %(most)s webhooks. Remove one first.", most=MOST_WEBHOOKS)
        row = Webhook(
            connection_id=connection_id,
            url=_checked(portal, url),
            secret=seal(portal.settings, Purpose.WEBHOOKS, secret),
            kinds=_known_kinds(kinds),
            is_active=True,
            created_at=portal.now(),
        )
        db.add(row)
        db.flush()
        _log(db, portal, row, who, "add-webhook")
        return _view(row, secret)


def change_webhook(
    portal: Portal,
    connection_id: int,
    webhook_id: int,
    *,
    url: str,
    kinds: Collection[str],
    is_active: bool,
    who: str = "",
) -> WebhookView:
    """Change where a webhook goes, and what it is told of. Raises NotFound, or Refused with what to correct."""
    with portal.database.write() as db:
        row = _held(db, connection_id, webhook_id)
        row.url, row.kinds, row.is_active = _checked(portal, url), _known_kinds(kinds), is_active
        _log(db, portal, row, who, "change-webhook")
        return _view(row)


def renew_webhook_secret(portal: Portal, connection_id: int, webhook_id: int, *, who: str = "") -> WebhookView:
    """Another secret, returned this once; what leaves from now on is signed with it. Raises NotFound."""
    secret = channel.new_secret()
    with portal.database.write() as db:
        row = _held(db, connection_id, webhook_id)
        row.secret = seal(portal.settings, Purpose.WEBHOOKS, secret)
        _log(db, portal, row, who, "renew-webhook-secret")
        return _view(row, secret)


def remove_webhook(portal: Portal, connection_id: int, webhook_id: int, *, who: str = "") -> None:
    """Remove a webhook, with the messages that were for it. Raises NotFound."""
    with portal.database.write() as db:
        row = _held(db, connection_id, webhook_id)
        _log(db, portal, row, who, "remove-webhook")
        db.delete(row)


def open_secret(portal: Portal, row: Webhook) -> str | None:
    """The secret of a webhook; None when it was sealed under another key of the portal."""
    return unseal(portal.settings, Purpose.WEBHOOKS, row.secret)


def _held(db: orm.Session, connection_id: int, webhook_id: int) -> Webhook:
    hold(db, connection_id)
    row = db.scalar(sa.select(Webhook).filter_by(connection_id=connection_id, id=min(webhook_id, HIGHEST_ID)))
    if row is None:
        raise NotFound("This webhook does not exist here.")
    return row


def _checked(portal: Portal, url: str) -> str:
    url = url.strip()
    if len(url) > LONGEST_URL or not channel.is_usable(url, allows_private=portal.settings.private_webhooks):
        raise Refused(
            "%(url)s cannot be a webhook. Give a public address that begins with https://, without user name and "
            "password. Whoever runs the portal can allow this machine and private networks: PORTAL_PRIVATE_WEBHOOKS.",
            url=url[:200] or "–",
        )
    return url


def _known_kinds(kinds: Collection[str]) -> list[str]:
    for kind in kinds:
        if kind not in set(Kind):
            raise Refused("There is no notice %(kind)s: give any of %(kinds)s.", kind=kind, kinds=", ".join(Kind))
    return [kind.value for kind in Kind if kind.value in kinds]


def _log(db: orm.Session, portal: Portal, row: Webhook, who: str, action: str) -> None:
    detail = {"url": row.url, "kinds": row.kinds, "is_active": row.is_active}
    subject = f"webhook:{row.id}"
    audit.note(db, row.connection_id, at=portal.now(), who=who, action=action, subject=subject, detail=detail)


def _view(row: Webhook, secret: str | None = None) -> WebhookView:
    return WebhookView(
        id=row.id,
        url=row.url,
        kinds=tuple(Kind(kind) for kind in row.kinds),
        is_active=row.is_active,
        created_at=row.created_at,
        secret=secret,
    )
