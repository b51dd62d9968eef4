"""Who sees a connection: the people of its partner and those who joined, their roles, and how they leave."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import Conflict, Forbidden, NotFound
from portal.models import Member, Partner, Role, User
from portal.services import accounts, sharing

PASSWORD = "correct horse battery"
DAN = "dan@accountants.example"


@pytest.fixture
def join(cast: Any) -> Callable[..., Any]:
    """Lets a stranger, or somebody with an account, join a connection; returns them."""

    def do(email: str = DAN, role: Role = Role.ACCOUNTANT, connection_id: int | None = None) -> Any:
        ticket = sharing.invite(cast.portal, cast.alice, connection_id or cast.qb, role).ticket
        known = accounts.check_password(cast.portal, email, PASSWORD)
        if known is not None:
            sharing.accept(cast.portal, known, ticket)
            return known
        return sharing.accept_as_stranger(cast.portal, ticket, email=email, password=PASSWORD, language="en")[0]

    return do


def number_of(cast: Any, email: str = DAN, connection_id: int | None = None) -> int:
    people = sharing.list_people(cast.portal, connection_id or cast.qb)
    return next(one.participant_id or 0 for one in people.joined if one.email == email)


def role_of(cast: Any, user: Any) -> Role | None:
    entered = sharing.enter(cast.portal, user.id, cast.qb)
    return None if entered is None else entered.place.role


def test_everybody_is_listed_with_role_and_last_look(cast: Any, join: Callable[..., Any], now: Any) -> None:
    dan = join()
    now.at += timedelta(hours=2)
    assert sharing.list_people(cast.portal, cast.qb).joined[0].last_seen_at is None
    sharing.enter(cast.portal, dan.id, cast.qb)
    looked = now.at
    now.at += timedelta(seconds=59)
    sharing.enter(cast.portal, dan.id, cast.qb)
    people = sharing.list_people(cast.portal, cast.qb)
    assert [(one.email, one.role, one.participant_id) for one in people.own] == [
        ("alice@nordet.example", Role.ADMINISTRATOR, None),
        ("bob@nordet.example", Role.BILLING, None),
    ]
    (seen,) = people.joined
    assert (seen.email, seen.role, seen.invited_by, seen.last_seen_at) == (
        DAN,
        Role.ACCOUNTANT,
        "alice@nordet.example",
        looked,
    )


def test_what_a_participant_does_elsewhere_is_not_told_here(cast: Any, join: Callable[..., Any]) -> None:
    dan = join()
    join(connection_id=cast.other)
    sharing.enter(cast.portal, dan.id, cast.other)
    assert sharing.list_people(cast.portal, cast.qb).joined[0].last_seen_at is None


def test_however_many_people_and_connections_there_are_the_same_is_asked(cast: Any, join: Callable[..., Any]) -> None:
    asked: list[str] = []
    dan = join()
    sa.event.listen(cast.portal.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def look() -> int:
        asked.clear()
        sharing.list_people(cast.portal, cast.qb)
        sharing.list_places(cast.portal, dan.id)
        sharing.list_invitations(cast.portal, cast.qb)
        sharing.list_joined(cast.portal, dan.id)
        return len(asked)

    few = look()
    join(connection_id=cast.other)
    for number in range(4):
        join(f"p{number}@accountants.example")
    assert look() == few


def test_a_role_on_the_connection_counts_from_the_next_click_and_there_alone(
    cast: Any, join: Callable[..., Any]
) -> None:
    dan = join()
    join(connection_id=cast.other)
    sharing.change_joined_role(cast.portal, cast.alice, cast.qb, number_of(cast), Role.BILLING)
    assert role_of(cast, dan) is Role.BILLING
    assert [one.role for one in sharing.list_places(cast.portal, dan.id)] == [Role.BILLING, Role.ACCOUNTANT]


def test_a_removed_person_sees_it_no_more_and_without_any_place_is_forgotten(
    cast: Any, join: Callable[..., Any]
) -> None:
    dan = join()
    join(connection_id=cast.other)
    assert sharing.remove_joined(cast.portal, cast.alice, cast.qb, number_of(cast)) == DAN
    assert role_of(cast, dan) is None
    assert [one.connection for one in sharing.list_places(cast.portal, dan.id)] == ["QB Ontario"]
    assert accounts.check_password(cast.portal, DAN, PASSWORD) is not None
    sharing.remove_joined(cast.portal, cast.alice, cast.other, number_of(cast, connection_id=cast.other))
    assert accounts.check_password(cast.portal, DAN, PASSWORD) is None
    with cast.portal.database.read() as db:
        assert db.scalar(sa.select(User.id).filter_by(email=DAN)) is None
        assert DAN in set(db.scalars(sa.text("SELECT who FROM audit_entry")))
    join()
    assert accounts.check_password(cast.portal, DAN, PASSWORD) is not None, "invited again, the person is new"


def test_somebody_with_a_partner_keeps_the_account(cast: Any, join: Callable[..., Any]) -> None:
    join(cast.charlie.email)
    sharing.remove_joined(cast.portal, cast.alice, cast.qb, number_of(cast, cast.charlie.email))
    seen = accounts.check_password(cast.portal, cast.charlie.email, PASSWORD)
    assert seen is not None
    assert seen.partner_name == "Elsewhere"


def test_a_person_leaves(cast: Any, join: Callable[..., Any]) -> None:
    dan = join()
    join(connection_id=cast.other)
    first, last = sharing.list_joined(cast.portal, dan.id)
    assert (first.connection, first.is_last, last.is_last) == ("QB", False, False)
    with pytest.raises(NotFound):
        sharing.leave(cast.portal, cast.charlie, first.participant_id)
    assert sharing.leave(cast.portal, dan, first.participant_id)
    with pytest.raises(NotFound):
        sharing.leave(cast.portal, dan, first.participant_id)
    (last,) = sharing.list_joined(cast.portal, dan.id)
    assert last.is_last
    assert not sharing.leave(cast.portal, dan, last.participant_id)
    assert accounts.check_password(cast.portal, DAN, PASSWORD) is None


def test_only_administrators_of_the_connection_decide(cast: Any, join: Callable[..., Any]) -> None:
    dan = join()
    number = number_of(cast)
    for person in (cast.bob, cast.charlie, dan):
        with pytest.raises(Forbidden):
            sharing.remove_joined(cast.portal, person, cast.qb, number)
        with pytest.raises(Forbidden):
            sharing.change_joined_role(cast.portal, person, cast.qb, number, Role.ADMINISTRATOR)
    with pytest.raises(NotFound):
        sharing.remove_joined(cast.portal, cast.alice, cast.other, number)
    with pytest.raises(NotFound):
        sharing.remove_joined(cast.portal, cast.alice, cast.qb, 10**12)
    assert role_of(cast, dan) is Role.ACCOUNTANT


def test_the_last_administrator_stays(cast: Any, join: Callable[..., Any]) -> None:
    """A partner may be left without one; then who joined as administrator is the last."""
    dan = join(role=Role.ADMINISTRATOR)
    number = number_of(cast)
    with cast.portal.database.write() as db:
        db.execute(sa.update(Member).where(Member.user_id == cast.alice.id).values(role=Role.BILLING))
    attempts = (
        lambda: sharing.remove_joined(cast.portal, dan, cast.qb, number),
        lambda: sharing.change_joined_role(cast.portal, dan, cast.qb, number, Role.READ_ONLY),
        lambda: sharing.leave(cast.portal, dan, number),
    )
    for attempt in attempts:
        with pytest.raises(Conflict, match="last administrator"):
            attempt()
    with cast.portal.database.write() as db:
        db.execute(sa.update(Member).where(Member.user_id == cast.alice.id).values(role=Role.ADMINISTRATOR))
        db.execute(sa.update(User).where(User.id == cast.alice.id).values(is_active=False))
    for attempt in attempts:
        with pytest.raises(Conflict, match="last administrator"):
            attempt()
    with cast.portal.database.write() as db:
        db.execute(sa.update(User).values(is_active=True))
    sharing.change_joined_role(cast.portal, dan, cast.qb, number, Role.READ_ONLY)


def test_two_last_administrators_who_remove_each_other_at_once_leave_one(cast: Any, join: Callable[..., Any]) -> None:
    people = [join(f"{name}@accountants.example", Role.ADMINISTRATOR) for name in ("eve", "fay")]
    numbers = [number_of(cast, person.email) for person in people]
    with cast.portal.database.write() as db:
        db.execute(sa.update(Member).where(Member.user_id == cast.alice.id).values(role=Role.BILLING))

    def remove(which: int) -> bool:
        try:
            sharing.remove_joined(cast.portal, people[which], cast.qb, numbers[1 - which])
        except (Conflict, Forbidden):
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, range(2))) == [False, True]
    assert len(sharing.list_people(cast.portal, cast.qb).joined) == 1


def test_a_partner_that_requires_a_second_factor_requires_it_of_who_joined(cast: Any, join: Callable[..., Any]) -> None:
    dan = join()
    assert not dan.lacks_second_factor
    with cast.portal.database.write() as db:
        db.execute(sa.update(Partner).where(Partner.name == "Nordet").values(requires_second_factor=True))
    seen = accounts.check_password(cast.portal, DAN, PASSWORD)
    assert seen is not None
    assert seen.lacks_second_factor
    token = accounts.begin_log_in(cast.portal, seen.id, seen.stamp, user_agent="", address="")
    found = accounts.find_log_in(cast.portal, token or "")
    assert found is not None
    assert found.lacks_second_factor
    charlie = accounts.check_password(cast.portal, cast.charlie.email, PASSWORD)
    assert charlie is not None
    assert not charlie.lacks_second_factor


def test_an_administrator_makes_no_link_for_who_joined_another_partners_connection(
    cast: Any, join: Callable[..., Any]
) -> None:
    """The link would open that partner's connection to the administrator."""
    join(cast.charlie.email)
    zoe = accounts.add_user(
        cast.portal, "zoe@elsewhere.example", partner="Elsewhere", role=Role.ADMINISTRATOR, password=PASSWORD
    )
    members = accounts.list_members(cast.portal, zoe.own_partner).people
    charlie = next(one.id for one in members if one.email == cast.charlie.email)
    for attempt in (
        lambda: accounts.member_link(cast.portal, zoe, charlie),
        lambda: accounts.drop_second_factor(cast.portal, zoe, charlie),
    ):
        with pytest.raises(Conflict, match="another company too"):
            attempt()
    accounts.remove_member(cast.portal, zoe, charlie)
    seen = accounts.check_password(cast.portal, cast.charlie.email, PASSWORD)
    assert seen is not None, "the connection that they joined stays theirs"
    assert (seen.partner_id, seen.role) == (None, None)
