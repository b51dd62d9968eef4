"""No charge is lost between what was received and what is billed, and each has its reason when it waits."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.costs import unit_costs
from portal.billing.drafting import Draft, Plan, plan
from portal.billing.lines import History, Line, Part, Received, Rules, Section
from portal.billing.mapping import BILLABLE_ITEMS, MappedOffer, MappedOrganization, Reason, Target, sort_key
from portal.billing.options import Options, ProrateBy
from portal.billing.period import BillingMode, Period
from portal.billing.proration import Proration

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
ALL_BOXES = Proration(additions=True, removals=True, partial=True)
EVERY_BOXES = [Proration(additions=a, removals=r, partial=p) for a, r, p in itertools.product((False, True), repeat=3)]
ARREARS = Rules(mode=BillingMode.IN_ARREARS, boxes=ALL_BOXES)
ITEM = Target(list_id="I-1", full_name="Licences:M365 Standard", type="ItemService", price=Decimal("25.00"))
CUSTOMER = Target(list_id="C-1", full_name="Studio Lumiere enr.")
OFFER = MappedOffer(id=1, name="Microsoft 365", is_synchronized=True, item_list_id="I-1", item=ITEM)
STUDIO = MappedOrganization(
    id=1, name="Studio Lumière", is_synchronized=True, customer_list_id="C-1", customer=CUSTOMER
)
DAY_17 = date(2026, 10, 17)
DAY_24 = date(2026, 10, 24)


def received(
    row_id: int = 1,
    kind: ChargeKind = ChargeKind.RECURRING,
    quantity: str = "3",
    *,
    offer: int = 1,
    organization: int = 1,
    **changes: Any,
) -> Received:
    fields: dict[str, Any] = {
        "key": str(row_id),
        "organization": "Studio Lumière",
        "offer_key": "M365-BS",
        "offer_name": "Microsoft 365",
        "kind": kind,
        "cycle": BillingCycle.MONTHLY,
        "quantity": Decimal(quantity),
        "start": OCTOBER.start,
        "end": OCTOBER.end,
        "unit_cost": Decimal("16.05"),
        "unit_cost_prorated": Decimal("16.05"),
        "amount": Decimal("48.15"),
        "currency": "CAD",
        "is_proratable": True,
    }
    charge = Charge(**(fields | changes))
    return Received(id=row_id, charge=charge, offer_id=offer, organization_id=organization, whole=OCTOBER)


def run(
    *rows: Received, offer: MappedOffer = OFFER, organization: MappedOrganization = STUDIO, rules: Rules = ARREARS
) -> Plan:
    offers = {1: offer, 2: replace(OFFER, id=2, name="Exchange", item=replace(ITEM, list_id="I-2"))}
    return plan(rows, offers, {1: organization, 2: replace(STUDIO, id=2, name="Boulangerie")}, rules)


def only(result: Plan) -> Draft:
    (draft,) = result.drafts
    return draft


def quantities(result: Plan) -> list[str]:
    return [str(line.quantity) for line in only(result).lines]


# -- reasons ---------------------------------------------------------------------------------------------------------

FOREIGN = replace(STUDIO, customer=replace(CUSTOMER, currency="USD"))
REFUSALS: dict[Reason, dict[str, Any]] = {
    Reason.OFFER_OFF: {"offer": replace(OFFER, is_synchronized=False)},
    Reason.OFFER_UNMAPPED: {"offer": replace(OFFER, item_list_id=None, item=None)},
    Reason.ITEM_GONE: {"offer": replace(OFFER, item=None)},
    Reason.ITEM_INACTIVE: {"offer": replace(OFFER, item=replace(ITEM, is_active=False))},
    Reason.ITEM_NOT_BILLABLE: {"offer": replace(OFFER, item=replace(ITEM, type="ItemDiscount"))},
    Reason.ORGANIZATION_OFF: {"organization": replace(STUDIO, is_synchronized=False)},
    Reason.ORGANIZATION_UNMAPPED: {"organization": replace(STUDIO, customer_list_id=None, customer=None)},
    Reason.CUSTOMER_GONE: {"organization": replace(STUDIO, customer=None)},
    Reason.CUSTOMER_INACTIVE: {"organization": replace(STUDIO, customer=replace(CUSTOMER, is_active=False))},
    Reason.BEFORE_START: {"rules": replace(ARREARS, start_date=date(2026, 10, 2))},
    Reason.CURRENCY: {"organization": FOREIGN},
}


@pytest.mark.parametrize(("reason", "change"), REFUSALS.items(), ids=str)
def test_a_charge_that_cannot_be_billed_waits_and_says_why(reason: Reason, change: dict[str, Any]) -> None:
    result = run(received(7), **change)
    assert result.drafts == ()
    (skipped,) = result.skipped
    assert (skipped.charge_id, skipped.offer_id, skipped.organization_id, skipped.reason) == (7, 1, 1, reason)


def test_every_reason_is_reached() -> None:
    zero = only(run(received(quantity="0", amount=Decimal(0)))).reason
    negative = only(run(received(1, ChargeKind.CREDIT, "-1"))).reason
    money = run(received(1, ChargeKind.CREDIT, "1", amount=Decimal(-5), unit_cost=Decimal(-5))).skipped[0].reason
    unpriced = replace(OFFER, item=replace(ITEM, price=None))
    by_rate = replace(ARREARS, options=Options(prorate_by=ProrateBy.RATE))
    part = received(1, ChargeKind.PRORATED, start=DAY_17)
    price = only(run(part, offer=unpriced, rules=by_rate)).reason
    assert {*REFUSALS, zero, negative, money, price} == set(Reason) - {Reason.EXCLUDED}  # never planned


@pytest.mark.parametrize(
    ("quantity", "unit_cost", "amount", "is_money"),
    [
        ("10", "-0.50", "-5.00", True),
        ("0", "0", "-50.00", True),
        ("0", "0", "0", False),
        ("2", "-16.05", "-14.70", False),
        ("-2", "16.05", "-14.70", False),
    ],
)
def test_money_given_back_is_never_billed_as_seats(quantity: str, unit_cost: str, amount: str, is_money: bool) -> None:
    credit = received(2, ChargeKind.CREDIT, quantity, unit_cost=Decimal(unit_cost), amount=Decimal(amount))
    skipped = run(received(1), credit).skipped
    assert [one.reason for one in skipped] == ([Reason.MONEY_CREDIT] if is_money else [])


def test_a_first_partial_month_is_no_addition_to_the_next_one() -> None:
    november = Period(date(2026, 11, 1), date(2026, 12, 1))
    first = received(1, ChargeKind.PRORATED, "5", start=DAY_17)
    following = received(2, quantity="5", start=november.start, end=november.end)
    rules = replace(ARREARS, boxes=Proration(partial=True))
    assert quantities(run(first, following, rules=rules)) == ["2.41935", "5"]


def test_an_addition_is_known_by_the_licences_that_were_billed_before() -> None:
    addition = received(2, ChargeKind.PRORATED, "2", start=DAY_17)
    history = History.of([(1, 1, received(1).charge), (1, 1, addition.charge)])
    rules = replace(ARREARS, boxes=Proration(additions=True))
    planned = plan([addition], {1: OFFER}, {1: STUDIO}, rules, history)
    assert quantities(planned) == ["0.96774"]


def test_what_was_never_billed_here_is_not_given_back() -> None:
    rules = replace(ARREARS, start_date=date(2026, 10, 15))
    result = run(received(1), received(2, ChargeKind.CREDIT, "-1", start=DAY_24), rules=rules)
    assert [one.reason for one in result.skipped] == [Reason.BEFORE_START, Reason.BEFORE_START]


def test_with_everything_in_order_it_is_billed() -> None:
    draft = only(run(received()))
    assert (draft.reason, draft.customer, draft.organization_id) == (None, CUSTOMER, 1)


def test_the_start_date_itself_is_billed() -> None:
    assert run(received(), rules=replace(ARREARS, start_date=OCTOBER.start)).skipped == ()


def test_the_organization_is_named_before_the_offer() -> None:
    result = run(received(), offer=replace(OFFER, is_synchronized=False), organization=FOREIGN)
    assert [one.reason for one in result.skipped] == [Reason.OFFER_OFF]
    off = replace(STUDIO, is_synchronized=False)
    result = run(received(), offer=replace(OFFER, is_synchronized=False), organization=off)
    assert [one.reason for one in result.skipped] == [Reason.ORGANIZATION_OFF]


@pytest.mark.parametrize(
    ("customer", "home", "is_billed"),
    [
        (None, None, True),
        ("CAD", None, True),
        (None, "CAD", True),
        ("CAD", "USD", True),
        (None, "USD", False),
        ("USD", "CAD", False),
    ],
)
def test_the_customers_currency_goes_before_the_home_currency(
    customer: str | None, home: str | None, is_billed: bool
) -> None:
    organization = replace(STUDIO, customer=replace(CUSTOMER, currency=customer))
    result = run(received(), organization=organization, rules=replace(ARREARS, home_currency=home))
    assert bool(result.drafts) is is_billed


@pytest.mark.parametrize("kind", sorted(BILLABLE_ITEMS))
def test_items_with_a_quantity_can_be_billed(kind: str) -> None:
    assert run(received(), offer=replace(OFFER, item=replace(ITEM, type=kind))).skipped == ()


# -- drafts that are held --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(1, "3"), (1, "0")], None),
        ([(1, "0"), (2, "0")], Reason.NOTHING_TO_BILL),
        ([(1, "3"), (1, "-3")], Reason.NOTHING_TO_BILL),
        ([(1, "3"), (2, "-3")], None),
        ([(1, "3"), (2, "-4")], Reason.NEGATIVE_TOTAL),
        ([(1, "-1")], Reason.NEGATIVE_TOTAL),
    ],
)
def test_an_invoice_below_zero_or_of_nothing_is_held(rows: list[tuple[int, str]], reason: Reason | None) -> None:
    made = [
        received(
            place,
            ChargeKind.CREDIT if number.startswith("-") else ChargeKind.RECURRING,
            number,
            offer=offer,
            amount=Decimal(number) * 16,
        )
        for place, (offer, number) in enumerate(rows)
    ]
    draft = only(run(*made))
    assert draft.reason is reason
    assert {charge_id for line in draft.lines for charge_id in line.charge_ids} == set(range(len(rows)))


def test_without_a_price_only_credits_alone_are_surely_negative() -> None:
    unpriced = replace(OFFER, item=replace(ITEM, price=None))
    credit, other = received(1, ChargeKind.CREDIT, "-9"), received(2, quantity="1")
    assert only(run(credit, offer=unpriced)).reason is Reason.NEGATIVE_TOTAL
    assert only(run(credit, other, offer=unpriced)).reason is None


# -- lines -----------------------------------------------------------------------------------------------------------


def test_a_line_says_what_it_bills() -> None:
    (line,) = only(run(received(4), received(9, quantity="2"))).lines
    assert line == Line(
        offer_id=1,
        item=ITEM,
        kind=ChargeKind.RECURRING,
        section=Section.FULL,
        description="Microsoft 365 (2026-10-01 – 2026-10-31)",
        quantity=Decimal(5),
        service_date=date(2026, 10, 1),
        end=date(2026, 11, 1),
        arithmetic="3 + 2",
        parts=(Part(charge_id=4, quantity=Decimal(3)), Part(charge_id=9, quantity=Decimal(2))),
        states_all=True,
    )
    assert line.charge_ids == (4, 9)
    assert line.estimate == Decimal(125)


def test_without_a_list_price_there_is_no_estimate() -> None:
    (line,) = only(run(received(), offer=replace(OFFER, item=replace(ITEM, price=None)))).lines
    assert line.estimate is None


def test_a_single_day_and_a_fee_are_described_by_their_day() -> None:
    for row, text in (
        (received(start=DAY_17, end=date(2026, 10, 18)), "Microsoft 365 (2026-10-17)"),
        (received(cycle=BillingCycle.ONE_TIME), "Microsoft 365 (2026-10-01)"),
    ):
        (line,) = only(run(row)).lines
        assert line.description == text


def test_charges_of_another_name_kind_or_period_have_a_line_of_their_own() -> None:
    result = run(
        received(1),
        received(2, offer_name="Microsoft 365 – Support"),
        received(3, ChargeKind.USAGE),
        received(4, start=DAY_17),
        received(5, end=DAY_17),
        received(6, offer=2),
        received(7),
    )
    assert sorted(line.charge_ids for line in only(result).lines) == [(1, 7), (2,), (3,), (4,), (5,), (6,)]


def test_lines_are_by_offer_and_then_by_date() -> None:
    result = run(received(1, start=DAY_17), received(2), received(3, offer=2, start=DAY_17), received(4, offer=2))
    assert [line.charge_ids for line in only(result).lines] == [(4,), (3,), (2,), (1,)]


def test_a_line_is_rounded_once() -> None:
    (_, line) = only(run(received(99), *(added(place, "1") for place in range(62)))).lines
    assert line.quantity == 30  # 62 x 15/31, where 62 rounded parts would come to 29.99998


def test_organizations_are_in_the_order_people_look_for_them() -> None:
    assert sorted(["Zoo", "École", "Eden", "éclair", "Dubé"], key=sort_key) == [
        "Dubé",
        "éclair",
        "École",
        "Eden",
        "Zoo",
    ]
    result = run(received(1), received(2, organization=2))
    assert [draft.organization_id for draft in result.drafts] == [2, 1]


# -- changes within a period -----------------------------------------------------------------------------------------


def added(row_id: int, quantity: str, start: date = DAY_17, **changes: Any) -> Received:
    return received(row_id, ChargeKind.PRORATED, quantity, start=start, **changes)


def removed(row_id: int, quantity: str, start: date = DAY_24, **changes: Any) -> Received:
    return received(row_id, ChargeKind.CREDIT, quantity, start=start, **changes)


def test_additions_and_removals_of_one_period_count_each_for_its_days() -> None:
    assert quantities(run(received(1, quantity="10"), added(2, "3"), removed(3, "-1"))) == [
        "10",
        "1.45161",
        "-0.25806",
    ]


@pytest.mark.parametrize(
    ("mode", "boxes", "expected"),
    [
        (BillingMode.IN_ARREARS, Proration(), ["10", "3", "-1"]),
        (BillingMode.IN_ADVANCE, Proration(), ["10", "3", "0"]),
        (BillingMode.IN_ADVANCE, Proration(removals=True), ["10", "3", "-0.25806"]),
        (BillingMode.IN_ARREARS, Proration(additions=True), ["10", "1.45161", "-1"]),
    ],
)
def test_a_box_that_is_not_ticked_counts_whole_periods(
    mode: BillingMode, boxes: Proration, expected: list[str]
) -> None:
    rules = Rules(mode=mode, boxes=boxes)
    assert quantities(run(received(1, quantity="10"), added(2, "3"), removed(3, "-1"), rules=rules)) == expected


def test_a_first_month_is_no_addition() -> None:
    rules = replace(ARREARS, boxes=Proration(additions=True))
    assert quantities(run(added(1, "3"), rules=rules)) == ["3"]
    assert quantities(run(added(1, "3"), received(2, offer=2), rules=rules)) == ["3", "3"]
    two = run(added(1, "3"), received(2, organization=2), rules=rules)
    assert [str(line.quantity) for draft in two.drafts for line in draft.lines] == ["3", "3"]
    assert quantities(run(added(1, "3"), rules=replace(ARREARS, boxes=Proration(partial=True)))) == ["1.45161"]


@pytest.mark.parametrize("mode", BillingMode)
@pytest.mark.parametrize("boxes", EVERY_BOXES, ids=str)
@pytest.mark.parametrize(("before", "after"), [(12, 13), (12, 12), (12, 10)])
def test_a_full_credit_with_a_full_rebilling_comes_to_the_change(
    boxes: Proration, mode: BillingMode, before: int, after: int
) -> None:
    rules = Rules(mode=mode, boxes=boxes)
    base = received(1, quantity=str(before))
    pair = [removed(2, str(-before)), added(3, str(after), DAY_24)]
    plain = [added(4, str(after - before), DAY_24)] if after > before else []
    plain += [removed(5, str(after - before))] if after < before else []
    one, other = (
        sum((line.quantity for line in only(run(base, *rows, rules=rules)).lines), Decimal(0)) for rows in (pair, plain)
    )
    assert abs(one - other) <= Decimal("0.00001")


@pytest.mark.parametrize("mode", BillingMode)
@pytest.mark.parametrize("boxes", EVERY_BOXES, ids=str)
def test_a_correction_of_the_whole_period_counts_in_full(boxes: Proration, mode: BillingMode) -> None:
    rows = [received(1, quantity="12"), received(2, ChargeKind.CREDIT, "-12"), received(3, quantity="13")]
    lines = only(run(*rows, rules=Rules(mode=mode, boxes=boxes))).lines
    assert sum(line.quantity for line in lines) == 13


# -- no charge is lost -----------------------------------------------------------------------------------------------

ROWS = st.lists(
    st.builds(
        lambda kind, quantity, offer, organization, start, cycle, name, proratable: {
            "kind": kind,
            "quantity": str(quantity),
            "offer": offer,
            "organization": organization,
            "start": start,
            "cycle": cycle,
            "offer_name": name,
            "is_proratable": proratable,
        },
        st.sampled_from(ChargeKind),
        st.integers(-5, 20),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([date(2026, 9, 30), OCTOBER.start, DAY_17, DAY_24]),
        st.sampled_from(BillingCycle),
        st.sampled_from(["Microsoft 365", "Support"]),
        st.booleans(),
    ),
    max_size=12,
).map(lambda rows: [received(place, **row) for place, row in enumerate(rows)])
RULES = st.builds(
    Rules,
    mode=st.sampled_from(BillingMode),
    boxes=st.sampled_from(EVERY_BOXES),
    start_date=st.sampled_from([None, OCTOBER.start]),
)
OFFERS = {
    1: OFFER,
    2: replace(OFFER, id=2, item=replace(ITEM, list_id="I-2", price=None)),
    3: replace(OFFER, id=3, item_list_id=None, item=None),
}
ORGANIZATIONS = {
    1: STUDIO,
    2: replace(STUDIO, id=2, name="STUDIO LUMIERE"),
    3: replace(STUDIO, id=3, is_synchronized=False),
}


@given(ROWS, RULES)
def test_every_charge_is_in_exactly_one_line_or_one_reason(rows: list[Received], rules: Rules) -> None:
    result = plan(rows, OFFERS, ORGANIZATIONS, rules)
    billed = [(draft, line, one) for draft in result.drafts for line in draft.lines for one in line.charge_ids]
    assert Counter([*(one for _, _, one in billed), *(one.charge_id for one in result.skipped)]) == Counter(
        row.id for row in rows
    )
    by_id = {row.id: row for row in rows}
    for draft, line, one in billed:
        assert by_id[one].organization_id == draft.organization_id
        assert by_id[one].offer_id == line.offer_id
        assert by_id[one].charge.start == line.service_date
    assert len({draft.organization_id for draft in result.drafts}) == len(result.drafts)


@given(ROWS, RULES, st.randoms())
def test_the_order_of_the_charges_changes_nothing(rows: list[Received], rules: Rules, random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert plan(shuffled, OFFERS, ORGANIZATIONS, rules) == plan(rows, OFFERS, ORGANIZATIONS, rules)


@given(ROWS, RULES)
def test_an_invoice_that_goes_out_has_something_on_it_and_is_not_surely_negative(
    rows: list[Received], rules: Rules
) -> None:
    for draft in plan(rows, OFFERS, ORGANIZATIONS, rules).drafts:
        if draft.reason is None:
            assert any(line.quantity for line in draft.lines)
            assert any(line.quantity > 0 for line in draft.lines)


@given(ROWS, RULES)
def test_what_one_organization_owes_does_not_depend_on_another(rows: list[Received], rules: Rules) -> None:
    together = {draft.organization_id: draft for draft in plan(rows, OFFERS, ORGANIZATIONS, rules).drafts}
    for organization_id in ORGANIZATIONS:
        alone = plan([row for row in rows if row.organization_id == organization_id], OFFERS, ORGANIZATIONS, rules)
        assert list(alone.drafts) == [draft for key, draft in together.items() if key == organization_id]


# -- unit costs ------------------------------------------------------------------------------------------------------


def cost(row_id: int, unit_cost: str, quantity: str = "1", **changes: Any) -> Received:
    return received(
        row_id, changes.pop("kind", ChargeKind.RECURRING), quantity, unit_cost=Decimal(unit_cost), **changes
    )


def costs(*rows: Received, offer: MappedOffer = OFFER) -> dict[str, Decimal]:
    other = replace(OFFER, id=2, name="Exchange")
    return unit_costs(rows, {1: offer, 2: other})


def test_the_cost_is_the_one_that_most_units_were_bought_at() -> None:
    assert costs(cost(1, "16.05", "3"), cost(2, "15.00", "2"), cost(3, "15.00", "2")) == {"I-1": Decimal(15)}


@pytest.mark.parametrize("numbers", list(itertools.permutations(("15.00", "16.05", "14.00"))))
def test_on_a_tie_the_higher_cost_is_taken(numbers: tuple[str, ...]) -> None:
    assert costs(*(cost(place, number) for place, number in enumerate(numbers))) == {"I-1": Decimal("16.05")}


def test_offers_of_one_item_are_weighed_together() -> None:
    assert costs(cost(1, "16.05", "3"), cost(2, "15.00", "4", offer=2)) == {"I-1": Decimal(15)}


def test_a_prorated_charge_tells_the_cost_of_a_whole_unit() -> None:
    part = cost(1, "28.31", kind=ChargeKind.PRORATED, unit_cost_prorated=Decimal("13.70"))
    assert costs(part) == {"I-1": Decimal("28.31")}


def test_credits_tell_nothing_of_the_cost() -> None:
    assert costs(cost(1, "16.05"), cost(2, "99", "-50", kind=ChargeKind.CREDIT), cost(3, "-5", "50")) == {
        "I-1": Decimal("16.05")
    }
    assert costs(cost(1, "99", "-50", kind=ChargeKind.CREDIT)) == {}


def test_an_offer_that_is_off_or_without_an_item_has_no_cost() -> None:
    assert costs(cost(1, "16.05"), offer=replace(OFFER, is_synchronized=False)) == {}
    assert costs(cost(1, "16.05"), offer=replace(OFFER, item=None)) == {}


def test_costs_have_five_decimals_at_most() -> None:
    assert costs(cost(1, "0.129235")) == {"I-1": Decimal("0.12924")}
    assert costs(cost(1, "0.129233", "2"), cost(2, "0.129231", "2"), cost(3, "0.2", "3")) == {"I-1": Decimal("0.12923")}


@given(ROWS, st.randoms())
def test_costs_do_not_depend_on_the_order(rows: list[Received], random: Any) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert unit_costs(shuffled, OFFERS) == unit_costs(rows, OFFERS)
