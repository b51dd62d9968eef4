"""A row as its profile reads it, before its kind is judged beside the delivery's period."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.period import Period
from portal.providers.csvfile.cells import named_currency, parse_day, parse_number, parse_period, plain_word
from portal.providers.csvfile.profile import DateFormat, Profile
from portal.providers.table import Row, show

_AGAIN = " Nothing was imported: correct the cell, or the column's choice, and import the file again."
CENT = Decimal("0.01")
_PLACES = Decimal("1E-10")
_LIMIT = Decimal(10) ** 13  # an amount of qbXML has 13 digits before the point
_DAY = timedelta(days=1)
LEAST_YEAR = 360
"""The fewest days of a row that is for a year."""
_Shared = TypeVar("_Shared")
_SHOWN_DATES = {one: one.replace("YYYY", "2026").replace("MM", "10").replace("DD", "31") for one in DateFormat}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row that was read, before its kind is judged beside the delivery's period."""

    key: str
    organization: str
    offer_key: str
    offer_name: str
    kind: ChargeKind | None
    cycle: BillingCycle
    quantity: Decimal
    unit_cost: Decimal
    is_priced: bool
    """Whether the file says the unit cost."""
    amount: Decimal
    currency: str
    days: Period
    tags: tuple[tuple[str, str], ...]
    raw: str


