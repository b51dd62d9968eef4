"""The history of what was exchanged with QuickBooks, in both directions: searched, a page at a time, and as CSV.

Visits tell when the Web Connector came, and from which computer; this tells what was asked, for whom, and what came of
it. An entry is what one message set carried of one kind, for one person and about one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import Connection, Run
from portal.services import Portal, csv_cells, quickbooks, unshared
from portal.services.connections import find
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.exchange_periods import Choices, read_choices, run_named, year_named
from portal.services.visits import begin_of
from qbwc import parts
from qbwc.models import PartResult

SIZE = 25
FEW = 10
"""Entries beside the two halves."""
MOST_EXPORTED = 50_000
"""Entries of a file, the newest: what is longer is asked for by year."""
KINDS = ("lists", "costs", "invoices", "comparisons", "searches", "checks")
RESULTS = tuple(one.value for one in PartResult)
ITSELF = "-"
"""In place of a person: what the portal asked for by itself."""
_CHUNK = 500
_COLUMNS = (
    "at",
    "direction",
    "kind",
    "invoice_date",
    "messages",
    "asked_by",
    "result",
    "code",
    "exchange",
    "visit",
    "characters_sent",
    "characters_received",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEntries:
    """Which entries a person asks for; what is empty does not matter. `period` is a name of `exchange_periods`.

    `before_id` and `after_id` say from where the page goes on.
    """

    period: str = ""
    first: date | None = None
    last: date | None = None
    kind: str = ""
    person: str = ""
    result: str = ""
    before_id: int | None = None
    after_id: int | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.period or self.first or self.last or self.kind or self.person or self.result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one message set carried of one kind, for one person, about one run; sizes are those of the whole set.

    `about` says what it was for where it carries nothing of the queue; else `tags` are its messages, and how many.
    """

    id: int
    exchange_id: int
    visit_id: int
    at: datetime
    kind: str
    is_write: bool
    about: Sentence | None
    run_id: int | None
    invoice_date: date | None
    requests: int
    asked_by: str
    result: PartResult
    code: str | None
    sent: int
    received: int | None
    tags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Entries, newest first. `older` and `newer` are the ids from which the next pages go on; None where none is."""

    rows: tuple[Entry, ...]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the history may be narrowed to: periods, and the people who asked for anything."""

    choices: Choices
    people: tuple[str, ...]


def read_filters(portal: Portal, connection_id: int) -> Filters:
    """What the history of a connection may be narrowed to. Raises NotFound."""
    with portal.database.read() as db:
        return _filters(db, find(db, connection_id), portal.now())


def _filters(db: orm.Session, connection: Connection, now: datetime) -> Filters:
    choices = read_choices(db, connection, now)
    return Filters(choices=choices, people=tuple(parts.people(db, connection.id)))


def read_both(
    portal: Portal, connection_id: int, wanted: WantedEntries, *, size: int = SIZE
) -> tuple[Filters, HistoryPage]:
    """What the history may be narrowed to, and one page of it. Raises NotFound."""
    with portal.database.read() as db:
        connection = find(db, connection_id)
        return _filters(db, connection, portal.now()), _page(db, connection, wanted, size)


def read_history(portal: Portal, connection_id: int, wanted: WantedEntries, *, size: int = SIZE) -> HistoryPage:
    """One page of the history. Raises NotFound."""
    with portal.database.read() as db:
        return _page(db, find(db, connection_id), wanted, size)


def _page(db: orm.Session, connection: Connection, wanted: WantedEntries, size: int) -> HistoryPage:
    rows = _read(db, connection, wanted, size + 1)
    has_more = len(rows) > size
    if wanted.after_id is not None and wanted.before_id is None:
        rows = rows[-size:]
        has_older, has_newer = bool(rows), has_more
    else:
        rows = rows[:size]
        has_older, has_newer = has_more, wanted.before_id is not None and bool(rows)
    return HistoryPage(
        rows=tuple(_entries(db, connection.id, rows)),
        older=rows[-1].id if has_older else None,
        newer=rows[0].id if has_newer else None,
    )


def _read(db: orm.Session, connection: Connection, wanted: WantedEntries, limit: int) -> list[parts.PastPart]:
    asked = _asked(db, connection, wanted)
    if asked is None:
        return []
    return parts.search(db, connection.id, asked, limit=limit, before_id=wanted.before_id, after_id=wanted.after_id)


