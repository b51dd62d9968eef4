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
from portal.errors import Conflict, PortalError, Refused
from portal.models import (
    CostState,
    Delivery,
    Draft,
    DraftState,
    ItemCost,
    Organization,
    PlannedDraft,
    PlannedState,
    Run,
)
from portal.services import Portal, audit, quickbooks
from portal.services.chunks import CHUNK, chunks
from portal.services.connections import hold
from portal.services.drafts import keep_drafts
from portal.services.planning import Prepared, prepare
from portal.services.preview import fingerprint
from portal.services.preview_pages import approve_whole
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
    portal: Portal,
    connection_id: int,
    on: date | None = None,
    *,
    approved: Mapping[int, str] | None = None,
    whole: str | None = None,
    is_shared: bool | None = None,
) -> int:
    """Begin the run of an invoice date, or add to it what is not billed yet; `advance` makes its drafts.

    `approved` are the organizations that a person approved, by id, each with the fingerprint of what was previewed;
    when something else would be sent, Conflict is raised with the names, and nothing is. None: everything, as it is
    when its turn comes, also what was approved before and is not made yet. Returns the id of the run. Raises
    NothingToBill.

    `whole` stands for everything that was previewed: all of it was approved, and Conflict is raised if it changed.
    `is_shared`: whether accountants see the run; None leaves it as it is, and shares a new one.
    """
    for last_try in (False, False, True):
        now = portal.now()
        with portal.database.read() as db:
            prepared = prepare(db, connection_id, on, now)
            wanted = _wanted(db, prepared, approved)
            if whole is not None:
                approve_whole(prepared, whole)
            run = db.scalar(sa.select(Run.id).filter_by(connection_id=connection_id, invoice_date=prepared.on))
            delivery = _last_delivery(db, connection_id)
        if run is None and not any(draft.reason is None for draft in wanted):
            raise _nothing(prepared.on)  # an empty run would close the date before the charges come
        # What was imported meanwhile would be missing in the costs: look again.
        expected = None if last_try else delivery
        if _keep_costs(portal, prepared, now, expected):
            break
    with portal.database.write() as db:
        hold(db, connection_id)
        is_approved = approved is not None or whole is not None
        return _plan(db, prepared, wanted, is_approved=is_approved, is_shared=is_shared, now=now)


def _nothing(on: date) -> NothingToBill:
    return NothingToBill(
        "There is nothing to bill for %(date)s yet. The preview says what is left out, and why.", date=on
    )


def finish(portal: Portal, connection_id: int, run_id: int, progress: Progress | None = None) -> None:
    """Make all drafts that a run is still to make. What cannot be made is set aside, and the others go on.

    Raises NothingToBill as `advance` does.
    """
    with portal.database.read() as db:
        whole = left = _count_left(db, run_id)
    while left:
        try:
            left = advance(portal, connection_id, run_id)
        except (PortalError, sa.exc.OperationalError):  # the database, or a reason that counts for all of them
            raise
        except Exception:
            left = _one_by_one(portal, connection_id, run_id)
        if progress is not None:
            progress(whole - left, whole)


def _one_by_one(portal: Portal, connection_id: int, run_id: int) -> int:
    """Make a batch whose making failed a draft at a time, and set aside the one that is to blame."""
    left = 1
    for _ in range(BATCH):
        try:
            left = advance(portal, connection_id, run_id, size=1)
        except (PortalError, sa.exc.OperationalError):
            raise
        except Exception:
            log.exception("a draft could not be made", connection=connection_id, run=run_id)
            with portal.database.write() as db:
                hold(db, connection_id)
                blamed = db.scalars(_waiting(run_id).limit(1)).one_or_none()
                if blamed is not None:
                    blamed.state = PlannedState.FAILED
                    db.flush()
                left = _count_left(db, run_id)
        if not left:
            break
    return left


def finish_in_background(portal: Portal, connection_id: int, run_id: int) -> None:
    """Make the rest of a run in a thread of this process; where the process ends first, the worker goes on."""

    def work() -> None:
        try:
            finish(portal, connection_id, run_id)
        except NothingToBill:
            log.info("nothing was left to bill", connection=connection_id, run=run_id)
        except Exception:
            log.exception("run stopped", connection=connection_id, run=run_id)

    threading.Thread(target=work, name=f"portal-run-{run_id}", daemon=True).start()


def unfinished(portal: Portal) -> tuple[tuple[int, int], ...]:
    """The runs that are not made to the end, each as connection id and run id: they were stopped, or are under way."""
    begun = sa.select(Run.connection_id, Run.id).where(
        Run.id.in_(sa.select(PlannedDraft.run_id).filter_by(state=PlannedState.WAITING))
    )
    with portal.database.read() as db:
        return tuple((row.connection_id, row.id) for row in db.execute(begun.order_by(Run.id)))


