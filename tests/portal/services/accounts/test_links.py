"""Links to choose a password: one use, one hour, and only for whom they were made."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from portal.errors import Conflict, NotFound, Refused
from portal.models import User
from portal.services import Portal, accounts

PASSWORD = "correct horse battery"
NEW = "another horse battery"


def token_of(link: accounts.PasswordLink) -> str:
    assert link.url.startswith("http://localhost:8080/password/")
    return link.url.rpartition("/")[2]


@pytest.fixture
def link(nordet: Portal, add: Callable[..., Any]) -> str:
    """A link for anne."""
    add()
    return token_of(accounts.reset_link(nordet, " Anne@Nordet.example"))


def test_a_link_chooses_a_password_and_ends_all_log_ins(nordet: Portal, link: str, log_in: Callable[..., str]) -> None:
    before = log_in()
    bearer = accounts.read_link(nordet, link)
    assert (bearer.email, bearer.is_first) == ("anne@nordet.example", False)
    assert accounts.choose_password(nordet, link, NEW).email == "anne@nordet.example"
    assert accounts.check_password(nordet, "anne@nordet.example", NEW) is not None
    assert accounts.check_password(nordet, "anne@nordet.example", PASSWORD) is None
    assert accounts.find_log_in(nordet, before) is None


def test_a_link_is_good_once(nordet: Portal, link: str) -> None:
    accounts.choose_password(nordet, link, NEW)
    for use in (lambda: accounts.read_link(nordet, link), lambda: accounts.choose_password(nordet, link, PASSWORD)):
        with pytest.raises(NotFound, match="used already"):
            use()


def test_a_link_is_good_for_an_hour(nordet: Portal, link: str, now: Any) -> None:
    now.at += timedelta(minutes=59, seconds=59)
    accounts.read_link(nordet, link)
    now.at += timedelta(seconds=1)
    with pytest.raises(NotFound, match="its time has passed"):
        accounts.choose_password(nordet, link, NEW)


def test_one_use_ends_every_other_link(nordet: Portal, link: str, now: Any) -> None:
    now.at += timedelta(minutes=1)
    second = token_of(accounts.reset_link(nordet, "anne@nordet.example"))
    assert second != link
    accounts.choose_password(nordet, second, NEW)
    with pytest.raises(NotFound):
        accounts.read_link(nordet, link)


def test_a_changed_password_ends_the_links_from_before(nordet: Portal, link: str, log_in: Callable[..., str]) -> None:
    me = accounts.find_log_in(nordet, log_in())
    assert me is not None
    assert accounts.change_password(nordet, me, PASSWORD, NEW)
    with pytest.raises(NotFound):
        accounts.read_link(nordet, link)


def test_a_password_that_is_refused_leaves_the_link_good(nordet: Portal, link: str) -> None:
    for bad in ("short", "anne@nordet.example", "motdepasse1", "aaaaaaaaaaaa"):
        with pytest.raises(Refused):
            accounts.choose_password(nordet, link, bad)
    accounts.choose_password(nordet, link, NEW)


def test_of_two_uses_at_once_one_counts(nordet: Portal, link: str) -> None:
    wanted = [f"{NEW} {number}" for number in range(4)]

    def use(password: str) -> str:
        try:
            accounts.choose_password(nordet, link, password)
        except (Conflict, NotFound):
            return ""
        return password

    with ThreadPoolExecutor(4) as pool:
        done = [password for password in pool.map(use, wanted) if password]
    assert len(done) == 1
    works = [password for password in wanted if accounts.check_password(nordet, "anne@nordet.example", password)]
    assert works == done


def test_a_link_cannot_be_made_up_or_changed(nordet: Portal, link: str, add: Callable[..., Any]) -> None:
    add("bob@nordet.example")
    for other in ("", "x", "a.b.c", link[:-1], "x" + link, link.replace(".", "", 1), "\ud800", "é", "\0"):
        with pytest.raises(NotFound):
            accounts.read_link(nordet, other)
    elsewhere = nordet.settings.model_copy(update={"secret_key": SecretStr("another")})
    foreign = token_of(accounts.reset_link(replace(nordet, settings=elsewhere), "anne@nordet.example"))
    with pytest.raises(NotFound):
        accounts.read_link(nordet, foreign)


def test_nobody_gets_a_link_who_may_not_log_in(nordet: Portal, link: str) -> None:
    with nordet.database.write() as db:
        db.execute(sa.update(User).values(is_active=False))
    with pytest.raises(NotFound):
        accounts.read_link(nordet, link)
    for email in ("anne@nordet.example", "nobody@nordet.example", "", "\0"):
        with pytest.raises(NotFound, match="There is no user"):
            accounts.reset_link(nordet, email)


def test_a_link_does_not_show_in_a_log(nordet: Portal, link: str) -> None:
    made = accounts.reset_link(nordet, "anne@nordet.example")
    assert token_of(made) not in repr(made)
    assert "$argon2" not in repr(accounts.read_link(nordet, link))


def test_the_operators_link_can_switch_a_lost_second_factor_off(
    nordet: Portal, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add()
    token = log_in()
    with nordet.database.write() as db:
        db.execute(sa.update(User).values(second_factor="sealed", second_factor_step=1))
    accounts.reset_by_operator(nordet, "anne@nordet.example")
    seen = accounts.find_log_in(nordet, token)
    assert seen is not None
    assert seen.has_second_factor
    accounts.reset_by_operator(nordet, "anne@nordet.example", drops_second_factor=True)
    assert accounts.find_log_in(nordet, token) is None
    user = accounts.check_password(nordet, "anne@nordet.example", PASSWORD)
    assert user is not None
    assert not user.has_second_factor
