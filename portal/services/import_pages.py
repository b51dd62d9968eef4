"""Past imports as pages, and what each of them changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound
from portal.models import ChargeChange, Delivery, Offer, Organization
from portal.services import Portal, catalog
from portal.services.connections import HIGHEST_ID
from portal.services.paging import Page, Wanted

SIZE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDetail:
    """One import and a page of its differences from the ones before."""

    view: catalog.ImportView
    differences: Page[catalog.ImportDifference]


def list_imports(portal: Portal, connection_id: int, page: int = 1) -> Page[catalog.ImportView]:
    """Past imports, newest first."""
    with portal.database.read() as db:
        own = sa.select(Delivery).filter_by(connection_id=connection_id)
        rows, number, pages, count = _cut(db, own, Delivery.id, Delivery.id.desc(), page)
        views = tuple(catalog.import_view(row) for (row,) in rows)
        return Page(rows=views, page=number, pages=pages, count=count, size=SIZE)


def read_import(portal: Portal, connection_id: int, import_id: int, wanted: Wanted) -> ImportDetail:
    """One import with a page of its differences, searched by organization or offer. Raises NotFound."""
    with portal.database.read() as db:
        row = db.scalar(sa.select(Delivery).filter_by(connection_id=connection_id, id=min(import_id, HIGHEST_ID)))
        if row is None:
            raise NotFound("This import does not exist here.")
        query = catalog.differences_of(row.id)
        if wanted.search:
            query = query.where(
                Organization.name.icontains(wanted.search, autoescape=True)
                | Offer.name.icontains(wanted.search, autoescape=True)
            )
        rows, number, pages, count = _cut(db, query, ChargeChange.id, ChargeChange.id, wanted.page)
        views = tuple(catalog.difference_view(change, *names) for change, *names in rows)
        differences = Page(rows=views, page=number, pages=pages, count=count, size=SIZE)
        return ImportDetail(view=catalog.import_view(row), differences=differences)


def _cut(db: orm.Session, query: Any, key: Any, order: Any, wanted: int) -> tuple[list[Any], int, int, int]:
    """The rows of a page, its number, how many pages there are, and how many rows."""
    count = db.scalar(query.with_only_columns(sa.func.count(key), maintain_column_froms=True)) or 0
    pages = max(1, -(-count // SIZE))
    number = min(max(1, wanted), pages)
    rows = db.execute(query.order_by(order).limit(SIZE).offset((number - 1) * SIZE)).all()
    return list(rows), number, pages, count
