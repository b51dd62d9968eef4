"""A forgotten password: a letter for who has an account, and the same words for everybody."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from lxml import html

from portal.models import Role
from portal.services import accounts
from portal.web.throttle import LETTERS_WINDOW, MOST, MOST_LETTERS

ADMINISTRATOR = "administrator@nordet.example"
NEW = "another horse battery"
SAID = "If there is an account for this address, a letter with a link is on its way."


def text_of(answer: Any) -> str:
    return " ".join(html.fromstring(answer.text).text_content().split())


@pytest.fixture
def server(mail_server: Callable[..., Any]) -> Any:
    return mail_server(has_tls=True)


@pytest.fixture
def mailing(site: Flask, server: Any, with_mail: Callable[..., Any]) -> Any:
    """Somebody at a site that can send mail."""
    return with_mail(site, server, logs_in=False)


def path_in(letter: Any) -> str:
    found = re.search(r"http://localhost:8080(/password/\S+)", letter.get_body(("plain",)).get_content())
    assert found
    return found[1]


def test_the_page_leads_from_the_log_in(stranger: Any) -> None:
    assert 'href="/password/forgotten"' in stranger.get("/login").text


def test_without_mail_it_says_whom_to_ask(stranger: Any, site: Flask) -> None:
    shown = text_of(stranger.get("/password/forgotten"))
    for part in ("administrator of your company", "page People", "portal user reset"):
        assert part in shown
    stranger.get("/login")
    assert stranger.post("/password/forgotten", {"email": ADMINISTRATOR}).status_code == 200


def test_a_letter_leads_to_a_new_password(mailing: Any, server: Any, person: Callable[..., Any]) -> None:
    logged_in = person(Role.ADMINISTRATOR)
    mailing.get("/password/forgotten")
    assert SAID in text_of(mailing.post("/password/forgotten", {"email": f" {ADMINISTRATOR.upper()} "}))
    letter = server.wait()
    assert (letter["To"], letter["From"]) == (ADMINISTRATOR, "Portal <portal@example.com>")
    path = path_in(letter)
    assert path in letter.get_body(("html",)).get_content()
    assert ADMINISTRATOR in text_of(mailing.get(path))
    for form, said in (
        ({"new_password": NEW, "once_more": "x"}, "differ"),
        ({"new_password": "short", "once_more": "short"}, "at least 10"),
    ):
        answer = mailing.post(path, form)
        assert answer.status_code == 400
        assert said in text_of(answer)
    saved = mailing.post(path, {"new_password": NEW, "once_more": NEW})
    assert (saved.status_code, saved.location) == (303, "/login")
    assert "The password is saved." in text_of(mailing.get("/login"))
    assert logged_in.get("/").status_code == 303, "every log-in from before has ended"
    again = mailing.post(path, {"new_password": "yet another horse", "once_more": "yet another horse"})
    assert again.status_code == 404
    assert mailing.log_in(ADMINISTRATOR, "yet another horse").status_code == 401
    assert mailing.log_in(ADMINISTRATOR, NEW).status_code == 303


def test_the_letter_is_in_the_persons_language(mailing: Any, server: Any, month: Any) -> None:
    user = accounts.check_password(month.portal, ADMINISTRATOR, "correct horse battery")
    assert user is not None
    accounts.set_language(month.portal, user.id, "fr")
    mailing.get("/password/forgotten", headers={"Accept-Language": "en"})
    mailing.post("/password/forgotten", {"email": ADMINISTRATOR})
    letter = server.wait()
    assert letter["Content-Language"] == "fr"
    assert '<html lang="fr-CA">' in mailing.get(path_in(letter), headers={"Accept-Language": "en"}).text


@pytest.mark.parametrize("email", ["nobody@nordet.example", "", "x", "\0", "é" * 300, "a@b.com\r\nBcc: x@y.com"])
def test_an_unknown_address_is_told_the_same_and_gets_nothing(mailing: Any, server: Any, email: str) -> None:
    mailing.get("/password/forgotten")
    known = text_of(mailing.post("/password/forgotten", {"email": ADMINISTRATOR}))
    server.wait()
    assert text_of(mailing.post("/password/forgotten", {"email": email})) == known
    mailing.post("/password/forgotten", {"email": ADMINISTRATOR})
    server.wait()
    assert [letter["To"] for letter in server.letters] == [ADMINISTRATOR] * 2


def test_nobody_waits_for_the_mail_server(site: Flask, with_mail: Callable[..., Any], mail_server: Any) -> None:
    """A server that does not answer would tell, by the time it takes, who has an account."""
    with socket.create_server(("127.0.0.2", 0)) as silent:
        server = mail_server()
        server.port = silent.getsockname()[1]
        mailing = with_mail(site, server, logs_in=False)
        mailing.get("/password/forgotten")
        begun = monotonic()
        assert mailing.post("/password/forgotten", {"email": ADMINISTRATOR}).status_code == 200
        assert monotonic() - begun < 2


def test_a_mailbox_is_not_filled(mailing: Any, server: Any, month: Any) -> None:
    mailing.get("/password/forgotten")
    for _ in range(MOST_LETTERS):
        mailing.post("/password/forgotten", {"email": ADMINISTRATOR})
        server.wait()
    for _ in range(3):
        assert SAID in text_of(mailing.post("/password/forgotten", {"email": ADMINISTRATOR.upper()}))
    for typed in (f"\0{ADMINISTRATOR}", f"{ADMINISTRATOR}\0", ADMINISTRATOR.replace("@", "\0@")):
        mailing.post("/password/forgotten", {"email": typed})
    month.clock.at += LETTERS_WINDOW
    mailing.post("/password/forgotten", {"email": ADMINISTRATOR})
    server.wait()
    assert len(server.letters) == MOST_LETTERS + 1


def test_a_link_that_is_too_old_says_where_to_get_another(stranger: Any, month: Any) -> None:
    path = accounts.reset_link(month.portal, ADMINISTRATOR).url.removeprefix("http://localhost:8080")
    month.clock.at += timedelta(hours=1)
    answer = stranger.get(path)
    assert answer.status_code == 404
    assert "Ask for a new one on the log-in page." in text_of(answer)
    stranger.get("/login")
    assert stranger.post(path, {"new_password": NEW, "once_more": NEW}).status_code == 404


def test_who_chose_a_password_by_a_link_is_not_locked_out(stranger: Any, month: Any) -> None:
    for _ in range(MOST):
        stranger.log_in(ADMINISTRATOR, "forgotten")
    assert stranger.log_in(ADMINISTRATOR, "forgotten").status_code == 429
    path = accounts.reset_link(month.portal, ADMINISTRATOR).url.removeprefix("http://localhost:8080")
    stranger.get(path)
    stranger.post(path, {"new_password": NEW, "once_more": NEW})
    assert stranger.log_in(ADMINISTRATOR, NEW).status_code == 303
