"""Logging in and out, and the language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal.models import Role, User
from portal.web.throttle import MOST, WINDOW

ADMINISTRATOR = "administrator@nordet.example"


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


def test_a_deactivated_person_is_out_at_once(admin: Any, month: Any) -> None:
    with month.portal.database.write() as db:
        db.query(User).filter_by(email=ADMINISTRATOR).one().is_active = False
    assert admin.get("/").status_code == 303


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
