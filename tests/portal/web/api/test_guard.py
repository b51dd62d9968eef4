"""Who may call what: scopes × routes × partners, tokens that are none, cookies that count for nothing, and quotas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask import Flask

from portal.models import Role, Scope
from portal.web.api.guard import CALLS, FAILURES, declared_scope

IDS = {
    "<int:connection_id>": "1",
    "<int:partner_id>": "1",
    "<int:offer_id>": "1",
    "<int:organization_id>": "1",
    "<int:charge_id>": "1",
    "<int:run_id>": "1",
    "<int:invoice_id>": "1",
    "<int:visit_id>": "1",
    "<kind>": "item",
}


def api_of(site: Flask) -> APIFlask:
    return site.extensions["api"]


def routes(site: Flask) -> Iterator[tuple[str, str, Scope | None]]:
    """Every route of the API: a method, an address, and the scope that it declares."""
    api = api_of(site)
    for rule in api.url_map.iter_rules():
        if rule.endpoint == "openapi.spec":
            continue
        path = rule.rule
        for part, value in IDS.items():
            path = path.replace(part, value)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, path, declared_scope(api.view_functions[rule.endpoint])


def test_every_route_declares_its_scope_and_every_scope_opens_something(site: Flask) -> None:
    declared = {scope for _, _, scope in routes(site)}
    assert declared == {*Scope, None}
    assert len(list(routes(site))) >= 35


COMPUTED = "/connections/1/rule/effect"
"""Asked for with a body, and changes nothing."""


def test_to_change_something_needs_a_scope_to_write_and_to_see_it_one_to_read(site: Flask) -> None:
    for method, path, scope in routes(site):
        if scope is not None:
            is_read = method == "GET" or path == COMPUTED
            assert scope.value.endswith(":read" if is_read else ":write"), path


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_opens_what_declares_it_and_nothing_else(
    site: Flask, program: Callable[..., Any], scope: Scope
) -> None:
    caller = program([scope])
    for method, path, needed in routes(site):
        answer = caller.call(method, path, **({} if method == "GET" else {"json": {}}))
        if needed in (None, scope):
            assert answer.status_code not in (401, 403), f"{method} {path}"
        else:
            assert answer.status_code == 403, f"{method} {path}"
            assert needed is not None
            assert needed.value in answer.json["detail"]
            assert answer.json["code"] == "forbidden"


def test_another_partners_connection_does_not_exist(site: Flask, foreign: Any, month: Any) -> None:
    month.bill()
    for method, path, _ in routes(site):
        if path.startswith(("/connections/1", "/partners/1")):
            answer = foreign.call(method, path, **({} if method == "GET" else {"json": {}}))
            assert answer.status_code == 404, f"{method} {path}"
            assert answer.json["code"] == "not-found"
            assert "Nordet" not in answer.text
    assert foreign.every("/connections") == []
    assert [one["name"] for one in foreign.every("/partners")] == ["Elsewhere"]


def test_rows_of_another_connection_do_not_exist_under_ones_own(site: Flask, foreign: Any, month: Any) -> None:
    month.bill()
    made = foreign.post("/connections", {"name": "Own", "billing_mode": "in-arrears", "invoice_day": 1})
    own = f"/connections/{made.json['id']}"
    for path in (
        *("/offers/1", "/offers/1/mapping", "/organizations/1", "/organizations/1/mapping"),
        *("/charges/1", "/runs/1", "/runs/1/invoices", "/invoices/1", "/visits/1", "/visits/1/exchanges"),
    ):
        assert foreign.get(own + path).status_code == 404, path
    for path in ("/offers", "/organizations", "/charges", "/runs", "/visits", "/lists/item", "/lists/customer"):
        assert foreign.every(own + path) == [], path
    nothing = {"item_list_id": None, "is_synchronized": False}
    assert foreign.put(f"{own}/offers/1/mapping", nothing, "*").status_code == 404
    assert foreign.post(f"{own}/invoices/1/retry").status_code == 404


@pytest.mark.parametrize("text", ["", "x", "portal_", "portal_" + "x" * 43, "portal_é", "portal_" + "x" * 5000])
def test_a_call_without_a_known_token_opens_nothing(site: Flask, program: Callable[..., Any], text: str) -> None:
    caller = program()
    caller.token = text.encode().decode("latin-1")
    answer = caller.get("/connections")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "unauthenticated"


def test_no_route_opens_without_a_token(site: Flask, api: Any) -> None:
    api.token = None
    for method, path, _ in routes(site):
        assert api.call(method, path).status_code in (401, 429), path


def test_the_token_must_be_a_bearer_token(site: Flask, api: Any) -> None:
    client = site.test_client()
    for value in (f"Basic {api.token}", f"{api.token}", f"Token {api.token}"):
        assert client.get("/api/v1/token", headers={"Authorization": value}).status_code == 401
    assert client.get(f"/api/v1/token?token={api.token}").status_code == 401
    assert client.get("/api/v1/token", headers={"Authorization": f"bearer  {api.token}"}).status_code == 200


def test_a_log_in_of_a_browser_counts_for_nothing(person: Callable[..., Any]) -> None:
    admin = person(Role.ADMINISTRATOR)
    answer = admin.client.get("/api/v1/connections")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    posted = admin.client.post("/api/v1/connections/1/password")
    assert posted.status_code == 401


def test_a_token_counts_for_nothing_on_the_pages(site: Flask, api: Any) -> None:
    answer = site.test_client().get("/connections/1", headers={"Authorization": f"Bearer {api.token}"})
    assert answer.status_code == 303


def test_who_calls_too_often_waits_and_is_told_how_long(api: Any, foreign: Any, month: Any) -> None:
    first = api.get("/token")
    assert first.headers["RateLimit-Policy"] == f'"default";q={CALLS};w=60'
    assert first.headers["RateLimit"] == f'"default";r={CALLS - 1};t=60'
    month.clock.at += timedelta(seconds=20)
    for _ in range(CALLS - 1):
        last = api.get("/token")
    assert (last.status_code, last.headers["RateLimit"]) == (200, '"default";r=0;t=40')
    refused = api.get("/token")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert refused.json["code"] == "too-many-calls"
    assert foreign.get("/token").status_code == 200
    month.clock.at += timedelta(seconds=40)
    assert api.get("/token").status_code == 200


def test_wrong_tokens_wait_and_known_ones_from_the_same_place_do_not(program: Callable[..., Any]) -> None:
    good, bad = program(), program()
    bad.token = "portal_wrong"
    assert [bad.get("/token").status_code for _ in range(FAILURES + 1)] == [*[401] * FAILURES, 429]
    assert good.get("/token").status_code == 200


def test_an_address_that_is_none_is_a_problem_too(api: Any) -> None:
    for path in ("/nothing", "/connections/x", "/connections/99999999999", "/connections/1/lists/secrets"):
        answer = api.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "not-found"), path
    answer = api.call("DELETE", "/connections/1")
    assert (answer.status_code, answer.json["code"]) == (405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"]


def test_problems_are_said_in_the_language_of_the_call(program: Callable[..., Any]) -> None:
    french = program(language="fr-CA,fr;q=0.9")
    answer = french.get("/connections/99")
    assert answer.json["detail"] == "Cette connexion n'existe pas, ou elle appartient à un autre partenaire."
    assert answer.headers["Content-Language"] == "fr"
    assert "Accept-Language" in answer.headers["Vary"]
    assert french.post("/connections", {"name": ""}).json["title"] == "Certains champs ne peuvent pas être pris"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"', b"null", b'{"name": "\\ud800"}'])
def test_a_body_that_is_no_object_is_a_problem(api: Any, body: bytes) -> None:
    answer = api.call("POST", "/connections", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.mimetype == "application/problem+json"
