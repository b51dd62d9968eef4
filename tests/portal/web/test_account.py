"""A person's own account: password, second factor in two steps, and where they are logged in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from lxml import html

from portal.models import Role
from portal.web.access import HALF_WAY_LASTS
from portal.web.throttle import CODES_WINDOW, MOST, MOST_CODES

ADMINISTRATOR = "administrator@nordet.example"
PASSWORD = "correct horse battery"
NEW = "another horse battery"
OTHER_BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Safari/604.1"


def text_of(answer: Any) -> str:
    return " ".join(html.fromstring(answer.text).text_content().split())


class Telephone:
    """An authenticator, and the recovery codes on paper."""

    def __init__(self, person: Any, month: Any) -> None:
        self._clock = month.clock
        page = html.fromstring(person.get("/account/second-factor").text)
        self._totp = pyotp.TOTP("".join(page.get_element_by_id("secret").text.split()))
        offered = page.xpath("//input[@name='offered']/@value")[0]
        form = {"offered": offered, "code": self.code(), "password": PASSWORD}
        self.shown = person.post("/account/second-factor", form)
        found = re.search(r'<textarea[^>]*id="codes"[^>]*>([^<]+)<', self.shown.text)
        self.recovery = found[1].split() if found else []

    def code(self) -> str:
        return self._totp.at(self._clock.at)

    def next_code(self) -> str:
        self._clock.at += timedelta(seconds=30)
        return self.code()


@pytest.fixture
def telephone(admin: Any, month: Any) -> Telephone:
    """The administrator's, after they switched the second factor on."""
    return Telephone(admin, month)


def test_the_page_shows_who_one_is_and_where(admin: Any, person: Callable[..., Any]) -> None:
    person(Role.ADMINISTRATOR)
    shown = text_of(admin.get("/account"))
    for part in (ADMINISTRATOR, "Administrator, Nordet Infogérance inc.", "this one", "from 127.0.0.1", "just now"):
        assert part in shown
    assert shown.count("this one") == 1


def test_the_language_is_chosen_there(admin: Any) -> None:
    answer = admin.post("/language", {"language": "fr", "next": "/account"})
    assert (answer.status_code, answer.location) == (303, "/account")
    assert '<option value="fr" lang="fr" selected>' in admin.get("/account").text


def test_a_changed_password_logs_out_everywhere_else(admin: Any, person: Callable[..., Any]) -> None:
    other = person(Role.ADMINISTRATOR)
    form = {"password": PASSWORD, "new_password": NEW, "once_more": NEW}
    for changed, status, said in (
        ({"password": "wrong"}, 400, "The current password is not right."),
        ({"once_more": "x"}, 400, "The two passwords differ."),
        ({"new_password": "short", "once_more": "short"}, 400, "at least 10 characters"),
        ({"new_password": ADMINISTRATOR, "once_more": ADMINISTRATOR}, 400, "may not be the e-mail address"),
    ):
        answer = admin.post("/account/password", {**form, **changed})
        assert answer.status_code == status
        assert said in text_of(answer)
    assert other.get("/").status_code == 200
    assert admin.post("/account/password", form).status_code == 303
    assert "The password is changed." in text_of(admin.get("/account"))
    assert other.get("/").status_code == 303
    assert other.log_in(ADMINISTRATOR).status_code == 401
    assert other.log_in(ADMINISTRATOR, NEW).status_code == 303


def test_a_new_password_against_the_rules_is_no_guess_of_the_current_one(admin: Any) -> None:
    for _ in range(MOST + 1):
        answer = admin.post("/account/password", {"password": PASSWORD, "new_password": "short", "once_more": "short"})
        assert answer.status_code == 400
        assert "at least 10 characters" in text_of(answer)
    form = {"password": PASSWORD, "new_password": NEW, "once_more": NEW}
    assert admin.post("/account/password", form).status_code == 303


@pytest.mark.parametrize("path", ["/account/password", "/account/second-factor/off", "/account/recovery-codes"])
def test_an_open_browser_is_no_place_to_guess_the_password(admin: Any, telephone: Telephone, path: str) -> None:
    form = {"password": "wrong", "new_password": NEW, "once_more": NEW}
    for _ in range(MOST):
        assert admin.post(path, form).status_code == 400
    answer = admin.post(path, {**form, "password": PASSWORD})
    assert answer.status_code == 429
    assert "Try again in 5 minutes" in text_of(answer)


def test_another_browser_is_logged_out_from_here(site: Flask, admin: Any, person: Callable[..., Any]) -> None:
    other = person(Role.ADMINISTRATOR)
    colleague = person(Role.BILLING)
    found = re.findall(r'action="(/account/log-ins/\d+/end)"', admin.get("/account").text)
    assert len(found) == 1
    colleague.post(found[0])
    assert other.get("/").status_code == 200, "a colleague cannot"
    assert admin.post(found[0]).status_code == 303
    assert other.get("/").status_code == 303
    assert admin.get("/").status_code == 200


