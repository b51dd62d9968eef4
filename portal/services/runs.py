"""Runs: preview a period, bill it, follow its invoices.

A charge is billed by one line at most: the database keeps it so. Billing the same date again takes only what no line
bills yet, so that asking twice, or on two machines, doubles nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import mapping as rules
from portal.billing.charge import Charge as ChargeValue
from portal.billing.money import to_cents
from portal.billing.period import Period, billed_period, invoice_date, invoice_date_on_or_before
from portal.billing.proration import Proration
from portal.errors import NotFound, Refused, Sentence
from portal.models import (
    BilledCharge,
    Charge,
    Connection,
    CostState,
    Delivery,
    Draft,
    DraftLine,
    DraftState,
    InvoiceMode,
    ItemCost,
    Offer,
    Organization,
    Run,
)
from portal.services import Portal, quickbooks
from portal.services.connections import HIGHEST_ID, find, hold
from portal.services.mappings import currency_code, load_targets, mapped_offer, mapped_organization
from portal.services.reasons import NO_COST_FIELD, REASONS
from qbwc.models import ListObject

FIRST_YEAR, LAST_YEAR = 2000, 2199


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewLine:
    """A line to be sent. `estimate` is at the item's list price; QuickBooks decides."""

    item: str
    description: str
    quantity: Decimal
    arithmetic: str
    price: Decimal | None
    estimate: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewDraft:
    """The lines of one organization; with `reason` they wait.

    `text_changes` are the characters that QuickBooks cannot keep, each with what it becomes.
    """

    organization: str
    customer: str
    mode: InvoiceMode
    reason: Sentence | None
    lines: tuple[PreviewLine, ...]
    estimate: Decimal | None
    text_changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """Charges of one organization and offer that are not billed, and the row to fix (`link`: offer or organization)."""

    organization: str
    offer: str
    count: int
    reason: Sentence
    code: str
    link: str
    link_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """A unit cost to be written to its item."""

    item: str
    item_list_id: str
    unit_cost: Decimal
    current_cost: Decimal | None
    problem: Sentence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What billing this date would do. `period_last` is the last day."""

    invoice_date: date
    period_start: date
    period_last: date
    drafts: tuple[PreviewDraft, ...]
    skipped: tuple[SkippedRow, ...]
    costs: tuple[CostRow, ...]


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
    rows: tuple[DraftLineView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run with its invoices."""

    id: int
    invoice_date: date
    period_start: date
    period_last: date
    created_at: datetime
    drafts: tuple[DraftView, ...]


# -- preview and bill ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    connection: Connection
    period: Period
    on: date
    plan: rules.Plan
    offers: dict[int, Offer]
    organizations: dict[int, Organization]
    items: dict[str, ListObject]
    costs: dict[str, Decimal]


