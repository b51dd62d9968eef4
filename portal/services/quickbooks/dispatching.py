"""Drafts on their way into the queue: for the first time, and again after a person decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.invoice import Difference
from portal.models import Connection, CostState, Draft, DraftState, ItemCost, Run
from portal.services.quickbooks import messages, read_back
from portal.services.quickbooks.costs import dispatch_cost
from portal.services.quickbooks.invoices import CREATE, UPDATE
from portal.services.unshared import matter_of
from qbwc import mirror, queue, stamp
from qbwc import models as wire
from qbwc.errors import EncodeError, QueueError
from qbwc.jobs import Registry
from qbwc.qbxml import transactions as txn

UNKNOWN = "our-bug"


def dispatch(db: orm.Session, registry: Registry, draft: Draft, connection: Connection, now: datetime) -> None:
    """Queue one draft. A draft that cannot be written as qbXML is parked with the field that is to blame."""
    kind = CREATE if messages.is_separate(draft) else UPDATE
    try:
        step = messages.first_step(draft)
        queue.put(
            db,
            registry,
            connection_id=connection.id,
            kind=kind,
            key=f"draft:{draft.id}",
            payload={"draft": draft.id},
            messages=[step],
            now=now,
            asked_by=draft.run.asked_by,
            about=matter_of(draft.run_id),
        )
    except EncodeError as error:
        draft.state, draft.code, draft.detail = DraftState.PARKED, UNKNOWN, str(error)


def dispatch_again(
    db: orm.Session, registry: Registry, draft: Draft, connection: Connection, now: datetime, *, asked_by: str = ""
) -> None:
    """Begin the job of a parked draft again, for a person. One that cannot be written as qbXML stays parked with the
    field.
    """
    kind = CREATE if messages.is_separate(draft) else UPDATE
    job = db.scalar(sa.select(wire.Job).filter_by(connection_id=connection.id, kind=kind, key=f"draft:{draft.id}"))
    if job is None:
        dispatch(db, registry, draft, connection, now)
        return
    if job.state is wire.JobState.WAITING:  # its set is on its way again, because of another draft in it
        return
    job.payload, job.asked_by = {"draft": draft.id}, asked_by
    begin = queue.redo if job.state is wire.JobState.DONE else queue.retry
    try:
        # What was written once, and is gone, is looked for: also when a first look was refused.
        step = messages.first_step(draft) if draft.written_at is None else _look_first(draft)
        begin(db, registry, job, [step], now=now)
    except EncodeError as error:
        draft.state, draft.code, draft.detail = DraftState.PARKED, UNKNOWN, str(error)


def _look_first(draft: Draft) -> tuple[str, Any]:
    """The question that goes before anything is written again for a draft whose invoice or lines are gone."""
    step, message = messages.first_step(draft)
    if messages.is_separate(draft):
        return "look", stamp.look_up(message)
    if draft.txn_id is not None:
        # It was written into this invoice: no other is ever chosen in its place.
        return "read", txn.InvoiceQueryRq(txn_id=(draft.txn_id,), include_line_items=True, include_linked_txns=True)
    return step, message


def take_as_it_is(db: orm.Session, registry: Registry, connection_id: int, now: datetime) -> None:
    """A person confirmed a company file that lacks what we wrote: find out what is missing, and put the costs right.

    Every list is read whole, every invoice that was written is looked at again, and every unit cost is compared.
    """
    connection = db.get_one(wire.Connection, connection_id)
    mirror.refresh(db, registry, connection, now, full=True)
    settled = [DraftState.WRITTEN, DraftState.RECONCILED, DraftState.DIFFERENT]
    runs = sa.select(Run).where(Run.connection_id == connection_id, Run.drafts.any(Draft.state.in_(settled)))
    for run in db.scalars(runs).all():
        for draft in run.drafts:
            if draft.state in settled:
                draft.state, draft.code, draft.detail = DraftState.WRITTEN, None, None
        db.flush()
        read_back.queue_reading(db, run, now)
    written = sa.select(ItemCost).filter_by(connection_id=connection_id, state=CostState.WRITTEN)
    for row in db.scalars(written).all():
        row.state = CostState.QUEUED
        dispatch_cost(db, registry, row, now)


def may_go_again(draft: Draft) -> bool:
    """Whether a person may send this draft again: it was refused, or what it wrote is no longer in QuickBooks."""
    if draft.state is DraftState.DIFFERENT:
        return is_undone(draft) or draft.code == Difference.GONE or is_uncompared(draft)
    return draft.state is DraftState.PARKED


def is_undone(draft: Draft) -> bool:
    """Whether an invoice that was updated no longer holds our lines as they were written.

    It stays so when they could not be put back.
    """
    if messages.is_separate(draft):
        return False
    if draft.state is DraftState.PARKED:
        return draft.txn_id is not None and any(line.txn_line_id for line in draft.lines)
    return draft.state is DraftState.DIFFERENT and draft.code in (Difference.LINE_MISSING, Difference.QUANTITY)


def is_uncompared(draft: Draft) -> bool:
    """Whether the invoice was written, and QuickBooks refused to show it afterwards."""
    return draft.state is DraftState.DIFFERENT and draft.code not in set(Difference)


def compare_again(db: orm.Session, draft: Draft, now: datetime) -> None:
    """Read back the invoices of a run that QuickBooks refused to show."""
    for one in draft.run.drafts:
        if is_uncompared(one):
            one.state, one.code, one.detail = DraftState.WRITTEN, None, None
    db.flush()
    read_back.queue_reading(db, draft.run, now)


def take_back(db: orm.Session, draft: Draft, now: datetime) -> bool:
    """Cancel what waits of a draft; False when a message of it is on its way to QuickBooks."""
    for job in db.scalars(_jobs(draft)).all():
        if job.state is wire.JobState.DONE:
            continue
        try:
            queue.cancel(db, job, now=now)
        except QueueError:
            return False
    return True


def _jobs(draft: Draft) -> sa.Select[wire.Job]:
    return sa.select(wire.Job).where(
        wire.Job.connection_id == draft.run.connection_id,
        wire.Job.kind.in_([CREATE, UPDATE]),
        wire.Job.key == f"draft:{draft.id}",
    )


def may_be_written(db: orm.Session, draft: Draft) -> bool:
    """Whether a message of this draft left and nobody knows what QuickBooks did with it."""
    jobs = _jobs(draft).with_only_columns(wire.Job.id)
    unknown = sa.select(wire.Request.id).where(
        wire.Request.job_id.in_(jobs), wire.Request.is_write, wire.Request.state == wire.RequestState.SENT
    )
    return db.scalar(unknown.limit(1)) is not None
