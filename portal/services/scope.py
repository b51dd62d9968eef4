"""Which connections a statement is about: one, some, a partner's, those that a person sees, or all of them.

A statement is built once for each kind of scope, which costs more than carrying it out; whose it is comes with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa

from portal.models import Connection
from portal.services.seeing import is_seen

Query: TypeAlias = "sa.Select[*tuple[Any, ...]]"


class Which(Enum):
    """The kinds of scope."""

    ALL = auto()
    ONE = auto()
    SOME = auto()
    PARTNER = auto()
    SEEN = auto()


@dataclass(frozen=True, slots=True)
class Scope:
    """A kind, and whose connections: the values of its statements."""

    which: Which
    values: Mapping[str, Any] = field(default_factory=dict)


_WHOSE = "whose"
EVERY = Scope(Which.ALL)


def only(connection_id: int) -> Scope:
    """One connection."""
    return Scope(Which.ONE, {_WHOSE: connection_id})


def some_of(connection_ids: Collection[int]) -> Scope:
    """A few connections."""
    return Scope(Which.SOME, {_WHOSE: sorted(connection_ids)})


def of_partner(partner_id: int) -> Scope:
    """A partner's connections."""
    return Scope(Which.PARTNER, {_WHOSE: partner_id})


def seen_by(user_id: int) -> Scope:
    """The connections that a person sees."""
    return Scope(Which.SEEN, {_WHOSE: user_id})


def within(query: Query, column: Any, which: Which) -> Query:
    """The same, of the connections of a scope only; to be carried out with its values."""
    if which is Which.ALL:
        return query
    if which is Which.ONE:
        return query.where(column == sa.bindparam(_WHOSE))
    if which is Which.SOME:
        return query.where(column.in_(sa.bindparam(_WHOSE, expanding=True)))
    return query.where(column.in_(_ids(which)))


@cache
def _ids(which: Which) -> Query:
    whose: Any = sa.bindparam(_WHOSE, type_=sa.Integer)
    is_theirs = Connection.partner_id == whose if which is Which.PARTNER else is_seen(whose)
    return sa.select(Connection.id).where(is_theirs)
