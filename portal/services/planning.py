"""What a run would do: a period's charges as the ledger has them, through the rules. Preview and billing share it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import Charge as ChargeValue
from portal.billing.charge import ChargeKind
from portal.billing.costs import unit_costs
from portal.billing.drafting import Plan, plan
from portal.billing.lines import Given, History, Received, Rules
from portal.billing.mapping import MappedOffer, MappedOrganization, Reason
from portal.billing.options import Options
from portal.billing.period import Period, billed_period, invoice_date, invoice_date_on_or_before
from portal.billing.proration import Proration
from portal.errors import Refused
from portal.models import (
    BilledCharge,
    Charge,
    Connection,
    Delivery,
    Draft,
    DraftLine,
    DraftState,
    Offer,
    Organization,
    Run,
)
from portal.services.connections import find
from portal.services.targets import currency_code, load_rows, load_targets, mapped_offer, mapped_organization
from qbwc.models import ListObject

FIRST_YEAR, LAST_YEAR = 2000, 2199
_CHARGES = Charge.metadata.tables[Charge.__tablename__]
_BILLED = BilledCharge.metadata.tables[BilledCharge.__tablename__]
_HISTORY = timedelta(days=2 * 366)
# The cost of a charge that is too old, or in another currency, says nothing of the item's.
_NO_COST = frozenset({Reason.BEFORE_START, Reason.CURRENCY, Reason.MONEY_CREDIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan and what it was made of. `costs` are the unit costs that go to items, by ListID."""

    connection: Connection
    period: Period
    on: date
    plan: Plan
    offers: dict[int, Offer]
    organizations: dict[int, Any]
    """Rows of id, name, mode and so on: an object for each of thousands would take longer than the planning."""
    items: dict[str, ListObject]
    costs: dict[str, Decimal]


def prepare(db: orm.Session, connection_id: int, on: date | None, now: datetime) -> Prepared:
    """Plan the run of an invoice date; None means the latest one that has come. Raises Refused."""
    with _collecting_nothing():
        return _prepare(db, connection_id, on, now)


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Everything that a plan makes is kept: looking for garbage in it, again and again, takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _prepare(db: orm.Session, connection_id: int, on: date | None, now: datetime) -> Prepared:
    connection = find(db, connection_id)
    period = period_of(db, connection, on, now)
    rules = rules_of(connection)
    offers = {row.id: row for row in db.scalars(sa.select(Offer).filter_by(connection_id=connection_id))}
    organizations: dict[int, Any] = {
        row.id: row for row in db.execute(sa.select(*_CLIENTS).where(Organization.connection_id == connection_id)).all()
    }
    received = _waiting(db, connection_id, period.covered, offers, organizations)
    items = load_targets(db, connection_id, "item", {row.item_list_id for row in offers.values() if row.item_list_id})
    customers = load_rows(
        db, connection_id, "customer", {row.customer_list_id for row in organizations.values() if row.customer_list_id}
    )
    mapped: dict[int, MappedOffer] = {
        row.id: mapped_offer(row, items.get(row.item_list_id or "")) for row in offers.values()
    }
    clients: dict[int, MappedOrganization] = {
        row.id: mapped_organization(row, customers.get(row.customer_list_id or "")) for row in organizations.values()
    }
    made = plan(received, mapped, clients, rules, _history(db, connection_id, period.covered))
    refused = {one.charge_id for one in made.skipped if one.reason in _NO_COST}
    home = rules.home_currency
    costed = (row for row in received if row.id not in refused and home in (None, row.charge.currency))
    return Prepared(
        connection=connection,
        period=period.covered,
        on=period.on,
        plan=made,
        offers=offers,
        organizations=organizations,
        items=items,
        costs=unit_costs(costed, mapped),
    )


@dataclass(frozen=True, slots=True)
class InvoicePeriod:
    """An invoice date and the days that it covers."""

    on: date
    covered: Period


def period_of(db: orm.Session, connection: Connection, on: date | None, now: datetime) -> InvoicePeriod:
    """The period of an invoice date. A run that was made keeps its own, whatever the invoice day is now.

    Raises Refused for a day that is no invoice date.
    """
    today = now.astimezone(ZoneInfo(connection.time_zone)).date()
    on = on or invoice_date_on_or_before(today, connection.invoice_day)
    if not FIRST_YEAR <= on.year <= LAST_YEAR:
        raise Refused("%(date)s cannot be an invoice date. Check its year.", date=on)
    made = db.scalar(sa.select(Run).filter_by(connection_id=connection.id, invoice_date=on))
    if made is not None:
        return InvoicePeriod(on, Period(made.period_start, made.period_end))
    expected = invoice_date(on.year, on.month, connection.invoice_day)
    if on != expected:
        raise Refused(
            "%(date)s is not an invoice date of this connection: in that month it is %(expected)s.",
            date=on,
            expected=expected,
        )
    return InvoicePeriod(on, billed_period(on, connection.invoice_day, connection.billing_mode))


