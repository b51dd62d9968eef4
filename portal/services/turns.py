"""Some connections at a time, held without waiting for anybody: for what the worker does beside everything else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import Connection

AT_ONCE = 50
"""Connections of one transaction."""


def hold_free(db: orm.Session, ids: Collection[int]) -> list[int]:
    """Of these connections those that nobody else holds, held to the end of the transaction; the others another time.

    Only the portal's own rows, and without waiting: nobody ever waits for two.
    """
    query = sa.select(Connection.id).where(Connection.id.in_(sorted(ids))).order_by(Connection.id)
    return list(db.scalars(query.with_for_update(key_share=True, skip_locked=True)))


def of_connections(query: Any, table: Any, ids: Collection[int]) -> Any:
    """The rows of a table that belong to these connections."""
    return query.where(table.connection_id.in_(sorted(ids)))
