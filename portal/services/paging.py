"""Pages of a table: which rows a person asks for, and those that came. Searched, sorted and cut by the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

SIZE = 50
HIGHEST_PAGE = 1_000_000

Row = TypeVar("Row")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a table: words to look for, filters by name, the column to sort by, the page from 1."""

    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    is_descending: bool = False
    page: int = 1
    size: int = SIZE

    def of(self, page: int) -> Wanted:
        """The same on another page."""
        return replace(self, page=page)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """The rows of one page; `count` is how many there are on all `pages`. A page beyond the last is the last."""

    rows: tuple[Row, ...]
    page: int
    pages: int
    count: int
    size: int = SIZE

    @property
    def first(self) -> int:
        """The number of its first row; 0 where there is none."""
        return (self.page - 1) * self.size + 1 if self.rows else 0

    def map(self, make: Callable[[Sequence[Row]], Sequence[Other]]) -> Page[Other]:
        """The same page with its rows as something else, made all at once."""
        return Page(rows=tuple(make(self.rows)), page=self.page, pages=self.pages, count=self.count, size=self.size)


def load_page(
    db: orm.Session,
    query: sa.Select[Any],
    wanted: Wanted,
    *,
    sorts: Mapping[str, sa.SQLColumnExpression[Any]],
    key: sa.SQLColumnExpression[Any],
    count: int | None = None,
) -> Page[sa.Row[Any]]:
    """One page of a query, in two statements, however many rows there are; in one where `count` is known.

    `sorts` are the columns that a person may sort by, by name; the first is the default, and an unknown name means it.
    `key` makes the order certain.
    """
    if count is None:
        count = db.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())) or 0
    pages = max(1, -(-count // wanted.size))
    number = min(max(1, wanted.page), pages)
    column = sorts.get(wanted.sort, next(iter(sorts.values())))
    ordered = (column.desc(), key.desc()) if wanted.is_descending else (column.asc(), key.asc())
    rows = db.execute(query.order_by(*ordered).limit(wanted.size).offset((number - 1) * wanted.size)).all()
    return Page(rows=tuple(rows), page=number, pages=pages, count=count, size=wanted.size)