class LineReader:
    """Reads rows by a profile, and remembers what must not come twice."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        assert profile.decimal is not None and profile.date_format is not None  # noqa: S101, PT018 -- complete
        self._decimal, self._date_format = profile.decimal, profile.date_format
        self._kinds = {plain_word(word): ChargeKind(kind) for word, kind in profile.kind_words}
        self._cycles = {plain_word(word): BillingCycle(cycle) for word, cycle in profile.cycle_words}
        self._seen: Counter[str] = Counter()
        self._ids: dict[str, int] = {}
        self._same: dict[Any, Any] = {}

    def read_line(self, row: Row) -> Line:
        """One row. Raises ProviderError naming row and column."""
        profile = self.profile
        organization = row.text(profile.organization)
        if not organization:
            what = "the cell is empty, so its organization is not known." + _AGAIN
            row.refuse("csvfile.row.no_organization", what, profile.organization)
        offer_key = row.text(profile.offer_key) or row.text(profile.offer_name)
        if not offer_key:
            what = "the cell is empty, so its offer is not known." + _AGAIN
            row.refuse("csvfile.row.no_offer", what, profile.offer_key or profile.offer_name)
        days = self._days(row)
        currency = self._currency(row)
        quantity, unit_cost, amount = self._money(row, currency)
        kind, cycle = self._kind(row), self._cycle(row, days)
        if quantity < 0 or amount < 0:
            kind = ChargeKind.CREDIT
        elif kind is ChargeKind.CREDIT and (quantity or amount):
            what = "it is a credit, and neither its quantity nor its amount is negative." + _AGAIN
            row.refuse("csvfile.row.positive_credit", what, profile.kind or profile.amount or profile.unit_cost)
        tags = tuple((heading, text) for heading in profile.tags if (text := row.text(heading)))
        told = [organization, offer_key, cycle.value, json.dumps(tags), "-" if kind is ChargeKind.CREDIT else "+"]
        return Line(
            key=self._key(row, told, days),
            organization=self._share(organization),
            offer_key=self._share(offer_key),
            offer_name=self._share(row.text(profile.offer_name) or offer_key),
            kind=kind,
            cycle=cycle,
            quantity=quantity,
            unit_cost=unit_cost,
            is_priced=bool(profile.unit_cost and row.text(profile.unit_cost)),
            amount=amount,
            currency=self._share(currency),
            days=self._share(days),
            tags=self._share(tags),
            raw=row.raw(),
        )

    def _share(self, value: _Shared) -> _Shared:
        """The value, kept once: names and periods are the same in thousands of rows."""
        shared: _Shared = self._same.setdefault(value, value)
        return shared

    def _key(self, row: Row, told: list[str], days: Period) -> str:
        """32 hexadecimal digits over what identifies a row."""
        charge_id = row.text(self.profile.charge_id) if self.profile.charge_id else ""
        if charge_id and (first := self._ids.setdefault(charge_id, row.number)) != row.number:
            what = (
                "“{value}” stands in row {first} already. Nothing was imported: remove one of the two rows, or choose"
            )
            what += " another column for the charge's id, or none, and import the file again."
            values = {"value": show(charge_id), "first": str(first)}
            row.refuse("csvfile.row.same_id", what, self.profile.charge_id, **values)
        told = ["csv", self.profile.name, *([charge_id] if charge_id else told), str(days.start), str(days.end)]
        key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
        self._seen[key] += 1
        return key if self._seen[key] == 1 else f"{key}#{self._seen[key]}"

    def _number(self, row: Row, column: str, currency: str) -> Decimal | None:
        """The number in a column; None when there is none or the cell is empty."""
        if not column or not (text := row.text(column)):
            return None
        number = parse_number(text, self._decimal, self.profile.thousands)
        if number is None:
            what = "“{value}” is not a number with “{decimal}” before the decimals." + _AGAIN
            row.refuse("csvfile.row.not_number", what, column, value=show(text), decimal=self._decimal.value)
        if abs(number) >= _LIMIT:
            row.refuse("csvfile.row.too_large", "“{value}” is too large." + _AGAIN, column, value=show(text))
        if named_currency(text) not in ("", currency):
            what = "“{value}” is in another currency than the row, which is in {currency}." + _AGAIN
            row.refuse("csvfile.row.other_currency", what, column, value=show(text), currency=currency)
        return number

    def _money(self, row: Row, currency: str) -> tuple[Decimal, Decimal, Decimal]:
        """Quantity, unit cost and amount; of the last two, one follows from the other where it is not said."""
        profile = self.profile
        quantity = self._number(row, profile.quantity, "")
        unit_cost = self._number(row, profile.unit_cost, currency)
        amount = self._number(row, profile.amount, currency)
        if quantity is None:
            row.refuse("csvfile.row.empty", "the cell is empty." + _AGAIN, profile.quantity)
        if amount is None and unit_cost is not None:
            amount = quantity * unit_cost
        if amount is None:
            row.refuse("csvfile.row.empty", "the cell is empty." + _AGAIN, profile.amount or profile.unit_cost)
        if abs(amount) >= _LIMIT:
            row.refuse(
                "csvfile.row.too_large", "“{value}” is too large." + _AGAIN, profile.unit_cost, value=str(amount)
            )
        if unit_cost is None:
            unit_cost = unit_price(amount, quantity, Decimal(0))
        return quantity, unit_cost, amount.quantize(CENT, ROUND_HALF_UP) + 0

    def _days(self, row: Row) -> Period:
        profile = self.profile
        if profile.start == profile.end:
            first, last = self._period(row)
        else:
            first, last = self._day(row, profile.start), self._day(row, profile.end)
            last -= timedelta(days=not profile.is_last_day_inclusive)
        if last < first:
            what = "the period ends on {last}, before its start on {first}." + _AGAIN
            row.refuse("csvfile.row.period_reversed", what, profile.end, first=str(first), last=str(last))
        return Period(first, last + _DAY)

    def _day(self, row: Row, column: str) -> date:
        text = row.text(column)
        if (day := parse_day(text, self._date_format)) is None:
            what = "“{value}” is not a date such as {example}." + _AGAIN
            row.refuse("csvfile.row.not_date", what, column, value=show(text), example=_SHOWN_DATES[self._date_format])
        return day

    def _period(self, row: Row) -> tuple[date, date]:
        text = row.text(self.profile.start)
        if (period := parse_period(text, self._date_format)) is None:
            what = "“{value}” is not a period such as 2026-10 or {example} - {example}." + _AGAIN
            example = _SHOWN_DATES[self._date_format]
            row.refuse("csvfile.row.not_period", what, self.profile.start, value=show(text), example=example)
        return period

    def _kind(self, row: Row) -> ChargeKind | None:
        text = row.text(self.profile.kind) if self.profile.kind else ""
        if not text:
            return self.profile.fixed_kind
        if (kind := self._kinds.get(plain_word(text))) is None:
            what = "“{value}” is no kind of charge that is known. Nothing was imported: say in the profile which"
            row.refuse("csvfile.row.unknown_kind", what + " kind it is.", self.profile.kind, value=show(text))
        return kind

    def _cycle(self, row: Row, days: Period) -> BillingCycle:
        text = row.text(self.profile.cycle) if self.profile.cycle else ""
        if not text:
            by_length = BillingCycle.YEARLY if days.days >= LEAST_YEAR else BillingCycle.MONTHLY
            is_once = self._kind(row) is ChargeKind.ONE_TIME
            return self.profile.fixed_cycle or (BillingCycle.ONE_TIME if is_once else by_length)
        if (cycle := self._cycles.get(plain_word(text))) is None:
            what = (
                "“{value}” is no billing cycle that is known. Nothing was imported: say in the profile which cycle it"
            )
            row.refuse("csvfile.row.unknown_cycle", what + " is.", self.profile.cycle, value=show(text))
        return cycle

    def _currency(self, row: Row) -> str:
        column = self.profile.currency
        currency = (row.text(column) if column else "").upper() or self.profile.fixed_currency
        if not re.fullmatch(r"[A-Z]{3}", currency):
            what = "“{value}” is not a currency of three letters, such as CAD." + _AGAIN
            row.refuse("csvfile.row.bad_currency", what, column or self.profile.amount or "-", value=show(currency))
        return currency


def unit_price(amount: Decimal, quantity: Decimal, otherwise: Decimal) -> Decimal:
    """What a unit costs for the days of a row, with at most ten decimals."""
    if not quantity or abs(amount / quantity) >= _LIMIT:
        return otherwise
    shown = f"{(amount / quantity).quantize(_PLACES, ROUND_HALF_UP):f}"
    return Decimal(shown.rstrip("0").rstrip(".")) + 0
