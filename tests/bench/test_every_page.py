"""Every page over a large partner's data, against the same page over the demonstration's.

The large one is the demonstration with 10,000 organizations, 5,000 offers, 20,000 customers, 20,000 items and 200,000
exchanges more, or 1,000,000 with TESTS_WHOLE set. What a page costs must depend on what it shows: each stays below
three times the small one's time.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal import settings as configuration
from portal.app import create_app
from portal.services import build_portal
from tests.whole import WHOLE

pytestmark = pytest.mark.bench

MOST = 3.0
KNOWN = {"connection_id": 1, "run_id": 1, "import_id": 1, "organization_id": 1, "visit_id": 1, "exchange_id": 1}
KNOWN |= {"webhook_id": 1, "outbox_id": 1}
OTHERS = {"screen": "status", "user_id": 2}
FRAGMENTS = {"choices"}  # a list to choose from, looked through at each key: tests/bench/test_pages.py
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
EXCHANGES = 1_000_000 if WHOLE else 200_000
HOUR = "strftime('%Y-%m-%d %H:%M:%S.000000', '2025-09-01', '+' || i || ' hours')"
ROWS = {
    f"""INSERT INTO organization (id, connection_id, key, name, mode, is_synchronized, customer_list_id) {NUMBERS}
        SELECT 1000 + i, 1, 'k' || i, printf('Client %05d inc.', i), 'create', i % 50 <> 3,
          CASE WHEN i % 50 <> 1 THEN 'C-' || (i % 20400) END FROM n""": 10_000,
    f"""INSERT INTO offer (id, connection_id, key, name, is_synchronized, item_list_id) {NUMBERS}
        SELECT 1000 + i, 1, 'k' || i, printf('Offer %05d', i), i % 50 <> 3,
          CASE WHEN i % 50 <> 1 THEN 'I-' || (i % 20400) END FROM n""": 5_000,
    f"""INSERT INTO qbwc_list_object (connection_id, kind, type, list_id, full_name, is_active, data, pull, seen_at)
        {NUMBERS} SELECT 1, 'customer', 'Customer', 'C-' || i, printf('Customer %05d', i), i % 50 <> 2,
          '{{"email": "a@b.example"}}', 1, '2026-01-01 00:00:00.000000' FROM n""": 20_000,
    f"""INSERT INTO qbwc_list_object (connection_id, kind, type, list_id, full_name, is_active, data, pull, seen_at)
        {NUMBERS} SELECT 1, 'item', 'ItemService', 'I-' || i, printf('Item %05d', i), i % 50 <> 2,
          '{{"price": "10.50", "cost": "2.25"}}', 1, '2026-01-01 00:00:00.000000' FROM n""": 20_000,
    f"""INSERT INTO qbwc_session (id, connection_id, ticket_hash, state, opened_at, last_contact_at, closed_at, machine,
          address, may_write, knows_landmarks, pauses, has_asked_person, total, done, failed, progress,
          connection_errors, result) {NUMBERS}
        SELECT 1000 + i, 1, printf('%064d', i), 'closed', {HOUR}, {HOUR}, {HOUR}, 'PC', '10.0.0.1', 1, 1, 0, 0, 5, 5, 0,
          100, 0, CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'done' END FROM n""": 10_000,
    f"""INSERT INTO qbwc_exchange (id, connection_id, session_id, purpose, is_write, state, attempts, request_size,
          answer_size, request_count, first_sent_at, sent_at, answered_at) {NUMBERS}
        SELECT 1000 + i, 1, 1001 + (i - 1) / 100, 'work', i % 10 = 0, 'answered', 1, 2000, 20000, 5,
          '2025-09-01 00:00:00.000000', '2025-09-01 00:00:00.000000', '2025-09-01 00:00:01.000000' FROM n""": EXCHANGES,
    f"""INSERT INTO qbwc_exchange_part (connection_id, exchange_id, topic, asked_by, about, at, requests, result)
        {NUMBERS} SELECT 1, 1000 + i, CASE WHEN i % 10 = 0 THEN 'invoices' ELSE 'lists' END,
          CASE WHEN i % 10 = 0 THEN 'p' || (i % 70) || '@example.com' ELSE '' END, '', '2025-09-01 00:00:00.000000', 5,
          CASE WHEN i % 1000 = 0 THEN 'refused' ELSE 'done' END FROM n""": EXCHANGES,
}


@dataclass(frozen=True)
class Place:
    """A portal over some data, and its administrator."""

    app: Flask
    client: FlaskClient

    def get(self, path: str) -> Any:
        return self.client.get(path, buffered=True)


def open_place(folder: Path, says: dict[str, str]) -> Place:
    portal = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"))
    app = create_app(portal)
    client = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token
    assert client.post("/login", data={"csrf_token": token[1], **says}).status_code == 303
    return Place(app, client)


@pytest.fixture(scope="module")
def places(played_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """The demonstration's data, and the same with those of a large partner."""
    folder = tmp_path_factory.mktemp("demo")
    small = folder / "small"
    shutil.copytree(played_demo, small)
    large = folder / "large"
    shutil.copytree(small, large)
    with sqlite3.connect(large / "portal.sqlite3") as database:
        for statement, count in ROWS.items():
            database.execute(statement.replace("{count}", str(count)))
    database.close()
    says = {"email": "demo@example.com", "password": "demonstration"}
    made = open_place(small, says), open_place(large, says)
    yield made
    for one in made:
        one.app.extensions["portal"].database.close()


def pages(place: Place) -> Iterator[str]:
    """The address of every page, but for downloads and what leads elsewhere."""
    known = {**KNOWN, **OTHERS}
    adapter = place.app.url_map.bind("localhost")
    for rule in place.app.url_map.iter_rules():
        is_page = "GET" in (rule.methods or ()) and rule.endpoint.split(".")[0] not in {"static", *FRAGMENTS}
        if is_page and rule.arguments <= known.keys():
            yield adapter.build(rule.endpoint, {name: known[name] for name in rule.arguments})


def test_every_page_of_a_large_partner_takes_at_most_three_times_the_demonstrations(
    ratios: Any, places: tuple[Place, Place]
) -> None:
    small, large = places
    slow, seen = {}, 0
    for path in sorted(pages(small)):
        answer = small.get(path)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        assert large.get(path).status_code == 200, path
        seen += 1
        ours, bare = (lambda path=path: large.get(path)), (lambda path=path: small.get(path))
        ratio = ratios.measure(
            f"page {path}, a large partner's over the demonstration's", ours, bare, rounds=7, clock=process_time
        )
        if ratio > MOST:
            slow[path] = ratio
    assert seen >= 30
    assert slow == {}
