"""Sherweb's charges every night, before the invoices of the day are prepared.

The period of yesterday is fetched, and that of today when it is another one. What was changed shows as the differences
of an import; what failed is remembered as a failed import, and tried again after a while. A worker that is killed
leaves nothing but a claim that ends by itself, and the same charges twice change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from portal.errors import PortalError
from portal.models import Connection, SherwebAccess
from portal.providers import ProviderError
from portal.providers.sherweb_api import PATIENT, Patience
from portal.services import Portal, audit
from portal.services.connections import hold
from portal.services.sources.access import fetch_nightly, no_access

FETCH_HOUR = time(3)
WAITS_UNTIL = time(12)
"""On the invoice day, invoices wait for the charges of the night until then, and no longer."""
PAUSES = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3))
"""After the first failure of a night, the second, and every one that follows."""
CLAIM = timedelta(minutes=30)
"""Longer than a fetch and its posting take: a claim ends by itself when whoever made it was killed."""
AT_ONCE = 4

log = structlog.get_logger("portal")


def is_due(now: datetime, zone: str, fetched_on: date | None) -> bool:
    """Whether the fetch of this night has still to be done."""
    local = now.astimezone(ZoneInfo(zone))
    return local.time() >= FETCH_HOUR and (fetched_on is None or fetched_on < local.date())


def is_awaited(now: datetime, zone: str, on: date, fetched_on: date | None) -> bool:
    """Whether the invoices of a date wait for the charges of its night: until they came, and at most until noon."""
    if fetched_on is not None and fetched_on >= on:
        return False
    return now < datetime.combine(on, WAITS_UNTIL, ZoneInfo(zone))


def next_fetch(now: datetime, zone: str, fetched_on: date | None, not_before: datetime | None) -> datetime:
    """When the charges are fetched next."""
    if is_due(now, zone, fetched_on):
        return max(now, not_before or now)
    local = now.astimezone(ZoneInfo(zone))
    is_done = fetched_on is not None and fetched_on >= local.date()
    day = local.date() + timedelta(days=1 if is_done else 0)
    return datetime.combine(day, FETCH_HOUR, ZoneInfo(zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nightly:
    """How the nightly fetch of a connection stands. `next_at` is None when it is switched off."""

    is_on: bool
    fetched_on: date | None
    failures: int
    next_at: datetime | None


def read_nightly(portal: Portal, connection_id: int) -> Nightly | None:
    """How it stands; None without credentials."""
    with portal.database.read() as db:
        row = db.scalar(sa.select(SherwebAccess).filter_by(connection_id=connection_id))
        if row is None:
            return None
        zone = db.scalars(sa.select(Connection.time_zone).filter_by(id=connection_id)).one()
        next_at = next_fetch(portal.now(), zone, row.fetched_on, row.fetch_not_before) if row.is_daily else None
        return Nightly(is_on=row.is_daily, fetched_on=row.fetched_on, failures=row.failures, next_at=next_at)


def switch_nightly(portal: Portal, connection_id: int, is_on: bool, *, who: str = "") -> None:
    """Fetch every night, or no more. Raises NotFound without credentials."""
    with portal.database.write() as db:
        hold(db, connection_id)
        row = db.scalar(sa.select(SherwebAccess).filter_by(connection_id=connection_id))
        if row is None:
            raise no_access()
        if row.is_daily != is_on:
            detail = {"nightly": is_on}
            subject = f"sherweb:{connection_id}"
            audit.note(
                db, connection_id, at=portal.now(), who=who, action="change-nightly", subject=subject, detail=detail
            )
        row.is_daily, row.fetch_not_before, row.failures = is_on, None, 0


def fetch_what_is_due(portal: Portal, *, patience: Patience = PATIENT) -> int:
    """Fetch for every connection whose night has come, some at once. Returns how many went well."""
    due = _due(portal)
    if not due:
        return 0
    with ThreadPoolExecutor(min(AT_ONCE, len(due)), thread_name_prefix="portal-fetch") as pool:
        return sum(pool.map(lambda one: _fetch_one(portal, one, patience), due))


def awaited(portal: Portal, dates: Sequence[tuple[int, date]]) -> frozenset[int]:
    """The connections, each with an invoice date, whose invoices wait for the charges of that night."""
    now = portal.now()
    with portal.database.read() as db:
        known = {row.connection_id: row for row in db.execute(_daily())}
    return frozenset(
        one for one, on in dates if one in known and is_awaited(now, known[one].time_zone, on, known[one].fetched_on)
    )


@dataclass(frozen=True, slots=True)
class _Due:
    connection_id: int
    today: date


def _daily() -> sa.Select[int, date | None, datetime | None, str]:
    asked = (
        SherwebAccess.connection_id,
        SherwebAccess.fetched_on,
        SherwebAccess.fetch_not_before,
        Connection.time_zone,
    )
    joined = sa.select(*asked).join(Connection, Connection.id == SherwebAccess.connection_id)
    return joined.where(SherwebAccess.is_daily).order_by(SherwebAccess.connection_id)


def _due(portal: Portal) -> list[_Due]:
    now = portal.now()
    with portal.database.read() as db:
        return [
            _Due(row.connection_id, now.astimezone(ZoneInfo(row.time_zone)).date())
            for row in db.execute(_daily())
            if is_due(now, row.time_zone, row.fetched_on)
            and (row.fetch_not_before is None or row.fetch_not_before <= now)
        ]


def _fetch_one(portal: Portal, due: _Due, patience: Patience) -> bool:
    """One fetch, unless another worker is at it. What goes wrong here keeps nobody else from theirs."""
    try:
        if not _claim(portal, due):
            return False
        fetch_nightly(portal, due.connection_id, due.today, patience=patience)
    except (ProviderError, PortalError) as error:
        log.warning("nightly fetch failed", connection=due.connection_id, reason=str(error))
    except Exception:
        log.exception("nightly fetch failed", connection=due.connection_id)
    else:
        _mark(portal, due, is_done=True)
        return True
    _mark(portal, due, is_done=False)
    return False


def _claim(portal: Portal, due: _Due) -> bool:
    now = portal.now()
    is_free = sa.or_(SherwebAccess.fetch_not_before.is_(None), SherwebAccess.fetch_not_before <= now)
    is_open = sa.or_(SherwebAccess.fetched_on.is_(None), SherwebAccess.fetched_on < due.today)
    mine = sa.update(SherwebAccess).where(
        SherwebAccess.connection_id == due.connection_id, SherwebAccess.is_daily, is_free, is_open
    )
    with portal.database.write() as db:
        done = cast("sa.CursorResult[Any]", db.execute(mine.values(fetch_not_before=now + CLAIM)))
        return done.rowcount == 1


def _mark(portal: Portal, due: _Due, *, is_done: bool) -> None:
    with portal.database.write() as db:
        row = db.scalar(sa.select(SherwebAccess).filter_by(connection_id=due.connection_id))
        if row is None:
            return
        if is_done:
            row.fetched_on, row.failures, row.fetch_not_before = due.today, 0, None
        else:
            row.fetch_not_before = portal.now() + PAUSES[min(row.failures, len(PAUSES) - 1)]
            row.failures += 1
