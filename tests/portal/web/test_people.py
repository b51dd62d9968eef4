"""The page of people: roles, links, and one administrator who stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from lxml import html

from portal.models import Member, Role, User

ADMINISTRATOR = "administrator@nordet.example"
BILLING = "billing@nordet.example"
NEW = "another horse battery"


def text_of(answer: Any) -> str:
    return " ".join(html.fromstring(answer.text).text_content().split())


def member_of(month: Any, email: str) -> int:
    with month.portal.database.read() as db:
        return db.scalars(sa.select(Member.id).join(User).where(User.email == email)).one()


def link_of(answer: Any) -> str:
    found = re.search(r'value="http://localhost:8080(/password/[^"]+)"', answer.text)
    assert found, text_of(answer)
    return found[1]


def test_everybody_is_listed(admin: Any, person: Callable[..., Any]) -> None:
    person(Role.BILLING)
    shown = text_of(admin.get("/people"))
    for part in ("People of Nordet Infogérance inc.", ADMINISTRATOR, "you", BILLING, "just now"):
        assert part in shown


def test_a_person_is_added_and_chooses_a_password_by_the_link(admin: Any, stranger: Any) -> None:
    page = admin.post("/people", {"email": "zoe@nordet.example", "role": "accountant", "language": "fr"})
    assert page.status_code == 200
    assert "shown this once" in text_of(page)
    assert "has not chosen a password yet" in text_of(admin.get("/people"))
    link = link_of(page)
    shown = stranger.get(link)
    assert '<html lang="fr-CA">' in shown.text, "the page is in the language that was chosen for them"
    assert "zoe@nordet.example" in text_of(shown)
    saved = stranger.post(link, {"new_password": NEW, "once_more": NEW})
    assert (saved.status_code, saved.location) == (303, "/login")
    assert stranger.log_in("zoe@nordet.example", NEW).status_code == 303
    assert stranger.get("/people").status_code == 403
    assert stranger.get(link).status_code == 404


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"email": "nobody", "role": "billing", "language": "en"}, 400, "is not an e-mail address"),
        ({"email": "x@nordet.example", "role": "boss", "language": "en"}, 400, "Choose a role."),
        ({"email": "x@nordet.example", "language": "en"}, 400, "Choose a role."),
        ({"email": "x@nordet.example", "role": "billing", "language": "de"}, 400, "not available"),
        ({"email": ADMINISTRATOR, "role": "billing", "language": "en"}, 409, "There is already a user"),
    ],
)
def test_a_person_who_cannot_be_added(admin: Any, form: dict[str, str], status: int, said: str) -> None:
    answer = admin.post("/people", form)
    assert answer.status_code == status
    assert said in text_of(answer)
    assert f'value="{form["email"]}"' in answer.text


def test_a_role_is_changed_and_counts_at_once(admin: Any, person: Callable[..., Any], month: Any) -> None:
    colleague = person(Role.BILLING)
    number = member_of(month, BILLING)
    assert colleague.get("/people").status_code == 403
    assert admin.post(f"/people/{number}/role", {"role": "administrator"}).location == "/people"
    assert colleague.get("/people").status_code == 200
    mine = member_of(month, ADMINISTRATOR)
    assert admin.post(f"/people/{mine}/role", {"role": "billing"}).location == "/"
    assert admin.get("/people").status_code == 403


def test_the_last_administrator_can_neither_be_lowered_nor_removed(admin: Any, month: Any) -> None:
    mine = member_of(month, ADMINISTRATOR)
    for path, form in ((f"/people/{mine}/role", {"role": "billing"}), (f"/people/{mine}/remove", {})):
        answer = admin.post(path, form)
        assert answer.status_code == 409
        assert "last administrator" in text_of(answer)
    assert admin.get("/people").status_code == 200


def test_a_removed_person_is_out_at_once(admin: Any, person: Callable[..., Any], month: Any) -> None:
    colleague = person(Role.BILLING)
    number = member_of(month, BILLING)
    assert admin.post(f"/people/{number}/remove").location == "/people"
    assert f"{BILLING} can no longer log in." in text_of(admin.get("/people"))
    assert colleague.get("/").status_code == 303
    assert colleague.log_in(BILLING).status_code == 401
    assert admin.get(f"/people/{number}").status_code == 404


def test_who_removes_themselves_is_logged_out(admin: Any, person: Callable[..., Any], month: Any) -> None:
    person(Role.BILLING)
    admin.post(f"/people/{member_of(month, BILLING)}/role", {"role": "administrator"})
    assert admin.post(f"/people/{member_of(month, ADMINISTRATOR)}/remove").location == "/login"
    assert admin.get("/").status_code == 303


def test_a_link_for_a_forgotten_password(admin: Any, person: Callable[..., Any], month: Any, stranger: Any) -> None:
    colleague = person(Role.BILLING)
    link = link_of(admin.post(f"/people/{member_of(month, BILLING)}/link"))
    assert colleague.get("/").status_code == 200, "the link alone changes nothing"
    stranger.get(link)
    assert stranger.post(link, {"new_password": NEW, "once_more": NEW}).status_code == 303
    assert colleague.get("/").status_code == 303
    assert stranger.log_in(BILLING, NEW).status_code == 303


def test_a_lost_second_factor_is_switched_off(admin: Any, person: Callable[..., Any], month: Any) -> None:
    colleague = person(Role.BILLING)
    with month.portal.database.write() as db:
        db.execute(sa.update(User).where(User.email == BILLING).values(second_factor="sealed"))
    number = member_of(month, BILLING)
    assert "Switch the second factor off" in text_of(admin.get(f"/people/{number}"))
    assert admin.post(f"/people/{number}/second-factor/off").location == f"/people/{number}"
    assert colleague.get("/").status_code == 303
    assert colleague.log_in(BILLING).location == "/"


def test_ones_own_password_and_second_factor_are_changed_on_ones_own_page(
    admin: Any, person: Callable[..., Any], month: Any
) -> None:
    """An open browser would be enough to take the account over."""
    with month.portal.database.write() as db:
        db.execute(sa.update(User).where(User.email == ADMINISTRATOR).values(second_factor="sealed"))
    mine = member_of(month, ADMINISTRATOR)
    page = admin.get(f"/people/{mine}").text
    assert page.count('<a href="/account">') == 2
    for path in (f"/people/{mine}/link", f"/people/{mine}/second-factor/off"):
        assert f'action="{path}"' not in page
        answer = admin.post(path)
        assert answer.status_code == 409
        assert "Do this on the page of your account." in text_of(answer)
        assert "/password/" not in answer.text
    with month.portal.database.read() as db:
        assert db.scalars(sa.select(User.second_factor).where(User.email == ADMINISTRATOR)).one() == "sealed"
    person(Role.BILLING)
    other = admin.get(f"/people/{member_of(month, BILLING)}").text
    assert "Make a link" in other
    assert '<a href="/account">' not in other


def test_the_link_is_mailed_where_mail_is_set_up(
    site: Flask, admin: Any, month: Any, mail_server: Callable[..., Any], with_mail: Callable[..., Any]
) -> None:
    server = mail_server(has_tls=True)
    mailing = with_mail(site, server)
    answer = mailing.post("/people", {"email": "zoe@nordet.example", "role": "billing", "language": "fr"})
    assert "being mailed" in text_of(answer)
    letter = server.wait()
    assert (letter["To"], letter["Content-Language"]) == ("zoe@nordet.example", "fr")
    assert f"http://localhost:8080{link_of(answer)}" in letter.get_body(("plain",)).get_content()
