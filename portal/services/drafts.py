"""Drafts as they are kept: each with its lines, and the charges that every line bills."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import drafting
from portal.billing.mapping import Reason
from portal.models import BilledCharge, Charge, Draft, DraftLine, DraftState, Run
from portal.services.chunks import chunks
from portal.services.planning import Prepared


def keep_drafts(db: orm.Session, run: Run, planned: Sequence[drafting.Draft], prepared: Prepared) -> list[Draft]:
    """Keep these drafts with their lines, and mark what they bill."""
    own = sa.and_(Draft.run_id == run.id, Draft.organization_id.in_([one.organization_id for one in planned]))
    numbered = sa.select(Draft.organization_id, sa.func.max(Draft.sequence)).where(own).group_by(Draft.organization_id)
    last: dict[int, int] = {row.organization_id: row[1] for row in db.execute(numbered)}
    drafts = [_draft(run, one, last.get(one.organization_id, 0) + 1, prepared) for one in planned]
    db.add_all(drafts)
    db.flush()
    _mark_billed(db, drafts, planned)
    return drafts


def _draft(run: Run, planned: drafting.Draft, sequence: int, prepared: Prepared) -> Draft:
    is_empty = planned.reason is Reason.NOTHING_TO_BILL
    organization = prepared.organizations[planned.organization_id]
    draft = Draft(
        run_id=run.id,
        organization_id=planned.organization_id,
        sequence=sequence,
        form=planned.form,
        mode=organization.mode,
        customer_list_id=planned.customer.list_id if planned.customer else "",
        po_number=organization.po_number,
        class_list_id=organization.class_list_id,
        terms_list_id=organization.terms_list_id,
        tax_code_list_id=organization.tax_code_list_id,
        guid=f"{{{uuid.uuid4()}}}",
        rule_id=prepared.rule.id,
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
    return draft


def _mark_billed(db: orm.Session, drafts: Sequence[Draft], planned: Sequence[drafting.Draft]) -> None:
    """The key: a charge that another line bills already stops everything here."""
    rows = [
        {
            "charge_id": part.charge_id,
            "line_id": row.id,
            "quantity": part.quantity,
            "rate": part.rate,
            "amount": part.amount,
        }
        for draft, one in zip(drafts, planned, strict=True)
        for row, line in zip(draft.lines, one.lines, strict=True)
        for part in line.parts
    ]
    if rows:
        db.execute(sa.insert(BilledCharge), rows)
    for ids in chunks(row["charge_id"] for row in rows):
        same = sa.update(Charge).where(Charge.id.in_(ids)).values(is_billed=True)
        db.execute(same.execution_options(synchronize_session=False))
