"""Lists: every row once, in pages that go on from a row, at the same number of statements however many there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.models import Offer, Organization
from portal.services import connections, mappings

C = "/connections/1"
LISTS = (
    "/partners",
    "/connections",
    *(f"{C}/{name}" for name in ("offers", "organizations", "charges", "runs", "errors", "visits")),
    *(f"{C}/{name}" for name in ("offers/suggestions", "organizations/suggestions", "preview", "preview/left-out")),
    *(f"{C}/lists/{kind}" for kind in ("item", "customer", "class", "terms", "tax-code")),
    *(f"{C}/{name}" for name in ("runs/1/invoices", "visits/1/exchanges")),
)


@pytest.fixture
def billed(billed: Any) -> Any:
    """The month, billed, with something to mend."""
    month = billed
    month.import_charges()
    mappings.map_offer(month.portal, 1, 1, item_list_id=None, is_synchronized=True)
    mappings.map_organization(
        month.portal,
        1,
        1,
        customer_list_id=None,
        mode=mappings.list_organizations(month.portal, 1).rows[0].mode,
        is_synchronized=True,
    )
    return month


@pytest.mark.parametrize("path", LISTS)
def test_pages_of_any_size_make_the_same_list(api: Any, billed: Any, path: str) -> None:
    whole = api.every(path, 200)
    assert api.every(path, 1) == whole
    assert api.every(path, 3) == whole


def test_the_lists_are_not_empty(api: Any, billed: Any) -> None:
    empty = {path for path in LISTS if not api.every(path, 200)}
    assert empty <= {f"{C}/preview", f"{C}/preview/left-out"}


def test_a_row_that_comes_meanwhile_hides_no_other(api: Any, month: Any) -> None:
    whole = api.every(f"{C}/offers", 200)
    first = api.get(f"{C}/offers", query_string={"limit": "3"}).json
    with month.portal.database.write() as db:
        db.execute(sa.delete(Organization).where(Organization.id == 10**6))
        db.add(Offer(connection_id=1, key="0-new", name="0 new"))
    rows = first["items"]
    cursor = first["next"]
    while cursor:
        page = api.get(f"{C}/offers", query_string={"limit": "3", "cursor": cursor}).json
        rows += page["items"]
        cursor = page["next"]
    assert rows[:-1] == whole
    assert rows[-1]["key"] == "0-new"


def test_a_cursor_of_another_list_is_refused(api: Any) -> None:
    cursor = api.get(f"{C}/offers", query_string={"limit": "1"}).json["next"]
    for path in (f"{C}/organizations", f"{C}/charges", f"{C}/lists/item", f"{C}/errors"):
        answer = api.get(path, query_string={"cursor": cursor})
        assert (answer.status_code, answer.json["code"]) == (400, "refused"), path
    for text in ("x", "e30", "W10", "!", "\0", "é", "bnVsbA", "W1tdLCBbXV0"):
        assert api.get(f"{C}/offers", query_string={"cursor": text}).status_code == 400, text
    assert api.get(f"{C}/offers", query_string={"cursor": "x" * 3000}).status_code == 422


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "1e1", "9" * 30])
def test_a_page_has_1_to_200_rows(api: Any, limit: str) -> None:
    answer = api.get(f"{C}/offers", query_string={"limit": limit})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "limit")


def test_offers_and_organizations_can_be_filtered(api: Any, billed: Any) -> None:
    for name in ("offers", "organizations"):
        whole = api.every(f"{C}/{name}", 200)
        counts = {}
        for only in ("unmapped", "mapped", "off"):
            rows = api.get(f"{C}/{name}", query_string={"only": only, "limit": "200"}).json["items"]
            counts[only] = len(rows)
        assert sum(counts.values()) == len(whole)
        assert counts["unmapped"] >= 1
    assert api.get(f"{C}/offers", query_string={"only": "all"}).status_code == 422


def test_invoices_can_be_filtered_by_their_state(api: Any, billed: Any) -> None:
    whole = api.every(f"{C}/runs/1/invoices", 200)
    states = {row["state"] for row in whole}
    found = []
    for state in sorted(states):
        query = {"state": state, "limit": "200"}
        found += api.get(f"{C}/runs/1/invoices", query_string=query).json["items"]
    assert sorted(row["id"] for row in found) == [row["id"] for row in whole]
    assert all(row["lines"] for row in whole)


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_page_asks_no_more_questions(api: Any, billed: Any, path: str) -> None:
    counts = []
    for limit in ("2", "200"):
        statements: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any, seen: list[str] = statements) -> None:
            seen.append(statement)

        sa.event.listen(billed.portal.database.engine, "before_cursor_execute", note)
        api.get(path, query_string={"limit": limit})
        sa.event.remove(billed.portal.database.engine, "before_cursor_execute", note)
        counts.append(len(statements))
    # Errors of several kinds are read a kind at a time; a kind with no row on the page is not.
    assert counts[1] <= counts[0] + (8 if path.endswith("errors") else 1)


def test_errors_say_what_to_do_in_the_language_of_the_call(program: Callable[..., Any], billed: Any) -> None:
    french = program(language="fr").every(f"{C}/errors", 200)
    english = program().every(f"{C}/errors", 200)
    assert [row["code"] for row in french] == [row["code"] for row in english]
    assert all(row["what"] for row in english)
    assert [row["what"] for row in french] != [row["what"] for row in english]


def test_an_error_that_is_mended_meanwhile_hides_no_other(api: Any, billed: Any) -> None:
    path = f"{C}/errors"
    with billed.portal.database.write() as db:
        db.execute(sa.update(Offer).values(item_list_id=None, is_synchronized=True))
    whole = api.every(path, 200)
    first = api.get(path, query_string={"limit": "2"}).json
    assert first["items"] == whole[:2]
    mended = next(row for row in first["items"] if row["kind"] == "offers")
    mappings.map_offer(billed.portal, 1, mended["fix_id"], item_list_id=None, is_synchronized=False)
    rest = api.get(path, query_string={"limit": "200", "cursor": first["next"]}).json
    assert first["items"] + rest["items"] == whole


def test_the_qwc_file_is_that_of_the_page(api: Any, admin: Any, month: Any) -> None:
    answer = api.get(f"{C}/qwc")
    assert answer.data == admin.get("/connections/1/qwc").data
    assert answer.mimetype == "application/xml"


def test_a_connection_is_made_once_and_its_password_told_once(api: Any, month: Any, site: Flask) -> None:
    wanted = {"name": "Second books", "billing_mode": "in-advance", "invoice_day": 31, "prorate": ["additions"]}
    made = api.post("/connections", wanted)
    assert made.status_code == 201
    there = made.headers["Location"].removeprefix("/api/v1")
    assert api.get(there).json["name"] == "Second books"
    assert made.json["password"] not in api.get(there).text
    again = api.post("/connections", wanted)
    assert (again.status_code, again.json["code"]) == (409, "conflict")
    assert len(connections.list_connections(month.portal, 1)) == 2
    renewed = api.post(f"{there}/password").json
    assert renewed["password"] != made.json["password"]
    assert api.post("/connections", {**wanted, "name": "Third", "prorate": ["everything"]}).status_code == 400
