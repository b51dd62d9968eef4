"""An export rule as conditions on the rows of charges: what `portal.billing.export_rule.keeps` says, in SQL.

Nothing is loaded: a million charges are judged where they are. Ids stand in the statement as numbers, for there may be
more of them than a statement takes parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from portal.billing.export_rule import Applied, Chosen, DatedBy, ExportRule, Part, Tag, Which, begins, bounds
from portal.billing.money import in_cents
from portal.models import Delivery, Organization, TagSet
from portal.services.ledger_rows import CHARGES

Condition = sa.ColumnElement[bool]


def keeps(rule: ExportRule, connection_id: int, applied: Applied, charges: Any = CHARGES) -> Condition:
    """The charges of a connection that a rule lets leave; what gives back a billed one always does."""
    told = parts(rule, connection_id, applied, charges)
    return sa.or_(charges.c.reverses_id.is_not(None), sa.and_(*told.values())) if told else sa.true()


def drops(rule: ExportRule, connection_id: int, applied: Applied, charges: Any = CHARGES) -> Condition:
    """The others."""
    told = parts(rule, connection_id, applied, charges)
    return sa.and_(charges.c.reverses_id.is_(None), sa.not_(sa.and_(*told.values()))) if told else sa.false()


def parts(rule: ExportRule, connection_id: int, applied: Applied, charges: Any = CHARGES) -> dict[Part, Condition]:
    """What each part of a rule that keeps something back asks of a charge."""
    columns = charges.c
    asked: dict[Part, Callable[[], Condition]] = {
        Part.ORGANIZATION: lambda: _organizations(rule.organizations, columns.organization_id, connection_id),
        Part.OFFER: lambda: _offers(rule.offers, columns.offer_id),
        Part.PERIOD: lambda: _dated(rule, connection_id, applied, columns),
        Part.TAG: lambda: _tagged(rule, connection_id, columns),
        Part.KIND: lambda: columns.kind.in_(sorted(rule.kinds)),
        Part.CYCLE: lambda: columns.cycle.in_(sorted(rule.cycles)),
        Part.AMOUNT: lambda: _amounts(rule, columns),
    }
    return {part: asked[part]() for part in Part if part in rule.restricts}


def is_one_of(column: sa.ColumnElement[int], ids: Iterable[int]) -> Condition:
    """Whether a number is one of these, however many."""
    return column.in_(sa.bindparam(None, sorted(ids), expanding=True, literal_execute=True, type_=sa.Integer()))


def _organizations(chosen: Chosen, column: sa.ColumnElement[int], connection_id: int) -> Condition:
    """All but some are told as those that are left: an index finds these, and the rows of others are passed over."""
    if chosen.which is Which.ONLY:
        return is_one_of(column, chosen.ids)
    ids = Organization.id.expression
    return column.in_(all_organizations(connection_id).where(sa.not_(is_one_of(ids, chosen.ids))))


def all_organizations(connection_id: int) -> sa.Select[int]:
    """The ids of the organizations of a connection."""
    return sa.select(Organization.id).where(Organization.connection_id == connection_id)


def _offers(chosen: Chosen, column: sa.ColumnElement[int]) -> Condition:
    listed = is_one_of(column, chosen.ids)
    return listed if chosen.which is Which.ONLY else sa.not_(listed)


def _dated(rule: ExportRule, connection_id: int, applied: Applied, columns: Any) -> Condition:
    if rule.dates.by is DatedBy.CHARGE:
        return started_within(columns.start, rule, applied)
    came = sa.select(Delivery.id).where(Delivery.connection_id == connection_id, came_within(rule, applied))
    return cast("Condition", by_itself(columns.delivery_id).in_(came))


def started_within(start: sa.ColumnElement[Any], rule: ExportRule, applied: Applied) -> Condition:
    """The charges of the period of a rule by charge date."""
    return _between(start, *bounds(rule.dates, applied.today))


def came_within(rule: ExportRule, applied: Applied) -> Condition:
    """The imports of the period of a rule by import date."""
    first, end = (None if day is None else begins(day, applied.zone) for day in bounds(rule.dates, applied.today))
    return _between(Delivery.imported_at.expression, first, end)


def _between(column: sa.ColumnElement[Any], first: Any, end: Any) -> Condition:
    limits = [] if first is None else [column >= first]
    return sa.and_(sa.true(), *limits, *([] if end is None else [column < end]))


def _amounts(rule: ExportRule, columns: Any) -> Condition:
    amount = by_itself(columns.amount_cents)
    if rule.least is not None and rule.most is not None:
        return amount.between(in_cents(rule.least), in_cents(rule.most))  # reads the amount once
    least = sa.true() if rule.least is None else amount >= in_cents(rule.least)
    most = sa.true() if rule.most is None else amount <= in_cents(rule.most)
    return sa.and_(least, most)


def _tagged(rule: ExportRule, connection_id: int, columns: Any) -> Condition:
    column, asked = columns.tag_set_id, []
    if rule.any_of:  # NULL is no answer, and must be one: the other conditions may be turned round
        asked.append(sa.and_(column.is_not(None), column.in_(lists_with(rule.any_of, connection_id))))
    if rule.none_of:
        asked.append(sa.or_(column.is_(None), column.not_in(lists_with(rule.none_of, connection_id))))
    return sa.and_(*asked)


def lets_list(rule: ExportRule) -> Condition:
    """Whether a rule lets what carries a list of tags, as a condition on that."""
    any_of = _holds(rule.any_of) if rule.any_of else sa.true()
    return sa.and_(any_of, sa.not_(_holds(rule.none_of)) if rule.none_of else sa.true())


def lists_with(tags: Iterable[Tag], connection_id: int) -> sa.Select[int]:
    """The lists of tags that hold one of these.

    A quotation mark within a name or a value is written with a backslash before it, so a bracket and a quotation mark
    stand together only where a tag begins.
    """
    return sa.select(TagSet.id).where(TagSet.connection_id == connection_id, _holds(tags))


def _holds(tags: Iterable[Tag]) -> Condition:
    return sa.or_(*(contains(TagSet.tags, _written(tag)) for tag in sorted(tags)))


def is_tag_known(db: orm.Session, connection_id: int, tag: Tag) -> bool:
    """Whether some charge of a connection carried a tag."""
    return db.scalar(lists_with([tag], connection_id).limit(1)) is not None


def _written(tag: Tag) -> str:
    """How a tag begins, or stands, in the JSON of a list of tags."""
    return json.dumps([tag.name, tag.value]) if tag.value else json.dumps([tag.name]).removesuffix("]") + ', "'


class by_itself(FunctionElement[Any]):  # noqa: N801 -- reads as a function of SQL
    """A column that SQLite is not to look up in an index of its own: another index is quicker."""

    inherit_cache = True
    name = "by_itself"

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(by_itself)
def _by_itself(element: by_itself, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(by_itself, "sqlite")
def _by_itself_in_sqlite(element: by_itself, compiler: Any, **options: Any) -> str:
    return f"(+{compiler.process(element.clauses, **options)})"


class contains(FunctionElement[bool]):  # noqa: N801 -- reads as a function of SQL
    """Whether a text holds another one, letter for letter: LIKE passes over the case on SQLite."""

    type = sa.Boolean()
    inherit_cache = True
    name = "contains"

    def __init__(self, text: Any, wanted: str) -> None:
        super().__init__(text, sa.literal(wanted, sa.Text()))


@compiles(contains)
def _contains(element: contains, compiler: Any, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"


@compiles(contains, "sqlite")
def _contains_in_sqlite(element: contains, compiler: Any, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


__all__ = [
    "all_organizations",
    "by_itself",
    "came_within",
    "contains",
    "drops",
    "is_one_of",
    "is_tag_known",
    "keeps",
    "lets_list",
    "lists_with",
    "parts",
    "started_within",
]
