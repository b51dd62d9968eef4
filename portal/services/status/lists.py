"""QuickBooks' lists: how many entries arrived, when, and which list could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.services import quickbooks
from portal.services.status.problem import Problem
from qbwc import models as wire
from qbwc.mirror import LISTS

UNREADABLE = Sentence(
    "Some entries of this list cannot be read, and stay here as they were: %(detail)s. "
    "Open and save them in QuickBooks."
)
LIST_NAMES: dict[str, Sentence] = {
    "customer": Sentence("QuickBooks' customers"),
    "item": Sentence("QuickBooks' items"),
    "account": Sentence("QuickBooks' accounts"),
    "terms": Sentence("QuickBooks' terms"),
    "class": Sentence("QuickBooks' classes"),
    "tax-code": Sentence("QuickBooks' sales tax codes"),
    "template": Sentence("QuickBooks' templates"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """A QuickBooks list as last read."""

    kind: str
    count: int
    refreshed_at: datetime | None


def read_lists(db: orm.Session, connection_id: int) -> tuple[ListView, ...]:
    """Every list that is pulled, also before it has arrived."""
    counted = sa.select(wire.ListObject.kind, sa.func.count()).filter_by(connection_id=connection_id)
    counts = {kind: int(count) for kind, count in db.execute(counted.group_by(wire.ListObject.kind))}
    states = {row.kind: row for row in db.scalars(sa.select(wire.ListState).filter_by(connection_id=connection_id))}
    return tuple(
        ListView(
            kind=kind, count=counts.get(kind, 0), refreshed_at=states[kind].refreshed_at if kind in states else None
        )
        for kind in LISTS
    )


def list_problems(db: orm.Session, connection_id: int) -> list[Problem]:
    """The lists that QuickBooks refused, or whose entries were not all readable."""
    found = []
    for name, job in quickbooks.troubled_lists(db, connection_id):
        what: Sentence = Sentence(UNREADABLE.template, {"detail": job.warning or ""})
        do: Sentence | None = None
        if job.status_code:
            what, do = quickbooks.explained(job.status_code, job.status_message or "")
        found.append(
            Problem(
                code=job.status_code or "unreadable",
                title=LIST_NAMES[name],
                what=what,
                do=do,
                since=job.finished_at,
                link="connection",
                link_id=connection_id,
            )
        )
    return found
