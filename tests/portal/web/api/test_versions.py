"""What two people may change: asked for with its version, and nobody's change is lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import AuditEntry

OFFER = "/connections/1/offers/1/mapping"
ORGANIZATION = "/connections/1/organizations/1/mapping"
SETTINGS = "/connections/1/settings"


@pytest.mark.parametrize("path", [OFFER, ORGANIZATION])
def test_a_mapping_is_replaced_only_in_the_version_that_was_read(api: Any, path: str) -> None:
    read = api.get(path)
    version = read.headers["ETag"]
    wanted = {**read.json, "is_synchronized": not read.json["is_synchronized"]}
    assert (api.put(path, wanted).status_code, api.put(path, wanted).json["code"]) == (428, "precondition-required")
    saved = api.put(path, wanted, version)
    assert (saved.status_code, saved.json) == (200, wanted)
    late = api.put(path, read.json, version)
    assert (late.status_code, late.json["code"]) == (412, "stale")
    assert api.get(path).json == wanted
    assert api.get(path).headers["ETag"] == saved.headers["ETag"] != version


def test_settings_are_changed_only_in_the_version_that_was_read(api: Any, month: Any) -> None:
    read = api.get(SETTINGS)
    version = read.headers["ETag"]
    assert api.patch(SETTINGS, {"invoice_day": 15}).status_code == 428
    saved = api.patch(SETTINGS, {"invoice_day": 15}, version)
    assert saved.json == {**read.json, "invoice_day": 15}
    late = api.patch(SETTINGS, {"approval": "manual"}, version)
    assert (late.status_code, late.json["code"]) == (412, "stale")
    assert api.get(SETTINGS).json == saved.json
    assert api.patch(SETTINGS, {"approval": "manual"}, saved.headers["ETag"]).json["approval"] == "manual"


def test_a_person_on_the_page_and_a_program_do_not_overwrite_each_other(api: Any, admin: Any) -> None:
    version = api.get(SETTINGS).headers["ETag"]
    admin.get("/connections/1/billing")
    api_before = api.get(SETTINGS).json
    other = api.patch(SETTINGS, {"description": "{offer}"}, version)
    assert other.status_code == 200, other.text
    assert api.patch(SETTINGS, {"description": ""}, version).status_code == 412
    assert api.get(SETTINGS).json == {**api_before, "description": "{offer}"}


@pytest.mark.parametrize("header", ['"0123456789abcdef"', 'W/"0123456789abcdef"', "0123456789abcdef", "x", '""'])
def test_a_version_that_is_none_is_stale(api: Any, header: str) -> None:
    wanted = api.get(OFFER).json
    assert api.put(OFFER, wanted, header).status_code == 412


def test_any_version_can_be_asked_for_in_so_many_words(api: Any) -> None:
    assert api.put(OFFER, {"item_list_id": None, "is_synchronized": False}, "*").status_code == 200


def test_what_a_proxy_writes_after_a_version_does_not_count(api: Any) -> None:
    read = api.get(OFFER)
    version = read.headers["ETag"].strip('"')
    for header in (f'"{version}:br"', f'"{version}-gzip"', f'W/"{version}"'):
        assert api.put(OFFER, read.json, header).status_code == 200, header


def test_of_two_at_the_same_moment_one_wins_and_the_other_is_told(api: Any) -> None:
    read = api.get(OFFER)
    barrier, answers = threading.Barrier(4), []

    def change(is_synchronized: bool) -> None:
        barrier.wait()
        wanted = {**read.json, "item_list_id": None, "is_synchronized": is_synchronized}
        answers.append(api.put(OFFER, wanted, read.headers["ETag"]).status_code)

    threads = [threading.Thread(target=change, args=(bool(number % 2),)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(answers) == [200, 412, 412, 412]


def test_what_a_program_changes_is_in_the_log_under_its_name(api: Any, month: Any) -> None:
    api.put(OFFER, {"item_list_id": None, "is_synchronized": False}, "*")
    api.patch(SETTINGS, {"approval": "manual"}, "*")
    api.post("/connections/1/password")
    with month.portal.database.read() as db:
        rows = db.execute(sa.select(AuditEntry.action, AuditEntry.who, AuditEntry.detail)).all()
    assert {(row.action, row.who) for row in rows[-3:]} == {
        ("map", "API: Distributor"),
        ("change-settings", "API: Distributor"),
        ("show-password", "API: Distributor"),
    }
    assert next(row.detail["how"] for row in rows if row.who == "API: Distributor" and row.action == "map") == "api"


def test_what_cannot_be_chosen_is_refused_with_the_sentence_of_the_page(api: Any) -> None:
    answer = api.put(OFFER, {"item_list_id": "80009999-1", "is_synchronized": True}, "*")
    assert (answer.status_code, answer.json["code"]) == (400, "refused")
    assert answer.json["detail"].startswith("QuickBooks has no such item any more.")
    wanted = api.get(ORGANIZATION).json
    for changed, told in (
        ({"po_number": "漢字"}, "QuickBooks cannot keep"),
        ({"other1": "{nothing}"}, "is no placeholder"),
        ({"class_list_id": "80009999-1"}, "The class is no longer in QuickBooks."),
    ):
        refused = api.put(ORGANIZATION, {**wanted, **changed}, "*")
        assert refused.status_code == 400, changed
        assert told in refused.json["detail"]
    assert api.get(ORGANIZATION).json == wanted


def test_the_billing_mode_is_no_setting_that_can_be_changed(api: Any) -> None:
    answer = api.patch(SETTINGS, {"billing_mode": "in-advance"}, "*")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "billing_mode")
    assert api.patch(SETTINGS, {"time_zone": "Mars/Olympus"}, "*").status_code == 400
    assert api.patch(SETTINGS, {"start_date": None}, "*").json["start_date"] is None