def test_ones_own_log_in_can_be_ended_too(admin: Any) -> None:
    with_own = admin.post("/account/log-ins/1/end")
    assert (with_own.status_code, with_own.location) == (303, "/login")
    assert admin.get("/").status_code == 303


def test_log_out_everywhere_really_ends_the_other_browser(site: Flask, admin: Any, person: Callable[..., Any]) -> None:
    other, colleague = person(Role.ADMINISTRATOR), person(Role.BILLING)
    kept = other.client.get_cookie("portal_session").value
    answer = admin.post("/account/log-ins/end")
    assert (answer.status_code, answer.location) == (303, "/login")
    thief = site.test_client()
    thief.set_cookie("portal_session", kept)
    for browser in (admin, other, thief):
        assert browser.get("/").status_code == 303
    assert colleague.get("/").status_code == 200


def test_browsers_are_named_so_that_people_know_them(admin: Any, site: Flask, person: Callable[..., Any]) -> None:
    telephone = person(Role.ADMINISTRATOR)
    telephone.client.environ_base["HTTP_USER_AGENT"] = OTHER_BROWSER
    telephone.log_in(ADMINISTRATOR)
    assert "Safari, iPhone" in text_of(admin.get("/account"))
    telephone.client.environ_base["HTTP_USER_AGENT"] = "<script>alert(1)</script>"
    telephone.log_in(ADMINISTRATOR)
    assert "<script>alert" not in admin.get("/account").text