def _prepare(db: orm.Session, connection_id: int, on: date | None, now: datetime) -> _Prepared:
    connection = find(db, connection_id)
    today = now.astimezone(ZoneInfo(connection.time_zone)).date()
    on = on or invoice_date_on_or_before(today, connection.invoice_day)
    if not FIRST_YEAR <= on.year <= LAST_YEAR:
        raise Refused("%(date)s cannot be an invoice date. Check its year.", date=on)
    expected = invoice_date(on.year, on.month, connection.invoice_day)
    if on != expected:
        raise Refused(
            "%(date)s is not an invoice date of this connection: in that month it is %(expected)s.",
            date=on,
            expected=expected,
        )
    period = billed_period(on, connection.invoice_day, connection.billing_mode)
    applied = _rules(connection)
    # Read first and held: what a charge then asks of its offer and organization is here already.
    offers = {row.id: row for row in db.scalars(sa.select(Offer).filter_by(connection_id=connection_id))}
    organizations = {row.id: row for row in db.scalars(sa.select(Organization).filter_by(connection_id=connection_id))}
    query = (
        sa.select(Charge, Delivery.period_start, Delivery.period_end)
        .join(Delivery, Delivery.id == Charge.delivery_id)
        .outerjoin(BilledCharge, BilledCharge.charge_id == Charge.id)
        .where(Charge.connection_id == connection_id, Charge.start < period.end, BilledCharge.charge_id.is_(None))
        .order_by(Charge.id)
    )
    received = [
        rules.Received(
            id=row.id,
            charge=_value(row),
            offer_id=row.offer_id,
            organization_id=row.organization_id,
            whole=Period(start, end),
        )
        for row, start, end in db.execute(query)
    ]
    items = load_targets(db, connection_id, "item", {row.item_list_id for row in offers.values() if row.item_list_id})
    customers = load_targets(
        db, connection_id, "customer", {row.customer_list_id for row in organizations.values() if row.customer_list_id}
    )
    mapped = {row.id: mapped_offer(row, items.get(row.item_list_id or "")) for row in offers.values()}
    plan = rules.plan(
        received,
        mapped,
        {row.id: mapped_organization(row, customers.get(row.customer_list_id or "")) for row in organizations.values()},
        applied,
        _history(db, connection_id, period),
    )
    refused = {one.charge_id for one in plan.skipped if one.reason in _NO_COST}
    home = applied.home_currency
    costs = rules.unit_costs(
        (row for row in received if row.id not in refused and home in (None, row.charge.currency)), mapped
    )
    return _Prepared(
        connection=connection,
        period=period,
        on=on,
        plan=plan,
        offers=offers,
        organizations=organizations,
        items=items,
        costs=costs,
    )


# The cost of a charge that is too old, or in another currency, says nothing of the item's.
_NO_COST = frozenset({rules.Reason.BEFORE_START, rules.Reason.CURRENCY, rules.Reason.MONEY_CREDIT})


def _history(db: orm.Session, connection_id: int, period: Period) -> rules.History:
    """The charges that tell what a later one is: those of the two years before the end of the period."""
    oldest = period.end - timedelta(days=2 * 366)
    query = sa.select(Charge).where(
        Charge.connection_id == connection_id, Charge.start < period.end, Charge.start >= oldest
    )
    return rules.History.of((row.organization_id, row.offer_id, _value(row)) for row in db.scalars(query))


def _rules(connection: Connection) -> rules.Rules:
    # With multi-currency off, QuickBooks has one currency and names none: nothing can be compared.
    preferences = connection.wire.preferences or {}
    home = currency_code(preferences.get("home_currency")) if preferences.get("multi_currency") else None
    return rules.Rules(
        mode=connection.billing_mode,
        boxes=Proration(
            additions=connection.prorate_additions,
            removals=connection.prorate_removals,
            partial=connection.prorate_partial,
        ),
        start_date=connection.start_date,
        home_currency=home,
    )


def _value(row: Charge) -> ChargeValue:
    return ChargeValue(
        key=row.key,
        organization=row.organization.name,
        offer_key=row.offer.key,
        offer_name=row.name,
        kind=row.kind,
        cycle=row.cycle,
        quantity=row.quantity,
        start=row.start,
        end=row.end,
        unit_cost=row.unit_cost,
        unit_cost_prorated=row.unit_cost_prorated,
        amount=row.amount,
        currency=row.currency,
        is_proratable=row.is_proratable,
        tags=tuple((name, value) for name, value in row.tags.get("tags", [])),
    )


def preview(portal: Portal, connection_id: int, on: date | None = None) -> Preview:
    """What billing the invoice date `on` would do; by default the latest one that has come. Changes nothing."""
    with portal.database.read() as db:
        prepared = _prepare(db, connection_id, on, portal.now())
        return Preview(
            invoice_date=prepared.on,
            period_start=prepared.period.start,
            period_last=prepared.period.last,
            drafts=tuple(_preview_draft(draft, prepared) for draft in prepared.plan.drafts),
            skipped=_skipped_rows(prepared),
            costs=tuple(_cost_row(prepared, list_id, cost) for list_id, cost in sorted(prepared.costs.items())),
        )


