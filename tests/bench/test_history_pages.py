"""Status, visits and runs over a long history, against the same pages over the sample's size.

A long history has 2,000 visits with 200,000 exchanges, or five times as many with TESTS_WHOLE set, and a run of 10,000
invoices. What a page costs must depend on what it shows, so each stays below three times the small one's time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from portal import settings as configuration
from portal.app import create_app
from portal.billing.period import BillingMode
from portal.models import Role
from portal.services import Portal, accounts, build_portal, connections
from qbwc.models import Exchange
from tests.whole import WHOLE

pytestmark = pytest.mark.bench

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MOST = 3.0
PASSWORD = "correct horse battery"
A_VISIT_HAS = 100
VISITS = 10_000 if WHOLE else 2_000
DAY = "2026-11-01 00:00:00.000000"
MOMENT = "strftime('%Y-%m-%d %H:%M:%S.000000', '2025-09-01', '+' || i || ' hours')"
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"

SESSIONS = f"""
INSERT INTO qbwc_session (id, connection_id, ticket_hash, state, opened_at, last_contact_at, closed_at, machine,
  address, may_write, knows_landmarks, pauses, has_asked_person, total, done, failed, progress, connection_errors,
  result)
{NUMBERS} SELECT i, 1, printf('%064d', i), 'closed', {MOMENT}, {MOMENT}, {MOMENT}, 'PC', '10.0.0.1',
  1, 1, 0, 0, 5, 5, 0, 100, 0, CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'done' END FROM n
"""
EXCHANGES = f"""
INSERT INTO qbwc_exchange (id, connection_id, session_id, purpose, is_write, state, attempts, request_size, answer_size,
  request_count, first_sent_at, sent_at, answered_at)
{NUMBERS} SELECT i, 1, (i - 1) / {A_VISIT_HAS} + 1, 'work', i % 10 = 0, 'answered', 1, 2000, 20000, 5,
  '2025-09-01 00:00:00.000000', '2025-09-01 00:00:00.000000', '2025-09-01 00:00:01.000000' FROM n
"""
PARTS = f"""
INSERT INTO qbwc_exchange_part (connection_id, exchange_id, topic, asked_by, about, at, requests, result)
{NUMBERS} SELECT 1, i, CASE WHEN i % 10 = 0 THEN 'invoices' ELSE 'lists' END,
  CASE WHEN i % 10 = 0 THEN 'p' || (i / 10 % 7) || '@example.com' ELSE '' END, '',
  strftime('%Y-%m-%d %H:%M:%S.000000', '2025-09-01', '+' || i || ' seconds'), 5,
  CASE WHEN i % 1000 = 0 THEN 'refused' ELSE 'done' END FROM n
"""
ORGANIZATIONS = f"""
INSERT INTO organization (id, connection_id, key, name, mode, is_synchronized, customer_list_id)
{NUMBERS} SELECT i, 1, 'k' || i, printf('Client %05d inc.', i), 'create', 1, 'C-' || i FROM n
"""
CUSTOMERS = f"""
INSERT INTO qbwc_list_object (connection_id, kind, type, list_id, full_name, is_active, data, pull, seen_at)
{NUMBERS} SELECT 1, 'customer', 'Customer', 'C-' || i, printf('Client %05d', i), 1, '{{}}', 1, '{DAY}' FROM n
"""
DRAFTS = f"""
INSERT INTO draft (id, run_id, organization_id, sequence, form, mode, customer_list_id, guid, state, txn_id,
  ref_number, txn_date, subtotal, tax, code)
{NUMBERS} SELECT i, 1, i, 1, 'invoice', 'create', 'C-' || i, 'g' || i,
  CASE WHEN i % 5 = 0 THEN 'parked' ELSE 'reconciled' END, 'T-' || i, '' || i, '2026-11-01',
  CASE WHEN i % 5 = 0 THEN NULL ELSE '100.10' END, CASE WHEN i % 5 = 0 THEN NULL ELSE '14.99' END,
  CASE WHEN i % 5 = 0 THEN '3140' END FROM n
"""
LINES = f"""
INSERT INTO draft_line (draft_id, position, offer_id, item_list_id, kind, section, states_all, description, quantity,
  service_date, arithmetic, rate, amount)
{NUMBERS} SELECT (i - 1) / 3 + 1, (i - 1) % 3, 1, 'I-1', 'recurring', 'full-cycle', 1, 'Licence', '4', '2026-10-01',
  '4', '10.00', '40.00' FROM n
"""
JOBS = f"""
INSERT INTO qbwc_job (id, connection_id, kind, key, payload, state, created_at)
{NUMBERS} SELECT i, 1, 'create-invoice', 'draft:' || i, '{{"draft": ' || i || '}}', 'done', '{DAY}' FROM n
"""
REQUESTS = f"""
INSERT INTO qbwc_request (connection_id, job_id, step, request_id, tag, body, is_write, state, priority, attempts,
  exchange_id, position, txn_id, created_at)
{NUMBERS} SELECT 1, i, 'add', '' || i, 'InvoiceAddRq', '', 1, 'answered', 30, 1,
  (i - 1) / 5 * 10 + 10, (i - 1) % 5, 'T-' || i, '{DAY}' FROM n
