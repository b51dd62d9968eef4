"""Export rules in the database: whatever the rule and the charge, it judges as the pure rule does."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import orm

from portal import settings as configuration
from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import (
    Applied,
    Chosen,
    DatedBy,
    Dates,
    ExportRule,
    Facts,
    Span,
    Tag,
    Which,
    begins,
    keeps,
    why_not,
)
from portal.billing.period import BillingMode
from portal.models import Charge, Delivery, Offer, Organization
from portal.services import Portal, accounts, build_portal, connections, rule_conditions, rule_counting
from portal.services.tag_sets import TagSets, known_tags

TORONTO = ZoneInfo("America/Toronto")
TODAY = date(2026, 11, 1)
APPLIED = Applied(zone=TORONTO, today=TODAY)
FIRST = date(2026, 9, 28)
NAMES = ["Use", "use", "Department", 'ü"]["', "Use\\", "%"]
VALUES = ["internal", "Internal", "a\\b", 'é", "x', "_", "Use"]
COUNT = 400


@dataclass
class Population:
    """Charges of all sorts in a database, and the same as values; the first three of the organizations have them."""

    portal: Portal
    connection_id: int
    organizations: list[int]
    offers: list[int]
    facts: dict[int, Facts]


def moments() -> list[datetime]:
    """Around the bounds of days in the zone."""
    found = []
    for day in (FIRST, date(2026, 10, 3), date(2026, 10, 31), TODAY, TODAY + timedelta(days=1)):
        begun = begins(day, TORONTO)
        found += [begun - timedelta(microseconds=1), begun, begun + timedelta(hours=12)]
    return found


def populate(portal: Portal, partner: str = "Nordet") -> Population:
    dice = random.Random(7)
    accounts.add_partner(portal, partner)
    made = connections.add_connection(portal, "QB", partner=partner, billing_mode=BillingMode.IN_ARREARS, invoice_day=1)
    every = {"connection_id": made.id}
    with portal.database.write() as db:
        organizations = [Organization(**every, key=f"O{n}", name=f"O{n}") for n in range(90)]
        offers = [Offer(**every, key=f"F{n}", name=f"F{n}") for n in range(3)]
        deliveries = [
            Delivery(
                **every,
                provider="sherweb",
                file_name="x",
                digest=f"{number:064}",
                period_start=FIRST,
                period_end=TODAY,
                total=Decimal(0),
                rows=0,
                added=0,
                changed=0,
                imported_at=moment,
            )
            for number, moment in enumerate(moments())
        ]
        db.add_all([*organizations, *offers, *deliveries])
        db.flush()
        facts = _charges(db, dice, made.id, organizations, offers, deliveries)
    ids = [row.id for row in organizations], [row.id for row in offers]
    return Population(portal, made.id, *ids, facts)


def _charges(
    db: orm.Session,
    dice: random.Random,
    connection_id: int,
    organizations: list[Organization],
    offers: list[Offer],
    deliveries: list[Delivery],
) -> dict[int, Facts]:
    sets = TagSets(db, connection_id)
    rows: list[tuple[Charge, Facts]] = []
    for number in range(COUNT):
        delivery = dice.choice(deliveries)
        tags = tuple((dice.choice(NAMES), dice.choice(VALUES)) for _ in range(dice.choice((0, 1, 1, 2))))
        facts = Facts(
            organization_id=dice.choice(organizations[:3]).id,
            offer_id=dice.choice(offers).id,
            kind=dice.choice(list(ChargeKind)),
            cycle=dice.choice(list(BillingCycle)),
            start=FIRST + timedelta(days=dice.randrange(38)),
            imported_at=delivery.imported_at,
            amount=Decimal(dice.randrange(-5000, 5000)) / 100,
            tags=tags,
            gives_back=number >= COUNT - 20,
        )
        row = Charge(
            connection_id=connection_id,
            delivery_id=delivery.id,
            organization_id=facts.organization_id,
            offer_id=facts.offer_id,
            key=f"{number}",
            name="x",
            kind=facts.kind,
            cycle=facts.cycle,
            quantity=Decimal(1),
            start=facts.start,
            end=facts.start + timedelta(days=1),
            unit_cost=Decimal(1),
            unit_cost_prorated=Decimal(1),
            amount=facts.amount,
            currency="USD" if number % 3 == 0 else "CAD",
            is_billed=number % 7 == 0,
            is_proratable=True,
            tags={"tags": [list(tag) for tag in tags]},
            tag_set_id=sets.id_of(tags),
            raw="{}",
            reverses_id=rows[number - 100][0].id if facts.gives_back else None,
        )
        db.add(row)
        db.flush()
        rows.append((row, facts))
    return {row.id: facts for row, facts in rows}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def population(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    """The same charges on each kind of database; beside them, those of another partner."""
    folder: Path = tmp_path_factory.mktemp("rules")
    url = None
    if request.param == "postgresql":
        server = sa.make_url(request.getfixturevalue("postgres_server")).set(drivername="postgresql+psycopg")
        admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sa.text("DROP DATABASE IF EXISTS rules"))
            connection.execute(sa.text("CREATE DATABASE rules"))
        admin.dispose()
        url = server.set(database="rules").render_as_string(hide_password=False)
    portal = build_portal(
        configuration.load({}, data=folder, database_url=url, url="http://localhost:8080"),
        now=lambda: datetime(2026, 11, 1, 17, tzinfo=UTC),
    )
    made = populate(portal)
    populate(portal, "Another")
    yield made
    portal.database.close()


def ids_of(population: Population, condition: sa.ColumnElement[bool]) -> set[int]:
    with population.portal.database.read() as db:
        own = sa.select(Charge.id).where(Charge.connection_id == population.connection_id, condition)
        return set(db.scalars(own))


CHOICES = st.builds(lambda which, places: (which, places), st.sampled_from(Which), st.frozensets(st.integers(0, 2)))
DAYS = st.integers(-1, 38).map(lambda number: FIRST + timedelta(days=number))
A_TAG = st.builds(Tag, st.sampled_from([*NAMES, "Us"]), st.sampled_from(["", *VALUES, "intern"]))
CENTS = st.integers(-5100, 5100).map(lambda cents: Decimal(cents) / 100)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "organizations": CHOICES,
    "offers": CHOICES,
    "dates": st.builds(
        Dates, span=st.sampled_from(Span), by=st.sampled_from(DatedBy), first=DAYS, last=DAYS, days=st.integers(1, 40)
    ),
    "any_of": st.frozensets(A_TAG, max_size=3),
    "none_of": st.frozensets(A_TAG, max_size=3),
    "kinds": st.frozensets(st.sampled_from(ChargeKind), max_size=4),
    "cycles": st.frozensets(st.sampled_from(BillingCycle), max_size=2),
    "least": st.none() | CENTS,
    "most": st.none() | CENTS,
}
RULES = st.fixed_dictionaries({}, optional=PARTS)


def rule_of(population: Population, drawn: dict[str, Any]) -> ExportRule:
    told = dict(drawn)
    for name in ("organizations", "offers"):
        if name in told:
            which, places = told[name]
            rows = getattr(population, name)
            told[name] = Chosen(which=which, ids=frozenset(rows[place] for place in places))
    return ExportRule(**told)


@settings(max_examples=120)
@given(drawn=RULES)
def test_the_database_judges_every_charge_as_the_rule_does(population: Population, drawn: dict[str, Any]) -> None:
    rule = rule_of(population, drawn)
    expected = {row_id for row_id, facts in population.facts.items() if keeps(rule, facts, APPLIED)}
    assert ids_of(population, rule_conditions.keeps(rule, population.connection_id, APPLIED)) == expected
    dropped = ids_of(population, rule_conditions.drops(rule, population.connection_id, APPLIED))
    assert dropped == population.facts.keys() - expected


@settings(max_examples=60)
@given(drawn=RULES)
def test_each_part_in_the_database_is_the_part_of_the_rule(population: Population, drawn: dict[str, Any]) -> None:
    rule = rule_of(population, drawn)
    left = {row_id: facts for row_id, facts in population.facts.items() if not facts.gives_back}
    for part, condition in rule_conditions.parts(rule, population.connection_id, APPLIED).items():
        lets = ids_of(population, condition)
        for row_id, facts in left.items():
            if why_not(rule, facts, APPLIED) is part:
                assert row_id not in lets
    assert rule_conditions.parts(rule, population.connection_id, APPLIED).keys() == rule.restricts


@settings(max_examples=120)
@given(drawn=RULES)
def test_what_a_rule_lets_of_what_waits_is_counted_as_the_rule_judges_it(
    population: Population, drawn: dict[str, Any]
) -> None:
    """Whatever the index is asked for, and also where a few of many organizations are named."""
    rule = rule_of(population, drawn)
    kept: dict[str, tuple[int, int]] = {}
    back: dict[str, tuple[int, int]] = {}
    with population.portal.database.read() as db:
        own = sa.select(Charge.id, Charge.currency, Charge.amount_cents)
        waiting = own.where(Charge.connection_id == population.connection_id, Charge.is_billed.is_not(sa.true()))
        for row_id, currency, cents in db.execute(waiting):
            facts = population.facts[row_id]
            is_let = keeps(rule, replace(facts, gives_back=False), APPLIED)
            if is_let or facts.gives_back:
                found = kept if is_let else back
                count, total = found.get(currency, (0, 0))
                found[currency] = (count + 1, total + cents)
        assert rule_counting.count_kept(db, population.connection_id, rule, APPLIED) == kept
        assert rule_counting.count_given_back(db, population.connection_id, rule, APPLIED) == back


def test_the_charges_of_others_are_not_counted(population: Population) -> None:
    theirs = Chosen(which=Which.ONLY, ids=frozenset({max(population.organizations) + 1}))
    some = Chosen(which=Which.ONLY, ids=theirs.ids | set(range(1, 10_000)))
    with population.portal.database.read() as db:
        assert rule_counting.count_kept(db, population.connection_id, ExportRule(organizations=theirs), APPLIED) == {}
        every = rule_counting.count_kept(db, population.connection_id, ExportRule(), APPLIED)
        assert rule_counting.count_kept(db, population.connection_id, ExportRule(organizations=some), APPLIED) == every


def test_every_tag_is_found_by_itself(population: Population) -> None:
    """Names and values hold quotation marks, brackets, backslashes and wildcards."""
    for name, value in itertools.product(NAMES, ["", *VALUES]):
        rule = ExportRule(any_of=frozenset({Tag(name, value)}))
        expected = {row_id for row_id, facts in population.facts.items() if keeps(rule, facts, APPLIED)}
        assert ids_of(population, rule_conditions.keeps(rule, population.connection_id, APPLIED)) == expected


def test_ten_thousand_chosen_organizations_fit_in_a_statement(population: Population) -> None:
    ids = frozenset(range(1, 50_001))
    for which in (Which.ONLY, Which.EXCEPT):
        rule = ExportRule(organizations=Chosen(which=which, ids=ids))
        found = ids_of(population, rule_conditions.keeps(rule, population.connection_id, APPLIED))
        assert len(found) == (COUNT if which is Which.ONLY else 20)


def test_the_tags_to_choose_from_are_those_of_the_connection(population: Population) -> None:
    with population.portal.database.read() as db:
        known = known_tags(db, population.connection_id)
        assert known_tags(db, 99) == ()
    assert set(known) == {Tag(*tag) for facts in population.facts.values() for tag in facts.tags}
    assert list(known) == sorted(known)
