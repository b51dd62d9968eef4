"""Sherweb's API: a partner's credentials, kept sealed; the log-in tried; the charges of a period fetched and posted.

The network is used outside of any transaction. Secrets come in and never go out again: not in a view, not in an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound, Refused
from portal.models import SherwebAccess
from portal.providers import ProviderError, sherweb_api
from portal.providers.sherweb_api import PATIENT, Credentials, Patience, TokenCache
from portal.services import Portal, audit, catalog
from portal.services.catalog import ImportResult
from portal.services.connections import find, hold
from portal.services.failed_imports import noting_failure
from portal.services.posting import Progress
from portal.services.sealing import Purpose, seal, unseal

TOKENS = TokenCache()
"""The tokens of this process."""
_SECRETS = ("client_secret", "subscription_key")
_NOT_OPEN_YET = ("sherweb_api.other_period", "sherweb_api.empty")
"""How Sherweb answers for a period that has nothing to charge yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SherwebView:
    """The credentials as people may see them: no secret. `last_error`: why the last log-in or fetch failed."""

    client_id: str
    authorization_url: str
    distributor_url: str
    is_readable: bool
    """Whether the secrets can still be read: not after the portal's secret key was changed."""
    changed_at: datetime
    last_checked_at: datetime | None
    last_error: ProviderError | None


def no_access() -> NotFound:
    """What is said where credentials are needed and there are none."""
    return NotFound("This connection has no credentials of Sherweb yet. Enter them first.")


def sherweb_access(portal: Portal, connection_id: int) -> SherwebView | None:
    """The credentials of a connection, if there are any."""
    with portal.database.read() as db:
        row = _row(db, connection_id)
        return None if row is None else _view(portal, row)


def save_sherweb(
    portal: Portal,
    connection_id: int,
    *,
    client_id: str,
    client_secret: str = "",
    subscription_key: str = "",
    authorization_url: str = "",
    distributor_url: str = "",
    who: str = "",
) -> SherwebView:
    """Keep credentials. What is left out stays as it is; at first, the addresses are Sherweb's own.

    Raises ProviderError for a value that cannot be used, Refused when a secret that is left out cannot be read again.
    """
    with portal.database.write() as db:
        hold(db, connection_id)
        row = _row(db, connection_id)
        renewed = [name for name, given in zip(_SECRETS, (client_secret, subscription_key), strict=True) if given]
        if row is not None and not (client_secret and subscription_key):
            kept = _unseal(portal, row)
            client_secret, subscription_key = client_secret or kept[0], subscription_key or kept[1]
        given = Credentials(  # checks what can be checked without asking Sherweb
            client_id=client_id.strip(),
            client_secret=client_secret.strip(),
            subscription_key=subscription_key.strip(),
            authorization_url=authorization_url.strip()
            or (row.authorization_url if row else sherweb_api.AUTHORIZATION_URL),
            distributor_url=distributor_url.strip() or (row.distributor_url if row else sherweb_api.DISTRIBUTOR_URL),
        )
        if row is None:
            row = SherwebAccess(connection_id=connection_id)
            db.add(row)
        row.client_id = given.client_id
        row.client_secret = seal(portal.settings, Purpose.CREDENTIALS, given.client_secret)
        row.subscription_key = seal(portal.settings, Purpose.CREDENTIALS, given.subscription_key)
        row.authorization_url, row.distributor_url = given.authorization_url, given.distributor_url
        row.changed_at, row.last_checked_at, row.last_error = portal.now(), None, None
        row.fetch_not_before, row.failures = None, 0
        db.flush()
        _log(db, portal, row, who, "save-credentials", renewed)
        return _view(portal, row)


def forget_sherweb(portal: Portal, connection_id: int, *, who: str = "") -> None:
    """Delete the credentials; what was imported stays."""
    with portal.database.write() as db:
        hold(db, connection_id)
        row = _row(db, connection_id)
        if row is not None:
            _log(db, portal, row, who, "forget-credentials", [])
            db.delete(row)


def check_sherweb(portal: Portal, connection_id: int, *, patience: Patience = PATIENT) -> None:
    """Log in to Sherweb and do nothing else. Raises ProviderError with what to correct, Refused without credentials."""
    _, credentials = _credentials(portal, connection_id)
    try:
        sherweb_api.check(credentials, patience=patience)
    except ProviderError as error:
        _note(portal, connection_id, error)
        raise
    _note(portal, connection_id, None)


