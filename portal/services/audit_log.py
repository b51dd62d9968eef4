"""The log as people read it: of a connection or of a whole partner, filtered, by pages, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import AuditEntry, Connection
from portal.services import Portal, csv_cells
from portal.services.audit import KINDS, Kind
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.folding import has_words
from portal.services.paging import Page, Wanted, load_page
from portal.services.speaking import LANGUAGES
from portal.services.visits import begin_of

NOBODY = "-"
"""In place of a person: what followed by itself, or from the command line without a name."""
_MOST_PEOPLE = 200
_CHUNK = 1000
_COLUMNS = ("at", "who", "address", "connection", "kind", "action", "subject", "about", "before", "after", "facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose log: a connection's, or that of a partner with all of its connections."""

    partner_id: int | None = None
    connection_id: int | None = None
    shows_addresses: bool = False
    """Where people were is for administrators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of the log. `who` is an address or NOBODY; empty for everybody. Days are the connection's."""

    who: str = ""
    kind: Kind | None = None
    first: date | None = None
    last: date | None = None
    search: str = ""
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether some entries are left out."""
        return bool(self.who or self.kind or self.first or self.last or self.search)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field before and after."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """An entry. `about` is a name, empty where the subject has none; `facts` is what was so at that moment."""

    id: int
    at: datetime
    who: str
    address: str
    connection_id: int | None
    connection: str
    action: str
    kind: Kind | None
    subject: str
    about: str
    changes: tuple[Change, ...]
    facts: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """A page of the log, newest first, and everybody who stands in it."""

    page: Page[EntryView]
    people: tuple[str, ...]


def read_log(portal: Portal, scope: Scope, asked: Asked) -> LogPage:
    """One page of the log."""
    with portal.database.read() as db:
        wanted = Wanted(page=asked.page, is_descending=True)
        page = load_page(db, _query(db, scope, asked), wanted, sorts={"at": AuditEntry.id}, key=AuditEntry.id)
        people = sa.select(AuditEntry.who).where(_of(scope), AuditEntry.who != "").distinct()
        return LogPage(
            page=page.map(lambda rows: [_view(row, scope) for row in rows]),
            people=tuple(db.scalars(people.order_by(AuditEntry.who).limit(_MOST_PEOPLE))),
        )


def log_csv(portal: Portal, scope: Scope, asked: Asked, dialect: Dialect = ENGLISH) -> str:
    """All that is asked for as CSV, newest first. Moments are UTC."""
    return csv_cells.write(_COLUMNS, map(_row, _all(portal, scope, asked)), dialect)


def _all(portal: Portal, scope: Scope, asked: Asked) -> Iterator[EntryView]:
    with portal.database.read() as db:
        query = _query(db, scope, asked).order_by(AuditEntry.id.desc()).limit(_CHUNK)
        rows = db.execute(query).all()
        while rows:
            yield from (_view(row, scope) for row in rows)
            rows = db.execute(query.where(AuditEntry.id < rows[-1].AuditEntry.id)).all()


def _of(scope: Scope) -> sa.ColumnElement[bool]:
    if scope.connection_id is not None:
        return AuditEntry.connection_id == scope.connection_id
    return AuditEntry.partner_id == scope.partner_id


def _query(db: orm.Session, scope: Scope, asked: Asked) -> sa.Select[Any]:
    columns: list[Any] = [AuditEntry, Connection.name.label("connection")]
    query = sa.select(*columns).outerjoin(Connection, Connection.id == AuditEntry.connection_id).where(_of(scope))
    if asked.who:
        query = query.where(AuditEntry.who == ("" if asked.who == NOBODY else asked.who))
    if asked.kind is not None:
        query = query.where(AuditEntry.action.in_([action for action, kind in KINDS.items() if kind is asked.kind]))
    zone = _zone(db, scope)
    begin, end = begin_of(asked.first, zone), begin_of(asked.last, zone, timedelta(days=1))
    if begin is not None:
        query = query.where(AuditEntry.at >= begin)
    if end is not None:
        query = query.where(AuditEntry.at < end)
    if asked.search:
        query = query.where(has_words(db, asked.search, AuditEntry.words, AuditEntry.who, AuditEntry.subject))
    return query


def _zone(db: orm.Session, scope: Scope) -> ZoneInfo:
    """The connection's; a partner's connections may be in several, so there it is UTC."""
    if scope.connection_id is None:
        return ZoneInfo("UTC")
    return ZoneInfo(db.scalars(sa.select(Connection.time_zone).filter_by(id=scope.connection_id)).one())


def _view(row: sa.Row[Any], scope: Scope) -> EntryView:
    entry: AuditEntry = row.AuditEntry
    detail = entry.detail or {}
    changes, facts = read_detail(detail)
    return EntryView(
        id=entry.id,
        at=entry.at,
        who=entry.who,
        address=entry.address if scope.shows_addresses else "",
        connection_id=entry.connection_id,
        connection=row.connection or "",
        action=entry.action,
        kind=KINDS.get(entry.action),
        subject=entry.subject,
        about=str(detail.get("name") or detail.get("organization") or "") if _is_named(detail) else "",
        changes=changes,
        facts=facts,
    )


def _is_named(detail: Mapping[str, Any]) -> bool:
    return isinstance(detail.get("name", ""), str)


def read_detail(detail: Mapping[str, Any]) -> tuple[tuple[Change, ...], tuple[tuple[str, Any], ...]]:
    """What changed, and what else was so: `before` and `after` with their fields, pairs of values, or facts alone."""
    before, after = detail.get("before") or {}, detail.get("after") or {}
    gone = [field for field in before if field not in after]
    fields = [field for field in (*after, *gone) if _is_told(field, before, after)]
    changes = [
        Change(field=field, before=before.get(field), after=after.get(field))
        for field in fields
        if before.get(field) != after.get(field)
    ]
    rest = {key: value for key, value in detail.items() if key not in ("before", "after", "organization")}
    if _is_named(detail):
        rest.pop("name", None)
    pairs = {key: value for key, value in rest.items() if isinstance(value, list) and len(value) == 2}
    if pairs and pairs.keys() == rest.keys():  # settings are kept as [before, after]
        changes += [Change(field=key, before=value[0], after=value[1]) for key, value in pairs.items()]
        rest = {}
    return tuple(changes), tuple((key, value) for key, value in rest.items() if value not in (None, "", []))


def _is_told(field: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Identifiers are left out where the name stands beside them."""
    name = field.removesuffix("_list_id")
    return name == field or not (name in before or name in after)


def _row(entry: EntryView) -> tuple[str, ...]:
    return (
        entry.at.isoformat(timespec="seconds"),
        entry.who,
        entry.address,
        entry.connection,
        entry.kind or "",
        entry.action,
        entry.subject,
        entry.about,
        "; ".join(f"{one.field}: {plain(one.before)}" for one in entry.changes if one.before is not None),
        "; ".join(f"{one.field}: {plain(one.after)}" for one in entry.changes if one.after is not None),
        "; ".join(f"{key}: {plain(value)}" for key, value in entry.facts),
    )


def plain(value: Any) -> str:
    """A value of a detail in one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        if value.keys() == set(LANGUAGES):  # a sentence: in the language in which programs read
            return str(value[LANGUAGES[0]])
        return ", ".join(f"{key} {plain(one)}" for key, one in value.items())
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)
