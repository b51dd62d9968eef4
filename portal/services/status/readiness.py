"""How a connection stands: what stands in the way, what is to be mended, and the numbers of each.

`overview` is for the page: the same few statements, however much there is to mend. `status` has everything, for the
command line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import Connection, Draft, Run
from portal.services import Portal, unshared
from portal.services.connections import find
from portal.services.paging import Page
from portal.services.status.blockers import find_basics, find_mapping_blockers
from portal.services.status.connection import connection_problems, password_problems, visit_problems
from portal.services.status.invoicing import Cause, causes, cost_source, draft_source
from portal.services.status.lists import ListView, list_problems, read_lists
from portal.services.status.mapping import (
    Counts,
    count_offers,
    count_organizations,
    offer_source,
    organization_source,
)
from portal.services.status.problem import Kind, Problem, Source
from portal.services.status.visit import VisitView, read_visits
from qbwc import models as wire

FEW = 5
"""Problems of each kind that are shown together; the others have pages of their own."""
SIZE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """How a connection stands. `can_bill`: a run can be made, though rows that are not mapped yet would be left out.

    `problems` is empty in an overview, where pages hold them.
    """

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How a connection stands, with the problems by kind: the first few of each, or one page of one kind.

    `causes` are the codes that invoices stopped with, where those are asked for; `code` the one that was chosen.
    """

    view: StatusView
    counts: dict[Kind, int]
    pages: dict[Kind, Page[Problem]]
    causes: tuple[Cause, ...]
    code: str

    @property
    def count(self) -> int:
        """All problems."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class _Facts:
    """What both views are made of."""

    view: StatusView
    sources: dict[Kind, Source]


def status(portal: Portal, connection_id: int) -> StatusView:
    """How a connection stands now, with every problem. Raises NotFound."""
    with portal.database.read() as db:
        facts = _facts(db, connection_id)
        problems = tuple(one for source in facts.sources.values() for one in source.read(0, None))
        return replace(facts.view, problems=problems)


def overview(
    portal: Portal, connection_id: int, *, kind: Kind | None = None, code: str = "", page: int = 1
) -> Overview:
    """How a connection stands now, for a page. Raises NotFound.

    `kind`: a page of the problems of this kind; `code`: of invoices, only those that stopped with this one.
    """
    with portal.database.read() as db:
        facts = _facts(db, connection_id)
        counts = {one: source.count for one, source in facts.sources.items() if source.count}
        if kind is None:
            pages = {one: _page(facts.sources[one], 1, FEW) for one in counts}
            return Overview(view=facts.view, counts=counts, pages=pages, causes=(), code="")
        is_narrowed = kind is Kind.INVOICES and code
        source = draft_source(db, connection_id, code) if is_narrowed else facts.sources[kind]
        return Overview(
            view=facts.view,
            counts=counts,
            pages={kind: _page(source, page, SIZE)},
            causes=causes(db, connection_id) if kind is Kind.INVOICES else (),
            code=code if is_narrowed else "",
        )


def slice_problems(
    portal: Portal, connection_id: int, after: tuple[Kind, int | str] | None, limit: int
) -> tuple[tuple[tuple[Kind, Problem], ...], tuple[Kind, int | str] | None]:
    """At most `limit` problems that follow one, kind after kind, and the last of them where more follow.

    One that is mended meanwhile neither hides nor repeats another. Raises NotFound.
    """
    found: list[tuple[Kind, int | str, Problem]] = []
    with portal.database.read() as db:
        sources = _facts(db, connection_id).sources
        kinds = list(sources)
        for kind in kinds if after is None else kinds[kinds.index(after[0]) :]:
            if sources[kind].count and len(found) <= limit:
                key = after[1] if after is not None and after[0] is kind else None
                rows = sources[kind].follow(key, limit + 1 - len(found))
                found += [(kind, its_key, problem) for its_key, problem in rows]
    shown = found[:limit]
    last = (shown[-1][0], shown[-1][1]) if len(found) > limit else None
    return tuple((kind, problem) for kind, _key, problem in shown), last


def _page(source: Source, wanted: int, size: int) -> Page[Problem]:
    pages = max(1, -(-source.count // size))
    number = min(max(1, wanted), pages)
    rows = source.read((number - 1) * size, size)
    return Page(rows=tuple(rows), page=number, pages=pages, count=source.count, size=size)


def _facts(db: orm.Session, connection_id: int) -> _Facts:
    connection = find(db, connection_id)
    lists = read_lists(db, connection_id)
    visits = read_visits(db, connection_id, 1)
    offers, organizations = count_offers(db, connection_id), count_organizations(db, connection_id)
    basics = find_basics(connection, lists, offers)
    blockers = (*basics, *find_mapping_blockers(offers, organizations))
    view = StatusView(
        connection_id=connection_id,
        name=connection.name,
        is_ready=not blockers,
        can_bill=not basics,
        blockers=blockers,
        problems=(),
        lists=lists,
        offers=offers,
        organizations=organizations,
        invoices=_invoices(db, connection_id),
        last_visit=visits[0] if visits else None,
        waiting_requests=_waiting(db, connection_id),
    )
    sources = {
        Kind.CONNECTION: Source.of(_connection_problems(connection, visits)),
        Kind.LISTS: Source.of(list_problems(db, connection_id)),
        Kind.OFFERS: offer_source(db, connection_id, offers),
        Kind.ORGANIZATIONS: organization_source(db, connection_id, organizations),
        Kind.COSTS: cost_source(db, connection_id),
        Kind.INVOICES: draft_source(db, connection_id),
    }
    return _Facts(view, sources)


def _connection_problems(connection: Connection, visits: tuple[VisitView, ...]) -> list[Problem]:
    return [*password_problems(connection), *(connection_problems(connection) or visit_problems(connection, visits))]


def _invoices(db: orm.Session, connection_id: int) -> dict[str, int]:
    states = (
        sa.select(Draft.state, sa.func.count()).join(Run).where(Run.connection_id == connection_id, unshared.is_shown())
    )
    return {str(state.value): count for state, count in db.execute(states.group_by(Draft.state))}


def _waiting(db: orm.Session, connection_id: int) -> int:
    states = [wire.RequestState.QUEUED, wire.RequestState.SENT]
    waiting = sa.select(sa.func.count()).select_from(wire.Request)
    return db.scalar(waiting.where(wire.Request.connection_id == connection_id, wire.Request.state.in_(states))) or 0
