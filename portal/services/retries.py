"""A person tries again: an invoice that was refused, or is gone; a unit cost that was refused."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import mapping as rules
from portal.errors import NotFound, Refused
from portal.models import Connection, CostState, Draft, DraftState, ItemCost, Offer, Run
from portal.services import Portal, audit, quickbooks
from portal.services.connections import HIGHEST_ID, hold
from portal.services.reasons import REASONS
from portal.services.targets import load_targets, mapped_offer, mapped_organization


def held_draft(db: orm.Session, connection_id: int, draft_id: int) -> Draft:
    """A draft, with its connection held to the end of the transaction. Raises NotFound."""
    hold(db, connection_id)
    wanted = sa.select(Draft).join(Run).where(Draft.id == min(draft_id, HIGHEST_ID))
    draft = db.scalar(wanted.where(Run.connection_id == connection_id))
    if draft is None:
        raise NotFound("This invoice does not exist here.")
    return draft


def facts_of(draft: Draft) -> dict[str, Any]:
    """What the log keeps of a draft: how it stood, and what was on it."""
    return {
        "state": draft.state.value,
        "code": draft.code,
        "message": draft.detail,
        "organization": draft.organization.name,
        "ref_number": draft.ref_number,
        "lines": [f"{line.quantity.normalize():f} × {line.description}" for line in draft.lines],
    }


def retry_draft(portal: Portal, connection_id: int, draft_id: int, *, who: str = "") -> int:
    """Send a draft again that was refused, or whose invoice or lines are gone from QuickBooks, with today's mapping.

    What is gone is looked for once more before anything is written; what only could not be read back is read back.
    Returns the id of its run. Raises NotFound, or Refused when it cannot go.
    """
    with portal.database.write() as db:
        draft = held_draft(db, connection_id, draft_id)
        if not quickbooks.may_go_again(draft):
            raise Refused("This invoice does not wait for you, so it cannot be sent again.")
        facts, subject = facts_of(draft), f"draft:{draft.id}"
        audit.note(db, connection_id, at=portal.now(), who=who, action="retry", subject=subject, detail=facts)
        if quickbooks.is_uncompared(draft):
            quickbooks.compare_again(db, draft, portal.now())
            return draft.run_id
        connection = db.get_one(Connection, connection_id)
        if quickbooks.is_undone(draft):
            pass  # its lines belong into the very invoice that they were written into
        elif not quickbooks.may_be_written(db, draft):  # else the same bytes leave again, whatever the mapping is now
            _remap(db, draft, connection)
            draft.ref_number = draft.kept = None
            if not quickbooks.is_separate(draft):  # another invoice may be chosen
                draft.txn_id = None
                for line in draft.lines:
                    line.txn_line_id = None
        draft.state, draft.code, draft.detail = DraftState.QUEUED, None, None
        quickbooks.dispatch_again(db, portal.registry, draft, connection, portal.now(), asked_by=who)
        return draft.run_id


def _remap(db: orm.Session, draft: Draft, connection: Connection) -> None:
    organization = draft.organization
    customers = load_targets(db, connection.id, "customer", {organization.customer_list_id or ""})
    problem = rules.organization_refusal(
        mapped_organization(organization, customers.get(organization.customer_list_id or ""))
    )
    for line in draft.lines:
        offer = db.get_one(Offer, line.offer_id)
        items = load_targets(db, connection.id, "item", {offer.item_list_id or ""})
        problem = problem or rules.offer_refusal(mapped_offer(offer, items.get(offer.item_list_id or "")))
        if offer.item_list_id:
            line.item_list_id = offer.item_list_id
    if problem is not None:
        raise Refused(REASONS[problem].template)
    draft.customer_list_id = organization.customer_list_id or ""
    draft.po_number, draft.class_list_id = organization.po_number, organization.class_list_id
    draft.terms_list_id, draft.tax_code_list_id = organization.terms_list_id, organization.tax_code_list_id
    if draft.written_at is None:  # else its job knows what to look for before it writes again
        draft.mode = organization.mode


def retry_cost(portal: Portal, connection_id: int, cost_id: int, *, who: str = "") -> None:
    """Write a unit cost again that QuickBooks refused. Raises NotFound, or Refused when it waits for nobody."""
    with portal.database.write() as db:
        hold(db, connection_id)
        row = db.scalar(sa.select(ItemCost).filter_by(connection_id=connection_id, id=min(cost_id, HIGHEST_ID)))
        if row is None:
            raise NotFound("This unit cost does not exist here.")
        if row.state is not CostState.PARKED:
            raise Refused("This unit cost does not wait for you, so it cannot be sent again.")
        facts = {"code": row.code, "message": row.detail, "item": row.item_list_id, "unit_cost": f"{row.unit_cost:f}"}
        subject = f"cost:{row.id}"
        audit.note(db, connection_id, at=portal.now(), who=who, action="retry", subject=subject, detail=facts)
        row.state, row.code, row.detail, row.changed_at = CostState.QUEUED, None, None, portal.now()
        quickbooks.dispatch_cost(db, portal.registry, row, portal.now(), asked_by=who)
