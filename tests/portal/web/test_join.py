"""Joining over the pages: files, links and cookies, by people with an account and by strangers."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from lxml import html

from portal.models import Role

PASSWORD = "correct horse battery"
STRANGER = "zoe@stranger.example"


def text_of(answer: Any) -> str:
    return " ".join(html.fromstring(answer.text).text_content().split())


def make(admin: Any, role: Role = Role.ACCOUNTANT, email: str = "") -> tuple[str, bytes]:
    """An invitation: the path of its link, and its file."""
    admin.get("/connections/1/members")
    page = admin.post("/connections/1/invitations", {"role": role.value, "email": email})
    assert page.status_code == 200, text_of(page)
    path = re.search(r'value="http://localhost:8080(/join/[^"]+)"', page.text)
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert path
    assert ticket
    file = admin.post("/connections/1/invitations/file", {"ticket": ticket[1]})
    assert file.headers["Content-Disposition"] == 'attachment; filename="QuickBooks_Nordet.qbinvite"'
    return path[1], file.data


def open_file(who: Any, data: bytes) -> Any:
    who.get("/join")
    return who.post("/join/file", {"file": (io.BytesIO(data), "x.qbinvite")}, content_type="multipart/form-data")


def make_account(who: Any, **changed: str) -> Any:
    given = {"email": STRANGER, "new_password": PASSWORD, "once_more": PASSWORD, "language": "fr", **changed}
    return who.post("/join/account", given)


def test_a_stranger_opens_the_file_makes_an_account_and_is_in(admin: Any, stranger: Any) -> None:
    _, data = make(admin)
    assert open_file(stranger, data).location == "/join"
    page = stranger.get("/join")
    for words in ("administrator@nordet.example invites you", "QuickBooks Nordet", "Nordet Infogérance", "Accountant"):
        assert words in text_of(page)
    assert make_account(stranger, once_more="other").status_code == 400
    assert make_account(stranger).location == "/connections/1"
    seen = stranger.get("/connections/1")
    assert seen.status_code == 200
    assert '<html lang="fr-CA">' in seen.text
    assert "Partagée" in text_of(seen)
    assert "QuickBooks Nordet" in text_of(stranger.get("/"))
    assert "used already" in text_of(open_file_and_look(admin, data))
    assert STRANGER in text_of(admin.get("/connections/1/members"))


def open_file_and_look(who: Any, data: bytes) -> Any:
    assert open_file(who, data).status_code == 303
    return who.get("/join")


def test_who_has_an_account_logs_in_on_the_way(
    site: Flask, admin: Any, stranger: Any, person: Callable[..., Any]
) -> None:
    person("charlie@elsewhere.example").post("/logout")
    path, _ = make(admin)
    assert stranger.get(path).location == "/join"
    assert stranger.log_in("charlie@elsewhere.example").status_code == 303
    assert "Subscribe as charlie@elsewhere.example" in text_of(stranger.get("/join"))
    assert stranger.post("/join/accept").location == "/connections/1"
    assert stranger.get("/connections/1/offers").status_code == 200
    assert stranger.post("/connections/1/password").status_code == 403
    assert stranger.post("/join/accept").status_code == 400, "the cookie is gone"
    own = stranger.get("/account")
    leave = re.search(r'action="(/account/connections/\d+/leave)"', own.text)
    assert leave
    assert stranger.post(leave[1]).location == "/account"
    assert stranger.get("/connections/1").status_code == 404


def test_a_link_keeps_its_secret_to_one_request(admin: Any, stranger: Any) -> None:
    path, _ = make(admin)
    opened = stranger.get(path)
    assert (opened.status_code, opened.location) == (303, "/join")
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert opened.headers["Cache-Control"] == "no-store"
    cookie = next(one for one in opened.headers.getlist("Set-Cookie") if one.startswith("portal_invitation="))
    for part in ("HttpOnly", "Path=/join", "SameSite=Lax", "Max-Age=3600"):
        assert part in cookie
    secret = path.rpartition("/")[2]
    assert secret not in stranger.get("/join").text
    for _ in range(3):
        stranger.get(path)
    assert "invites you" in text_of(stranger.get("/join")), "opening it uses nothing up"
    stranger.post("/join/forget")
    assert "Invitation file (.qbinvite)" in text_of(stranger.get("/join"))


def test_an_error_behind_a_link_does_not_log_its_secret(
    site: Flask, admin: Any, stranger: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = make(admin)

    def fail(token: str) -> str:
        raise RuntimeError("broken")

    fail.allowed_roles = None  # type: ignore[attr-defined]
    site.view_functions["join.open_link"] = fail
    assert stranger.get(path).status_code == 500
    said = capsys.readouterr()
    assert "page failed" in said.out + said.err
    assert path.rpartition("/")[2] not in said.out + said.err


def test_what_is_wrong_with_an_invitation_is_said_and_another_can_be_opened(admin: Any, stranger: Any) -> None:
    path, data = make(admin, Role.READ_ONLY)
    forged = data.replace(b'"role": "read-only"', b'"role": "administrator"')
    assert forged != data
    for given, status, words in (
        (b"<xml/>", 400, "This is not an invitation"),
        (forged, 400, "was changed since it was made"),
        (b"x" * 40_000, 400, "This is not an invitation"),
    ):
        answer = open_file(stranger, given)
        assert answer.status_code == status
        assert words in text_of(answer)
        assert "Open the invitation" in text_of(answer)
    assert stranger.get(f"{path}x").status_code == 303
    broken = stranger.get("/join")
    assert broken.status_code == 400
    assert "was changed" in text_of(broken)
    make(admin, Role.READ_ONLY)
    stranger.get(path)
    newer = stranger.get("/join")
    assert newer.status_code == 409
    assert "A newer invitation has replaced this one" in text_of(newer)


def test_an_invitation_for_an_address_does_not_tell_it_and_bears_few_guesses(admin: Any, stranger: Any) -> None:
    path, data = make(admin, email=STRANGER)
    assert STRANGER.encode() not in data
    stranger.get(path)
    assert STRANGER not in stranger.get("/join").text
    for number in range(10):
        answer = make_account(stranger, email=f"p{number}@stranger.example")
        assert answer.status_code == 400
        assert "for another e-mail address" in text_of(answer)
    assert make_account(stranger).status_code == 429


def test_members_are_shown_to_all_and_changed_by_administrators(
    admin: Any, joined: Callable[..., Any], person: Callable[..., Any]
) -> None:
    who = joined(STRANGER, Role.ACCOUNTANT)
    reader = person(Role.READ_ONLY)
    for one in (who, reader):
        page = text_of(one.get("/connections/1/members"))
        assert STRANGER in page
        assert "administrator@nordet.example" in page
        assert "Make the invitation" not in page
    assert admin.post("/connections/1/members/1/role", {"role": "billing"}).status_code == 303
    assert who.get("/connections/1/settings").status_code != 404
    assert admin.post("/connections/1/members/1/role", {"role": "boss"}).status_code == 400
    assert admin.post("/connections/1/invitations", {"role": "billing", "email": "nobody"}).status_code == 400
    assert admin.post("/connections/1/members/1/remove").location == "/connections/1/members"
    assert who.get("/connections/1").location.startswith("/login"), "the account went with its last connection"


def test_the_log_tells_addresses_to_administrators_alone(admin: Any, joined: Callable[..., Any]) -> None:
    who = joined(STRANGER, Role.ACCOUNTANT)
    make(admin)
    assert "from 127.0.0.1" in text_of(admin.get("/connections/1/log"))
    assert "127.0.0.1" in admin.get("/connections/1/log.csv").text
    seen = who.get("/connections/1/log?kind=member&who=administrator@nordet.example")
    assert "Invitation made" in text_of(seen)
    assert "127.0.0.1" not in seen.text
    assert "127.0.0.1" not in who.get("/connections/1/log.csv").text
    whole = text_of(admin.get("/log"))
    assert "Person added" in whole
    assert "Joined the connection" in whole
    assert "No entry matches" in text_of(admin.get("/log?q=nothing+like+it"))