def _preview_draft(draft: rules.Draft, prepared: _Prepared) -> PreviewDraft:
    organization = prepared.organizations[draft.organization_id]
    lines = tuple(
        PreviewLine(
            item=line.item.full_name,
            description=line.description,
            quantity=line.quantity,
            arithmetic=line.arithmetic,
            price=line.item.price,
            estimate=None if line.estimate is None else to_cents(line.estimate),
        )
        for line in draft.lines
    )
    estimates = [line.estimate for line in lines if line.estimate is not None]
    return PreviewDraft(
        organization=organization.name,
        customer=draft.customer.full_name if draft.customer else "",
        mode=organization.mode,
        reason=REASONS[draft.reason] if draft.reason else None,
        lines=lines,
        estimate=sum(estimates, Decimal(0)) if len(estimates) == len(lines) else None,
        text_changes=quickbooks.text_changes(line.description for line in lines),
    )


def _skipped_rows(prepared: _Prepared) -> tuple[SkippedRow, ...]:
    counted: dict[tuple[int, int, rules.Reason], int] = {}
    for one in prepared.plan.skipped:
        key = (one.organization_id, one.offer_id, one.reason)
        counted[key] = counted.get(key, 0) + 1
    rows = []
    for (organization_id, offer_id, reason), count in counted.items():
        is_offer = reason.startswith(("offer", "item"))
        rows.append(
            SkippedRow(
                organization=prepared.organizations[organization_id].name,
                offer=prepared.offers[offer_id].name,
                count=count,
                reason=REASONS[reason],
                code=reason,
                link="offer" if is_offer else "organization",
                link_id=offer_id if is_offer else organization_id,
            )
        )
    return tuple(rows)


def _cost_row(prepared: _Prepared, list_id: str, cost: Decimal) -> CostRow:
    item = prepared.items[list_id]
    current = item.data.get("cost")
    problem = None
    if not quickbooks.takes_cost(item):
        problem = Sentence(NO_COST_FIELD.template, {"item": item.full_name, "cost": f"{cost:f}"})
    return CostRow(
        item=item.full_name,
        item_list_id=list_id,
        unit_cost=cost,
        current_cost=Decimal(current) if current else None,
        problem=problem,
    )


def bill(portal: Portal, connection_id: int, on: date | None = None) -> RunView:
    """Bill an invoice date: keep its drafts and queue them for the next visit. Again: only what is not billed yet."""
    now = portal.now()
    with portal.database.write() as db:
        hold(db, connection_id)
        prepared = _prepare(db, connection_id, on, now)
        run = db.scalar(sa.select(Run).filter_by(connection_id=connection_id, invoice_date=prepared.on))
        if run is None and not any(draft.reason is None for draft in prepared.plan.drafts):
            # An empty run would close the date before the charges come.
            raise Refused(
                "There is nothing to bill for %(date)s yet. The preview says what is left out, and why.",
                date=prepared.on,
            )
        if run is None:
            run = Run(
                connection_id=connection_id,
                invoice_date=prepared.on,
                period_start=prepared.period.start,
                period_end=prepared.period.end,
                created_at=now,
            )
            db.add(run)
            db.flush()
        for planned in prepared.plan.drafts:
            if planned.reason is None and planned.customer is not None:
                draft = _keep_draft(db, run, planned, prepared)
                quickbooks.dispatch(db, portal.registry, draft, prepared.connection, now)
        for list_id, cost in prepared.costs.items():
            _keep_cost(db, portal, run, list_id, cost, prepared.items[list_id], now)
        db.flush()
        run_id = run.id
    return get_run(portal, connection_id, run_id)


