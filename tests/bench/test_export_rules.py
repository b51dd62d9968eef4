"""Export rules over very many waiting charges: counted and added up in the database, over a bare count of its index."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from portal import settings as configuration
from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import Applied, Chosen, DatedBy, Dates, ExportRule, Span, Tag, Which
from portal.billing.period import BillingMode
from portal.models import Delivery, Offer, Organization
from portal.services import Portal, accounts, build_portal, connections, export_rules, rule_counting

pytestmark = pytest.mark.bench

CHARGES = 1_000_000
CLIENTS, OFFERS, MONTHS = 10_000, 10, 10
MOST, MOST_OF_MANY, MANY = 3, 4, 4
"""Bare counts that a rule may cost; one of many parts asks each entry for nearly all that the index holds of it."""
MORNING = datetime(2026, 11, 1, 12, tzinfo=UTC)
APPLIED = Applied(zone=ZoneInfo("America/Toronto"), today=date(2026, 11, 1))
ROWS = """
INSERT INTO charge (id, connection_id, delivery_id, organization_id, offer_id, "key", name, kind, cycle, quantity,
  start, "end", unit_cost, unit_cost_prorated, amount, amount_cents, currency, is_proratable, tags, tag_set_id, raw,
  revision, is_billed)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :last)
SELECT i + 1, 1, i / 100000 + 1, i / 10 % :clients + 1, i % 10 + 1, 'k' || i, 'Microsoft 365 Business ' || (i % 10),
  CASE i % 10 WHEN 8 THEN 'prorated' WHEN 9 THEN 'credit' ELSE 'recurring' END, 'monthly', '3',
  date('2026-01-01', '+' || (i / 100000) || ' months'), date('2026-02-01', '+' || (i / 100000) || ' months'),
  '16.05', '16.05', printf('%.2f', (i % 7 + 1) * 16.05), (i % 7 + 1) * 1605,
  'CAD', 1, '{"tags": []}', i / 10 % :clients + 1, printf('{}%400s', ''), 1, 0 FROM n
"""
SETS = """
INSERT INTO tag_set (id, connection_id, digest, tags)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :clients - 1)
SELECT i + 1, 1, printf('%064d', i), '[["CustomerDisplayName", "Client ' || i || '"], ["Department", "D' || (i % 20)
  || '"]]' FROM n