def advance(portal: Portal, connection_id: int, run_id: int, *, size: int | None = None) -> int:
    """Make the next batch of a run, in one transaction; returns how many drafts are left to make.

    What was approved and has changed since is not sent: the run says so, and the preview shows what it would be now.
    Raises NothingToBill when all that was planned is gone meanwhile, and the run with it: its date stays open.
    """
    with portal.database.write() as db:
        connection = hold(db, connection_id)
        batch = db.scalars(_waiting(run_id).limit(size or BATCH)).all()
        if not batch:
            return 0
        run = db.get_one(Run, run_id)
        now = portal.now()
        only = {row.organization_id for row in batch}
        prepared = prepare(db, connection_id, run.invoice_date, now, only=only)
        drafts = {draft.organization_id: draft for draft in prepared.plan.drafts if draft.reason in _SETTLED}
        waits = {draft.organization_id for draft in prepared.plan.drafts}
        waits.update(one.organization_id for one in prepared.plan.skipped)
        waits.update(one.organization_id for one in prepared.excluded)
        made: list[drafting.Draft] = []
        for row in batch:
            planned = drafts.get(row.organization_id)
            if planned is not None and row.fingerprint in (None, _fingerprint(planned, prepared)):
                made.append(planned)
                db.delete(row)
            elif row.fingerprint is None or row.organization_id not in waits:
                db.delete(row)  # the preview says why it is not billed; or all of it is billed already
            else:
                row.state = PlannedState.CHANGED
        for draft in keep_drafts(db, run, made, prepared):
            if draft.state is DraftState.QUEUED:
                quickbooks.dispatch(db, portal.registry, draft, connection, now)
        _forget_warnings(db, connection_id, made)
        db.flush()
        left = _count_left(db, run_id)
        is_empty = not left and not _has_anything(db, run_id)
        if is_empty:
            db.delete(run)
    if is_empty:
        raise _nothing(run.invoice_date)
    return left


def _waiting(run_id: int) -> sa.Select[PlannedDraft]:
    return sa.select(PlannedDraft).filter_by(run_id=run_id, state=PlannedState.WAITING).order_by(PlannedDraft.id)


def _count_left(db: orm.Session, run_id: int) -> int:
    left = sa.select(sa.func.count(PlannedDraft.id)).filter_by(run_id=run_id, state=PlannedState.WAITING)
    return db.scalar(left) or 0


def _has_anything(db: orm.Session, run_id: int) -> bool:
    """Whether a run has drafts, or something to tell."""
    there = sa.or_(sa.exists().where(Draft.run_id == run_id), sa.exists().where(PlannedDraft.run_id == run_id))
    return bool(db.scalar(sa.select(there)))


def _forget_warnings(db: orm.Session, connection_id: int, made: Sequence[drafting.Draft]) -> None:
    """What another run left out is billed now: it no longer says so."""
    runs = sa.select(Run.id).filter_by(connection_id=connection_id)
    told = sa.delete(PlannedDraft).where(
        PlannedDraft.run_id.in_(runs),
        PlannedDraft.state != PlannedState.WAITING,
        PlannedDraft.organization_id.in_([draft.organization_id for draft in made]),
    )
    db.execute(told.execution_options(synchronize_session=False))


def _wanted(db: orm.Session, prepared: Prepared, approved: Mapping[int, str] | None) -> list[drafting.Draft]:
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
        own = sa.select(Organization.name).filter_by(connection_id=prepared.connection.id)
        known = db.scalars(own.where(Organization.id.in_(changed[:CHUNK]))).all()
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
    *,
    is_approved: bool,
    is_shared: bool | None,
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
    if wanted:
        run.asked_by = audit.who_acts()
    if is_shared is not None:
        run.is_shared = is_shared
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
                    "fingerprint": _fingerprint(draft, prepared) if is_approved else None,
                }
                for draft in wanted
            ],
        )
        detail = {"name": prepared.on.isoformat(), "invoices": len(wanted), "approved": is_approved}
        if is_shared is not None:
            detail["shared"] = is_shared
        audit.note(db, connection_id, at=now, action="bill", subject=f"run:{run.id}", detail=detail)
    return run.id


def _last_delivery(db: orm.Session, connection_id: int) -> int:
    return db.scalar(sa.select(sa.func.max(Delivery.id)).filter_by(connection_id=connection_id)) or 0


def _keep_costs(portal: Portal, prepared: Prepared, now: datetime, delivery: int | None) -> bool:
    """Queue the unit costs; they are facts of the charges, whatever becomes of the invoices.

    False when another delivery than `delivery` is the last one by now, so that they are not all of the facts.
    """
    connection_id = prepared.connection.id
    for list_ids in chunks(sorted(prepared.costs), BATCH):
        with portal.database.write() as db:
            hold(db, connection_id)
            if delivery is not None and _last_delivery(db, connection_id) != delivery:
                return False
            for list_id in list_ids:
                _keep_cost(db, portal, prepared, list_id, now)
    return True


def _keep_cost(db: orm.Session, portal: Portal, prepared: Prepared, list_id: str, now: datetime) -> None:
    connection_id = prepared.connection.id
    row = db.scalar(sa.select(ItemCost).filter_by(connection_id=connection_id, item_list_id=list_id))
    if row is None:
        row = ItemCost(connection_id=connection_id, item_list_id=list_id)
        db.add(row)
    row.unit_cost, row.changed_at, row.code, row.detail = prepared.costs[list_id], now, None, None
    if quickbooks.takes_cost(prepared.items[list_id]):
        row.state = CostState.QUEUED
        quickbooks.dispatch_cost(db, portal.registry, row, now, asked_by=audit.who_acts())
    else:
        row.state, row.code = CostState.NO_FIELD, "no-cost-field"
