"""What a share of a period costs: amounts, quantities and rates, and what a change in between costs (pure).

An amount is rounded once, half up and away from zero, on the total of the line (billing rules §4.4); the other policies
exist because vendors publish other sums, and a bill that has to agree with theirs has to round as they do. A credit is
the charge with a minus: the same rounding, mirrored at zero. Money is `Decimal` and never float; between the first
multiplication and the one rounding nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum

from portal.billing.money import to_five_places
from portal.billing.share import ChangeDay, DayCount, Grain, NotANumberError, Share

# More digits than price x quantity x days can have, so that only the division and the rounding after it lose any.
_EXACT = Context(prec=100)
# What callers get to hold before they round it: more than the 28 digits that their own arithmetic keeps.
_CARRIED = Context(prec=40)


class Rounding(StrEnum):
    """What is rounded to the currency's decimals, and when."""

    LINE = "line"
    """The total of the line, once, half up: the default."""
    UNIT = "unit"
    """The prorated unit price first, half up, then times the quantity: for systems that compute the line again."""
    UNIT_DOWN = "unit-down"
    """The prorated unit price first, cut off, then times the quantity: Microsoft's
    ROUNDDOWN(EffectiveUnitPrice x rate, 2) x BillableQuantity."""
    DAILY = "daily"
    """The price of one day (or second) first, half up, then times days and quantity. A whole period costs its price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """So many units at a price each for a whole period."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What a change costs for the rest of a period; two lines, each rounded by itself."""

    credit: Decimal
    """For the old: the opposite of what it would have cost, so not above zero where the old cost something."""
    debit: Decimal
    """For the new."""

    @property
    def net(self) -> Decimal:
        """What is to be paid; below zero what is given back."""
        return self.debit + self.credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """The numbers of a proration, for a page to make words of: 3 seats x 12 of 30 days = 1.2."""

    quantity: Decimal
    part: int
    whole: int
    grain: Grain
    count: DayCount
    """How days were counted; says nothing where the grain is finer than a day."""
    price: Decimal | None
    """For a whole period; None where the price lives in QuickBooks."""
    prorated: Decimal
    """The quantity that is billed, with at most five decimals."""


def prorated_amount(
    price: Decimal,
    quantity: Decimal,
    share: Share,
    rounding: Rounding = Rounding.LINE,
    places: int = 2,
    *,
    first_places: int | None = None,
) -> Decimal:
    """What `quantity` units cost for a share of a period that costs `price` each; `places` decimals exactly.

    `places`: the decimals of the currency (JPY 0, TND 3). `first_places`: those of the unit or daily price that is
    rounded first, where they differ. Raises NotANumberError.
    """
    _check(price, quantity)
    first = places if first_places is None else first_places
    if places < 0 or first < 0:
        raise NotANumberError(f"amounts cannot be rounded to {places} decimals, nor prices to {first}")
    part, whole = share.part, share.whole
    if rounding is Rounding.LINE or (rounding is Rounding.DAILY and part == whole):
        exact = _EXACT.divide(_EXACT.multiply(_EXACT.multiply(price, quantity), part), whole)
    elif rounding is Rounding.DAILY:
        daily = _round(_EXACT.divide(price, whole), first, ROUND_HALF_UP)
        exact = _EXACT.multiply(_EXACT.multiply(daily, part), quantity)
    else:
        how = ROUND_DOWN if rounding is Rounding.UNIT_DOWN else ROUND_HALF_UP
        unit = _round(_EXACT.divide(_EXACT.multiply(price, part), whole), first, how)
        exact = _EXACT.multiply(unit, quantity)
    return _round(exact, places, ROUND_HALF_UP)


def prorated_quantity(quantity: Decimal, share: Share) -> Decimal:
    """The quantity to bill at the full price: 40 digits, for `money.to_five_places` to round once.

    Raises NotANumberError.
    """
    _check(quantity)
    return _CARRIED.divide(_EXACT.multiply(quantity, share.part), share.whole)


def prorated_rate(price: Decimal, share: Share) -> Decimal:
    """The price to bill for the full quantity, with at most the five decimals that QuickBooks keeps.

    Raises NotANumberError.
    """
    _check(price)
    return to_five_places(_CARRIED.divide(_EXACT.multiply(price, share.part), share.whole))


def change(
    before: Terms,
    after: Terms,
    left: Share,
    rounding: Rounding = Rounding.LINE,
    places: int = 2,
    *,
    first_places: int | None = None,
) -> Adjustment:
    """What it costs to go from `before` to `after` when the share `left` of a period paid in advance is to come.

    Both lines are over the same days, as vendors write them: a full credit and a full charge. `left` comes from
    `share_left`, with the `change_day` of `day_of_change` or another. Raises NotANumberError.
    """
    old, new = (
        prorated_amount(terms.price, terms.quantity, left, rounding, places, first_places=first_places)
        for terms in (before, after)
    )
    return Adjustment(credit=-old if old else old, debit=new)


def day_of_change(before: Terms, after: Terms) -> ChangeDay:
    """To which side the day of a change belongs: old where seats go, new where they come or the price changes.

    Day of addition billed, day of removal billed, credit from the next day (billing rules §4.5).
    """
    return ChangeDay.OLD if after.quantity < before.quantity else ChangeDay.NEW


def explain(
    quantity: Decimal,
    share: Share,
    *,
    price: Decimal | None = None,
    grain: Grain = Grain.DAY,
    count: DayCount = DayCount.ACTUAL,
) -> Arithmetic:
    """The arithmetic of a proration as numbers. Raises NotANumberError."""
    if price is not None:
        _check(price)
    return Arithmetic(
        quantity=quantity,
        part=share.part,
        whole=share.whole,
        grain=grain,
        count=count,
        price=price,
        prorated=to_five_places(prorated_quantity(quantity, share)),
    )


def _check(*numbers: Decimal) -> None:
    for number in numbers:
        if not number.is_finite():
            raise NotANumberError(f"{number} is not a number to reckon with")


def _round(number: Decimal, places: int, how: str) -> Decimal:
    rounded = number.quantize(Decimal((0, (1,), -places)), how, _EXACT)
    return rounded if rounded else abs(rounded)  # never "-0.00"
