"""Which connections a statement is about: some, told by a query for their ids, or all of them."""

from __future__ import annotations

from typing import Any, TypeAlias

import sqlalchemy as sa

Query: TypeAlias = "sa.Select[*tuple[Any, ...]]"


def within(query: Query, column: Any, ids: Query | None) -> Query:
    """The same of some connections only; of all of them with None."""
    return query if ids is None else query.where(column.in_(ids))
