"""What a person may look at on the Exchanges screen: a billing, a fiscal year or a calendar year, by a short name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.period import FIRST_YEAR, LAST_YEAR, Period
from portal.billing.years import JANUARY, year_of, years_between
from portal.models import Connection, Run
from portal.services import unshared
from portal.services.connections import to_row_id

MOST_RUNS = 36
FISCAL, CALENDAR, RUN = "fiscal", "calendar", "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class YearChoice:
    """A year to look at; `name` is what the address says, and `is_fiscal` tells it from a calendar year."""

    name: str
    is_fiscal: bool
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoice:
    """A billing to look at."""

    name: str
    invoice_date: date
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Everything that may be looked at, newest first. Without a fiscal year of its own, years are calendar years."""

    runs: tuple[RunChoice, ...]
    fiscal_years: tuple[YearChoice, ...]
    calendar_years: tuple[YearChoice, ...]


def read_choices(db: orm.Session, connection: Connection, now: datetime) -> Choices:
    """What may be looked at of a connection, by whoever reads."""
    query = sa.select(Run.id, Run.invoice_date, Run.period_start, Run.period_end)
    own = query.where(Run.connection_id == connection.id, unshared.is_shown())
    runs = db.execute(own.order_by(Run.invoice_date.desc()).limit(MOST_RUNS)).all()
    oldest = db.scalar(sa.select(sa.func.min(Run.invoice_date)).where(Run.connection_id == connection.id))
    zone = ZoneInfo(connection.time_zone)
    today = now.astimezone(zone).date()
    first = min(filter(None, (oldest, connection.created_at.astimezone(zone).date(), today)))
    month = connection.fiscal_first_month
    return Choices(
        runs=tuple(
            RunChoice(
                name=f"{RUN}-{row.id}",
                invoice_date=row.invoice_date,
                first=row.period_start,
                last=Period(row.period_start, row.period_end).last,
            )
            for row in runs
        ),
        fiscal_years=_years(FISCAL, first, today, month) if month != JANUARY else (),
        calendar_years=_years(CALENDAR, first, today, JANUARY),
    )


def _years(kind: str, first: date, last: date, month: int) -> tuple[YearChoice, ...]:
    return tuple(_choice(kind, begins, month) for begins in years_between(first, last, month))


def _choice(kind: str, begins: int, month: int) -> YearChoice:
    year = year_of(begins, month)
    return YearChoice(name=f"{kind}-{begins}", is_fiscal=kind == FISCAL, first=year.start, last=year.last)


def year_named(name: str, connection: Connection) -> YearChoice | None:
    """The year of this name; None for what names none."""
    kind, _dash, number = name.partition("-")
    begins = to_row_id(number)
    if kind not in (FISCAL, CALENDAR) or begins is None or not FIRST_YEAR <= begins <= LAST_YEAR:
        return None
    return _choice(kind, begins, connection.fiscal_first_month if kind == FISCAL else JANUARY)


def run_named(name: str) -> int | None:
    """The id of the run of this name; None for what names none."""
    kind, _dash, number = name.partition("-")
    return to_row_id(number) if kind == RUN else None
