"""What was provided, what of it is billed, and what a correction adds (pure).

A charge that is not billed simply becomes what the provider says now. One that is billed is never touched: the ledger
gets an entry that gives back what was billed, and one with the facts as they are now, so that the sum of all entries
of a charge is always what was provided, whatever was billed of it and when. What was billed exactly is given back
exactly (billing rules §4.6): an entry that reverses carries no arithmetic of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from portal.billing.charge import Charge, ChargeKind

Id = TypeVar("Id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[Id]):
    """An entry of the ledger that is billed. `reverses` is the id of the entry that it gives back, if it does."""

    id: Id
    charge: Charge
    reverses: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting(Generic[Id]):
    """An entry that is to be there and not billed yet: the facts as they are, or what gives back `reverses`."""

    charge: Charge
    reverses: Id | None = None


def bills_the_same(one: Charge, other: Charge) -> bool:
    """Whether two versions of a charge come to the same on an invoice: costs, tags and names may differ."""
    return _billed_facts(one) == _billed_facts(other)


def _billed_facts(charge: Charge) -> tuple[object, ...]:
    return (
        charge.organization,
        charge.offer_key,
        charge.kind,
        charge.cycle,
        charge.quantity,
        charge.start,
        charge.end,
        charge.currency,
        charge.is_proratable,
    )


def live(billed: Iterable[Entry[Id]]) -> list[Entry[Id]]:
    """The billed entries of a charge that were not given back, in their order: one at most, once all is billed."""
    entries = list(billed)
    given_back = {entry.reverses for entry in entries if entry.reverses is not None}
    return [one for one in entries if one.reverses is None and one.id not in given_back]


def standing(billed: Iterable[Entry[Id]], now: Charge | None = None) -> Entry[Id] | None:
    """The billed entry that stands: the newest that bills what the provider says `now`, else the newest; or None."""
    entries = live(billed)
    same = (one for one in reversed(entries) if now is not None and bills_the_same(one.charge, now))
    return next(same, entries[-1] if entries else None)


def postings(billed: Sequence[Entry[Id]], now: Charge | None) -> tuple[Posting[Id], ...]:
    """The entries of a charge that must wait to be billed, given those that are billed and what the provider says now.

    `billed` are in the order in which they came; `now` is None when the provider no longer lists the charge. Empty
    when what is billed is what was provided. The same facts again give the same postings.
    """
    stands = standing(billed, now)
    is_right = stands is not None and now is not None and bills_the_same(stands.charge, now)
    back = tuple(
        Posting(charge=reversal(one.charge), reverses=one.id)
        for one in live(billed)
        if not (is_right and one is stands)
    )
    return back if now is None or is_right else (*back, Posting(charge=now))


def reversal(charge: Charge) -> Charge:
    """The charge that gives another one back: the same magnitude over the same days, with the other sign."""
    quantity = -charge.signed
    kind = charge.kind if quantity > 0 else ChargeKind.CREDIT
    if charge.kind is ChargeKind.CREDIT:
        kind = ChargeKind.PRORATED
    return replace(charge, kind=kind, quantity=quantity, amount=-charge.amount)
