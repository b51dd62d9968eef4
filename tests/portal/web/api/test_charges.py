"""Charges pushed: each row with its own answer, the same again changes nothing, and what is billed is corrected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import Charge, Delivery
from portal.services.charge_states import ChargeState
from portal.web.api.shapes.charges import EXAMPLE

PATH = "/connections/1/charges"


def charge(key: str = "a", **changed: Any) -> dict[str, Any]:
    return {**EXAMPLE, "key": key, **changed}


def push(api: Any, *rows: Any) -> dict[str, Any]:
    answer = api.post(PATH, {"charges": list(rows)})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def outcomes(told: dict[str, Any]) -> list[str]:
    return [row["outcome"] for row in told["rows"]]


def test_a_charge_is_made_once_however_often_it_is_pushed(api: Any, month: Any) -> None:
    before = len(api.every(PATH, 200))
    first = push(api, charge("a"), charge("b"))
    assert outcomes(first) == ["made", "made"]
    assert (first["made"], first["changed"], first["unchanged"], first["refused"]) == (2, 0, 0, 0)
    assert first["import_id"]
    again = push(api, charge("b"), charge("a"))
    assert outcomes(again) == ["unchanged", "unchanged"]
    assert again["import_id"] is None
    rows = api.every(PATH, 200)[before:]
    assert [row["key"] for row in rows] == ["api:a", "api:b"]
    assert (rows[0]["amount"], rows[0]["quantity"], rows[0]["last"]) == ("291.60", "12", "2026-10-31")
    assert rows[0]["tags"] == [["region", "Québec"]]
    assert (rows[0]["provider"], rows[0]["is_billed"]) == ("api", False)
    assert api.get(f"{PATH}/{rows[0]['id']}").json == rows[0]


def test_a_changed_charge_takes_the_place_of_the_one_before(api: Any) -> None:
    push(api, charge("a"), charge("b"))
    told = push(api, charge("a", quantity="13", amount="315.90"))
    assert outcomes(told) == ["changed"]
    kept = {row["key"]: row["quantity"] for row in api.every(PATH, 200) if row["provider"] == "api"}
    assert kept == {"api:a": "13", "api:b": "12"}


def test_what_a_push_does_not_list_stays(api: Any) -> None:
    count = len(api.every(PATH, 200))
    push(api, charge("a"))
    push(api, charge("b"))
    push(api, charge("b", quantity="1", amount="24.30"))
    assert len(api.every(PATH, 200)) == count + 2


def test_bad_rows_are_refused_with_the_reason_and_keep_no_other(program: Callable[..., Any]) -> None:
    api = program(language="fr")
    told = push(
        api,
        charge("good"),
        charge("float", amount=12.5),
        charge("words", amount="12,50"),
        charge("backwards", start="2026-10-31", last="2026-10-01"),
        charge("old", start="1026-10-01"),
        charge("negative", amount="-5"),
        charge("credit", kind="credit"),
        charge("good", quantity="99"),
        charge("kind", kind="free"),
        charge("more", price="1"),
        charge("blank", organization="\u00a0"),
        {"key": "empty"},
        "charge",
        None,
        charge("last"),
    )
    assert outcomes(told) == ["made", *["refused"] * 13, "made"]
    assert [row["row"] for row in told["rows"]] == list(range(15))
    assert [row["key"] for row in told["rows"]][11:] == ["empty", None, None, "last"]
    reasons = [row["reason"] for row in told["rows"]]
    assert reasons[0] is None
    assert reasons[2] == (
        'amount: Ce n\'est pas un nombre. Écrivez-le entre guillemets et avec un point, comme "12.50".'
    )
    assert reasons[3].startswith("La période finit le 2026-10-01")
    assert "avant son début" in reasons[3]
    assert reasons[7].startswith("Cette clé figure déjà")
    assert "recurring" in reasons[8]
    assert reasons[9] == "price: Ce champ n'existe pas. Cherchez-le dans la référence de l'API."
    assert all(reasons[1:14])


def test_a_push_of_nothing_and_one_of_too_much_are_refused_whole(api: Any) -> None:
    for charges in ([], [charge(str(number)) for number in range(10_001)]):
        answer = api.post(PATH, {"charges": charges})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["field"] == "charges"


def test_what_was_billed_is_given_back_and_charged_anew(api: Any, month: Any) -> None:
    names = {row["key"]: row for row in api.every("/connections/1/organizations", 200)}
    offers = {row["key"]: row for row in api.every("/connections/1/offers", 200)}
    organization = next(key for key, row in names.items() if row["problem"] is None)
    offer = next(key for key, row in offers.items() if row["problem"] is None)
    own = {"organization": organization, "offer_key": offer}
    push(api, charge("a", **own))
    month.bill()
    assert outcomes(push(api, charge("a", **own))) == ["unchanged"]
    assert outcomes(push(api, charge("a", quantity="10", amount="243.00", **own))) == ["changed"]
    rows = [row for row in api.every(PATH, 200) if row["key"] == "api:a"]
    assert [row["is_billed"] for row in rows] == [True, False, False]
    assert rows[1]["reverses_id"] == rows[0]["id"]
    assert rows[2]["quantity"] == "10"


def test_a_pushed_charge_never_meets_one_of_a_file(api: Any, month: Any) -> None:
    with month.portal.database.read() as db:
        key = db.scalars(sa.select(Charge.key).limit(1)).one()
        count = db.scalar(sa.select(sa.func.count(Charge.id)))
    if len(key) <= 64:
        assert outcomes(push(api, charge(key))) == ["made"]
    month.import_charges()
    with month.portal.database.read() as db:
        assert db.scalar(sa.select(sa.func.count(Charge.id))) == count + (len(key) <= 64)


def test_a_charge_that_moves_to_another_organization_is_changed(api: Any) -> None:
    push(api, charge("a", organization="One inc."))
    assert outcomes(push(api, charge("a", organization="Two inc."))) == ["changed"]
    assert outcomes(push(api, charge("a", organization="Two inc."))) == ["unchanged"]
    assert [row["organization"] for row in api.every(PATH, 200) if row["key"] == "api:a"] == ["Two inc."]


def test_pushes_are_listed_as_imports_under_the_name_of_the_token(api: Any, admin: Any) -> None:
    push(api, charge("a"))
    page = admin.get("/connections/1/charges").text
    assert "API: Distributor" in page
    assert admin.get("/connections/1/insight").status_code == 200


@pytest.mark.parametrize("rows", [1, 10])
def test_a_push_asks_as_many_questions_for_one_charge_as_for_ten(api: Any, month: Any, rows: int) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    push(api, charge("warm"))
    sa.event.listen(month.portal.database.engine, "before_cursor_execute", note)
    push(api, *(charge(str(number)) for number in range(rows)))
    sa.event.remove(month.portal.database.engine, "before_cursor_execute", note)
    assert len(statements) <= 20


def test_it_is_the_same_on_postgresql(any_month: Any) -> None:
    from datetime import timedelta

    from portal.app import create_app
    from portal.models import Scope
    from portal.services.api import tokens

    who = _administrator(any_month)
    text = tokens.make_token(any_month.portal, who, "Tool", tuple(Scope), timedelta(days=1)).text
    client = create_app(any_month.portal).test_client()
    given = {"json": {"charges": [charge("a"), charge("b", amount="x"), charge("c")]}}
    headers = {"Authorization": f"Bearer {text}"}
    for expected in (["made", "refused", "made"], ["unchanged", "refused", "unchanged"]):
        answer = client.post("/api/v1" + PATH, headers=headers, **given)
        assert outcomes(answer.json) == expected
    with any_month.portal.database.read() as db:
        assert db.scalar(sa.select(sa.func.count(Delivery.id)).filter_by(provider="api")) == 1
    for path in ("charges", "offers", "organizations", "runs", "visits", "errors", "preview", "lists/item"):
        assert client.get(f"/api/v1/connections/1/{path}?limit=2", headers=headers).status_code == 200, path


def _administrator(month: Any) -> Any:
    from portal.models import Role
    from portal.services import accounts

    return accounts.add_user(
        month.portal,
        "keeper@example.com",
        partner="Nordet Infogérance inc.",
        role=Role.ADMINISTRATOR,
        password="correct horse battery",
    )


def test_a_charge_is_taken_back_by_pushing_nothing_under_its_key(api: Any, month: Any) -> None:
    names = api.every("/connections/1/organizations", 200)
    offers = api.every("/connections/1/offers", 200)
    own = {
        "organization": next(row["key"] for row in names if row["problem"] is None),
        "offer_key": next(row["key"] for row in offers if row["problem"] is None),
    }
    push(api, charge("a", **own))
    month.bill()
    assert outcomes(push(api, charge("a", quantity="0", amount="0", **own))) == ["changed"]
    waiting = [row for row in api.every(PATH, 200) if row["key"] == "api:a" and not row["is_billed"]]
    assert waiting[0]["reverses_id"]
    assert all(row["quantity"] == "0" for row in waiting[1:])


def keys(api: Any, limit: int = 2, **filters: str) -> list[str]:
    """What the filters leave, gathered page by page."""
    found: list[str] = []
    query = {"limit": str(limit), **filters}
    while True:
        answer = api.get(PATH, query_string=query)
        assert answer.status_code == 200, answer.text
        found += [row["key"] for row in answer.json["items"]]
        if answer.json["next"] is None:
            return found
        query["cursor"] = answer.json["next"]


def test_the_ledger_is_filtered_as_its_page_is(api: Any) -> None:
    push(
        api,
        charge("a", organization="Filtered inc.", tags={"region": "Québec"}),
        charge("b", organization="Filtered inc.", kind="usage", cycle="one-time", offer_key="U-1", tags={}),
        charge("c", organization="Filtered inc.", currency="USD", start="2026-09-01", last="2026-09-30", tags={}),
    )
    rows = {row["key"]: row for row in api.every(PATH, 200)}
    mine = str(rows["api:a"]["organization_id"])

    def own(**filters: str) -> list[str]:
        found = keys(api, organization_id=mine, **filters)
        assert found == keys(api, 200, organization_id=mine, **filters)
        return [key.removeprefix("api:") for key in found]

    assert own() == ["a", "b", "c"]
    assert own(kind="usage") == own(cycle="one-time") == own(offer_id=str(rows["api:b"]["offer_id"])) == ["b"]
    assert own(currency="USD") == own(until="2026-09-30") == ["c"]
    assert own(since="2026-10-01") == own(since="2026-10-01", by="charge") == ["a", "b"]
    assert own(tag="region") == own(tag="region: Québec") == ["a"]
    assert own(tag="region: Ontario") == own(by="import", until="2020-01-01") == own(run_id="99") == []
    assert own(import_id=str(10**6)) == own(search="nobody") == []
    assert own(state="rejected") == ["a", "b", "c"]
    assert keys(api, search="filtered") == ["api:a", "api:b", "api:c"]
    states = [len(keys(api, 200, state=state.value)) for state in ChargeState]
    assert sum(states) == len(rows)


def test_a_charge_that_comes_meanwhile_neither_hides_nor_repeats_another(api: Any) -> None:
    push(api, *(charge(str(number), organization="Paged inc.") for number in range(5)))
    mine = {"search": "paged", "limit": "2"}
    first = api.get(PATH, query_string=mine).json
    push(api, charge("0", organization="Elsewhere inc."), charge("5", organization="Paged inc."))
    second = api.get(PATH, query_string={**mine, "limit": "200", "cursor": first["next"]}).json
    assert [row["key"] for row in first["items"] + second["items"]] == [f"api:{number}" for number in range(6)]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", "gone"),
        ("organization_id", "x"),
        ("offer_id", "0"),
        ("run_id", "9" * 30),
        ("import_id", "-1"),
        ("kind", "free"),
        ("cycle", "weekly-ish"),
        ("currency", "cad"),
        ("tag", "x" * 201),
        ("since", "31/10/2026"),
        ("until", "2026-02-30"),
        ("by", "invoice"),
        ("search", "\0"),
        ("colour", "blue"),
    ],
)
def test_a_filter_that_cannot_be_taken_is_named(api: Any, field: str, value: str) -> None:
    answer = api.get(PATH, query_string={field: value})
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert [wrong["field"] for wrong in answer.json["errors"]] == [field]
    assert answer.json["errors"][0]["detail"]


def test_the_filters_of_another_partners_charges_find_nothing(foreign: Any) -> None:
    assert foreign.get(PATH, query_string={"state": "waiting"}).status_code == 404
