"""Term and billing cycle of a row: how many months it is paid for at a time, and what tells its offer from others."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

from portal.billing.period import invoice_date
from portal.providers.microsoft.cells import Cells, to_date
from portal.providers.microsoft.columns import plain_name

_FREQUENCIES = {"monthly": 1, "annual": 12, "annually": 12, "yearly": 12, "triennial": 36, "3years": 36}
_ONCE = frozenset({"onetime", "once"})
_BILLING = {1: "monthly", 12: "yearly", 36: "3-yearly"}
_NUMBERS = {"one": 1, "two": 2, "three": 3, "five": 5}
_TERM = re.compile(
    r"\b(one|two|three|five|\d)[ -]+(?:\d[ -]+)?(month|year)"
    r"|\b(month|annual|year)(?:ly)? term|\bp(\d)([my])\b"
)
_DAY = timedelta(days=1)


def read_terms(cells: Cells, start: date, end: date, quantity: Decimal) -> tuple[bool, int, tuple[str, ...]]:
    """Whether a row is metered, the months of its billing cycle (0 for none), and what tells its offer from others."""
    text, frequency = cells.text("TermAndBillingCycle"), plain_name(cells.text("BillingFrequency"))
    term, ends = _find_term(text), to_date(cells.text("SubscriptionEndDate"))
    if not frequency and not term and _is_metered(cells, quantity, ends):
        return True, 0, ()
    if frequency in _ONCE or not cells.text("ChargeEndDate"):
        return False, 0, ()
    begins = to_date(cells.text("SubscriptionStartDate"))
    if not term and begins and ends:
        term = _months_for((ends - begins).days + 1)
    whole = 1 if spans(start, end, 1) else _months_for((end - start).days)
    is_at_once = not frequency and cells.has("BillingFrequency") and not spans(start, end, 1)
    months = _FREQUENCIES.get(frequency) or (term if is_at_once else 0) or whole
    variant = [] if not term else [f"P{term // 12}Y" if term % 12 == 0 else f"P{term}M"]
    variant.append(_BILLING.get(months, f"{months}-monthly"))
    if "trial" in text.casefold() or "trial" in cells.text("ProductQualifiers").casefold():
        variant.append("trial")
    return False, months, tuple(variant)


def _is_metered(cells: Cells, quantity: Decimal, ends: date | None) -> bool:
    """Whether a row without term and billing frequency is usage and not something bought."""
    if cells.text("MeterDescription") or plain_name(cells.text("SubscriptionDescription")) == "azureplan":
        return True
    told = bool(cells.text("UnitType") or cells.text("TermAndBillingCycle")) or quantity % 1 != 0
    return told and ends is None and bool(cells.text("ChargeEndDate"))


def _find_term(text: str) -> int:
    """The months of the term in a text such as “One-Year commitment for yearly billing”; 0 when none is said."""
    if not (found := _TERM.search(text.casefold())):
        return 0
    number, unit, spoken, digit, letter = found.groups()
    if number:
        return (_NUMBERS.get(number) or int(number)) * (12 if unit == "year" else 1)
    if spoken:
        return 1 if spoken == "month" else 12
    return int(digit) * (12 if letter == "y" else 1)


def _months_for(days: int) -> int:
    """The shortest usual term that so many days fit in; subscriptions that end together may be shorter than theirs."""
    return next((months for months, most in ((1, 31), (12, 366), (36, 1096)) if days <= most), 60)


def spans(start: date, end: date, months: int) -> bool:
    """Whether the days are a whole cycle. One that begins near the end of a month may move by a day or two."""
    whole = shift(start, months)
    if end == whole:
        return True
    return (end.year, end.month) == (whole.year, whole.month) and _is_late(start) and _is_late(end)


def _is_late(day: date) -> bool:
    """Whether it is one of the last two days of its month."""
    return (day + 2 * _DAY).month != day.month


def shift(day: date, months: int) -> date:
    """The same day so many months later or earlier; the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return invoice_date(year, month + 1, day.day)
