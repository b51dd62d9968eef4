"""Who is told of a connection: members and who joined alike, as they chose, and nobody after they were removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import NotFound, Refused
from portal.models import Cadence, Member, MessageState, Occasion, Role, User
from portal.services import Portal, accounts, delivery, dispatch_notices, outbox, sharing, subscriptions
from portal.services.audit_log import Asked, Scope, read_log
from portal.services.subscriptions import Choice

PASSWORD = "correct horse battery"
DAN = "dan@accountants.example"
DAY = timedelta(days=1)


@pytest.fixture
def mail(mail_server: Callable[..., Any], smtp_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A mail server on this machine, without encryption."""
    monkeypatch.setattr(smtp_server, "HOST", "127.0.0.1")
    return mail_server()


@pytest.fixture
def cast(cast: Any, mail: Any) -> Any:
    """The cast, with a mail server; a month passed since the connections were made, and nobody ever called."""
    changed = {"smtp_url": f"smtp://127.0.0.1:{mail.port}", "mail_from": "Portal <portal@example.com>"}
    settings = cast.portal.settings
    loaded = type(settings)(**{**settings.model_dump(exclude_none=True), **changed})
    cast.portal.now.at = datetime(2026, 12, 10, 15, 0, tzinfo=UTC)
    return replace(cast, portal=replace(cast.portal, settings=loaded))


@pytest.fixture
def join(cast: Any) -> Callable[..., Any]:
    """Lets a stranger, or somebody with an account, join a connection; returns them."""

    def do(email: str = DAN, role: Role = Role.ACCOUNTANT, connection_id: int | None = None) -> Any:
        ticket = sharing.invite(cast.portal, cast.alice, connection_id or cast.qb, role).ticket
        known = accounts.check_password(cast.portal, email, PASSWORD)
        if known is not None:
            sharing.accept(cast.portal, known, ticket)
            return known
        return sharing.accept_as_stranger(cast.portal, ticket, email=email, password=PASSWORD, language="fr")[0]

    return do


def number_of(cast: Any, email: str) -> int:
    people = sharing.list_people(cast.portal, cast.qb)
    return next(one.participant_id or 0 for one in people.joined if one.email == email)


def run(portal: Portal) -> int:
    dispatch_notices.dispatch(portal)
    return delivery.deliver(portal)


def waiting(portal: Portal, connection_id: int, user_id: int, count: int = 1) -> None:
    with portal.database.write() as db:
        for _ in range(count):
            outbox.put(
                db,
                connection_id=connection_id,
                now=portal.now(),
                occasion=Occasion.TEST,
                payload="",
                user_id=user_id,
            )


def chosen(cast: Any, user_id: int, connection_id: int | None = None) -> tuple[Any, ...]:
    seen = subscriptions.get_preference(cast.portal, connection_id or cast.qb, user_id)
    return seen.cadence, seen.digest_hour, seen.preview_days, seen.is_chosen


def addresses(mail: Any) -> list[str]:
    return sorted(str(letter["To"]) for letter in mail.letters)


def test_the_role_on_the_connection_decides_for_who_joined_and_has_not_chosen(cast: Any, join: Any, mail: Any) -> None:
    join(DAN, Role.ACCOUNTANT)
    join("eve@accountants.example", Role.BILLING)
    join(cast.charlie.email, Role.READ_ONLY)  # an administrator, but at home
    cast.portal.now.at += DAY
    run(cast.portal)
    cast.portal.now.at += DAY
    run(cast.portal)
    own = [one for one in mail.letters if "QB Elsewhere" in one["Subject"]]
    assert {str(one["To"]) for one in own} == {cast.charlie.email}
    shared = {str(one["To"]) for one in mail.letters if one["Subject"].startswith(("QB:", "QB :"))}
    assert shared == {cast.alice.email, cast.bob.email, "eve@accountants.example"}


