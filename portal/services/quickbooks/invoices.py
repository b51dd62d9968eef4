"""The jobs that create a separate invoice, or put lines into one that is not sent yet."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.invoice import merge
from portal.billing.matching import Obstacle, choose
from portal.billing.period import Period
from portal.models import Connection, Draft, DraftState, Run
from portal.services.quickbooks import messages, read_back
from portal.services.quickbooks.read_back import UNREADABLE
from qbwc import stamp
from qbwc.jobs import JobKind, Visit
from qbwc.qbxml import Answer
from qbwc.qbxml import transactions as txn
from qbwc.qbxml.reaction import Reaction
from qbwc.qbxml.status import Status

CREATE, UPDATE = "create-invoice", "update-invoice"


class _InvoiceJob(JobKind):
    """What creating and updating share: noting the written invoice, parking, and the reading back of the run."""

    topic = "invoices"
    priority = 30

    def parked(self, visit: Visit, status: Status) -> None:
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        draft.state, draft.code, draft.detail = DraftState.PARKED, status.code, status.message
        if status.reaction is Reaction.USER_MAPPING:
            # The item or customer that we know is not there: the person must choose among what is.
            visit.db.get_one(Connection, visit.connection.id).lists_wanted = True
        read_back.when_done(visit, draft.run)

    def _park(self, visit: Visit, draft: Draft, code: str) -> None:
        draft.state, draft.code, draft.detail = DraftState.PARKED, code, None
        visit.park(code, "")
        read_back.when_done(visit, draft.run)

    def _note(self, visit: Visit, invoice: txn.InvoiceRet | txn.CreditMemoRet) -> None:
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        draft.state, draft.code, draft.detail, draft.written_at = DraftState.WRITTEN, None, None, visit.now
        read_back.match_lines(visit.db, draft, invoice)
        visit.finish()
        read_back.when_done(visit, draft.run)


class CreateInvoice(_InvoiceJob):
    """A separate invoice, or a credit memo, beside the partner's own."""

    kind = CREATE

    def answered(self, visit: Visit, answer: Answer) -> None:
        """The invoice exists: note its number and lines. One that was gone is looked for first."""
        if visit.request.step == "look":
            draft = visit.db.get_one(Draft, visit.job.payload["draft"])
            wanted = messages.addition(draft)
            sought = stamp.Sought(message=wanted, left_at=draft.written_at or visit.now)
            others = txn_ids_of_others(visit.db, draft)
            found = stamp.find(sought, answer.objects, others, shows_stamps=visit.connection.shows_stamps)
            if found is None and answer.unread:
                self._park(visit, draft, UNREADABLE)
            elif found is None:
                visit.ask(wanted, "add")
            else:
                self._note(visit, found)
            return
        for invoice in answer.objects:
            self._note(visit, invoice)


class UpdateInvoice(_InvoiceJob):
    """Lines into an invoice that is not sent yet."""

    kind = UPDATE

    def answered(self, visit: Visit, answer: Answer) -> None:
        """After the reading: choose the invoice and send its lines. After the change: note it."""
        if visit.request.step == "change":
            for invoice in answer.objects:
                self._note(visit, invoice)
            return
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        connection = visit.db.get_one(Connection, visit.connection.id)
        invoices = {invoice.txn_id: invoice for invoice in answer.objects}
        if answer.unread:
            self._park(visit, draft, UNREADABLE)
            return
        chosen = choose(
            [messages.candidate(invoice) for invoice in invoices.values()],
            Period(draft.run.period_start, draft.run.period_end),
            messages.closing_date(visit.connection),
            connection.unflagged_is_unsent,
        )
        if isinstance(chosen, Obstacle):
            self._park(visit, draft, chosen)
            return
        self._change(visit, draft, invoices[chosen.txn_id])

    def stale(self, visit: Visit, answer: Answer) -> bool:
        """The invoice changed since it was read: the same lines into the one that QuickBooks shows."""
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        for invoice in answer.objects:
            closing = messages.closing_date(visit.connection)
            connection = visit.db.get_one(Connection, visit.connection.id)
            period = Period(draft.run.period_start, draft.run.period_end)
            if isinstance(
                choose([messages.candidate(invoice)], period, closing, connection.unflagged_is_unsent), Obstacle
            ):
                return False
            self._change(visit, draft, invoice)
            return True
        return False

    def _change(self, visit: Visit, draft: Draft, invoice: txn.InvoiceRet) -> None:
        lines = messages.kept_lines(invoice)
        steps = merge(
            lines, messages.wanted_lines(draft), read_back.lines_of_other_drafts(visit.db, draft, invoice.txn_id)
        )
        draft.txn_id, draft.ref_number = invoice.txn_id, invoice.ref_number
        draft.kept = {"before": [messages.plain(step.kept) for step in steps if step.kept and not step.wanted]}
        visit.ask(messages.invoice_mod(draft, invoice, steps), "change")


def txn_ids_of_others(db: orm.Session, draft: Draft) -> frozenset[str]:
    """The invoices of this company file that other drafts wrote."""
    ids = sa.select(Draft.txn_id).join(Run).where(Run.connection_id == draft.run.connection_id, Draft.id != draft.id)
    return frozenset(txn_id for txn_id in db.scalars(ids) if txn_id)
