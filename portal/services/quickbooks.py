"""The queue, seen from the portal: the only door to QuickBooks.

A draft becomes a job under its own key, so that dispatching it twice queues it once. Creating is one message; updating
reads the customer's invoices of the period first, chooses one, and sends its whole list of lines back. When the last
invoice of a run is written, all of them are read back and compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import ChargeKind
from portal.billing.invoice import Difference, KeptLine, Step, WantedLine, merge, reconcile
from portal.billing.matching import Candidate, Obstacle, choose
from portal.billing.money import to_cents
from portal.billing.period import Period
from portal.errors import Sentence
from portal.models import Connection, CostState, Draft, DraftLine, DraftState, InvoiceMode, ItemCost, Run
from portal.services.reasons import explain
from qbwc import mirror, queue, stamp
from qbwc import models as wire
from qbwc.database import Database
from qbwc.endpoint import Endpoint
from qbwc.errors import EncodeError
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.qbxml import Answer
from qbwc.qbxml import lists as list_messages
from qbwc.qbxml import transactions as txn
from qbwc.qbxml.reaction import Reaction
from qbwc.qbxml.status import Status, judge, judge_hresult
from qbwc.qbxml.text import changes_in, fit, fold
from qbwc.qbxml.types import Ref

CREATE, UPDATE, COST, READ_BACK = "create-invoice", "update-invoice", "item-cost", "read-back"
LISTS_EVERY = timedelta(hours=20)
RHYTHM_SLACK = timedelta(minutes=5)
READ_BACK_AT_ONCE = 200
UNKNOWN, UNREADABLE = "our-bug", "unreadable"
LONGEST_DESCRIPTION = 4095
COSTED_ITEMS = ("ItemService", "ItemNonInventory", "ItemOtherCharge")


def build_registry() -> Registry:
    """The job kinds of the product."""
    registry = Registry(mirror.PullList())
    for kind in (CreateInvoice(), UpdateInvoice(), PushCost(), ReadBack()):
        registry.add(kind)
    return registry


def build_endpoint(
    database: Database,
    registry: Registry,
    now: Callable[[], datetime],
    version: str,
    interactive_page: Callable[[wire.Connection], str] | None = None,
) -> Endpoint:
    """The Web Connector's counterpart over this portal's database."""

    def before_visit(db: orm.Session, connection: wire.Connection, moment: datetime) -> None:
        row = db.get(Connection, connection.id)
        states = db.scalars(sa.select(wire.ListState).filter_by(connection_id=connection.id)).all()
        refreshed = [state.refreshed_at for state in states if state.refreshed_at]
        newest = min(refreshed) if len(refreshed) == len(mirror.LISTS) else None
        wanted = row is not None and row.lists_wanted
        if wanted or lists_are_due(moment, newest, connection.last_contact_at, timedelta(minutes=60)):
            mirror.refresh(db, registry, connection, moment)
            if row is not None:
                row.lists_wanted = False
        _dispatch_mended_costs(db, registry, connection.id, moment)

    return Endpoint(
        database,
        registry,
        before_visit=[before_visit],
        server_version=version,
        interactive_page=interactive_page,
        now=now,
    )


def lists_are_due(
    now: datetime, refreshed_at: datetime | None, last_contact_at: datetime | None, every: timedelta
) -> bool:
    """Whether this visit reads QuickBooks' lists: once a day by itself, and whenever a person clicked Update Selected.

    The connector's own schedule comes every `every`; a call off that rhythm was made by hand.
    """
    if refreshed_at is None or now - refreshed_at >= LISTS_EVERY:
        return True
    if last_contact_at is None:
        return True
    return abs(now - last_contact_at - every) > RHYTHM_SLACK


def explained(code: str, detail: str) -> tuple[Sentence, Sentence | None]:
    """What any code on a draft, a cost or a list says happened; and what to do, where the first does not say it."""
    known = explain(code)
    if known is not None:
        return known, None
    if code == UNKNOWN:
        return Sentence("This invoice cannot be written for QuickBooks: %(detail)s.", {"detail": detail}), None
    return what_and_do(code, detail)


def what_and_do(code: str, message: str) -> tuple[Sentence, Sentence]:
    """What a status code or hresult of QuickBooks says happened, and what a person can do about it."""
    if code == queue.UNHANDLED.code:
        status = dataclasses.replace(queue.UNHANDLED, message=message)
    else:
        status = judge_hresult(code, message) if code.casefold().startswith("0x") else judge(code, "Error", message)
    what = Sentence(status.what("en"), {}, {"fr": status.what("fr")})
    return what, Sentence(status.do("en"), {}, {"fr": status.do("fr")})


# -- dispatching -----------------------------------------------------------------------------------------------------


def dispatch(db: orm.Session, registry: Registry, draft: Draft, connection: Connection, now: datetime) -> None:
    """Queue one draft. A draft that cannot be written as qbXML is parked with the field that is to blame."""
    kind = CREATE if draft.mode is InvoiceMode.CREATE else UPDATE
    try:
        step = first_step(draft, connection)
        queue.put(
            db,
            registry,
            connection_id=connection.id,
            kind=kind,
            key=f"draft:{draft.id}",
            payload={"draft": draft.id},
            messages=[step],
            now=now,
        )
    except EncodeError as error:
        draft.state, draft.code, draft.detail = DraftState.PARKED, UNKNOWN, str(error)


def dispatch_again(db: orm.Session, registry: Registry, draft: Draft, connection: Connection, now: datetime) -> None:
    """Begin the job of a parked draft again. One that cannot be written as qbXML stays parked with the field."""
    kind = CREATE if draft.mode is InvoiceMode.CREATE else UPDATE
    job = db.scalar(sa.select(wire.Job).filter_by(connection_id=connection.id, kind=kind, key=f"draft:{draft.id}"))
    if job is None:
        dispatch(db, registry, draft, connection, now)
        return
    if job.state is wire.JobState.WAITING:  # its set is on its way again, because of another draft in it
        return
    job.payload = {"draft": draft.id}
    try:
        if job.state is wire.JobState.DONE:
            queue.redo(db, registry, job, [_look_first(draft, connection)], now=now)
        else:
            queue.retry(db, registry, job, [first_step(draft, connection)], now=now)
    except EncodeError as error:
        draft.state, draft.code, draft.detail = DraftState.PARKED, UNKNOWN, str(error)


def _look_first(draft: Draft, connection: Connection) -> tuple[str, Any]:
    """The question that goes before anything is written again for a draft whose invoice or lines are gone."""
    step, message = first_step(draft, connection)
    if draft.mode is InvoiceMode.CREATE:
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
        _read_back(db, run, now)
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
    """Whether an invoice that was updated no longer holds our lines as they were written."""
    lost = (Difference.LINE_MISSING, Difference.QUANTITY)
    return draft.state is DraftState.DIFFERENT and draft.mode is InvoiceMode.UPDATE and draft.code in lost


def is_uncompared(draft: Draft) -> bool:
    """Whether the invoice was written, and QuickBooks refused to show it afterwards."""
    return draft.state is DraftState.DIFFERENT and draft.code not in set(Difference)


def compare_again(db: orm.Session, draft: Draft, now: datetime) -> None:
    """Read back the invoices of a run that QuickBooks refused to show."""
    for one in draft.run.drafts:
        if is_uncompared(one):
            one.state, one.code, one.detail = DraftState.WRITTEN, None, None
    db.flush()
    _read_back(db, draft.run, now)


def may_be_written(db: orm.Session, draft: Draft) -> bool:
    """Whether a message of this draft left and nobody knows what QuickBooks did with it."""
    unknown = (
        sa.select(wire.Request.id)
        .join(wire.Job)
        .where(
            wire.Job.connection_id == draft.run.connection_id,
            wire.Job.kind.in_([CREATE, UPDATE]),
            wire.Job.key == f"draft:{draft.id}",
            wire.Request.is_write,
            wire.Request.state == wire.RequestState.SENT,
        )
    )
    return db.scalar(unknown.limit(1)) is not None


def takes_cost(item: wire.ListObject) -> bool:
    """Whether an item has a unit cost that is ours to write."""
    return item.type in COSTED_ITEMS and bool(item.data.get("has_cost"))


def dispatch_cost(db: orm.Session, registry: Registry, row: ItemCost, now: datetime) -> None:
    """Queue the unit cost of an item, unless it waits already; it is read first, and written only where it differs."""
    same = f"{row.item_list_id}:{row.unit_cost}:"
    before = sa.select(wire.Job.state).filter_by(connection_id=row.connection_id, kind=COST)
    states = db.scalars(before.where(wire.Job.key.startswith(same, autoescape=True))).all()
    if wire.JobState.WAITING in states:
        return
    queue.put(
        db,
        registry,
        connection_id=row.connection_id,
        kind=COST,
        key=f"{same}{len(states)}",
        payload={"item": row.item_list_id, "cost": str(row.unit_cost)},
        messages=[("read", list_messages.ItemQueryRq(list_id=(row.item_list_id,)))],
        now=now,
    )


def _dispatch_mended_costs(db: orm.Session, registry: Registry, connection_id: int, now: datetime) -> None:
    """Queue the costs whose items had no cost field and have one now."""
    stuck = sa.select(ItemCost).filter_by(connection_id=connection_id, state=CostState.NO_FIELD)
    for row in db.scalars(stuck).all():
        item = mirror.find(db, connection_id, "item", row.item_list_id)
        if item is not None and takes_cost(item):
            row.state, row.code = CostState.QUEUED, None
            dispatch_cost(db, registry, row, now)


def first_step(draft: Draft, connection: Connection) -> tuple[str, Any]:
    """The first message of a draft's job."""
    if draft.mode is InvoiceMode.CREATE:
        return "add", _invoice_add(draft)
    run = draft.run
    return "read", txn.InvoiceQueryRq(
        txn_date_range_filter=txn.TxnDateRangeFilter(
            from_txn_date=run.period_start, to_txn_date=run.period_end - timedelta(days=1)
        ),
        entity_filter=txn.EntityFilter(list_id=(draft.customer_list_id,)),
        include_line_items=True,
        include_linked_txns=True,
    )


