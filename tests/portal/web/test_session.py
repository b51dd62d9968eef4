"""Logging in and out, and the language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from portal.models import LogIn, Role, User
from portal.services.accounts import add_user
from portal.web.throttle import MOST, WINDOW, Throttle

ADMINISTRATOR = "administrator@nordet.example"
PASSWORD = "correct horse battery"


def test_a_page_asks_for_the_log_in_and_comes_back_to_it(stranger: Any) -> None:
    asked = stranger.get("/connections/1/status")
    assert (asked.status_code, asked.location) == (303, "/login?next=/connections/1/status")
    stranger.get(asked.location)
    entered = stranger.post(
        "/login",
        {"email": ADMINISTRATOR, "password": "correct horse battery", "next": "/connections/1/status"},
    )
    assert (entered.status_code, entered.location) == (303, "/connections/1/status")


def test_a_wrong_password_is_said_and_the_address_stays_filled_in(stranger: Any) -> None:
    answer = stranger.log_in(ADMINISTRATOR, "wrong")
    assert answer.status_code == 401
    assert "do not belong together" in answer.text
    assert f'value="{ADMINISTRATOR}"' in answer.text


def test_ten_failures_make_the_next_attempt_wait_even_with_the_right_password(
    stranger: Any, site: Flask, month: Any
) -> None:
    for _ in range(MOST):
        assert stranger.log_in(ADMINISTRATOR, "wrong").status_code == 401
    refused = stranger.log_in(ADMINISTRATOR)
    assert refused.status_code == 429
    assert "Try again in 5 minutes" in refused.text
    assert stranger.log_in("billing@nordet.example").status_code == 401, "somebody else is not held up"
    month.clock.at += WINDOW + timedelta(seconds=1)
    assert stranger.log_in(ADMINISTRATOR).status_code == 303


def test_guesses_from_the_same_address_do_not_lock_out_a_browser_that_is_known(
    site: Flask, person: Callable[..., Any], stranger: Any
) -> None:
    """Behind a proxy, everybody has its address."""
    known = person(Role.ADMINISTRATOR)
    known.post("/logout")
    for _ in range(MOST):
        assert stranger.log_in(ADMINISTRATOR, "wrong").status_code == 401
    assert stranger.log_in(ADMINISTRATOR).status_code == 429
    assert known.log_in(ADMINISTRATOR).status_code == 303


def test_a_known_browser_has_a_counter_of_its_own(person: Callable[..., Any], stranger: Any) -> None:
    known = person(Role.ADMINISTRATOR)
    known.post("/logout")
    for _ in range(MOST):
        assert known.log_in(ADMINISTRATOR, "wrong").status_code == 401
    assert known.log_in(ADMINISTRATOR).status_code == 429
    assert stranger.log_in(ADMINISTRATOR).status_code == 303, "nobody else is held up by it"


def test_a_browser_is_known_for_those_who_logged_in_there(person: Callable[..., Any], stranger: Any) -> None:
    known = person(Role.BILLING)
    known.post("/logout")
    for _ in range(MOST):
        stranger.log_in(ADMINISTRATOR, "wrong")
    assert known.log_in(ADMINISTRATOR).status_code == 429, "it is not known for the administrator"


def test_a_cookie_that_makes_a_browser_known_cannot_be_made_up(
    person: Callable[..., Any], stranger: Any, site: Flask
) -> None:
    value = person(Role.ADMINISTRATOR).client.get_cookie("portal_device").value
    payload, _, signature = value.rpartition(".")
    for made_up in (f"{payload}.{signature[::-1]}", f"x{value}", "x", ""):
        stranger.client.set_cookie("portal_device", made_up)
        for _ in range(MOST):
            stranger.log_in(ADMINISTRATOR, "wrong")
        assert stranger.log_in(ADMINISTRATOR).status_code == 429
    assert "nordet" not in value


def test_a_browser_remembers_five_people(person: Callable[..., Any], stranger: Any, month: Any) -> None:
    accounts = [f"p{number}@nordet.example" for number in range(6)]
    for email in accounts:
        add_user(month.portal, email, partner="Nordet Infogérance inc.", role=Role.BILLING, password=PASSWORD)
        stranger.log_in(email)
        stranger.post("/logout")
    value = stranger.client.get_cookie("portal_device").value
    assert len(value) < 400
    guesser = person(Role.READ_ONLY)
    guesser.post("/logout")
    for email in (accounts[0], accounts[5]):
        for _ in range(MOST):
            guesser.log_in(email, "wrong")
    assert stranger.log_in(accounts[5]).status_code == 303
    stranger.post("/logout")
    assert stranger.log_in(accounts[0]).status_code == 429, "the one of longest ago is forgotten"


def test_guesses_are_counted_before_they_are_checked() -> None:
    """Ten at once and then ten more would be twenty, if they counted when their answer is known."""
    throttle, now = Throttle(most=3), datetime(2026, 11, 1, tzinfo=UTC)
    waits = [throttle.attempt(("a",), now) for _ in range(5)]
    assert waits == [None, None, None, WINDOW, WINDOW]
    assert throttle.attempt(("b",), now) is None
    assert throttle.attempt(("a",), now + WINDOW - timedelta(seconds=1)) == timedelta(seconds=1)
    assert throttle.attempt(("a",), now + WINDOW) is None
    throttle.succeeded(("a",))
    assert throttle.attempt(("a",), now + WINDOW) is None


def test_the_memory_of_guesses_is_bounded() -> None:
    throttle, now = Throttle(), datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(10_050):
        throttle.attempt((str(number),), now)
    assert len(throttle._attempts) == 10_000


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/a\\b",
        "javascript:alert(1)",
        "/a\nb",
        "connections",
    ],
)
def test_the_log_in_never_leads_to_another_site(stranger: Any, target: str) -> None:
    stranger.get("/login")
    answer = stranger.post("/login", {"email": ADMINISTRATOR, "password": "correct horse battery", "next": target})
    assert (answer.status_code, answer.location) == (303, "/")


def test_logging_out_ends_the_log_in(admin: Any) -> None:
    assert admin.get("/").status_code == 200
    assert admin.post("/logout").location == "/login"
    assert admin.get("/").status_code == 303


def test_logging_in_leaves_nothing_of_the_session_before(stranger: Any) -> None:
    with stranger.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    stranger.log_in(ADMINISTRATOR)
    with stranger.client.session_transaction() as session:
        assert "planted" not in session


def test_a_cookie_that_was_planted_is_not_the_one_that_is_logged_in(site: Flask, stranger: Any) -> None:
    """Session fixation: what somebody knew of the cookie before the log-in opens nothing after it."""
    stranger.get("/login")
    planted = stranger.client.get_cookie("portal_session").value
    stranger.log_in(ADMINISTRATOR)
    assert stranger.client.get_cookie("portal_session").value != planted
    thief = site.test_client()
    thief.set_cookie("portal_session", planted)
    assert thief.get("/").status_code == 303


def test_each_log_in_has_a_token_of_its_own(person: Callable[..., Any]) -> None:
    tokens = set()
    for _ in range(2):
        with person(Role.ADMINISTRATOR).client.session_transaction() as session:
            tokens.add(session["token"])
    assert len(tokens) == 2


def test_logging_in_again_ends_the_log_in_before(person: Callable[..., Any], month: Any) -> None:
    here = person(Role.ADMINISTRATOR)
    here.client.get("/login")
    here.post("/login", {"email": ADMINISTRATOR, "password": "correct horse battery"})
    with month.portal.database.read() as db:
        assert db.query(LogIn).count() == 1


def test_logging_out_leaves_the_other_browsers_logged_in(person: Callable[..., Any]) -> None:
    here, there = person(Role.ADMINISTRATOR), person(Role.ADMINISTRATOR)
    here.post("/logout")
    assert here.get("/").status_code == 303
    assert there.get("/").status_code == 200


def test_a_deactivated_person_is_out_at_once(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.query(User).filter_by(email=ADMINISTRATOR).one().is_active = False
    assert admin.get("/").status_code == 303


def test_a_page_that_asks_by_itself_does_not_keep_the_log_in(admin: Any, month: Any) -> None:
    for _ in range(4):
        month.clock.at += timedelta(hours=3)
        last = admin.get("/configuration/dates", headers={"HX-Request": "true"})
    assert last.headers["HX-Refresh"] == "true"
    assert admin.get("/").location == "/login?next=/"


def test_what_is_sent_after_the_log_in_ended_is_said_to_be_lost(admin: Any, month: Any) -> None:
    month.clock.at += timedelta(hours=12)
    came_from = {"Referer": "http://localhost/connections/1/offers?only=new"}
    answer = admin.post("/connections/1/offers", headers=came_from)
    assert answer.status_code == 303
    assert answer.location == "/login?next=/connections/1/offers?only%3Dnew"
    assert "You were logged out, so nothing was saved. Log in, then do it again." in admin.get(answer.location).text
    form = {"email": ADMINISTRATOR, "password": PASSWORD, "next": "/connections/1/offers?only=new"}
    assert admin.post("/login", form).location == "/connections/1/offers?only=new"
    assert "nothing was saved" not in admin.get("/").text


@pytest.mark.parametrize(
    ("came_from", "target"),
    [
        ("http://localhost:8080/connections/1/offers", "/connections/1/offers"),
        ("https://evil.example/connections/1/offers", None),
        ("https://evil.example", None),
        ("http://localhost//evil.example/", None),
        ("//evil.example/", None),
        ("javascript:alert(1)", None),
        ("http://[::1", None),
        ("http://localhost/connections/1/bill", None),
        ("http://localhost", None),
        ("", None),
    ],
)
def test_one_comes_back_to_the_form_that_was_sent_when_it_is_of_this_site(
    stranger: Any, came_from: str, target: str | None
) -> None:
    stranger.get("/login")
    answer = stranger.post("/connections/1/offers", headers={"Referer": came_from})
    assert (answer.status_code, answer.location) == (303, f"/login?next={target}" if target else "/login")


def test_the_browser_chooses_the_language_until_a_person_does(stranger: Any) -> None:
    assert "Se connecter" in stranger.get("/login", headers={"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.5"}).text
    assert "Log in" in stranger.get("/login", headers={"Accept-Language": "de"}).text
    chosen = stranger.post("/language", {"language": "fr", "next": "/login"})
    assert (chosen.status_code, chosen.location) == (303, "/login")
    assert "Se connecter" in stranger.get("/login", headers={"Accept-Language": "en"}).text


def test_a_persons_language_follows_them_to_another_browser(person: Callable[..., Any]) -> None:
    here = person(Role.BILLING)
    here.post("/language", {"language": "fr", "next": "/"})
    assert '<html lang="fr-CA">' in person(Role.BILLING).get("/").text
    assert '<html lang="en-CA">' in person(Role.ACCOUNTANT).get("/").text


def test_a_language_that_is_not_spoken_is_refused(admin: Any) -> None:
    assert admin.post("/language", {"language": "de"}).status_code == 404


def test_a_form_without_its_token_is_refused_with_a_sentence(admin: Any, stranger: Any) -> None:
    for who, path in ((admin, "/connections/1/lists"), (stranger, "/login"), (admin, "/logout")):
        answer = who.client.post(path, data={})
        assert answer.status_code == 400
        assert "Nothing was changed. Go back, reload the page and try again." in answer.text
    assert admin.get("/").status_code == 200, "the log-out did not happen"


def test_a_cookie_that_was_kept_is_worth_nothing_after_logging_out(site: Flask, admin: Any) -> None:
    kept = admin.client.get_cookie("portal_session").value
    assert admin.post("/logout").status_code == 303
    thief = site.test_client()
    thief.set_cookie("portal_session", kept)
    assert thief.get("/connections/1").status_code == 303
