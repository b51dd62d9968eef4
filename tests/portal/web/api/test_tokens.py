"""Tokens: made with what they may do, shown once, kept as hashes, seen when they were used last, and ended."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.errors import NotFound, Refused
from portal.models import ApiToken, Role, Scope
from portal.services.api import tokens

OUTSIDER = "charlie@elsewhere.example"
SHOWN = re.compile(r'value="(portal_[\w-]+)"')


def make(admin: Any, **changed: Any) -> Any:
    admin.get("/tokens")
    return admin.post("/tokens", {"name": "Billing tool", "scope": ["charges:write"], "lasts": "90", **changed})


def test_a_token_is_shown_once_and_kept_as_its_hash(admin: Any, month: Any) -> None:
    answer = make(admin)
    text = SHOWN.search(answer.text)
    assert answer.status_code == 200
    assert text
    with month.portal.database.read() as db:
        row = db.scalars(sa.select(ApiToken)).one()
        assert row.token_hash == hashlib.sha256(text[1].encode()).hexdigest()
        assert (row.scopes, row.created_by) == (["charges:write"], "administrator@nordet.example")
        assert row.expires_at - row.created_at == timedelta(days=90)
    listed = admin.get("/tokens").text
    assert "Billing tool" in listed
    assert text[1] not in listed
    assert "never" in listed


def test_its_last_use_is_shown(admin: Any, site: Flask, month: Any) -> None:
    text = SHOWN.search(make(admin).text)
    assert text
    called = site.test_client().get("/api/v1/token", headers={"Authorization": f"Bearer {text[1]}"})
    assert called.json["scopes"] == ["charges:write"]
    listed = admin.get("/tokens").text
    assert "just now" in listed
    assert "127.0.0.1" in listed


def test_a_revoked_token_opens_nothing_from_the_next_call_on(admin: Any, site: Flask) -> None:
    text = SHOWN.search(make(admin).text)
    assert text
    headers = {"Authorization": f"Bearer {text[1]}"}
    assert site.test_client().get("/api/v1/token", headers=headers).status_code == 200
    assert admin.post("/tokens/1/revoke").status_code == 303
    assert site.test_client().get("/api/v1/token", headers=headers).status_code == 401
    listed = admin.get("/tokens").text
    assert "Revoked" in listed
    assert "administrator@nordet.example" in listed


def test_an_expired_token_opens_nothing(admin: Any, site: Flask, month: Any) -> None:
    text = SHOWN.search(make(admin, lasts="30").text)
    assert text
    headers = {"Authorization": f"Bearer {text[1]}"}
    month.clock.at += timedelta(days=30) - timedelta(seconds=1)
    assert site.test_client().get("/api/v1/token", headers=headers).status_code == 200
    month.clock.at += timedelta(seconds=1)
    assert site.test_client().get("/api/v1/token", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": " "}, "A token needs a name"),
        ({"name": "a\nb"}, "one line of text"),
        ({"name": "x" * 121}, "at most 120 characters"),
        ({"scope": []}, "Tick at least one thing"),
        ({"scope": ["everything"]}, "There is no such permission"),
        ({"lasts": "9999"}, "Choose how long the token works"),
        ({"lasts": ""}, "Choose how long the token works"),
    ],
)
def test_a_form_that_cannot_be_taken_comes_back_with_the_reason(
    admin: Any, month: Any, changed: dict[str, Any], told: str
) -> None:
    answer = make(admin, **changed)
    assert answer.status_code == 400
    assert told in answer.text
    assert tokens.list_tokens(month.portal, 1) == ()


def test_only_administrators_make_tokens(person: Callable[..., Any]) -> None:
    for role in (Role.BILLING, Role.ACCOUNTANT, Role.READ_ONLY):
        who = person(role)
        assert who.get("/tokens").status_code == 403
        assert "/tokens" not in who.get("/configuration").text
        assert "/api" in who.get("/configuration").text


def test_another_partners_tokens_do_not_exist(admin: Any, person: Callable[..., Any], month: Any) -> None:
    make(admin)
    outsider = person(OUTSIDER)
    assert "Billing tool" not in outsider.get("/tokens").text
    assert outsider.post("/tokens/1/revoke").status_code == 404
    assert tokens.list_tokens(month.portal, 1)[0].revoked_at is None


def test_who_makes_and_revokes_is_kept_and_revoking_twice_changes_nothing(month: Any, by: Any) -> None:
    made = tokens.make_token(month.portal, by, "Tool", [Scope.CHARGES_READ], timedelta(days=1))
    ended = tokens.revoke_token(month.portal, by, made.view.id)
    month.clock.at += timedelta(hours=1)
    assert tokens.revoke_token(month.portal, by, made.view.id) == ended
    assert (ended.created_by, ended.revoked_by) == (by.email, by.email)
    with pytest.raises(NotFound):
        tokens.revoke_token(month.portal, by, 99)
    with pytest.raises(Refused):
        tokens.make_token(month.portal, by, "Tool", [Scope.CHARGES_READ], timedelta(days=400))


def test_the_use_of_a_token_is_noted_once_a_minute(month: Any, by: Any) -> None:
    made = tokens.make_token(month.portal, by, "Tool", [Scope.CHARGES_READ], timedelta(days=1))
    first = month.clock.at
    for seconds in (0, 59, 60):
        month.clock.at += timedelta(seconds=seconds and 30)
        assert tokens.find_token(month.portal, made.text, "10.0.0.1")
    used = tokens.list_tokens(month.portal, by.partner_id)[0]
    assert used.last_used_at == first + timedelta(minutes=1)
    assert used.last_used_from == "10.0.0.1"
