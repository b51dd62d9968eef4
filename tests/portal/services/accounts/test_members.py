"""The people of a partner: who manages them, and that somebody always can."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Conflict, NotFound, PortalError, Refused
from portal.models import Member, Role, User
from portal.services import Portal, accounts

PASSWORD = "correct horse battery"


def member_of(portal: Portal, email: str) -> int:
    with portal.database.read() as db:
        return db.scalars(sa.select(Member.id).join(User).where(User.email == email)).one()


def choose(portal: Portal, link: accounts.PasswordLink) -> None:
    accounts.choose_password(portal, link.url.rpartition("/")[2], PASSWORD)


def test_people_are_listed_with_what_matters(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any], now: Any
) -> None:
    add()
    add("charlie@elsewhere.example", partner="Elsewhere")
    accounts.add_member(nordet, admin, "zoe@nordet.example", Role.READ_ONLY, "fr")
    seen = accounts.list_members(nordet, admin.partner_id)
    assert not seen.requires_second_factor
    assert [(one.email, one.role, one.last_login_at, one.has_password, one.language) for one in seen.people] == [
        ("admin@nordet.example", Role.ADMINISTRATOR, now.at, True, "en"),
        ("anne@nordet.example", Role.BILLING, None, True, "en"),
        ("zoe@nordet.example", Role.READ_ONLY, None, False, "fr"),
    ]


def test_however_many_people_there_are_listing_asks_the_same(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any]
) -> None:
    asked: list[str] = []
    sa.event.listen(nordet.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    accounts.list_members(nordet, admin.partner_id)
    few = len(asked)
    for number in range(5):
        add(f"p{number}@nordet.example")
    asked.clear()
    accounts.list_members(nordet, admin.partner_id)
    assert len(asked) == few


def test_an_added_person_chooses_a_password_by_a_link_within_a_week(
    nordet: Portal, admin: accounts.UserView, now: Any
) -> None:
    link = accounts.add_member(nordet, admin, " Zoe@Nordet.example", Role.BILLING, "fr")
    assert (link.email, link.is_first, link.language) == ("zoe@nordet.example", True, "fr")
    for password in ("", "!", PASSWORD):
        assert accounts.check_password(nordet, "zoe@nordet.example", password) is None
    now.at += timedelta(days=6, hours=23)
    choose(nordet, link)
    seen = accounts.check_password(nordet, "zoe@nordet.example", PASSWORD)
    assert seen is not None
    assert (seen.role, seen.partner_name, seen.language) == (Role.BILLING, "Nordet", "fr")
    with pytest.raises(NotFound):
        choose(nordet, link)


def test_a_person_who_cannot_be_added(nordet: Portal, admin: accounts.UserView) -> None:
    for email, role, language, said in (
        ("nobody", Role.BILLING, "en", "not an e-mail address"),
        ("x@nordet.example", Role.BILLING, "de", "language de"),
    ):
        with pytest.raises(Refused, match=said):
            accounts.add_member(nordet, admin, email, role, language)
    with pytest.raises(Conflict, match="already a user"):
        accounts.add_member(nordet, admin, "ADMIN@nordet.example", Role.BILLING, "en")


def test_a_role_counts_from_the_next_click(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add()
    token = log_in()
    accounts.change_role(nordet, admin, member_of(nordet, "anne@nordet.example"), Role.READ_ONLY)
    seen = accounts.find_log_in(nordet, token)
    assert seen is not None
    assert seen.role is Role.READ_ONLY


def test_a_removed_person_is_out_and_can_be_added_again(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add()
    token, link = log_in(), accounts.reset_link(nordet, "anne@nordet.example")
    accounts.remove_member(nordet, admin, member_of(nordet, "anne@nordet.example"))
    assert accounts.find_log_in(nordet, token) is None
    assert accounts.check_password(nordet, "anne@nordet.example", PASSWORD) is None
    with pytest.raises(NotFound):
        choose(nordet, link)
    choose(nordet, accounts.add_member(nordet, admin, "anne@nordet.example", Role.ACCOUNTANT, "en"))
    assert accounts.check_password(nordet, "anne@nordet.example", PASSWORD) is not None


def test_the_last_administrator_stays(nordet: Portal, admin: accounts.UserView, add: Callable[..., Any]) -> None:
    mine = member_of(nordet, admin.email)
    add("charlie@elsewhere.example", partner="Elsewhere", role=Role.ADMINISTRATOR)
    add()

    def try_all() -> None:
        for attempt in (
            lambda: accounts.remove_member(nordet, admin, mine),
            lambda: accounts.change_role(nordet, admin, mine, Role.BILLING),
        ):
            with pytest.raises(Conflict, match="last administrator"):
                attempt()

    try_all()
    accounts.change_role(nordet, admin, mine, Role.ADMINISTRATOR)
    link = accounts.add_member(nordet, admin, "zoe@nordet.example", Role.ADMINISTRATOR, "en")
    try_all()
    choose(nordet, link)
    with nordet.database.write() as db:
        db.execute(sa.update(User).where(User.email == "zoe@nordet.example").values(is_active=False))
    try_all()
    with nordet.database.write() as db:
        db.execute(sa.update(User).values(is_active=True))
    accounts.remove_member(nordet, admin, mine)
    assert [one.email for one in accounts.list_members(nordet, admin.partner_id).people] == [
        "anne@nordet.example",
        "zoe@nordet.example",
    ]


def test_two_administrators_who_remove_each_other_at_once_leave_one(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any]
) -> None:
    other = add("zoe@nordet.example", role=Role.ADMINISTRATOR)
    attempts = [
        (admin, member_of(nordet, "zoe@nordet.example")),
        (other, member_of(nordet, "admin@nordet.example")),
    ]

    def remove(attempt: tuple[accounts.UserView, int]) -> bool:
        try:
            accounts.remove_member(nordet, *attempt)
        except PortalError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, attempts)) == [False, True]
    assert len(accounts.list_members(nordet, admin.partner_id).people) == 1


def test_another_partners_people_do_not_exist(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    add("charlie@elsewhere.example", partner="Elsewhere")
    add("boss@elsewhere.example", partner="Elsewhere", role=Role.ADMINISTRATOR)
    token = log_in("charlie@elsewhere.example")
    theirs = member_of(nordet, "charlie@elsewhere.example")
    for attempt in (
        lambda: accounts.get_member(nordet, admin.partner_id, theirs),
        lambda: accounts.member_link(nordet, admin, theirs),
        lambda: accounts.change_role(nordet, admin, theirs, Role.ADMINISTRATOR),
        lambda: accounts.remove_member(nordet, admin, theirs),
        lambda: accounts.drop_second_factor(nordet, admin, theirs),
    ):
        with pytest.raises(NotFound, match="another partner"):
            attempt()
    accounts.require_second_factor(nordet, admin, True)
    seen = accounts.find_log_in(nordet, token)
    assert seen is not None
    assert seen.role is Role.BILLING
    assert not seen.lacks_second_factor


def test_a_link_opens_no_other_partner(nordet: Portal, admin: accounts.UserView, add: Callable[..., Any]) -> None:
    """Who works for two partners: an administrator of one would come into the other by choosing the password."""
    anne = add()
    with nordet.database.write() as db:
        other = accounts.find_partner(db, "Elsewhere")
        db.add(Member(user_id=anne.id, partner_id=other.id, role=Role.ADMINISTRATOR))
    with nordet.database.read() as db:
        mine = db.scalars(sa.select(Member.id).filter_by(user_id=anne.id, partner_id=admin.partner_id)).one()
    for attempt in (
        lambda: accounts.member_link(nordet, admin, mine),
        lambda: accounts.drop_second_factor(nordet, admin, mine),
    ):
        with pytest.raises(Conflict, match="another company too"):
            attempt()
    accounts.remove_member(nordet, admin, mine)
    seen = accounts.check_password(nordet, anne.email, PASSWORD)
    assert seen is not None
    assert seen.partner_name == "Elsewhere"


def test_a_link_of_an_administrator(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any], now: Any
) -> None:
    add()
    link = accounts.member_link(nordet, admin, member_of(nordet, "anne@nordet.example"))
    assert (link.email, link.is_first, link.until) == ("anne@nordet.example", False, now.at + timedelta(hours=1))
    accounts.add_member(nordet, admin, "zoe@nordet.example", Role.BILLING, "en")
    again = accounts.member_link(nordet, admin, member_of(nordet, "zoe@nordet.example"))
    assert (again.is_first, again.until) == (True, now.at + timedelta(days=7))


def test_a_lost_second_factor_is_switched_off(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    anne = add()
    token = log_in()
    with nordet.database.write() as db:
        db.execute(sa.update(User).where(User.id == anne.id).values(second_factor="sealed", second_factor_step=1))
    accounts.drop_second_factor(nordet, admin, member_of(nordet, anne.email))
    assert accounts.find_log_in(nordet, token) is None
    seen = accounts.check_password(nordet, anne.email, PASSWORD)
    assert seen is not None
    assert not seen.has_second_factor


def test_who_has_no_second_factor_where_one_is_required_is_known(
    nordet: Portal, admin: accounts.UserView, add: Callable[..., Any], log_in: Callable[..., str]
) -> None:
    anne = add()
    token = log_in()
    accounts.require_second_factor(nordet, admin, True)
    assert accounts.list_members(nordet, admin.partner_id).requires_second_factor
    seen = accounts.find_log_in(nordet, token)
    assert seen is not None
    assert seen.lacks_second_factor
    with nordet.database.write() as db:
        db.execute(sa.update(User).where(User.id == anne.id).values(second_factor="sealed"))
    seen = accounts.find_log_in(nordet, token)
    assert seen is not None
    assert not seen.lacks_second_factor
    accounts.require_second_factor(nordet, admin, False)
    assert not accounts.list_members(nordet, admin.partner_id).requires_second_factor


def test_an_administrator_does_to_themselves_only_what_asks_for_the_password(
    nordet: Portal, admin: accounts.UserView
) -> None:
    with nordet.database.write() as db:
        db.execute(sa.update(User).where(User.id == admin.id).values(second_factor="sealed"))
    mine = member_of(nordet, admin.email)
    for attempt in (
        lambda: accounts.member_link(nordet, admin, mine),
        lambda: accounts.drop_second_factor(nordet, admin, mine),
    ):
        with pytest.raises(Conflict, match="on the page of your account"):
            attempt()
    assert accounts.get_member(nordet, admin.partner_id, mine).has_second_factor