def _keep_draft(db: orm.Session, run: Run, planned: rules.Draft, prepared: _Prepared) -> Draft:
    assert planned.customer is not None  # noqa: S101 -- the caller looked
    last = db.scalar(
        sa.select(sa.func.max(Draft.sequence)).filter_by(run_id=run.id, organization_id=planned.organization_id)
    )
    draft = Draft(
        run_id=run.id,
        organization_id=planned.organization_id,
        sequence=(last or 0) + 1,
        mode=prepared.organizations[planned.organization_id].mode,
        customer_list_id=planned.customer.list_id,
        guid=f"{{{uuid.uuid4()}}}",
        state=DraftState.QUEUED,
    )
    db.add(draft)
    db.flush()
    for position, line in enumerate(planned.lines):
        row = DraftLine(
            draft_id=draft.id,
            position=position,
            offer_id=line.offer_id,
            item_list_id=line.item.list_id,
            kind=line.kind,
            description=line.description,
            quantity=line.quantity,
            service_date=line.service_date,
            arithmetic=line.arithmetic,
        )
        db.add(row)
        db.flush()
        db.add_all(BilledCharge(charge_id=charge_id, line_id=row.id) for charge_id in line.charge_ids)
    db.flush()
    db.refresh(draft)
    return draft


def _keep_cost(
    db: orm.Session, portal: Portal, run: Run, list_id: str, cost: Decimal, item: ListObject, now: datetime
) -> None:
    row = db.scalar(sa.select(ItemCost).filter_by(connection_id=run.connection_id, item_list_id=list_id))
    if row is None:
        row = ItemCost(connection_id=run.connection_id, item_list_id=list_id)
        db.add(row)
    row.unit_cost, row.changed_at, row.code, row.detail = cost, now, None, None
    if quickbooks.takes_cost(item):
        row.state = CostState.QUEUED
        quickbooks.dispatch_cost(db, portal.registry, row, now)
    else:
        row.state, row.code = CostState.NO_FIELD, "no-cost-field"


# -- looking at runs -------------------------------------------------------------------------------------------------


def list_runs(portal: Portal, connection_id: int) -> tuple[RunView, ...]:
    """All runs of a connection, newest first."""
    with portal.database.read() as db:
        rows = db.scalars(sa.select(Run).filter_by(connection_id=connection_id).order_by(Run.invoice_date.desc())).all()
        return tuple(_run_view(db, row) for row in rows)


def get_run(portal: Portal, connection_id: int, run_id: int) -> RunView:
    """One run. Raises NotFound."""
    with portal.database.read() as db:
        row = db.scalar(sa.select(Run).filter_by(id=min(run_id, HIGHEST_ID), connection_id=connection_id))
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
    drafts = db.scalars(query).all()
    items = load_targets(db, run.connection_id, "item", {line.item_list_id for draft in drafts for line in draft.lines})
    customers = load_targets(db, run.connection_id, "customer", {draft.customer_list_id for draft in drafts})
    return RunView(
        id=run.id,
        invoice_date=run.invoice_date,
        period_start=run.period_start,
        period_last=Period(run.period_start, run.period_end).last,
        created_at=run.created_at,
        drafts=tuple(_draft_view(draft, items, customers) for draft in drafts),
    )


def _name(objects: dict[str, ListObject], list_id: str) -> str:
    return objects[list_id].full_name if list_id in objects else list_id


def _draft_view(draft: Draft, items: dict[str, ListObject], customers: dict[str, ListObject]) -> DraftView:
    amounts = [line.amount for line in draft.lines if line.amount is not None]
    is_known = draft.subtotal is not None
    return DraftView(
        id=draft.id,
        organization=draft.organization.name,
        customer=_name(customers, draft.customer_list_id),
        mode=draft.mode,
        state=draft.state,
        may_go_again=quickbooks.may_go_again(draft),
        ref_number=draft.ref_number,
        txn_date=draft.txn_date,
        lines=len(draft.lines),
        billed=_sum(amounts) if len(amounts) == len(draft.lines) and is_known else None,
        subtotal=draft.subtotal,
        tax=draft.tax,
        total=None if draft.subtotal is None else draft.subtotal + (draft.tax or Decimal(0)),
        code=draft.code,
        what=None if draft.code is None else quickbooks.explained(draft.code, draft.detail or "")[0],
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
