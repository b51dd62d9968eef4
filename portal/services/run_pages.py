"""Runs as pages: counted, searched and cut by the database, so that ten thousand invoices are as quick to open as ten.

`portal.services.runs` has a run as a whole, for the command line and for downloads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.period import Period
from portal.errors import NotFound
from portal.models import Draft, DraftState, Organization, PlannedDraft, PlannedState, Run
from portal.services import Portal, csv_cells, decisions, quickbooks, runs, unshared
from portal.services.connections import HIGHEST_ID, find
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.paging import Page, Wanted
from qbwc import models as wire
from qbwc.session import State

SIZE = 25
MOST_NAMED = 5
STILL_THERE = timedelta(minutes=10)
"""A visit whose last call is older is not under way any more, whatever it said."""
_IN_QUICKBOOKS = (DraftState.WRITTEN, DraftState.RECONCILED, DraftState.DIFFERENT)
_TROUBLED = (DraftState.PARKED, DraftState.DIFFERENT)
_CSV_COLUMNS = (
    "invoice_date",
    "organization",
    "customer",
    "form",
    "mode",
    "state",
    "number",
    "dated",
    "item",
    "description",
    "arithmetic",
    "quantity",
    "rate",
    "amount",
    "invoice_subtotal",
    "invoice_tax",
    "invoice_total",
    "code",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in numbers. `left` are still to be made.

    Not sent: `changed` are other than what was approved, `failed` could not be made, by a fault of ours; with the names
    of the first organizations of each.
    """

    id: int
    invoice_date: date
    period_start: date
    period_last: date
    created_at: datetime
    states: Mapping[DraftState, int]
    left: int
    changed: int
    failed: int
    is_shared: bool = True
    changed_names: tuple[str, ...] = ()
    failed_names: tuple[str, ...] = ()

    @property
    def made(self) -> int:
        """The invoices that are made."""
        return sum(self.states.values())

    @property
    def troubled(self) -> int:
        """Those that wait for a person."""
        return sum(self.states.get(state, 0) for state in _TROUBLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the invoices of a run come to in QuickBooks, as far as it told: before taxes, taxes, and both."""

    invoices: int
    subtotal: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """With taxes."""
        return self.subtotal + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What is under way: a visit with `done` of `total` messages, or None; `queued` invoices of the run wait for one.

    `mark` changes whenever anything of it does.
    """

    is_visiting: bool
    done: int
    total: int
    queued: int
    left: int
    made: int
    mark: str

    @property
    def is_moving(self) -> bool:
        """Whether something changes by itself right now."""
        return self.is_visiting or self.left > 0

    @property
    def is_watched(self) -> bool:
        """Whether it is worth looking again soon."""
        return self.is_moving or self.queued > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """An invoice on the page of its run, with what may be decided, and the exchange that carried it."""

    view: runs.DraftView
    choice: decisions.ChoiceView
    exchange_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """A run and one page of its invoices. `has_accountant`: somebody sees the connection as an accountant."""

    run: RunSummary
    totals: Totals
    has_accountant: bool
    activity: Activity
    page: Page[DraftRow]


def list_summaries(portal: Portal, connection_id: int, page: int = 1) -> Page[RunSummary]:
    """The runs of a connection, newest first, counted. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        own = sa.select(Run).where(Run.connection_id == connection_id, unshared.is_shown())
        count = db.scalar(own.with_only_columns(sa.func.count(Run.id))) or 0
        pages = max(1, -(-count // SIZE))
        number = min(max(1, page), pages)
        newest = own.order_by(Run.invoice_date.desc())
        rows = db.scalars(newest.limit(SIZE).offset((number - 1) * SIZE)).all()
        return Page(rows=tuple(summaries(db, rows)), page=number, pages=pages, count=count, size=SIZE)


def read_run(
    portal: Portal, connection_id: int, run_id: int, wanted: Wanted, *, draft_id: int | None = None
) -> RunPage:
    """One page of a run: searched by organization or number, `state` among the filters. Raises NotFound.

    `draft_id`: the page that holds this invoice, whatever else is asked for.
    """
    with portal.database.read() as db:
        run = require_run(db, connection_id, run_id)
        summary = summaries(db, [run], named=True)[0]
        query = _matching(run.id, wanted if draft_id is None else Wanted())
        count = db.scalar(query.with_only_columns(sa.func.count(Draft.id), maintain_column_froms=True)) or 0
        pages = max(1, -(-count // SIZE))
        number = wanted.page if draft_id is None else _page_of(db, run.id, draft_id)
        number = min(max(1, number), pages)
        whole = (orm.selectinload(Draft.lines), orm.joinedload(Draft.organization), orm.joinedload(Draft.run))
        page_of = query.options(*whole).order_by(Draft.id).limit(SIZE).offset((number - 1) * SIZE)
        drafts = db.scalars(page_of).all()
        views = runs.draft_views(db, connection_id, drafts)
        choices = decisions.choices_of(db, connection_id, drafts)
        carried = quickbooks.exchanges_of_drafts(db, connection_id, [one.id for one in drafts])
        rows = tuple(DraftRow(view=one, choice=choices[one.id], exchange_id=carried.get(one.id)) for one in views)
        return RunPage(
            run=summary,
            totals=totals_of(db, [run.id]),
            has_accountant=unshared.has_accountant(db, connection_id),
            activity=_activity(db, connection_id, summary, portal.now()),
            page=Page(rows=rows, page=number, pages=pages, count=count, size=SIZE),
        )


def read_activity(portal: Portal, connection_id: int, run_id: int) -> Activity:
    """What is under way for a run. Raises NotFound."""
    with portal.database.read() as db:
        summary = summaries(db, [require_run(db, connection_id, run_id)])[0]
        return _activity(db, connection_id, summary, portal.now())


def find_run(portal: Portal, connection_id: int, run_id: int) -> int:
    """The id of a run of this connection. Raises NotFound."""
    with portal.database.read() as db:
        return require_run(db, connection_id, run_id).id


def require_run(db: orm.Session, connection_id: int, run_id: int) -> Run:
    """The row of a run of this connection. Raises NotFound, also for one that is kept from whoever reads."""
    same = sa.select(Run).filter_by(id=min(run_id, HIGHEST_ID), connection_id=connection_id)
    run = db.scalar(same.where(unshared.is_shown()))
    if run is None:
        raise NotFound("This run does not exist here.")
    return run


def _matching(run_id: int, wanted: Wanted) -> Any:
    query = sa.select(Draft).where(Draft.run_id == run_id)
    state = wanted.filters.get("state", "")
    if state in set(DraftState):
        query = query.where(Draft.state == DraftState(state))
    if wanted.search:
        named = Organization.name.icontains(wanted.search, autoescape=True)
        numbered = Draft.ref_number == wanted.search
        query = query.join(Organization, Organization.id == Draft.organization_id).where(sa.or_(named, numbered))
    return query


def _page_of(db: orm.Session, run_id: int, draft_id: int) -> int:
    before = sa.select(sa.func.count(Draft.id)).where(Draft.run_id == run_id, Draft.id < min(draft_id, HIGHEST_ID))
    return (db.scalar(before) or 0) // SIZE + 1


def summaries(db: orm.Session, rows: Iterable[Run], *, named: bool = False) -> list[RunSummary]:
    """Runs in numbers, in the same order; `named`: with the names of what was not sent."""
    rows = list(rows)
    ids = [row.id for row in rows]
    states: dict[int, dict[DraftState, int]] = {one: {} for one in ids}
    counted = sa.select(Draft.run_id, Draft.state, sa.func.count()).where(Draft.run_id.in_(ids))
    found = {(run_id, state): count for run_id, state, count in db.execute(counted.group_by(Draft.run_id, Draft.state))}
    for run_id, state in sorted(found, key=lambda key: list(DraftState).index(key[1])):
        states[run_id][state] = found[run_id, state]
    planned = sa.select(PlannedDraft.run_id, PlannedDraft.state, sa.func.count())
    planned = planned.where(PlannedDraft.run_id.in_(ids)).group_by(PlannedDraft.run_id, PlannedDraft.state)
    pending = {(run_id, state): count for run_id, state, count in db.execute(planned)}
    return [
        RunSummary(
            id=row.id,
            invoice_date=row.invoice_date,
            period_start=row.period_start,
            period_last=Period(row.period_start, row.period_end).last,
            created_at=row.created_at,
            states=states[row.id],
            left=pending.get((row.id, PlannedState.WAITING), 0),
            changed=pending.get((row.id, PlannedState.CHANGED), 0),
            failed=pending.get((row.id, PlannedState.FAILED), 0),
            is_shared=row.is_shared,
            changed_names=_names(db, row.id, PlannedState.CHANGED) if named else (),
            failed_names=_names(db, row.id, PlannedState.FAILED) if named else (),
        )
        for row in rows
    ]


def _names(db: orm.Session, run_id: int, state: PlannedState) -> tuple[str, ...]:
    names = sa.select(Organization.name).join(PlannedDraft, PlannedDraft.organization_id == Organization.id)
    found = names.where(PlannedDraft.run_id == run_id, PlannedDraft.state == state)
    return tuple(db.scalars(found.order_by(Organization.name).limit(MOST_NAMED)))


def totals_of(db: orm.Session, run_ids: Collection[int]) -> Totals:
    """What the invoices of these runs come to together."""
    in_quickbooks = sa.and_(Draft.run_id.in_(sorted(run_ids)), Draft.state.in_(_IN_QUICKBOOKS))
    counted = sa.select(sa.func.count(Draft.id), _sum_of_cents(Draft.subtotal), _sum_of_cents(Draft.tax))
    count, subtotal, tax = db.execute(counted.where(in_quickbooks)).one()
    return Totals(invoices=count, subtotal=_amount(subtotal), tax=_amount(tax))


def _sum_of_cents(column: Any) -> sa.ColumnElement[Any]:
    """The sum of amounts that are kept as text, in whole cents: nothing is lost by adding them."""
    number = sa.cast(sa.type_coerce(column, sa.String), sa.Numeric)
    return sa.func.sum(sa.cast(sa.func.round(number * 100), sa.BigInteger))


def _amount(cents: Any) -> Decimal:
    return Decimal(int(cents or 0)).scaleb(-2)


def _activity(db: orm.Session, connection_id: int, run: RunSummary, now: datetime) -> Activity:
    is_open = sa.and_(wire.Session.result.is_(None), wire.Session.state.not_in([State.FAILED, State.CLOSED]))
    last = sa.select(wire.Session).where(wire.Session.connection_id == connection_id, is_open)
    session = db.scalars(last.order_by(wire.Session.id.desc()).limit(1)).first()
    is_visiting = session is not None and now - session.last_contact_at < STILL_THERE
    done = session.done + session.failed if session is not None and is_visiting else 0
    total = max(session.total, done) if session is not None and is_visiting else 0
    counts = ".".join(f"{state.value}{count}" for state, count in run.states.items())
    return Activity(
        is_visiting=is_visiting,
        done=done,
        total=total,
        queued=run.states.get(DraftState.QUEUED, 0),
        left=run.left,
        made=run.made,
        mark=f"{counts}.left{run.left}.changed{run.changed}.{f'visit{done}of{total}' if is_visiting else 'quiet'}",
    )


def run_csv(portal: Portal, connection_id: int, run_id: int, dialect: Dialect = ENGLISH) -> str:
    """A run as CSV, one line an invoice line. Raises NotFound."""
    run = runs.get_run(portal, connection_id, run_id)
    return csv_cells.write(_CSV_COLUMNS, (row for draft in run.drafts for row in _csv_rows(run, draft)), dialect)


def _csv_rows(run: runs.RunView, draft: runs.DraftView) -> Iterable[tuple[str | int | Decimal | date | None, ...]]:
    for line in draft.rows:
        yield (
            run.invoice_date,
            draft.organization,
            draft.customer,
            draft.form.value,
            draft.mode.value,
            draft.state.value,
            draft.ref_number,
            draft.txn_date,
            line.item,
            line.description,
            line.arithmetic,
            line.quantity,
            line.rate,
            line.amount,
            draft.subtotal,
            draft.tax,
            draft.total,
            draft.code,
        )
