"""How many guesses are borne: by browser, address, account and network, however an address is spelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import argon2
import pytest
from flask import Flask

from portal.models import Role
from portal.services.accounts import passwords
from portal.web.throttle import ACCOUNT_WINDOW, MOST, MOST_FOR_ACCOUNT, MOST_FROM_NETWORK, WINDOW, network_of

ADMINISTRATOR = "administrator@nordet.example"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kind of hash, with less work."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    monkeypatch.setattr(passwords, "_nobody", passwords._hasher.hash("nobody"))


def guess(who: Any, email: str, address: str = "192.0.2.1", *, is_right: bool = False) -> int:
    who.client.environ_base["REMOTE_ADDR"] = address
    return int(who.post("/login", {"email": email, "password": PASSWORD if is_right else "wrong"}).status_code)


@pytest.fixture
def guesser(stranger: Any) -> Any:
    """Somebody at the log-in, at whatever address."""
    stranger.get("/login")
    return stranger


def test_one_address_spelled_in_many_ways_is_one_account(guesser: Any) -> None:
    spelled = ["\0" * n + "administrator@nordet.example" for n in range(4)]
    spelled += ["administrator@" + "\0" * n + "nordet.example" for n in range(1, 4)]
    spelled += [" ADMINISTRATOR@nordet.example" + "\0 " * n for n in range(3)]
    assert [guess(guesser, email) for email in spelled] == [401] * MOST
    for email in ("administrator@nordet.example\0\0", "adm\0in\0istrator@nordet.example", ADMINISTRATOR):
        assert guess(guesser, email, is_right=True) == 429


def test_an_account_is_not_guessed_from_many_addresses(
    guesser: Any, month: Any, person: Callable[..., Any], site: Flask
) -> None:
    known = person(Role.ADMINISTRATOR)
    known.post("/logout")
    for number in range(MOST_FOR_ACCOUNT):
        assert guess(guesser, ADMINISTRATOR, f"198.51.100.{number}") == 401
    assert guess(guesser, ADMINISTRATOR, "203.0.113.1", is_right=True) == 429
    assert guess(guesser, "somebody@nordet.example", "203.0.113.1") == 401
    assert known.log_in(ADMINISTRATOR).status_code == 303, "a browser that is known passes"
    month.clock.at += ACCOUNT_WINDOW
    assert guess(guesser, ADMINISTRATOR, "203.0.113.1", is_right=True) == 303


def test_a_network_does_not_try_one_password_on_many_accounts(
    guesser: Any, month: Any, person: Callable[..., Any]
) -> None:
    known = person(Role.ADMINISTRATOR)
    known.post("/logout")
    addresses = [f"2001:db8::{number:x}" for number in range(MOST_FROM_NETWORK)]
    for number, address in enumerate(addresses):
        assert guess(guesser, f"p{number}@nordet.example", address) == 401
    assert guess(guesser, "last@nordet.example", "2001:db8:0:0:ffff::1") == 429
    assert guess(guesser, "last@nordet.example", "2001:db8:0:1::1") == 401
    known.client.environ_base["REMOTE_ADDR"] = addresses[0]
    assert known.log_in(ADMINISTRATOR).status_code == 303, "a browser that is known passes"
    month.clock.at += WINDOW + timedelta(seconds=1)
    assert guess(guesser, "last@nordet.example", "2001:db8::1") == 401


def test_what_is_refused_by_one_count_fills_no_other(guesser: Any, month: Any) -> None:
    for _ in range(MOST):
        guess(guesser, ADMINISTRATOR)
    for _ in range(MOST_FROM_NETWORK):
        assert guess(guesser, ADMINISTRATOR) == 429
    assert guess(guesser, "somebody@nordet.example") == 401
    for number in range(MOST_FOR_ACCOUNT - MOST):
        assert guess(guesser, ADMINISTRATOR, f"198.51.100.{number}") == 401


def test_who_logs_in_from_an_office_of_many_is_no_guesser(
    site: Flask, person: Callable[..., Any], new_person: Callable[..., Any]
) -> None:
    person(Role.ADMINISTRATOR)
    for _ in range(MOST_FROM_NETWORK + 1):
        colleague = new_person(site)
        colleague.get("/login")
        assert guess(colleague, ADMINISTRATOR, is_right=True) == 303


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_a_network_is_what_one_guesser_has(address: str, network: str) -> None:
    assert network_of(address) == network
