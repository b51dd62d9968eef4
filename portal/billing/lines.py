"""Which charges share a line, and what the line says (pure).

What gives back something that was billed gives back exactly that, and shares a line with what is charged instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.description import Told, fill, usual
from portal.billing.mapping import MappedOffer, MappedOrganization, Target
from portal.billing.money import to_five_places
from portal.billing.options import Grouping, Options, ProrateBy
from portal.billing.period import BillingMode, Period
from portal.billing.proration import Change, Proration, bill, rebilled
from portal.billing.rating import prorated_amount, prorated_rate
from portal.billing.share import Share

LONGEST_CUSTOM = 29
_PARTIAL = frozenset({ChargeKind.PRORATED, ChargeKind.CREDIT})


class Section(StrEnum):
    """The parts of a preview."""

    FULL = "full-cycle"
    MID_CYCLE = "mid-cycle"
    USAGE = "usage"
    ONE_TIME = "one-time"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was billed of a charge, exactly: what giving it back takes away."""

    quantity: Decimal
    rate: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A charge that was received and is not billed, with the provider's period it came in.

    `gives_back`: it reverses a billed charge, of which this was billed.
    """

    id: int
    charge: Charge
    offer_id: int
    organization_id: int
    whole: Period
    gives_back: Given | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a line bills of one charge: its share of the quantity, not rounded, and its price where that is ours."""

    charge_id: int
    quantity: Decimal
    rate: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line to bill. Without `rate` QuickBooks' own price applies; `amount` is then what it comes to, to the cent."""

    offer_id: int
    item: Target
    kind: ChargeKind
    section: Section
    description: str
    quantity: Decimal
    service_date: date
    end: date
    arithmetic: str
    parts: tuple[Part, ...]
    states_all: bool
    rate: Decimal | None = None
    amount: Decimal | None = None
    other1: str = ""
    other2: str = ""

    @property
    def charge_ids(self) -> tuple[int, ...]:
        """The charges that it bills."""
        return tuple(part.charge_id for part in self.parts)

    @property
    def estimate(self) -> Decimal | None:
        """What the line comes to, at the item's list price unless the price is ours; None when nothing is known."""
        if self.amount is not None:
            return self.amount
        return None if self.item.price is None else self.quantity * self.item.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a connection bills."""

    mode: BillingMode
    boxes: Proration
    start_date: date | None = None
    home_currency: str | None = None
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of subscriptions beyond the charges at hand, billed ones included.

    `wholes`: the periods of recurring charges, by organization and offer id; they tell an addition from a first partial
    period. `unit_costs`: what a unit of an offer was ever charged at; they tell a credit of seats from one of money.
    """

    wholes: Mapping[tuple[int, int], Sequence[Period]]
    unit_costs: Mapping[int, Set[Decimal]]

    @classmethod
    def of(cls, charges: Iterable[tuple[int, int, Charge]]) -> History:
        """From charges, each with its organization's and its offer's id."""
        wholes: dict[tuple[int, int], list[Period]] = {}
        costs: dict[int, set[Decimal]] = {}
        for organization_id, offer_id, charge in charges:
            if charge.kind is ChargeKind.RECURRING:
                wholes.setdefault((organization_id, offer_id), []).append(Period(charge.start, charge.end))
            if charge.kind is not ChargeKind.CREDIT:
                costs.setdefault(offer_id, set()).add(abs(charge.unit_cost))
        return cls(wholes, costs)

    def around(self, row: Received) -> list[Period]:
        """The whole periods of the same subscription that the charge begins in."""
        return [one for one in self.wholes.get((row.organization_id, row.offer_id), ()) if row.charge.start in one]


@dataclass(slots=True)
class Group:
    """Charges that share a line, as they are gathered."""

    first: Received
    change: Change | None
    share: Share | None
    rate: Decimal | None
    start: date
    end: date
    quantity: Decimal = Decimal(0)
    lacks_price: bool = False
    """Whether a part of a period is to be billed at a rate of ours, and there is no price to take it from."""
    arithmetic: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


