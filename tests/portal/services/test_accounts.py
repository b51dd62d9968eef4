"""Partners, people and their passwords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Conflict, NotFound, Refused
from portal.models import Role
from portal.services import Portal, accounts

PASSWORD = "correct horse battery"


@pytest.fixture
def nordet(any_portal: Portal) -> Portal:
    accounts.add_partner(any_portal, "Nordet")
    return any_portal


def add(portal: Portal, email: str = "a@example.com", **changed: Any) -> accounts.UserView:
    given = {"partner": "Nordet", "role": Role.BILLING, "password": PASSWORD, **changed}
    return accounts.add_user(portal, email, **given)


def test_a_person_logs_in_with_the_right_password_only(nordet: Portal) -> None:
    made = add(nordet)
    assert made.password is None
    seen = accounts.check_password(nordet, "a@example.com", PASSWORD)
    assert seen is not None
    assert (seen.id, seen.email, seen.partner_name, seen.role) == (made.id, "a@example.com", "Nordet", Role.BILLING)
    for wrong in (PASSWORD.upper(), PASSWORD + " ", "", "x" * 5000):
        assert accounts.check_password(nordet, "a@example.com", wrong) is None
    assert accounts.check_password(nordet, "b@example.com", PASSWORD) is None


def test_case_and_blanks_around_an_address_do_not_count(nordet: Portal) -> None:
    add(nordet, "  Anne@Example.COM ")
    for typed in (" ANNE@example.com", "\0Anne@Example.com", "anne@\0example.com", "anne@example.com \0"):
        assert accounts.plain_email(typed) == "anne@example.com"
        assert accounts.check_password(nordet, typed, PASSWORD) is not None
    with pytest.raises(Conflict, match="user anne"):
        add(nordet, "anne@example.com")


def test_a_generated_password_is_long_shown_once_and_works(nordet: Portal) -> None:
    made = add(nordet, password=None)
    assert made.password is not None
    assert len(made.password) >= 16
    assert accounts.check_password(nordet, "a@example.com", made.password) is not None
    assert add(nordet, "b@example.com", password=None).password != made.password


def test_passwords_are_kept_as_slow_hashes(nordet: Portal) -> None:
    add(nordet)
    with nordet.database.read() as db:
        kept = db.scalar(sa.text("SELECT password FROM user_account"))
    assert str(kept).startswith("$argon2id$")


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@", "@b.com", "a b@example.com", "a@b@c.com", "x" * 300 + "@example.com"]
)
def test_an_address_that_is_none(nordet: Portal, email: str) -> None:
    with pytest.raises(Refused, match="is not an e-mail address"):
        add(nordet, email)


def test_a_short_password_and_an_unknown_partner(nordet: Portal) -> None:
    with pytest.raises(Refused, match="at least 10"):
        add(nordet, password="123456789")
    with pytest.raises(NotFound, match="There is no partner Nobody"):
        add(nordet, partner="Nobody")
    with nordet.database.read() as db:
        assert db.scalar(sa.text("SELECT count(*) FROM user_account")) == 0


def test_a_partner_once_and_with_a_name_that_fits(any_portal: Portal) -> None:
    assert accounts.add_partner(any_portal, "  Nordet ").name == "Nordet"
    for name in ("Nordet", " Nordet"):
        with pytest.raises(Conflict, match="already a partner Nordet"):
            accounts.add_partner(any_portal, name)
    with pytest.raises(Refused, match="needs a name"):
        accounts.add_partner(any_portal, " ")
    assert accounts.add_partner(any_portal, "é" * 120).name == "é" * 120
    with pytest.raises(Refused, match="at most 120 characters"):
        accounts.add_partner(any_portal, "é" * 121)
    for name in ("Nor\ndet", "Nor\tdet", "Nor\x1bdet", "Nor\u2028det"):
        with pytest.raises(Refused, match="one line of text"):
            accounts.add_partner(any_portal, name)


@pytest.mark.parametrize("any_portal", ["postgresql"], indirect=True)
def test_whoever_takes_a_name_or_an_address_a_moment_later_is_told(
    nordet: Portal, just_before: Callable[..., None]
) -> None:
    just_before("INSERT INTO partner", lambda: accounts.add_partner(nordet, "Elsewhere"))
    with pytest.raises(Conflict, match="already a partner Elsewhere"):
        accounts.add_partner(nordet, "Elsewhere")
    just_before("INSERT INTO user_account", lambda: add(nordet))
    with pytest.raises(Conflict, match="already a user a@example"):
        add(nordet)
    with nordet.database.read() as db:
        assert db.scalar(sa.text("SELECT count(*) FROM user_account")) == 1


@pytest.mark.parametrize(
    "password",
    [
        "123456789",
        "x" * 1001,
        "anne.marie@nordet.example",
        "Anne.Marie@Nordet.example ",
        "ANNE.MARIE",
        "password123",
        "MotDePasse1",
        "aaaaaaaaaaaa",
        "1212121212",
    ],
)
def test_a_password_that_would_be_guessed_is_refused(nordet: Portal, password: str) -> None:
    with pytest.raises(Refused, match="password"):
        add(nordet, "anne.marie@nordet.example", password=password)


@pytest.mark.parametrize("password", ["x1-y2-z3 +", "été à Québec", "x" * 990 + "abcdefghij", " leading and trailing "])
def test_a_password_may_hold_anything(nordet: Portal, password: str) -> None:
    add(nordet, password=password)
    assert accounts.check_password(nordet, "a@example.com", password) is not None
    assert accounts.check_password(nordet, "a@example.com", password + "x") is None


def test_a_language_is_kept_and_others_are_refused(nordet: Portal) -> None:
    made = add(nordet)
    accounts.set_language(nordet, made.id, "fr")
    seen = accounts.check_password(nordet, "a@example.com", PASSWORD)
    assert seen is not None
    assert seen.language == "fr"
    with pytest.raises(Refused, match="de"):
        accounts.set_language(nordet, made.id, "de")


def test_neither_password_nor_hash_shows_in_a_log(nordet: Portal) -> None:
    made = add(nordet, password=None)
    assert made.password is not None
    assert made.password not in repr(made)
