"""When somebody is told: once for each cause, again when it has grown; and when a delivery is tried again (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.billing.period import INVOICE_HOUR, invoice_date_on_or_before, next_invoice_date
from portal.notices.notice import Kind, Notice

RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""How long after each failed attempt the next one comes (Standard Webhooks 1.0.0, deliverability)."""
MOST_PREVIEW_DAYS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A cause that was told, as it was then."""

    kind: Kind
    key: str
    fingerprint: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be told: `news` to everybody, `cleared` only to machines. `mended`: to be remembered, not told."""

    news: tuple[Notice, ...]
    mended: tuple[Notice, ...]
    cleared: tuple[Told, ...]

    def __bool__(self) -> bool:
        return bool(self.news or self.mended or self.cleared)


def compare(told: Iterable[Told], notices: Iterable[Notice], now: datetime) -> Changes:
    """What changed since it was told.

    Other facts of the same size are news too: something else must have come in the place of what was mended.
    """
    before = {one.key: one for one in told}
    present = {one.key: one for one in notices if one.told_from is None or one.told_from <= now}
    news, mended = [], []
    for key, notice in present.items():
        known = before.get(key)
        if known is None or (notice.fingerprint != known.fingerprint and notice.size >= known.size):
            news.append(notice)
        elif notice.fingerprint != known.fingerprint:
            mended.append(notice)
    return Changes(
        news=tuple(news),
        mended=tuple(mended),
        cleared=tuple(one for key, one in before.items() if key not in present),
    )


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many failed attempts; None when it is given up."""
    return now + RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def next_digest(told_at: datetime, hour: int, time_zone: str) -> datetime:
    """The moment of the first digest after something was told: at an hour of the connection's own clock."""
    zone = ZoneInfo(time_zone)
    local = told_at.astimezone(zone)
    at = datetime.combine(local.date(), time(hour), zone)
    return at if at > told_at else datetime.combine(local.date() + timedelta(days=1), time(hour), zone)


def due_preview(now: datetime, time_zone: str, invoice_day: int, days: int, hour: int) -> date | None:
    """The invoice date whose preview is to be mailed by now: from `hour`, so many days before, until it is billed."""
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    on = invoice_date_on_or_before(local.date(), invoice_day)
    if on < local.date() or local.time() >= INVOICE_HOUR:
        on = next_invoice_date(on, invoice_day)
    due = datetime.combine(on - timedelta(days=days), time(hour), zone)
    return on if due <= now else None