"""

OWN = {"connection_id": 1}


def delivery(month: int) -> dict[str, Any]:
    """A month's import."""
    sums = {"total": Decimal(0), "rows": 0, "added": 0, "changed": 0}
    period = {"period_start": date(2026, month + 1, 1), "period_end": date(2026, month + 2, 1)}
    came = datetime(2026, month + 2, 1, 12, tzinfo=UTC)
    return {**OWN, **sums, **period, "provider": "x", "file_name": "x", "digest": f"{month:064}", "imported_at": came}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal whose one connection has very many charges that wait, of 10,000 organizations over ten months."""
    folder: Path = tmp_path_factory.mktemp("rules")
    portal = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"), now=lambda: MORNING)
    accounts.add_partner(portal, "Nordet")
    connections.add_connection(portal, "QB", partner="Nordet", billing_mode=BillingMode.IN_ARREARS, invoice_day=1)
    values = {"last": CHARGES - 1, "clients": CLIENTS}
    with portal.database.write() as db:
        db.execute(sa.insert(Organization), [{**OWN, "key": f"C{n}", "name": f"C{n}"} for n in range(CLIENTS)])
        db.execute(sa.insert(Offer), [{**OWN, "key": f"O{n}", "name": f"O{n}"} for n in range(OFFERS)])
        db.execute(sa.insert(Delivery), [delivery(month) for month in range(MONTHS)])
        for statement in (SETS, ROWS):
            db.execute(sa.text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
    yield portal
    portal.database.close()


BUT_SOME = Chosen(which=Which.EXCEPT, ids=frozenset(range(1, 101)))
RULES = {
    "all but 100 organizations": ExportRule(organizations=BUT_SOME),
    "5,000 organizations": ExportRule(organizations=Chosen(which=Which.ONLY, ids=frozenset(range(1, 5001)))),
    "all but 2 offers": ExportRule(offers=Chosen(which=Which.EXCEPT, ids=frozenset({1, 2}))),
    "charges since March": ExportRule(dates=Dates(span=Span.SINCE, first=date(2026, 3, 1))),
    "imports since March": ExportRule(dates=Dates(span=Span.SINCE, by=DatedBy.IMPORT, first=date(2026, 3, 1))),
    "no credits": ExportRule(kinds=frozenset(ChargeKind) - {ChargeKind.CREDIT}),
    "one cycle": ExportRule(cycles=frozenset({BillingCycle.MONTHLY})),
    "amounts": ExportRule(least=Decimal(20), most=Decimal(100)),
    "without a tag": ExportRule(none_of=frozenset({Tag("Department", "D7")})),
    "all but 5,000 organizations": ExportRule(organizations=Chosen(which=Which.EXCEPT, ids=frozenset(range(1, 5001)))),
    "all but 5 offers": ExportRule(offers=Chosen(which=Which.EXCEPT, ids=frozenset(range(1, 6)))),
    "with a tag": ExportRule(any_of=frozenset(Tag("Department", f"D{number}") for number in range(3))),
    "tags, kinds, cycle and amounts": ExportRule(
        none_of=frozenset({Tag("Department", "D7")}),
        kinds=frozenset(ChargeKind) - {ChargeKind.CREDIT},
        cycles=frozenset({BillingCycle.MONTHLY}),
        least=Decimal(20),
        most=Decimal(100),
    ),
    "every part at once": ExportRule(
        organizations=BUT_SOME,
        offers=Chosen(which=Which.EXCEPT, ids=frozenset({1, 2})),
        dates=Dates(span=Span.SINCE, first=date(2026, 3, 1)),
        none_of=frozenset({Tag("Department", "D7")}),
        kinds=frozenset(ChargeKind) - {ChargeKind.CREDIT},
        cycles=frozenset({BillingCycle.MONTHLY}),
        least=Decimal(20),
        most=Decimal(100),
    ),
    "all but 100 organizations, since March, usage and recurring": ExportRule(
        organizations=BUT_SOME,
        dates=Dates(span=Span.SINCE, first=date(2026, 3, 1)),
        kinds=frozenset({ChargeKind.RECURRING, ChargeKind.USAGE}),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_over_very_many_charges_costs_at_most_three_bare_counts(ratios: Any, full: Portal, name: str) -> None:
    rule = RULES[name]
    bare_count = sa.text(
        "SELECT count(*) FROM charge INDEXED BY ix_charge_rule WHERE charge.connection_id = 1"
        " AND charge.is_billed IS NOT TRUE"
    )
    with full.database.read() as db:

        def ours() -> Any:
            return rule_counting.count_kept(db, 1, rule, APPLIED)

        def bare() -> Any:
            return db.scalar(bare_count)

        assert bare() == CHARGES
        ((count, _cents),) = ours().values()
        assert 0 < count < CHARGES or name == "one cycle"
        bound = MOST if len(rule.restricts) < MANY else MOST_OF_MANY
        title = f"a rule ({name}) over {CHARGES:,} charges, over a bare count"
        ratio = ratios.measure_until(bound, title, ours, bare, tries=6, clock=process_time)
    assert ratio <= bound


def test_the_effect_of_a_rule_is_told_in_a_few_bare_counts(ratios: Any, full: Portal) -> None:
    """What it keeps and what it drops, and what always leaves: three statements."""
    rule = RULES["all but 100 organizations, since March, usage and recurring"]
    begun = time.perf_counter()
    effect = export_rules.effect(full, 1, rule)
    took = time.perf_counter() - begun
    ratios.properties.append(("ratio", f"the effect of a rule over {CHARGES:,} charges: {took * 1000:.0f} ms"))
    assert sum(one.count for one in (*effect.kept, *effect.dropped)) == CHARGES
