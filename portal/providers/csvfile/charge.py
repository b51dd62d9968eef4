"""A line as a charge of the delivery's period."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_HALF_UP

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.period import Period, invoice_date, next_invoice_date
from portal.providers.csvfile.lines import CENT, LEAST_YEAR, Line, unit_price
from portal.providers.table import most_common_month

_LEAST_MONTH, _MOST_MONTH = 28, 31


def find_period(lines: list[Line]) -> Period:
    """The month's period that most lines have; the calendar month that most begin in, when none has one."""
    months = Counter(line.days for line in lines if _LEAST_MONTH <= line.days.days <= _MOST_MONTH)
    if months:
        return max(months, key=lambda period: (months[period], period.start))
    return most_common_month(line.days.start for line in lines)


def make_charge(line: Line, whole: Period) -> Charge:
    """The charge of a line in a delivery of the period `whole`, which decides where the line says no kind."""
    kind = line.kind or _judge_kind(line, whole)
    once = kind in (ChargeKind.USAGE, ChargeKind.ONE_TIME) or line.cycle is BillingCycle.ONE_TIME
    return Charge(
        key=line.key,
        organization=line.organization,
        offer_key=line.offer_key,
        offer_name=line.offer_name,
        kind=kind,
        cycle=line.cycle,
        quantity=line.quantity,
        start=line.days.start,
        end=line.days.end,
        unit_cost=line.unit_cost,
        unit_cost_prorated=unit_price(line.amount, line.quantity, line.unit_cost),
        amount=line.amount,
        currency=line.currency,
        is_proratable=not once,
        tags=line.tags,
    )


def _judge_kind(line: Line, whole: Period) -> ChargeKind:
    """The kind of a row that says none and is no credit. A day at the full price is no share of a month."""
    start, end = line.days.start, line.days.end
    is_full_price = line.amount == (line.quantity * line.unit_cost).quantize(CENT, ROUND_HALF_UP)
    if line.cycle is BillingCycle.ONE_TIME or (line.is_priced and is_full_price and line.days.days == 1):
        return ChargeKind.ONE_TIME
    if line.cycle is BillingCycle.YEARLY:
        return ChargeKind.RECURRING if line.days.days >= LEAST_YEAR else ChargeKind.PRORATED
    is_month = end == next_invoice_date(start, start.day) or start == invoice_date(start.year, start.month, end.day)
    is_whole = line.days.days >= min(_LEAST_MONTH, whole.days) and (is_month or line.days.days >= whole.days)
    return ChargeKind.RECURRING if is_whole else ChargeKind.PRORATED
