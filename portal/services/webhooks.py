"""Webhooks: the addresses that are told of a connection's notices, and the secrets that sign what they get."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import orm

from portal.channels import webhook as channel
from portal.errors import NotFound, Refused
from portal.models import Webhook
from portal.notices import Kind
from portal.services import Portal, audit
from portal.services.connections import HIGHEST_ID, hold
from portal.services.sealing import Purpose, seal, unseal

MOST_WEBHOOKS = 10
LONGEST_URL = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView:
    """A webhook. `kinds` are what it is told of, all when empty; `secret` only when it was just made, this once."""

    id: int
    url: str
    kinds: tuple[Kind, ...]
    is_active: bool
    created_at: datetime
    secret: str | None = field(default=None, repr=False)


def list_webhooks(portal: Portal, connection_id: int) -> tuple[WebhookView, ...]:
    """The webhooks of a connection, in the order in which they were made."""
    with portal.database.read() as db:
        rows = db.scalars(sa.select(Webhook).filter_by(connection_id=connection_id).order_by(Webhook.id))
        return tuple(_view(row) for row in rows)


def get_webhook(portal: Portal, connection_id: int, webhook_id: int) -> WebhookView:
    """One webhook. Raises NotFound."""
    with portal.database.read() as db:
        return _view(_find(db, connection_id, webhook_id))


def add_webhook(
    portal: Portal, connection_id: int, url: str, *, kinds: Collection[str] = (), who: str | None = None
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
        _log(db, portal, row, who, "add-webhook", after=_facts(row))
        return _view(row, secret)


def change_webhook(
    portal: Portal,
    connection_id: int,
    webhook_id: int,
    *,
    url: str,
    kinds: Collection[str],
    is_active: bool,
    who: str | None = None,
) -> WebhookView:
    """Change where a webhook goes, and what it is told of. Raises NotFound, or Refused with what to correct."""
    with portal.database.write() as db:
        row = _held(db, connection_id, webhook_id)
        before, former = _facts(row), row.url
        row.url, row.kinds, row.is_active = _checked(portal, url), _known_kinds(kinds), is_active
        if _facts(row) != before or row.url != former:
            _log(db, portal, row, who, "change-webhook", before=before, after=_facts(row))
        return _view(row)


def switch_webhook(
    portal: Portal, connection_id: int, webhook_id: int, *, is_active: bool, who: str | None = None
) -> WebhookView:
    """Switch a webhook off or on. What waits for one that is off is dropped. Raises NotFound."""
    with portal.database.write() as db:
        row = _held(db, connection_id, webhook_id)
        before = _facts(row)
        if row.is_active is not is_active:
            row.is_active = is_active
            _log(db, portal, row, who, "change-webhook", before=before, after=_facts(row))
        return _view(row)


def renew_webhook_secret(portal: Portal, connection_id: int, webhook_id: int, *, who: str | None = None) -> WebhookView:
    """Another secret, returned this once; what leaves from now on is signed with it. Raises NotFound."""
    secret = channel.new_secret()
    with portal.database.write() as db:
        row = _held(db, connection_id, webhook_id)
        row.secret = seal(portal.settings, Purpose.WEBHOOKS, secret)
        _log(db, portal, row, who, "renew-webhook-secret")
        return _view(row, secret)


def remove_webhook(portal: Portal, connection_id: int, webhook_id: int, *, who: str | None = None) -> None:
    """Remove a webhook, with the messages that were for it. Raises NotFound."""
    with portal.database.write() as db:
        row = _held(db, connection_id, webhook_id)
        _log(db, portal, row, who, "remove-webhook", before=_facts(row))
        db.delete(row)


def open_secret(portal: Portal, row: Webhook) -> str | None:
    """The secret of a webhook; None when it was sealed under another key of the portal."""
    return unseal(portal.settings, Purpose.WEBHOOKS, row.secret)


def plain_url(url: str) -> str:
    """An address without what may be a secret of its receiver's: path and query are left out."""
    parts = urlsplit(url)
    has_more = parts.path not in ("", "/") or parts.query
    return f"{parts.scheme}://{parts.netloc}/{'…' if has_more else ''}"


def _held(db: orm.Session, connection_id: int, webhook_id: int) -> Webhook:
    hold(db, connection_id)
    return _find(db, connection_id, webhook_id)


def _find(db: orm.Session, connection_id: int, webhook_id: int) -> Webhook:
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


def _facts(row: Webhook) -> dict[str, Any]:
    return {"url": plain_url(row.url), "kinds": list(row.kinds), "is_active": row.is_active}


def _log(
    db: orm.Session,
    portal: Portal,
    row: Webhook,
    who: str | None,
    action: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    detail = {"name": plain_url(row.url), "before": before or {}, "after": after or {}}
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
