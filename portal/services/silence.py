"""Silence: whoever sees a connection no more is told nothing of it any more, from that moment on."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import MessageState, NoticePreference, OutboxMessage
from portal.services.seeing import seen_ids

NO_ACCESS = Sentence("this person has no access any more")


def stop_telling(db: orm.Session, user_id: int, now: datetime) -> None:
    """Drop what waits for a person about connections that they do not see, and forget what they chose there.

    In the transaction that takes the access away: who is invited again begins with what the role says.
    """
    db.flush()
    seen = seen_ids(user_id)
    row, choice = OutboxMessage, NoticePreference
    waiting = sa.update(row).where(
        row.user_id == user_id, sa.text("outbox.state = 'waiting'"), row.connection_id.not_in(seen)
    )
    dropped = {"state": MessageState.DROPPED, "answer": NO_ACCESS.template, "ended_at": now, "leased_until": None}
    db.execute(waiting.values(dropped).execution_options(synchronize_session=False))
    chosen = sa.delete(choice).where(choice.user_id == user_id, choice.connection_id.not_in(seen))
    db.execute(chosen.execution_options(synchronize_session=False))