"""


@dataclass
class Place:
    """A portal with some history, and an administrator at it."""

    portal: Portal
    client: FlaskClient
    drafts: int

    def get(self, path: str) -> str:
        answer = self.client.get(path, buffered=True)
        assert answer.status_code == 200, path
        return answer.text


def fill(portal: Portal, *, visits: int, drafts: int) -> None:
    """The rows, a table at a time, each in one statement."""
    counts = {
        SESSIONS: visits,
        EXCHANGES: visits * A_VISIT_HAS,
        PARTS: visits * A_VISIT_HAS,
        ORGANIZATIONS: drafts,
        CUSTOMERS: drafts,
        DRAFTS: drafts,
        LINES: 3 * drafts,
        JOBS: drafts,
        REQUESTS: drafts,
    }
    with portal.database.write() as db:
        db.execute(
            sa.text(
                "INSERT INTO offer (id, connection_id, key, name, is_synchronized) VALUES (1, 1, 'o', 'Licence', 1)"
            )
        )
        db.execute(
            sa.text(
                "INSERT INTO run (id, connection_id, invoice_date, period_start, period_end, created_at) "
                "VALUES (1, 1, '2026-11-01', '2026-10-01', '2026-11-01', '2026-11-01 00:00:00.000000')"
            )
        )
        for statement, count in counts.items():
            db.connection().exec_driver_sql(statement.replace("{count}", str(count)))
        body = "<QBXML>" + "<A>1</A>" * 300 + "</QBXML>"
        db.execute(sa.update(Exchange).where(Exchange.id == 10).values(request_body=body, answer_body=body))


@contextmanager
def open_place(folder: Path, **sizes: int) -> Iterator[Place]:
    portal = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"), now=lambda: NOW)
    accounts.add_partner(portal, "Nordet")
    email = "a@nordet.example"
    accounts.add_user(portal, email, partner="Nordet", role=Role.ADMINISTRATOR, password=PASSWORD)
    connections.add_connection(portal, "Books", partner="Nordet", billing_mode=BillingMode.IN_ARREARS, invoice_day=1)
    fill(portal, **sizes)
    client = create_app(portal).test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token
    entered = client.post("/login", data={"csrf_token": token[1], "email": email, "password": PASSWORD})
    assert entered.status_code == 303
    yield Place(portal, client, sizes["drafts"])
    portal.database.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place of the sample's size: a full page of each table."""
    with open_place(tmp_path_factory.mktemp("small"), visits=25, drafts=125) as place:
        yield place


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place with a long history."""
    with open_place(tmp_path_factory.mktemp("large"), visits=VISITS, drafts=10_000) as place:
        yield place


BASE = "/connections/1"
PAGES = {
    "status": f"{BASE}/status",
    "stopped invoices": f"{BASE}/status?kind=invoices",
    "visits": f"{BASE}/visits",
    "visits that failed": f"{BASE}/visits?result=failed",
    "the oldest visits": f"{BASE}/visits?older=26",
    "one visit": f"{BASE}/visits/1",
    "one exchange": f"{BASE}/exchanges/10",
    "exchanges": f"{BASE}/exchanges",
    "the history of exchanges": f"{BASE}/exchanges/history",
    "the oldest exchanges": f"{BASE}/exchanges/history?older=30",
    "exchanges of a kind": f"{BASE}/exchanges/history?kind=invoices",
    "exchanges that were refused": f"{BASE}/exchanges/history?result=refused",
    "exchanges for a person": f"{BASE}/exchanges/history?person=p3%40example.com",
    "exchanges of a year": f"{BASE}/exchanges/history?period=calendar-2025",
    "exchanges, followed": f"{BASE}/exchanges/activity",
    "runs": f"{BASE}/runs",
    "one run": f"{BASE}/runs/1",
    "the end of a run": f"{BASE}/runs/1?page=9999",
    "a run, by state": f"{BASE}/runs/1?state=parked",
    "a run, searched": f"{BASE}/runs/1?q=client+000",
    "a run, followed": f"{BASE}/runs/1/activity",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_a_long_history_is_as_quick_as_of_a_short_one(
    ratios: Any, small: Place, large: Place, name: str
) -> None:
    path = PAGES[name]
    whole = path if "?kind" in path else path.split("?")[0]
    small.get(whole)
    large.get(path)
    ratio = ratios.measure(
        f"page: {name}, {VISITS * A_VISIT_HAS:,} exchanges and 10,000 invoices, over the sample's size",
        lambda: large.get(path),
        lambda: small.get(whole),
        rounds=7,
        clock=process_time,
    )
    assert ratio <= MOST
