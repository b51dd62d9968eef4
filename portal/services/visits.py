"""The visits of the Web Connector, a page at a time: by id, so that the last page costs no more than the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import orm

from portal.errors import NotFound
from portal.models import Connection
from portal.services import Portal, audit, csv_cells, quickbooks, unshared
from portal.services.connections import HIGHEST_ID, find, want_lists
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.exchanges import ExchangeView, view_of
from portal.services.status.visit import VisitView, as_views
from qbwc import history

SIZE = 25
RESULTS = ("done", "failed", "taken over", "abandoned", "open")
"""How a visit may have ended; "open" while it goes on."""
_CSV_CHUNK = 500
_CSV_COLUMNS = (
    "visit",
    "began",
    "seconds",
    "computer",
    "address",
    "quickbooks",
    "company",
    "message_sets",
    "messages_sent",
    "messages_done",
    "messages_failed",
    "characters_sent",
    "characters_received",
    "invoices_written",
    "result",
    "error",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedVisits:
    """Which visits a person asks for: how they ended, their first and last day, and from where the page goes on."""

    result: str = ""
    first: date | None = None
    last: date | None = None
    before_id: int | None = None
    after_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitPage:
    """Visits, newest first. `older` and `newer` are the ids from which the next pages go on; None where none is."""

    rows: tuple[VisitView, ...]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitDetail:
    """One visit and a page of its exchanges, in order; `following` is the id after which the next page begins."""

    visit: VisitView
    exchanges: tuple[ExchangeView, ...]
    following: int | None


def page_of_visits(portal: Portal, connection_id: int, wanted: WantedVisits) -> VisitPage:
    """One page of the visits of a connection. Raises NotFound."""
    with portal.database.read() as db:
        rows = _read(db, find(db, connection_id), wanted, SIZE + 1)
        has_more = len(rows) > SIZE
        if wanted.after_id is not None and wanted.before_id is None:
            rows = rows[-SIZE:]
            has_older, has_newer = bool(rows), has_more
        else:
            rows = rows[:SIZE]
            has_older, has_newer = has_more, wanted.before_id is not None and bool(rows)
        return VisitPage(
            rows=as_views(db, rows),
            older=rows[-1].id if has_older else None,
            newer=rows[0].id if has_newer else None,
        )


def _read(db: orm.Session, connection: Connection, wanted: WantedVisits, limit: int) -> list[history.PastVisit]:
    zone = ZoneInfo(connection.time_zone)
    return history.visits(
        db,
        connection.id,
        limit=limit,
        before_id=wanted.before_id,
        after_id=wanted.after_id,
        result=wanted.result if wanted.result in RESULTS else None,
        since=begin_of(wanted.first, zone),
        until=begin_of(wanted.last, zone, timedelta(days=1)),
    )


def begin_of(day: date | None, zone: ZoneInfo, plus: timedelta = timedelta()) -> datetime | None:
    """The first moment of a day on the connection's clock; None for no day, or one at the end of time."""
    if day is None or day >= date(9999, 1, 1) or day.year < 2:
        return None
    return datetime.combine(day + plus, time(), tzinfo=zone)


def get_visit(portal: Portal, connection_id: int, visit_id: int, *, after_id: int | None = None) -> VisitDetail:
    """One visit and its exchanges, SIZE of them, those after `after_id`. Raises NotFound."""
    with portal.database.read() as db:
        found = history.visit(db, connection_id, visit_id) if 0 < visit_id <= HIGHEST_ID else None
        if found is None:
            raise NotFound("This visit does not exist here, or it was so long ago that it is forgotten.")
        kept_back = unshared.hidden_matters(db, connection_id)
        rows = history.exchanges(db, connection_id, found.id, limit=SIZE + 1, after_id=after_id, without=kept_back)
        tags = quickbooks.tags_of_exchanges(db, [row.id for row in rows[:SIZE]])
        shown = tuple(view_of(row, tags.get(row.id)) for row in rows[:SIZE])
        following = shown[-1].id if len(rows) > SIZE else None
        return VisitDetail(visit=as_views(db, [found])[0], exchanges=shown, following=following)


def try_again(portal: Portal, connection_id: int) -> None:
    """After a visit that failed: everything that waits is tried at the next one, and the lists are read anew.

    What waits in the queue has stayed there; nobody but the person at QuickBooks can start the Web Connector.
    """
    with portal.database.write() as db:
        row = find(db, connection_id)
        want_lists(row)
        detail, subject = {"name": row.name}, f"connection:{row.id}"
        audit.note(db, row.id, at=portal.now(), action="try-visit-again", subject=subject, detail=detail)


def visits_csv(portal: Portal, connection_id: int, wanted: WantedVisits, dialect: Dialect = ENGLISH) -> str:
    """All visits that are asked for as CSV, newest first. Moments are UTC. Raises NotFound."""
    return csv_cells.write(_CSV_COLUMNS, map(_csv_row, _all_visits(portal, connection_id, wanted)), dialect)


def _all_visits(portal: Portal, connection_id: int, wanted: WantedVisits) -> Iterator[VisitView]:
    asked = replace(wanted, before_id=None, after_id=None)
    with portal.database.read() as db:
        connection = find(db, connection_id)
        while rows := _read(db, connection, asked, _CSV_CHUNK):
            yield from as_views(db, rows)
            asked = replace(asked, before_id=rows[-1].id)


def _csv_row(row: VisitView) -> tuple[str | int | None, ...]:
    return (
        row.id,
        row.opened_at.isoformat(timespec="seconds"),
        None if row.seconds is None else round(row.seconds),
        row.machine,
        row.address,
        row.product,
        row.company_name,
        row.exchanges,
        row.requests,
        row.done,
        row.failed,
        row.sent,
        row.received,
        row.invoices,
        row.result or "open",
        (row.last_error or {}).get("en"),
    )


__all__ = [
    "RESULTS",
    "SIZE",
    "VisitDetail",
    "VisitPage",
    "WantedVisits",
    "begin_of",
    "get_visit",
    "page_of_visits",
    "try_again",
    "visits_csv",
]
