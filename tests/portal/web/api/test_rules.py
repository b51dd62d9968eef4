"""Export rules over the API: read in words, tried, saved in versions, and refused with the sentences of the page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

RULE = "/connections/1/rule"
EXCEPT_FIRST = {"organizations": {"which": "except", "ids": [1]}}


def counted(sums: list[dict[str, Any]]) -> tuple[int, Decimal]:
    return sum(one["count"] for one in sums), sum((Decimal(one["amount"]) for one in sums), Decimal(0))


def test_before_anybody_saved_one_everything_leaves(api: Any) -> None:
    answer = api.get(RULE)
    assert answer.status_code == 200
    assert (answer.json["version"], answer.json["saved_by"], answer.json["saved_at"]) == (0, None, None)
    assert answer.json["organizations"] == {"which": "all", "ids": []}
    assert api.get(f"{RULE}/versions").json == {"items": [], "next": None}


def test_a_rule_is_tried_without_being_saved(api: Any) -> None:
    everything = api.post(f"{RULE}/effect", {}).json
    tried = api.post(f"{RULE}/effect", EXCEPT_FIRST).json
    assert counted(everything["dropped"]) == (0, 0)
    kept, dropped = counted(tried["kept"]), counted(tried["dropped"])
    assert dropped[0] > 0
    assert (kept[0] + dropped[0], kept[1] + dropped[1]) == counted(everything["kept"])
    assert api.get(RULE).json["version"] == 0


def test_it_is_saved_only_over_the_version_that_was_read(api: Any) -> None:
    read = api.get(RULE)
    assert api.put(RULE, EXCEPT_FIRST).status_code == 428
    saved = api.put(RULE, EXCEPT_FIRST, read.headers["ETag"])
    assert (saved.status_code, saved.json["version"]) == (200, 1)
    assert saved.headers["ETag"] == api.get(RULE).headers["ETag"] != read.headers["ETag"]
    late = api.put(RULE, {}, read.headers["ETag"])
    assert (late.status_code, late.json["code"]) == (412, "stale")
    assert api.put(RULE, {}, "*").json["version"] == 2


def test_it_comes_back_as_it_was_sent_and_in_words_of_both_languages(api: Any) -> None:
    sent = {
        "organizations": {"which": "only", "ids": [1, 2]},
        "offers": {"which": "except", "ids": [3]},
        "dates": {"span": "between", "by": "import", "first": "2026-01-01", "last": "2026-12-31", "days": None},
        "any_of": [{"name": "region", "value": "east"}],
        "none_of": [{"name": "internal", "value": ""}],
        "kinds": ["recurring"],
        "cycles": ["monthly"],
        "least": "-10.00",
        "most": "99999.50",
    }
    saved = api.put(RULE, sent, "*")
    assert saved.status_code == 200, saved.text
    assert {name: saved.json[name] for name in sent} == sent
    french = api.get(RULE, headers={"Accept-Language": "fr"}).json["words"]
    assert "internal" in saved.json["words"]
    assert french != saved.json["words"]


def test_versions_come_in_pages_newest_first(api: Any) -> None:
    for most in ("10.00", "20.00", "30.00"):
        api.put(RULE, {"most": most}, "*")
    assert [one["version"] for one in api.every(f"{RULE}/versions")] == [3, 2, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"organizations": {"which": "only", "ids": []}},
        {"organizations": {"which": "only", "ids": [99999]}},
        {"dates": {"span": "since"}},
        {"dates": {"span": "between", "first": "2026-02-01", "last": "2026-01-01"}},
        {"least": "10.00", "most": "5.00"},
        {"least": "0.001"},
        {"any_of": [{"name": "a"}], "none_of": [{"name": "a"}]},
    ],
)
def test_what_cannot_be_a_rule_is_refused_with_the_remedy(api: Any, wrong: dict[str, Any]) -> None:
    answer = api.put(RULE, wrong, "*")
    assert (answer.status_code, answer.json["code"]) == (400, "refused"), answer.text
    assert answer.json["detail"]
    assert api.get(RULE).json["version"] == 0


def test_another_partner_sees_no_rule(foreign: Any) -> None:
    assert foreign.get(RULE).status_code == 404
    assert foreign.put(RULE, {}, "*").status_code == 404


def test_to_read_is_not_to_write(program: Any) -> None:
    reader = program(["rules:read"])
    assert reader.get(RULE).status_code == 200
    assert reader.put(RULE, {}, "*").status_code == 403
