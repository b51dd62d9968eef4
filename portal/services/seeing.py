"""Who sees which connection, and in which role, as one statement: for who is told, and for what each person lists.

Of its partner in the role they have there, or joined in a role on that connection alone. Whoever is both counts as the
partner's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import Connection, Member, Participant, Role


def everybody(connection_ids: Collection[int] | None = None) -> sa.Subquery:
    """Everybody who sees these connections, or any: `connection_id`, `user_id`, `role`, and `joined_at` of who joined.

    A person stands once for each connection.
    """
    is_own = (
        sa.select(Member.id)
        .where(Member.partner_id == Connection.partner_id, Member.user_id == Participant.user_id)
        .exists()
    )
    joined = (
        sa.select(Participant.connection_id, Participant.user_id, Participant.role, Participant.joined_at)
        .join(Connection, Connection.id == Participant.connection_id)
        .where(~is_own)
    )
    own = sa.select(Connection.id, Member.user_id, Member.role, sa.null()).join(
        Member, Member.partner_id == Connection.partner_id
    )
    if connection_ids is not None:
        ids = sorted(connection_ids)
        joined, own = joined.where(Participant.connection_id.in_(ids)), own.where(Connection.id.in_(ids))
    return sa.union_all(joined, own).subquery("everybody")


def seen_ids(user_id: int) -> sa.Select[Any]:
    """The ids of the connections that a person sees, to be used within a statement."""
    return sa.select(Connection.id).where(is_seen(user_id))


def is_seen(user_id: int) -> sa.ColumnElement[bool]:
    """Whether a person sees the connection of a statement."""
    return sa.or_(
        Connection.partner_id.in_(sa.select(Member.partner_id).where(Member.user_id == user_id)),
        Connection.id.in_(sa.select(Participant.connection_id).where(Participant.user_id == user_id)),
    )


def sees(db: orm.Session, user_id: int, connection_id: int) -> bool:
    """Whether a person sees a connection."""
    return db.scalar(seen_ids(user_id).where(Connection.id == connection_id)) is not None


def ids_as_accountant(user_id: int) -> sa.Select[Any]:
    """The ids of the connections that a person sees as an accountant, from whom runs may be kept."""
    person = everybody()
    return sa.select(person.c.connection_id).where(person.c.user_id == user_id, person.c.role == Role.ACCOUNTANT)
