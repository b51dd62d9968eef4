"""Which existing invoice does a draft join? (pure)

QuickBooks has no "sent" flag. An invoice is known not to be sent while it is still to be e-mailed or printed, or
pending. One with none of these marks is not touched unless the partner chose so (billing rules §3). Never touched:
paid ones, ones with payments or links, and ones on or before the closing date.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from portal.billing.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An invoice of the customer, as far as this choice needs it."""

    txn_id: str
    ref_number: str
    txn_date: date
    time_created: datetime | None
    is_pending: bool
    is_to_be_printed: bool
    is_to_be_emailed: bool
    is_paid: bool
    applied: Decimal
    has_links: bool


class Obstacle(StrEnum):
    """Why an invoice cannot be joined, or why there is none."""

    NONE_IN_PERIOD = "no-invoice-in-period"
    PAID = "invoice-paid"
    CLOSED = "invoice-in-closed-period"
    LINKED = "invoice-linked"
    SENT = "invoice-maybe-sent"


def obstacle(invoice: Candidate, closing_date: date | None, unflagged_is_unsent: bool) -> Obstacle | None:
    """Why this invoice is not touched; None when it may be."""
    if invoice.is_paid or invoice.applied != 0:
        return Obstacle.PAID
    if closing_date is not None and invoice.txn_date <= closing_date:
        return Obstacle.CLOSED
    if invoice.has_links:
        return Obstacle.LINKED
    marked = invoice.is_pending or invoice.is_to_be_printed or invoice.is_to_be_emailed
    return None if marked or unflagged_is_unsent else Obstacle.SENT


def choose(
    invoices: Iterable[Candidate], period: Period, closing_date: date | None, unflagged_is_unsent: bool = False
) -> Candidate | Obstacle:
    """The most recent invoice dated in the period that may be touched; else what stands in the way.

    Most recent: the greatest TxnDate, then TimeCreated. The obstacle told is that of the most recent invoice.
    """
    dated = sorted(
        (invoice for invoice in invoices if invoice.txn_date in period),
        key=lambda invoice: (invoice.txn_date, invoice.time_created or datetime.min, invoice.txn_id),  # noqa: DTZ901
        reverse=True,
    )
    if not dated:
        return Obstacle.NONE_IN_PERIOD
    obstacles = []
    for invoice in dated:
        found = obstacle(invoice, closing_date, unflagged_is_unsent)
        if found is None:
            return invoice
        obstacles.append(found)
    return obstacles[0]
