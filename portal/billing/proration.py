"""How much of a charge is billed when its period is not the whole one (pure).

The price lives in QuickBooks, so that the quantity is prorated: seats x days / days of the whole period, actual days.
The boxes are those of the set-up: additions, removals, first or last partial period. A box that is not ticked means
that the change counts from the start of the period, except that a removal in advance counts from the next one
(billing rules §1.1). A credit over a whole period, or of something that is never prorated, is no removed licence but a
correction: it counts in full whatever is ticked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.money import to_five_places
from portal.billing.period import BillingMode, Period, invoice_date, next_invoice_date, previous_invoice_date
from portal.billing.rating import prorated_quantity
from portal.billing.share import DayCount, Share, share

_LONGEST_MONTH = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Proration:
    """The boxes ticked in the set-up."""

    additions: bool = False
    removals: bool = False
    partial: bool = False

    def ticks(self, change: Change) -> bool:
        """Whether the box of a change is ticked."""
        if change is Change.ADDITION:
            return self.additions
        return self.removals if change is Change.REMOVAL else self.partial


class Change(StrEnum):
    """What a charge is for its billing period."""

    WHOLE = "whole"
    ADDITION = "addition"
    REMOVAL = "removal"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What is billed of a charge, and the arithmetic that people are shown."""

    quantity: Decimal
    """The quantity at the full price, not rounded yet: a line is rounded once."""
    seats: Decimal
    """The quantity at a price for the days: the same where the whole period is billed, 0 where nothing is."""
    share: Share | None
    """The days of the whole period that are billed; None where it is billed in full, or not at all."""
    arithmetic: str
    change: Change


def rebilled(charges: Iterable[tuple[int, Charge]]) -> dict[tuple[int, date, date], Decimal]:
    """The net quantity wherever a credit and a prorated charge of one offer are over the same days.

    `charges` are those of one organization, each with its offer's id; the keys are offer id, first day and end.
    """
    by_days: dict[tuple[int, date, date], list[Charge]] = {}
    for offer_id, charge in charges:
        if charge.kind in (ChargeKind.CREDIT, ChargeKind.PRORATED):
            by_days.setdefault((offer_id, charge.start, charge.end), []).append(charge)
    return {
        key: sum((charge.signed for charge in found), Decimal(0))
        for key, found in by_days.items()
        if len({charge.kind for charge in found}) > 1
    }


def classify(charge: Charge, has_whole: bool, net: Decimal | None = None) -> Change:
    """What changed; with `has_whole` the organization has the offer over the whole period too: an addition.

    `net`: where a provider credits all seats of an offer and charges the new number over the same days, the change is
    the net quantity of both, and both count alike. Else a box that only one of them heeds would bill the seats that
    stay twice, or not at all.
    """
    if net is not None and charge.kind in (ChargeKind.CREDIT, ChargeKind.PRORATED):
        return Change.ADDITION if net >= 0 else Change.REMOVAL
    if charge.kind is ChargeKind.CREDIT:
        return Change.REMOVAL
    if charge.kind is ChargeKind.PRORATED:
        return Change.ADDITION if has_whole else Change.PARTIAL
    return Change.WHOLE


def bill(
    charge: Charge,
    whole: Period,
    has_whole: bool,
    boxes: Proration,
    mode: BillingMode,
    net: Decimal | None = None,
    count: DayCount = DayCount.ACTUAL,
) -> Billed:
    """What is billed of a charge. `whole` is the provider's period that it came in; `net` as above."""
    change = classify(charge, has_whole, net)
    quantity = charge.signed
    if change is Change.WHOLE or charge.cycle is BillingCycle.ONE_TIME or not charge.is_proratable:
        return _in_full(quantity, change)
    period = whole_period(charge, whole)
    if (charge.end - charge.start).days >= period.days:
        return _in_full(quantity, change)
    if boxes.ticks(change):
        return _in_part(quantity, change, Period(charge.start, charge.end), period, count)
    if change is Change.REMOVAL and mode is BillingMode.IN_ADVANCE:
        nothing = Decimal(0)
        shown = f"{to_five_places(quantity):f} × 0"
        return Billed(quantity=nothing, seats=nothing, share=None, arithmetic=shown, change=change)
    return _in_full(quantity, change)


# Thousands of charges of a month are alike: the same seats over the same days.


@lru_cache(maxsize=4096)
def _in_full(quantity: Decimal, change: Change) -> Billed:
    shown = f"{to_five_places(quantity):f}"
    return Billed(quantity=quantity, seats=quantity, share=None, arithmetic=shown, change=change)


@lru_cache(maxsize=4096)
def _in_part(quantity: Decimal, change: Change, days: Period, whole: Period, count: DayCount) -> Billed:
    part = share(days, whole, count)
    return Billed(
        quantity=+prorated_quantity(quantity, part),  # 28 digits: as many as are kept of it
        seats=quantity,
        share=part,
        arithmetic=f"{to_five_places(quantity):f} × {part.part}/{part.whole}",
        change=change,
    )


def whole_period(charge: Charge, whole: Period) -> Period:
    """The whole month or year that a charge is a part of; shorter than the charge where it is none.

    A year is the one that ends with the charge. A month is the provider's period; for a charge that lies outside of it
    (a late one, or a subscription with a day of its own) its calendar month, or else the month that ends with it.
    """
    start, end = charge.start, charge.end
    if charge.cycle is BillingCycle.YEARLY:
        is_year = end == invoice_date(start.year + 1, start.month, start.day)
        return Period(start if is_year else invoice_date(end.year - 1, end.month, end.day), end)
    if whole.start <= start and end <= whole.end and whole.days <= _LONGEST_MONTH:
        return whole
    month = Period(start.replace(day=1), next_invoice_date(start, 1))
    if end <= month.end:
        return month
    is_month = end == next_invoice_date(start, start.day)
    return Period(start if is_month else previous_invoice_date(end, end.day), end)
