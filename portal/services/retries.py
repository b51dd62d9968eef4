"""A person tries again: an invoice that was refused, or is gone; a unit cost that was refused."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import mapping as rules
from portal.errors import NotFound, Refused
from portal.models import Connection, CostState, Draft, DraftState, ItemCost, Offer, Run
from portal.services import Portal, quickbooks
from portal.services.connections import HIGHEST_ID, hold
from portal.services.mappings import load_targets, mapped_offer, mapped_organization
from portal.services.reasons import REASONS


def retry_draft(portal: Portal, connection_id: int, draft_id: int) -> None:
    """Send a draft again that was refused, or whose invoice or lines are gone from QuickBooks, with today's mapping.

    What is gone is looked for once more before anything is written; what only could not be read back is read back.
    Raises NotFound, or Refused when it cannot go.
    """
    with portal.database.write() as db:
        connection = hold(db, connection_id)
        wanted = sa.select(Draft).join(Run).where(Draft.id == min(draft_id, HIGHEST_ID))
        draft = db.scalar(wanted.where(Run.connection_id == connection_id))
        if draft is None:
            raise NotFound("This invoice does not exist here.")
        if not quickbooks.may_go_again(draft):
            raise Refused("This invoice does not wait for you, so it cannot be sent again.")
        if quickbooks.is_uncompared(draft):
            quickbooks.compare_again(db, draft, portal.now())
            return
        if quickbooks.is_undone(draft):
            pass  # its lines belong into the very invoice that they were written into
        elif not quickbooks.may_be_written(db, draft):  # else the same bytes leave again, whatever the mapping is now
            _remap(db, draft, connection)
            draft.txn_id = draft.ref_number = draft.kept = None
        draft.state, draft.code, draft.detail = DraftState.QUEUED, None, None
        quickbooks.dispatch_again(db, portal.registry, draft, connection, portal.now())


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
    if draft.written_at is None:  # else its job knows what to look for before it writes again
        draft.mode = organization.mode


def retry_cost(portal: Portal, connection_id: int, cost_id: int) -> None:
    """Write a unit cost again that QuickBooks refused. Raises NotFound, or Refused when it waits for nobody."""
    with portal.database.write() as db:
        hold(db, connection_id)
        row = db.scalar(sa.select(ItemCost).filter_by(connection_id=connection_id, id=min(cost_id, HIGHEST_ID)))
        if row is None:
            raise NotFound("This unit cost does not exist here.")
        if row.state is not CostState.PARKED:
            raise Refused("This unit cost does not wait for you, so it cannot be sent again.")
        row.state, row.code, row.detail, row.changed_at = CostState.QUEUED, None, None, portal.now()
        quickbooks.dispatch_cost(db, portal.registry, row, portal.now())
