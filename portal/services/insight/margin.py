"""Margin: what QuickBooks invoiced, less what the provider charges for the same, by organization and offer.

Only what is certain counts: the lines of invoices that were read back and are as they were asked for. What is not
verified, stands otherwise in QuickBooks, or was settled by hand there is counted beside it and never mixed in. A line
that a person decided not to bill, and one of an invoice that came to nothing, was sold for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import Reason
from portal.errors import Refused
from portal.models import BilledCharge, Charge, Draft, DraftLine, DraftState, ExactDecimal, Run
from portal.services import Portal
from portal.services.connections import find
from portal.services.insight.names import CHUNK, Names

_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRow:
    """Some lines together, all in one currency. `organization` or `offer` is empty where it is not what they share.

    `sales` and `cost` are of the `lines` that are verified; `unverified` counts the others, with what they cost.
    """

    organization: str = ""
    offer: str = ""
    offer_key: str = ""
    lines: int
    sales: Decimal
    cost: Decimal
    unverified: int
    unverified_cost: Decimal

    @property
    def margin(self) -> Decimal | None:
        """In money; None when no line is verified."""
        return self.sales - self.cost if self.lines else None

    @property
    def percent(self) -> Decimal | None:
        """In per cent of sales, to a hundredth; None where nothing was sold."""
        if self.margin is None or self.sales <= 0:
            return None
        return (self.margin * 100 / self.sales).quantize(_HUNDREDTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginGroup:
    """The margin in one currency: of everything, of each organization, of each offer, and of each pair of the two."""

    currency: str
    total: MarginRow
    organizations: tuple[MarginRow, ...]
    offers: tuple[MarginRow, ...]
    pairs: tuple[MarginRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginReport:
    """The margin of the runs dated `first` to `last`, smallest first. `latest` is the last run's date, if there is one.

    `year_first` begins the twelve months that end with it. `mixed` counts lines that bill charges in two currencies.
    """

    first: date | None
    last: date | None
    latest: date | None
    year_first: date | None
    runs: int
    groups: tuple[MarginGroup, ...]
    mixed: int


@dataclass(slots=True)
class _Sums:
    lines: int = 0
    sales: Decimal = field(default=Decimal(0))
    cost: Decimal = field(default=Decimal(0))
    unverified: int = 0
    unverified_cost: Decimal = field(default=Decimal(0))

    def add(self, other: _Sums) -> None:
        self.lines += other.lines
        self.sales += other.sales
        self.cost += other.cost
        self.unverified += other.unverified
        self.unverified_cost += other.unverified_cost


_Pair = tuple[int | None, int | None]


def margin(portal: Portal, connection_id: int, first: date | None = None, last: date | None = None) -> MarginReport:
    """The margin of the runs dated `first` to `last`, both included; by default of the latest run.

    Raises NotFound, and Refused when the range ends before it begins.
    """
    if first and last and last < first:
        raise Refused(
            "The range ends on %(last)s, before it begins on %(first)s. Swap the two dates.", first=first, last=last
        )
    with portal.database.read() as db:
        find(db, connection_id)
        latest = db.scalar(sa.select(sa.func.max(Run.invoice_date)).filter_by(connection_id=connection_id))
        if first is None and last is None:
            first = last = latest
        in_range = sa.and_(
            Run.connection_id == connection_id,
            Run.invoice_date >= (first or date.min),
            Run.invoice_date <= (last or date.max),
        )
        sums, mixed = _add_up(db, in_range)
        names = Names.load(db, {pair for pairs in sums.values() for pair in pairs})
        return MarginReport(
            first=first,
            last=last,
            latest=latest,
            year_first=_year_before(latest),
            runs=db.scalar(sa.select(sa.func.count()).select_from(Run).where(in_range)) or 0,
            groups=tuple(_group(currency, pairs, names) for currency, pairs in sorted(sums.items())),
            mixed=mixed,
        )


def _year_before(latest: date | None) -> date | None:
    """The first day of the twelve months that end on a day."""
    if latest is None:
        return None
    is_leap_day = (latest.month, latest.day) == (2, 29)
    return date(latest.year - 1, latest.month, latest.day - is_leap_day) + timedelta(days=1)


def _add_up(db: orm.Session, in_range: sa.ColumnElement[bool]) -> tuple[dict[str, dict[_Pair, _Sums]], int]:
    """The sums by currency, then organization and offer; and how many lines have no one currency."""
    sums: dict[str, dict[_Pair, _Sums]] = {}
    mixed = 0
    for (organization_id, offer_id, sales), currencies, cost in _lines(db, in_range):
        if len(currencies) > 1:
            mixed += 1
            continue
        pairs = sums.setdefault(currencies.pop(), {})
        found = pairs.get((organization_id, offer_id))
        if found is None:
            found = pairs[organization_id, offer_id] = _Sums()
        if sales is None:
            found.unverified += 1
            found.unverified_cost += cost
        else:
            found.lines += 1
            found.sales += sales
            found.cost += cost
    return sums, mixed


def sold_for() -> sa.ColumnElement[Any]:
    """What a line of a draft was sold for; NULL where that is not certain."""
    given_away = sa.or_(
        Draft.state == DraftState.IGNORED, sa.and_(Draft.state == DraftState.DONE, Draft.code == Reason.NOTHING_TO_BILL)
    )
    return sa.case(
        (given_away, sa.literal(Decimal(0), ExactDecimal())), (Draft.state == DraftState.RECONCILED, DraftLine.amount)
    )


def _lines(db: orm.Session, in_range: sa.ColumnElement[bool]) -> Iterator[tuple[Any, set[str], Decimal]]:
    """Each line with its organization, its offer and what it sold for; the currencies of its charges; their amount."""
    query = (
        sa.select(DraftLine.id, Draft.organization_id, DraftLine.offer_id, sold_for(), Charge.currency, Charge.amount)
        .select_from(Run)
        .join(Draft, Draft.run_id == Run.id)
        .join(DraftLine, DraftLine.draft_id == Draft.id)
        .join(BilledCharge, BilledCharge.line_id == DraftLine.id)
        .join(Charge, Charge.id == BilledCharge.charge_id)
        .where(in_range)
        .order_by(DraftLine.id)
        .execution_options(yield_per=CHUNK)
    )
    for _line_id, rows in groupby(db.execute(query), key=lambda row: row[0]):
        currencies, cost = set(), Decimal(0)
        for row in rows:
            currencies.add(row[4])
            cost += row[5]
        yield (row[1], row[2], row[3]), currencies, cost


def _group(currency: str, pairs: dict[_Pair, _Sums], names: Names) -> MarginGroup:
    organizations: dict[_Pair, _Sums] = {}
    offers: dict[_Pair, _Sums] = {}
    total = _Sums()
    for (organization_id, offer_id), found in pairs.items():
        organizations.setdefault((organization_id, None), _Sums()).add(found)
        offers.setdefault((None, offer_id), _Sums()).add(found)
        total.add(found)
    return MarginGroup(
        currency=currency,
        total=_row((None, None), total, names),
        organizations=_rows(organizations.items(), names),
        offers=_rows(offers.items(), names),
        pairs=_rows(pairs.items(), names),
    )


def _rows(sums: Iterable[tuple[_Pair, _Sums]], names: Names) -> tuple[MarginRow, ...]:
    """The smallest margin first; at the end what has none yet."""

    def order(one: tuple[_Pair, _Sums]) -> tuple[object, ...]:
        pair, found = one
        return not found.lines, found.sales - found.cost, names.order(*pair)

    return tuple(_row(pair, found, names) for pair, found in sorted(sums, key=order))


def _row(pair: _Pair, found: _Sums, names: Names) -> MarginRow:
    organization_id, offer_id = pair
    offer, key = ("", "") if offer_id is None else names.offers[offer_id]
    return MarginRow(
        organization="" if organization_id is None else names.organizations[organization_id],
        offer=offer,
        offer_key=key,
        lines=found.lines,
        sales=found.sales,
        cost=found.cost,
        unverified=found.unverified,
        unverified_cost=found.unverified_cost,
    )
