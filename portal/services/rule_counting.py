"""What a rule would let leave, counted and added up: out of one index, without a look at any charge.

`ix_charge_rule` holds all that a rule asks of the charges that no line bills. The database goes to the kinds, to the
organizations and to the days of each that are asked for, and passes over all others; only what is left of the rule is
asked of each entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import ChargeKind
from portal.billing.export_rule import Applied, DatedBy, ExportRule, Part
from portal.models import Delivery
from portal.services.ledger_rows import CHARGES
from portal.services.rule_conditions import Condition, all_organizations, by_itself, came_within, parts
from portal.services.waiting import is_waiting

Sums = dict[str, tuple[int, int]]
"""A number of charges and their cents, by currency."""


def count_kept(db: orm.Session, connection_id: int, rule: ExportRule, applied: Applied) -> Sums:
    """The waiting charges that every part of a rule lets; what always leaves is not looked at as such."""
    told = parts(rule, connection_id, applied)
    if Part.PERIOD in told and rule.dates.by is DatedBy.IMPORT:
        told[Part.PERIOD] = _imports(db, connection_id, told[Part.PERIOD], came_within(rule, applied))
    asked = sa.and_(is_waiting(connection_id), *_steps(rule, connection_id), *told.values())
    each = [_sum(currency).where(asked, CHARGES.c.currency == currency) for currency in _currencies(db, connection_id)]
    if not each:
        return {}
    found = db.execute(sa.union_all(*each)).all()
    return {row[0]: (row[1], int(row[2])) for row in found if row[1]}


def count_given_back(db: orm.Session, connection_id: int, rule: ExportRule, applied: Applied) -> Sums:
    """What gives back something that was billed, and leaves although a part of the rule does not let it."""
    told = parts(rule, connection_id, applied).values()
    if not told:
        return {}
    amounts = (CHARGES.c.currency, sa.func.count(), sa.func.sum(CHARGES.c.amount_cents))
    asked = sa.and_(is_waiting(connection_id), CHARGES.c.reverses_id.is_not(None), sa.not_(sa.and_(*told)))
    found = db.execute(sa.select(*amounts).where(asked).group_by(CHARGES.c.currency))
    return {currency: (count, int(cents)) for currency, count, cents in found}


def _sum(currency: str) -> sa.Select[Any]:
    cents = sa.func.coalesce(sa.func.sum(CHARGES.c.amount_cents), 0)
    return sa.select(sa.literal(currency, sa.String()), sa.func.count(), cents).select_from(CHARGES)


def _steps(rule: ExportRule, connection_id: int) -> Iterator[Condition]:
    """What is true of every charge, and leads an index from column to column up to the one that a part asks about."""
    by_day = Part.PERIOD in rule.restricts and rule.dates.by is DatedBy.CHARGE
    if by_day and Part.ORGANIZATION not in rule.restricts:
        yield CHARGES.c.organization_id.in_(all_organizations(connection_id))
    if (by_day or Part.ORGANIZATION in rule.restricts) and Part.KIND not in rule.restricts:
        yield CHARGES.c.kind.in_(list(ChargeKind))


def _imports(db: orm.Session, connection_id: int, told: Condition, within: Condition) -> Condition:
    """The imports of a period as a range of their numbers, which is quicker asked: one import follows the other."""
    own = sa.select(Delivery.id, within.label("is_in")).where(Delivery.connection_id == connection_id)
    rows = db.execute(own.order_by(Delivery.id)).all()
    places = [place for place, row in enumerate(rows) if row.is_in]
    if not places:
        return sa.false()
    if places[-1] - places[0] + 1 != len(places):  # the clock was put back meanwhile
        return told
    return by_itself(CHARGES.c.delivery_id).between(rows[places[0]].id, rows[places[-1]].id)


def _currencies(db: orm.Session, connection_id: int) -> Iterator[str]:
    """The currencies of what waits, each found by one look into the index."""
    last = ""
    while True:
        first = sa.select(sa.func.min(CHARGES.c.currency)).where(is_waiting(connection_id), CHARGES.c.currency > last)
        found: str | None = db.scalar(first)
        if found is None:
            return
        yield found
        last = found
