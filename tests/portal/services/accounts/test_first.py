"""The first administrator: one link, one use, and none once somebody can log in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from portal.errors import Conflict, NotFound, PortalError, Refused
from portal.models import Partner, Role, SetupLink, User
from portal.services import Portal, accounts

PASSWORD = "correct horse battery"


def new_token(portal: Portal) -> str:
    link = accounts.setup_link(portal)
    assert link is not None
    assert link.startswith("http://localhost:8080/setup/")
    return link.rpartition("/")[2]


def set_up(portal: Portal, token: str, **changed: str) -> accounts.UserView:
    given = {
        "partner": " Nordet ",
        "email": "Anne@nordet.example",
        "password": PASSWORD,
        "language": "fr",
        **changed,
    }
    return accounts.set_up(portal, token, **given)


def count(portal: Portal, table: type) -> int:
    with portal.database.read() as db:
        return db.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_the_link_makes_the_partner_and_its_administrator_once(any_portal: Portal) -> None:
    token = new_token(any_portal)
    assert len(token) == 43
    with any_portal.database.read() as db:
        assert token not in db.scalars(sa.select(SetupLink.token_hash)).one()
    assert accounts.check_setup(any_portal, token) == ""
    made = set_up(any_portal, token)
    assert (made.email, made.partner_name, made.role, made.language) == (
        "anne@nordet.example",
        "Nordet",
        Role.ADMINISTRATOR,
        "fr",
    )
    assert accounts.check_password(any_portal, "anne@nordet.example", PASSWORD) is not None
    assert count(any_portal, SetupLink) == 0
    for use in (lambda: accounts.check_setup(any_portal, token), lambda: set_up(any_portal, token, email="b@x.com")):
        with pytest.raises(NotFound, match="used already"):
            use()
    assert accounts.setup_link(any_portal) is None


def test_a_newer_link_replaces_the_one_before(any_portal: Portal) -> None:
    old, new = new_token(any_portal), new_token(any_portal)
    for wrong in (old, "", "x", "\0", "\ud800"):
        with pytest.raises(NotFound):
            set_up(any_portal, wrong)
    assert set_up(any_portal, new).role is Role.ADMINISTRATOR


def test_a_link_is_void_once_somebody_can_log_in(any_portal: Portal) -> None:
    token = new_token(any_portal)
    accounts.add_partner(any_portal, "Nordet")
    accounts.add_user(any_portal, "a@x.com", partner="Nordet", role=Role.READ_ONLY, password=PASSWORD)
    with pytest.raises(NotFound):
        set_up(any_portal, token)
    assert accounts.setup_link(any_portal) is None
    assert count(any_portal, SetupLink) == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"partner": " "}, "needs a name"),
        ({"partner": "x" * 121}, "at most 120"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"password": "short"}, "at least 10"),
        ({"language": "de"}, "language de"),
    ],
)
def test_what_is_refused_leaves_nothing_behind_and_the_link_good(
    any_portal: Portal, changed: dict[str, str], said: str
) -> None:
    token = new_token(any_portal)
    with pytest.raises(Refused, match=said):
        set_up(any_portal, token, **changed)
    assert (count(any_portal, Partner), count(any_portal, User)) == (0, 0)
    set_up(any_portal, token)


def test_a_partner_that_is_here_already_is_joined(any_portal: Portal) -> None:
    known = accounts.add_partner(any_portal, "Nordet")
    token = new_token(any_portal)
    assert accounts.check_setup(any_portal, token) == "Nordet"
    assert set_up(any_portal, token).partner_id == known.id
    assert count(any_portal, Partner) == 1


def test_of_two_uses_at_once_one_counts(any_portal: Portal) -> None:
    token = new_token(any_portal)

    def use(number: int) -> bool:
        try:
            set_up(any_portal, token, email=f"p{number}@nordet.example", partner=f"Partner {number}")
        except PortalError:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(use, range(3))) == [False, False, True]
    assert (count(any_portal, Partner), count(any_portal, User)) == (1, 1)


def test_two_servers_that_start_at_once_both_print_a_link(any_portal: Portal) -> None:
    with ThreadPoolExecutor(3) as pool:
        links = list(pool.map(lambda _: accounts.setup_link(any_portal), range(3)))
    assert all(links)
    assert count(any_portal, SetupLink) == 1


@pytest.mark.parametrize("any_portal", ["postgresql"], indirect=True)
def test_a_partner_that_is_made_at_the_same_moment_is_told(
    any_portal: Portal, just_before: Callable[..., None]
) -> None:
    token = new_token(any_portal)
    just_before("INSERT INTO partner", lambda: accounts.add_partner(any_portal, "Nordet"))
    with pytest.raises(Conflict, match="already a partner Nordet"):
        set_up(any_portal, token)
    assert set_up(any_portal, token).partner_name == "Nordet"
