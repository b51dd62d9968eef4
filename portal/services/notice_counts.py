"""What is to be mended, counted for many connections at once: rows to map, invoices, unit costs, lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import CostState, Draft, DraftState, ItemCost, Offer, Organization, Run
from portal.notices import Errors, Unmapped
from portal.services.quickbooks import troubled_pulls
from portal.services.quickbooks.costs import COSTED_ITEMS
from portal.services.scope import Query, within
from portal.services.targets import is_usable
from qbwc import models as wire

_NEEDED = ("customer", "item")
_TO_MEND = (DraftState.PARKED, DraftState.DIFFERENT)


def find_with_lists(db: orm.Session, ids: Query | None) -> set[int]:
    """The connections whose customers and items have arrived."""
    state = wire.ListState
    complete = (
        sa.select(state.connection_id)
        .where(state.kind.in_(_NEEDED), state.refreshed_at.is_not(None))
        .group_by(state.connection_id)
        .having(sa.func.count() == len(_NEEDED))
    )
    return set(db.scalars(within(complete, state.connection_id, ids)))


def count_unmapped(db: orm.Session, ids: Query | None) -> dict[int, Unmapped]:
    """Rows that are synchronized and cannot be billed as they are mapped."""
    offers = _counted_rows(db, ids, Offer, Offer.item_list_id, "item")
    clients = _counted_rows(db, ids, Organization, Organization.customer_list_id, "customer")
    found = {}
    for one in offers.keys() | clients.keys():
        offer, client = offers.get(one, _NONE), clients.get(one, _NONE)
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


def _counted_rows(
    db: orm.Session,
    ids: Query | None,
    table: type[Offer] | type[Organization],
    counterpart: orm.InstrumentedAttribute[str | None],
    kind: str,
) -> dict[int, _Counted]:
    mirrored = wire.ListObject
    is_same = sa.and_(
        mirrored.connection_id == table.connection_id, mirrored.kind == kind, mirrored.list_id == counterpart
    )
    query = (
        sa.select(
            table.connection_id,
            sa.func.count(),
            sa.func.sum(sa.case((counterpart.is_(None), 1), else_=0)),
            sa.func.sum(table.id),
        )
        .outerjoin(mirrored, sa.and_(is_same, is_usable(kind)))
        .where(table.is_synchronized, mirrored.id.is_(None))
        .group_by(table.connection_id)
    )
    return {
        row[0]: _Counted(row[1], row[2], int(row[3])) for row in db.execute(within(query, table.connection_id, ids))
    }


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


def count_errors(db: orm.Session, ids: Query | None) -> dict[int, CountedErrors]:
    """Invoices, unit costs and lists that wait for a person, as the Status screen lists them."""
    at = sa.func.coalesce(Draft.reconciled_at, Draft.written_at, Run.created_at)
    drafts = _numbers(Run.connection_id, Draft.id, at, Run.is_shared).join(Run).where(Draft.state.in_(_TO_MEND))
    item = wire.ListObject
    is_same = sa.and_(
        item.connection_id == ItemCost.connection_id, item.kind == "item", item.list_id == ItemCost.item_list_id
    )
    has_field = sa.and_(item.type.in_(COSTED_ITEMS), item.data["has_cost"].as_boolean())
    is_stuck = sa.and_(ItemCost.state == CostState.NO_FIELD, sa.not_(sa.func.coalesce(has_field, False)))
    costs = (
        _numbers(ItemCost.connection_id, ItemCost.id, ItemCost.changed_at)
        .outerjoin(item, is_same)
        .where(sa.or_(ItemCost.state == CostState.PARKED, is_stuck))
    )
    pull = wire.Job
    lists = troubled_pulls(_numbers(pull.connection_id, pull.id, pull.finished_at))
    every: dict[int, _Mendable] = {}
    shown: dict[int, _Mendable] = {}
    hiding: set[int] = set()
    for what, query, owner in (
        ("invoices", drafts.group_by(Run.connection_id, Run.is_shared), Run.connection_id),
        ("costs", costs.group_by(ItemCost.connection_id), ItemCost.connection_id),
        ("lists", lists.group_by(pull.connection_id), pull.connection_id),
    ):
        for one, is_shared, count, total, last, since in db.execute(within(query, owner, ids)):
            every.setdefault(one, _Mendable()).add(what, count, int(total), last, since)
            if is_shared:
                shown.setdefault(one, _Mendable()).add(what, count, int(total), last, since)
            else:
                hiding.add(one)
    return {
        one: CountedErrors(
            errors=seen.as_errors(), shown=shown.get(one, _Mendable()).as_errors() if one in hiding else None
        )
        for one, seen in every.items()
    }


def _numbers(owner: Any, row_id: Any, at: Any, is_shared: Any = None) -> Query:
    shown = sa.literal(1) if is_shared is None else is_shared
    return sa.select(owner, shown, sa.func.count(), sa.func.sum(row_id), sa.func.max(row_id), sa.func.min(at))
