"""How much of a charge is billed when its period is not the whole one (pure).

The price lives in QuickBooks, so that the quantity is prorated: seats x days / days of the whole period, actual days.
The boxes are those of the set-up: additions, removals, first or last partial period. A box that is not ticked means
that the change counts from the start of the period, except that a removal in advance counts from the next one
(billing rules §1.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.money import to_five_places
from portal.billing.period import BillingMode, Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Proration:
    """The boxes ticked in the set-up."""

    additions: bool = False
    removals: bool = False
    partial: bool = False


class Change(StrEnum):
    """What a charge is for its billing period."""

    WHOLE = "whole"
    ADDITION = "addition"
    REMOVAL = "removal"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """The quantity to bill and the arithmetic behind it, as shown to people."""

    quantity: Decimal
    arithmetic: str
    change: Change


def classify(charge: Charge, has_whole: bool) -> Change:
    """What changed; with `has_whole` the organization has the offer over the whole period too: an addition."""
    if charge.kind is ChargeKind.CREDIT:
        return Change.REMOVAL
    if charge.kind is ChargeKind.PRORATED:
        return Change.ADDITION if has_whole else Change.PARTIAL
    return Change.WHOLE


def bill(charge: Charge, whole: Period, has_whole: bool, boxes: Proration, mode: BillingMode) -> Billed:
    """The quantity of a charge that is billed. `whole` is the provider's period that a monthly charge is a part of."""
    change = classify(charge, has_whole)
    quantity = charge.quantity
    if change is Change.REMOVAL and quantity > 0:
        quantity = -quantity
    full = to_five_places(quantity)
    if change is Change.WHOLE or charge.cycle is BillingCycle.ONE_TIME:
        return Billed(quantity=full, arithmetic=f"{full:f}", change=change)
    ticked = {Change.ADDITION: boxes.additions, Change.REMOVAL: boxes.removals, Change.PARTIAL: boxes.partial}[change]
    if ticked and charge.is_proratable:
        days, of_days = (charge.end - charge.start).days, _whole_days(charge, whole)
        if days < of_days:
            part = to_five_places(quantity * days / of_days)
            return Billed(quantity=part, arithmetic=f"{full:f} × {days}/{of_days}", change=change)
    if change is Change.REMOVAL and not ticked and mode is BillingMode.IN_ADVANCE:
        return Billed(quantity=Decimal(0), arithmetic=f"{full:f} × 0", change=change)
    return Billed(quantity=full, arithmetic=f"{full:f}", change=change)


def _whole_days(charge: Charge, whole: Period) -> int:
    """The days of the whole period that a charge is a part of: the provider's period, or the year that ends with it."""
    if charge.cycle is not BillingCycle.YEARLY:
        return whole.days
    end = charge.end
    try:
        start = end.replace(year=end.year - 1)
    except ValueError:  # 29 February has no anniversary in a common year
        start = end.replace(year=end.year - 1, day=28)
    return (end - start).days
