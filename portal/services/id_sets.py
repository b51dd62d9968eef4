"""Sets of ids that a statement looks very many rows up in.

SQLite makes an index of a list in a statement, and searches it for each row. A table has its rows by their numbers,
and finds the one that was asked last at once: half the time, for a million rows. What is not there it searches longer
for, so the set is told by the larger part of all ids. The table is of this database connection alone, and goes with the
transaction.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

Condition = sa.ColumnElement[bool]
_OWN = sa.MetaData()


def is_within(db: orm.Session, column: Any, table: Any, own: Condition, is_let: Condition) -> Condition:
    """Whether `column` names a row of a table for which a condition holds; no answer for NULL.

    `own` are the rows that the column may name.
    """
    let = sa.select(table.id).where(own, is_let)
    if db.get_bind().dialect.name != "sqlite":
        return sa.and_(column.in_(let))  # PostgreSQL makes a hash of it
    name = f"some_{table.__tablename__}s"
    some = _OWN.tables.get(name)
    if some is None:
        some = sa.Table(name, _OWN, sa.Column("id", sa.Integer(), primary_key=True), prefixes=["TEMPORARY"])
    size = sa.select(sa.func.count())
    most = (_fill(db, some, let) * 2) >= (db.scalar(size.select_from(table).where(own)) or 0)
    if not most:
        _fill(db, some, sa.select(table.id).where(own, sa.not_(is_let)))
    listed: Condition = column.in_(sa.select(some.c.id))
    return listed if most else sa.not_(listed)


def _fill(db: orm.Session, table: sa.Table, ids: sa.Select[int]) -> int:
    """Make a table of these ids anew. Returns their number."""
    connection = db.connection()
    connection.execute(sa.text(f'DROP TABLE IF EXISTS temp."{table.name}"'))
    table.create(connection, checkfirst=False)
    # A statement of thousands of ids is made once, and not worth being kept.
    options = {"compiled_cache": None}
    return connection.execute(sa.insert(table).from_select(["id"], ids), execution_options=options).rowcount


__all__ = ["is_within"]
