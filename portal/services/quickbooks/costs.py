"""The unit cost of an item, on its way to PurchaseCost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.models import CostState, ItemCost
from portal.services.quickbooks import messages
from qbwc import mirror, queue
from qbwc import models as wire
from qbwc.jobs import JobKind, Registry, Visit
from qbwc.qbxml import Answer
from qbwc.qbxml import lists as list_messages
from qbwc.qbxml.status import Status

COST = "item-cost"
COSTED_ITEMS = ("ItemService", "ItemNonInventory", "ItemOtherCharge")


def takes_cost(item: wire.ListObject) -> bool:
    """Whether an item has a unit cost that is ours to write."""
    return item.type in COSTED_ITEMS and bool(item.data.get("has_cost"))


def dispatch_cost(db: orm.Session, registry: Registry, row: ItemCost, now: datetime, *, asked_by: str = "") -> None:
    """Queue the unit cost of an item, unless it waits already; it is read first, and written only where it differs.

    `asked_by` is who wanted it, empty for the portal itself.
    """
    same = f"{row.item_list_id}:{row.unit_cost}:"
    before = sa.select(wire.Job.state).filter_by(connection_id=row.connection_id, kind=COST)
    states = db.scalars(before.where(wire.Job.key.startswith(same, autoescape=True))).all()
    if wire.JobState.WAITING in states:
        return
    queue.put(
        db,
        registry,
        connection_id=row.connection_id,
        kind=COST,
        key=f"{same}{len(states)}",
        payload={"item": row.item_list_id, "cost": str(row.unit_cost)},
        messages=[("read", list_messages.ItemQueryRq(list_id=(row.item_list_id,)))],
        now=now,
        asked_by=asked_by,
    )


def dispatch_mended_costs(db: orm.Session, registry: Registry, connection_id: int, now: datetime) -> None:
    """Queue the costs whose items had no cost field and have one now."""
    stuck = sa.select(ItemCost).filter_by(connection_id=connection_id, state=CostState.NO_FIELD)
    for row in db.scalars(stuck).all():
        item = mirror.find(db, connection_id, "item", row.item_list_id)
        if item is not None and takes_cost(item):
            row.state, row.code = CostState.QUEUED, None
            dispatch_cost(db, registry, row, now)


class PushCost(JobKind):
    """The unit cost of an item, into its PurchaseCost."""

    kind = COST
    topic = "costs"
    priority = 20

    def answered(self, visit: Visit, answer: Answer) -> None:
        """After the reading: write the cost where it differs and the item has a field for it."""
        cost = Decimal(visit.job.payload["cost"])
        if visit.request.step == "write":
            self._note(visit, CostState.WRITTEN)
            return
        if self._row(visit) is None:  # another cost was queued after this one, or before it and stands again
            visit.finish()
            return
        for item in answer.objects:
            self._write(visit, item, cost)
            return
        self._note(visit, CostState.PARKED, "item-gone")

    def _write(self, visit: Visit, item: Any, cost: Decimal) -> None:
        both = getattr(item, "sales_and_purchase", None)
        if both is None:
            # An item without a cost field is never converted silently: changing its kind is the person's decision.
            self._note(visit, CostState.NO_FIELD, "no-cost-field")
        elif both.purchase_cost == cost:
            self._note(visit, CostState.WRITTEN)
        else:
            visit.ask(messages.cost_mod(item, cost), "write")

    def stale(self, visit: Visit, answer: Answer) -> bool:
        """The item changed since it was read: the same cost into what QuickBooks shows."""
        for item in answer.objects:
            visit.ask(messages.cost_mod(item, Decimal(visit.job.payload["cost"])), "write")
            return True
        return False

    def parked(self, visit: Visit, status: Status) -> None:
        """Keep why the cost was refused."""
        row = self._row(visit)
        if row is not None:
            row.state, row.code, row.detail = CostState.PARKED, status.code, status.message

    def _note(self, visit: Visit, state: CostState, code: str | None = None) -> None:
        row = self._row(visit)
        if row is not None:
            row.state, row.code, row.detail, row.changed_at = state, code, None, visit.now
        visit.finish()

    def _row(self, visit: Visit) -> ItemCost | None:
        wanted = sa.select(ItemCost).filter_by(
            connection_id=visit.connection.id, item_list_id=visit.job.payload["item"]
        )
        row = visit.db.scalar(wanted)
        return row if row is not None and row.unit_cost == Decimal(visit.job.payload["cost"]) else None
