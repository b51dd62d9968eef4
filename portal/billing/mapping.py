"""From charges to drafts: which item, which customer, which lines, and why something is not billed (pure).

A draft is an invoice before it is sent. Charges of one offer, kind, period and change become one line. A reason names
the row to fix; a charge with a reason waits and is billed by a later run.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.money import to_five_places
from portal.billing.period import BillingMode, Period
from portal.billing.proration import Change, Proration, bill, rebilled


class Reason(StrEnum):
    """Why a charge or a draft is not billed."""

    OFFER_OFF = "offer-off"
    ORGANIZATION_OFF = "organization-off"
    OFFER_UNMAPPED = "offer-unmapped"
    ORGANIZATION_UNMAPPED = "organization-unmapped"
    ITEM_GONE = "item-gone"
    ITEM_INACTIVE = "item-inactive"
    ITEM_NOT_BILLABLE = "item-not-billable"
    CUSTOMER_GONE = "customer-gone"
    CUSTOMER_INACTIVE = "customer-inactive"
    BEFORE_START = "before-start"
    CURRENCY = "currency"
    MONEY_CREDIT = "money-credit"
    NOTHING_TO_BILL = "nothing-to-bill"
    NEGATIVE_TOTAL = "negative-total"


BILLABLE_ITEMS = frozenset(
    {"ItemService", "ItemNonInventory", "ItemOtherCharge", "ItemInventory", "ItemInventoryAssembly"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A mapped item or customer as QuickBooks last showed it."""

    list_id: str
    full_name: str
    type: str = ""
    is_active: bool = True
    price: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedOffer:
    """An offer and its counterpart. `item_list_id` without `item`: the item is no longer in QuickBooks."""

    id: int
    name: str
    is_synchronized: bool
    item_list_id: str | None
    item: Target | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedOrganization:
    """An organization and its counterpart."""

    id: int
    name: str
    is_synchronized: bool
    customer_list_id: str | None
    customer: Target | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A charge that was received and never billed, with the provider's period it came in."""

    id: int
    charge: Charge
    offer_id: int
    organization_id: int
    whole: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line to bill; without a price, because QuickBooks' own applies. `estimate` is quantity x the item's price."""

    offer_id: int
    item: Target
    kind: ChargeKind
    description: str
    quantity: Decimal
    service_date: date
    arithmetic: str
    charge_ids: tuple[int, ...]

    @property
    def estimate(self) -> Decimal | None:
        """What the line comes to at the item's list price, unrounded; None when QuickBooks showed no price."""
        return None if self.item.price is None else self.quantity * self.item.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The lines of one organization. With `reason` it is not sent as it is."""

    organization_id: int
    customer: Target | None
    lines: tuple[Line, ...]
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A charge that is not billed now, and why."""

    charge_id: int
    offer_id: int
    organization_id: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    drafts: tuple[Draft, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a connection bills."""

    mode: BillingMode
    boxes: Proration
    start_date: date | None = None
    home_currency: str | None = None


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


def plan(
    received: Iterable[Received],
    offers: dict[int, MappedOffer],
    organizations: dict[int, MappedOrganization],
    rules: Rules,
    history: History | None = None,
) -> Plan:
    """Sort charges into drafts and reasons. The order of drafts is by organization name, of lines by offer and date.

    Without `history` the charges at hand are all that is known.
    """
    received = list(received)
    history = history or History.of((row.organization_id, row.offer_id, row.charge) for row in received)
    skipped: list[Skipped] = []
    by_organization: dict[int, list[Received]] = {}
    for row in received:
        reason = refusal(row, offers[row.offer_id], organizations[row.organization_id], rules, history)
        if reason is None:
            by_organization.setdefault(row.organization_id, []).append(row)
        else:
            skipped.append(
                Skipped(charge_id=row.id, offer_id=row.offer_id, organization_id=row.organization_id, reason=reason)
            )
    drafts = []
    for organization_id, rows in by_organization.items():
        lines = _lines(rows, offers, rules, history)
        drafts.append(
            Draft(
                organization_id=organization_id,
                customer=organizations[organization_id].customer,
                lines=lines,
                reason=_hold(lines),
            )
        )
    drafts.sort(key=lambda draft: (sort_key(organizations[draft.organization_id].name), draft.organization_id))
    skipped.sort(key=lambda one: one.charge_id)
    return Plan(drafts=tuple(drafts), skipped=tuple(skipped))


def sort_key(name: str) -> str:
    """Names in the order that people look for them: without regard to accents and case."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


def refusal(
    row: Received, offer: MappedOffer, organization: MappedOrganization, rules: Rules, history: History
) -> Reason | None:
    """Why a charge cannot be billed now; None when it can."""
    if rules.start_date is not None and _begins_before(row, rules.start_date, history):
        return Reason.BEFORE_START
    return (
        organization_refusal(organization)
        or offer_refusal(offer)
        or _currency_refusal(row, organization, rules)
        or (Reason.MONEY_CREDIT if _is_money(row, history) else None)
    )


def _begins_before(row: Received, floor: date, history: History) -> bool:
    """Whether a charge is older than the floor, or gives back what was never billed here because it was."""
    if row.charge.start < floor:
        return True
    around = history.around(row) if row.charge.kind is ChargeKind.CREDIT else []
    return bool(around) and all(one.start < floor for one in around)


def _is_money(row: Received, history: History) -> bool:
    """Whether a charge is an amount without seats: it cannot be billed by quantity at QuickBooks' own price.

    A provider may write a credit of seats with the sign on the price; then its unit cost is one that the offer has.
    """
    charge = row.charge
    if charge.quantity == 0:
        return charge.amount != 0
    if charge.quantity < 0 or charge.amount >= 0:
        return False
    return abs(charge.unit_cost) not in history.unit_costs.get(row.offer_id, frozenset())


def organization_refusal(organization: MappedOrganization) -> Reason | None:
    """Why nothing of this organization can be billed; None when its customer is in order."""
    if not organization.is_synchronized:
        return Reason.ORGANIZATION_OFF
    if organization.customer_list_id is None:
        return Reason.ORGANIZATION_UNMAPPED
    if organization.customer is None:
        return Reason.CUSTOMER_GONE
    return None if organization.customer.is_active else Reason.CUSTOMER_INACTIVE


def offer_refusal(offer: MappedOffer) -> Reason | None:
    """Why this offer cannot be billed; None when its item is in order."""
    if not offer.is_synchronized:
        return Reason.OFFER_OFF
    if offer.item_list_id is None:
        return Reason.OFFER_UNMAPPED
    if offer.item is None:
        return Reason.ITEM_GONE
    if offer.item.type not in BILLABLE_ITEMS:
        return Reason.ITEM_NOT_BILLABLE
    return None if offer.item.is_active else Reason.ITEM_INACTIVE


def _currency_refusal(row: Received, organization: MappedOrganization, rules: Rules) -> Reason | None:
    customer = organization.customer
    expected = (customer.currency if customer else None) or rules.home_currency
    return Reason.CURRENCY if expected and expected != row.charge.currency else None


def _lines(
    rows: Sequence[Received], offers: dict[int, MappedOffer], rules: Rules, history: History
) -> tuple[Line, ...]:
    nets = rebilled((row.offer_id, row.charge) for row in rows)
    groups: dict[tuple[object, ...], list[tuple[Received, Decimal, str]]] = {}
    names = {row.offer_id: (sort_key(offers[row.offer_id].name), row.offer_id) for row in rows}
    for row in sorted(rows, key=lambda row: (names[row.offer_id], row.charge.start, row.id)):
        net = nets.get((row.offer_id, row.charge.start, row.charge.end))
        billed = bill(row.charge, row.whole, bool(history.around(row)), rules.boxes, rules.mode, net)
        key = (row.offer_id, row.charge.offer_name, row.charge.kind, row.charge.start, row.charge.end, billed.change)
        groups.setdefault(key, []).append((row, billed.quantity, billed.arithmetic))
    lines = []
    for group in groups.values():
        first = group[0][0]
        item = offers[first.offer_id].item
        assert item is not None  # noqa: S101 -- refusal() let only mapped offers through
        lines.append(
            Line(
                offer_id=first.offer_id,
                item=item,
                kind=first.charge.kind,
                description=describe(first.charge),
                quantity=to_five_places(sum((quantity for _, quantity, _ in group), Decimal(0))),
                service_date=first.charge.start,
                arithmetic=" + ".join(arithmetic for _, _, arithmetic in group),
                charge_ids=tuple(row.id for row, _, _ in group),
            )
        )
    return tuple(lines)


def describe(charge: Charge) -> str:
    """The line's text: the offer, and its first and last day."""
    last = Period(charge.start, charge.end).last
    if charge.cycle is BillingCycle.ONE_TIME or last == charge.start:
        return f"{charge.offer_name} ({charge.start})"
    return f"{charge.offer_name} ({charge.start} – {last})"


def _hold(lines: Sequence[Line]) -> Reason | None:
    """Zero invoices are skipped and negative ones held: QuickBooks refuses an invoice below zero."""
    quantities: dict[str, Decimal] = {}
    for line in lines:
        quantities[line.item.list_id] = quantities.get(line.item.list_id, Decimal(0)) + line.quantity
    if not any(quantities.values()):
        return Reason.NOTHING_TO_BILL
    estimates = [line.estimate for line in lines]
    if None not in estimates:
        total = sum((estimate for estimate in estimates if estimate is not None), Decimal(0))
        return Reason.NEGATIVE_TOTAL if total < 0 else None
    return Reason.NEGATIVE_TOTAL if all(line.quantity <= 0 for line in lines) else None


def unit_costs(received: Iterable[Received], offers: dict[int, MappedOffer]) -> dict[str, Decimal]:
    """The unit cost of every mapped item, by ListID: the one that most units were bought at; the higher one on a tie.

    Credits say nothing of the cost of a unit and are left out. Costs have at most five decimals.
    """
    units: dict[str, dict[Decimal, Decimal]] = {}
    for row in received:
        offer, charge = offers[row.offer_id], row.charge
        if not offer.is_synchronized or offer.item is None or charge.kind is ChargeKind.CREDIT or charge.unit_cost < 0:
            continue
        costs = units.setdefault(offer.item.list_id, {})
        cost = to_five_places(charge.unit_cost)
        costs[cost] = costs.get(cost, Decimal(0)) + abs(charge.quantity)
    return {list_id: max(costs, key=lambda cost: (costs[cost], cost)) for list_id, costs in units.items()}


__all__ = [
    "BILLABLE_ITEMS",
    "Change",
    "Draft",
    "History",
    "Line",
    "MappedOffer",
    "MappedOrganization",
    "Plan",
    "Reason",
    "Received",
    "Rules",
    "Skipped",
    "Target",
    "plan",
    "unit_costs",
]