def group_charges(
    rows: Sequence[Received], offers: Mapping[int, MappedOffer], rules: Rules, history: History
) -> Collection[Group]:
    """The charges of one organization by line, in their order."""
    nets = rebilled((row.offer_id, row.charge) for row in rows if row.gives_back is None)
    corrected = {row.charge.key: row for row in rows if row.gives_back is not None}
    by_rate = rules.options.prorate_by is ProrateBy.RATE
    groups: dict[tuple[object, ...], Group] = {}
    for row in rows:
        charge = row.charge
        change, share, rate, amount = None, None, None, None
        if row.gives_back is not None:
            quantity, rate = -row.gives_back.quantity, row.gives_back.rate
            amount = None if row.gives_back.amount is None else -row.gives_back.amount
            shown = f"{to_five_places(quantity):f}"
        else:
            net = nets.get((row.offer_id, charge.start, charge.end))
            has_whole = charge.kind in _PARTIAL and bool(history.around(row))
            billed = bill(charge, row.whole, has_whole, rules.boxes, rules.mode, net, rules.options.day_count)
            quantity, shown = billed.quantity, billed.arithmetic
            change = None if charge.key in corrected else billed.change
            anew = _as_before(charge, corrected.get(charge.key))
            if anew is not None:
                billed = replace(billed, quantity=anew, seats=anew, share=None)
                quantity, shown = anew, f"{to_five_places(anew):f}"
            if by_rate and billed.share is not None:
                share, price = billed.share, _price(offers[row.offer_id])
                quantity = billed.seats
                if price is not None:
                    rate = prorated_rate(price, share)
                    amount = prorated_amount(price, quantity, share, rules.options.rounding)
        key = _key(row, change, share, rate, rules.options.grouping)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(row, change, share, rate, charge.start, charge.end)
        group.start, group.end = min(group.start, charge.start), max(group.end, charge.end)
        group.quantity += quantity
        group.lacks_price = group.lacks_price or (share is not None and rate is None)
        group.arithmetic.append(shown)
        group.parts.append(Part(charge_id=row.id, quantity=quantity, rate=rate, amount=amount))
    return groups.values()


def _as_before(charge: Charge, back: Received | None) -> Decimal | None:
    """The quantity of a corrected charge, prorated just as what it corrects was; None where that tells nothing.

    What it corrects may have been one half of a credit and its new charge, and both halves must be judged alike.
    """
    if back is None or back.gives_back is None or back.gives_back.rate is not None:
        return None
    was = -back.charge.signed
    is_alike = (charge.start, charge.end) == (back.charge.start, back.charge.end) and was * charge.signed > 0
    return charge.signed * back.gives_back.quantity / was if is_alike else None


def _price(offer: MappedOffer) -> Decimal | None:
    return None if offer.item is None else offer.item.price


def _key(
    row: Received, change: Change | None, share: Share | None, rate: Decimal | None, grouping: Grouping
) -> tuple[object, ...]:
    charge = row.charge
    if grouping is Grouping.CHARGE:
        return (row.id,)
    priced = (share, rate)
    if change is None:  # what was billed is given back, or charged anew
        return (row.offer_id, "correction", *priced)
    if grouping is Grouping.OFFER:
        return (row.offer_id, change is Change.WHOLE and charge.kind, *priced)
    return (row.offer_id, charge.offer_name, charge.kind, charge.start, charge.end, change, *priced)


def make_line(group: Group, offer: MappedOffer, organization: MappedOrganization, rules: Rules) -> Line:
    item, charge = offer.item, group.first.charge
    assert item is not None  # noqa: S101 -- only mapped offers get here
    quantity = to_five_places(group.quantity)
    is_day = charge.cycle is BillingCycle.ONE_TIME or (group.end - group.start).days == 1
    description, other1, other2 = usual(charge.offer_name, group.start, group.end, is_day=is_day), "", ""
    if rules.options.description or organization.other1 or organization.other2:
        told = Told(
            offer=charge.offer_name,
            sku=charge.offer_key,
            organization=organization.name,
            start=group.start,
            end=group.end,
            quantity=quantity,
            po=organization.po_number,
            is_day=is_day,
        )
        description = fill(rules.options.description, told)
        other1 = fill(organization.other1, told)[:LONGEST_CUSTOM] if organization.other1 else ""
        other2 = fill(organization.other2, told)[:LONGEST_CUSTOM] if organization.other2 else ""
    amount = None
    if group.rate is not None and group.share is not None and item.price is not None:
        amount = prorated_amount(item.price, quantity, group.share, rules.options.rounding)
    elif group.rate is not None:
        amount = sum((part.amount for part in group.parts if part.amount is not None), Decimal(0))
    return Line(
        offer_id=group.first.offer_id,
        item=item,
        kind=charge.kind,
        section=_section(group, quantity),
        description=description,
        quantity=quantity,
        service_date=group.start,
        end=group.end,
        arithmetic=" + ".join(group.arithmetic),
        parts=tuple(group.parts),
        states_all=group.change is Change.WHOLE and charge.kind in (ChargeKind.RECURRING, ChargeKind.USAGE),
        rate=group.rate,
        amount=amount,
        other1=other1,
        other2=other2,
    )


def _section(group: Group, quantity: Decimal) -> Section:
    kind = group.first.charge.kind
    if quantity < 0 or (quantity == 0 and kind is ChargeKind.CREDIT):
        return Section.CREDIT
    if kind is ChargeKind.USAGE:
        return Section.USAGE
    if kind is ChargeKind.ONE_TIME:
        return Section.ONE_TIME
    return Section.FULL if group.change is Change.WHOLE else Section.MID_CYCLE
