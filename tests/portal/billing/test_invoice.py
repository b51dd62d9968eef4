"""The partner's lines survive in their order; ours are found again, and every difference is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.invoice import Difference, KeptLine, WantedLine, merge, reconcile
from portal.billing.money import to_cents

M365, AZURE, SUPPORT = "80000001-1", "80000002-1", "80000003-1"
SUBTOTAL, DISCOUNT, KIT = "80000004-1", "80000005-1", "80000006-1"


def kept(txn_line_id: str, item: str | None = M365, quantity: str | None = "4", **changes: Any) -> KeptLine:
    number = None if quantity is None else Decimal(quantity)
    fields: dict[str, Any] = {
        "txn_line_id": txn_line_id,
        "item_list_id": item,
        "description": "Microsoft 365 (2026-10-01 - 2026-10-31)",
        "quantity": number,
        "rate": Decimal("25.00"),
        "amount": None if number is None else number * 25,
    }
    return KeptLine(**(fields | changes))


def wanted(position: int = 0, item: str = M365, quantity: str = "18", **changes: Any) -> WantedLine:
    fields: dict[str, Any] = {
        "position": position,
        "item_list_id": item,
        "description": "Microsoft 365 (2026-10-01 – 2026-10-31)",
        "quantity": Decimal(quantity),
        "service_date": date(2026, 10, 1),
    }
    return WantedLine(**(fields | changes))


COMMENT = kept("C", None, None, rate=None, amount=None, description="Merci de votre confiance")
SUBTOTAL_LINE = kept("S", SUBTOTAL, None, rate=None, amount=Decimal(270), description="Sous-total")
DISCOUNT_LINE = kept("D", DISCOUNT, None, rate=None, amount=Decimal("-13.50"), description="Rabais fidélité")
GROUP = kept("G", KIT, "1", rate=None, amount=Decimal(99), description="Trousse", is_group=True)
HOURS = kept("H", SUPPORT, "3", description="Soutien technique")
OWN = (HOURS, COMMENT, SUBTOTAL_LINE, DISCOUNT_LINE, GROUP)


# -- merge -----------------------------------------------------------------------------------------------------------


def test_an_existing_line_with_our_item_is_taken_over_where_it_stands() -> None:
    existing = (HOURS, kept("M"), COMMENT, SUBTOTAL_LINE, DISCOUNT_LINE)
    steps = merge(existing, [wanted(0), wanted(1, AZURE)])
    assert [step.kept for step in steps] == [*existing, None]
    assert [step.wanted for step in steps] == [None, wanted(0), None, None, None, wanted(1, AZURE)]


def test_new_lines_come_last_in_the_order_of_the_draft() -> None:
    three = [wanted(place, item) for place, item in enumerate((AZURE, M365, AZURE))]
    assert [step.wanted for step in merge(OWN, three)] == [None] * len(OWN) + three


def test_each_line_is_taken_over_once_the_first_one_first() -> None:
    existing = (kept("M1"), kept("M2", quantity="7"))
    assert [step.wanted for step in merge(existing, [wanted(0)])] == [wanted(0), None]
    two = [wanted(0, quantity="18"), wanted(1, quantity="1.45161")]
    assert [step.wanted for step in merge(existing, two)] == two
    assert [step.wanted for step in merge(existing[:1], two)] == two


def test_a_line_that_an_earlier_draft_wrote_stays() -> None:
    existing = (kept("M1"), kept("M2", quantity="7"))
    steps = merge(existing, [wanted(0)], {"M1"})
    assert [step.wanted for step in steps] == [None, wanted(0)]
    steps = merge(existing, [wanted(0)], {"M1", "M2"})
    assert [(step.kept, step.wanted) for step in steps] == [(existing[0], None), (existing[1], None), (None, wanted(0))]


@pytest.mark.parametrize("quantity", ["-1", "-0.35484", "0"])
def test_a_credit_never_takes_the_place_of_seats(quantity: str) -> None:
    credit = wanted(0, quantity=quantity)
    assert [(step.kept, step.wanted) for step in merge([kept("M")], [credit])] == [(kept("M"), None), (None, credit)]
    seats = wanted(1)
    steps = merge([kept("M")], [credit, seats])
    assert [(step.kept, step.wanted) for step in steps] == [(kept("M"), seats), (None, credit)]


def test_an_addition_never_takes_the_place_of_all_seats() -> None:
    steps = merge([kept("M", quantity="18")], [wanted(0, quantity="0.48387", states_all=False)])
    assert [(step.kept is not None, step.wanted is not None) for step in steps] == [(True, False), (False, True)]


def test_a_flat_line_without_a_quantity_stays() -> None:
    steps = merge([kept("M", quantity=None, amount=Decimal(450))], [wanted(0)])
    assert [step.wanted for step in steps] == [None, wanted(0)]


def test_a_group_is_never_taken_over_even_with_our_item() -> None:
    assert merge([replace(GROUP, item_list_id=M365)], [wanted()])[0].wanted is None


def test_an_invoice_without_lines_gets_only_ours() -> None:
    assert [(step.kept, step.wanted) for step in merge([], [wanted()])] == [(None, wanted())]


ITEMS = st.sampled_from([M365, AZURE, SUPPORT])
EXISTING = st.lists(
    st.builds(
        lambda item, quantity, is_group: (item, quantity, is_group),
        st.one_of(st.none(), ITEMS, st.sampled_from([SUBTOTAL, DISCOUNT, KIT])),
        st.integers(1, 9).map(str),
        st.booleans(),
    ),
    max_size=8,
).map(lambda rows: [kept(f"T{place}", row[0], row[1], is_group=row[2]) for place, row in enumerate(rows)])
WANTED = st.lists(st.tuples(ITEMS, st.integers(-3, 9)), max_size=6).map(
    lambda rows: [wanted(place, item, str(quantity)) for place, (item, quantity) in enumerate(rows)]
)


@given(EXISTING, WANTED, st.sets(st.integers(0, 7).map(lambda place: f"T{place}")))
def test_merging_loses_no_line_and_touches_only_what_it_may(
    existing: list[KeptLine], lines: list[WantedLine], ours: set[str]
) -> None:
    steps = merge(existing, lines, ours)
    assert [step.kept for step in steps if step.kept] == existing
    assert [step.kept for step in steps[: len(existing)]] == existing
    assert sorted(step.wanted.position for step in steps if step.wanted) == [line.position for line in lines]
    new = [step.wanted.position for step in steps if step.wanted and not step.kept]
    assert new == sorted(new)
    for step in steps:
        if step.kept and step.wanted:
            assert step.kept.item_list_id == step.wanted.item_list_id
            assert not step.kept.is_group
            assert step.kept.txn_line_id not in ours


@given(EXISTING, WANTED)
def test_merging_again_after_a_change_by_somebody_else_asks_for_the_same(
    existing: list[KeptLine], lines: list[WantedLine]
) -> None:
    assert merge(existing, lines) == merge(list(existing), list(lines))
    longer = merge([*existing, replace(COMMENT, txn_line_id="late")], lines)
    assert [step.wanted for step in longer if step.wanted] == [
        step.wanted for step in merge(existing, lines) if step.wanted
    ]


# -- reconcile -------------------------------------------------------------------------------------------------------


def written(line: WantedLine, rate: str = "25.00", **changes: Any) -> KeptLine:
    """What QuickBooks makes of a wanted line."""
    plain = KeptLine(
        txn_line_id=f"W{line.position}",
        item_list_id=line.item_list_id,
        description=line.description.replace("–", "-"),
        quantity=line.quantity,
        rate=Decimal(rate),
        amount=to_cents(line.quantity * Decimal(rate)),
    )
    return replace(plain, **changes)


def test_an_invoice_as_asked_for_has_no_difference() -> None:
    lines = [wanted(0), wanted(1, AZURE, "1311.70833")]
    invoice = [written(lines[0]), written(lines[1], "0.17")]
    subtotal = sum((line.amount or Decimal(0) for line in invoice), Decimal(0))
    result = reconcile(lines, invoice, (), subtotal)
    assert result.difference is None
    assert result.lines == {0: invoice[0], 1: invoice[1]}


def test_a_line_that_is_not_there_is_missing() -> None:
    result = reconcile([wanted(0), wanted(1, AZURE)], [written(wanted(0))])
    assert result.difference is Difference.LINE_MISSING
    assert set(result.lines) == {0}


def test_one_line_cannot_answer_to_two() -> None:
    assert reconcile([wanted(0), wanted(1)], [written(wanted(0))]).difference is Difference.LINE_MISSING


def test_a_line_in_a_group_does_not_answer() -> None:
    assert reconcile([wanted()], [written(wanted(), is_group=True)]).difference is Difference.LINE_MISSING


@pytest.mark.parametrize("quantity", [Decimal(17), Decimal(-18), Decimal("18.00001")])
def test_another_quantity_is_told(quantity: Decimal) -> None:
    result = reconcile([wanted()], [written(wanted(), quantity=quantity, amount=quantity * 25)])
    assert result.difference is Difference.QUANTITY
    assert set(result.lines) == {0}


def test_a_quantity_that_quickbooks_dropped_is_told_when_the_amount_is_not_that_of_all_seats() -> None:
    assert (
        reconcile([wanted()], [written(wanted(), quantity=None, amount=Decimal(25))]).difference is Difference.QUANTITY
    )
    assert reconcile([wanted()], [written(wanted(), quantity=None)]).difference is None


def test_another_item_is_told() -> None:
    result = reconcile([wanted()], [written(wanted(), item_list_id=SUPPORT)])
    assert result.difference is Difference.ITEM
    assert set(result.lines) == {0}


@pytest.mark.parametrize("amount", ["450.01", "449.99", "0.00", "-450.00"])
def test_an_amount_that_is_not_quantity_times_rate_is_told(amount: str) -> None:
    assert reconcile([wanted()], [written(wanted(), amount=Decimal(amount))]).difference is Difference.AMOUNT


def test_a_line_of_the_partner_that_changed_is_told() -> None:
    changes: list[dict[str, Any]] = [
        {"quantity": Decimal(2)},
        {"rate": Decimal("24.00")},
        {"description": "x"},
        {"item_list_id": M365},
    ]
    for change in changes:
        result = reconcile([wanted()], [replace(HOURS, **change), written(wanted())], [HOURS])
        assert result.difference is Difference.FOREIGN_LINE, change
    assert reconcile([wanted()], [written(wanted())], [HOURS]).difference is Difference.FOREIGN_LINE


def test_a_subtotal_that_is_not_the_sum_is_told() -> None:
    assert reconcile([wanted()], [written(wanted())], (), Decimal("450.01")).difference is Difference.TOTAL
    assert reconcile([wanted()], [written(wanted())], (), Decimal("450.00")).difference is None


def test_the_first_difference_is_the_one_told() -> None:
    lines = [wanted(0), wanted(1, AZURE)]
    invoice = [written(lines[0], quantity=Decimal(17), amount=Decimal(425))]
    assert reconcile(lines, invoice, (), Decimal(1)).difference is Difference.QUANTITY
    assert reconcile(lines, invoice, [HOURS], Decimal(1)).difference is Difference.FOREIGN_LINE


@pytest.mark.parametrize(
    ("quantity", "rate", "amount"),
    [
        ("18", None, "450.00"),  # a price level may hide the rate
        ("18", "25.00", None),
        ("184.62517", "0.32498", "60.00"),  # a rate filled in from the amount
        ("184.62517", "0.17", "31.39"),
        ("-0.35484", "29.00", "-10.29"),
        ("0.5", "0.01", "0.01"),  # half a cent, either way
        ("0.5", "0.01", "0.00"),
    ],
)
def test_what_quickbooks_fills_in_is_no_difference(quantity: str, rate: str | None, amount: str | None) -> None:
    line = wanted(quantity=quantity)
    filled = [None if number is None else Decimal(number) for number in (rate, amount)]
    found = replace(written(line), rate=filled[0], amount=filled[1])
    assert reconcile([line], [found]).difference is None


def test_amounts_that_follow_the_lines_above_are_no_difference() -> None:
    after = [
        HOURS,
        COMMENT,
        replace(SUBTOTAL_LINE, amount=Decimal(720)),
        replace(DISCOUNT_LINE, amount=Decimal(-36)),
        GROUP,
        written(wanted()),
    ]
    assert reconcile([wanted()], after, OWN, Decimal(783)).difference is None


def test_a_line_of_the_partner_with_our_item_does_not_answer_for_ours() -> None:
    own = written(wanted(), txn_line_id="own")
    result = reconcile([wanted()], [own, written(wanted())], [own])
    assert result.lines[0].txn_line_id == "W0"
    assert reconcile([wanted()], [own], [own]).difference is Difference.LINE_MISSING


def test_lines_of_one_item_and_quantity_are_told_apart_by_their_text() -> None:
    lines = [wanted(0, quantity="1"), wanted(1, quantity="1", description="Microsoft 365 (2026-10-17 – 2026-10-31)")]
    result = reconcile(lines, [written(lines[1]), written(lines[0])])
    assert {position: line.txn_line_id for position, line in result.lines.items()} == {0: "W0", 1: "W1"}


def test_a_line_that_was_ours_once_is_known_by_its_id() -> None:
    twins = [kept("A", quantity="5"), kept("B", quantity="5")]
    found = reconcile([wanted(0, quantity="5", txn_line_id="B")], twins, before=[twins[0]]).lines
    assert found[0].txn_line_id == "B"
    assert reconcile([wanted(0, quantity="5", txn_line_id="B")], twins).lines[0].txn_line_id == "B"


def test_a_changed_quantity_does_not_take_the_line_of_another() -> None:
    lines = [wanted(0, quantity="5"), wanted(1, quantity="3", description="Microsoft 365 (2026-10-17 – 2026-10-31)")]
    result = reconcile(lines, [written(lines[1]), written(lines[0], quantity=Decimal(4), amount=Decimal(100))])
    assert {position: line.txn_line_id for position, line in result.lines.items()} == {0: "W0", 1: "W1"}
    assert result.difference is Difference.QUANTITY


QUANTITIES = st.decimals(min_value=-1000, max_value=100_000, places=5, allow_nan=False)
RATES = st.decimals(min_value=0, max_value=5000, places=5, allow_nan=False)


@given(st.lists(st.tuples(ITEMS, QUANTITIES, RATES), min_size=1, max_size=5), st.randoms())
def test_whatever_quickbooks_writes_faithfully_reconciles(
    rows: list[tuple[str, Decimal, Decimal]], random: Any
) -> None:
    lines = [
        wanted(place, item, str(quantity), description=f"Offre {place}")
        for place, (item, quantity, _) in enumerate(rows)
    ]
    invoice = [written(line, str(rate)) for line, (_, _, rate) in zip(lines, rows, strict=True)]
    subtotal = sum((line.amount or Decimal(0) for line in invoice), Decimal(0))
    random.shuffle(invoice)
    result = reconcile(lines, invoice, (), subtotal)
    assert result.difference is None
    assert {position: line.txn_line_id for position, line in result.lines.items()} == {
        line.position: f"W{line.position}" for line in lines
    }


@given(EXISTING, WANTED)
def test_what_merge_asked_for_reconciles(existing: list[KeptLine], lines: list[WantedLine]) -> None:
    steps = merge(existing, lines)
    after = [
        written(step.wanted, txn_line_id=step.kept.txn_line_id if step.kept else f"N{step.wanted.position}")
        if step.wanted
        else step.kept
        for step in steps
    ]
    before = [step.kept for step in steps if step.kept and not step.wanted]
    result = reconcile(lines, [line for line in after if line], before)
    assert result.difference is None
    assert len(result.lines) == len(lines)
