"""A person clears the link of an invoice: QuickBooks is searched for it first, and only what is not there is let go.

What may hold it is read: the invoice by the number that QuickBooks gave it, and the customer's. Found, it stays what it
was and is compared anew. Not found, in the right company file and with every answer readable, its charges go back to
the ledger. In any other case nothing changes, and the log says why.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.drafting import Form
from portal.billing.invoice import KeptLine
from portal.errors import Sentence
from portal.models import Draft, DraftLine, DraftState
from portal.services import audit, releasing
from portal.services.quickbooks import messages, read_back
from portal.services.quickbooks.invoices import txn_ids_of_others
from portal.services.unshared import matter_of
from qbwc import models as wire
from qbwc import queue, stamp
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.qbxml import Answer
from qbwc.qbxml import transactions as txn
from qbwc.qbxml.status import Status
from qbwc.qbxml.text import fold

FIND = "find-invoice"
SEARCHING, RELEASED, CORRECTED = "searching", "released", "corrected-elsewhere"
SENTENCES = {
    SEARCHING: Sentence(
        "QuickBooks is searched for this invoice at the next visit of the Web Connector. Only if it is not there are "
        "its charges billed anew."
    ),
    RELEASED: Sentence("QuickBooks does not have this invoice. Its charges are free again: the next run bills them."),
}
_BY_ID, _BY_CUSTOMER = "by-id", "by-customer"
_COMPLETE = ("0", "1")

_Form = txn.InvoiceRet | txn.CreditMemoRet


def search(db: orm.Session, registry: Registry, draft: Draft, now: datetime, *, asked_by: str = "") -> None:
    """Queue the search for what a draft wrote, asked for by a person; until its answers are there, the draft waits."""
    key = f"draft:{draft.id}:"
    before = (
        sa.select(sa.func.count()).select_from(wire.Job).filter_by(connection_id=draft.run.connection_id, kind=FIND)
    )
    number = db.scalar(before.where(wire.Job.key.startswith(key, autoescape=True)))
    queue.put(
        db,
        registry,
        connection_id=draft.run.connection_id,
        kind=FIND,
        key=f"{key}{number}",
        payload={
            "draft": draft.id,
            "was": {"state": draft.state.value, "code": draft.code, "detail": draft.detail},
        },
        messages=list(_questions(draft).items()),
        now=now,
        asked_by=asked_by,
        about=matter_of(draft.run_id),
    )
    draft.state, draft.code, draft.detail = DraftState.QUEUED, SEARCHING, None


def is_sought(draft: Draft) -> bool:
    """Whether QuickBooks is to be searched for this draft at the next visit."""
    return draft.state is DraftState.QUEUED and draft.code == SEARCHING


def _questions(draft: Draft) -> dict[str, Any]:
    """What may hold it: the transaction itself, wherever it was moved to, and all of the customer's that may be it."""
    query = txn.InvoiceQueryRq if draft.form is Form.INVOICE else txn.CreditMemoQueryRq
    asked: dict[str, Any] = {}
    if draft.txn_id is not None:
        asked[_BY_ID] = query(txn_id=(draft.txn_id,), include_line_items=True)
    if not messages.is_separate(draft):
        asked[_BY_CUSTOMER] = messages.first_step(draft)[1]
        return asked
    # Ours is not older than its run, whatever date it was given in QuickBooks since.
    since = (draft.run.created_at - stamp.CLOCKS_DIFFER).replace(tzinfo=None, microsecond=0)
    asked[_BY_CUSTOMER] = query(
        modified_date_range_filter=txn.ModifiedDateRangeFilter(from_modified_date=since),
        entity_filter=txn.EntityFilter(list_id=(draft.customer_list_id,)),
        include_line_items=True,
    )
    return asked


