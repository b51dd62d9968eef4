"""Offers and organizations as tables: the rows of one page, and how many there are of each sort.

However many rows there are, a page costs the same few statements, and only its own rows are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import Charge, Offer, Organization
from portal.services import Portal
from portal.services.connections import to_row_id
from portal.services.folding import folded, has_words
from portal.services.invoice_fields import field_problems
from portal.services.mapping_sides import (
    OFFERS,
    ORGANIZATIONS,
    Side,
    is_mapped,
    is_off,
    is_stuck,
    is_unmapped,
    join_target,
)
from portal.services.mapping_views import OfferRow, OrganizationRow, offer_row, organization_row
from portal.services.paging import Page, Wanted, load_page
from portal.services.targets import choosable, load_targets
from qbwc.models import ListObject

_MANY = 500
_EVERY = 10**9


class Only(StrEnum):
    """Which rows a table shows. Unmapped and mapped ones are to be billed; those with a problem are of both."""

    UNMAPPED = "unmapped"
    PROBLEM = "problem"
    MAPPED = "mapped"
    OFF = "off"


Row = TypeVar("Row", OfferRow, OrganizationRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingCounts:
    """How many rows of all there are. `problem` counts those that are to be billed and cannot be, if it was asked."""

    total: int
    unmapped: int
    mapped: int
    off: int
    problem: int | None

    def of(self, only: str) -> int | None:
        """How many rows a filter shows; None where that was not counted."""
        count: int | None = getattr(self, only) if only in set(Only) else self.total
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[Row]):
    """A page of a table. `has_choices`: QuickBooks' items or customers have arrived."""

    page: Page[Row]
    counts: MappingCounts
    has_choices: bool


def load_offers(
    portal: Portal, connection_id: int, wanted: Wanted, *, ids: Collection[int] | None = None
) -> Found[OfferRow]:
    """A page of offers. Filters: `only` (see Only), `row` (an id). `ids`: these rows instead, on one page."""
    with portal.database.read() as db:
        counts, page, has_choices = _load(db, OFFERS, connection_id, wanted, ids)
        rows: list[Offer] = [row for (row,) in page.rows]
        items = load_targets(db, connection_id, "item", {row.item_list_id for row in rows if row.item_list_id})
        waiting = count_waiting(db, OFFERS, connection_id, [row.id for row in rows])
        views = tuple(offer_row(row, items.get(row.item_list_id or ""), waiting.get(row.id, 0)) for row in rows)
    return Found(page=page.map(lambda _: views), counts=counts, has_choices=has_choices)


def load_organizations(
    portal: Portal, connection_id: int, wanted: Wanted, *, ids: Collection[int] | None = None
) -> Found[OrganizationRow]:
    """A page of organizations. As `load_offers`."""
    with portal.database.read() as db:
        counts, page, has_choices = _load(db, ORGANIZATIONS, connection_id, wanted, ids)
        rows: list[Organization] = [row for (row,) in page.rows]
        list_ids = {row.customer_list_id for row in rows if row.customer_list_id}
        customers = load_targets(db, connection_id, "customer", list_ids)
        waiting = count_waiting(db, ORGANIZATIONS, connection_id, [row.id for row in rows])
        problems = field_problems(db, connection_id, rows)
        views = tuple(
            organization_row(
                row, customers.get(row.customer_list_id or ""), waiting.get(row.id, 0), problems.get(row.id, ())
            )
            for row in rows
        )
    return Found(page=page.map(lambda _: views), counts=counts, has_choices=has_choices)


def select_rows(
    db: orm.Session, side: Side, connection_id: int, wanted: Wanted
) -> tuple[sa.Select[Any], type[ListObject]]:
    """The rows that a table's search and filters leave, and the counterpart that is joined to them."""
    target, on = join_target(side, connection_id)
    query = sa.select(side.table).outerjoin_from(side.table, target, on).where(side.of(connection_id))
    conditions = {
        Only.UNMAPPED: is_unmapped(side),
        Only.MAPPED: is_mapped(side),
        Only.OFF: is_off(side),
        Only.PROBLEM: is_stuck(side, target, connection_id),
    }
    only = wanted.filters.get("only", "")
    if only in set(Only):
        query = query.where(conditions[Only(only)])
    if row := wanted.filters.get("row", ""):
        row_id = to_row_id(row)
        query = query.where(side.table.id == (-1 if row_id is None else row_id))
    if wanted.search:
        query = query.where(has_words(db, wanted.search, side.table.name, side.table.key, target.full_name))
    return query, target


def count_rows(db: orm.Session, side: Side, connection_id: int, *, looks: bool = True) -> MappingCounts:
    """How many rows of each sort a connection has, in one statement. `looks` for problems, which reads the mirror."""
    target, on = join_target(side, connection_id)
    sorts = [is_unmapped(side), is_mapped(side), is_off(side)]
    if looks:
        sorts.append(is_stuck(side, target, connection_id))
    sums = (sa.func.coalesce(sa.func.sum(sa.case((one, 1), else_=0)), 0) for one in sorts)
    query = sa.select(sa.func.count(), *sums).select_from(side.table).where(side.of(connection_id))
    total, unmapped, mapped, off, *problem = db.execute(query.outerjoin(target, on) if looks else query).one()
    return MappingCounts(
        total=total, unmapped=unmapped, mapped=mapped, off=off, problem=problem[0] if problem else None
    )