def test_who_joined_is_told_as_they_choose_and_of_that_connection_alone(cast: Any, join: Any, mail: Any) -> None:
    dan = join()
    assert chosen(cast, dan.id) == (Cadence.NEVER, 7, None, False)
    subscriptions.save_preference(cast.portal, cast.qb, dan.id, cadence=Cadence.AT_ONCE)
    cast.portal.now.at += DAY
    run(cast.portal)
    assert addresses(mail) == [DAN]
    (letter,) = mail.letters
    assert letter["Content-Language"] == "fr"
    with pytest.raises(NotFound):
        subscriptions.save_preference(cast.portal, cast.other, dan.id, cadence=Cadence.AT_ONCE)


def test_the_digest_of_who_joins_comes_at_its_hour_and_not_on_joining(cast: Any, join: Any, mail: Any) -> None:
    cast.portal.now.at += DAY
    run(cast.portal)
    cast.portal.now.at += 3 * DAY
    run(cast.portal)
    mail.letters.clear()
    dan = join(DAN, Role.ADMINISTRATOR)
    run(cast.portal)
    assert addresses(mail) == [], "it is not the hour"
    cast.portal.now.at += DAY
    run(cast.portal)
    assert addresses(mail) == [DAN]
    assert chosen(cast, dan.id) == (Cadence.DAILY, 7, None, False), "a digest is no choice"
    sharing.change_joined_role(cast.portal, cast.alice, cast.qb, number_of(cast, DAN), Role.READ_ONLY)
    assert chosen(cast, dan.id)[0] is Cadence.NEVER, "it follows the role"


def test_the_preview_comes_to_who_joined(cast: Any, join: Any, mail: Any) -> None:
    dan = join()
    subscriptions.save_preference(cast.portal, cast.qb, dan.id, cadence=Cadence.NEVER, preview_days=3)
    cast.portal.now.at = datetime(2026, 12, 29, 13, 0, tzinfo=UTC)
    run(cast.portal)
    assert [str(one["To"]) for one in mail.letters if "aperçu" in one["Subject"]] == [DAN]


@pytest.mark.parametrize("way", ["removed", "left"])
def test_from_the_moment_of_removal_nothing_is_told_and_what_waits_is_dropped(
    cast: Any, join: Any, mail: Any, way: str
) -> None:
    portal = cast.portal
    join(cast.charlie.email, Role.BILLING)
    subscriptions.save_preference(
        portal, cast.qb, cast.charlie.id, cadence=Cadence.AT_ONCE, preview_days=15, digest_hour=5
    )
    waiting(portal, cast.qb, cast.charlie.id, 2)
    waiting(portal, cast.foreign, cast.charlie.id)
    number = number_of(cast, cast.charlie.email)
    if way == "removed":
        sharing.remove_joined(portal, cast.alice, cast.qb, number)
    else:
        assert sharing.leave(portal, cast.charlie, number)
    dropped = outbox.list_messages(portal, cast.qb)
    assert [(one.state, one.answer) for one in dropped] == [
        (MessageState.DROPPED, "this person has no access any more")
    ] * 2
    assert [one.state for one in outbox.list_messages(portal, cast.foreign)] == [MessageState.WAITING], "their own"
    portal.now.at = datetime(2026, 12, 29, 13, 0, tzinfo=UTC)
    run(portal)
    portal.now.at += DAY
    run(portal)
    assert not [one for one in mail.letters if str(one["To"]) == cast.charlie.email and "QB Elsewhere" not in str(one)]
    join(cast.charlie.email, Role.ACCOUNTANT)
    assert chosen(cast, cast.charlie.id) == (Cadence.NEVER, 7, None, False), "invited again, the role decides"


def test_who_is_forgotten_with_their_last_connection_leaves_nothing_to_send(cast: Any, join: Any, mail: Any) -> None:
    dan = join()
    waiting(cast.portal, cast.qb, dan.id)
    sharing.remove_joined(cast.portal, cast.alice, cast.qb, number_of(cast, DAN))
    assert delivery.deliver(cast.portal) == 0
    assert mail.letters == []