class FindInvoice(JobKind):
    """The search that goes before the link of an invoice is cleared."""

    kind = FIND
    topic = "searches"
    priority = 20

    def answered(self, visit: Visit, answer: Answer) -> None:
        """Keep the link of what is found; let go what is found nowhere."""
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        shown = list(answer.objects)
        if not is_sought(draft):  # another answer has decided
            visit.finish()
        elif not (visit.session.may_write and visit.session.knows_landmarks):
            # This may be an older copy of the company file: what it lacks, or holds, says nothing.
            again = visit.ask(_questions(draft)[visit.request.step], visit.request.step)
            again.not_in_session_id = visit.session.id
        elif (found := _find(visit, draft, shown)) is not None:
            self._keep(visit, draft, found)
        elif answer.unread:
            self._restore(visit, draft, read_back.UNREADABLE, "")
            visit.park(read_back.UNREADABLE, "")
        elif visit.request.step == _BY_CUSTOMER and answer.status_code not in _COMPLETE:
            self._restore(visit, draft, answer.status_code, answer.message)
            visit.park(answer.status_code, answer.message)
        elif not _is_more_asked(visit):
            self._release(visit, draft)

    def parked(self, visit: Visit, status: Status) -> None:
        """QuickBooks could not be asked: the link stays."""
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        if is_sought(draft):
            self._restore(visit, draft, status.code, status.message)

    def _keep(self, visit: Visit, draft: Draft, found: _Form) -> None:
        draft.detail, draft.written_at = None, draft.written_at or visit.now
        read_back.compare(visit.db, draft, found, visit.now)
        _note(visit, draft, "found", {"ref_number": found.ref_number or "", "txn_id": found.txn_id})
        visit.finish()
        read_back.when_done(visit, draft.run)

    def _release(self, visit: Visit, draft: Draft) -> None:
        if releasing.release_charges(visit.db, draft) is not None:
            self._restore(visit, draft, CORRECTED, "")
            visit.finish()
            return
        draft.state, draft.code, draft.detail = DraftState.IGNORED, RELEASED, None
        draft.txn_id = draft.ref_number = draft.txn_date = draft.subtotal = draft.tax = draft.kept = None
        for line in draft.lines:
            line.txn_line_id = line.rate = line.amount = None
        _note(visit, draft, "released", {})
        visit.finish()
        read_back.when_done(visit, draft.run)

    def _restore(self, visit: Visit, draft: Draft, code: str, message: str) -> None:
        """The draft stands again as it stood before the search."""
        was = visit.job.payload["was"]
        draft.state, draft.code, draft.detail = DraftState(was["state"]), was["code"], was["detail"]
        _note(visit, draft, "not-searched", {"code": code, "message": message})
        read_back.when_done(visit, draft.run)


def _find(visit: Visit, draft: Draft, shown: list[_Form]) -> _Form | None:
    """The transaction that a draft made, or that holds a line of it."""
    if not messages.is_separate(draft):
        return next((one for one in shown if _holds_some(visit.db, draft, one)), None)
    for one in shown:
        if one.txn_id == draft.txn_id:
            return one
    others = txn_ids_of_others(visit.db, draft)
    sought = stamp.Sought(message=messages.addition(draft), left_at=draft.run.created_at)
    shows_stamps = visit.connection.shows_stamps or any(one.external_guid for one in shown)
    found: _Form | None = stamp.find(sought, shown, others, shows_stamps=shows_stamps)
    if found is not None or shows_stamps:
        return found
    # Without stamps, and the PO number or the terms may have changed since: the lines alone decide.
    unclaimed = (one for one in shown if one.txn_id not in others)
    return next((one for one in unclaimed if _holds_all(draft, one)), None)


def _holds_some(db: orm.Session, draft: Draft, invoice: _Form) -> bool:
    """Whether a line of ours is on an invoice: the very line, or one that says the same and is no other draft's."""
    ids = {line.txn_line_id for line in draft.lines if line.txn_line_id} if invoice.txn_id == draft.txn_id else set()
    others = read_back.lines_of_other_drafts(db, draft, invoice.txn_id)
    wanted = messages.sent_lines(draft)
    return any(
        kept.txn_line_id in ids or any(_says_the_same(draft, line, kept) for line in wanted)
        for kept in messages.kept_lines(invoice)
        if kept.txn_line_id not in others
    )


def _holds_all(draft: Draft, form: _Form) -> bool:
    left = list(messages.kept_lines(form))
    for line in messages.sent_lines(draft):
        match = next((kept for kept in left if _says_the_same(draft, line, kept)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _says_the_same(draft: Draft, line: DraftLine, kept: KeptLine) -> bool:
    if kept.is_group or kept.item_list_id != line.item_list_id or kept.quantity is None:
        return False
    # A credit memo holds what is owed to the client with the other sign.
    quantity = -line.quantity if draft.form is Form.CREDIT_MEMO else line.quantity
    return kept.quantity == quantity and _words(kept.description) == _words(line.description)


def _words(text: str) -> list[str]:
    return fold(text).text.split()


def _is_more_asked(visit: Visit) -> bool:
    """Whether another question of this search is still to be answered."""
    states = [wire.RequestState.QUEUED, wire.RequestState.SENT]
    others = sa.select(wire.Request.id).where(
        wire.Request.job_id == visit.job.id, wire.Request.id != visit.request.id, wire.Request.state.in_(states)
    )
    visit.db.flush()
    return visit.db.scalar(others.limit(1)) is not None


def _note(visit: Visit, draft: Draft, action: str, detail: dict[str, Any]) -> None:
    audit.note(
        visit.db,
        visit.connection.id,
        at=visit.now,
        who="",
        action=action,
        subject=f"draft:{draft.id}",
        detail=detail,
    )


__all__ = ["CORRECTED", "FIND", "RELEASED", "SEARCHING", "SENTENCES", "FindInvoice", "is_sought", "search"]
