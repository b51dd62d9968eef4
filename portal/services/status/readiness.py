"""How a connection stands: what stands in the way, what is to be mended, and the numbers of each."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from portal.errors import Sentence
from portal.models import Draft, Run
from portal.services import Portal
from portal.services.connections import find
from portal.services.mappings import OfferPage, OrganizationPage, list_offers, list_organizations
from portal.services.status.blockers import find_basics, find_mapping_blockers
from portal.services.status.connection import connection_problems, password_problems, visit_problems
from portal.services.status.invoicing import cost_problems, draft_problems, mapping_problems
from portal.services.status.lists import ListView, list_problems, read_lists
from portal.services.status.problem import Problem
from portal.services.status.visit import VisitView, read_visits
from qbwc import models as wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows that are mapped, still to be mapped, and switched off."""

    mapped: int
    unmapped: int
    off: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """How a connection stands. `can_bill`: a run can be made, though rows that are not mapped yet would be left out."""

    connection_id: int
    name: str
    is_ready: bool
    can_bill: bool
    blockers: tuple[Sentence, ...]
    problems: tuple[Problem, ...]
    lists: tuple[ListView, ...]
    offers: Counts
    organizations: Counts
    invoices: dict[str, int]
    last_visit: VisitView | None
    waiting_requests: int


def status(portal: Portal, connection_id: int) -> StatusView:
    """How a connection stands now. Raises NotFound."""
    offers = list_offers(portal, connection_id)
    organizations = list_organizations(portal, connection_id)
    with portal.database.read() as db:
        connection = find(db, connection_id)
        lists = read_lists(db, connection_id)
        visits = read_visits(db, connection_id, 1)
        problems = (
            *password_problems(connection),
            *(connection_problems(connection) or visit_problems(connection, visits)),
            *list_problems(db, connection_id),
            *mapping_problems(offers, organizations),
            *cost_problems(db, connection_id),
            *draft_problems(db, connection_id),
        )
        basics = find_basics(connection, lists, offers)
        blockers = (*basics, *find_mapping_blockers(offers, organizations))
        states = sa.select(Draft.state, sa.func.count()).join(Run).where(Run.connection_id == connection_id)
        waiting = sa.select(sa.func.count()).select_from(wire.Request)
        return StatusView(
            connection_id=connection_id,
            name=connection.name,
            is_ready=not blockers,
            can_bill=not basics,
            blockers=blockers,
            problems=problems,
            lists=lists,
            offers=_counts(offers),
            organizations=_counts(organizations),
            invoices={str(state.value): count for state, count in db.execute(states.group_by(Draft.state))},
            last_visit=visits[0] if visits else None,
            waiting_requests=db.scalar(
                waiting.where(
                    wire.Request.connection_id == connection_id,
                    wire.Request.state.in_([wire.RequestState.QUEUED, wire.RequestState.SENT]),
                )
            )
            or 0,
        )


def _counts(page: OfferPage | OrganizationPage) -> Counts:
    off = sum(1 for row in page.rows if not row.is_synchronized)
    return Counts(mapped=page.total - page.unmapped - off, unmapped=page.unmapped, off=off)
