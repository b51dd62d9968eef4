"""When each Web Connector calls, learned from its last calls: seldom written, and never while it calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import CallRhythm, Connection
from portal.notices.rhythm import Rhythm, note_call
from portal.services import Portal
from portal.services.chunks import chunks
from portal.services.turns import AT_ONCE, hold_free, of_connections
from qbwc import models as wire


def learn(portal: Portal) -> None:
    """Note the hours in which the connectors called since the last time."""
    called = (
        sa.select(Connection.id, Connection.time_zone, wire.Connection.last_contact_at)
        .join(wire.Connection, wire.Connection.id == Connection.id)
        .outerjoin(CallRhythm, CallRhythm.connection_id == Connection.id)
        .where(
            sa.or_(CallRhythm.noted_at.is_(None), CallRhythm.noted_at < wire.Connection.last_contact_at),
            wire.Connection.last_contact_at.is_not(None),
        )
    )
    with portal.database.read() as db:
        news = {row.id: (row.time_zone, row.last_contact_at) for row in db.execute(called)}
    for some in chunks(sorted(news), AT_ONCE):
        with portal.database.write() as db:
            held = hold_free(db, some)
            known = {
                row.connection_id: row for row in db.scalars(of_connections(sa.select(CallRhythm), CallRhythm, held))
            }
            for connection_id in held:
                zone, at = news[connection_id]
                _note(db, known.get(connection_id), connection_id, at, zone)


def as_rhythm(row: Any) -> Rhythm | None:
    """The rhythm of a row that has its columns; None where none was learned yet."""
    if row is None or row.hours is None:
        return None
    return Rhythm(first_week=row.first_week, week=row.week, hours=tuple(row.hours))


def _note(db: orm.Session, row: CallRhythm | None, connection_id: int, at: datetime, zone: str) -> None:
    before = as_rhythm(row)
    after = note_call(before, at, zone)
    if row is None:
        row = CallRhythm(connection_id=connection_id)
        db.add(row)
    if after != before:
        row.first_week, row.week, row.hours = after.first_week, after.week, list(after.hours)
    row.noted_at = at