class TestTheSecondFactor:
    def test_it_is_switched_on_with_a_picture_and_a_code(self, admin: Any, month: Any) -> None:
        page = admin.get("/account/second-factor")
        assert "<svg" in page.text
        assert "style=" not in re.sub(r"<head>.*</head>", "", page.text, flags=re.S)
        offered = re.search(r'name="offered" value="([^"]+)"', page.text)
        assert offered
        wrong = admin.post("/account/second-factor", {"offered": offered[1], "code": "000000", "password": PASSWORD})
        assert wrong.status_code == 400
        assert "not right" in text_of(wrong)
        secret = html.fromstring(page.text).get_element_by_id("secret").text
        assert html.fromstring(wrong.text).get_element_by_id("secret").text == secret, "the picture stays"
        done = Telephone(admin, month)
        assert len(done.recovery) == 10
        assert "shown this once" in text_of(done.shown)
        shown = text_of(admin.get("/account"))
        assert "10 recovery codes are left" in shown
        assert admin.get("/account/second-factor").location == "/account"

    def test_an_offer_that_is_none_is_refused(self, admin: Any) -> None:
        for offered in ("", "x"):
            answer = admin.post("/account/second-factor", {"offered": offered, "code": "123456"})
            assert answer.status_code == 400
            assert "too old" in text_of(answer)

    def test_it_is_not_switched_on_without_the_password(self, admin: Any, month: Any) -> None:
        page = html.fromstring(admin.get("/account/second-factor").text)
        secret = "".join(page.get_element_by_id("secret").text.split())
        form = {"offered": page.xpath("//input[@name='offered']/@value")[0]}
        for _ in range(MOST):
            code = pyotp.TOTP(secret).at(month.clock.at)
            answer = admin.post("/account/second-factor", {**form, "code": code, "password": "wrong"})
            assert answer.status_code == 400
            assert "The password is not right." in text_of(answer)
            kept = html.fromstring(answer.text).get_element_by_id("secret").text
            assert "".join(kept.split()) == secret, "the picture stays"
        answer = admin.post("/account/second-factor", {**form, "code": code, "password": PASSWORD})
        assert answer.status_code == 429
        assert admin.get("/account/second-factor").status_code == 200, "it is off"

    def test_the_log_in_takes_two_steps(self, telephone: Telephone, stranger: Any) -> None:
        stranger.get("/login")
        first = stranger.post("/login", {"email": ADMINISTRATOR, "password": PASSWORD, "next": "/people"})
        assert (first.status_code, first.location) == (303, "/login/code?next=/people")
        assert stranger.get("/").status_code == 303, "the password alone opens nothing"
        stranger.get(first.location)
        wrong = stranger.post("/login/code", {"code": "000000"})
        assert wrong.status_code == 401
        assert "not right" in text_of(wrong)
        done = stranger.post("/login/code", {"code": telephone.next_code(), "next": "/people"})
        assert (done.status_code, done.location) == (303, "/people")
        assert stranger.get("/people").status_code == 200

    def test_a_code_that_somebody_saw_is_worth_nothing(self, telephone: Telephone, stranger: Any, site: Flask) -> None:
        code = telephone.next_code()
        assert stranger.log_in(ADMINISTRATOR).location.startswith("/login/code")
        cookie = stranger.client.get_cookie("portal_session").value
        stranger.get("/login/code")
        assert stranger.post("/login/code", {"code": code}).status_code == 303
        stranger.client.set_cookie("portal_session", cookie)
        stranger.get("/login/code")
        assert stranger.post("/login/code", {"code": code}).status_code == 401

    def test_a_recovery_code_lets_in_once_and_the_rest_is_told(self, telephone: Telephone, stranger: Any) -> None:
        stranger.log_in(ADMINISTRATOR)
        stranger.get("/login/code")
        assert stranger.post("/login/code", {"code": telephone.recovery[0]}).location == "/"
        assert "9 are left" in text_of(stranger.get("/"))
        stranger.post("/logout")
        stranger.log_in(ADMINISTRATOR)
        stranger.get("/login/code")
        assert stranger.post("/login/code", {"code": telephone.recovery[0]}).status_code == 401

    def test_codes_are_throttled_wherever_they_come_from(
        self, telephone: Telephone, site: Flask, new_person: Callable[..., Any], month: Any
    ) -> None:
        for number in range(MOST_CODES):
            guesser = new_person(site)
            guesser.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
            guesser.log_in(ADMINISTRATOR)
            guesser.get("/login/code")
            assert guesser.post("/login/code", {"code": "000000"}).status_code == 401
        last = new_person(site)
        last.client.environ_base["REMOTE_ADDR"] = "198.51.100.1"
        last.log_in(ADMINISTRATOR)
        last.get("/login/code")
        answer = last.post("/login/code", {"code": telephone.next_code()})
        assert answer.status_code == 429
        assert "Try again in 15 minutes" in text_of(answer)
        month.clock.at += CODES_WINDOW
        last.log_in(ADMINISTRATOR)
        last.get("/login/code")
        assert last.post("/login/code", {"code": telephone.next_code()}).status_code == 303

    def test_the_second_step_has_to_follow_soon(self, telephone: Telephone, stranger: Any, month: Any) -> None:
        stranger.log_in(ADMINISTRATOR)
        stranger.get("/login/code")
        month.clock.at += HALF_WAY_LASTS
        late = stranger.post("/login/code", {"code": telephone.code(), "next": "/people"})
        assert (late.status_code, late.location) == (303, "/login?next=/people")
        assert "took too long" in text_of(stranger.get("/login"))
        assert stranger.get("/login/code").status_code == 303

    def test_without_the_first_step_there_is_no_second(self, stranger: Any) -> None:
        stranger.get("/login")
        assert stranger.get("/login/code").status_code == 303
        assert stranger.post("/login/code", {"code": "123456"}).location.startswith("/login?")

    @pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example"])
    def test_the_second_step_never_leads_to_another_site(
        self, telephone: Telephone, stranger: Any, target: str
    ) -> None:
        stranger.get("/login")
        first = stranger.post("/login", {"email": ADMINISTRATOR, "password": PASSWORD, "next": target})
        assert first.location == "/login/code?next=/"
        stranger.get("/login/code")
        assert stranger.post("/login/code", {"code": telephone.next_code(), "next": target}).location == "/"

    def test_new_codes_and_off_ask_for_the_password(self, telephone: Telephone, admin: Any, stranger: Any) -> None:
        for path in ("/account/recovery-codes", "/account/second-factor/off"):
            wrong = admin.post(path, {"password": "wrong"})
            assert wrong.status_code == 400
            assert "The password is not right." in text_of(wrong)
        made = admin.post("/account/recovery-codes", {"password": PASSWORD})
        assert telephone.recovery[0] not in made.text
        assert admin.post("/account/second-factor/off", {"password": PASSWORD}).status_code == 303
        assert "The second factor is off." in text_of(admin.get("/account"))
        assert stranger.log_in(ADMINISTRATOR).location == "/"

    def test_a_password_that_changes_between_the_steps_lets_nobody_in(
        self, telephone: Telephone, admin: Any, stranger: Any
    ) -> None:
        stranger.log_in(ADMINISTRATOR)
        stranger.get("/login/code")
        form = {"password": PASSWORD, "new_password": NEW, "once_more": NEW}
        assert admin.post("/account/password", form).status_code == 303
        answer = stranger.post("/login/code", {"code": telephone.next_code()})
        assert answer.location.startswith("/login?")
        assert stranger.get("/").status_code == 303

    def test_where_it_is_required_one_is_led_to_it_and_can_go_on(
        self, admin: Any, person: Callable[..., Any], month: Any
    ) -> None:
        colleague = person(Role.BILLING)
        assert admin.post("/people/requirement", {"required": "on"}).status_code == 303
        assert colleague.get("/connections/1").location == "/account/second-factor"
        done = Telephone(colleague, month)
        assert len(done.recovery) == 10
        assert colleague.get("/connections/1").status_code == 200
        refused = colleague.post("/account/second-factor/off", {"password": PASSWORD})
        assert refused.status_code == 403
        assert "requires a second factor" in text_of(refused)
