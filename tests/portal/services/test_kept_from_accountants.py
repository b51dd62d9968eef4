"""What accountants are told agrees with what they see: of a run that is not shared they are told nothing, anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import NotFound, Stale
from portal.models import Cadence, Draft, DraftState, Role, Run, ToldNotice
from portal.notices import Errors, Facts, Kind
from portal.services import (
    Portal,
    accounts,
    connections,
    delivery,
    dispatch_notices,
    notices,
    open_notices,
    outbox,
    subscriptions,
    unshared,
)
from portal.services.told_causes import NOTHING, find_news

DAY = timedelta(days=1)
SHARED, HIDDEN = 2, 3


def two_runs(month: Any) -> tuple[int, int]:
    """A run that accountants see with two stopped invoices, and one kept from them with three. Nothing else."""
    month.bill()
    with month.portal.database.write() as db:
        shown = db.scalars(sa.select(Run)).one()
        copied = {column.key: getattr(shown, column.key) for column in sa.inspect(Run).column_attrs}
        hidden = Run(**{**copied, "id": None, "invoice_date": shown.invoice_date + DAY, "is_shared": False})
        db.add(hidden)
        db.flush()
        drafts = db.scalars(sa.select(Draft).order_by(Draft.id)).all()
        for row in drafts[: SHARED + HIDDEN]:
            row.state, row.code = DraftState.PARKED, "3260"
        for row in drafts[SHARED : SHARED + HIDDEN]:
            row.run_id = hidden.id
        db.execute(sa.text("DELETE FROM item_cost"))
        return shown.id, hidden.id


def mend(portal: Portal, run_id: int) -> None:
    with portal.database.write() as db:
        stopped = sa.update(Draft).where(Draft.run_id == run_id, Draft.state == DraftState.PARKED)
        db.execute(stopped.values(state=DraftState.IGNORED))


def person(portal: Portal, role: Role) -> int:
    partner = connections.list_connections(portal)[0].partner
    made = accounts.add_user(portal, f"{role}@example.com", partner=partner, role=role, password="a long password")
    return made.id


@pytest.fixture
def people(any_month: Any) -> dict[Role, int]:
    return {role: person(any_month.portal, role) for role in (Role.ADMINISTRATOR, Role.ACCOUNTANT)}


def invoices(portal: Portal, user_id: int) -> list[int]:
    """How many stopped invoices a person is told of: by the page, by the start page, and by the kept ones."""
    seen = (
        notices.list_notices(portal, 1, user_id=user_id),
        notices.list_notices_seen_by(portal, user_id),
        open_notices.all_notices(portal, 1, user_id),
    )
    found = [
        [int(one.notice.what.values["invoices"]) for one in views if one.notice.kind is Kind.ERRORS] for views in seen
    ]
    assert found[0] == found[1] == found[2]
    return found[0]


def test_each_is_told_of_what_they_see(any_month: Any, people: dict[Role, int]) -> None:
    portal = any_month.portal
    shown, hidden = two_runs(any_month)
    ours, theirs = people[Role.ADMINISTRATOR], people[Role.ACCOUNTANT]
    assert (invoices(portal, ours), invoices(portal, theirs)) == ([5], [2])
    mend(portal, shown)
    assert (invoices(portal, ours), invoices(portal, theirs)) == ([3], []), "kept ones follow, whoever reads"
    unshared.share_run(portal, 1, hidden, is_shared=True)
    assert (invoices(portal, ours), invoices(portal, theirs)) == ([3], [3])


def test_whoever_becomes_an_accountant_is_told_less_from_then_on(any_month: Any, people: dict[Role, int]) -> None:
    portal, ours = any_month.portal, people[Role.ADMINISTRATOR]
    two_runs(any_month)
    assert invoices(portal, ours) == [5]
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE member SET role = 'accountant' WHERE user_id = :one"), {"one": ours})
    assert invoices(portal, ours) == [2]


def test_what_an_accountant_dismisses_is_what_they_saw(any_month: Any, people: dict[Role, int]) -> None:
    portal, theirs = any_month.portal, people[Role.ACCOUNTANT]
    shown, hidden = two_runs(any_month)
    (seen,) = (one.notice for one in notices.list_notices(portal, 1, user_id=theirs) if one.notice.kind is Kind.ERRORS)
    (all_of_it,) = (one.notice for one in notices.list_notices(portal, 1) if one.notice.kind is Kind.ERRORS)
    with pytest.raises(Stale):
        notices.dismiss(portal, 1, theirs, "errors", fingerprint=all_of_it.fingerprint)
    notices.dismiss(portal, 1, theirs, "errors", fingerprint=seen.fingerprint)

    def is_away() -> bool:
        kept = open_notices.all_notices(portal, 1, theirs)
        return next(one.is_dismissed for one in kept if one.notice.kind is Kind.ERRORS)

    assert is_away()
    mend(portal, hidden)
    assert is_away(), "what they do not see does not bring it back"
    mend(portal, shown)
    with pytest.raises(NotFound):
        notices.dismiss(portal, 1, theirs, "errors")


# -- letters


@pytest.fixture
def mail(mail_server: Callable[..., Any], smtp_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A mail server on this machine, without encryption."""
    monkeypatch.setattr(smtp_server, "HOST", "127.0.0.1")
    return mail_server()


