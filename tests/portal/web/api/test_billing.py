"""Previews and runs: what was previewed is what is billed, whoever previews and approves where."""

from __future__ import annotations

from typing import Any

import pytest

from portal.services import preview as rules
from portal.services import preview_pages
from portal.services.paging import Wanted

C = "/connections/1"


def preview(api: Any, **query: str) -> dict[str, Any]:
    answer = api.get(f"{C}/preview", query_string={"limit": "200", **query})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def test_the_preview_is_that_of_the_page(api: Any, month: Any) -> None:
    told = preview(api)
    page = preview_pages.read_preview(month.portal, 1, None, Wanted())
    whole = rules.preview(month.portal, 1)
    assert (told["whole"], told["sendable"], told["estimate"]) == (page.whole, page.sendable, f"{page.estimate:f}")
    assert told["invoice_date"] == "2026-11-01"
    own = {one["organization_id"]: one["fingerprint"] for one in told["items"]}
    assert own == {one.organization_id: one.fingerprint for one in whole.drafts}
    lines = {one["organization_id"]: [line["arithmetic"] for line in one["lines"]] for one in told["items"]}
    assert lines == {one.organization_id: [line.arithmetic for line in one.lines] for one in whole.drafts}
    left_out = api.every(f"{C}/preview/left-out", 200)
    assert sorted((row["organization"], row["offer"], row["count"]) for row in left_out) == sorted(
        (row.organization, row.offer, row.count) for row in whole.skipped
    )


def test_what_was_previewed_is_billed_and_reaches_quickbooks(api: Any, month: Any) -> None:
    told = preview(api)
    made = api.post(f"{C}/runs", {"invoice_date": told["invoice_date"], "whole": told["whole"]})
    assert made.status_code == 201, made.text
    assert (made.json["left"], made.json["changed"], made.json["failed"]) == (0, 0, 0)
    there = made.headers["Location"].removeprefix("/api/v1")
    assert api.get(there).json == made.json
    assert month.visit().went_well
    invoices = api.every(f"{there}/invoices", 200)
    sendable = {one["organization"]: one for one in told["items"] if one["held_because"] is None}
    by_name = {one["organization"]: one for one in invoices if one["lines"]}
    assert set(sendable) == set(by_name)
    for name, one in by_name.items():
        assert [line["description"] for line in one["lines"]] == [
            line["description"] for line in sendable[name]["lines"]
        ]
    assert all(one["ref_number"] for one in invoices if one["state"] == "reconciled")
    assert api.get(f"{C}/invoices/{invoices[0]['id']}").json == invoices[0]


def test_some_of_it_can_be_billed_and_the_rest_later(api: Any, month: Any) -> None:
    first, *rest = [one for one in preview(api)["items"] if one["held_because"] is None]
    chosen = {"organization_id": first["organization_id"], "fingerprint": first["fingerprint"]}
    made = api.post(f"{C}/runs", {"approved": [chosen]})
    assert made.status_code == 201
    billed = [one["organization"] for one in api.every(f"{C}/runs/{made.json['id']}/invoices", 200) if one["lines"]]
    assert billed == [first["organization"]]
    again = preview(api)
    assert {one["organization"] for one in again["items"] if one["held_because"] is None} == {
        one["organization"] for one in rest
    }
    later = api.post(f"{C}/runs", {"whole": again["whole"]})
    assert later.json["id"] == made.json["id"]


def test_when_anything_changed_since_nothing_is_billed(api: Any, month: Any) -> None:
    told = preview(api)
    one = next(one for one in told["items"] if one["held_because"] is None)
    version = f"{C}/organizations/{one['organization_id']}/mapping"
    api.put(version, {**api.get(version).json, "po_number": "PO-1"}, "*")
    chosen = {"organization_id": one["organization_id"], "fingerprint": one["fingerprint"]}
    for body in ({"whole": told["whole"]}, {"approved": [chosen]}):
        answer = api.post(f"{C}/runs", body)
        assert (answer.status_code, answer.json["code"]) == (409, "conflict")
        assert "Something changed since the preview" in answer.json["detail"]
    assert api.every(f"{C}/runs") == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"whole": "0" * 32, "approved": [{"organization_id": 1, "fingerprint": "0" * 16}]}, 400),
        ({"whole": "0" * 32}, 409),
        ({"approved": [{"organization_id": 99999, "fingerprint": "0" * 16}]}, 409),
        ({"approved": []}, 422),
        ({"whole": "all"}, 422),
        ({"invoice_date": "2026-11-02", "whole": "0" * 32}, 400),
        ({"invoice_date": "9999-12-31", "whole": "0" * 32}, 400),
        ({"invoice_date": "soon", "whole": "0" * 32}, 422),
    ],
)
def test_what_approves_nothing_bills_nothing(api: Any, month: Any, body: dict[str, Any], status: int) -> None:
    answer = api.post(f"{C}/runs", body)
    assert answer.status_code == status, answer.text
    assert api.every(f"{C}/runs") == []


def test_an_invoice_that_waits_for_nobody_is_not_sent_again(api: Any, month: Any) -> None:
    month.bill()
    invoice = api.every(f"{C}/runs/1/invoices", 200)[0]
    answer = api.post(f"{C}/invoices/{invoice['id']}/retry")
    assert (answer.status_code, answer.json["code"]) == (400, "refused")
    assert "does not wait for you" in answer.json["detail"]