def _asked(db: orm.Session, connection: Connection, wanted: WantedEntries) -> parts.WantedParts | None:
    """In the words of the tables; what is not understood asks for nothing, and None is what nothing can match."""
    zone = ZoneInfo(connection.time_zone)
    since, until = begin_of(wanted.first, zone), begin_of(wanted.last, zone, timedelta(days=1))
    year, run_id = year_named(wanted.period, connection), run_named(wanted.period)
    hidden = unshared.hidden_runs(db, connection.id)
    if run_id in hidden:
        return None
    if year is not None:
        bounds = begin_of(year.first, zone), begin_of(year.last, zone, timedelta(days=1))
        since = max(filter(None, (since, bounds[0])), default=None)
        until = min(filter(None, (until, bounds[1])), default=None)
    return parts.WantedParts(
        topic=wanted.kind or None,
        asked_by=None if not wanted.person else "" if wanted.person == ITSELF else wanted.person,
        result=PartResult(wanted.result) if wanted.result in RESULTS else None,
        about=None if run_id is None else unshared.matter_of(run_id),
        since=since,
        until=until,
        without=[unshared.matter_of(one) for one in sorted(hidden)],
    )


def _entries(db: orm.Session, connection_id: int, rows: Sequence[parts.PastPart]) -> Iterator[Entry]:
    runs = {unshared.run_of(row.about) for row in rows} - {None}
    query = sa.select(Run.id, Run.invoice_date).where(Run.connection_id == connection_id, Run.id.in_(runs))
    dates = {row.id: row.invoice_date for row in db.execute(query)}
    tags = quickbooks.tags_of_parts(db, [row.exchange_id for row in rows])
    for row in rows:
        run_id = unshared.run_of(row.about)
        yield Entry(
            id=row.id,
            exchange_id=row.exchange_id,
            visit_id=row.visit_id,
            at=row.at,
            kind=row.topic,
            is_write=row.is_write,
            about=quickbooks.purpose_in_words(row.purpose),
            run_id=run_id if run_id in dates else None,
            invoice_date=dates.get(run_id or 0),
            requests=row.requests,
            asked_by=row.asked_by,
            result=row.result,
            code=row.code,
            sent=row.request_size,
            received=row.answer_size,
            tags=tags.get((row.exchange_id, row.topic, row.asked_by, row.about), {}),
        )


def history_csv(portal: Portal, connection_id: int, wanted: WantedEntries, dialect: Dialect = ENGLISH) -> str:
    """The entries that are asked for as CSV, newest first, MOST_EXPORTED at most. Moments are UTC. Raises NotFound."""
    rows = _csv_rows(portal, connection_id, replace(wanted, before_id=None, after_id=None))
    return csv_cells.write(_COLUMNS, rows, dialect)


def _csv_rows(
    portal: Portal, connection_id: int, wanted: WantedEntries
) -> Iterator[tuple[str | int | date | None, ...]]:
    with portal.database.read() as db:
        connection = find(db, connection_id)
        runs = sa.select(Run.id, Run.invoice_date).where(Run.connection_id == connection_id)
        dates = {row.id: row.invoice_date for row in db.execute(runs)}
        for _ in range(MOST_EXPORTED // _CHUNK):
            rows = _read(db, connection, wanted, _CHUNK)
            yield from (_csv_row(row, dates) for row in rows)
            if len(rows) < _CHUNK:
                break
            wanted = replace(wanted, before_id=rows[-1].id)


def _csv_row(row: parts.PastPart, dates: Mapping[int, date]) -> tuple[str | int | date | None, ...]:
    return (
        row.at.isoformat(timespec="seconds"),
        "to QuickBooks" if row.is_write else "from QuickBooks",
        row.topic,
        dates.get(unshared.run_of(row.about) or 0),
        row.requests,
        row.asked_by,
        row.result.value,
        row.code,
        row.exchange_id,
        row.visit_id,
        row.request_size,
        row.answer_size,
    )


__all__ = [
    "FEW",
    "ITSELF",
    "KINDS",
    "MOST_EXPORTED",
    "RESULTS",
    "SIZE",
    "Entry",
    "Filters",
    "HistoryPage",
    "WantedEntries",
    "history_csv",
    "read_both",
    "read_filters",
    "read_history",
]
