"""The filters of queries: times, dates, names, numbers, people."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from qbwc.sandbox.company import full_name
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.session import not_found

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

_MACRO = re.compile(
    r"(?P<which>This|Last|Next)(?P<span>Week|Month|CalendarQuarter|CalendarYear|FiscalQuarter|FiscalYear)(?P<part>ToDate)?"
)


def wall_clock(text: str, *, end: bool = False) -> str:
    """The comparable part of a time: the wall clock, without the offset that QuickBooks gets wrong half the year.

    A bare date means its first second, or its last one at the end of a range.
    """
    if len(text) <= 10:
        return f"{text}T23:59:59" if end else f"{text}T00:00:00"
    return (text[:19] + (":59:59" if end else ":00:00")[-(19 - len(text[:19])) :])[:19] if len(text) < 19 else text[:19]


def within_times(body: Record, time: str, first: str = "FromModifiedDate", last: str = "ToModifiedDate") -> bool:
    """Whether a time lies in the range of a filter, both ends included. Raises 3030 when the ends are swapped."""
    start, end = body.get(first), body.get(last)
    if start and end and wall_clock(start) > wall_clock(end, end=True):
        raise StatusError(3030, f'The beginning "{start}" of the range is after its end "{end}".')
    at = wall_clock(time)
    return (not start or at >= wall_clock(start)) and (not end or at <= wall_clock(end, end=True))


def within_dates(company: Company, body: Record, day: str) -> bool:
    """Whether a date lies in a TxnDateRangeFilter, both ends included."""
    start, end = body.get("FromTxnDate"), body.get("ToTxnDate")
    if body.get("DateMacro"):
        start, end = macro_range(body["DateMacro"], company.today())
    if start and end and start > end:
        raise StatusError(3030, f'The beginning "{start}" of the range is after its end "{end}".')
    return (not start or day >= start) and (not end or day <= end)


def macro_range(macro: str, today: date) -> tuple[str, str]:
    """The first and last day of a DateMacro; the fiscal year is the calendar year here. Raises 3065."""
    if macro == "All":
        return "0001-01-01", "9999-12-31"
    if macro in ("Today", "Yesterday"):
        day = today - timedelta(days=int(macro == "Yesterday"))
        return day.isoformat(), day.isoformat()
    found = _MACRO.fullmatch(macro)
    if found is None:
        raise StatusError(3065, f'The enumerated value "{macro}" in the field "DateMacro" is unknown.')
    step = {"Last": -1, "This": 0, "Next": 1}[found["which"]]
    if found["span"] == "Week":
        first = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=step)
        last = first + timedelta(days=6)
        elapsed = today + timedelta(weeks=step)
    else:
        months = {"Month": 1, "CalendarQuarter": 3, "FiscalQuarter": 3}.get(found["span"], 12)
        number = today.year * 12 + (today.month - 1) // months * months + step * months
        first = date(number // 12, number % 12 + 1, 1)
        last = _end_of_month(number + months - 1)
        here = today.year * 12 + today.month - 1 + step * months
        elapsed = min(_end_of_month(here), _end_of_month(here).replace(day=min(today.day, _end_of_month(here).day)))
    return first.isoformat(), (elapsed if found["part"] else last).isoformat()


def _end_of_month(number: int) -> date:
    year, month = number // 12, number % 12 + 1
    return date(year, month, monthrange(year, month)[1])


def text_filter(body: Record, field: str) -> Callable[[str], bool]:
    """A test for NameFilter/NameRangeFilter (field Name) or RefNumberFilter/RefNumberRangeFilter; case is ignored."""
    match, span = body.get(f"{field}Filter"), body.get(f"{field}RangeFilter")
    if match:
        part = match[field].casefold()
        test = {"StartsWith": str.startswith, "EndsWith": str.endswith, "Contains": str.__contains__}
        return lambda text: test[match["MatchCriterion"]](text.casefold(), part)
    if span:
        first, last = span.get(f"From{field}", "").casefold(), span.get(f"To{field}", "").casefold()
        if first and last and first > last:
            raise StatusError(3031, f'The beginning "{first}" of the range is after its end "{last}".')
        return lambda text: text.casefold() >= first and (not last or text.casefold()[: len(last)] <= last)
    return lambda text: True


def named_ids(company: Company, kinds: Iterable[str], body: Record) -> set[str]:
    """The ListIDs that an EntityFilter, AccountFilter or ClassFilter means. Raises 3120 for an unknown name."""
    kinds = tuple(kinds)
    deep = "ListIDWithChildren" in body or "FullNameWithChildren" in body
    wanted = [{"ListID": value} for value in (*body.get("ListID", ()), *_single(body, "ListIDWithChildren"))]
    wanted += [{"FullName": value} for value in (*body.get("FullName", ()), *_single(body, "FullNameWithChildren"))]
    ids: set[str] = set()
    for one in wanted:
        found = company.find(kinds, one)
        if found is None:
            raise not_found(next(iter(one.values())))
        ids.add(found[1]["ListID"])
        if deep:
            ids |= _descendants(company, *found)
    return ids


def _single(body: Record, tag: str) -> tuple[str, ...]:
    return (body[tag],) if tag in body else ()


def _descendants(company: Company, kind: str, record: Record) -> set[str]:
    prefix = f"{full_name(record)}:".casefold()
    return {child["ListID"] for child in company.records(kind) if full_name(child).casefold().startswith(prefix)}


def compare_balance(body: Record, value: str) -> bool:
    """A TotalBalanceFilter."""
    left, right = Decimal(value), Decimal(body["Amount"])
    return {
        "LessThan": left < right,
        "LessThanEqual": left <= right,
        "Equal": left == right,
        "GreaterThan": left > right,
        "GreaterThanEqual": left >= right,
    }[body["Operator"]]
