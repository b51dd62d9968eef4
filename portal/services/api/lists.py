"""The lists of the API: each page a few statements, whatever the length of the list (see `keyset`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import BillingCycle, ChargeKind
from portal.errors import NotFound
from portal.models import Charge, Connection, Delivery, Draft, DraftState, Offer, Organization, Run
from portal.services import Portal, run_pages, runs
from portal.services.api.keyset import From, Slice, read_slice
from portal.services.charge_filters import read_filters
from portal.services.charge_states import judge
from portal.services.connections import HIGHEST_ID, ConnectionView, find, view
from portal.services.exchanges import ExchangeView, view_of
from portal.services.ledger_rows import CHARGES
from portal.services.rule_conditions import by_itself
from portal.services.status.visit import VisitView, as_views
from qbwc import history
from qbwc.models import ListObject

LISTS = ("item", "customer", "class", "terms", "tax-code")
"""The lists of QuickBooks that something may be mapped to or that invoices may carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRow:
    """A charge as the ledger has it: one entry. `key` is the provider's; `last` is the last day of its period.

    The entries of one key are numbered by `revision`: what was billed stays, and `reverses_id` gives one back.
    """

    id: int
    key: str
    revision: int
    provider: str
    organization_id: int
    organization: str
    offer_id: int
    offer: str
    kind: ChargeKind
    cycle: BillingCycle
    quantity: Decimal
    start: date
    last: date
    unit_cost: Decimal
    amount: Decimal
    currency: str
    tags: tuple[tuple[str, str], ...]
    is_billed: bool
    reverses_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An object of QuickBooks as the last visit read it."""

    list_id: str
    name: str
    type: str
    is_active: bool
    price: Decimal | None
    cost: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """An invoice, and the run and organization that it belongs to."""

    run_id: int
    organization_id: int
    invoice_date: date
    draft: runs.DraftView


def list_connections(portal: Portal, partner_id: int, wanted: From) -> Slice[ConnectionView]:
    """The connections of a partner, in the order they were made."""
    whole = (orm.joinedload(Connection.partner), orm.joinedload(Connection.wire))
    query = sa.select(Connection).options(*whole).where(Connection.partner_id == partner_id)
    with portal.database.read() as db:
        page = read_slice(db, query, Connection.id, wanted)
        return page.map(lambda rows: [view(row, portal.now()) for (row,) in rows])


def list_charges(
    portal: Portal, connection_id: int, wanted: From, filters: Mapping[str, str] | None = None, search: str = ""
) -> Slice[ChargeRow]:
    """The entries of the ledger, in the order they were made. The filters and words are those of the page's list.

    Raises NotFound.
    """
    with portal.database.read() as db:
        connection = find(db, connection_id)
        if not filters and not search:
            own = _charges().where(Charge.connection_id == connection_id)
            return read_slice(db, own, Charge.id, wanted).map(lambda rows: [_charge_row(row) for row in rows])
        judged = judge(db, connection, portal.now())
        found = read_filters(db, connection_id, judged, filters or {}, search, by_date=False)
        column = by_itself(CHARGES.c.connection_id) if found.leads else CHARGES.c.connection_id
        ids = sa.select(CHARGES.c.id).select_from(judged.source).where(column == connection_id, *found.conditions)
        page = read_slice(db, ids, CHARGES.c.id, wanted, key_of=lambda row: int(row[0]))
        return page.map(lambda rows: _charge_rows(db, [row[0] for row in rows]))


def _charge_rows(db: orm.Session, ids: Sequence[int]) -> list[ChargeRow]:
    return [_charge_row(row) for row in db.execute(_charges().where(Charge.id.in_(ids)).order_by(Charge.id))]


def get_charge(portal: Portal, connection_id: int, charge_id: int) -> ChargeRow:
    """One entry of the ledger. Raises NotFound."""
    query = _charges().where(Charge.connection_id == connection_id, Charge.id == min(charge_id, HIGHEST_ID))
    with portal.database.read() as db:
        row = db.execute(query).one_or_none()
        if row is None:
            raise NotFound("This charge does not exist here.")
        return _charge_row(row)


def _charges() -> Any:
    return (
        sa.select(Charge, Delivery.provider, Organization.name, Offer.name)
        .join(Delivery, Delivery.id == Charge.delivery_id)
        .join(Organization, Organization.id == Charge.organization_id)
        .join(Offer, Offer.id == Charge.offer_id)
    )


def _charge_row(found: Any) -> ChargeRow:
    row, provider, organization, offer = found
    return ChargeRow(
        id=row.id,
        key=row.key,
        revision=row.revision,
        provider=provider,
        organization_id=row.organization_id,
        organization=organization,
        offer_id=row.offer_id,
        offer=offer,
        kind=row.kind,
        cycle=row.cycle,
        quantity=row.quantity,
        start=row.start,
        last=date.fromordinal(row.end.toordinal() - 1),
        unit_cost=row.unit_cost,
        amount=row.amount,
        currency=row.currency,
        tags=tuple((str(name), str(told)) for name, told in row.tags.get("tags", [])),
        is_billed=bool(row.is_billed),
        reverses_id=row.reverses_id,
    )


def list_objects(portal: Portal, connection_id: int, kind: str, wanted: From) -> Slice[Named]:
    """QuickBooks' items, customers and so on, in the order of their ListIDs. Raises NotFound for another list."""
    if kind not in LISTS:
        raise NotFound("There is no list of this name.")
    query = sa.select(ListObject).filter_by(connection_id=connection_id, kind=kind)
    with portal.database.read() as db:
        page = read_slice(db, query, ListObject.list_id, wanted, key_of=lambda row: str(row[0].list_id))
        return page.map(lambda rows: [_named(row) for (row,) in rows])