def fetch_sherweb(
    portal: Portal,
    connection_id: int,
    day: date,
    *,
    patience: Patience = PATIENT,
    received: sherweb_api.Progress | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Fetch the charges of the billing period that holds `day`, and keep them: whole or not at all.

    `received` is told the bytes that come, then `progress` the rows that are posted. Raises ProviderError or Refused.
    """
    with noting_failure(portal, connection_id, "sherweb", f"Sherweb {day.isoformat()}"):
        return _fetch(portal, connection_id, day, patience, received, progress)


def fetch_nightly(portal: Portal, connection_id: int, today: date, *, patience: Patience = PATIENT) -> None:
    """Fetch the period of yesterday, and that of `today` when another one has begun. Raises ProviderError or Refused.

    A period that Sherweb has not opened yet is no failure: it is asked for again the next night.
    """
    with noting_failure(portal, connection_id, "sherweb", f"Sherweb {today.isoformat()}"):
        before = _fetch(portal, connection_id, today - timedelta(days=1), patience, None, None)
        if before.period_last >= today:
            return
        try:
            _fetch(portal, connection_id, today, patience, None, None)
        except ProviderError as error:
            if error.key not in _NOT_OPEN_YET:
                raise
            _note(portal, connection_id, None)


def _fetch(
    portal: Portal,
    connection_id: int,
    day: date,
    patience: Patience,
    received: sherweb_api.Progress | None,
    progress: Progress | None,
) -> ImportResult:
    partner_id, credentials = _credentials(portal, connection_id)
    try:
        fetched = sherweb_api.fetch(
            credentials,
            day,
            tokens=TOKENS,
            now=portal.now(),
            partner=str(partner_id),
            patience=patience,
            progress=received,
        )
    except ProviderError as error:
        _note(portal, connection_id, error)
        raise
    _note(portal, connection_id, None)
    return catalog.keep(portal, connection_id, fetched.delivery, fetched.data, name=fetched.name, progress=progress)


def default_day(portal: Portal, connection_id: int) -> date:
    """The day whose period is fetched when none is named: yesterday, where the connection is."""
    with portal.database.read() as db:
        zone = ZoneInfo(find(db, connection_id).time_zone)
    return portal.now().astimezone(zone).date() - timedelta(days=1)


def _credentials(portal: Portal, connection_id: int) -> tuple[int, Credentials]:
    """The partner, and what it was given."""
    with portal.database.read() as db:
        partner_id = find(db, connection_id).partner_id
        row = _row(db, connection_id)
        if row is None:
            raise no_access()
        client_secret, subscription_key = _unseal(portal, row)
        return partner_id, Credentials(
            client_id=row.client_id,
            client_secret=client_secret,
            subscription_key=subscription_key,
            authorization_url=row.authorization_url,
            distributor_url=row.distributor_url,
        )


def _unseal(portal: Portal, row: SherwebAccess) -> tuple[str, str]:
    client_secret = unseal(portal.settings, Purpose.CREDENTIALS, row.client_secret)
    subscription_key = unseal(portal.settings, Purpose.CREDENTIALS, row.subscription_key)
    if client_secret is None or subscription_key is None:
        raise Refused(
            "The credentials of Sherweb cannot be read any more, because the portal's secret key was changed. "
            "Enter the credentials again."
        )
    return client_secret, subscription_key


def _note(portal: Portal, connection_id: int, error: ProviderError | None) -> None:
    """Remember how the log-in went, for who looks later."""
    told = None if error is None else {"key": error.key, "template": error.template, "values": error.values}
    with portal.database.write() as db:
        row = _row(db, connection_id)
        if row is not None:
            row.last_checked_at, row.last_error = portal.now(), told


def _log(db: orm.Session, portal: Portal, row: SherwebAccess, who: str, action: str, renewed: Sequence[str]) -> None:
    """Note who saved or deleted credentials; of secrets, only the names of those that were given."""
    detail = {
        "client_id": row.client_id,
        "authorization_url": row.authorization_url,
        "distributor_url": row.distributor_url,
        "renewed": list(renewed),
    }
    subject = f"sherweb:{row.connection_id}"
    audit.note(db, row.connection_id, at=portal.now(), who=who, action=action, subject=subject, detail=detail)


def _row(db: orm.Session, connection_id: int) -> SherwebAccess | None:
    return db.scalar(sa.select(SherwebAccess).filter_by(connection_id=connection_id))


def _view(portal: Portal, row: SherwebAccess) -> SherwebView:
    error = row.last_error
    secrets = [
        unseal(portal.settings, Purpose.CREDENTIALS, sealed) for sealed in (row.client_secret, row.subscription_key)
    ]
    return SherwebView(
        client_id=row.client_id,
        authorization_url=row.authorization_url,
        distributor_url=row.distributor_url,
        is_readable=None not in secrets,
        changed_at=row.changed_at,
        last_checked_at=row.last_checked_at,
        last_error=None if error is None else ProviderError(error["key"], error["template"], **error["values"]),
    )
