"""The visits of the Web Connector, as a page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import orm

from portal.services import Portal, quickbooks
from qbwc import history


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """One visit of the Web Connector. `requests` were sent in `exchanges` message sets, sizes are in characters.

    `done` and `failed` count the requests that were answered, `invoices` those that QuickBooks wrote.
    """

    id: int
    opened_at: datetime
    closed_at: datetime | None
    seconds: float | None
    machine: str | None
    address: str
    product: str | None
    company_name: str | None
    done: int
    failed: int
    exchanges: int
    requests: int
    sent: int
    received: int
    invoices: int
    result: str | None
    last_error: dict[str, str] | None


def visits(portal: Portal, connection_id: int, limit: int = 20) -> tuple[VisitView, ...]:
    """The last visits, newest first."""
    with portal.database.read() as db:
        return read_visits(db, connection_id, limit)


def read_visits(db: orm.Session, connection_id: int, limit: int) -> tuple[VisitView, ...]:
    """The last visits, newest first, within a transaction that is open already."""
    return as_views(db, history.visits(db, connection_id, limit=limit))


def as_views(db: orm.Session, rows: Sequence[history.PastVisit]) -> tuple[VisitView, ...]:
    """Visits as a page shows them, in the same order."""
    invoices = quickbooks.invoices_of_visits(db, [row.id for row in rows])
    return tuple(
        VisitView(
            id=row.id,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            seconds=None if row.duration is None else row.duration.total_seconds(),
            machine=row.machine,
            address=row.address,
            product=row.product,
            company_name=row.company_name,
            done=row.done,
            failed=row.failed,
            exchanges=row.exchanges,
            requests=row.requests,
            sent=row.sent,
            received=row.received,
            invoices=invoices.get(row.id, 0),
            result=row.result,
            last_error=row.error,
        )
        for row in rows
    )
