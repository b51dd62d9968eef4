"""Who may open what: the roles of every route, and the walls between partners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from portal.models import Role
from portal.web.access import declared_roles

OUTSIDER = "charlie@elsewhere.example"
PUBLIC = {
    "/login",
    "/login/code",
    "/logout",
    "/language",
    "/healthz",
    "/password/forgotten",
    "/password/<token>",
    "/setup/<token>",
    "/join",
    "/join/<token>",
    "/join/file",
    "/join/account",
    "/join/forget",
}
OWN = ("/account/", "/join/", "/connections/1/notices/telling")
"""What is under them changes nothing but what is one's own: the log-in, which connections one joined, one's letters."""
PERSONAL = {"/connections/1/notices/dismiss", "/connections/1/notices/bring-back"}
"""What these change is seen by nobody else."""
ENDS_LOG_INS = {"/account/log-ins/end", "/account/log-ins/1/end"}
IDS = {
    "connection_id": 1,
    "run_id": 1,
    "draft_id": 1,
    "cost_id": 1,
    "import_id": 1,
    "organization_id": 1,
    "visit_id": 1,
    "exchange_id": 1,
    "member_id": 1,
    "participant_id": 1,
    "invitation_id": 1,
    "log_in_id": 1,
    "token_id": 1,
    "webhook_id": 1,
    "outbox_id": 1,
}
READERS = (Role.ACCOUNTANT, Role.READ_ONLY)


def routes(site: Flask) -> Iterator[tuple[Rule, str, str]]:
    """Every route but static files: the rule, a method and an address."""
    for rule in site.url_map.iter_rules():
        if rule.endpoint != "static":
            path = rule.rule
            for name, value in IDS.items():
                path = path.replace(f"<int:{name}>", str(value))
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule, method, path


def test_every_route_declares_its_roles(site: Flask) -> None:
    public = set()
    for rule, _, path in routes(site):
        if declared_roles(site.view_functions[rule.endpoint]) is None:
            public.add(path)
    assert public == PUBLIC


def test_nobody_gets_past_the_log_in(site: Flask, stranger: Any) -> None:
    stranger.get("/login")
    for _, method, path in routes(site):
        if path not in PUBLIC:
            answer = stranger.get(path) if method == "GET" else stranger.post(path)
            assert answer.status_code == 303, f"{method} {path}"
            assert answer.location.startswith("/login"), f"{method} {path}"


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_it_declares_and_nothing_else(site: Flask, person: Callable[..., Any], role: Role) -> None:
    who = person(role)
    for rule, method, path in routes(site):
        roles = declared_roles(site.view_functions[rule.endpoint])
        if roles is None:
            continue
        answer = who.get(path) if method == "GET" else who.post(path)
        if path in ENDS_LOG_INS:
            assert answer.status_code == 303
            who.log_in(f"{role}@nordet.example")
        elif role in roles:
            assert answer.status_code != 403, f"{method} {path}"
        else:
            assert answer.status_code == 403, f"{method} {path}"
            assert "Ask an administrator" in answer.text


@pytest.mark.parametrize("role", READERS)
def test_a_reader_can_change_nothing(site: Flask, role: Role) -> None:
    for rule, method, path in routes(site):
        roles = declared_roles(site.view_functions[rule.endpoint])
        if method == "POST" and roles is not None and not path.startswith(OWN) and path not in PERSONAL:
            assert role not in roles, path


def test_who_lacks_a_second_factor_that_is_required_opens_nothing_else(
    site: Flask, month: Any, person: Callable[..., Any]
) -> None:
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE partner SET requires_second_factor = true"))
    who = person(Role.ADMINISTRATOR)
    for _, method, path in routes(site):
        if path in PUBLIC or path == "/account/second-factor":
            continue
        answer = who.get(path) if method == "GET" else who.post(path)
        assert (answer.status_code, answer.location) == (303, "/account/second-factor"), f"{method} {path}"
    assert "requires a second factor" in who.get("/account/second-factor").text


def test_a_part_of_a_page_has_its_page_load_again_when_the_log_in_ended(
    site: Flask, stranger: Any, month: Any, person: Callable[..., Any]
) -> None:
    """Else the log-in page would be drawn into the page."""
    asks = {"HX-Request": "true"}
    who = person(Role.ADMINISTRATOR)
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE partner SET requires_second_factor = true"))
    for _, method, path in routes(site):
        if path in PUBLIC or method != "GET":
            continue
        for asker in (stranger, who):
            if asker is who and path == "/account/second-factor":
                continue
            answer = asker.get(path, headers=asks)
            assert (answer.status_code, answer.text) == (204, ""), path
            assert answer.headers["HX-Refresh"] == "true", path


def test_another_partners_people_do_not_exist(site: Flask, month: Any, person: Callable[..., Any]) -> None:
    person(Role.BILLING)
    with month.portal.database.read() as db:
        people = db.execute(sa.text("SELECT id, user_id, role FROM member ORDER BY id")).all()
    outsider = person(OUTSIDER)
    for rule, method, _ in routes(site):
        if "<int:member_id>" in rule.rule:
            for number, *_rest in people:
                path = rule.rule.replace("<int:member_id>", str(number))
                answer = outsider.get(path) if method == "GET" else outsider.post(path, {"role": "read-only"})
                assert answer.status_code == 404, f"{method} {path}"
                assert "nordet.example" not in answer.text
    assert "nordet.example" not in outsider.get("/people").text
    with month.portal.database.read() as db:
        assert db.execute(sa.text("SELECT id, user_id, role FROM member ORDER BY id")).all()[:2] == people


def test_pages_do_not_offer_what_would_be_refused(person: Callable[..., Any]) -> None:
    reader = person(Role.READ_ONLY)
    assert "New password" not in reader.get("/connections/1").text
    assert ">Save<" not in reader.get("/connections/1/offers").text
    assert "New connection" not in reader.get("/").text
    assert 'href="/people"' not in reader.get("/").text


def test_another_partners_connection_does_not_exist(site: Flask, person: Callable[..., Any]) -> None:
    outsider = person(OUTSIDER)
    for _, method, path in routes(site):
        if "/connections/1" in path:
            answer = outsider.get(path) if method == "GET" else outsider.post(path)
            assert answer.status_code == 404, f"{method} {path}"
            assert "Nordet" not in answer.text, f"{method} {path}"
    assert "QuickBooks Nordet" not in outsider.get("/").text


@pytest.mark.parametrize("origin", ["no partner", "another partner"])
@pytest.mark.parametrize("role", Role)
def test_who_joined_opens_what_the_role_on_the_connection_opens(
    site: Flask,
    person: Callable[..., Any],
    joined: Callable[..., Any],
    other_connection: int,
    role: Role,
    origin: str,
) -> None:
    """Also for who is an administrator at home: there the role on the connection counts, and there alone."""
    email = OUTSIDER if origin == "another partner" else "zoe@stranger.example"
    if origin == "another partner":
        person(OUTSIDER)
    joined("first@stranger.example", Role.READ_ONLY)  # the participant of the addresses below, who is removed by some
    who = joined(email, role)
    for rule, method, path in routes(site):
        roles = declared_roles(site.view_functions[rule.endpoint])
        if roles is None or path in ENDS_LOG_INS:
            continue
        send = who.get if method == "GET" else who.post
        answer = send(path)
        if "connection_id" in rule.arguments:
            assert (answer.status_code == 403) is (role not in roles), f"{method} {path}"
            assert "belongs to another partner" not in answer.text, f"{method} {path}"
            hidden = send(path.replace("/connections/1", f"/connections/{other_connection}"))
            assert hidden.status_code == 404, f"{method} {path} of a connection that was not joined"
            assert "Ontario" not in hidden.text, f"{method} {path}"
        elif origin == "no partner":
            assert (answer.status_code == 403) is (len(roles) < len(Role)), f"{method} {path}"
        else:
            assert answer.status_code != 403, f"{method} {path}"
        assert "administrator@nordet.example" not in answer.text or "connection_id" in rule.arguments, path


def test_who_joined_does_not_see_the_partners_other_connections_or_people(
    joined: Callable[..., Any], other_connection: int
) -> None:
    assert other_connection == 2
    who = joined("zoe@stranger.example", Role.ADMINISTRATOR)
    for path in ("/", "/connections/1", "/connections/1/members", "/connections/1/log", "/configuration", "/account"):
        assert "Ontario" not in who.get(path).text, path
    for path in ("/people", "/connections/new", "/log", "/log.csv"):
        assert who.get(path).status_code == 403, path
    assert 'href="/people"' not in who.get("/").text


def test_who_joined_where_a_second_factor_is_required_sets_one_up_first(month: Any, joined: Callable[..., Any]) -> None:
    who = joined("zoe@stranger.example", Role.ACCOUNTANT)
    assert who.get("/connections/1").status_code == 200
    with month.portal.database.write() as db:
        db.execute(sa.text("UPDATE partner SET requires_second_factor = true"))
    assert who.get("/connections/1").location == "/account/second-factor"


def test_a_route_that_declares_nothing_is_refused_to_everybody(site: Flask, admin: Any) -> None:
    site.view_functions["connections.index"] = lambda: "forgotten"
    answer = admin.get("/")
    assert answer.status_code == 403
    assert "forgotten" not in answer.text
