"""Billing: a run for an invoice date, its drafts kept and queued; all of them, or those that a person approved.

A run is begun in one transaction and made in batches, so that nobody waits long for the database and a stop at any
moment loses nothing: what is still to be made stands in `planned_draft`, and whoever comes next goes on. A charge is
billed by one line at most: the database keeps it so. Billing the same date again takes only what no line bills yet, so
that asking twice, or on two machines, doubles nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa
import structlog
from sqlalchemy import orm

from portal.billing import drafting
from portal.billing.mapping import Reason
from portal.errors import Conflict, Refused
from portal.models import (
    CostState,
    DraftState,
    ItemCost,
    PlannedDraft,
    Run,
)
from portal.services import Portal, quickbooks
from portal.services.connections import hold
from portal.services.drafts import chunks, keep_drafts
from portal.services.planning import Prepared, prepare
from portal.services.preview import fingerprint
from portal.services.runs import RunView, get_run

BATCH = 50
"""Drafts in one transaction: less than a second of it."""
MOST_NAMED = 5
Progress = Callable[[int, int], None]
"""Called with the drafts that are made, and all of them."""

log = structlog.get_logger("portal")
_SETTLED = (None, Reason.NOTHING_TO_BILL)


class NothingToBill(Refused):
    """Billing this date would make no invoice yet."""


def bill(
    portal: Portal,
    connection_id: int,
    on: date | None = None,
    *,
    approved: Mapping[int, str] | None = None,
    progress: Progress | None = None,
) -> RunView:
    """Bill an invoice date: `begin` its run, and make all of it. Raises what they raise."""
    run_id = begin(portal, connection_id, on, approved=approved)
    finish(portal, connection_id, run_id, progress)
    return get_run(portal, connection_id, run_id)


def begin(
    portal: Portal, connection_id: int, on: date | None = None, *, approved: Mapping[int, str] | None = None
) -> int:
    """Begin the run of an invoice date, or add to it what is not billed yet; `advance` makes its drafts.

    `approved` are the organizations that a person approved, by id, each with the fingerprint of what was previewed;
    when something else would be sent, Conflict is raised with the names, and nothing is. None: everything, as it is.
    Returns the id of the run. Raises NothingToBill.
    """
    now = portal.now()
    with portal.database.read() as db:
        prepared = prepare(db, connection_id, on, now)
        wanted = _wanted(prepared, approved)
        run = db.scalar(sa.select(Run.id).filter_by(connection_id=connection_id, invoice_date=prepared.on))
    if run is None and not any(draft.reason is None for draft in wanted):
        # An empty run would close the date before the charges come.
        raise NothingToBill(
            "There is nothing to bill for %(date)s yet. The preview says what is left out, and why.", date=prepared.on
        )
    _keep_costs(portal, prepared, now)
    with portal.database.write() as db:
        hold(db, connection_id)
        return _plan(db, prepared, wanted, approved or {}, now)


def finish(portal: Portal, connection_id: int, run_id: int, progress: Progress | None = None) -> None:
    """Make all drafts that a run is still to make."""
    with portal.database.read() as db:
        whole = left = _count_left(db, run_id)
    while left:
        left = advance(portal, connection_id, run_id)
        if progress is not None:
            progress(whole - left, whole)


def finish_in_background(portal: Portal, connection_id: int, run_id: int) -> None:
    """Make the rest of a run in a thread of this process; where the process ends first, the worker goes on."""

    def work() -> None:
        try:
            finish(portal, connection_id, run_id)
        except Exception:
            log.exception("run stopped", connection=connection_id, run=run_id)

    threading.Thread(target=work, name=f"portal-run-{run_id}", daemon=True).start()


def unfinished(portal: Portal) -> tuple[tuple[int, int], ...]:
    """The runs that are not made to the end, each as connection id and run id: they were stopped, or are under way."""
    begun = sa.select(Run.connection_id, Run.id).where(
        Run.id.in_(sa.select(PlannedDraft.run_id).filter_by(is_changed=False))
    )
    with portal.database.read() as db:
        return tuple((row.connection_id, row.id) for row in db.execute(begun.order_by(Run.id)))


def advance(portal: Portal, connection_id: int, run_id: int) -> int:
    """Make the next batch of a run, in one transaction; returns how many drafts are left to make.

    What was approved and has changed since is not sent: the run says so, and the preview shows what it would be now.
    """
    with portal.database.write() as db:
        connection = hold(db, connection_id)
        run = db.get_one(Run, run_id)
        waiting = sa.select(PlannedDraft).filter_by(run_id=run_id, is_changed=False).order_by(PlannedDraft.id)
        batch = db.scalars(waiting.limit(BATCH)).all()
        if not batch:
            return 0
        now = portal.now()
        only = {row.organization_id for row in batch}
        prepared = prepare(db, connection_id, run.invoice_date, now, only=only)
        drafts = {draft.organization_id: draft for draft in prepared.plan.drafts if draft.reason in _SETTLED}
        waits = {draft.organization_id for draft in prepared.plan.drafts}
        waits.update(one.organization_id for one in prepared.plan.skipped)
        made: list[drafting.Draft] = []
        for row in batch:
            planned = drafts.get(row.organization_id)
            if planned is not None and row.fingerprint in (None, _fingerprint(planned, prepared)):
                made.append(planned)
                db.delete(row)
            elif row.fingerprint is None or row.organization_id not in waits:
                db.delete(row)  # the preview says why it is not billed; or all of it is billed already
            else:
                row.is_changed = True
        for draft in keep_drafts(db, run, made, prepared):
            if draft.state is DraftState.QUEUED:
                quickbooks.dispatch(db, portal.registry, draft, connection, now)
        db.flush()
        return _count_left(db, run_id)


def _count_left(db: orm.Session, run_id: int) -> int:
    left = sa.select(sa.func.count(PlannedDraft.id)).where(
        PlannedDraft.run_id == run_id, PlannedDraft.is_changed.is_(False)
    )
    return db.scalar(left) or 0


def _wanted(prepared: Prepared, approved: Mapping[int, str] | None) -> list[drafting.Draft]:
    """The drafts that are to be kept: those that can be sent, and those that come to nothing."""
    drafts = {draft.organization_id: draft for draft in prepared.plan.drafts if draft.reason in _SETTLED}
    if approved is None:
        return list(drafts.values())
    changed = [
        organization_id
        for organization_id, was in approved.items()
        if organization_id not in drafts or _fingerprint(drafts[organization_id], prepared) != was
    ]
    if changed:
        known = [prepared.organizations[one].name for one in changed if one in prepared.organizations]
        raise Conflict(
            "Something changed since the preview, so nothing was sent: %(names)s. Look at the preview again.",
            names=", ".join(sorted(known)[:MOST_NAMED]) + (" …" if len(changed) > MOST_NAMED else ""),
        )
    empty = [draft for draft in drafts.values() if draft.reason is not None and draft.organization_id not in approved]
    return [drafts[organization_id] for organization_id in approved] + empty


def _fingerprint(draft: drafting.Draft, prepared: Prepared) -> str:
    return fingerprint(draft, prepared.organizations[draft.organization_id])


def _plan(
    db: orm.Session,
    prepared: Prepared,
    wanted: Sequence[drafting.Draft],
    approved: Mapping[int, str],
    now: datetime,
) -> int:
    """Keep what the run is to make: it goes on from there, whoever is stopped."""
    connection_id = prepared.connection.id
    run = db.scalar(sa.select(Run).filter_by(connection_id=connection_id, invoice_date=prepared.on))
    is_made = run is None or _count_left(db, run.id) == 0
    if run is None:
        run = Run(
            connection_id=connection_id,
            invoice_date=prepared.on,
            period_start=prepared.period.start,
            period_end=prepared.period.end,
            created_at=now,
        )
        db.add(run)
    if is_made:  # while it is being made it keeps the rule that it was begun by
        run.rule_id, run.rule_on = prepared.rule.id, prepared.rule.applied.today
    db.flush()
    # What is asked for again stands anew, at the end.
    for ids in chunks(draft.organization_id for draft in wanted):
        again = sa.delete(PlannedDraft).where(PlannedDraft.run_id == run.id, PlannedDraft.organization_id.in_(ids))
        db.execute(again.execution_options(synchronize_session=False))
    if wanted:
        db.execute(
            sa.insert(PlannedDraft),
            [
                {
                    "run_id": run.id,
                    "organization_id": draft.organization_id,
                    "fingerprint": approved.get(draft.organization_id),
                }
                for draft in wanted
            ],
        )
    return run.id


def _keep_costs(portal: Portal, prepared: Prepared, now: datetime) -> None:
    """Queue the unit costs; they are facts of the charges, whatever becomes of the invoices."""
    for list_ids in chunks(sorted(prepared.costs), BATCH):
        with portal.database.write() as db:
            hold(db, prepared.connection.id)
            for list_id in list_ids:
                _keep_cost(db, portal, prepared, list_id, now)


def _keep_cost(db: orm.Session, portal: Portal, prepared: Prepared, list_id: str, now: datetime) -> None:
    connection_id = prepared.connection.id
    row = db.scalar(sa.select(ItemCost).filter_by(connection_id=connection_id, item_list_id=list_id))
    if row is None:
        row = ItemCost(connection_id=connection_id, item_list_id=list_id)
        db.add(row)
    row.unit_cost, row.changed_at, row.code, row.detail = prepared.costs[list_id], now, None, None
    if quickbooks.takes_cost(prepared.items[list_id]):
        row.state = CostState.QUEUED
        quickbooks.dispatch_cost(db, portal.registry, row, now)
    else:
        row.state, row.code = CostState.NO_FIELD, "no-cost-field"
