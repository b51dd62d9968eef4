"""The unit cost of an item, from the charges of its offers (pure).

Only the cost is synchronized to the item; the price is QuickBooks' own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import chain

from portal.billing.charge import ChargeKind
from portal.billing.lines import Received
from portal.billing.mapping import MappedOffer
from portal.billing.money import to_five_places

_NOTHING = Decimal(0)


def unit_costs(
    received: Iterable[Received],
    offers: Mapping[int, MappedOffer],
    billed: Iterable[tuple[int, Decimal, Decimal]] = (),
) -> dict[str, Decimal]:
    """The unit cost of every mapped item, by ListID: the one that most units were bought at; the higher one on a tie.

    `billed` is what the same run bills already, each as offer id, unit cost and units, so that what is left of a month
    does not speak for all of it. Credits say nothing of the cost of a unit and are left out. Costs have at most five
    decimals.
    """
    units: dict[str, dict[Decimal, Decimal]] = {}
    bought = ((row.offer_id, row.charge.unit_cost, row.charge.quantity) for row in received if _tells(row))
    for offer_id, unit_cost, quantity in chain(bought, billed):
        offer = offers[offer_id]
        if not offer.is_synchronized or offer.item is None:
            continue
        costs = units.get(offer.item.list_id)
        if costs is None:
            costs = units[offer.item.list_id] = {}
        cost = to_five_places(unit_cost)
        costs[cost] = costs.get(cost, _NOTHING) + abs(quantity)
    return {list_id: max(costs, key=lambda cost: (costs[cost], cost)) for list_id, costs in units.items()}


def _tells(row: Received) -> bool:
    charge = row.charge
    return row.gives_back is None and charge.kind is not ChargeKind.CREDIT and charge.unit_cost >= 0
