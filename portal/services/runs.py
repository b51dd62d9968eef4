"""Runs: each billing of a period and its invoices, as they were asked for and as QuickBooks keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.drafting import Form
from portal.billing.period import Period
from portal.errors import NotFound, Sentence
from portal.models import Draft, DraftState, InvoiceMode, Organization, PlannedDraft, PlannedState, Run
from portal.services import Portal, quickbooks, unshared
from portal.services.connections import HIGHEST_ID
from portal.services.targets import load_targets
from qbwc.models import ListObject


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLineView:
    """A line of an invoice: what was asked for, and the rate and amount that QuickBooks gave it."""

    item: str
    description: str
    quantity: Decimal
    arithmetic: str
    rate: Decimal | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftView:
    """An invoice of a run. `billed` is the sum of our lines; subtotal, tax and total are the whole invoice's."""

    id: int
    organization: str
    customer: str
    mode: InvoiceMode
    form: Form
    state: DraftState
    may_go_again: bool
    ref_number: str | None
    txn_date: date | None
    lines: int
    billed: Decimal | None
    subtotal: Decimal | None
    tax: Decimal | None
    total: Decimal | None
    code: str | None
    what: Sentence | None
    do: Sentence | None
    rows: tuple[DraftLineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with its invoices. `left` are still to be made.

    Not sent: `changed` are other than what was approved, `failed` could not be made, by a fault of ours.
    """

    id: int
    invoice_date: date
    period_start: date
    period_last: date
    created_at: datetime
    drafts: tuple[DraftView, ...]
    left: int
    changed: tuple[str, ...]
    failed: tuple[str, ...]


def list_runs(portal: Portal, connection_id: int) -> tuple[RunView, ...]:
    """All runs of a connection, newest first."""
    with portal.database.read() as db:
        own = sa.select(Run).filter_by(connection_id=connection_id).where(unshared.is_shown())
        rows = db.scalars(own.order_by(Run.invoice_date.desc())).all()
        return tuple(_run_view(db, row) for row in rows)


def get_run(portal: Portal, connection_id: int, run_id: int) -> RunView:
    """One run. Raises NotFound."""
    with portal.database.read() as db:
        same = sa.select(Run).filter_by(id=min(run_id, HIGHEST_ID), connection_id=connection_id)
        row = db.scalar(same.where(unshared.is_shown()))
        if row is None:
            raise NotFound("This run does not exist here.")
        return _run_view(db, row)


def _run_view(db: orm.Session, run: Run) -> RunView:
    query = (
        sa.select(Draft)
        .filter_by(run_id=run.id)
        .options(orm.selectinload(Draft.lines), orm.joinedload(Draft.organization))
        .order_by(Draft.id)
    )
    planned = (
        sa.select(Organization.name, PlannedDraft.state)
        .join(PlannedDraft, PlannedDraft.organization_id == Organization.id)
        .where(PlannedDraft.run_id == run.id)
        .order_by(Organization.name)
    )
    pending = db.execute(planned).all()
    return RunView(
        id=run.id,
        invoice_date=run.invoice_date,
        period_start=run.period_start,
        period_last=Period(run.period_start, run.period_end).last,
        created_at=run.created_at,
        drafts=draft_views(db, run.connection_id, db.scalars(query).all()),
        left=sum(state is PlannedState.WAITING for _name, state in pending),
        changed=tuple(name for name, state in pending if state is PlannedState.CHANGED),
        failed=tuple(name for name, state in pending if state is PlannedState.FAILED),
    )


def draft_views(db: orm.Session, connection_id: int, drafts: Sequence[Draft]) -> tuple[DraftView, ...]:
    """These invoices of a connection as people see them, with the names of their items and customers."""
    items = load_targets(db, connection_id, "item", {line.item_list_id for draft in drafts for line in draft.lines})
    customers = load_targets(db, connection_id, "customer", {draft.customer_list_id for draft in drafts})
    return tuple(_draft_view(draft, items, customers) for draft in drafts)


def _name(objects: dict[str, ListObject], list_id: str) -> str:
    return objects[list_id].full_name if list_id in objects else list_id


def _draft_view(draft: Draft, items: dict[str, ListObject], customers: dict[str, ListObject]) -> DraftView:
    sent = [line for line in draft.lines if line.quantity]  # what comes to nothing is not sent
    amounts = [line.amount for line in sent if line.amount is not None]
    is_known = draft.subtotal is not None
    what, do = (None, None) if draft.code is None else quickbooks.explained(draft.code, draft.detail or "")
    return DraftView(
        id=draft.id,
        organization=draft.organization.name,
        customer=_name(customers, draft.customer_list_id),
        mode=draft.mode,
        form=draft.form,
        state=draft.state,
        may_go_again=quickbooks.may_go_again(draft),
        ref_number=draft.ref_number,
        txn_date=draft.txn_date,
        lines=len(draft.lines),
        billed=_sum(amounts) if len(amounts) == len(sent) and is_known else None,
        subtotal=draft.subtotal,
        tax=draft.tax,
        total=None if draft.subtotal is None else draft.subtotal + (draft.tax or Decimal(0)),
        code=draft.code,
        what=what,
        do=do,
        rows=tuple(
            DraftLineView(
                item=_name(items, line.item_list_id),
                description=line.description,
                quantity=line.quantity,
                arithmetic=line.arithmetic,
                rate=line.rate,
                amount=line.amount,
            )
            for line in draft.lines
        ),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
