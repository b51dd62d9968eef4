"""What is to be mended for invoices to be whole: unit costs, and the invoices themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.errors import Sentence
from portal.models import CostState, Draft, DraftState, ItemCost, Run
from portal.services import decisions, quickbooks, unshared
from portal.services.quickbooks.costs import COSTED_ITEMS
from portal.services.reasons import NO_COST_FIELD
from portal.services.status.problem import Problem, Source
from qbwc.models import ListObject

TROUBLED = (DraftState.PARKED, DraftState.DIFFERENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A code that invoices stopped with, what it means, and how many did."""

    code: str
    what: Sentence
    count: int


def cost_source(db: orm.Session, connection_id: int) -> Source:
    """Unit costs that QuickBooks refused, and those of items that have no field for one."""
    same = sa.and_(
        ListObject.connection_id == connection_id,
        ListObject.kind == "item",
        ListObject.list_id == ItemCost.item_list_id,
    )
    # Mended in QuickBooks: the next visit writes it.
    is_mended = sa.and_(
        ListObject.type.in_(COSTED_ITEMS), sa.func.coalesce(ListObject.data["has_cost"].as_boolean(), sa.false())
    )
    lacks_field = sa.and_(ItemCost.state == CostState.NO_FIELD, sa.or_(ListObject.id.is_(None), sa.not_(is_mended)))
    query = (
        sa.select(ItemCost, ListObject.full_name)
        .outerjoin(ListObject, same)
        .where(ItemCost.connection_id == connection_id)
        .where(sa.or_(ItemCost.state == CostState.PARKED, lacks_field))
    )

    def read(offset: int, limit: int | None) -> Sequence[Problem]:
        rows = db.execute(query.order_by(ItemCost.id).offset(offset).limit(limit))
        return [_cost_problem(row, name or row.item_list_id) for row, name in rows]

    def follow(key: int | str | None, limit: int) -> Sequence[tuple[int | str, Problem]]:
        rows = db.execute(query.where(ItemCost.id > (key or 0)).order_by(ItemCost.id).limit(limit))
        return [(row.id, _cost_problem(row, name or row.item_list_id)) for row, name in rows]

    return Source(_count(db, query), read, follow)


def _cost_problem(row: ItemCost, name: str) -> Problem:
    what: Sentence = Sentence(NO_COST_FIELD.template, {"item": name, "cost": f"{row.unit_cost:f}"})
    do: Sentence | None = None
    is_parked = row.state is CostState.PARKED
    if is_parked:
        what, do = quickbooks.explained(row.code or "", row.detail or "")
    return Problem(
        code=row.code or "cost",
        title=Sentence("Unit cost of %(item)s", {"item": name}),
        what=what,
        do=do,
        since=row.changed_at,
        link="offers",
        link_id=row.connection_id,
        cost_id=row.id if is_parked else None,
    )


def _troubled(connection_id: int) -> sa.Select[Any]:
    return (
        sa.select(Draft)
        .join(Run)
        .where(Run.connection_id == connection_id, Draft.state.in_(TROUBLED), unshared.is_shown())
    )


def draft_source(db: orm.Session, connection_id: int, code: str = "") -> Source:
    """Invoices that QuickBooks refused, and those that differ from what was sent; `code`: only those with this one."""
    query = _troubled(connection_id)
    if code:
        query = query.where(Draft.code == code)
    whole = (orm.joinedload(Draft.organization), orm.selectinload(Draft.lines))

    def problems(some: sa.Select[Any]) -> list[tuple[int | str, Problem]]:
        drafts = db.scalars(some.options(*whole).order_by(Draft.id)).all()
        choices = decisions.choices_of(db, connection_id, drafts)
        return [(draft.id, _draft_problem(draft, choices[draft.id])) for draft in drafts]

    def read(offset: int, limit: int | None) -> Sequence[Problem]:
        return [one for _key, one in problems(query.offset(offset).limit(limit))]

    def follow(key: int | str | None, limit: int) -> Sequence[tuple[int | str, Problem]]:
        return problems(query.where(Draft.id > (key or 0)).limit(limit))

    return Source(_count(db, query), read, follow)


def _draft_problem(draft: Draft, choice: decisions.ChoiceView) -> Problem:
    what, do = quickbooks.explained(draft.code or "", draft.detail or "")
    return Problem(
        code=draft.code or "draft",
        title=Sentence("Invoice of %(name)s", {"name": draft.organization.name}),
        what=what,
        do=do,
        since=draft.reconciled_at or draft.written_at,
        link="run",
        link_id=draft.run_id,
        draft_id=draft.id if quickbooks.may_go_again(draft) else None,
        settle_id=draft.id if choice.may_settle else None,
        is_unsure=choice.is_unsure,
        anchor=f"draft-{draft.id}",
    )


def causes(db: orm.Session, connection_id: int) -> tuple[Cause, ...]:
    """The codes that invoices stopped with, the most frequent first."""
    counted = (
        _troubled(connection_id)
        .with_only_columns(Draft.code, sa.func.max(Draft.detail), sa.func.count(), maintain_column_froms=True)
        .group_by(Draft.code)
        .order_by(sa.func.count().desc(), Draft.code)
    )
    return tuple(
        Cause(code=code, what=quickbooks.explained(code, detail or "")[0], count=count)
        for code, detail, count in db.execute(counted)
        if code
    )


def _count(db: orm.Session, query: Any) -> int:
    return db.scalar(query.with_only_columns(sa.func.count(), maintain_column_froms=True)) or 0
