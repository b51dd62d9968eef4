"""The unit cost of an item, from the charges of its offers (pure).

Only the cost is synchronized to the item; the price is QuickBooks' own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from portal.billing.charge import ChargeKind
from portal.billing.lines import Received
from portal.billing.mapping import MappedOffer
from portal.billing.money import to_five_places

_NOTHING = Decimal(0)


def unit_costs(received: Iterable[Received], offers: Mapping[int, MappedOffer]) -> dict[str, Decimal]:
    """The unit cost of every mapped item, by ListID: the one that most units were bought at; the higher one on a tie.

    Credits say nothing of the cost of a unit and are left out. Costs have at most five decimals.
    """
    units: dict[str, dict[Decimal, Decimal]] = {}
    for row in received:
        offer, charge = offers[row.offer_id], row.charge
        if not offer.is_synchronized or offer.item is None or _says_nothing(row):
            continue
        costs = units.get(offer.item.list_id)
        if costs is None:
            costs = units[offer.item.list_id] = {}
        cost = to_five_places(charge.unit_cost)
        costs[cost] = costs.get(cost, _NOTHING) + abs(charge.quantity)
    return {list_id: max(costs, key=lambda cost: (costs[cost], cost)) for list_id, costs in units.items()}


def _says_nothing(row: Received) -> bool:
    charge = row.charge
    return row.gives_back is not None or charge.kind is ChargeKind.CREDIT or charge.unit_cost < 0
