"""What is to be mended for invoices to be whole: mappings, unit costs, and the invoices themselves."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import CostState, Draft, DraftState, ItemCost, Run
from portal.services import quickbooks
from portal.services.mappings import OfferPage, OrganizationPage
from portal.services.reasons import NO_COST_FIELD
from portal.services.status.problem import Problem


def mapping_problems(offers: OfferPage, organizations: OrganizationPage) -> list[Problem]:
    """Offers and organizations that are not mapped, or no longer to something usable."""
    found = []
    for offer in offers.rows:
        if offer.problem is not None:
            found.append(_mapping_problem("offer", offer.id, offer.name, offer.problem))
    for organization in organizations.rows:
        if organization.problem is not None:
            found.append(_mapping_problem("organization", organization.id, organization.name, organization.problem))
    return found


def _mapping_problem(kind: str, row_id: int, name: str, problem: Sentence) -> Problem:
    return Problem(
        code=f"{kind}-mapping",
        title=Sentence("%(name)s", {"name": name}),
        what=problem,
        do=None,
        since=None,
        link=kind,
        link_id=row_id,
    )


def cost_problems(db: orm.Session, connection_id: int) -> list[Problem]:
    """Unit costs that QuickBooks refused, and those of items that have no field for one."""
    query = sa.select(ItemCost).filter_by(connection_id=connection_id)
    found = []
    for row in db.scalars(
        query.where(ItemCost.state.in_([CostState.NO_FIELD, CostState.PARKED])).order_by(ItemCost.id)
    ):
        item = quickbooks.list_object(db, connection_id, "item", row.item_list_id)
        if row.state is CostState.NO_FIELD and item is not None and quickbooks.takes_cost(item):
            continue  # mended in QuickBooks; the next visit writes it
        name = item.full_name if item else row.item_list_id
        what, do = Sentence(NO_COST_FIELD.template, {"item": name, "cost": f"{row.unit_cost:f}"}), None
        if row.state is CostState.PARKED:
            what, do = quickbooks.explained(row.code or "", row.detail or "")
        found.append(
            Problem(
                code=row.code or "cost",
                title=Sentence("Unit cost of %(item)s", {"item": name}),
                what=what,
                do=do,
                since=row.changed_at,
                link="offers",
                link_id=connection_id,
                cost_id=row.id if row.state is CostState.PARKED else None,
            )
        )
    return found


def draft_problems(db: orm.Session, connection_id: int) -> list[Problem]:
    """Invoices that QuickBooks refused, and those that differ from what was sent."""
    query = sa.select(Draft).join(Run).where(Run.connection_id == connection_id)
    found = []
    for draft in db.scalars(query.where(Draft.state.in_([DraftState.PARKED, DraftState.DIFFERENT])).order_by(Draft.id)):
        what, do = quickbooks.explained(draft.code or "", draft.detail or "")
        found.append(
            Problem(
                code=draft.code or "draft",
                title=Sentence("Invoice of %(name)s", {"name": draft.organization.name}),
                what=what,
                do=do,
                since=draft.reconciled_at or draft.written_at,
                link="run",
                link_id=draft.run_id,
                draft_id=draft.id if quickbooks.may_go_again(draft) else None,
                anchor=f"draft-{draft.id}",
            )
        )
    return found
