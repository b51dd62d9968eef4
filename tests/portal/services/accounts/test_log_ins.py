"""Log-ins: a token for each browser, as long as it is used, and ended one by one or all together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from portal.errors import Refused
from portal.models import LogIn, User
from portal.services import Portal, accounts

PASSWORD = "correct horse battery"
NEW = "another horse battery"


def kept(portal: Portal) -> list[LogIn]:
    with portal.database.read() as db:
        return list(db.scalars(sa.select(LogIn).order_by(LogIn.id)))


def test_a_log_in_is_known_by_its_token_of_which_only_the_hash_is_kept(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    made = add()
    token = log_in()
    found = accounts.find_log_in(nordet, token)
    assert found is not None
    assert (found.id, found.email, found.partner_name) == (made.id, "anne@nordet.example", "Nordet")
    assert len(token) == 64
    assert token not in repr([vars(row) for row in kept(nordet)])
    for other in ("", "x", token[:-1], token.upper(), "\0", "\ud800", kept(nordet)[0].token_hash):
        assert accounts.find_log_in(nordet, other) is None


def test_a_log_in_lasts_twelve_hours_renewed_by_use(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str], now: Any
) -> None:
    add()
    token = log_in()
    for _ in range(3):
        now.at += timedelta(hours=11, minutes=59)
        assert accounts.find_log_in(nordet, token) is not None
    now.at += timedelta(hours=12)
    assert accounts.find_log_in(nordet, token) is None
    log_in()
    assert len(kept(nordet)) == 1, "the old one is forgotten"


def test_its_use_is_noted_at_most_once_a_minute(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str], now: Any
) -> None:
    add()
    token, began = log_in(), now.at
    now.at += timedelta(seconds=59)
    accounts.find_log_in(nordet, token)
    assert kept(nordet)[0].last_seen_at == began
    now.at += timedelta(seconds=1)
    accounts.find_log_in(nordet, token)
    assert kept(nordet)[0].last_seen_at == now.at


def test_a_page_costs_one_question(nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]) -> None:
    add()
    token = log_in()
    asked: list[str] = []
    sa.event.listen(nordet.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert accounts.find_log_in(nordet, token) is not None
    assert [one.split()[0] for one in asked if one != "BEGIN"] == ["SELECT"]


def test_a_busy_database_keeps_nobody_out(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str], now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add()
    token = log_in()

    def busy() -> Any:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    now.at += timedelta(minutes=5)
    monkeypatch.setattr(nordet.database, "note", busy)
    assert accounts.find_log_in(nordet, token) is not None


def test_where_a_person_is_logged_in_is_listed(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str], now: Any
) -> None:
    made = add()
    add("bob@nordet.example")
    log_in(user_agent="Old")
    now.at += timedelta(hours=12)
    log_in("bob@nordet.example")
    first = log_in(user_agent="x" * 300 + "\0", address="2001:db8::1")
    now.at += timedelta(minutes=5)
    log_in(user_agent="New\0")
    seen = accounts.list_log_ins(nordet, made.id)
    assert [(one.user_agent, one.address) for one in seen] == [("New", "192.0.2.1"), ("x" * 200, "2001:db8::1")]
    now.at += timedelta(minutes=5)
    accounts.find_log_in(nordet, first)
    assert accounts.list_log_ins(nordet, made.id)[0].address == "2001:db8::1", "the latest used first"


def test_one_is_ended_and_nobody_elses(nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]) -> None:
    made, other = add(), add("bob@nordet.example")
    here, there = log_in(), log_in()
    found = accounts.find_log_in(nordet, there)
    assert found is not None
    assert found.log_in_id is not None
    accounts.end_log_in(nordet, other.id, found.log_in_id)
    assert accounts.find_log_in(nordet, there) is not None, "bob cannot end anne's"
    accounts.end_log_in(nordet, made.id, found.log_in_id)
    accounts.end_log_in(nordet, made.id, found.log_in_id)
    assert accounts.find_log_in(nordet, there) is None
    assert accounts.find_log_in(nordet, here) is not None


def test_all_of_a_person_are_ended(nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]) -> None:
    made = add()
    add("bob@nordet.example")
    mine, others = [log_in(), log_in()], log_in("bob@nordet.example")
    accounts.end_log_ins(nordet, made.id)
    assert [accounts.find_log_in(nordet, token) for token in mine] == [None, None]
    assert accounts.find_log_in(nordet, others) is not None


def test_a_changed_password_ends_the_other_log_ins(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add()
    here, there = log_in(), log_in()
    me = accounts.find_log_in(nordet, here)
    assert me is not None
    assert accounts.change_password(nordet, me, "wrong", NEW) is False
    with pytest.raises(Refused, match="at least 10"):
        accounts.change_password(nordet, me, PASSWORD, "short")
    assert accounts.find_log_in(nordet, there) is not None
    assert accounts.change_password(nordet, me, PASSWORD, NEW) is True
    assert accounts.find_log_in(nordet, here) is not None
    assert accounts.find_log_in(nordet, there) is None
    assert accounts.check_password(nordet, me.email, PASSWORD) is None
    assert accounts.check_password(nordet, me.email, NEW) is not None


def test_a_password_that_is_changed_during_the_log_in_lets_nobody_in(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add()
    me = accounts.find_log_in(nordet, log_in())
    half = accounts.check_password(nordet, "anne@nordet.example", PASSWORD)
    assert me is not None
    assert half is not None
    accounts.change_password(nordet, me, PASSWORD, NEW)
    assert accounts.begin_log_in(nordet, half.id, half.stamp, user_agent="", address="") is None
    assert accounts.begin_log_in(nordet, 999, half.stamp, user_agent="", address="") is None


def test_who_may_not_log_in_any_more_is_out_at_once(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add()
    token = log_in()
    user = accounts.check_password(nordet, "anne@nordet.example", PASSWORD)
    assert user is not None
    with nordet.database.write() as db:
        db.execute(sa.update(User).values(is_active=False))
    assert accounts.find_log_in(nordet, token) is None
    assert accounts.check_password(nordet, "anne@nordet.example", PASSWORD) is None
    assert accounts.begin_log_in(nordet, user.id, user.stamp, user_agent="", address="") is None


def test_a_page_that_asks_by_itself_renews_nothing(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str], now: Any
) -> None:
    add()
    token, began = log_in(), now.at
    for _ in range(11):
        now.at += timedelta(hours=1)
        assert accounts.find_log_in(nordet, token, is_use=False) is not None
    assert kept(nordet)[0].last_seen_at == began
    now.at += timedelta(hours=1)
    assert accounts.find_log_in(nordet, token, is_use=False) is None


def test_the_rules_come_before_the_current_password(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add()
    me = accounts.find_log_in(nordet, log_in())
    assert me is not None
    with pytest.raises(Refused, match="at least 10"):
        accounts.change_password(nordet, me, "wrong", "short")
