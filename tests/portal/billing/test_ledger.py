"""The ledger: whatever is delivered and billed, what is billed and what waits come to what the provider says now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.ledger import (
    Entry,
    Posting,
    bills_the_same,
    postings,
    reversal,
    standing,
)

FIRST = date(2026, 10, 1)
END = date(2026, 11, 1)


def charge(
    quantity: str = "3", amount: str = "30.00", kind: ChargeKind = ChargeKind.RECURRING, **changed: object
) -> Charge:
    told = Charge(
        key="k",
        organization="Studio Lumière",
        offer_key="M365-BS",
        offer_name="Microsoft 365",
        kind=kind,
        cycle=BillingCycle.MONTHLY,
        quantity=Decimal(quantity),
        start=FIRST,
        end=END,
        unit_cost=Decimal(10),
        unit_cost_prorated=Decimal(10),
        amount=Decimal(amount),
        currency="CAD",
        is_proratable=True,
    )
    return replace(told, **changed)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, order=True)
class Provided:
    """Seats of one offer of one organization over the days from `start` up to, not including, `end`."""

    start: date
    end: date
    seats: Decimal


def seat_days(parts: Iterable[Provided]) -> Decimal:
    """How many seat-days these are; ones that were given back count against."""
    return sum((part.seats * ((part.end - part.start) // timedelta(days=1)) for part in parts), Decimal(0))


def seats_of(one: Charge) -> Decimal:
    return seat_days([Provided(one.start, one.end, one.signed)])


@dataclass
class Book:
    """A charge as it is kept: what is billed of it, and what waits."""

    billed: list[Entry[int]] = field(default_factory=list)
    waiting: tuple[Posting[int], ...] = ()
    now: Charge | None = None

    def deliver(self, now: Charge | None) -> None:
        self.now = now
        self.waiting = postings(self.billed, now)
        stands = standing(self.billed)
        if now is not None and stands is not None and bills_the_same(stands.charge, now):
            # Only its cost, its tags or its name are others: they are put down where it stands.
            self.billed[self.billed.index(stands)] = replace(stands, charge=now)

    def bill(self, most: int) -> None:
        """Bill what waits, or only the first of it: the rest has a reason to wait."""
        for one in self.waiting[:most]:
            self.billed.append(Entry(id=len(self.billed), charge=one.charge, reverses=one.reverses))
        self.waiting = self.waiting[most:]

    @property
    def all(self) -> list[Charge]:
        return [one.charge for one in (*self.billed, *self.waiting)]


SEATS = st.decimals(min_value=0, max_value=500, places=5).map(lambda one: one.normalize() + 0)
MONEY = st.decimals(min_value=0, max_value=9999, places=2)
DAYS = st.integers(min_value=0, max_value=60).map(lambda days: FIRST + timedelta(days=days))


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    """Any charge that a provider can send: below zero are credits only, with the sign on the seats or on the money."""
    kind = draw(st.sampled_from(ChargeKind))
    quantity, amount, start = draw(SEATS), draw(MONEY), draw(DAYS)
    if kind is ChargeKind.CREDIT:
        amount = -amount
        quantity = -quantity if draw(st.booleans()) else quantity
    return charge(
        kind=kind,
        quantity=str(quantity),
        amount=str(amount),
        start=start,
        end=start + timedelta(days=draw(st.integers(min_value=1, max_value=366))),
        unit_cost=draw(MONEY),
        cycle=draw(st.sampled_from(BillingCycle)),
        offer_name=draw(st.sampled_from(["Microsoft 365", "M365"])),
        is_proratable=draw(st.booleans()),
        currency=draw(st.sampled_from(["CAD", "USD"])),
        organization=draw(st.sampled_from(["Studio Lumière", "Ferme Coop"])),
    )


# Few different versions, so that one comes back.
HISTORIES = st.lists(charges(), min_size=1, max_size=4).flatmap(
    lambda few: st.lists(st.one_of(st.none(), st.sampled_from(few), st.integers(min_value=1, max_value=2)), max_size=12)
)


class TestWhateverIsDeliveredAndBilled:
    @given(HISTORIES)
    def test_what_is_billed_and_what_waits_come_to_what_the_provider_says_now(
        self, history: Sequence[Charge | int | None]
    ) -> None:
        book = Book()
        for step in history:
            if isinstance(step, int):
                book.bill(step)
            else:
                book.deliver(step)
            assert sum(map(seats_of, book.all), Decimal(0)) == (seats_of(book.now) if book.now else 0)
            assert sum((one.amount for one in book.all), Decimal(0)) == (book.now.amount if book.now else 0)

    @given(HISTORIES)
    def test_the_same_delivery_again_changes_nothing(self, history: Sequence[Charge | int | None]) -> None:
        book = Book()
        for step in history:
            if isinstance(step, int):
                book.bill(step)
                continue
            book.deliver(step)
            before = (list(book.billed), book.waiting)
            book.deliver(step)
            assert (book.billed, book.waiting) == before

    @given(HISTORIES)
    def test_once_all_is_billed_nothing_waits(self, history: Sequence[Charge | int | None]) -> None:
        book = Book()
        for step in history:
            if isinstance(step, int):
                book.bill(2)
                assert postings(book.billed, book.now) == ()
            else:
                book.deliver(step)

    @given(HISTORIES)
    def test_what_is_billed_is_given_back_once_and_just_as_it_was(self, history: Sequence[Charge | int | None]) -> None:
        book = Book()
        for step in history:
            if isinstance(step, int):
                book.bill(step)
            else:
                book.deliver(step)
            all_ = [*book.billed, *book.waiting]
            given_back = Counter(one.reverses for one in all_ if one.reverses is not None)
            assert not [times for times in given_back.values() if times > 1]
            for one in all_:
                if one.reverses is not None:
                    given = book.billed[one.reverses]
                    assert given.reverses is None, "what gives back is not given back itself"
                    assert one.charge.signed == -given.charge.signed
                    assert (one.charge.start, one.charge.end) == (given.charge.start, given.charge.end)

    @given(HISTORIES)
    def test_at_most_one_entry_stands_and_at_most_two_wait(self, history: Sequence[Charge | int | None]) -> None:
        book = Book()
        for step in history:
            if isinstance(step, int):
                book.bill(step)
            else:
                book.deliver(step)
            given_back = {one.reverses for one in book.billed}
            stand = [one for one in book.billed if one.reverses is None and one.id not in given_back]
            assert stand == ([standing(book.billed)] if stand else [])
            assert standing(book.billed) in (*stand, None)
            assert [one.reverses is None for one in book.waiting] in ([], [True], [False], [False, True])


class TestAReversal:
    @given(charges())
    def test_it_and_the_charge_come_to_nothing(self, one: Charge) -> None:
        back = reversal(one)
        assert back.signed == -one.signed
        assert back.amount == -one.amount
        assert seats_of(back) + seats_of(one) == 0
        assert (back.start, back.end, back.offer_key, back.currency) == (
            one.start,
            one.end,
            one.offer_key,
            one.currency,
        )

    @given(charges())
    def test_of_a_reversal_it_is_the_charge_again(self, one: Charge) -> None:
        again = reversal(reversal(one))
        assert (again.signed, again.amount) == (one.signed, one.amount)
        if one.kind is ChargeKind.CREDIT and one.signed:
            assert again.kind is ChargeKind.CREDIT

    @given(charges())
    def test_of_a_charge_it_is_a_credit_and_of_a_credit_a_charge(self, one: Charge) -> None:
        assert (reversal(one).kind is ChargeKind.CREDIT) is (one.kind is not ChargeKind.CREDIT)

    @pytest.mark.parametrize("quantity", ["5", "-5"])
    def test_of_a_credit_it_charges_the_seats_wherever_the_sign_was(self, quantity: str) -> None:
        back = reversal(charge(quantity, "-50.00", ChargeKind.CREDIT))
        assert (back.kind, back.signed, back.amount) == (ChargeKind.PRORATED, Decimal(5), Decimal("50.00"))

    def test_of_nothing_it_is_nothing(self) -> None:
        back = reversal(charge("0", "0.00"))
        assert not back.quantity.is_signed()
        assert not back.amount.is_signed()


class TestTheSameOnAnInvoice:
    @pytest.mark.parametrize(
        "changed",
        [
            {"unit_cost": Decimal(11)},
            {"unit_cost_prorated": Decimal(11)},
            {"amount": Decimal("33.00")},
            {"offer_name": "Another name"},
            {"tags": (("a", "b"),)},
            {"quantity": Decimal("3.00000")},
        ],
        ids=lambda changed: next(iter(changed)),
    )
    def test_cost_names_tags_and_zeros_are_not_billed(self, changed: dict[str, object]) -> None:
        assert bills_the_same(charge(), charge(**changed))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "changed",
        [
            {"organization": "Ferme Coop"},
            {"offer_key": "M365-BB"},
            {"kind": ChargeKind.USAGE},
            {"cycle": BillingCycle.YEARLY},
            {"quantity": "3.00001"},
            {"start": date(2026, 10, 2)},
            {"end": date(2026, 11, 2)},
            {"currency": "USD"},
            {"is_proratable": False},
        ],
        ids=lambda changed: next(iter(changed)),
    )
    def test_what_changes_a_line_is_given_back_and_charged_anew(self, changed: dict[str, object]) -> None:
        now = charge(**changed)  # type: ignore[arg-type]
        assert not bills_the_same(charge(), now)
        billed = [Entry(id=7, charge=charge())]
        back, anew = postings(billed, now)
        assert back == Posting(charge=reversal(charge()), reverses=7)
        assert anew == Posting(charge=now)


class TestOneChargeStepByStep:
    def test_what_is_not_billed_becomes_what_the_provider_says(self) -> None:
        assert postings([], charge("4")) == (Posting(charge=charge("4")),)
        assert postings([], None) == ()

    def test_what_is_billed_and_withdrawn_is_given_back(self) -> None:
        assert postings([Entry(id=1, charge=charge())], None) == (Posting(charge=reversal(charge()), reverses=1),)

    def test_what_is_withdrawn_and_back_before_the_bill_is_as_if_nothing_had_been(self) -> None:
        billed = [Entry(id=1, charge=charge())]
        assert postings(billed, None)
        assert postings(billed, charge()) == ()

    def test_what_was_given_back_and_is_back_is_charged_anew(self) -> None:
        billed = [Entry(id=1, charge=charge()), Entry(id=2, charge=reversal(charge()), reverses=1)]
        assert standing(billed) is None
        assert postings(billed, None) == ()
        assert postings(billed, charge()) == (Posting(charge=charge()),)

    def test_a_second_correction_gives_back_the_first_one_only(self) -> None:
        billed = [
            Entry(id=1, charge=charge("3")),
            Entry(id=2, charge=reversal(charge("3")), reverses=1),
            Entry(id=3, charge=charge("4")),
        ]
        stands = standing(billed)
        assert stands is not None
        assert stands.id == 3
        assert [one.reverses for one in postings(billed, charge("5"))] == [3, None]
