"""The second factor: on with a code, each code once, and a way in when the telephone is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from portal.errors import Conflict, Forbidden, Refused
from portal.models import RecoveryCode, User
from portal.services import Portal, accounts

PASSWORD = "correct horse battery"


@pytest.fixture
def me(nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]) -> accounts.UserView:
    """Anne, logged in."""
    add()
    found = accounts.find_log_in(nordet, log_in())
    assert found is not None
    return found


@pytest.fixture
def telephone(nordet: Portal, me: accounts.UserView, now: Any) -> tuple[pyotp.TOTP, list[str]]:
    """Anne's authenticator after she switched it on half a minute ago, and her recovery codes."""
    offer = accounts.offer(nordet, me)
    made = pyotp.TOTP(offer.secret)
    codes = accounts.switch_on(nordet, me, offer.sealed, made.at(now.at), PASSWORD)
    assert codes is not None
    now.at += timedelta(seconds=30)
    return made, codes


def test_it_is_switched_on_with_a_code_of_the_offered_secret(
    nordet: Portal, me: accounts.UserView, now: Any, log_in: Callable[..., str]
) -> None:
    offer = accounts.offer(nordet, me)
    assert offer.uri.startswith("otpauth://totp/localhost:anne%40nordet.example?secret=")
    assert accounts.offer(nordet, me, offer.sealed).secret == offer.secret, "a wrong code does not change the picture"
    assert accounts.offer(nordet, me).secret != offer.secret
    other = log_in()
    for wrong in ("", "000000x", "12345", pyotp.TOTP(pyotp.random_base32()).at(now.at)):
        assert accounts.switch_on(nordet, me, offer.sealed, wrong, PASSWORD) is None
    codes = accounts.switch_on(nordet, me, offer.sealed, " ".join(pyotp.TOTP(offer.secret).at(now.at)), PASSWORD)
    assert codes is not None
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)
    assert accounts.find_log_in(nordet, other) is None, "log-ins by password alone end"
    seen = accounts.check_password(nordet, me.email, PASSWORD)
    assert seen is not None
    assert seen.has_second_factor


def test_nothing_is_kept_in_the_clear(nordet: Portal, telephone: tuple[pyotp.TOTP, list[str]]) -> None:
    with nordet.database.read() as db:
        sealed = db.scalars(sa.select(User.second_factor)).one()
        hashes = list(db.scalars(sa.select(RecoveryCode.code_hash)))
    assert sealed is not None
    assert telephone[0].secret not in sealed
    for code in telephone[1]:
        assert not any(code in kept or code.replace("-", "") in kept for kept in hashes)


def test_an_offer_is_for_whom_it_was_made(
    nordet: Portal, me: accounts.UserView, add: Callable[..., Any], now: Any
) -> None:
    offer = accounts.offer(nordet, add("bob@nordet.example"))
    for sealed in (offer.sealed, "", "x"):
        with pytest.raises(Refused, match="too old"):
            accounts.switch_on(nordet, me, sealed, pyotp.TOTP(offer.secret).at(now.at), PASSWORD)


def test_it_is_not_switched_on_over_another(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]], now: Any
) -> None:
    offer = accounts.offer(nordet, me)
    with pytest.raises(Conflict, match="on already"):
        accounts.switch_on(nordet, me, offer.sealed, pyotp.TOTP(offer.secret).at(now.at), PASSWORD)


def test_a_code_is_taken_once(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]], now: Any
) -> None:
    code = telephone[0].at(now.at)
    assert accounts.accept(nordet, me.id, code) == accounts.Accepted()
    assert accounts.accept(nordet, me.id, code) is None
    now.at += timedelta(seconds=30)
    assert accounts.accept(nordet, me.id, code) is None, "it was good in this step too, but was used"
    assert accounts.accept(nordet, me.id, telephone[0].at(now.at)) is not None


def test_the_code_that_switched_it_on_does_not_log_in(nordet: Portal, me: accounts.UserView, now: Any) -> None:
    offer = accounts.offer(nordet, me)
    code = pyotp.TOTP(offer.secret).at(now.at)
    accounts.switch_on(nordet, me, offer.sealed, code, PASSWORD)
    assert accounts.accept(nordet, me.id, code) is None


