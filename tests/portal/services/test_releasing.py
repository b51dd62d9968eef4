"""Whichever bills of a charge are undone, and whenever: what is billed and what waits is what the provider says."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portal.billing import ledger
from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.services.ledger_rows import Row
from portal.services.releasing import without

CHARGE = Charge(
    key="1",
    organization="1",
    offer_key="1",
    offer_name="Seats",
    kind=ChargeKind.RECURRING,
    cycle=BillingCycle.MONTHLY,
    quantity=Decimal(1),
    start=date(2026, 10, 1),
    end=date(2026, 11, 1),
    unit_cost=Decimal(5),
    unit_cost_prorated=Decimal(5),
    amount=Decimal(5),
    currency="CAD",
    is_proratable=True,
)


def entry(number: int, value: Charge, reverses: int | None = None, *, is_billed: bool = True) -> Row:
    return Row(delivery_id=1, id=number, revision=number, is_billed=is_billed, reverses=reverses, value=value, raw="{}")


@dataclass
class Books:
    """One charge: its entries, the bills, and what the provider says now."""

    chain: list[Row] = field(default_factory=list)
    bills: list[frozenset[int]] = field(default_factory=list)
    now: Charge | None = None
    ids: itertools.count[int] = field(default_factory=itertools.count)

    def wanted(self) -> list[tuple[Charge, int | None]]:
        billed = [
            ledger.Entry(id=row.id, charge=row.value, reverses=row.reverses) for row in self.chain if row.is_billed
        ]
        return [(one.charge, one.reverses) for one in ledger.postings(billed, self.now)]

    def waiting(self) -> list[tuple[Charge, int | None]]:
        return [(row.value, row.reverses) for row in self.chain if not row.is_billed]

    def deliver(self, seats: int | None) -> None:
        self.now = None if seats is None else replace(CHARGE, quantity=Decimal(seats))
        if self.wanted() != self.waiting():
            self.chain = [row for row in self.chain if row.is_billed]
            self.chain += [entry(next(self.ids), value, reverses, is_billed=False) for value, reverses in self.wanted()]

    def bill(self) -> None:
        self.bills.append(frozenset(row.id for row in self.chain if not row.is_billed))
        self.chain = [replace(row, is_billed=True) for row in self.chain]

    def release(self, number: int) -> None:
        own = self.bills[number % len(self.bills)] if self.bills else frozenset()
        kept = without(self.chain, own)
        if kept is None:
            given_back = {row.reverses for row in self.chain if row.is_billed and row.id not in own}
            assert own & given_back, "only a correction that another bill holds stands in the way"
            return
        assert set(kept) <= {row for row in self.chain if not row.is_billed or row.id in own}
        self.bills = [bill for bill in self.bills if bill != own]
        billed = [row for row in self.chain if row.is_billed and row.id not in own]
        self.chain = billed + [replace(row, is_billed=False) for row in kept]

    def check(self) -> None:
        assert self.waiting() == self.wanted(), "the same delivery again changes nothing"
        total = sum((row.value.signed for row in self.chain), Decimal(0))
        assert total == (self.now.signed if self.now else 0)


STEPS = st.one_of(
    st.tuples(st.just("deliver"), st.one_of(st.none(), st.integers(1, 3))),
    st.tuples(st.just("bill"), st.none()),
    st.tuples(st.just("release"), st.integers(0, 5)),
)


@given(st.lists(STEPS, max_size=14))
def test_what_is_billed_and_what_waits_comes_to_what_the_provider_says(steps: list[tuple[str, int | None]]) -> None:
    books = Books()
    for name, value in steps:
        if name == "deliver":
            books.deliver(value)
        elif name == "bill":
            books.bill()
        else:
            books.release(value or 0)
        books.check()


@given(st.lists(st.one_of(st.none(), st.integers(1, 3)), max_size=5), st.booleans())
def test_the_bills_can_be_undone_from_the_last_to_the_first(deliveries: list[int | None], is_late: bool) -> None:
    books = Books()
    for seats in deliveries:
        books.deliver(seats)
        books.bill()
    if is_late:
        books.deliver(9)
    while books.bills:
        before = len(books.bills)
        books.release(before - 1)
        assert len(books.bills) < before
        books.check()
    assert len(books.chain) == (books.now is not None)


def test_a_part_that_was_billed_alone_is_not_taken_for_the_whole() -> None:
    """The charge went to another client, whose invoice stands; the one that gives it back does not."""
    here, there = CHARGE, replace(CHARGE, organization="2")
    chain = [
        entry(1, here),
        entry(2, ledger.reversal(here), 1),
        entry(3, there),
    ]
    kept = without(chain, frozenset({2}))
    assert kept is None or [row.id for row in kept] == [2]