def with_mail(portal: Portal, mail: Any) -> Portal:
    changed = {"smtp_url": f"smtp://127.0.0.1:{mail.port}", "mail_from": "Portal <portal@example.com>"}
    loaded = type(portal.settings)(**{**portal.settings.model_dump(exclude_none=True), **changed})
    return replace(portal, settings=loaded)


def bill_all(portal: Portal) -> None:
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true"))


@contextmanager
def letters(portal: Portal, mail: Any) -> Any:
    """The letters of one round of the worker: to whom, and the numbers of invoices in it."""
    del mail.letters[:]
    dispatch_notices.dispatch(portal)
    delivery.deliver(portal)
    found = []
    for letter in mail.letters:
        text = next(letter.iter_parts()).get_content()
        counts = re.findall(r"Waiting for a person: (\d+) invoices", text)
        found.append((str(letter["To"]).partition("@")[0], [int(one) for one in counts]))
    yield sorted(found)


def test_letters_at_once_are_of_what_each_sees(any_month: Any, people: dict[Role, int], mail: Any) -> None:
    portal = with_mail(any_month.portal, mail)
    for user_id in people.values():
        subscriptions.save_preference(portal, 1, user_id, cadence=Cadence.AT_ONCE)
    shown, hidden = two_runs(any_month)
    bill_all(portal)
    mend(portal, shown)
    with letters(portal, mail) as sent:
        assert sent == [("administrator", [3])], "nothing is said of what is hidden"
    with letters(portal, mail) as sent:
        assert sent == []
    unshared.share_run(portal, 1, hidden, is_shared=True)
    with letters(portal, mail) as sent:
        assert sent == [("accountant", [3])], "it is news to them alone"
    unshared.share_run(portal, 1, hidden, is_shared=False)
    with letters(portal, mail) as sent:
        assert sent == []
    mend(portal, hidden)
    with letters(portal, mail) as sent:
        assert sent == [], "gone is quiet"
    with portal.database.read() as db:
        assert db.scalars(sa.select(ToldNotice.key)).all() == []


def test_more_of_what_is_hidden_is_no_news_to_the_accountant(
    any_month: Any, people: dict[Role, int], mail: Any
) -> None:
    portal = with_mail(any_month.portal, mail)
    for user_id in people.values():
        subscriptions.save_preference(portal, 1, user_id, cadence=Cadence.AT_ONCE)
    shown, hidden = two_runs(any_month)
    bill_all(portal)
    with letters(portal, mail) as sent:
        assert sent == [("accountant", [2]), ("administrator", [5])]
    with portal.database.write() as db:
        ready = sa.select(sa.func.min(Draft.id)).where(Draft.state == DraftState.QUEUED).scalar_subquery()
        db.execute(sa.update(Draft).where(Draft.id == ready).values(state=DraftState.PARKED, run_id=hidden))
    with letters(portal, mail) as sent:
        assert sent == [("administrator", [6])]
    mend(portal, hidden)
    with portal.database.write() as db:
        ready = sa.select(sa.func.min(Draft.id)).where(Draft.state == DraftState.QUEUED).scalar_subquery()
        db.execute(sa.update(Draft).where(Draft.id == ready).values(state=DraftState.PARKED, run_id=shown))
    with letters(portal, mail) as sent:
        assert sent == [("accountant", [3])], "there were six: it is being mended"


def test_the_digest_of_an_accountant_waits_for_news_that_they_see(
    any_month: Any, people: dict[Role, int], mail: Any
) -> None:
    portal = with_mail(any_month.portal, mail)
    shown, hidden = two_runs(any_month)
    bill_all(portal)
    mend(portal, shown)
    for user_id in people.values():
        subscriptions.save_preference(portal, 1, user_id, cadence=Cadence.DAILY)
    any_month.clock.at += timedelta(minutes=1)
    with letters(portal, mail) as sent:
        assert sent == []
    any_month.clock.at += DAY
    with letters(portal, mail) as sent:
        assert sent == [("administrator", [3])]
    unshared.share_run(portal, 1, hidden, is_shared=True)
    any_month.clock.at += timedelta(minutes=1)
    with letters(portal, mail) as sent:
        assert sent == []
    any_month.clock.at += DAY
    with letters(portal, mail) as sent:
        assert sent == [("accountant", [3])]


# -- the rule alone


def test_without_anything_hidden_both_are_told_the_same() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    facts = Facts(created_at=now, last_contact_at=now, errors=Errors(invoices=1))
    news = find_news(NOTHING, facts, now)
    assert news.common is news.accountants
    assert [one.kind for one in news.common.news] == [Kind.ERRORS]
    hidden = find_news(NOTHING, replace(facts, shown_errors=Errors()), now)
    assert [one.kind for one in hidden.common.news] == [Kind.ERRORS]
    assert not hidden.accountants


def test_a_message_that_waits_is_listed_for_whom_it_is(any_month: Any, people: dict[Role, int], mail: Any) -> None:
    portal = with_mail(any_month.portal, mail)
    for user_id in people.values():
        subscriptions.save_preference(portal, 1, user_id, cadence=Cadence.AT_ONCE)
    shown, _ = two_runs(any_month)
    bill_all(portal)
    mend(portal, shown)
    dispatch_notices.tell(portal)
    assert [one.to for one in outbox.list_messages(portal, 1)] == ["administrator@example.com"]
