"""Is it ready to invoice, yes or no and why; and every problem with its cause, what to do, and the row to fix.

Everything here is computed from facts each time: a problem is gone as soon as its cause is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import Connection, CostState, Draft, DraftState, ItemCost, Run
from portal.services import Portal, quickbooks
from portal.services.connections import find
from portal.services.mappings import OfferPage, OrganizationPage, list_offers, list_organizations
from portal.services.reasons import NO_COST_FIELD
from qbwc import history
from qbwc import models as wire
from qbwc.identity import Verdict
from qbwc.mirror import LISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to mend. `link` names the page that mends it: offer, organization, run, connection; `link_id` its row.

    `anchor` is the place on that page. `draft_id` and `cost_id` are what may be sent again.
    """

    code: str
    title: Sentence
    what: Sentence
    do: Sentence | None
    since: datetime | None
    link: str
    link_id: int
    draft_id: int | None = None
    cost_id: int | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """A QuickBooks list as last read."""

    kind: str
    count: int
    refreshed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """One visit of the Web Connector. `done` and `failed` count requests, sizes are in characters."""

    id: int
    opened_at: datetime
    closed_at: datetime | None
    seconds: float | None
    machine: str | None
    product: str | None
    company_name: str | None
    done: int
    failed: int
    exchanges: int
    sent: int
    received: int
    result: str | None
    last_error: dict[str, str] | None


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
        lists = _lists(db, connection_id)
        visits = _visits(db, connection_id, 1)
        problems = (
            *_password_problems(connection),
            *(_connection_problems(connection) or _visit_problems(connection, visits)),
            *_list_problems(db, connection_id),
            *_mapping_problems(offers, organizations),
            *_cost_problems(db, connection_id),
            *_draft_problems(db, connection_id),
        )
        basics = _basics(connection, lists, offers)
        blockers = (*basics, *_mapping_blockers(offers, organizations))
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


def visits(portal: Portal, connection_id: int, limit: int = 20) -> tuple[VisitView, ...]:
    """The last visits, newest first."""
    with portal.database.read() as db:
        return _visits(db, connection_id, limit)


def _visits(db: orm.Session, connection_id: int, limit: int) -> tuple[VisitView, ...]:
    return tuple(
        VisitView(
            id=row.id,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            seconds=None if row.duration is None else row.duration.total_seconds(),
            machine=row.machine,
            product=row.product,
            company_name=row.company_name,
            done=row.done,
            failed=row.failed,
            exchanges=row.exchanges,
            sent=row.sent,
            received=row.received,
            result=row.result,
            last_error=row.error,
        )
        for row in history.visits(db, connection_id, limit=limit)
    )


def _lists(db: orm.Session, connection_id: int) -> tuple[ListView, ...]:
    counted = sa.select(wire.ListObject.kind, sa.func.count()).filter_by(connection_id=connection_id)
    counts = {kind: int(count) for kind, count in db.execute(counted.group_by(wire.ListObject.kind))}
    states = {row.kind: row for row in db.scalars(sa.select(wire.ListState).filter_by(connection_id=connection_id))}
    return tuple(
        ListView(
            kind=kind, count=counts.get(kind, 0), refreshed_at=states[kind].refreshed_at if kind in states else None
        )
        for kind in LISTS
    )


def _counts(page: OfferPage | OrganizationPage) -> Counts:
    off = sum(1 for row in page.rows if not row.is_synchronized)
    return Counts(mapped=page.total - page.unmapped - off, unmapped=page.unmapped, off=off)


def _basics(connection: Connection, lists: tuple[ListView, ...], offers: OfferPage) -> list[Sentence]:
    """What must be there before anything can be billed."""
    if connection.wire.last_contact_at is None:
        return [Sentence("The Web Connector has never connected. Add the .qwc file to it and click Update Selected.")]
    found = []
    if connection.wire.verdict not in (None, Verdict.GO):
        found.append(
            Sentence("The company file that QuickBooks had open is in doubt: nothing is written until it is confirmed.")
        )
    if not all(one.refreshed_at for one in lists if one.kind in ("customer", "item")):
        found.append(
            Sentence(
                "QuickBooks' customers and items have not arrived yet. Click Update Selected in the Web Connector."
            )
        )
    if not offers.total:
        found.append(Sentence("No charges have been imported yet. Import the month's charges."))
    return found


def _mapping_blockers(offers: OfferPage, organizations: OrganizationPage) -> list[Sentence]:
    found = []
    if offers.unmapped:
        found.append(
            Sentence(
                "Offers without a QuickBooks item: %(count)s. Map them, or turn their Sync switch off.",
                {"count": str(offers.unmapped)},
            )
        )
    if organizations.unmapped:
        found.append(
            Sentence(
                "Organizations without a QuickBooks customer: %(count)s. Map them, or turn their Sync switch off.",
                {"count": str(organizations.unmapped)},
            )
        )
    problems = [row.problem for row in offers.rows] + [row.problem for row in organizations.rows]
    refused = sum(1 for problem in problems if problem is not None)
    lost = refused - offers.unmapped - organizations.unmapped
    if lost:
        found.append(
            Sentence(
                "Mapped items or customers that are gone, inactive or of the wrong kind in QuickBooks: %(count)s. Mend "
                "the rows listed below.",
                {"count": str(lost)},
            )
        )
    return found


