"""What a run would do: a period's charges as the ledger has them, through the rules. Preview and billing share it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.costs import unit_costs
from portal.billing.drafting import Plan, plan
from portal.billing.lines import Received, Rules
from portal.billing.mapping import MappedOffer, MappedOrganization, Reason
from portal.billing.options import Options
from portal.billing.period import (
    FIRST_YEAR,
    LAST_YEAR,
    Period,
    billed_period,
    invoice_date,
    invoice_date_on_or_before,
)
from portal.billing.proration import Proration
from portal.errors import Refused
from portal.models import (
    Connection,
    Offer,
    Organization,
    Run,
)
from portal.services import rule_versions
from portal.services.connections import find
from portal.services.rule_versions import InForce
from portal.services.targets import currency_code, load_rows, load_targets, mapped_offer, mapped_organization
from portal.services.waiting import (
    CHARGES,
    Excluded,
    is_waiting,
    load_bought,
    load_excluded,
    load_history,
    load_received,
    read_waiting,
)
from qbwc.models import ListObject

_counting, _planning, _collects = threading.Lock(), 0, True
# The cost of a charge that is too old, or in another currency, says nothing of the item's.
_NO_COST = frozenset({Reason.BEFORE_START, Reason.CURRENCY, Reason.MONEY_CREDIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan and what it was made of. `costs` are the unit costs that go to items, by ListID.

    `excluded` are the charges that the export rule keeps back: they are no part of the plan, nor of the costs.
    """

    connection: Connection
    period: Period
    on: date
    plan: Plan
    offers: dict[int, Offer]
    """Those that something waits for, by id; the organizations too."""
    organizations: dict[int, Any]
    """Rows of id, name, mode and so on: an object for each of thousands would take longer than the planning."""
    items: dict[str, ListObject]
    costs: dict[str, Decimal]
    rule: InForce
    excluded: tuple[Excluded, ...]


def prepare(
    db: orm.Session, connection_id: int, on: date | None, now: datetime, *, only: Collection[int] | None = None
) -> Prepared:
    """Plan the run of an invoice date; None means the latest one that has come. Raises Refused.

    `only`: of the organizations with these ids, a few hundred at most. Their drafts are the same as in the whole plan.
    """
    with _collecting_nothing():
        return _prepare(db, connection_id, on, now, only)


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Everything that a plan makes is kept: looking for garbage in it, again and again, takes a third of the time."""
    global _planning, _collects
    with _counting:  # several threads may plan at once: the last one sets it back
        if not _planning:
            _collects = gc.isenabled()
        _planning += 1
        gc.disable()
    try:
        yield
    finally:
        with _counting:
            _planning -= 1
            if not _planning and _collects:
                gc.enable()


def _prepare(
    db: orm.Session, connection_id: int, on: date | None, now: datetime, only: Collection[int] | None
) -> Prepared:
    connection = find(db, connection_id)
    period = period_of(db, connection, on, now)
    rules = rules_of(connection)
    rule = rule_versions.of_run(db, connection, period.on, now)
    due = sa.and_(is_waiting(connection_id, only), CHARGES.c.start < period.covered.end)
    asked = sa.and_(due, rule.keeps) if rule.rule.restricts else due
    rows = read_waiting(db, asked)
    # Asked for by question, not by the numbers in these rows: a statement names only so many. Also those of which the
    # rule keeps everything back: the preview names them.
    of_offers = sa.select(CHARGES.c.offer_id).where(due)
    of_clients = sa.select(CHARGES.c.organization_id).where(due)
    offers = {row.id: row for row in db.scalars(sa.select(Offer).where(Offer.id.in_(of_offers)))}
    clients_of = sa.select(*_CLIENTS).where(Organization.id.in_(of_clients))
    organizations: dict[int, Any] = {row.id: row for row in db.execute(clients_of)}
    received = load_received(db, connection_id, rows, asked, offers, organizations)
    mapped_to = sa.select(Offer.item_list_id).where(Offer.id.in_(of_offers))
    items = load_targets(db, connection_id, "item", mapped_to)
    billed_to = sa.select(Organization.customer_list_id).where(Organization.id.in_(of_clients))
    customers = load_rows(db, connection_id, "customer", billed_to)
    mapped: dict[int, MappedOffer] = {
        row.id: mapped_offer(row, items.get(row.item_list_id or "")) for row in offers.values()
    }
    clients: dict[int, MappedOrganization] = {
        row.id: mapped_organization(row, customers.get(row.customer_list_id or "")) for row in organizations.values()
    }
    made = plan(received, mapped, clients, rules, load_history(db, connection_id, period.covered, asked, only))
    return Prepared(
        connection=connection,
        period=period.covered,
        on=period.on,
        plan=made,
        offers=offers,
        organizations=organizations,
        items=items,
        costs={} if only is not None else _costs(db, received, made, mapped, rules, period.run_id),
        rule=rule,
        excluded=load_excluded(db, sa.and_(due, rule.drops)) if rule.rule.restricts else (),
    )


def _costs(
    db: orm.Session,
    received: Sequence[Received],
    made: Plan,
    offers: Mapping[int, MappedOffer],
    rules: Rules,
    run_id: int | None,
) -> dict[str, Decimal]:
    refused = {one.charge_id for one in made.skipped if one.reason in _NO_COST}
    home = rules.home_currency
    costed = [row for row in received if row.id not in refused and home in (None, row.charge.currency)]
    asked = {row.offer_id for row in costed}
    return unit_costs(costed, offers, load_bought(db, run_id, asked) if run_id is not None and asked else ())


@dataclass(frozen=True, slots=True)
class InvoicePeriod:
    """An invoice date, the days that it covers, and the id of its run where that was begun."""

    on: date
    covered: Period
    run_id: int | None = None


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
        return InvoicePeriod(on, Period(made.period_start, made.period_end), made.id)
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
    Organization.class_list_id,
    Organization.terms_list_id,
    Organization.tax_code_list_id,
)