def _named(row: ListObject) -> Named:
    return Named(
        list_id=row.list_id,
        name=row.full_name,
        type=row.type,
        is_active=row.is_active,
        price=Decimal(row.data["price"]) if row.data.get("price") else None,
        cost=Decimal(row.data["cost"]) if row.data.get("cost") else None,
    )


def list_runs(portal: Portal, connection_id: int, wanted: From) -> Slice[run_pages.RunSummary]:
    """The runs of a connection, the one that was made last first."""
    query = sa.select(Run).where(Run.connection_id == connection_id)
    with portal.database.read() as db:
        page = read_slice(db, query, Run.id, wanted, is_descending=True)
        return page.map(lambda rows: run_pages.summaries(db, [row for (row,) in rows]))


def get_run(portal: Portal, connection_id: int, run_id: int) -> run_pages.RunSummary:
    """One run in numbers, with the names of what was not sent. Raises NotFound."""
    with portal.database.read() as db:
        return run_pages.summaries(db, [run_pages.require_run(db, connection_id, run_id)], named=True)[0]


def list_invoices(
    portal: Portal, connection_id: int, run_id: int, wanted: From, *, state: DraftState | None = None
) -> Slice[InvoiceRow]:
    """The invoices of a run, in the order they were made. Raises NotFound."""
    with portal.database.read() as db:
        run = run_pages.require_run(db, connection_id, run_id)
        query = _drafts().where(Draft.run_id == run.id)
        if state is not None:
            query = query.where(Draft.state == state)
        page = read_slice(db, query, Draft.id, wanted)
        return page.map(lambda rows: _invoice_rows(db, connection_id, [row for (row,) in rows]))


def get_invoice(portal: Portal, connection_id: int, invoice_id: int) -> InvoiceRow:
    """One invoice. Raises NotFound."""
    query = _drafts().join(Run).where(Run.connection_id == connection_id, Draft.id == min(invoice_id, HIGHEST_ID))
    with portal.database.read() as db:
        rows = db.scalars(query).all()
        if not rows:
            raise NotFound("This invoice does not exist here.")
        return _invoice_rows(db, connection_id, rows)[0]


def _drafts() -> Any:
    return sa.select(Draft).options(
        orm.selectinload(Draft.lines), orm.joinedload(Draft.organization), orm.joinedload(Draft.run)
    )


def _invoice_rows(db: orm.Session, connection_id: int, drafts: Sequence[Draft]) -> list[InvoiceRow]:
    views = runs.draft_views(db, connection_id, drafts)
    return [
        InvoiceRow(
            run_id=row.run_id, organization_id=row.organization_id, invoice_date=row.run.invoice_date, draft=shown
        )
        for row, shown in zip(drafts, views, strict=True)
    ]


def list_visits(portal: Portal, connection_id: int, wanted: From) -> Slice[VisitView]:
    """The visits of the Web Connector, newest first. Raises NotFound."""
    before = wanted.after if isinstance(wanted.after, int) else None
    with portal.database.read() as db:
        find(db, connection_id)
        rows = history.visits(db, connection_id, limit=wanted.limit + 1, before_id=before)
        shown = as_views(db, rows[: wanted.limit])
        return Slice(rows=shown, last=shown[-1].id if len(rows) > wanted.limit else None)


def get_visit(portal: Portal, connection_id: int, visit_id: int) -> VisitView:
    """One visit. Raises NotFound."""
    with portal.database.read() as db:
        return as_views(db, [_visit(db, connection_id, visit_id)])[0]


def list_exchanges(portal: Portal, connection_id: int, visit_id: int, wanted: From) -> Slice[ExchangeView]:
    """What crossed the wire in a visit, in order, without the texts. Raises NotFound."""
    after = wanted.after if isinstance(wanted.after, int) else None
    with portal.database.read() as db:
        visit = _visit(db, connection_id, visit_id)
        rows = history.exchanges(db, connection_id, visit.id, limit=wanted.limit + 1, after_id=after)
        shown = tuple(view_of(row) for row in rows[: wanted.limit])
        return Slice(rows=shown, last=shown[-1].id if len(rows) > wanted.limit else None)


def _visit(db: orm.Session, connection_id: int, visit_id: int) -> history.PastVisit:
    found = history.visit(db, connection_id, visit_id) if 0 < visit_id <= HIGHEST_ID else None
    if found is None:
        raise NotFound("This visit does not exist here, or it was so long ago that it is forgotten.")
    return found


__all__ = [
    "LISTS",
    "ChargeRow",
    "InvoiceRow",
    "Named",
    "get_charge",
    "get_invoice",
    "get_run",
    "get_visit",
    "list_charges",
    "list_connections",
    "list_exchanges",
    "list_invoices",
    "list_objects",
    "list_runs",
    "list_visits",
]
