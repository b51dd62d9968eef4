"""Lists that go on from a row: each page costs the same, however long the list is and wherever in it the page lies.

Nothing is counted and nothing is skipped over: a page begins after the row that the page before ended with, so that
rows which come or go meanwhile neither repeat nor hide another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

Row = TypeVar("Row")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True, kw_only=True)
class From:
    """Which page is wanted: at most `limit` rows after the one with the key `after`; None begins the list."""

    after: int | str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Generic[Row]):
    """The rows of a page; `last` is the key of the last one where more follow, None at the end of the list."""

    rows: tuple[Row, ...]
    last: int | str | None

    def map(self, make: Callable[[Sequence[Row]], Sequence[Other]]) -> Slice[Other]:
        """The same page with its rows as something else, made all at once."""
        return Slice(rows=tuple(make(self.rows)), last=self.last)


def cut(rows: Sequence[Row], wanted: From) -> Slice[Row]:
    """A page of what was computed whole; its key is how many rows came before."""
    begins = int(wanted.after or 0)
    shown = tuple(rows[begins : begins + wanted.limit])
    end = begins + len(shown)
    return Slice(rows=shown, last=end if end < len(rows) else None)


def read_slice(
    db: orm.Session,
    query: Any,
    key: sa.SQLColumnExpression[Any],
    wanted: From,
    *,
    is_descending: bool = False,
    key_of: Callable[[Any], int | str] = lambda row: int(row[0].id),
) -> Slice[sa.Row[Any]]:
    """A page of a query in one statement, in the order of `key`, which is unique and indexed."""
    if wanted.after is not None:
        query = query.where(key < wanted.after if is_descending else key > wanted.after)
    ordered = query.order_by(key.desc() if is_descending else key.asc())
    rows = db.execute(ordered.limit(wanted.limit + 1)).all()
    shown = tuple(rows[: wanted.limit])
    return Slice(rows=shown, last=key_of(shown[-1]) if len(rows) > wanted.limit else None)
