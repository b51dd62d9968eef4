"""Invitations, and everything that somebody may try with one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from portal.errors import Conflict, Forbidden, NotFound, PortalError, Refused
from portal.models import Invitation, InvitationState, Participant, Role, User
from portal.services import Portal, accounts, audit, sharing
from portal.services.sharing import tickets

PASSWORD = "correct horse battery"
DAN = "dan@accountants.example"


def join_as_stranger(portal: Portal, ticket: str, email: str = DAN) -> Any:
    return sharing.accept_as_stranger(portal, ticket, email=email, password=PASSWORD, language="fr")


def count(portal: Portal, table: Any) -> int:
    with portal.database.read() as db:
        return db.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_an_accountant_of_another_partner_joins_and_sees_this_connection_alone(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    offered = sharing.look(cast.portal, made.ticket)
    assert (offered.connection, offered.partner, offered.role) == ("QB", "Nordet", Role.ACCOUNTANT)
    assert (offered.made_by, offered.is_bound) == ("alice@nordet.example", False)
    assert sharing.accept(cast.portal, cast.charlie, made.ticket) == cast.qb
    places = sharing.list_places(cast.portal, cast.charlie.id)
    assert [(one.connection, one.role, one.participant_id is not None, one.is_shared) for one in places] == [
        ("QB Elsewhere", Role.ADMINISTRATOR, False, False),
        ("QB", Role.ACCOUNTANT, True, True),
    ]
    assert sharing.enter(cast.portal, cast.charlie.id, cast.other) is None
    assert sharing.enter(cast.portal, cast.alice.id, cast.foreign) is None
    assert [one.connection for one in sharing.list_places(cast.portal, cast.bob.id)] == ["QB", "QB Ontario"]


def test_a_stranger_makes_an_account_that_is_of_no_partner(cast: Any, who: Callable[[str], Any]) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.READ_ONLY)
    user, connection_id = join_as_stranger(cast.portal, made.ticket, " Dan@Accountants.example ")
    assert (user.email, user.partner_id, user.role, connection_id) == (DAN, None, None, cast.qb)
    assert who(DAN) == user
    token = accounts.begin_log_in(cast.portal, user.id, user.stamp, user_agent="Firefox", address="192.0.2.1")
    seen = accounts.find_log_in(cast.portal, token or "")
    assert seen is not None
    assert (seen.email, seen.partner_id, seen.partner_name, seen.role) == (DAN, None, "", None)
    assert accounts.read_link(cast.portal, accounts.reset_link(cast.portal, DAN).url.rpartition("/")[2]).email == DAN
    with pytest.raises(Forbidden, match="no partner"):
        accounts.add_member(cast.portal, user, "x@nordet.example", Role.BILLING, "en")


def test_the_secret_has_256_bits_and_is_kept_as_a_hash_alone(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    secret = tickets.read_text(cast.portal.settings, made.ticket).secret
    assert len(base64.urlsafe_b64decode(f"{secret}=")) * 8 == 256
    with cast.portal.database.read() as db:
        row = db.scalars(sa.select(Invitation)).one()
        assert secret not in " ".join(str(getattr(row, column.name)) for column in row.__table__.columns)
        assert row.secret_hash == tickets.hash_of(secret)
        logged = " ".join(db.scalars(sa.text("SELECT words FROM audit_entry")))
    assert secret not in logged
    assert secret not in repr(made)


def test_it_works_once(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    sharing.accept(cast.portal, cast.charlie, made.ticket)
    for replay in (
        lambda: sharing.look(cast.portal, made.ticket),
        lambda: sharing.accept(cast.portal, cast.charlie, made.ticket),
        lambda: join_as_stranger(cast.portal, made.ticket),
    ):
        with pytest.raises(Conflict, match="used already: it works once"):
            replay()
    # Also after the participant was removed: an old file brings nobody back.
    (person,) = sharing.list_people(cast.portal, cast.qb).joined
    sharing.remove_joined(cast.portal, cast.alice, cast.qb, person.participant_id or 0)
    with pytest.raises(Conflict, match="used already"):
        sharing.accept(cast.portal, cast.charlie, made.ticket)
    assert count(cast.portal, Participant) == 0


def test_it_is_good_for_seven_days_to_the_second(cast: Any, now: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    begun = now.at
    now.at = begun + timedelta(days=7) - timedelta(seconds=1)
    sharing.look(cast.portal, made.ticket)
    now.at = begun + timedelta(days=7)
    for late in (
        lambda: sharing.look(cast.portal, made.ticket),
        lambda: sharing.accept(cast.portal, cast.charlie, made.ticket),
        lambda: join_as_stranger(cast.portal, made.ticket),
    ):
        with pytest.raises(Conflict, match=r"has expired: .* Ask alice@nordet\.example for a new one"):
            late()
    assert sharing.list_invitations(cast.portal, cast.qb)[0].is_expired
    assert count(cast.portal, User) == 3
    again = sharing.invite_again(cast.portal, cast.alice, cast.qb, made.invitation.id)
    assert not again.has_replaced, "the former was of no use any more"
    assert sharing.accept(cast.portal, cast.charlie, again.ticket) == cast.qb


def test_making_it_again_revokes_the_former(cast: Any) -> None:
    first = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT, DAN)
    other = sharing.invite(cast.portal, cast.alice, cast.qb, Role.READ_ONLY, DAN)
    second = sharing.invite_again(cast.portal, cast.alice, cast.qb, first.invitation.id)
    assert (second.invitation.role, second.invitation.email, second.has_replaced) == (Role.ACCOUNTANT, DAN, True)
    with pytest.raises(Conflict, match="A newer invitation has replaced this one"):
        join_as_stranger(cast.portal, first.ticket)
    sharing.look(cast.portal, other.ticket)
    third = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT, DAN.upper())
    assert third.has_replaced
    with pytest.raises(Conflict, match="newer"):
        sharing.look(cast.portal, second.ticket)
    join_as_stranger(cast.portal, third.ticket)


def test_a_revoked_one_opens_nothing(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    for _ in range(2):
        sharing.revoke(cast.portal, cast.alice, cast.qb, made.invitation.id)
    with pytest.raises(Conflict, match="was revoked"):
        sharing.accept(cast.portal, cast.charlie, made.ticket)
    used = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    sharing.accept(cast.portal, cast.charlie, used.ticket)
    with pytest.raises(Conflict, match=r"charlie@elsewhere\.example has used this invitation already"):
        sharing.revoke(cast.portal, cast.alice, cast.qb, used.invitation.id)
    with pytest.raises(NotFound):
        sharing.revoke(cast.portal, cast.alice, cast.other, used.invitation.id)


def test_the_role_and_the_connection_in_the_ticket_cannot_be_changed(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.READ_ONLY)
    settings = cast.portal.settings
    read = tickets.read_text(settings, made.ticket)
    forged = [
        made.ticket[:-1],
        made.ticket + "A",
        made.ticket.replace(made.ticket[5], "B" if made.ticket[5] != "B" else "C", 1),
        "",
        "x" * 5000,
        "\0",
        "é.é",
    ]
    # Even who had the portal's key: what the ticket says must be what the invitation says.
    forged += [
        tickets.write_text(settings, replace(read, role="administrator")),
        tickets.write_text(settings, replace(read, connection_id=cast.other)),
        tickets.write_text(settings, replace(read, connection_id=cast.foreign)),
        tickets.write_text(settings, replace(read, invitation_id=read.invitation_id + 1)),
        tickets.write_text(settings, replace(read, invitation_id=10**30)),
        tickets.write_text(settings, replace(read, secret=read.secret[::-1])),
    ]
    for ticket in forged:
        for attempt in (
            lambda ticket=ticket: sharing.look(cast.portal, ticket),
            lambda ticket=ticket: sharing.accept(cast.portal, cast.charlie, ticket),
        ):
            with pytest.raises(Refused, match="was changed since it was made, or another portal made it"):
                attempt()
    assert sharing.look(cast.portal, made.ticket).role is Role.READ_ONLY


def test_a_file_says_what_it_is_for_and_every_word_of_it_is_signed(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.READ_ONLY)
    text = sharing.invitation_file(cast.portal, cast.qb, made.ticket)
    said = json.loads(text)
    assert (said["format"], said["connection"], said["partner"], said["role"]) == (
        "qbinvite",
        "QB",
        "Nordet",
        "read-only",
    )
    settings = cast.portal.settings
    assert sharing.read_file(settings, text.encode()) == made.ticket
    assert sharing.read_file(settings, b"\xef\xbb\xbf" + json.dumps(said).encode("utf-8")) == made.ticket
    other = sharing.invite(cast.portal, cast.alice, cast.other, Role.ADMINISTRATOR).ticket
    for key in said:
        if key != "format":
            with pytest.raises(Refused, match="was changed"):
                sharing.read_file(settings, json.dumps({**said, key: other if key == "ticket" else "x"}).encode())
            with pytest.raises(Refused, match="was changed"):
                sharing.read_file(settings, json.dumps({one: said[one] for one in said if one != key}).encode())
    with pytest.raises(Refused, match="was changed"):
        sharing.read_file(settings, json.dumps({**said, "more": "x"}).encode())
    for data in (b"", b"<?xml version='1.0'?><QBWCXML/>", b"[]", b"\xff\xfe", b"[" * 20_000, b'{"format": "x"}'):
        with pytest.raises(Refused, match="not an invitation"):
            sharing.read_file(settings, data)
    with pytest.raises(NotFound):
        sharing.invitation_file(cast.portal, cast.other, made.ticket)


def test_bound_to_an_address_it_is_good_for_nobody_else(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT, " Dan@Accountants.example")
    assert sharing.look(cast.portal, made.ticket).is_bound
    for attempt in (
        lambda: sharing.accept(cast.portal, cast.charlie, made.ticket),
        lambda: join_as_stranger(cast.portal, made.ticket, "eve@accountants.example"),
    ):
        with pytest.raises(Refused, match="for another e-mail address") as refused:
            attempt()
        assert DAN not in str(refused.value), "who found the file is not told whose it is"
    user, _ = join_as_stranger(cast.portal, made.ticket)
    assert user.email == DAN


def test_who_sees_the_connection_already_has_nothing_to_join(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    for member in (cast.alice, cast.bob):
        with pytest.raises(Conflict, match="You see this connection already"):
            sharing.accept(cast.portal, member, made.ticket)
    assert sharing.accept(cast.portal, cast.charlie, made.ticket) == cast.qb
    more = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ADMINISTRATOR)
    with pytest.raises(Conflict, match="You see this connection already"):
        sharing.accept(cast.portal, cast.charlie, more.ticket)
    with pytest.raises(Conflict, match=r"bob@nordet\.example sees this connection already"):
        sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT, "bob@nordet.example")


def test_a_stranger_makes_no_account_without_a_good_invitation(cast: Any, now: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    for email, password, language, said in (
        ("nobody", PASSWORD, "en", "not an e-mail address"),
        (DAN, "short", "en", "too short"),
        (DAN, PASSWORD, "de", "language de"),
        ("bob@nordet.example", PASSWORD, "en", "There is an account of"),
    ):
        with pytest.raises(PortalError, match=said):
            sharing.accept_as_stranger(cast.portal, made.ticket, email=email, password=password, language=language)
    assert count(cast.portal, User) == 3
    sharing.look(cast.portal, made.ticket)
    sharing.revoke(cast.portal, cast.alice, cast.qb, made.invitation.id)
    with pytest.raises(Conflict):
        join_as_stranger(cast.portal, made.ticket)
    assert count(cast.portal, User) == 3


def test_who_may_not_invite_any_more_has_invited_nobody(cast: Any) -> None:
    zoe = accounts.add_user(
        cast.portal, "zoe@nordet.example", partner="Nordet", role=Role.ADMINISTRATOR, password=PASSWORD
    )
    by_zoe = sharing.invite(cast.portal, zoe, cast.qb, Role.ADMINISTRATOR)
    (member,) = [one for one in accounts.list_members(cast.portal, zoe.own_partner).people if one.user_id == zoe.id]
    accounts.change_role(cast.portal, cast.alice, member.id, Role.READ_ONLY)
    with pytest.raises(Conflict, match=r"zoe@nordet\.example, who made this invitation, may not invite any more"):
        sharing.accept(cast.portal, cast.charlie, by_zoe.ticket)
    accounts.remove_member(cast.portal, cast.alice, member.id)
    with pytest.raises(Conflict, match="may not invite any more"):
        sharing.accept(cast.portal, cast.charlie, by_zoe.ticket)


def test_only_administrators_of_the_connection_invite(cast: Any) -> None:
    for person in (cast.bob, cast.charlie):
        with pytest.raises(Forbidden, match="Only administrators"):
            sharing.invite(cast.portal, person, cast.qb, Role.READ_ONLY)
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ADMINISTRATOR)
    sharing.accept(cast.portal, cast.charlie, made.ticket)
    assert sharing.invite(cast.portal, cast.charlie, cast.qb, Role.READ_ONLY).invitation.made_by == cast.charlie.email
    with pytest.raises(Forbidden):
        sharing.invite(cast.portal, cast.charlie, cast.other, Role.READ_ONLY)


@pytest.mark.parametrize("strangers", [False, True])
def test_of_two_who_accept_at_once_one_joins(cast: Any, strangers: bool) -> None:
    for round_ in range(3):
        made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
        people = [f"p{round_}{number}@accountants.example" for number in range(2)]
        known = {}
        if not strangers:
            for email in people:
                known[email] = accounts.add_user(
                    cast.portal, email, partner="Elsewhere", role=Role.BILLING, password=PASSWORD
                )
        start = Barrier(2)

        def join(email: str, made: Any = made, known: Any = known, start: Any = start) -> bool:
            start.wait()
            try:
                if strangers:
                    join_as_stranger(cast.portal, made.ticket, email)
                else:
                    sharing.accept(cast.portal, known[email], made.ticket)
            except Conflict as error:
                return "used already" not in str(error)
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(join, people)) == [False, True]
        with cast.portal.database.read() as db:
            of_it = Participant.invitation_id == made.invitation.id
            assert db.scalar(sa.select(sa.func.count()).select_from(Participant).where(of_it)) == 1
    if strangers:
        assert count(cast.portal, User) == 3 + 3, "who came too late has no account"


def test_the_database_itself_allows_one_participant_of_an_invitation(cast: Any, now: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    sharing.accept(cast.portal, cast.charlie, made.ticket)
    twice = Participant(
        connection_id=cast.other,
        user_id=cast.charlie.id,
        invitation_id=made.invitation.id,
        role=Role.ADMINISTRATOR,
        joined_at=now.at,
    )
    with pytest.raises(IntegrityError), cast.portal.database.write() as db:
        db.add(twice)


def test_of_two_who_invite_at_once_one_invitation_stays_open(cast: Any) -> None:
    start = Barrier(2)

    def invite(_number: int) -> Any:
        start.wait()
        return sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(invite, range(2)))
    states = sorted(one.state for one in sharing.list_invitations(cast.portal, cast.qb))
    assert states == [InvitationState.OPEN, InvitationState.REPLACED]


def test_the_log_tells_who_invited_and_who_joined(cast: Any) -> None:
    made = sharing.invite(cast.portal, cast.alice, cast.qb, Role.ACCOUNTANT)
    sharing.accept(cast.portal, cast.charlie, made.ticket)
    revoked = sharing.invite(cast.portal, cast.alice, cast.qb, Role.READ_ONLY)
    sharing.revoke(cast.portal, cast.alice, cast.qb, revoked.invitation.id)
    with cast.portal.database.read() as db:
        invitation, participant = f"invitation:{made.invitation.id}", "participant:1"
        found = audit.entries(db, cast.qb, [invitation, participant, f"invitation:{revoked.invitation.id}"])
    assert [(one.action, one.who) for one in found[invitation]] == [("invite", cast.alice.email)]
    (join,) = found[participant]
    assert (join.action, join.who) == ("join", cast.charlie.email)
    assert join.detail["after"] == {"role": "accountant"}
    assert [one.action for one in found[f"invitation:{revoked.invitation.id}"]] == ["revoke-invitation", "invite"]
