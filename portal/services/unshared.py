"""Runs that are kept from accountants: who reads is told once, where a request begins, and the services ask here.

A run that is not shared is hidden from everybody whose role at the connection is accountant, with its invoices and
every exchange that carried anything of it. Its charges, the sums in Insight and the log are not: they say that there
was a billing, and hold nothing of what QuickBooks made of it.
"""

from __future__ import annotations

from contextvars import ContextVar

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound
from portal.models import Connection, Member, Participant, Role, Run, User
from portal.services import Portal, audit

_reader: ContextVar[Role | None] = ContextVar("reader", default=None)
_OF_RUN = "run:"


def read_as(role: Role | None) -> None:
    """From here on somebody in this role at the connection reads; None is nobody, from whom nothing is kept."""
    _reader.set(role)


def matter_of(run_id: int) -> str:
    """What the messages of a run are about, in the words of the queue."""
    return f"{_OF_RUN}{run_id}"


def run_of(matter: str) -> int | None:
    """The run that messages are about; None for what is about none."""
    number = matter.removeprefix(_OF_RUN)
    return int(number) if number != matter and number.isdigit() else None


def is_shown() -> sa.ColumnElement[bool]:
    """The condition on runs that whoever reads may see them."""
    return Run.is_shared.is_(True) if _reader.get() is Role.ACCOUNTANT else sa.true()


def hidden_runs(db: orm.Session, connection_id: int) -> frozenset[int]:
    """The runs of a connection that are kept from whoever reads."""
    if _reader.get() is not Role.ACCOUNTANT:
        return frozenset()
    return frozenset(db.scalars(sa.select(Run.id).where(Run.connection_id == connection_id, Run.is_shared.is_(False))))


def hidden_matters(db: orm.Session, connection_id: int) -> list[str]:
    """What no exchange may be about that is shown to whoever reads."""
    return [matter_of(run_id) for run_id in sorted(hidden_runs(db, connection_id))]


def has_accountant(db: orm.Session, connection_id: int) -> bool:
    """Whether an accountant sees a connection, be it one of the partner's people or somebody who joined it."""
    owner = sa.select(Connection.partner_id).where(Connection.id == connection_id).scalar_subquery()
    own = sa.select(Member.user_id).where(Member.partner_id == owner, Member.role == Role.ACCOUNTANT)
    joined = sa.select(Participant.user_id).where(
        Participant.connection_id == connection_id, Participant.role == Role.ACCOUNTANT
    )
    found = sa.select(User.id).where(sa.or_(User.id.in_(own), User.id.in_(joined)), User.is_active)
    return db.scalar(found.limit(1)) is not None


def share_run(portal: Portal, connection_id: int, run_id: int, *, is_shared: bool) -> None:
    """Show a run to accountants, or keep it from them. It counts from their next click. Raises NotFound."""
    with portal.database.write() as db:
        run = db.scalar(sa.select(Run).filter_by(id=run_id, connection_id=connection_id).with_for_update())
        if run is None:
            raise NotFound("This run does not exist here.")
        if run.is_shared is is_shared:
            return
        run.is_shared = is_shared
        detail = {
            "name": run.invoice_date.isoformat(),
            "before": {"shared": not is_shared},
            "after": {"shared": is_shared},
        }
        audit.note(db, connection_id, at=portal.now(), action="share-run", subject=f"run:{run.id}", detail=detail)