@pytest.mark.parametrize(("seconds", "is_good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_off_by_half_a_minute(
    nordet: Portal,
    me: accounts.UserView,
    telephone: tuple[pyotp.TOTP, list[str]],
    now: Any,
    seconds: int,
    is_good: bool,
) -> None:
    now.at += timedelta(minutes=10)
    code = telephone[0].at(now.at + timedelta(seconds=seconds))
    assert (accounts.accept(nordet, me.id, code) is not None) is is_good


def test_after_a_later_code_an_earlier_one_is_not_taken(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]], now: Any
) -> None:
    now.at += timedelta(minutes=1)
    early, late = telephone[0].at(now.at), telephone[0].at(now.at + timedelta(seconds=30))
    assert accounts.accept(nordet, me.id, late) is not None
    assert accounts.accept(nordet, me.id, early) is None


def test_of_two_uses_at_once_one_counts(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]], now: Any
) -> None:
    for code in (telephone[0].at(now.at), telephone[1][0]):
        with ThreadPoolExecutor(4) as pool:
            taken = list(pool.map(lambda _, code=code: accounts.accept(nordet, me.id, code), range(4)))
        assert len([one for one in taken if one is not None]) == 1


def test_a_recovery_code_is_taken_once_however_it_is_typed(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]]
) -> None:
    codes = telephone[1]
    assert accounts.codes_left(nordet, me.id) == 10
    assert accounts.accept(nordet, me.id, f" {codes[0].upper()} ") == accounts.Accepted(codes_left=9)
    assert accounts.accept(nordet, me.id, codes[0]) is None
    assert accounts.accept(nordet, me.id, codes[1].replace("-", " ")) == accounts.Accepted(codes_left=8)
    for wrong in ("", "x", "-", "\0", "\ud800", "a" * 16, codes[2][:-1]):
        assert accounts.accept(nordet, me.id, wrong) is None
    assert accounts.codes_left(nordet, me.id) == 8


def test_a_recovery_code_is_its_owners_only(
    nordet: Portal, add: Callable[..., Any], telephone: tuple[pyotp.TOTP, list[str]], now: Any
) -> None:
    bob = add("bob@nordet.example")
    offer = accounts.offer(nordet, bob)
    accounts.switch_on(nordet, bob, offer.sealed, pyotp.TOTP(offer.secret).at(now.at), PASSWORD)
    now.at += timedelta(seconds=30)
    assert accounts.accept(nordet, bob.id, telephone[1][0]) is None
    assert accounts.accept(nordet, bob.id, telephone[0].at(now.at)) is None
    assert accounts.accept(nordet, 999, telephone[1][0]) is None


def test_new_codes_replace_the_old_ones(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]]
) -> None:
    assert accounts.new_codes(nordet, me, "wrong") is None
    made = accounts.new_codes(nordet, me, PASSWORD)
    assert made is not None
    assert accounts.accept(nordet, me.id, telephone[1][0]) is None
    assert accounts.accept(nordet, me.id, made[0]) == accounts.Accepted(codes_left=9)


def test_it_is_switched_off_with_the_password(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]], now: Any
) -> None:
    assert accounts.switch_off(nordet, me, "wrong") is False
    assert accounts.switch_off(nordet, me, PASSWORD) is True
    assert accounts.codes_left(nordet, me.id) == 0
    for code in (telephone[0].at(now.at), telephone[1][0]):
        assert accounts.accept(nordet, me.id, code) is None
    with pytest.raises(Conflict, match="off"):
        accounts.new_codes(nordet, me, PASSWORD)
    seen = accounts.check_password(nordet, me.email, PASSWORD)
    assert seen is not None
    assert not seen.has_second_factor


def test_where_it_is_required_nobody_switches_it_off(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]], admin: accounts.UserView
) -> None:
    accounts.require_second_factor(nordet, admin, True)
    with pytest.raises(Forbidden, match="requires"):
        accounts.switch_off(nordet, me, PASSWORD)
    assert accounts.codes_left(nordet, me.id) == 10


def test_after_the_secret_key_was_changed_a_recovery_code_still_lets_in(
    nordet: Portal, me: accounts.UserView, telephone: tuple[pyotp.TOTP, list[str]], now: Any
) -> None:
    changed = replace(nordet, settings=nordet.settings.model_copy(update={"secret_key": SecretStr("another")}))
    with pytest.raises(Refused, match="secret key was changed"):
        accounts.accept(changed, me.id, telephone[0].at(now.at))
    assert accounts.accept(changed, me.id, telephone[1][0]) is not None


def test_it_is_not_switched_on_without_the_password(nordet: Portal, me: accounts.UserView, now: Any) -> None:
    offer = accounts.offer(nordet, me)
    for wrong in ("", "wrong", PASSWORD.upper()):
        with pytest.raises(Refused, match="password is not right"):
            accounts.switch_on(nordet, me, offer.sealed, pyotp.TOTP(offer.secret).at(now.at), wrong)
    assert accounts.codes_left(nordet, me.id) == 0
