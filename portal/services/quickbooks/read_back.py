"""The invoices of a run, read again once they are written, and compared with what was asked for."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.drafting import Form
from portal.billing.invoice import Difference, reconcile
from portal.billing.money import to_cents
from portal.models import Draft, DraftLine, DraftState, Run
from portal.services.quickbooks import messages
from portal.services.unshared import matter_of
from qbwc import models as wire
from qbwc import queue
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.qbxml import Answer
from qbwc.qbxml import transactions as txn
from qbwc.qbxml.status import Status

READ_BACK = "read-back"
READ_BACK_AT_ONCE = 200
UNREADABLE = "unreadable"
_QUERIES: dict[Form, Any] = {Form.INVOICE: txn.InvoiceQueryRq, Form.CREDIT_MEMO: txn.CreditMemoQueryRq}


class ReadBack(JobKind):
    """All invoices of a run, read again once they are written, and compared with what was asked for."""

    kind = READ_BACK
    topic = "comparisons"
    priority = 40

    def answered(self, visit: Visit, answer: Answer) -> None:
        """Compare each draft with the invoice as QuickBooks keeps it."""
        written = sa.select(Draft).filter_by(run_id=visit.job.payload["run"], state=DraftState.WRITTEN)
        for invoice in answer.objects:
            for draft in visit.db.scalars(written.filter_by(txn_id=invoice.txn_id).order_by(Draft.id)).all():
                compare(visit.db, draft, invoice, visit.now)
        unread = [one.object_id for one in answer.unread]
        for draft in visit.db.scalars(written.where(Draft.txn_id.in_(unread))).all():
            draft.state, draft.code, draft.reconciled_at = DraftState.DIFFERENT, UNREADABLE, visit.now
        visit.db.flush()
        unread = [wire.RequestState.QUEUED, wire.RequestState.SENT]
        waiting = sa.select(wire.Request.id).where(
            wire.Request.job_id == visit.job.id, wire.Request.id != visit.request.id, wire.Request.state.in_(unread)
        )
        if visit.db.scalar(waiting.limit(1)) is None:
            self._tell(visit, Difference.GONE, None)
            visit.finish()

    def parked(self, visit: Visit, status: Status) -> None:
        """Nobody knows how the invoices are kept: say so on each."""
        self._tell(visit, status.code, status.message)

    def _tell(self, visit: Visit, code: str, detail: str | None) -> None:
        """What was asked for and is still not compared differs for this reason."""
        left = sa.select(Draft).filter_by(run_id=visit.job.payload["run"], state=DraftState.WRITTEN)
        for draft in visit.db.scalars(left.where(Draft.txn_id.in_(visit.job.payload["invoices"]))).all():
            draft.state, draft.code, draft.detail = DraftState.DIFFERENT, code, detail
            draft.reconciled_at = visit.now


def compare(db: orm.Session, draft: Draft, invoice: txn.InvoiceRet | txn.CreditMemoRet, now: datetime) -> None:
    """Set a draft to RECONCILED, or to DIFFERENT with the first difference."""
    difference = match_lines(db, draft, invoice)
    draft.state = DraftState.RECONCILED if difference is None else DraftState.DIFFERENT
    draft.code, draft.reconciled_at = difference, now


def match_lines(db: orm.Session, draft: Draft, invoice: txn.InvoiceRet | txn.CreditMemoRet) -> Difference | None:
    """Note the invoice and which of its lines are ours; the first difference from what was asked for.

    Lines of other drafts that joined the same invoice are theirs to compare.
    """
    others = lines_of_other_drafts(db, draft, invoice.txn_id)
    draft.txn_id, draft.ref_number, draft.txn_date = invoice.txn_id, invoice.ref_number, invoice.txn_date
    sign = -1 if draft.form is Form.CREDIT_MEMO else 1  # what is owed to the client is negative here
    draft.subtotal = None if invoice.subtotal is None else invoice.subtotal * sign
    draft.tax = to_cents(invoice.sales_tax_total or Decimal(0)) * sign
    before = [
        messages.kept(plain) for plain in (draft.kept or {}).get("before", []) if plain["txn_line_id"] not in others
    ]
    lines = [line for line in messages.kept_lines(invoice) if line.txn_line_id not in others]
    result = reconcile(messages.wanted_lines(draft), lines, before, None if others else invoice.subtotal)
    for line in draft.lines:
        kept = result.lines.get(line.position)
        if kept is not None:
            line.txn_line_id, line.rate = kept.txn_line_id, kept.rate
            line.amount = None if kept.amount is None else kept.amount * sign
    return result.difference


def when_done(visit: Visit, run: Run) -> None:
    visit.db.flush()
    waiting = sa.select(Draft.id).filter_by(run_id=run.id, state=DraftState.QUEUED)
    if visit.db.scalar(waiting.limit(1)) is None:
        visit.session.total += queue_reading(visit.db, run, visit.now)


def queue_reading(db: orm.Session, run: Run, now: datetime) -> int:
    """Queue the reading of the invoices of a run that are written and not compared yet; returns how many messages."""
    questions: list[tuple[str, Any]] = []
    ids: list[str] = []
    for form, query in _QUERIES.items():
        written = sa.select(Draft.txn_id).filter_by(run_id=run.id, state=DraftState.WRITTEN, form=form)
        own = sorted({txn_id for txn_id in db.scalars(written) if txn_id})
        ids += own
        for begin in range(0, len(own), READ_BACK_AT_ONCE):
            chunk = tuple(own[begin : begin + READ_BACK_AT_ONCE])
            questions.append(("read", query(txn_id=chunk, include_line_items=True)))
    if not ids:
        return 0
    done = db.scalar(
        sa.select(sa.func.count())
        .select_from(wire.Job)
        .where(
            wire.Job.connection_id == run.connection_id,
            wire.Job.kind == READ_BACK,
            wire.Job.key.startswith(f"run:{run.id}:"),
        )
    )
    queue.put(
        db,
        Registry(ReadBack()),
        connection_id=run.connection_id,
        kind=READ_BACK,
        key=f"run:{run.id}:{done}",
        payload={"run": run.id, "invoices": ids},
        messages=questions,
        now=now,
        asked_by=run.asked_by,
        about=matter_of(run.id),
    )
    return len(questions)


def lines_of_other_drafts(db: orm.Session, draft: Draft, txn_id: str) -> frozenset[str]:
    """The TxnLineIDs of an invoice that other drafts of the same company file wrote."""
    lines = (
        sa.select(DraftLine.txn_line_id)
        .join(Draft)
        .join(Run)
        .where(Draft.txn_id == txn_id, Draft.id != draft.id, DraftLine.txn_line_id.is_not(None))
        # QuickBooks' ids are unique in one company file only.
        .where(Run.connection_id == draft.run.connection_id)
    )
    return frozenset(line_id for line_id in db.scalars(lines) if line_id)
