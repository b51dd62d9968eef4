"""What a rule would let leave, counted and added up: out of one index, without a look at any charge.

`ix_charge_rule` holds all that a rule asks of the charges that no line bills. Its first columns are of few values, so
those that occur are found by a look or two each: a rule of kinds and cycles then names ranges of the index, or nothing
where it lets all that occur. Within these the database goes to the organizations that are asked for; all but a few are
counted as all, without these few. What is left of the rule is asked of each entry, what costs least first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.export_rule import Applied, Chosen, DatedBy, ExportRule, Part, Which
from portal.models import Delivery, Offer, Organization, TagSet
from portal.services.chunks import chunks
from portal.services.id_sets import is_within
from portal.services.ledger_rows import CHARGES
from portal.services.rule_conditions import (
    Condition,
    by_itself,
    came_within,
    is_one_of,
    lets_list,
    parts,
    started_within,
)
from portal.services.waiting import is_waiting

Sums = dict[str, tuple[int, int]]
"""A number of charges and their cents, by currency."""

Values = tuple[Any, ...]

_FIRST = tuple(CHARGES.c[name] for name in ("currency", "kind", "cycle"))
_ONE_BY_ONE = 4
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Range:
    """A part of the index, by what all of its entries have in common."""

    currency: str
    asked: tuple[Condition, ...] = ()


def count_kept(db: orm.Session, connection_id: int, rule: ExportRule, applied: Applied) -> Sums:
    """The waiting charges that every part of a rule lets; what always leaves is not looked at as such."""
    named, told = rule.organizations, parts(rule, connection_id, applied)
    let, others = list(_let(db, connection_id, rule)), tuple(_tests(db, connection_id, rule, applied))
    days = {True: CHARGES.c.start, False: by_itself(CHARGES.c.start)}
    is_by_day = Part.PERIOD in told and rule.dates.by is DatedBy.CHARGE

    def asked(*which: Condition) -> tuple[Condition, ...]:
        """Only among the charges of some organizations does the index have the days in their order."""
        return (*which, *([started_within(days[bool(which)], rule, applied)] if is_by_day else []), *others)

    if named.which is Which.EXCEPT and _are_few(db, connection_id, named):
        every = _count(db, connection_id, _shortest(let), asked())
        those = is_one_of(CHARGES.c.organization_id, named.ids)
        without = _count(db, connection_id, _whole(let), asked(those))
        left = {currency: _less(told, without.get(currency, (0, 0))) for currency, told in every.items()}
        return {currency: told for currency, told in left.items() if told[0]}
    if Part.ORGANIZATION in told:
        return _count(db, connection_id, _whole(let), asked(told[Part.ORGANIZATION]))
    return _count(db, connection_id, _shortest(let), asked())


def _count(db: orm.Session, connection_id: int, ranges: Iterable[_Range], asked: Sequence[Condition]) -> Sums:
    found: Sums = {}
    for some in chunks(ranges, _AT_ONCE):
        each = (_sum(one.currency).where(is_waiting(connection_id), *one.asked, *asked) for one in some)
        for currency, count, cents in db.execute(sa.union_all(*each)):
            known = found.get(currency, (0, 0))
            found[currency] = (known[0] + count, known[1] + int(cents))
    return {currency: told for currency, told in found.items() if told[0]}


def count_given_back(db: orm.Session, connection_id: int, rule: ExportRule, applied: Applied) -> Sums:
    """What gives back something that was billed, and leaves although a part of the rule does not let it."""
    told = parts(rule, connection_id, applied).values()
    if not told:
        return {}
    amounts = (CHARGES.c.currency, sa.func.count(), sa.func.sum(CHARGES.c.amount_cents))
    asked = sa.and_(is_waiting(connection_id), CHARGES.c.reverses_id.is_not(None), sa.not_(sa.and_(*told)))
    found = db.execute(sa.select(*amounts).where(asked).group_by(CHARGES.c.currency))
    return {currency: (count, int(cents)) for currency, count, cents in found}


def _less(every: tuple[int, int], without: tuple[int, int]) -> tuple[int, int]:
    return every[0] - without[0], every[1] - without[1]


def _are_few(db: orm.Session, connection_id: int, chosen: Chosen) -> bool:
    """Whether the index is sooner entered at these organizations, to take them away, than at all others."""
    own = sa.select(sa.func.count()).select_from(Organization).where(Organization.connection_id == connection_id)
    return 4 * len(chosen.ids) <= (db.scalar(own) or 0)


def _sum(currency: str) -> sa.Select[Any]:
    cents = sa.func.coalesce(sa.func.sum(CHARGES.c.amount_cents), 0)
    return sa.select(sa.literal(currency, sa.String()), sa.func.count(), cents).select_from(CHARGES)


# -- where in the index ------------------------------------------------------------------------------------------------


def _let(db: orm.Session, connection_id: int, rule: ExportRule) -> Iterator[tuple[Values, bool]]:
    """The currencies, kinds and cycles that occur together, each with whether the rule lets it."""
    for one in _occurring(db, connection_id):
        yield one, (not rule.kinds or one[1] in rule.kinds) and (not rule.cycles or one[2] in rule.cycles)


def _whole(let: Iterable[tuple[Values, bool]]) -> list[_Range]:
    """The parts of the index that are let, each told by all three, for the index to be entered at what follows."""
    return [_Range(one[0], tuple(_are(one))) for one, is_let in let if is_let]


def _shortest(let: Sequence[tuple[Values, bool]]) -> list[_Range]:
    """The same, as few and as shortly told as can be: each column is compared once more at each of the entries."""
    if all(is_let for _one, is_let in let) and len({one[0] for one, _ in let}) == 1:
        return [_Range(let[0][0][0])]
    found: dict[Values, None] = {}
    for one in (one for one, is_let in let if is_let):
        lengths = range(1, len(_FIRST))
        whole = (size for size in lengths if all(is_let for other, is_let in let if other[:size] == one[:size]))
        found[one[: next(whole, len(_FIRST))]] = None
    return [_Range(one[0], tuple(_are(one))) for one in found]


def _are(values: Sequence[Any]) -> Iterator[Condition]:
    return (column == value for column, value in zip(_FIRST, values, strict=False))


def _occurring(db: orm.Session, connection_id: int, *begun: Any) -> Iterator[Values]:
    """The currencies, kinds and cycles that occur together in what waits, each found by one look into the index."""
    if len(begun) == len(_FIRST):
        yield begun
        return
    column = _FIRST[len(begun)]
    least = sa.select(sa.func.min(column)).where(is_waiting(connection_id), *_are(begun))
    value = db.scalar(least)
    while value is not None:
        yield from _occurring(db, connection_id, *begun, value)
        value = db.scalar(least.where(column > value))


# -- what is asked of each entry ---------------------------------------------------------------------------------------


def _tests(db: orm.Session, connection_id: int, rule: ExportRule, applied: Applied) -> Iterator[Condition]:
    told = parts(rule, connection_id, applied)
    if Part.PERIOD in told and rule.dates.by is DatedBy.IMPORT:
        yield _imports(db, connection_id, told[Part.PERIOD], came_within(rule, applied))
    if Part.AMOUNT in told:
        yield told[Part.AMOUNT]
    if Part.OFFER in told:
        yield _of_offers(db, connection_id, rule.offers)
    if Part.TAG in told:
        column = CHARGES.c.tag_set_id
        is_let = is_within(db, by_itself(column), TagSet, TagSet.connection_id == connection_id, lets_list(rule))
        yield is_let if rule.any_of else sa.or_(is_let, column.is_(None))


def _of_offers(db: orm.Session, connection_id: int, chosen: Chosen) -> Condition:
    """A few are compared one by one; many are looked up."""
    column = by_itself(CHARGES.c.offer_id)
    is_only, ids = chosen.which is Which.ONLY, sorted(chosen.ids)
    if len(ids) <= _ONE_BY_ONE:
        each = [column == one if is_only else column != one for one in ids]
        return sa.or_(sa.false(), *each) if is_only else sa.and_(sa.true(), *each)
    # Written out: thousands of parameters cost more than all else that is done with them.
    listed: Condition = sa.literal_column(f"(offer.id IN ({', '.join(map(str, ids))}))", sa.Boolean())
    own = Offer.connection_id == connection_id
    return is_within(db, column, Offer, own, listed if is_only else sa.not_(listed))


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
