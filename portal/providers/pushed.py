"""Charges that another program pushes one by one, already in our words: checked, and told apart from all others."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.money import to_cents
from portal.billing.period import FIRST_YEAR, LAST_YEAR
from portal.providers import ProviderError
from portal.providers.csvfile.lines import unit_price

PROVIDER = "api"
MARK = f"{PROVIDER}:"
"""Begins the key of every pushed charge: it never meets the key of a file's."""
LONGEST_KEY = 64
_DAY = timedelta(days=1)


class Pushed(Protocol):
    """A charge as it is pushed. `start` and `last` are days of its period; without `unit_cost` it follows."""

    @property
    def key(self) -> str: ...
    @property
    def organization(self) -> str: ...
    @property
    def offer_key(self) -> str: ...
    @property
    def offer_name(self) -> str: ...
    @property
    def kind(self) -> ChargeKind: ...
    @property
    def cycle(self) -> BillingCycle: ...
    @property
    def quantity(self) -> str: ...
    @property
    def start(self) -> date: ...
    @property
    def last(self) -> date: ...
    @property
    def unit_cost(self) -> str | None: ...
    @property
    def amount(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def is_proratable(self) -> bool | None: ...
    @property
    def tags(self) -> dict[str, str]: ...


def make_charge(row: Pushed) -> Charge:
    """The charge of a row. Numbers are decimal texts. Raises ProviderError."""
    organization, offer_key, offer_name = row.organization.strip(), row.offer_key.strip(), row.offer_name.strip()
    if not (organization and offer_key and offer_name):
        raise ProviderError("pushed.blank", "Its organization, offer_key or offer_name is only blanks. Fill it in.")
    start, last = row.start, row.last
    if last < start:
        raise ProviderError(
            "pushed.period_reversed",
            "The period ends on {last}, before its start on {start}. Correct one of the two days.",
            last=str(last),
            start=str(start),
        )
    if start.year < FIRST_YEAR or last.year > LAST_YEAR:
        raise ProviderError(
            "pushed.year", "The period is from {start} to {last}. Check its years.", start=str(start), last=str(last)
        )
    quantity, amount = Decimal(row.quantity), to_cents(Decimal(row.amount))
    kind = row.kind
    if (quantity < 0 or amount < 0) and kind is not ChargeKind.CREDIT:
        raise ProviderError(
            "pushed.negative", "Its quantity or amount is negative, so its kind must be “credit”. Correct one of them."
        )
    if kind is ChargeKind.CREDIT and not (quantity < 0 or amount < 0) and (quantity or amount):
        raise ProviderError(
            "pushed.positive_credit",
            "It is a credit, and neither its quantity nor its amount is negative. Correct the kind or the sign.",
        )
    unit_cost = unit_price(amount, quantity, Decimal(0)) if row.unit_cost is None else Decimal(row.unit_cost)
    is_once = kind in (ChargeKind.USAGE, ChargeKind.ONE_TIME) or row.cycle is BillingCycle.ONE_TIME
    return Charge(
        key=MARK + row.key,
        organization=organization,
        offer_key=offer_key,
        offer_name=offer_name,
        kind=kind,
        cycle=row.cycle,
        quantity=quantity,
        start=start,
        end=last + _DAY,
        unit_cost=unit_cost,
        unit_cost_prorated=unit_price(amount, quantity, unit_cost),
        amount=amount,
        currency=row.currency,
        is_proratable=not is_once if row.is_proratable is None else row.is_proratable,
        tags=tuple(row.tags.items()),
    )
