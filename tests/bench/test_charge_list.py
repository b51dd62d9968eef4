"""A page of the list of charges among very many of them, over the same among 1,000: also where few or none are found.

Both have the same organizations, offers and tags. What asks each charge for something that no index has cannot be
flat where it finds nothing: a currency, a reason, and the charges to bill where everything else waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import sqlalchemy as sa

from portal import settings as configuration
from portal.billing.period import BillingMode
from portal.models import Delivery, Offer, Organization
from portal.services import Portal, accounts, build_portal, charge_list, connections
from portal.services.paging import Wanted
from tests.whole import WHOLE

pytestmark = pytest.mark.bench

MOST, CLIENTS, OFFERS = 3.0, 1000, 10
LARGE = 1_000_000 if WHOLE else 200_000
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
OWN = {"connection_id": 1}
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
SETS = f"""INSERT INTO tag_set (id, connection_id, digest, tags) {NUMBERS}
SELECT i + 1, 1, printf('%064d', i), '[["Client", "C' || i || '"], ["Department", "D' || (i % 20) || '"]]' FROM n"""
CHARGES = f"""INSERT INTO charge (id, connection_id, delivery_id, organization_id, offer_id, "key", name, kind, cycle,
  quantity, start, "end", unit_cost, unit_cost_prorated, amount, amount_cents, currency, is_proratable, tags,
  tag_set_id, raw, revision, is_billed) {NUMBERS}
SELECT i + 1, 1, 1, i % {CLIENTS} + 1, i / 7 % {OFFERS} + 1, 'k' || i, 'Licence', 'recurring', 'monthly', '3',
  date('2024-01-01', '+' || (i % 1000) || ' days'), date('2024-02-01', '+' || (i % 1000) || ' days'), '16.05', '16.05',
  '48.15', 4815, 'CAD', 1, '{{{{"tags": []}}}}', i % {CLIENTS} + 1, '{{{{}}}}', 1, 0 FROM n"""


def make(folder: Path, count: int) -> Portal:
    portal = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"), now=lambda: NOW)
    accounts.add_partner(portal, "Nordet")
    connections.add_connection(portal, "QB", partner="Nordet", billing_mode=BillingMode.IN_ARREARS, invoice_day=1)
    sums = {"total": Decimal(0), "rows": 0, "added": 0, "changed": 0, "imported_at": NOW}
    period = {"period_start": date(2026, 10, 1), "period_end": date(2026, 11, 1)}
    with portal.database.write() as db:
        db.execute(sa.insert(Organization), [{**OWN, "key": f"C{n}", "name": f"Client {n:04}"} for n in range(CLIENTS)])
        db.execute(sa.insert(Offer), [{**OWN, "key": f"O{n}", "name": f"Licence {n:04}"} for n in range(OFFERS)])
        db.execute(sa.insert(Delivery), [{**OWN, **sums, **period, "provider": "x", "file_name": "x", "digest": "x"}])
        db.connection().exec_driver_sql(SETS.format(last=CLIENTS - 1))
        db.connection().exec_driver_sql(CHARGES.format(last=count - 1))
    return portal


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """1,000 charges."""
    portal = make(tmp_path_factory.mktemp("small"), 1000)
    yield portal
    portal.database.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Very many charges."""
    portal = make(tmp_path_factory.mktemp("large"), LARGE)
    yield portal
    portal.database.close()


LISTS: dict[str, dict[str, Any]] = {
    "all": {},
    "by amount": {"sort": "amount"},
    "words of a client": {"search": "client 0077"},
    "words of an offer": {"search": "licence 0003"},
    "words of both": {"search": "client 0077 licence 0001"},
    "words of nothing": {"search": "zebra"},
    "a client": {"filters": {"organization": "77"}},
    "a client, by amount": {"filters": {"organization": "77"}, "sort": "amount"},
    "a client and a kind that it has none of": {"filters": {"organization": "77", "kind": "usage"}},
    "an offer": {"filters": {"offer": "3"}},
    "a kind": {"filters": {"kind": "recurring"}},
    "a kind that nothing is of": {"filters": {"kind": "usage"}},
    "a tag of one client": {"filters": {"tag": "Client: C77"}},
    "a tag of many": {"filters": {"tag": "Department: D3"}},
    "a tag of nothing": {"filters": {"tag": "zebra"}},
    "what is rejected": {"filters": {"state": "rejected"}},
    **{f"{state}, none": {"filters": {"state": state}} for state in ("sent", "pending", "excluded", "credited")},
    "not to be billed, none": {"filters": {"state": "ignored"}},
    "days of nothing": {"filters": {"since": "2030-01-01"}},
    "imports of nothing": {"filters": {"by": "import", "since": "2030-01-01"}},
}


@pytest.mark.parametrize("name", LISTS)
def test_a_page_among_very_many_charges_is_as_quick_as_among_a_thousand(
    ratios: Any, small: Portal, large: Portal, name: str
) -> None:
    wanted = Wanted(**LISTS[name])

    def read(portal: Portal) -> Any:
        return charge_list.list_charges(portal, 1, wanted)

    assert bool(read(small).rows) is bool(read(large).rows)
    title = f"charges ({name}) of {LARGE:,} over 1,000"
    ratio = ratios.measure_until(MOST, title, lambda: read(large), lambda: read(small), clock=process_time)
    assert ratio <= MOST
