"""How a connection bills: what the set-up lets a partner choose beside the mode and the boxes (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.billing.rating import Rounding
from portal.billing.share import DayCount


class ProrateBy(StrEnum):
    """What is made smaller for a part of a period."""

    QUANTITY = "quantity"
    """The quantity: for prices that live in QuickBooks, where a price level may apply that nobody else knows."""
    RATE = "rate"
    """The rate: the quantity stays whole, and the line carries the item's list price for the days. It is then certain,
    and no price level applies."""


class Grouping(StrEnum):
    """Which charges of one organization share a line."""

    CHANGE = "change"
    """One line for each offer, period and kind of change."""
    OFFER = "offer"
    """For each offer one line of whole cycles, and one of everything prorated."""
    CHARGE = "charge"
    """One line for each charge."""


class NegativeTotal(StrEnum):
    """What becomes of an organization whose total is below zero: QuickBooks refuses such an invoice."""

    HOLD = "hold"
    """It waits until new charges outweigh the credits."""
    CREDIT_MEMO = "credit-memo"
    """It becomes a credit memo."""


class Approval(StrEnum):
    """Who says that a run may leave."""

    AUTOMATIC = "automatic"
    """Nobody: it is billed at the hour of the invoice day."""
    MANUAL = "manual"
    """A person, in the preview."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The choices of a connection, with the defaults of the seeds."""

    prorate_by: ProrateBy = ProrateBy.QUANTITY
    day_count: DayCount = DayCount.ACTUAL
    rounding: Rounding = Rounding.LINE
    grouping: Grouping = Grouping.CHANGE
    negative_total: NegativeTotal = NegativeTotal.HOLD
    description: str = ""
    """The template of a line's text; empty for the usual one (see `portal.billing.description`)."""
