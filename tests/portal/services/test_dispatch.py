"""Telling and delivering: one message for each cause and receiver, whatever fails, hangs, dies, or runs twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal import worker
from portal.channels import webhook as channel
from portal.errors import NotFound, Refused
from portal.models import Cadence, Channel, Charge, MessageState, Occasion, Role, ToldNotice
from portal.notices import Kind
from portal.notices.telling import RETRIES
from portal.services import (
    Portal,
    accounts,
    connections,
    delivery,
    dispatch_notices,
    notices,
    outbox,
    parcels,
    subscriptions,
    trials,
    webhooks,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = Path(__file__).parent


@pytest.fixture
def mail(mail_server: Callable[..., Any], smtp_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A mail server on this machine, without encryption."""
    monkeypatch.setattr(smtp_server, "HOST", "127.0.0.1")
    return mail_server()


def settled(portal: Portal, mail: Any = None) -> Portal:
    """The same portal, with a mail server when there is one, and webhooks to this machine."""
    changed: dict[str, Any] = {"private_webhooks": True}
    if mail is not None:
        changed |= {"smtp_url": f"smtp://127.0.0.1:{mail.port}", "mail_from": "Portal <portal@example.com>"}
    loaded = type(portal.settings)(**{**portal.settings.model_dump(exclude_none=True), **changed})
    return replace(portal, settings=loaded)


def person(portal: Portal, email: str, role: Role = Role.ADMINISTRATOR, language: str = "en") -> int:
    partner = connections.list_connections(portal)[0].partner
    made = accounts.add_user(portal, email, partner=partner, role=role, password="a long password", language=language)
    return made.id


def want(portal: Portal, user_id: int, cadence: Cadence = Cadence.AT_ONCE, **more: Any) -> None:
    subscriptions.save_preference(portal, 1, user_id, cadence=cadence, **more)


def messages(portal: Portal, **asked: Any) -> list[outbox.MessageView]:
    return list(reversed(outbox.list_messages(portal, 1, **asked)))


def run(portal: Portal) -> int:
    """A round of the worker: tell, then deliver what is due."""
    dispatch_notices.dispatch(portal)
    return delivery.deliver(portal)


def bring_more(portal: Portal, count: int = 1) -> None:
    """More lines that wait."""
    with portal.database.write() as db:
        first = db.scalars(sa.select(Charge).order_by(Charge.id).limit(1)).one()
        copied = {column.key: getattr(first, column.key) for column in sa.inspect(Charge).column_attrs}
        for number in range(count):
            db.add(Charge(**{**copied, "id": None, "key": f"more-{number}-{time.monotonic_ns()}", "is_billed": False}))


def bill_all(portal: Portal) -> None:
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true"))


# -- e-mail