def rules_of(connection: Connection) -> Rules:
    """How a connection bills, as the rules see it."""
    # With multi-currency off, QuickBooks has one currency and names none: nothing can be compared.
    preferences = connection.wire.preferences or {}
    home = currency_code(preferences.get("home_currency")) if preferences.get("multi_currency") else None
    return Rules(
        mode=connection.billing_mode,
        boxes=Proration(
            additions=connection.prorate_additions,
            removals=connection.prorate_removals,
            partial=connection.prorate_partial,
        ),
        start_date=connection.start_date,
        home_currency=home,
        options=Options(
            prorate_by=connection.prorate_by,
            day_count=connection.day_count,
            rounding=connection.rounding,
            grouping=connection.grouping,
            negative_total=connection.negative_total,
            description=connection.description,
        ),
    )


_CLIENTS = (
    Organization.id,
    Organization.name,
    Organization.mode,
    Organization.is_synchronized,
    Organization.customer_list_id,
    Organization.po_number,
    Organization.other1,
    Organization.other2,
)
_COLUMNS = tuple(
    _CHARGES.c[name]
    for name in (
        "id",
        "organization_id",
        "offer_id",
        "delivery_id",
        "key",
        "name",
        "kind",
        "cycle",
        "quantity",
        "start",
        "end",
        "unit_cost",
        "unit_cost_prorated",
        "amount",
        "currency",
        "is_proratable",
        "reverses_id",
    )
)


def is_waiting(connection_id: int) -> sa.ColumnElement[bool]:
    """The charges of a connection that no line bills. In these words, for the index on them to be used."""
    return sa.and_(_CHARGES.c.connection_id == connection_id, sa.text("charge.is_billed IS NOT TRUE"))


def _waiting(
    db: orm.Session,
    connection_id: int,
    period: Period,
    offers: dict[int, Offer],
    organizations: dict[int, Any],
) -> list[Received]:
    """Everything up to the end of the period that is not billed: late charges and corrections are swept up with it."""
    deliveries = {
        row.id: Period(row.period_start, row.period_end)
        for row in db.execute(
            sa.select(Delivery.id, Delivery.period_start, Delivery.period_end).filter_by(connection_id=connection_id)
        )
    }
    keys = {row.id: row.key for row in offers.values()}
    names = {row.id: row.name for row in organizations.values()}
    query = (
        sa.select(*_COLUMNS, _BILLED.c.quantity, _BILLED.c.rate, _BILLED.c.amount, Draft.state)
        .outerjoin(_BILLED, _BILLED.c.charge_id == _CHARGES.c.reverses_id)
        .outerjoin(DraftLine, DraftLine.id == _BILLED.c.line_id)
        .outerjoin(Draft, Draft.id == DraftLine.draft_id)
        .where(is_waiting(connection_id), _CHARGES.c.start < period.end)
        .order_by(_CHARGES.c.id)
    )
    return [
        Received(
            id=row[0],
            charge=ChargeValue(
                key=row[4],
                organization=names[row[1]],
                offer_key=keys[row[2]],
                offer_name=row[5],
                kind=row[6],
                cycle=row[7],
                quantity=row[8],
                start=row[9],
                end=row[10],
                unit_cost=row[11],
                unit_cost_prorated=row[12],
                amount=row[13],
                currency=row[14],
                is_proratable=row[15],
            ),
            offer_id=row[2],
            organization_id=row[1],
            whole=deliveries[row[3]],
            gives_back=None if row[16] is None else _given(*row[17:]),
        )
        for row in db.execute(query).all()
    ]


def _given(quantity: Decimal, rate: Decimal | None, amount: Decimal | None, state: DraftState) -> Given:
    """What a billed charge came to; nothing, where a person said that its invoice was not to be billed."""
    is_billed = state is not DraftState.IGNORED
    return Given(quantity=quantity, rate=rate, amount=amount) if is_billed else Given(quantity=Decimal(0))


def _history(db: orm.Session, connection_id: int, period: Period) -> History:
    """The charges of two years that tell what a waiting one is; only of those offers that one asks about."""
    asks = sa.and_(is_waiting(connection_id), _CHARGES.c.start < period.end)
    known = _CHARGES.alias("known")
    since = sa.and_(
        known.c.connection_id == connection_id,
        known.c.start < period.end,
        known.c.start >= period.end - _HISTORY,
    )
    partial = _CHARGES.c.kind.in_([ChargeKind.PRORATED, ChargeKind.CREDIT])
    # Made once: asked for each charge again, or joined by SQLite, the time would grow with the square of them.
    pairs = sa.select(_CHARGES.c.organization_id, _CHARGES.c.offer_id).where(asks, partial)
    wholes: dict[tuple[int, int], list[Period]] = {}
    found = (
        sa.select(known.c.organization_id, known.c.offer_id, known.c.start, known.c.end)
        .where(since, known.c.kind == ChargeKind.RECURRING)
        .where(sa.tuple_(known.c.organization_id, known.c.offer_id).in_(pairs))
        .distinct()
    )
    for organization_id, offer_id, start, end in db.execute(found):
        wholes.setdefault((organization_id, offer_id), []).append(Period(start, end))
    offers = sa.select(_CHARGES.c.offer_id).where(asks, _CHARGES.c.kind == ChargeKind.CREDIT)
    charged = (
        sa.select(known.c.offer_id, known.c.unit_cost)
        .where(since, known.c.kind != ChargeKind.CREDIT, known.c.offer_id.in_(offers))
        .distinct()
    )
    costs: dict[int, set[Decimal]] = {}
    for offer_id, cost in db.execute(charged):
        costs.setdefault(offer_id, set()).add(abs(cost))
    return History(wholes, costs)
