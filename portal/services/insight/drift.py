"""Drift between two imports: what a later delivery says otherwise, by organization and offer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import NotFound
from portal.models import Charge, ChargeChange, Delivery, What
from portal.services import Portal
from portal.services.connections import HIGHEST_ID, find
from portal.services.insight.names import CHUNK, Names


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportChoice:
    """An import that changed something of the ones before it. `period_last` is the last day."""

    id: int
    file_name: str
    provider: str
    period_start: date
    period_last: date
    imported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRow:
    """What an import changed of one organization and offer. Credits count against quantities and amounts.

    `changed` and `withdrawn` count charges; `billed` those of both that were billed already, so that the next run puts
    them right. The amounts are None where the currency is not known.
    """

    organization: str
    offer: str
    offer_key: str
    changed: int
    withdrawn: int
    billed: int
    quantity_before: Decimal
    quantity_after: Decimal
    amount_before: Decimal | None
    amount_after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup:
    """The changes in one currency, the largest difference first; `currency` is empty where it is not known."""

    currency: str
    amount_before: Decimal | None
    amount_after: Decimal | None
    rows: tuple[ChangedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDrift:
    """What the `chosen` import changed, by default the newest one that changed anything. `choices` are newest first."""

    chosen: ImportChoice | None
    choices: tuple[ImportChoice, ...]
    groups: tuple[ChangeGroup, ...]


@dataclass(slots=True)
class _Sums:
    changed: int = 0
    withdrawn: int = 0
    billed: int = 0
    quantity_before: Decimal = field(default=Decimal(0))
    quantity_after: Decimal = field(default=Decimal(0))
    amount_before: Decimal = field(default=Decimal(0))
    amount_after: Decimal = field(default=Decimal(0))


_Pair = tuple[int, int]


def changes(portal: Portal, connection_id: int, import_id: int | None = None) -> ImportDrift:
    """What one import changed. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        choices = _choices(db, connection_id)
        chosen = choices[0] if choices else None
        if import_id is not None:
            chosen = _choice(db, connection_id, import_id)
        sums = _add_up(db, connection_id, chosen.id) if chosen else {}
        names = Names.load(db, {pair for pairs in sums.values() for pair in pairs})
        return ImportDrift(
            chosen=chosen,
            choices=choices,
            groups=tuple(_group(currency, pairs, names) for currency, pairs in sorted(sums.items())),
        )


def _choices(db: orm.Session, connection_id: int) -> tuple[ImportChoice, ...]:
    found = (
        sa.select(Delivery)
        .where(Delivery.connection_id == connection_id)
        .where(sa.exists().where(ChargeChange.delivery_id == Delivery.id))
        .order_by(Delivery.id.desc())
    )
    return tuple(_as_choice(row) for row in db.scalars(found))


def _choice(db: orm.Session, connection_id: int, import_id: int) -> ImportChoice:
    row = db.scalar(sa.select(Delivery).filter_by(connection_id=connection_id, id=min(import_id, HIGHEST_ID)))
    if row is None:
        raise NotFound("This import does not exist here.")
    return _as_choice(row)


def _as_choice(row: Delivery) -> ImportChoice:
    return ImportChoice(
        id=row.id,
        file_name=row.file_name,
        provider=row.provider,
        period_start=row.period_start,
        period_last=row.period_end - timedelta(days=1),
        imported_at=row.imported_at,
    )


def _add_up(db: orm.Session, connection_id: int, delivery_id: int) -> dict[str, dict[_Pair, _Sums]]:
    """The sums by currency, then organization and offer."""
    currencies = _Currencies(db, connection_id)
    sums: dict[str, dict[_Pair, _Sums]] = {}
    for pair, what, was_billed, numbers, lowest, highest in _differences(db, connection_id, delivery_id):
        currency = currencies.of(pair[0]) if lowest is None else lowest if lowest == highest else ""
        found = sums.setdefault(currency, {}).setdefault(pair, _Sums())
        found.changed += what is What.CHANGED
        found.withdrawn += what is What.WITHDRAWN
        found.billed += was_billed
        found.quantity_before += numbers[0]
        found.quantity_after += numbers[1]
        found.amount_before += numbers[2]
        found.amount_after += numbers[3]
    return sums


def _differences(
    db: orm.Session, connection_id: int, delivery_id: int
) -> Iterator[tuple[_Pair, What, bool, tuple[Decimal, ...], str | None, str | None]]:
    """Each difference: whose, what, whether it was billed, the numbers, and the currencies of its charge."""
    charge = sa.and_(Charge.connection_id == connection_id, Charge.key == ChargeChange.key)
    query = (
        sa.select(
            ChargeChange.organization_id,
            ChargeChange.offer_id,
            ChargeChange.what,
            ChargeChange.was_billed,
            ChargeChange.quantity_before,
            ChargeChange.quantity_after,
            ChargeChange.amount_before,
            ChargeChange.amount_after,
            sa.select(sa.func.min(Charge.currency)).where(charge).correlate(ChargeChange).scalar_subquery(),
            sa.select(sa.func.max(Charge.currency)).where(charge).correlate(ChargeChange).scalar_subquery(),
        )
        .where(ChargeChange.delivery_id == delivery_id)
        .execution_options(yield_per=CHUNK)
    )
    for row in db.execute(query):
        yield (row[0], row[1]), row[2], row[3], (row[4], row[5], row[6], row[7]), row[8], row[9]


class _Currencies:
    """The currency of a charge that is gone, as far as its organization's other charges, or all of them, tell it."""

    def __init__(self, db: orm.Session, connection_id: int) -> None:
        self._db, self._connection_id = db, connection_id
        self._found: dict[int, str] = {}

    def of(self, organization_id: int) -> str:
        """Empty when it is not known."""
        if organization_id not in self._found:
            own = self._only(Charge.organization_id == organization_id)
            self._found[organization_id] = (self._only(sa.true()) or "") if own is None else own
        return self._found[organization_id]

    def _only(self, which: sa.ColumnElement[bool]) -> str | None:
        """The one currency of these charges, empty when they have several; None when there are none."""
        bounds = sa.select(sa.func.min(Charge.currency), sa.func.max(Charge.currency))
        lowest, highest = self._db.execute(bounds.where(Charge.connection_id == self._connection_id, which)).one()
        if lowest is None:
            return None
        return str(lowest) if lowest == highest else ""


def _group(currency: str, pairs: dict[_Pair, _Sums], names: Names) -> ChangeGroup:
    def order(one: tuple[_Pair, _Sums]) -> tuple[object, ...]:
        pair, found = one
        return -abs(found.amount_after - found.amount_before), names.order(*pair)

    found = pairs.values()
    return ChangeGroup(
        currency=currency,
        amount_before=sum((one.amount_before for one in found), Decimal(0)) if currency else None,
        amount_after=sum((one.amount_after for one in found), Decimal(0)) if currency else None,
        rows=tuple(_row(pair, one, names, is_money=bool(currency)) for pair, one in sorted(pairs.items(), key=order)),
    )


def _row(pair: _Pair, found: _Sums, names: Names, *, is_money: bool) -> ChangedRow:
    organization_id, offer_id = pair
    offer, key = names.offers[offer_id]
    return ChangedRow(
        organization=names.organizations[organization_id],
        offer=offer,
        offer_key=key,
        changed=found.changed,
        withdrawn=found.withdrawn,
        billed=found.billed,
        quantity_before=found.quantity_before,
        quantity_after=found.quantity_after,
        amount_before=found.amount_before if is_money else None,
        amount_after=found.amount_after if is_money else None,
    )