def text_changes(descriptions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The characters of these texts that QuickBooks cannot keep, each with what it becomes ("" when left out)."""
    return changes_in(descriptions)


def _fitting(description: str) -> str:
    """A line's text as QuickBooks keeps it, cut to what a line can hold."""
    return fit(fold(description).text, LONGEST_DESCRIPTION)


def _invoice_add(draft: Draft) -> txn.InvoiceAddRq:
    return txn.InvoiceAddRq(
        invoice_add=txn.InvoiceAdd(
            customer_ref=Ref(list_id=draft.customer_list_id),
            txn_date=draft.run.invoice_date,
            external_guid=draft.guid,
            lines=tuple(
                txn.InvoiceLineAdd(
                    item_ref=Ref(list_id=line.item_list_id),
                    desc=_fitting(line.description),
                    quantity=line.quantity,
                    service_date=line.service_date,
                )
                for line in draft.lines
            ),
        )
    )


# -- what QuickBooks' invoices look like to the rules ----------------------------------------------------------------


def _candidate(invoice: txn.InvoiceRet) -> Candidate:
    return Candidate(
        txn_id=invoice.txn_id,
        ref_number=invoice.ref_number or "",
        txn_date=invoice.txn_date or date.min,
        time_created=invoice.time_created,
        is_pending=bool(invoice.is_pending),
        is_to_be_printed=bool(invoice.is_to_be_printed),
        is_to_be_emailed=bool(invoice.is_to_be_emailed),
        is_paid=bool(invoice.is_paid),
        applied=invoice.applied_amount or Decimal(0),
        has_links=bool(invoice.linked_txn),
    )


def _kept_lines(invoice: txn.InvoiceRet) -> tuple[KeptLine, ...]:
    return tuple(
        KeptLine(
            txn_line_id=line.txn_line_id,
            item_list_id=(ref.list_id if ref else None),
            description=line.desc or "",
            quantity=line.quantity,
            rate=None if is_group else line.rate,  # type: ignore[union-attr]
            amount=line.total_amount if isinstance(line, txn.InvoiceLineGroupRet) else line.amount,
            is_group=is_group,
        )
        for line in invoice.lines
        for is_group in (isinstance(line, txn.InvoiceLineGroupRet),)
        for ref in (line.item_group_ref if isinstance(line, txn.InvoiceLineGroupRet) else line.item_ref,)
    )


def _wanted_lines(draft: Draft) -> tuple[WantedLine, ...]:
    return tuple(
        WantedLine(
            position=line.position,
            item_list_id=line.item_list_id,
            description=line.description,
            quantity=line.quantity,
            service_date=line.service_date,
            states_all=line.kind in (ChargeKind.RECURRING, ChargeKind.USAGE),
            txn_line_id=line.txn_line_id,
        )
        for line in draft.lines
    )


def _invoice_mod(invoice: txn.InvoiceRet, steps: Sequence[Step]) -> txn.InvoiceModRq:
    return txn.InvoiceModRq(
        invoice_mod=txn.InvoiceMod(
            txn_id=invoice.txn_id,
            edit_sequence=invoice.edit_sequence or "",
            lines=tuple(_line_mod(step) for step in steps),
        )
    )


def _line_mod(step: Step) -> txn.InvoiceLineMod | txn.InvoiceLineGroupMod:
    kept, wanted = step.kept, step.wanted
    if kept is not None and kept.is_group:
        return txn.InvoiceLineGroupMod(txn_line_id=kept.txn_line_id)
    if wanted is None:
        return txn.InvoiceLineMod(txn_line_id=kept.txn_line_id if kept else "-1")
    return txn.InvoiceLineMod(
        txn_line_id=kept.txn_line_id if kept else "-1",
        item_ref=None if kept else Ref(list_id=wanted.item_list_id),
        desc=_fitting(wanted.description),
        quantity=wanted.quantity,
        service_date=wanted.service_date,
    )


# -- job kinds -------------------------------------------------------------------------------------------------------


class _InvoiceJob(JobKind):
    """What creating and updating share: noting the written invoice, parking, and the reading back of the run."""

    priority = 30

    def parked(self, visit: Visit, status: Status) -> None:
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        draft.state, draft.code, draft.detail = DraftState.PARKED, status.code, status.message
        if status.reaction is Reaction.USER_MAPPING:
            # The item or customer that we know is not there: the person must choose among what is.
            visit.db.get_one(Connection, visit.connection.id).lists_wanted = True
        _read_back_when_done(visit, draft.run)

    def _park(self, visit: Visit, draft: Draft, code: str) -> None:
        draft.state, draft.code, draft.detail = DraftState.PARKED, code, None
        visit.park(code, "")
        _read_back_when_done(visit, draft.run)

    def _note(self, visit: Visit, invoice: txn.InvoiceRet) -> None:
        draft = visit.db.get_one(Draft, visit.job.payload["draft"])
        draft.state, draft.code, draft.detail, draft.written_at = DraftState.WRITTEN, None, None, visit.now
        _match(visit.db, draft, invoice)
        visit.finish()
        _read_back_when_done(visit, draft.run)


class CreateInvoice(_InvoiceJob):
    """A separate invoice beside the partner's own."""

    kind = CREATE

    def answered(self, visit: Visit, answer: Answer) -> None:
        """The invoice exists: note its number and lines. One that was gone is looked for first."""
        if visit.request.step == "look":
            draft = visit.db.get_one(Draft, visit.job.payload["draft"])
            wanted = _invoice_add(draft)
            sought = stamp.Sought(message=wanted, left_at=draft.written_at or visit.now)
            others = _txn_ids_of_others(visit.db, draft)
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
            [_candidate(invoice) for invoice in invoices.values()],
            Period(draft.run.period_start, draft.run.period_end),
            _closing_date(visit.connection),
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
            closing = _closing_date(visit.connection)
            connection = visit.db.get_one(Connection, visit.connection.id)
            period = Period(draft.run.period_start, draft.run.period_end)
            if isinstance(choose([_candidate(invoice)], period, closing, connection.unflagged_is_unsent), Obstacle):
                return False
            self._change(visit, draft, invoice)
            return True
        return False

    def _change(self, visit: Visit, draft: Draft, invoice: txn.InvoiceRet) -> None:
        lines = _kept_lines(invoice)
        steps = merge(lines, _wanted_lines(draft), lines_of_other_drafts(visit.db, draft, invoice.txn_id))
        draft.txn_id, draft.ref_number = invoice.txn_id, invoice.ref_number
        draft.kept = {"before": [_plain(step.kept) for step in steps if step.kept and not step.wanted]}
        visit.ask(_invoice_mod(invoice, steps), "change")


class PushCost(JobKind):
    """The unit cost of an item, into its PurchaseCost."""

    kind = COST
    priority = 20

    def answered(self, visit: Visit, answer: Answer) -> None:
        """After the reading: write the cost where it differs and the item has a field for it."""
        cost = Decimal(visit.job.payload["cost"])
        if visit.request.step == "write":
            self._note(visit, CostState.WRITTEN)
            return
        for item in answer.objects:
            self._write(visit, item, cost)
            return
        self._note(visit, CostState.PARKED, "item-gone")

    def _write(self, visit: Visit, item: Any, cost: Decimal) -> None:
        both = getattr(item, "sales_and_purchase", None)
        if both is None:
            # An item without a cost field is never converted silently: changing its kind is the person's decision.
            self._note(visit, CostState.NO_FIELD, "no-cost-field")
        elif both.purchase_cost == cost:
            self._note(visit, CostState.WRITTEN)
        else:
            visit.ask(_cost_mod(item, cost), "write")

    def stale(self, visit: Visit, answer: Answer) -> bool:
        """The item changed since it was read: the same cost into what QuickBooks shows."""
        for item in answer.objects:
            visit.ask(_cost_mod(item, Decimal(visit.job.payload["cost"])), "write")
            return True
        return False

    def parked(self, visit: Visit, status: Status) -> None:
        """Keep why the cost was refused."""
        row = self._row(visit)
        if row is not None:
            row.state, row.code, row.detail = CostState.PARKED, status.code, status.message

    def _note(self, visit: Visit, state: CostState, code: str | None = None) -> None:
        row = self._row(visit)
        if row is not None:
            row.state, row.code, row.detail, row.changed_at = state, code, None, visit.now
        visit.finish()

    def _row(self, visit: Visit) -> ItemCost | None:
        wanted = sa.select(ItemCost).filter_by(
            connection_id=visit.connection.id, item_list_id=visit.job.payload["item"]
        )
        row = visit.db.scalar(wanted)
        return row if row is not None and row.unit_cost == Decimal(visit.job.payload["cost"]) else None


def _cost_mod(item: Any, cost: Decimal) -> Any:
    change = list_messages.SalesAndPurchaseMod(purchase_cost=cost)
    sequence = item.edit_sequence or ""
    if isinstance(item, list_messages.ItemNonInventoryRet):
        mod = list_messages.ItemNonInventoryMod(
            list_id=item.list_id, edit_sequence=sequence, sales_and_purchase_mod=change
        )
        return list_messages.ItemNonInventoryModRq(item_non_inventory_mod=mod)
    if isinstance(item, list_messages.ItemOtherChargeRet):
        fee = list_messages.ItemOtherChargeMod(
            list_id=item.list_id, edit_sequence=sequence, sales_and_purchase_mod=change
        )
        return list_messages.ItemOtherChargeModRq(item_other_charge_mod=fee)
    service = list_messages.ItemServiceMod(list_id=item.list_id, edit_sequence=sequence, sales_and_purchase_mod=change)
    return list_messages.ItemServiceModRq(item_service_mod=service)


class ReadBack(JobKind):
    """All invoices of a run, read again once they are written, and compared with what was asked for."""

    kind = READ_BACK
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


def compare(db: orm.Session, draft: Draft, invoice: txn.InvoiceRet, now: datetime) -> None:
    """Set a draft to RECONCILED, or to DIFFERENT with the first difference."""
    difference = _match(db, draft, invoice)
    draft.state = DraftState.RECONCILED if difference is None else DraftState.DIFFERENT
    draft.code, draft.reconciled_at = difference, now


def _match(db: orm.Session, draft: Draft, invoice: txn.InvoiceRet) -> Difference | None:
    """Note the invoice and which of its lines are ours; the first difference from what was asked for.

    Lines of other drafts that joined the same invoice are theirs to compare.
    """
    others = lines_of_other_drafts(db, draft, invoice.txn_id)
    draft.txn_id, draft.ref_number, draft.txn_date = invoice.txn_id, invoice.ref_number, invoice.txn_date
    draft.subtotal, draft.tax = invoice.subtotal, to_cents(invoice.sales_tax_total or Decimal(0))
    before = [_kept(plain) for plain in (draft.kept or {}).get("before", []) if plain["txn_line_id"] not in others]
    lines = [line for line in _kept_lines(invoice) if line.txn_line_id not in others]
    result = reconcile(_wanted_lines(draft), lines, before, None if others else invoice.subtotal)
    for line in draft.lines:
        kept = result.lines.get(line.position)
        if kept is not None:
            line.txn_line_id, line.rate, line.amount = kept.txn_line_id, kept.rate, kept.amount
    return result.difference


def _read_back_when_done(visit: Visit, run: Run) -> None:
    visit.db.flush()
    waiting = sa.select(Draft.id).filter_by(run_id=run.id, state=DraftState.QUEUED)
    if visit.db.scalar(waiting.limit(1)) is None:
        visit.session.total += _read_back(visit.db, run, visit.now)


def _read_back(db: orm.Session, run: Run, now: datetime) -> int:
    """Queue the reading of the invoices of a run that are written and not compared yet; returns how many messages."""
    written = db.scalars(sa.select(Draft.txn_id).filter_by(run_id=run.id, state=DraftState.WRITTEN)).all()
    ids = sorted({txn_id for txn_id in written if txn_id})
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
    chunks = [ids[begin : begin + READ_BACK_AT_ONCE] for begin in range(0, len(ids), READ_BACK_AT_ONCE)]
    queue.put(
        db,
        Registry(ReadBack()),
        connection_id=run.connection_id,
        kind=READ_BACK,
        key=f"run:{run.id}:{done}",
        payload={"run": run.id, "invoices": ids},
        messages=[("read", txn.InvoiceQueryRq(txn_id=tuple(chunk), include_line_items=True)) for chunk in chunks],
        now=now,
    )
    return len(chunks)


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


def _txn_ids_of_others(db: orm.Session, draft: Draft) -> frozenset[str]:
    """The invoices of this company file that other drafts wrote."""
    ids = sa.select(Draft.txn_id).join(Run).where(Run.connection_id == draft.run.connection_id, Draft.id != draft.id)
    return frozenset(txn_id for txn_id in db.scalars(ids) if txn_id)


def _closing_date(connection: wire.Connection) -> date | None:
    text = (connection.preferences or {}).get("closing_date")
    return date.fromisoformat(text) if text else None


def _plain(line: KeptLine) -> dict[str, Any]:
    return {
        "txn_line_id": line.txn_line_id,
        "item_list_id": line.item_list_id,
        "description": line.description,
        "quantity": None if line.quantity is None else str(line.quantity),
        "rate": None if line.rate is None else str(line.rate),
        "amount": None if line.amount is None else str(line.amount),
        "is_group": line.is_group,
    }


def _kept(plain: dict[str, Any]) -> KeptLine:
    numbers = {name: None if plain[name] is None else Decimal(plain[name]) for name in ("quantity", "rate", "amount")}
    return KeptLine(
        txn_line_id=plain["txn_line_id"],
        item_list_id=plain["item_list_id"],
        description=plain["description"],
        quantity=numbers["quantity"],
        rate=numbers["rate"],
        amount=numbers["amount"],
        is_group=plain["is_group"],
    )


def list_object(db: orm.Session, connection_id: int, kind: str, list_id: str) -> wire.ListObject | None:
    """An item or customer as QuickBooks last showed it."""
    return mirror.find(db, connection_id, kind, list_id)


def troubled_lists(db: orm.Session, connection_id: int) -> list[tuple[str, wire.Job]]:
    """The lists whose last pull QuickBooks refused, or was not wholly readable, each with the job that says why."""
    newest: dict[str, wire.Job] = {}
    pulls = sa.select(wire.Job).filter_by(connection_id=connection_id, kind=mirror.PULL).order_by(wire.Job.id)
    for job in db.scalars(pulls):
        newest[job.payload["list"]] = job
    return [(name, job) for name, job in newest.items() if job.state is wire.JobState.PARKED or job.warning]