def test_a_cause_is_mailed_once_and_again_when_it_has_grown(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    want(portal, person(portal, "anne@example.com", language="fr"))
    assert run(portal) == 1
    assert run(portal) == 0
    bring_more(portal)
    assert run(portal) == 1
    with portal.database.write() as db:
        db.execute(sa.text("UPDATE charge SET is_billed = true WHERE id = (SELECT min(id) FROM charge)"))
    assert run(portal) == 0, "it is being billed"
    bill_all(portal)
    assert run(portal) == 0, "gone is quiet"
    assert [str(letter["To"]) for letter in mail.letters] == ["anne@example.com"] * 2
    assert [one.state for one in messages(portal)] == [MessageState.DELIVERED] * 2


def test_a_letter_says_what_happened_since_when_and_what_to_do(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    want(portal, person(portal, "anne@example.com"))
    any_month.clock.at += DAY
    any_month.visit("renamed-company")
    run(portal)
    letter = next(one for one in mail.letters if "doubt" in one["Subject"])
    plain, html = (part.get_content() for part in letter.iter_parts())
    assert letter["Subject"] == "QuickBooks Nordet: Company file in doubt"
    for text in (plain, html):
        assert "http://localhost:8080/connections/1" in text
        assert "is expected" in text
        assert "re-establish the link" in text
        assert "Since Nov 2, 2026, 7:00" in text.replace("\u202f", " ")
    assert letter["Message-ID"].startswith("<msg_")
    assert "<li" in html


def test_who_reads_french_is_written_to_in_french_and_numbers_follow(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    user_id = person(portal, "anne@example.com", language="fr")
    want(portal, user_id, Cadence.NEVER, preview_days=3)
    any_month.clock.at = datetime(2026, 11, 28, 13, 0, tzinfo=UTC)
    run(portal)
    (letter,) = mail.letters
    assert letter["Content-Language"] == "fr"
    assert "1er décembre 2026" in letter["Subject"]


def test_who_has_no_access_any_more_is_not_written_to(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    user_id = person(portal, "anne@example.com")
    want(portal, user_id)
    dispatch_notices.dispatch(portal)
    with portal.database.write() as db:
        db.execute(sa.text("DELETE FROM member"))
    assert delivery.deliver(portal) == 0
    (one,) = messages(portal)
    assert (one.state, one.answer) == (MessageState.DROPPED, "this person has no access any more")
    assert mail.letters == []
    bring_more(portal)
    assert dispatch_notices.dispatch(portal) == 0


def test_without_a_mail_server_nothing_waits_for_one(any_month: Any) -> None:
    portal = settled(any_month.portal)
    user_id = person(portal, "anne@example.com")
    want(portal, user_id, preview_days=15)
    assert dispatch_notices.dispatch(portal) == 0
    with pytest.raises(Refused, match="PORTAL_SMTP_URL"):
        trials.try_email(portal, 1, user_id)


def test_a_letter_that_is_refused_is_tried_again_until_it_is_given_up(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    want(portal, person(portal, "anne@example.com"))
    mail.refuses = True
    dispatch_notices.dispatch(portal)
    for wait in (*RETRIES, timedelta(0)):
        assert delivery.deliver(portal) == 0
        assert delivery.deliver(portal) == 0, "not before its time"
        any_month.clock.at += wait
    (one,) = messages(portal)
    assert (one.state, one.attempts) == (MessageState.FAILED, 8)
    assert "550" in (one.answer or "")
    mail.refuses = False
    outbox.send_again(portal, 1, one.id)
    assert delivery.deliver(portal) == 1
    assert mail.letters[0]["Message-ID"].startswith(f"<{one.message_id}@")


def test_a_test_letter_comes_at_once_and_is_not_tried_again(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    user_id = person(portal, "anne@example.com")
    assert trials.try_email(portal, 1, user_id).state is MessageState.DELIVERED
    assert mail.letters[0]["Subject"] == "QuickBooks Nordet: a test"
    mail.refuses = True
    assert trials.try_email(portal, 1, user_id).state is MessageState.FAILED


# -- the digest and the preview


def test_the_digest_comes_once_a_day_and_only_with_news(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    user_id = person(portal, "anne@example.com", Role.BILLING)  # who bills is told daily without having chosen
    any_month.clock.at += HOUR
    run(portal)
    assert mail.letters == []
    any_month.clock.at = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)  # 07:00 in Toronto
    assert run(portal) == 1
    assert run(portal) == 0
    plain = next(mail.letters[0].iter_parts()).get_content()
    assert mail.letters[0]["Subject"] == "QuickBooks Nordet: what needs you today"
    assert "- Lines wait to be billed. Waiting to be billed:" in plain
    any_month.clock.at += DAY
    assert run(portal) == 0, "nothing new"
    bring_more(portal)
    run(portal)
    any_month.clock.at += DAY
    assert run(portal) == 1
    bring_more(portal)
    run(portal)
    (view,) = notices.list_notices(portal, 1)
    notices.dismiss(portal, 1, user_id, view.notice.key)
    any_month.clock.at += DAY
    assert run(portal) == 0, "put away"


def test_roles_decide_for_who_has_not_chosen(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    for role in Role:
        person(portal, f"{role}@example.com", role)
    run(portal)
    any_month.clock.at += DAY
    run(portal)
    assert sorted(str(letter["To"]) for letter in mail.letters) == ["administrator@example.com", "billing@example.com"]


def test_who_changes_to_daily_is_not_told_again_what_they_were_told(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    user_id = person(portal, "anne@example.com")
    want(portal, user_id)
    run(portal)
    any_month.clock.at += HOUR
    want(portal, user_id, Cadence.DAILY)
    any_month.clock.at += DAY
    assert run(portal) == 0
    assert len(mail.letters) == 1


def test_the_preview_is_mailed_once_before_the_invoice_day(any_month: Any, mail: Any) -> None:
    portal = settled(any_month.portal, mail)
    want(portal, person(portal, "anne@example.com"), Cadence.NEVER, preview_days=3, digest_hour=8)
    any_month.clock.at = datetime(2026, 11, 28, 12, 59, tzinfo=UTC)
    assert run(portal) == 0
    any_month.clock.at = datetime(2026, 11, 28, 13, 0, tzinfo=UTC)
    assert run(portal) == 1
    any_month.clock.at += DAY
    assert run(portal) == 0
    (letter,) = mail.letters
    plain = next(letter.iter_parts()).get_content()
    assert letter["Subject"] == "QuickBooks Nordet: preview of December 1, 2026"
    assert "http://localhost:8080/connections/1/preview?on=2026-12-01" in plain
    assert "12 invoices" in plain
    any_month.clock.at = datetime(2026, 12, 29, 13, 0, tzinfo=UTC)
    assert run(portal) == 1, "the next month again"


def test_preferences_are_checked(any_month: Any) -> None:
    portal = any_month.portal
    user_id = person(portal, "anne@example.com", Role.READ_ONLY)
    assert subscriptions.get_preference(portal, 1, user_id) == subscriptions.PreferenceView(cadence=Cadence.NEVER)
    want(portal, user_id, Cadence.DAILY, digest_hour=9, preview_days=2)
    seen = subscriptions.get_preference(portal, 1, user_id)
    assert (seen.cadence, seen.digest_hour, seen.preview_days, seen.is_chosen) == (Cadence.DAILY, 9, 2, True)
    for wrong in ({"digest_hour": 24}, {"digest_hour": -1}, {"preview_days": 0}, {"preview_days": 16}):
        with pytest.raises(Refused):
            want(portal, user_id, Cadence.DAILY, **wrong)
    connections.add_connection(portal, "B", partner=other(portal), billing_mode="in-arrears", invoice_day=1)
    with pytest.raises(NotFound):
        subscriptions.save_preference(portal, 2, user_id, cadence=Cadence.DAILY)


def other(portal: Portal) -> str:
    return accounts.add_partner(portal, "Autre").name


# -- webhooks


def hook(portal: Portal, receiver: Any, *kinds: str) -> webhooks.WebhookView:
    return webhooks.add_webhook(portal, 1, receiver.url, kinds=kinds)


def test_a_webhook_is_told_what_came_and_what_went(any_month: Any, http_receiver: Callable[..., Any]) -> None:
    portal, receiver = settled(any_month.portal), http_receiver()
    made = hook(portal, receiver)
    run(portal)
    bill_all(portal)
    run(portal)
    raised, cleared = (json.loads(got.body) for got in receiver.received)
    assert (raised["type"], cleared["type"]) == ("notice.raised", "notice.cleared")
    assert raised["data"]["kind"] == "lines-waiting"
    assert raised["data"]["key"] == cleared["data"]["key"]
    assert raised["data"]["connection"] == {"id": 1, "name": "QuickBooks Nordet"}
    assert raised["data"]["url"] == "http://localhost:8080/connections/1/preview"
    assert set(raised["data"]["title"]) == {"en", "fr"}
    assert datetime.fromisoformat(raised["timestamp"]) == any_month.clock.at
    assert all(got.is_signed_by(made.secret) for got in receiver.received)
    assert len({got.message_id for got in receiver.received}) == 2


def test_a_webhook_is_told_only_of_what_it_chose(any_month: Any, http_receiver: Callable[..., Any]) -> None:
    portal, receiver = settled(any_month.portal), http_receiver()
    hook(portal, receiver, "errors", "overdue")
    run(portal)
    assert receiver.received == []
    any_month.bill()
    any_month.visit()
    run(portal)
    assert [json.loads(got.body)["data"]["kind"] for got in receiver.received] == ["errors"]


def test_a_receiver_that_fails_and_recovers_gets_the_same_message(
    any_month: Any, http_receiver: Callable[..., Any]
) -> None:
    portal, receiver = settled(any_month.portal), http_receiver(status=500)
    hook(portal, receiver)
    run(portal)
    any_month.clock.at += timedelta(seconds=5)
    run(portal)
    (one,) = messages(portal)
    assert (one.state, one.attempts, one.status, one.answer) == (
        MessageState.WAITING,
        2,
        500,
        "it answered with an error",
    )
    receiver.status = 204
    any_month.clock.at += timedelta(minutes=5)
    assert run(portal) == 1
    assert {got.message_id for got in receiver.received} == {one.message_id}
    assert len({got.body for got in receiver.received}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.received}) == 3
    (one,) = messages(portal)
    assert (one.state, one.attempts, one.status, one.answer) == (MessageState.DELIVERED, 3, 204, None)


def test_a_receiver_that_hangs_keeps_nobody_else_waiting(
    any_month: Any, http_receiver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "TIMEOUT", 1.0)
    monkeypatch.setattr(delivery, "SLOW", 0.5)
    portal = settled(any_month.portal)
    hanging, well = http_receiver(status=0), http_receiver()
    stuck = hook(portal, hanging)
    for _ in range(30):
        delivery_of(portal, stuck.id)
    good = hook(portal, well)
    for _ in range(3):
        delivery_of(portal, good.id)
    begun = time.monotonic()
    assert delivery.deliver(portal) == 3
    assert time.monotonic() - begun < 4
    assert len(hanging.received) == 1, "one attempt tells that it hangs"
    assert delivery.deliver(portal) == 0
    seen = Counter((one.to, one.state.value, one.attempts) for one in messages(portal, limit=100))
    assert seen == {(hanging.url, "waiting", 0): 29, (hanging.url, "waiting", 1): 1, (well.url, "delivered", 1): 3}
    hanging.status = 204
    hanging.is_stopped.set()
    for _ in range(4):
        any_month.clock.at += timedelta(seconds=6)
        delivery.deliver(portal)
    assert {one.state for one in messages(portal, limit=100)} == {MessageState.DELIVERED}


def delivery_of(portal: Portal, webhook_id: int) -> None:
    with portal.database.write() as db:
        outbox.put(
            db,
            connection_id=1,
            now=portal.now(),
            occasion=Occasion.RAISED,
            kind=Kind.ERRORS,
            payload="{}",
            webhook_id=webhook_id,
        )


def test_a_receiver_that_is_gone_is_not_told_any_more(any_month: Any, http_receiver: Callable[..., Any]) -> None:
    portal, receiver = settled(any_month.portal), http_receiver(status=410)
    made = hook(portal, receiver)
    delivery_of(portal, made.id)
    delivery_of(portal, made.id)
    delivery.deliver(portal)
    assert [one.state for one in messages(portal)] == [MessageState.FAILED] * 2
    assert not webhooks.list_webhooks(portal, 1)[0].is_active
    delivery_of(portal, made.id)
    delivery.deliver(portal)
    assert messages(portal)[-1].answer == "the webhook is switched off"
    bring_more(portal)
    assert dispatch_notices.dispatch(portal) == 0


def test_a_private_address_is_refused_when_it_is_entered_and_when_it_is_used(
    any_month: Any, http_receiver: Callable[..., Any]
) -> None:
    receiver = http_receiver()
    for url in (receiver.url, "https://10.1.2.3/", "https://user:word@example.com/"):
        with pytest.raises(Refused, match="PORTAL_PRIVATE_WEBHOOKS"):
            webhooks.add_webhook(any_month.portal, 1, url)
    made = hook(settled(any_month.portal), receiver)
    seen = trials.try_webhook(any_month.portal, 1, made.id)
    assert (seen.state, receiver.received) == (MessageState.FAILED, [])
    assert "private" in (seen.answer or "")


def test_a_test_of_a_webhook_is_sent_once_and_says_what_came_back(
    any_month: Any, http_receiver: Callable[..., Any]
) -> None:
    portal, receiver = settled(any_month.portal), http_receiver(status=503)
    made = hook(portal, receiver)
    seen = trials.try_webhook(portal, 1, made.id)
    assert (seen.state, seen.status, seen.attempts) == (MessageState.FAILED, 503, 1)
    receiver.status = 200
    assert trials.try_webhook(portal, 1, made.id).state is MessageState.DELIVERED
    assert json.loads(receiver.received[0].body)["type"] == "test"
    with pytest.raises(NotFound):
        trials.try_webhook(portal, 1, 99)


def test_webhooks_are_kept_changed_and_removed_and_their_secrets_sealed(any_month: Any) -> None:
    portal = any_month.portal
    made = webhooks.add_webhook(portal, 1, "https://example.com/a", kinds=["overdue", "errors"], who="anne")
    assert made.kinds == (Kind.OVERDUE, Kind.ERRORS)
    with portal.database.read() as db:
        kept = db.scalar(sa.text("SELECT secret FROM webhook"))
    assert made.secret
    assert made.secret not in kept
    assert made.secret not in repr(made)
    renewed = webhooks.renew_webhook_secret(portal, 1, made.id)
    assert renewed.secret != made.secret
    changed = webhooks.change_webhook(portal, 1, made.id, url="https://example.com/b", kinds=[], is_active=False)
    assert (changed.url, changed.kinds, changed.is_active, changed.secret) == ("https://example.com/b", (), False, None)
    with pytest.raises(Refused, match="no notice nonsense"):
        webhooks.change_webhook(portal, 1, made.id, url="https://example.com/", kinds=["nonsense"], is_active=True)
    with pytest.raises(NotFound):
        webhooks.remove_webhook(portal, 2, made.id)
    delivery_of(portal, made.id)
    webhooks.remove_webhook(portal, 1, made.id)
    assert webhooks.list_webhooks(portal, 1) == ()
    assert messages(portal) == []
    for number in range(10):
        webhooks.add_webhook(portal, 1, f"https://example.com/{number}")
    with pytest.raises(Refused, match="at most 10"):
        webhooks.add_webhook(portal, 1, "https://example.com/11")


def test_the_outbox_in_pages_by_state_and_forgotten(any_month: Any, http_receiver: Callable[..., Any]) -> None:
    portal, receiver = settled(any_month.portal), http_receiver()
    made = hook(portal, receiver)
    for _ in range(5):
        delivery_of(portal, made.id)
    first = outbox.list_messages(portal, 1, limit=2)
    second = outbox.list_messages(portal, 1, limit=2, before_id=first[-1].id)
    assert [one.id for one in (*first, *second)] == [5, 4, 3, 2]
    assert {one.channel for one in first} == {Channel.WEBHOOK}
    delivery.deliver(portal)
    assert len(messages(portal, state=MessageState.DELIVERED)) == 5
    assert messages(portal, state=MessageState.FAILED) == []
    with pytest.raises(NotFound):
        outbox.send_again(portal, 1, 99)
    with pytest.raises(NotFound):
        outbox.get_message(portal, 2, 1)
    delivery_of(portal, made.id)
    any_month.clock.at += outbox.KEPT_FOR + DAY
    assert outbox.forget_old(portal) == 5
    assert [one.state for one in messages(portal)] == [MessageState.WAITING]


# -- at once, and over a kill


def test_two_at_once_tell_and_send_once_each(any_month: Any, http_receiver: Callable[..., Any], mail: Any) -> None:
    portal, receiver = settled(any_month.portal, mail), http_receiver()
    hook(portal, receiver)
    want(portal, person(portal, "anne@example.com"))
    rounds = 4
    together = threading.Barrier(3)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(rounds):
                together.wait(30)
                run(portal)
                together.wait(30)
        except BaseException as error:
            failures.append(error)
            together.abort()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(rounds):
        together.wait(30)
        together.wait(30)
        bring_more(portal)
    for thread in threads:
        thread.join()
    assert failures == []
    while dispatch_notices.dispatch(portal) or delivery.is_due(portal):
        delivery.deliver(portal)
    ids = [got.message_id for got in receiver.received]
    assert len(ids) == len(set(ids))
    assert len(mail.letters) == len(ids)
    assert [json.loads(got.body)["data"]["size"] for got in receiver.received] == sorted(
        {json.loads(got.body)["data"]["size"] for got in receiver.received}
    )
    assert {one.state for one in messages(portal)} == {MessageState.DELIVERED}


def dispatching(portal: Portal, folder: Path, now: datetime, dies: str, smtp: str) -> subprocess.Popen[bytes]:
    """A process that tells and delivers, and is killed by SIGKILL at a certain point."""
    url = portal.database.url.render_as_string(hide_password=False)
    key = portal.settings.key
    order = {"url": url, "data": str(folder), "now": now.isoformat(), "dies": dies, "key": key, "smtp": smtp}
    return subprocess.Popen([sys.executable, str(HERE / "killable_dispatcher.py"), json.dumps(order)])


@pytest.fixture
def victim(any_month: Any, tmp_path: Path) -> Callable[..., int]:
    """Runs a dispatching process until it is killed; returns how it ended."""

    def run_until(dies: str, smtp: str = "") -> int:
        folder = tmp_path / "victim"
        folder.mkdir(exist_ok=True)
        return dispatching(any_month.portal, folder, any_month.clock.at, dies, smtp).wait(60)

    return run_until


@pytest.mark.parametrize("dies", ["after-telling", "after-lease", "after-send"])
def test_a_kill_at_any_point_loses_nothing(
    any_month: Any, http_receiver: Callable[..., Any], victim: Callable[[str], int], dies: str
) -> None:
    portal, receiver = settled(any_month.portal), http_receiver()
    hook(portal, receiver)
    assert victim(dies) == -signal.SIGKILL
    (one,) = messages(portal)
    assert one.state is MessageState.WAITING
    assert len(receiver.received) == (1 if dies == "after-send" else 0)
    if dies != "after-telling":
        assert delivery.deliver(portal) == 0, "whoever holds it may still be alive"
        any_month.clock.at += parcels.LEASE
    assert run(portal) == 1
    assert {got.message_id for got in receiver.received} == {one.message_id}
    assert len(receiver.received) == (2 if dies == "after-send" else 1)
    assert run(portal) == 0


@pytest.mark.parametrize("dies", ["after-telling", "after-lease", "after-send"])
def test_a_letter_outlives_a_kill_and_keeps_its_id(
    any_month: Any, mail: Any, victim: Callable[..., int], dies: str
) -> None:
    portal = settled(any_month.portal, mail)
    want(portal, person(portal, "anne@example.com"))
    assert victim(dies, f"smtp://127.0.0.1:{mail.port}") == -signal.SIGKILL
    any_month.clock.at += parcels.LEASE
    assert run(portal) == 1
    assert [one.state for one in messages(portal)] == [MessageState.DELIVERED]
    assert len(mail.letters) == (2 if dies == "after-send" else 1)
    assert len({letter["Message-ID"] for letter in mail.letters}) == 1, "a repetition can be told"


def test_a_kill_before_what_was_told_is_kept_tells_it_later_once(
    any_month: Any, http_receiver: Callable[..., Any], victim: Callable[[str], int]
) -> None:
    portal, receiver = settled(any_month.portal), http_receiver()
    hook(portal, receiver)
    assert victim("before-telling") == -signal.SIGKILL
    assert messages(portal) == []
    with portal.database.read() as db:
        assert db.scalars(sa.select(ToldNotice)).all() == []
    assert run(portal) == 1
    assert len(receiver.received) == 1


def test_the_worker_tells_and_delivers_by_itself(month: Any, http_receiver: Callable[..., Any]) -> None:
    portal, receiver = settled(month.portal), http_receiver()
    month.set(approval="manual")
    hook(portal, receiver)
    stop = worker.start(portal, every_seconds=0.05)
    try:
        until = time.monotonic() + 30
        while not messages(portal, state=MessageState.DELIVERED) and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        stop.set()
    assert [json.loads(got.body)["data"]["kind"] for got in receiver.received] == ["lines-waiting"]
