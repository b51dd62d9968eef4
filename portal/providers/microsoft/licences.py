"""What rows say only beside each other: changes of seats, parts of one licence, the price of a whole cycle."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from portal.billing.charge import Charge, ChargeKind
from portal.providers.microsoft.amounts import neat
from portal.providers.microsoft.lines import Line
from portal.providers.microsoft.terms import shift

_HALF_CENT = Decimal("0.005")


def find_pairs(lines: list[Line]) -> dict[int, str]:
    """The places of rows that are one change of seats: a credit and a charge of one event, in the order of the file."""
    events: dict[tuple[str, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for place, line in enumerate(lines):
        if line.months and line.subscription[1]:
            events[line.event][line.charge.kind is ChargeKind.CREDIT].append(place)
    pairs = {}
    for event, (charged, credited) in events.items():
        shared = hashlib.sha256(json.dumps(event).encode()).hexdigest()[:12]
        for number, both in enumerate(zip(charged, credited, strict=False), start=1):
            pairs.update(dict.fromkeys(both, shared if number == 1 else f"{shared}#{number}"))
    return pairs


def name_parts(lines: list[Line]) -> list[Line]:
    """The lines, with an offer of its own for each further part of a licence.

    A suite with telephony (Microsoft 365 E5) comes as two rows for the same licences, alike in all but the price. Under
    one offer they would be billed as twice the licences; the dearest row keeps the offer's key, the others add a part.
    """
    parts: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        if line.months:
            parts[line.charge.key.partition("#")[0], line.charge.quantity].append(place)
    named = list(lines)
    for places in parts.values():
        prices = sorted({abs(lines[place].charge.unit_cost) for place in places}, reverse=True)
        for place in places:
            charge = lines[place].charge
            if number := prices.index(abs(charge.unit_cost)):
                offer_key = f"{charge.offer_key}:part{number + 1}"
                named[place] = replace(lines[place], charge=replace(charge, offer_key=offer_key))
    return named


class WholePrices:
    """What a unit of each offer costs for a whole cycle, told by the rows that are one."""

    def __init__(self, lines: list[Line]) -> None:
        self._prices: dict[tuple[str, str], set[Decimal]] = defaultdict(set)
        self._cycles: dict[tuple[str, str], list[Charge]] = defaultdict(list)
        for line in lines:
            if line.is_whole:
                self._prices[line.charge.offer_key, line.charge.currency].add(abs(line.charge.unit_cost))
                self._cycles[line.subscription].append(line.charge)

    def of(self, line: Line) -> Decimal:
        """The unit cost for a whole cycle, with the sign of the row.

        Of a shorter row: the whole price that its share of the days gives to the cent; else the price by the days.
        """
        charge, price = line.charge, abs(line.charge.unit_cost)
        days, cycle = (charge.end - charge.start).days, self._cycle_days(line)
        if not line.months or line.is_whole or days >= cycle:
            return neat(charge.unit_cost)
        known = self._prices.get((charge.offer_key, charge.currency), set()) | {abs(line.list_price)}
        distance, nearest = min((abs(whole * days / cycle - price), whole) for whole in known)
        whole = nearest if distance <= _HALF_CENT else (price * cycle / days).quantize(Decimal("0.00001"))
        return neat(whole.copy_sign(charge.unit_cost))

    def _cycle_days(self, line: Line) -> int:
        """The days of the cycle that a row is a part of: one of its subscription in the file, or the one it ends."""
        start, end = line.charge.start, line.charge.end
        for whole in self._cycles.get(line.subscription, ()):
            if whole.start <= start and end <= whole.end:
                return (whole.end - whole.start).days
        return (end - shift(end, -line.months)).days if line.months else 0