def count_unmapped(portal: Portal, connection_id: int) -> Mapping[str, int]:
    """How many offers and organizations are to be billed and have no counterpart, by the name of their screen."""
    sides = {"offers": OFFERS, "organizations": ORGANIZATIONS}
    counts = (
        sa.select(sa.func.count()).select_from(side.table).where(side.of(connection_id), is_unmapped(side))
        for side in sides.values()
    )
    with portal.database.read() as db:
        found = db.execute(sa.select(*(count.scalar_subquery() for count in counts))).one()
    return dict(zip(sides, found, strict=True))


def _load(
    db: orm.Session, side: Side, connection_id: int, wanted: Wanted, ids: Collection[int] | None
) -> tuple[MappingCounts, Page[Any], bool]:
    # While somebody searches, the numbers beside the filters are not shown: they are of all rows.
    counts = count_rows(db, side, connection_id, looks=not wanted.search)
    has_choices = db.scalar(sa.select(choosable(connection_id, side.kind).exists())) or False
    if ids is not None:
        same = sa.select(side.table).where(side.of(connection_id), side.table.id.in_(list(ids)[:_MANY]))
        found = db.execute(same.order_by(folded(db, side.table.name), side.table.id)).all()
        return counts, Page(rows=tuple(found), page=1, pages=1, count=len(found)), bool(has_choices)
    query, target = select_rows(db, side, connection_id, wanted)
    sorts = _sorts(db, side, target)
    if wanted.sort == "charges":
        waiting = _waiting(side, connection_id).subquery()
        query = query.outerjoin(waiting, waiting.c.owner_id == side.table.id)
        sorts = {"charges": sa.func.coalesce(waiting.c.waiting, 0)}
    key = side.table.id
    if wanted.search:
        return counts, _load_searched(db, side, query, wanted, sorts), bool(has_choices)
    # The filter alone was counted already.
    count = None if wanted.filters.get("row") else counts.of(wanted.filters.get("only", ""))
    return counts, load_page(db, query, wanted, sorts=sorts, key=key, count=count), bool(has_choices)


def _load_searched(
    db: orm.Session,
    side: Side,
    query: sa.Select[Any],
    wanted: Wanted,
    sorts: Mapping[str, sa.SQLColumnExpression[Any]],
) -> Page[Any]:
    """Looking for words reads every name, so it is done once: all ids, of which the page is cut."""
    every = replace(wanted, page=1, size=_EVERY)
    found = load_page(db, query.with_only_columns(side.table.id), every, sorts=sorts, key=side.table.id, count=_EVERY)
    ids = [row_id for (row_id,) in found.rows]
    pages = max(1, -(-len(ids) // wanted.size))
    number = min(max(1, wanted.page), pages)
    cut = ids[(number - 1) * wanted.size : number * wanted.size]
    places = {row_id: place for place, row_id in enumerate(cut)}
    rows: list[Any] = list(_lookup(db, side, cut))
    rows.sort(key=lambda row: places[row[0].id])
    return Page(rows=tuple(rows), page=number, pages=pages, count=len(ids), size=wanted.size)


def _lookup(db: orm.Session, side: Side, ids: Sequence[int]) -> Sequence[sa.Row[Any]]:
    """The rows of these ids."""
    query: sa.Select[Any] = sa.select(side.table)
    if len(ids) <= _MANY:
        return db.execute(query.where(side.table.id.in_(ids))).all()
    return [row for begin in range(0, len(ids), _MANY) for row in _lookup(db, side, ids[begin : begin + _MANY])]


def _sorts(db: orm.Session, side: Side, target: type[ListObject]) -> dict[str, sa.ColumnElement[Any]]:
    sorts: dict[str, sa.ColumnElement[Any]] = {
        "name": folded(db, side.table.name),
        side.kind: folded(db, sa.func.coalesce(target.full_name, "")),
        "sync": sa.case((side.table.is_synchronized, 0), else_=1),
    }
    if side is OFFERS:
        return {**sorts, "price": _number(target, "price"), "cost": _number(target, "cost")}
    return {**sorts, "mode": sa.cast(Organization.mode, sa.Text)}


def _number(target: type[ListObject], field: str) -> sa.ColumnElement[Any]:
    """A decimal of the mirror, which is kept as text; what has none comes before all others."""
    return sa.func.coalesce(sa.cast(sa.func.nullif(target.data[field].as_string(), ""), sa.Numeric(20, 5)), -1)


def _waiting(side: Side, connection_id: int) -> sa.Select[int, int]:
    # Written as the partial index has it, or it would not be used.
    not_billed = sa.and_(Charge.connection_id == connection_id, sa.text("charge.is_billed IS NOT TRUE"))
    return (
        sa.select(side.owner.label("owner_id"), sa.func.count().label("waiting")).where(not_billed).group_by(side.owner)
    )


def count_waiting(db: orm.Session, side: Side, connection_id: int, ids: Sequence[int]) -> dict[int, int]:
    """How many charges of these rows wait to be billed, by the row's id."""
    query = _waiting(side, connection_id)
    if len(ids) <= _MANY:
        query = query.where(side.owner.in_(ids))
    return {row.owner_id: row.waiting for row in db.execute(query)}
