"""What is to be mended, counted for many connections at once: rows to map, invoices, unit costs, lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import CostState, Draft, DraftState, ItemCost, Offer, Organization, Run
from portal.notices import Errors, Unmapped
from portal.services.quickbooks import troubled_pulls
from portal.services.quickbooks.costs import COSTED_ITEMS
from portal.services.scope import Query, Scope, Which, within
from portal.services.targets import is_usable
from qbwc import models as wire

_NEEDED = ("customer", "item")
_TO_MEND = (DraftState.PARKED, DraftState.DIFFERENT)


def has_lists(connection_id: Any) -> sa.ColumnElement[bool]:
    """Whether the customers and items of a connection have arrived."""
    state = wire.ListState
    arrived = sa.select(sa.func.count()).select_from(state).where(state.connection_id == connection_id)
    arrived = arrived.where(state.kind.in_(_NEEDED), state.refreshed_at.is_not(None))
    return arrived.scalar_subquery() == len(_NEEDED)


def count_unmapped(db: orm.Session, scope: Scope) -> dict[int, Unmapped]:
    """Rows that are synchronized and cannot be billed as they are mapped."""
    counted: dict[str, dict[int, _Counted]] = {"item": {}, "customer": {}}
    for kind, one, refused, missing, ids in db.execute(_unmapped(scope.which), scope.values):
        counted[kind][one] = _Counted(refused, missing, int(ids))
    found = {}
    for one in counted["item"].keys() | counted["customer"].keys():
        offer, client = counted["item"].get(one, _NONE), counted["customer"].get(one, _NONE)
        found[one] = Unmapped(
            offers=offer.missing,
            organizations=client.missing,
            lost=offer.refused - offer.missing + client.refused - client.missing,
            mark=f"{offer.ids}-{client.ids}",
        )
    return found


@dataclass(frozen=True, slots=True)
class _Counted:
    """Rows that cannot be billed as mapped: those, the ones without a counterpart, and the sum of their ids."""

    refused: int = 0
    missing: int = 0
    ids: int = 0


_NONE = _Counted()


@cache
def _unmapped(which: Which) -> Any:
    return sa.union_all(
        _counted_rows(which, Offer, Offer.item_list_id, "item"),
        _counted_rows(which, Organization, Organization.customer_list_id, "customer"),
    )


def _counted_rows(
    which: Which, table: type[Offer] | type[Organization], counterpart: orm.InstrumentedAttribute[str | None], kind: str
) -> Query:
    mirrored = wire.ListObject
    is_same = sa.and_(
        mirrored.connection_id == table.connection_id, mirrored.kind == kind, mirrored.list_id == counterpart
    )
    query: Query = (
        sa.select(
            sa.literal_column(f"'{kind}'").label("kind"),
            table.connection_id,
            sa.func.count(),
            sa.func.sum(sa.case((counterpart.is_(None), 1), else_=0)),
            sa.func.sum(table.id),
        )
        .outerjoin(mirrored, sa.and_(is_same, is_usable(kind)))
        .where(table.is_synchronized, mirrored.id.is_(None))
        .group_by(table.connection_id)
    )
    return within(query, table.connection_id, which)


@dataclass(slots=True)
class _Mendable:
    """What is to be mended, while it is being counted: how many of each, the sum of their ids, and the last one's."""

    numbers: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    since: list[datetime] = field(default_factory=list)

    def add(self, what: str, count: int, ids: int, last: int, since: datetime | None) -> None:
        known = self.numbers.get(what, (0, 0, 0))
        self.numbers[what] = (known[0] + count, known[1] + ids, max(known[2], last))
        if since is not None:
            self.since.append(since)

    def as_errors(self) -> Errors:
        counts = {what: count for what, (count, _, _) in self.numbers.items()}
        mark = " ".join(f"{what}:{ids}:{last}" for what, (_, ids, last) in self.numbers.items())
        return Errors(**counts, since=min(self.since, default=None), mark=mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedErrors:
    """The errors of a connection, and those that accountants see: None where nothing is kept from them."""

    errors: Errors
    shown: Errors | None


def count_errors(db: orm.Session, scope: Scope) -> dict[int, CountedErrors]:
    """Invoices, unit costs and lists that wait for a person, as the Status screen lists them."""
    every: dict[int, _Mendable] = {}
    shown: dict[int, _Mendable] = {}
    for what, one, is_shared, count, total, last, since in db.execute(_errors(scope.which), scope.values):
        every.setdefault(one, _Mendable()).add(what, count, int(total), last, since)
        mine = shown.setdefault(one, _Mendable())
        if is_shared:
            mine.add(what, count, int(total), last, since)
    return {
        one: CountedErrors(errors=seen.as_errors(), shown=shown[one].as_errors() if shown[one] != seen else None)
        for one, seen in every.items()
    }


@cache
def _errors(which: Which) -> Any:
    at = sa.func.coalesce(Draft.reconciled_at, Draft.written_at, Run.created_at)
    drafts = _numbers("invoices", Run.connection_id, Draft.id, at, Run.is_shared)
    drafts = drafts.join(Run).where(Draft.state.in_(_TO_MEND)).group_by(Run.connection_id, Run.is_shared)
    item = wire.ListObject
    is_same = sa.and_(
        item.connection_id == ItemCost.connection_id, item.kind == "item", item.list_id == ItemCost.item_list_id
    )
    has_field = sa.and_(item.type.in_(COSTED_ITEMS), item.data["has_cost"].as_boolean())
    is_stuck = sa.and_(ItemCost.state == CostState.NO_FIELD, sa.not_(sa.func.coalesce(has_field, False)))
    costs = (
        _numbers("costs", ItemCost.connection_id, ItemCost.id, ItemCost.changed_at)
        .outerjoin(item, is_same)
        .where(sa.or_(ItemCost.state == CostState.PARKED, is_stuck))
        .group_by(ItemCost.connection_id)
    )
    pull = wire.Job
    lists = troubled_pulls(_numbers("lists", pull.connection_id, pull.id, pull.finished_at))
    return sa.union_all(
        within(drafts, Run.connection_id, which),
        within(costs, ItemCost.connection_id, which),
        within(lists.group_by(pull.connection_id), pull.connection_id, which),
    )


def _numbers(what: str, owner: Any, row_id: Any, at: Any, is_shared: Any = None) -> Query:
    shown = sa.true() if is_shared is None else is_shared
    name: sa.ColumnElement[str] = sa.literal_column(f"'{what}'").label("what")
    return sa.select(name, owner, shown, sa.func.count(), sa.func.sum(row_id), sa.func.max(row_id), sa.func.min(at))