def test_a_member_who_is_removed_is_told_only_of_what_they_joined(cast: Any, mail: Any) -> None:
    portal = cast.portal
    ticket = sharing.invite(portal, cast.alice, cast.qb, Role.BILLING).ticket
    with portal.database.write() as db:
        db.execute(sa.delete(Member).where(Member.user_id == cast.bob.id))
    sharing.accept(portal, cast.bob, ticket)
    with portal.database.write() as db:
        partner = db.scalars(sa.select(Member.partner_id).where(Member.user_id == cast.alice.id)).one()
        db.add(Member(user_id=cast.bob.id, partner_id=partner, role=Role.READ_ONLY))
    assert chosen(cast, cast.bob.id)[0] is Cadence.NEVER, "once, in the role at the partner"
    for connection_id in (cast.qb, cast.other):
        waiting(portal, connection_id, cast.bob.id)
    with portal.database.read() as db:
        member = db.scalars(sa.select(Member.id).where(Member.user_id == cast.bob.id)).one()
    accounts.remove_member(portal, cast.alice, member)
    assert [one.state for one in outbox.list_messages(portal, cast.qb)] == [MessageState.WAITING]
    assert [one.state for one in outbox.list_messages(portal, cast.other)] == [MessageState.DROPPED]
    assert chosen(cast, cast.bob.id)[0] is Cadence.DAILY, "as who joined to bill"


def test_who_is_removed_while_letters_before_theirs_leave_gets_none(
    cast: Any, join: Any, mail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = cast.portal
    join(cast.charlie.email, Role.BILLING)
    waiting(portal, cast.qb, cast.alice.id)
    waiting(portal, cast.qb, cast.charlie.id)
    send = delivery.email.send

    def remove_then_send(*given: Any) -> None:
        if not mail.letters:
            sharing.remove_joined(portal, cast.alice, cast.qb, number_of(cast, cast.charlie.email))
        send(*given)

    monkeypatch.setattr(delivery.email, "send", remove_then_send)
    assert delivery.deliver(portal) == 1
    assert addresses(mail) == [cast.alice.email]
    assert {one.to: one.state for one in outbox.list_messages(portal, cast.qb)} == {
        cast.alice.email: MessageState.DELIVERED,
        cast.charlie.email: MessageState.DROPPED,
    }


def test_who_may_not_log_in_is_not_told(cast: Any, join: Any, mail: Any) -> None:
    dan = join(DAN, Role.ADMINISTRATOR)
    waiting(cast.portal, cast.qb, dan.id)
    with cast.portal.database.write() as db:
        db.execute(sa.update(User).where(User.id == dan.id).values(is_active=False))
    assert delivery.deliver(cast.portal) == 0
    assert outbox.list_messages(cast.portal, cast.qb)[0].state is MessageState.DROPPED


def test_the_same_for_all_connections_that_one_sees_and_none_besides(cast: Any, join: Any) -> None:
    portal = cast.portal
    join(cast.charlie.email, Role.READ_ONLY)
    wanted = Choice(cadence=Cadence.AT_ONCE, digest_hour=9, preview_days=2)
    assert subscriptions.save_preference_everywhere(portal, cast.charlie.id, wanted) == 2
    for connection_id in (cast.qb, cast.foreign):
        assert chosen(cast, cast.charlie.id, connection_id) == (Cadence.AT_ONCE, 9, 2, True)
    assert chosen(cast, cast.bob.id) == (Cadence.DAILY, 7, None, False), "nobody else's"
    with pytest.raises(Refused):
        subscriptions.save_preference_everywhere(portal, cast.charlie.id, replace(wanted, preview_days=16))
    back = replace(wanted, cadence=None)
    assert subscriptions.save_preference_everywhere(portal, cast.charlie.id, back) == 2
    assert chosen(cast, cast.charlie.id)[0] is Cadence.NEVER
    rows = read_log(portal, Scope(connection_id=cast.qb), Asked()).page.rows
    told = [
        (one.about, [(c.field, c.before, c.after) for c in one.changes])
        for one in rows
        if one.action == "choose-letters"
    ]
    assert told[-1] == (
        cast.charlie.email,
        [("cadence", "as-role", "at-once"), ("hour", 7, 9), ("preview_days", None, 2)],
    )
