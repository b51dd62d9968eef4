"""Billing: a run for an invoice date, its drafts kept and queued; all of them, or those that a person approved.

A charge is billed by one line at most: the database keeps it so. Billing the same date again takes only what no line
bills yet, so that asking twice, or on two machines, doubles nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import drafting
from portal.billing.mapping import Reason
from portal.errors import Conflict, Refused
from portal.models import BilledCharge, Charge, CostState, Draft, DraftLine, DraftState, ItemCost, Run
from portal.services import Portal, quickbooks
from portal.services.connections import hold
from portal.services.planning import Prepared, prepare
from portal.services.preview import fingerprint
from portal.services.runs import RunView, get_run
from qbwc.models import ListObject

MOST_NAMED = 5
_CHUNK = 500


def bill(
    portal: Portal, connection_id: int, on: date | None = None, *, approved: Mapping[int, str] | None = None
) -> RunView:
    """Bill an invoice date: keep its drafts and queue them for the next visit. Again: only what is not billed yet.

    `approved` are the organizations that a person approved, by id, each with the fingerprint of what was previewed;
    when something else would be sent, Conflict is raised with the names, and nothing is. None: everything, as it is.
    Raises Refused when there is nothing to bill.
    """
    with portal.database.write() as db:
        hold(db, connection_id)
        now = portal.now()
        prepared = prepare(db, connection_id, on, now)
        wanted = _wanted(prepared, approved)
        run = db.scalar(sa.select(Run).filter_by(connection_id=connection_id, invoice_date=prepared.on))
        if run is None and not any(draft.reason is None for draft in wanted):
            # An empty run would close the date before the charges come.
            raise Refused(
                "There is nothing to bill for %(date)s yet. The preview says what is left out, and why.",
                date=prepared.on,
            )
        run = run or _new_run(db, connection_id, prepared, now)
        kept = [_keep_draft(db, run, planned, prepared) for planned in wanted]
        db.flush()
        for draft in kept:
            if draft.state is DraftState.QUEUED:
                quickbooks.dispatch(db, portal.registry, draft, prepared.connection, now)
        _keep_costs(db, portal, run, prepared, now)
        db.flush()
        run_id = run.id
    return get_run(portal, connection_id, run_id)


def has_work(portal: Portal, connection_id: int, on: date) -> bool:
    """Whether billing this date would send anything. Reads only, so that nobody waits for it."""
    with portal.database.read() as db:
        drafts = prepare(db, connection_id, on, portal.now()).plan.drafts
        return any(draft.reason is None for draft in drafts)


def _wanted(prepared: Prepared, approved: Mapping[int, str] | None) -> list[drafting.Draft]:
    """The drafts that are to be kept: those that can be sent, and those that come to nothing."""
    settled = (None, Reason.NOTHING_TO_BILL)
    drafts = {draft.organization_id: draft for draft in prepared.plan.drafts if draft.reason in settled}
    if approved is None:
        return list(drafts.values())
    changed = [
        organization_id
        for organization_id, was in approved.items()
        if organization_id not in drafts
        or fingerprint(drafts[organization_id], prepared.organizations[organization_id].mode) != was
    ]
    if changed:
        known = [prepared.organizations[one].name for one in changed if one in prepared.organizations]
        raise Conflict(
            "Something changed since the preview, so nothing was sent: %(names)s. Look at the preview again.",
            names=", ".join(sorted(known)[:MOST_NAMED]) + (" …" if len(changed) > MOST_NAMED else ""),
        )
    empty = [draft for draft in drafts.values() if draft.reason is not None and draft.organization_id not in approved]
    return [drafts[organization_id] for organization_id in approved] + empty


def _new_run(db: orm.Session, connection_id: int, prepared: Prepared, now: datetime) -> Run:
    run = Run(
        connection_id=connection_id,
        invoice_date=prepared.on,
        period_start=prepared.period.start,
        period_end=prepared.period.end,
        created_at=now,
    )
    db.add(run)
    db.flush()
    return run


def _keep_draft(db: orm.Session, run: Run, planned: drafting.Draft, prepared: Prepared) -> Draft:
    last = db.scalar(
        sa.select(sa.func.max(Draft.sequence)).filter_by(run_id=run.id, organization_id=planned.organization_id)
    )
    is_empty = planned.reason is Reason.NOTHING_TO_BILL
    draft = Draft(
        run_id=run.id,
        organization_id=planned.organization_id,
        sequence=(last or 0) + 1,
        form=planned.form,
        mode=prepared.organizations[planned.organization_id].mode,
        customer_list_id=planned.customer.list_id if planned.customer else "",
        guid=f"{{{uuid.uuid4()}}}",
        # What comes to nothing is settled: its charges are not asked about again.
        state=DraftState.DONE if is_empty else DraftState.QUEUED,
        code=Reason.NOTHING_TO_BILL if is_empty else None,
    )
    draft.lines = [
        DraftLine(
            position=position,
            offer_id=line.offer_id,
            item_list_id=line.item.list_id,
            kind=line.kind,
            section=line.section,
            states_all=line.states_all,
            description=line.description,
            quantity=line.quantity,
            service_date=line.service_date,
            arithmetic=line.arithmetic,
            asked_rate=line.rate,
            asked_amount=line.amount,
            other1=line.other1 or None,
            other2=line.other2 or None,
        )
        for position, line in enumerate(planned.lines)
    ]
    db.add(draft)
    db.flush()
    _mark_billed(db, draft, planned)
    return draft


def _mark_billed(db: orm.Session, draft: Draft, planned: drafting.Draft) -> None:
    """The key: a charge that another line bills already stops everything here."""
    rows = [
        {
            "charge_id": part.charge_id,
            "line_id": row.id,
            "quantity": part.quantity,
            "rate": part.rate,
            "amount": part.amount,
        }
        for row, line in zip(draft.lines, planned.lines, strict=True)
        for part in line.parts
    ]
    db.execute(sa.insert(BilledCharge), rows)
    ids = [row["charge_id"] for row in rows]
    for begin in range(0, len(ids), _CHUNK):
        same = Charge.id.in_(ids[begin : begin + _CHUNK])
        db.execute(sa.update(Charge).where(same).values(is_billed=True).execution_options(synchronize_session=False))


def _keep_costs(db: orm.Session, portal: Portal, run: Run, prepared: Prepared, now: datetime) -> None:
    for list_id, cost in prepared.costs.items():
        _keep_cost(db, portal, run, list_id, cost, prepared.items[list_id], now)


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
