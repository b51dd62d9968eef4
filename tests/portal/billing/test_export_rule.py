"""Export rules: each part by a truth table, their laws by examples without end, and the sentence that says them."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import (
    EVERYTHING,
    Applied,
    Chosen,
    DatedBy,
    Dates,
    ExportRule,
    Facts,
    Part,
    Span,
    Tag,
    Which,
    begins,
    keeps,
    problems,
    why_not,
)
from portal.billing.rule_record import from_record, to_record
from portal.billing.rule_words import Names, sentence, tell
from portal.errors import Sentence

TORONTO = ZoneInfo("America/Toronto")
TODAY, FIFTH = date(2026, 11, 1), date(2026, 10, 5)
APPLIED = Applied(zone=TORONTO, today=TODAY)
NOON = datetime(2026, 11, 1, 17, tzinfo=UTC)


def facts(**changed: Any) -> Facts:
    given: dict[str, Any] = {
        "organization_id": 1,
        "offer_id": 1,
        "kind": ChargeKind.RECURRING,
        "cycle": BillingCycle.MONTHLY,
        "start": date(2026, 10, 1),
        "imported_at": NOON,
        "amount": Decimal("30.76"),
        "tags": (("CustomerDisplayName", "Boulangerie"), ("Use", "internal")),
    }
    return Facts(**(given | changed))


def only(*ids: int) -> Chosen:
    return Chosen(which=Which.ONLY, ids=frozenset(ids))


def but(*ids: int) -> Chosen:
    return Chosen(which=Which.EXCEPT, ids=frozenset(ids))


# -- truth tables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "one", "other"),
    [
        (Chosen(), True, True),
        (Chosen(ids=frozenset({1})), True, True),
        (only(1), True, False),
        (only(2), False, True),
        (only(1, 2), True, True),
        (but(), True, True),
        (but(1), False, True),
        (but(1, 2), False, False),
    ],
)
@pytest.mark.parametrize(
    ("name", "field", "part"),
    [("organizations", "organization_id", Part.ORGANIZATION), ("offers", "offer_id", Part.OFFER)],
)
def test_the_choice_of_organizations_and_offers(
    chosen: Chosen, one: bool, other: bool, name: str, field: str, part: Part
) -> None:
    rule = ExportRule(**{name: chosen})
    for row_id, lets in ((1, one), (2, other)):
        assert why_not(rule, facts(**{field: row_id}), APPLIED) == (None if lets else part)


def test_all_four_choices_of_organizations_and_offers_are_anded() -> None:
    for by_organization, by_offer in itertools.product((only(1), but(1)), repeat=2):
        rule = ExportRule(organizations=by_organization, offers=by_offer)
        for organization_id, offer_id in itertools.product((1, 2), repeat=2):
            one = facts(organization_id=organization_id, offer_id=offer_id)
            assert keeps(rule, one, APPLIED) == (by_organization.lets(organization_id) and by_offer.lets(offer_id))


@pytest.mark.parametrize(
    ("dates", "first_in", "last_in"),
    [
        (Dates(span=Span.SINCE, first=FIFTH), FIFTH, None),
        (Dates(span=Span.BETWEEN, first=FIFTH, last=date(2026, 10, 9)), FIFTH, date(2026, 10, 9)),
        (Dates(span=Span.BETWEEN, first=TODAY, last=TODAY), TODAY, TODAY),
        (Dates(span=Span.LAST, days=1), TODAY, TODAY),
        (Dates(span=Span.LAST, days=30), date(2026, 10, 3), TODAY),
        (Dates(), None, None),
    ],
)
@pytest.mark.parametrize("by", list(DatedBy))
@pytest.mark.parametrize("zone", ["America/Toronto", "Asia/Tokyo", "America/St_Johns", "Africa/Cairo", "UTC"])
def test_the_days_at_the_bounds_of_a_period(
    dates: Dates, first_in: date | None, last_in: date | None, by: DatedBy, zone: str
) -> None:
    rule = ExportRule(dates=dataclasses.replace(dates, by=by))
    applied = Applied(zone=ZoneInfo(zone), today=TODAY)
    one, instant = timedelta(days=1), timedelta(microseconds=1)

    def lets(day: date, moment: datetime) -> bool:
        given = {"start": day} if by is DatedBy.CHARGE else {"imported_at": moment}
        return keeps(rule, facts(**given), applied)

    if first_in is not None:
        assert lets(first_in, begins(first_in, applied.zone))
        assert not lets(first_in - one, begins(first_in, applied.zone) - instant)
    if last_in is not None:
        assert lets(last_in, begins(last_in + one, applied.zone) - instant)
        assert not lets(last_in + one, begins(last_in + one, applied.zone))
    else:
        assert lets(date(2199, 12, 31), begins(date(2199, 12, 31), applied.zone))


@pytest.mark.parametrize(
    ("zone", "day", "moment"),
    [
        ("America/Toronto", date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC)),
        ("America/Toronto", date(2026, 3, 9), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        ("America/Toronto", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("America/Toronto", date(2026, 11, 2), datetime(2026, 11, 2, 5, tzinfo=UTC)),
        # Midnight does not exist on this day, or comes twice.
        ("America/Sao_Paulo", date(2018, 11, 4), datetime(2018, 11, 4, 3, tzinfo=UTC)),
        ("Asia/Beirut", date(2022, 3, 27), datetime(2022, 3, 26, 22, tzinfo=UTC)),
        ("Atlantic/Azores", date(2021, 10, 31), datetime(2021, 10, 31, 0, tzinfo=UTC)),
    ],
)
def test_a_day_begins_where_the_connection_is(zone: str, day: date, moment: datetime) -> None:
    assert begins(day, ZoneInfo(zone)) == moment


TAGS = {
    "the value": Tag("Use", "internal"),
    "any value": Tag("Use"),
    "another value": Tag("Use", "external"),
    "another name": Tag("Department"),
    "another case": Tag("use", "internal"),
}


@pytest.mark.parametrize(
    ("wanted", "is_on"),
    [
        ("the value", True),
        ("any value", True),
        ("another value", False),
        ("another name", False),
        ("another case", False),
    ],
)
def test_tags_are_compared_letter_for_letter(wanted: str, is_on: bool) -> None:
    tag = frozenset({TAGS[wanted]})
    assert keeps(ExportRule(any_of=tag), facts(), APPLIED) is is_on
    assert keeps(ExportRule(none_of=tag), facts(), APPLIED) is not is_on
    assert not keeps(ExportRule(any_of=tag), facts(tags=()), APPLIED)
    assert keeps(ExportRule(none_of=tag), facts(tags=()), APPLIED)


def test_one_of_several_tags_is_enough_to_be_let_and_to_be_kept_back() -> None:
    tags = frozenset({Tag("Department", "x"), Tag("Use", "internal")})
    assert keeps(ExportRule(any_of=tags), facts(), APPLIED)
    assert not keeps(ExportRule(none_of=tags), facts(), APPLIED)


@pytest.mark.parametrize("kind", list(ChargeKind))
@pytest.mark.parametrize("cycle", list(BillingCycle))
def test_kinds_and_cycles(kind: ChargeKind, cycle: BillingCycle) -> None:
    one = facts(kind=kind, cycle=cycle)
    for chosen in ChargeKind:
        assert keeps(ExportRule(kinds=frozenset({chosen})), one, APPLIED) is (kind is chosen)
    for chosen_cycle in BillingCycle:
        assert keeps(ExportRule(cycles=frozenset({chosen_cycle})), one, APPLIED) is (cycle is chosen_cycle)
    assert keeps(EVERYTHING, one, APPLIED)


@pytest.mark.parametrize(
    ("least", "most", "lets"),
    [
        (None, None, True),
        ("30.76", None, True),
        ("30.77", None, False),
        (None, "30.76", True),
        (None, "30.75", False),
        ("30.76", "30.76", True),
        ("-5", "30", False),
    ],
)
def test_both_bounds_of_an_amount_are_included(least: str | None, most: str | None, lets: bool) -> None:
    rule = ExportRule(least=least and Decimal(least), most=most and Decimal(most))  # type: ignore[arg-type]
    assert keeps(rule, facts(), APPLIED) is lets


# -- laws --------------------------------------------------------------------------------------------------------------

DAYS = st.dates(date(2026, 9, 28), date(2026, 11, 5))
CHOSEN = st.builds(Chosen, which=st.sampled_from(Which), ids=st.frozensets(st.integers(1, 3), max_size=3))
NAMES_OF_TAGS, VALUES_OF_TAGS = st.sampled_from(["Use", "Department", 'ü"][']), st.sampled_from(["internal", "é"])
A_TAG = st.builds(Tag, NAMES_OF_TAGS, st.just("") | VALUES_OF_TAGS)
DATES = st.builds(
    Dates,
    span=st.sampled_from(Span),
    by=st.sampled_from(DatedBy),
    first=DAYS,
    last=DAYS,
    days=st.integers(1, 40),
)
AMOUNTS = st.decimals(-50, 50, places=2)
RULES = st.builds(
    ExportRule,
    organizations=CHOSEN,
    offers=CHOSEN,
    dates=DATES,
    any_of=st.frozensets(A_TAG, max_size=2),
    none_of=st.frozensets(A_TAG, max_size=2),
    kinds=st.frozensets(st.sampled_from(ChargeKind), max_size=3),
    cycles=st.frozensets(st.sampled_from(BillingCycle), max_size=2),
    least=st.none() | AMOUNTS,
    most=st.none() | AMOUNTS,
)
FACTS = st.builds(
    Facts,
    organization_id=st.integers(1, 3),
    offer_id=st.integers(1, 3),
    kind=st.sampled_from(ChargeKind),
    cycle=st.sampled_from(BillingCycle),
    start=DAYS,
    imported_at=st.datetimes(datetime(2026, 9, 28), datetime(2026, 11, 5), timezones=st.just(UTC)),  # noqa: DTZ001
    amount=AMOUNTS,
    tags=st.lists(st.tuples(NAMES_OF_TAGS, VALUES_OF_TAGS), max_size=3).map(tuple),
    gives_back=st.just(False),
)
_NOTHING = {
    Part.ORGANIZATION: {"organizations": Chosen()},
    Part.OFFER: {"offers": Chosen()},
    Part.PERIOD: {"dates": Dates()},
    Part.TAG: {"any_of": frozenset(), "none_of": frozenset()},
    Part.KIND: {"kinds": frozenset()},
    Part.CYCLE: {"cycles": frozenset()},
    Part.AMOUNT: {"least": None, "most": None},
}


def alone(rule: ExportRule, part: Part) -> ExportRule:
    """The rule with this part only."""
    others = [values for other, values in _NOTHING.items() if other is not part]
    changes: dict[str, Any] = {}
    for values in others:
        changes |= values
    return dataclasses.replace(rule, **changes)


@given(rule=RULES, one=FACTS)
def test_a_charge_leaves_when_every_part_lets_it_in_whatever_order(rule: ExportRule, one: Facts) -> None:
    each = {part: keeps(alone(rule, part), one, APPLIED) for part in Part}
    assert keeps(rule, one, APPLIED) == all(each.values())
    first = why_not(rule, one, APPLIED)
    assert first == next((part for part in Part if not each[part]), None)
    assert {part for part, lets in each.items() if not lets} <= rule.restricts


@given(one=FACTS, ids=st.frozensets(st.integers(1, 3)))
def test_include_and_exclude_are_complements(one: Facts, ids: frozenset[int]) -> None:
    for name in ("organizations", "offers"):
        include = ExportRule(**{name: Chosen(which=Which.ONLY, ids=ids)})
        exclude = ExportRule(**{name: Chosen(which=Which.EXCEPT, ids=ids)})
        assert keeps(include, one, APPLIED) is not keeps(exclude, one, APPLIED)


@given(one=FACTS, tags=st.frozensets(A_TAG, min_size=1))
def test_any_of_and_none_of_are_complements(one: Facts, tags: frozenset[Tag]) -> None:
    assert keeps(ExportRule(any_of=tags), one, APPLIED) is not keeps(ExportRule(none_of=tags), one, APPLIED)


@given(rule=RULES, one=FACTS)
def test_what_gives_back_a_billed_charge_always_leaves(rule: ExportRule, one: Facts) -> None:
    assert keeps(rule, dataclasses.replace(one, gives_back=True), APPLIED)


@given(rule=RULES)
def test_a_rule_that_is_kept_and_read_again_is_the_same(rule: ExportRule) -> None:
    record = to_record(rule)
    assert to_record(from_record(record)) == record
    for part in Part:
        assert (part in from_record(record).restricts) == (part in rule.restricts)


@given(rule=RULES, one=FACTS)
def test_a_rule_that_was_kept_judges_the_same(rule: ExportRule, one: Facts) -> None:
    assert why_not(from_record(to_record(rule)), one, APPLIED) == why_not(rule, one, APPLIED)


# -- what cannot be a rule ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "part", "said"),
    [
        (ExportRule(organizations=only()), Part.ORGANIZATION, "Choose one, or bill all of them."),
        (ExportRule(offers=only()), Part.OFFER, "Choose one, or bill all of them."),
        (ExportRule(dates=Dates(span=Span.SINCE)), Part.PERIOD, "Give the first day"),
        (ExportRule(dates=Dates(span=Span.BETWEEN, first=TODAY)), Part.PERIOD, "the first and the last day"),
        (
            ExportRule(dates=Dates(span=Span.BETWEEN, first=TODAY, last=date(2026, 10, 31))),
            Part.PERIOD,
            "ends on 2026-10-31, before it begins on 2026-11-01. Swap the two dates",
        ),
        (ExportRule(dates=Dates(span=Span.SINCE, first=date(1026, 1, 1))), Part.PERIOD, "Check its year"),
        (ExportRule(dates=Dates(span=Span.LAST)), Part.PERIOD, "from 1 to 3650"),
        (ExportRule(dates=Dates(span=Span.LAST, days=0)), Part.PERIOD, "from 1 to 3650"),
        (ExportRule(none_of=frozenset({Tag(" ")})), Part.TAG, "has no name"),
        (ExportRule(none_of=frozenset(Tag(str(one)) for one in range(51))), Part.TAG, "at most 50 tags"),
        (
            ExportRule(any_of=frozenset({Tag("Use", "x")}), none_of=frozenset({Tag("Use")})),
            Part.TAG,
            "The tag Use: x is wanted and left out at once",
        ),
        (ExportRule(least=Decimal(5), most=Decimal("4.99")), Part.AMOUNT, "4.99, is below the lowest, 5.00. Swap"),
        (ExportRule(least=Decimal("1.005")), Part.AMOUNT, "dollars and cents"),
        (ExportRule(most=Decimal("NaN")), Part.AMOUNT, "up to 999999999.99"),
        (ExportRule(most=Decimal("1E+30")), Part.AMOUNT, "up to 999999999.99"),
    ],
)
def test_what_cannot_be_a_rule_is_told_with_the_remedy(rule: ExportRule, part: Part, said: str) -> None:
    found = problems(rule)
    assert list(found) == [part]
    assert said in str(found[part])


def test_a_rule_of_all_parts_has_no_problem() -> None:
    assert problems(FULL) == {}
    assert problems(EVERYTHING) == {}


# -- in words ----------------------------------------------------------------------------------------------------------

FULL = ExportRule(
    organizations=only(1, 2, 3, 4),
    offers=but(7),
    dates=Dates(span=Span.SINCE, first=date(2026, 1, 1)),
    any_of=frozenset({Tag("Department")}),
    none_of=frozenset({Tag("Use", "internal"), Tag("Project")}),
    kinds=frozenset({ChargeKind.USAGE, ChargeKind.RECURRING, ChargeKind.CREDIT}),
    cycles=frozenset({BillingCycle.MONTHLY}),
    least=Decimal("1.5"),
    most=Decimal(5000),
)
NAMES = Names(organizations={1: "Zéphyr", 2: "Boulangerie", 3: "Coop"}, offers={7: "Azure"})


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (EVERYTHING, "Every charge may leave."),
        (ExportRule(organizations=but()), "Every charge may leave."),
        (
            FULL,
            (
                "Only charges of 4 organizations, for every offer but Azure, dated since 2026-01-01, with the tag "
                "Department, without any of the tags Project or Use: internal, of the kind recurring, usage or credit, "
                "billed monthly, from 1.50 to 5,000.00 in amount."
            ),
        ),
        (ExportRule(organizations=only(1, 2)), "Only charges of Boulangerie or Zéphyr."),
        (ExportRule(organizations=but(1)), "Only charges of every organization but Zéphyr."),
        (ExportRule(organizations=but(*range(12))), "Only charges of every organization but 12."),
        (ExportRule(organizations=only(1, 99)), "Only charges of 2 organizations."),
        (ExportRule(offers=only(7)), "Only charges for Azure."),
        (ExportRule(dates=Dates(span=Span.LAST, days=1)), "Only charges dated today."),
        (
            ExportRule(dates=Dates(span=Span.LAST, by=DatedBy.IMPORT, days=30)),
            "Only charges imported in the last 30 days.",
        ),
        (
            ExportRule(dates=Dates(span=Span.BETWEEN, first=date(2026, 1, 1), last=TODAY)),
            "Only charges dated from 2026-01-01 to 2026-11-01.",
        ),
        (
            ExportRule(kinds=frozenset({ChargeKind.ONE_TIME}), cycles=frozenset({BillingCycle.ONE_TIME})),
            "Only charges of the kind one-time, billed once.",
        ),
        (ExportRule(most=Decimal(10)), "Only charges of 10.00 or less."),
        (ExportRule(least=Decimal(-10)), "Only charges of -10.00 or more."),
    ],
)
def test_a_rule_is_said_in_one_sentence(rule: ExportRule, said: str) -> None:
    assert tell(sentence(rule, NAMES)) == said


@given(rule=RULES)
def test_every_rule_can_be_said_and_every_clause_is_a_text_to_translate(rule: ExportRule) -> None:
    clauses = sentence(rule, Names())
    assert (len(clauses) > 1) == bool(tell(clauses) != "Every charge may leave.")
    assert all(isinstance(one.template, Sentence) and not one.template.values for one in clauses)
    assert "%" not in tell(clauses)