DOUBTS: dict[Verdict, Sentence] = {
    Verdict.MOVED: Sentence(
        "The company file %(name)s is at %(path)s; it was at %(known_path)s. Confirm that it is the "
        "same file, not a copy."
    ),
    Verdict.RENAMED: Sentence(
        "The company is called %(name)s now; it was %(known_name)s. Confirm that it is the same company."
    ),
    Verdict.STALE: Sentence(
        "The company file %(name)s lacks invoices that were written to it: it is an older copy, or a backup was "
        "restored. Open the newest file, or confirm that this one is right and look at the invoices below."
    ),
    Verdict.UNMARKED: Sentence(
        "The company file %(name)s does not carry this connection's mark: it is an older backup, or "
        "the .qwc file was not added to it."
    ),
    Verdict.FOREIGN: Sentence(
        "The company file %(name)s belongs to another connection. Open the right company file and "
        "click Update Selected."
    ),
    Verdict.OTHER: Sentence(
        "Another company was open: %(name)s instead of %(known_name)s. Open the right one and click Update Selected."
    ),
    Verdict.TOO_OLD: Sentence("This QuickBooks does not understand qbXML 13.0. Use QuickBooks 2015 or newer."),
}


def _connection_problems(connection: Connection) -> list[Problem]:
    row = connection.wire
    if row.verdict in (None, Verdict.GO):
        return []
    values = {
        "name": row.seen_company_name or "?",
        "path": row.seen_company_path or "?",
        "known_name": row.company_name or "?",
        "known_path": row.company_path or "?",
    }
    return [
        Problem(
            code=f"company-{row.verdict}",
            title=Sentence("Company file in doubt"),
            what=Sentence(DOUBTS[row.verdict].template, values),
            do=None,
            since=row.last_contact_at,
            link="connection",
            link_id=connection.id,
        )
    ]


def _password_problems(connection: Connection) -> list[Problem]:
    """A refused log-in, until one goes well again."""
    row = connection.wire
    if row.refused_at is None or (row.last_contact_at is not None and row.last_contact_at > row.refused_at):
        return []
    return [
        Problem(
            code="wrong-password",
            title=Sentence("Password of the Web Connector"),
            what=WRONG_PASSWORD,
            do=None,
            since=row.refused_at,
            link="connection",
            link_id=connection.id,
        )
    ]


def _in_both(texts: dict[str, str]) -> Sentence:
    """A text that comes in both languages."""
    english = texts.get("en", "")
    return Sentence(english, {}, texts)


def _visit_problems(connection: Connection, visits: tuple[VisitView, ...]) -> list[Problem]:
    """Why the last visit failed, until one goes well again."""
    success = connection.wire.last_success_at
    return [
        Problem(
            code="visit-failed",
            title=Sentence("Visits of the Web Connector"),
            what=_in_both(visit.last_error),
            do=None,
            since=visit.opened_at,
            link="connection",
            link_id=connection.id,
        )
        for visit in visits
        if visit.last_error and (success is None or success <= visit.opened_at)
    ]


UNREADABLE = Sentence(
    "Some entries of this list cannot be read, and stay here as they were: %(detail)s. "
    "Open and save them in QuickBooks."
)
WRONG_PASSWORD = Sentence(
    "The Web Connector called with a wrong password. Type the connection's password there again, or make a new one."
)

LIST_NAMES: dict[str, Sentence] = {
    "customer": Sentence("QuickBooks' customers"),
    "item": Sentence("QuickBooks' items"),
    "account": Sentence("QuickBooks' accounts"),
    "terms": Sentence("QuickBooks' terms"),
    "class": Sentence("QuickBooks' classes"),
    "tax-code": Sentence("QuickBooks' sales tax codes"),
    "template": Sentence("QuickBooks' templates"),
}


def _list_problems(db: orm.Session, connection_id: int) -> list[Problem]:
    found = []
    for name, job in quickbooks.troubled_lists(db, connection_id):
        what: Sentence = Sentence(UNREADABLE.template, {"detail": job.warning or ""})
        do: Sentence | None = None
        if job.status_code:
            what, do = quickbooks.explained(job.status_code, job.status_message or "")
        found.append(
            Problem(
                code=job.status_code or "unreadable",
                title=LIST_NAMES[name],
                what=what,
                do=do,
                since=job.finished_at,
                link="connection",
                link_id=connection_id,
            )
        )
    return found


def _mapping_problems(offers: OfferPage, organizations: OrganizationPage) -> list[Problem]:
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


def _cost_problems(db: orm.Session, connection_id: int) -> list[Problem]:
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


def _draft_problems(db: orm.Session, connection_id: int) -> list[Problem]:
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
