"""The pages of letters, webhooks and messages: what each person chooses, who sees what, tests, and sending again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from pydantic import SecretStr

import portal as package
from portal.app import create_app
from portal.models import Cadence, MessageState, Occasion, OutboxMessage, Role
from portal.notices import Kind
from portal.services import Portal, audit_log, delivery, dispatch_notices, outbox, subscriptions, trials, webhooks
from portal.services.audit_log import Asked, Scope
from portal.services.notice_texts import EVENTS
from portal.web import telling_words

EMAILS = {role: f"{role}@nordet.example" for role in Role}
TELLING = "/connections/1/notices/telling"
HOOKS = "/connections/1/webhooks"
MESSAGES = "/connections/1/messages"
ALL_KINDS = [kind.value for kind in Kind]


@pytest.fixture
def portal(month: Any, mail: Any) -> Portal:
    """The portal of the month, with a mail server and webhooks to this machine."""
    changed = {
        "smtp_url": SecretStr(f"smtp://127.0.0.1:{mail.port}"),
        "mail_from": "Portal <portal@example.com>",
        "private_webhooks": True,
    }
    return replace(month.portal, settings=month.portal.settings.model_copy(update=changed))


@pytest.fixture
def mail(mail_server: Callable[..., Any], smtp_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A mail server on this machine, without encryption."""
    monkeypatch.setattr(smtp_server, "HOST", "127.0.0.1")
    return mail_server()


@pytest.fixture
def visit(person: Callable[..., Any], portal: Portal, new_person: Callable[..., Any]) -> Callable[..., Any]:
    """Logs somebody in at a site that sends letters and webhooks."""
    app = create_app(portal)

    def log_in(who: Role | str) -> Any:
        person(who)  # makes them
        made = new_person(app)
        assert made.log_in(EMAILS[who] if isinstance(who, Role) else who).status_code == 303
        return made

    return log_in


@pytest.fixture
def host(visit: Callable[..., Any]) -> Any:
    """An administrator at that site."""
    return visit(Role.ADMINISTRATOR)


def says(page: Any) -> str:
    return " ".join(html.fromstring(page.text).find(".//main").text_content().split())


def user_id(portal: Portal, email: str) -> int:
    with portal.database.read() as db:
        return next(one.user_id for one in subscriptions.receivers(db, [1]) if one.email == email)


def put(portal: Portal, count: int = 1, **more: Any) -> None:
    with portal.database.write() as db:
        for _ in range(count):
            given = {"occasion": Occasion.RAISED, "kind": Kind.ERRORS, "payload": '{"data": {"x": "é"}}', **more}
            outbox.put(db, connection_id=1, now=portal.now(), **given)


# -- how you are told


@pytest.mark.parametrize("role", Role)
def test_everybody_chooses_for_themselves(visit: Callable[..., Any], portal: Portal, role: Role) -> None:
    who = visit(role)
    page = who.get(TELLING)
    tree = html.fromstring(page.text)
    assert tree.xpath("//input[@name='cadence' and @checked]/@value") == ["as-role"]
    assert EMAILS[role] in says(page)
    usual = "one digest a day" if role in (Role.ADMINISTRATOR, Role.BILLING) else "no letters"
    assert f"As my role says: {usual}" in says(page)
    answer = who.post(TELLING, {"cadence": "at-once", "hour": "9", "preview": "3"})
    assert (answer.status_code, answer.location) == (303, TELLING)
    seen = subscriptions.get_preference(portal, 1, user_id(portal, EMAILS[role]))
    assert (seen.cadence, seen.digest_hour, seen.preview_days, seen.is_chosen) == (Cadence.AT_ONCE, 9, 3, True)
    tree = html.fromstring(who.get(TELLING).text)
    assert tree.xpath("//input[@name='cadence' and @checked]/@value") == ["at-once"]
    assert tree.xpath("//option[@selected]/@value") == ["3", "9"]
    who.post(TELLING, {"cadence": "as-role", "hour": "7", "preview": ""})
    assert not subscriptions.get_preference(portal, 1, user_id(portal, EMAILS[role])).is_chosen
    rows = audit_log.read_log(portal, Scope(connection_id=1), Asked()).page.rows
    assert [(one.action, one.who) for one in rows[:2]] == [("choose-letters", EMAILS[role])] * 2


def test_what_cannot_be_chosen_comes_back_with_a_sentence(host: Any) -> None:
    for wrong in (
        {"cadence": "hourly", "hour": "7"},
        {"cadence": "daily", "hour": "24"},
        {"cadence": "daily", "hour": "²"},
        {"cadence": "daily", "hour": "7", "preview": "16"},
        {"cadence": "daily", "hour": "7", "preview": "x"},
        {},
    ):
        answer = host.post(TELLING, wrong)
        assert answer.status_code == 400, wrong
        assert 'role="alert"' in answer.text


def test_one_button_sets_the_same_for_all_connections(
    visit: Callable[..., Any], portal: Portal, other_connection: int
) -> None:
    host = visit(Role.ADMINISTRATOR)
    assert "Save for all my 2 connections" in host.get(TELLING).text
    host.post(TELLING, {"cadence": "never", "hour": "7", "preview": "", "everywhere": "1"})
    assert "Saved for 2 connections." in host.get(TELLING).text
    own = user_id(portal, EMAILS[Role.ADMINISTRATOR])
    for connection_id in (1, other_connection):
        assert subscriptions.get_preference(portal, connection_id, own).cadence is Cadence.NEVER


def test_a_test_letter_says_what_came_of_it(host: Any, mail: Any) -> None:
    assert host.post(f"{TELLING}/test").location == TELLING
    page = says(host.get(TELLING))
    assert f"The mail server took the letter to {EMAILS[Role.ADMINISTRATOR]}." in page
    assert "Last letters to you" in page
    assert str(mail.letters[0]["To"]) == EMAILS[Role.ADMINISTRATOR]
    mail.refuses = True
    host.post(f"{TELLING}/test")
    assert "The letter did not leave. The answer: 127.0.0.1 answered 550 no." in says(host.get(TELLING))


def test_without_a_mail_server_the_page_says_so_and_what_mends_it(admin: Any) -> None:
    page = admin.get(TELLING)
    assert "No letters leave: the portal has no mail server." in page.text
    for name in ("PORTAL_SMTP_URL", "PORTAL_MAIL_FROM"):
        assert f"<code>{name}</code>" in page.text
    assert "Send me a test letter" not in page.text
    refused = admin.post(f"{TELLING}/test")
    assert refused.status_code == 400
    assert "PORTAL_SMTP_URL" in refused.text


def test_letters_say_why_and_lead_to_where_that_is_chosen(host: Any, portal: Portal, mail: Any) -> None:
    host.post(TELLING, {"cadence": "at-once", "hour": "7", "preview": ""})
    dispatch_notices.dispatch(portal)
    delivery.deliver(portal)
    (letter,) = mail.letters
    plain, rich = (part.get_content() for part in letter.iter_parts())
    for text in (plain, rich):
        assert "You get this letter because you chose so" in text
        assert f"http://localhost:8080{TELLING}" in text
    assert letter["List-Unsubscribe"] is None, "the page asks for the log-in"
    assert host.get(TELLING).status_code == 200


# -- webhooks


def test_a_webhook_is_added_tested_changed_switched_and_removed(
    host: Any, portal: Portal, http_receiver: Callable[..., Any]
) -> None:
    receiver = http_receiver(status=500)
    assert "No program is told yet" in host.get(HOOKS).text
    made = host.post(HOOKS, {"url": receiver.url, "kind": ALL_KINDS})
    secret = html.fromstring(made.text).get_element_by_id("secret").get("value")
    assert secret.startswith("whsec_")
    assert webhooks.get_webhook(portal, 1, 1).kinds == (), "all, also those to come"
    for path in (HOOKS, f"{HOOKS}/1", "/connections/1/log", MESSAGES):
        assert secret not in host.get(path).text
    host.post(f"{HOOKS}/1/test")
    page = says(host.get(f"{HOOKS}/1"))
    assert "The receiver did not take the test. The answer: it answered with an error (500)." in page
    receiver.status = 204
    host.post(f"{HOOKS}/1/test")
    assert "The receiver took the test: it answered 204." in says(host.get(f"{HOOKS}/1"))
    assert all(got.is_signed_by(secret) for got in receiver.received)
    host.post(f"{HOOKS}/1", {"url": receiver.url, "kind": ["errors", "overdue"]})
    assert webhooks.get_webhook(portal, 1, 1).kinds == (Kind.OVERDUE, Kind.ERRORS)
    host.post(f"{HOOKS}/1/switch", {"active": "0"})
    assert "What still waits for it is dropped." in host.get(f"{HOOKS}/1").text
    host.post(f"{HOOKS}/1/switch", {"active": "1"})
    assert webhooks.get_webhook(portal, 1, 1).is_active
    renewed = host.post(f"{HOOKS}/1/secret")
    other = html.fromstring(renewed.text).get_element_by_id("secret").get("value")
    assert other != secret
    host.post(f"{HOOKS}/1/test")
    assert receiver.received[-1].is_signed_by(other)
    assert host.post(f"{HOOKS}/1/remove").location == HOOKS
    assert host.get(f"{HOOKS}/1").status_code == 404
    rows = audit_log.read_log(portal, Scope(connection_id=1), Asked()).page.rows
    assert [one.action for one in reversed(rows) if "webhook" in one.action] == [
        "add-webhook",
        "change-webhook",
        "change-webhook",
        "change-webhook",
        "renew-webhook-secret",
        "remove-webhook",
    ]
    assert "/hook" not in "".join(str(one) for one in rows), "a path may be a secret of the receiver"


def test_what_cannot_be_a_webhook_comes_back_as_it_was_typed(host: Any, portal: Portal) -> None:
    for given, words in (
        ({"url": "ftp://example.com/a", "kind": ["errors"]}, "cannot be a webhook"),
        ({"url": "https://example.com/a"}, "Tick at least one notice."),
        ({"url": "https://example.com/a", "kind": ["nonsense"]}, "There is no notice nonsense"),
    ):
        answer = host.post(HOOKS, given)
        assert (answer.status_code, words in answer.text) == (400, True), given
        tree = html.fromstring(answer.text)
        assert tree.get_element_by_id("url").get("value") == given["url"]
    assert tree.xpath("//input[@name='kind' and @checked]/@value") == []
    webhooks.add_webhook(portal, 1, "https://example.com/a")
    answer = host.post(f"{HOOKS}/1", {"url": "nothing", "kind": ["errors"]})
    assert answer.status_code == 400
    assert html.fromstring(answer.text).xpath("//input[@name='kind' and @checked]/@value") == ["errors"]
    assert webhooks.get_webhook(portal, 1, 1).url == "https://example.com/a"


# -- messages


def test_administrators_see_all_messages_and_others_those_to_themselves(
    visit: Callable[..., Any], portal: Portal, joined: Callable[..., Any]
) -> None:
    host, biller = visit(Role.ADMINISTRATOR), visit(Role.BILLING)
    hook = webhooks.add_webhook(portal, 1, "https://example.com/a-secret-path")
    put(portal, webhook_id=hook.id)
    put(portal, occasion=Occasion.TEST, kind=None, payload="", user_id=user_id(portal, EMAILS[Role.BILLING]))
    put(portal, occasion=Occasion.TEST, kind=None, payload="", user_id=user_id(portal, EMAILS[Role.ADMINISTRATOR]))
    page = says(host.get(MESSAGES))
    assert "https://example.com/a-secret-path" in page
    assert EMAILS[Role.BILLING] in page
    assert "3 rows" in page
    page = says(biller.get(MESSAGES))
    assert "1 row" in page
    assert "a-secret-path" not in page
    assert EMAILS[Role.ADMINISTRATOR] not in page
    assert [host.get(f"{MESSAGES}/{number}").status_code for number in (1, 2, 3, 4)] == [200, 200, 200, 404]
    assert [biller.get(f"{MESSAGES}/{number}").status_code for number in (1, 2, 3, 4)] == [404, 200, 404, 404]
    assert "This is what you asked for" in host.get(f"{MESSAGES}/2").text
    assert "Send it now" not in biller.get(f"{MESSAGES}/2").text
    assert biller.post(f"{MESSAGES}/2/again").status_code == 403
    guest = joined("zoe@stranger.example", Role.ADMINISTRATOR)
    assert "3 rows" in says(guest.get(MESSAGES)), "an administrator of this connection"


def test_messages_are_filtered_and_come_in_pages(host: Any, portal: Portal) -> None:
    hook = webhooks.add_webhook(portal, 1, "https://example.com/a")
    own = user_id(portal, EMAILS[Role.ADMINISTRATOR])
    put(portal, 60, webhook_id=hook.id)
    put(portal, occasion=Occasion.DIGEST, kind=None, payload='{"notices":[]}', user_id=own)
    assert "1 to 50 of 61" in says(host.get(MESSAGES))
    assert "51 to 61 of 61" in says(host.get(f"{MESSAGES}?page=2"))
    assert "1 row" in says(host.get(f"{MESSAGES}?channel=email"))
    assert "Daily digest" in says(host.get(f"{MESSAGES}?channel=email&state=waiting"))
    assert "No message matches" in host.get(f"{MESSAGES}?state=failed").text
    assert "1 to 50 of 61" in says(host.get(f"{MESSAGES}?state=nonsense"))
    assert "state=waiting" in host.get(f"{MESSAGES}?state=waiting").text


def test_a_message_that_failed_is_sent_again_under_its_id(
    visit: Callable[..., Any], portal: Portal, http_receiver: Callable[..., Any], month: Any
) -> None:
    receiver = http_receiver(status=503)
    hook = webhooks.add_webhook(portal, 1, receiver.url)
    put(portal, webhook_id=hook.id)
    for _ in range(8):
        delivery.deliver(portal)
        month.clock.at += timedelta(hours=10)
    host = visit(Role.ADMINISTRATOR)
    page = host.get(f"{MESSAGES}/1")
    assert "Given up" in says(page)
    assert "it answered with an error (503)" in says(page)
    assert '"x": "é"' in html.fromstring(page.text).find(".//main//pre").text_content()
    host.post(f"{MESSAGES}/1/again")
    assert "Not delivered yet; it is tried again by itself." in says(host.get(f"{MESSAGES}/1"))
    receiver.status = 200
    host.post(f"{MESSAGES}/1/again")
    page = says(host.get(f"{MESSAGES}/1"))
    assert "Delivered." in page
    assert "Send it again" in page, "a receiver may have lost it"
    assert len({got.message_id for got in receiver.received}) == 1
    assert len({got.body for got in receiver.received}) == 1
    rows = audit_log.read_log(portal, Scope(connection_id=1), Asked()).page.rows
    assert [one.who for one in rows if one.action == "send-message-again"] == [EMAILS[Role.ADMINISTRATOR]] * 2


def test_a_letter_that_arrived_is_not_sent_again(host: Any, portal: Portal, mail: Any) -> None:
    put(portal, occasion=Occasion.TEST, kind=None, payload="", user_id=user_id(portal, EMAILS[Role.ADMINISTRATOR]))
    host.post(f"{MESSAGES}/1/again")
    assert "Delivered." in host.get(f"{MESSAGES}/1").text
    assert "Send it again" not in host.get(f"{MESSAGES}/1").text
    assert host.post(f"{MESSAGES}/1/again").status_code == 400
    assert len(mail.letters) == 1
    assert host.post(f"{MESSAGES}/99/again").status_code == 404


def test_an_answer_of_a_mail_server_is_shown_as_text(host: Any, portal: Portal) -> None:
    put(portal, occasion=Occasion.TEST, kind=None, payload="", user_id=user_id(portal, EMAILS[Role.ADMINISTRATOR]))
    with portal.database.write() as db:
        row = db.get_one(OutboxMessage, 1)
        row.state, row.answer = MessageState.FAILED, "host answered 550 <b>100%</b> %(full)s"
    page = host.get(f"{MESSAGES}/1").text
    assert "&lt;b&gt;100%&lt;/b&gt; %(full)s" in page


# -- words and ways


def test_every_choice_has_words() -> None:
    assert set(telling_words.KINDS) == set(Kind)
    assert set(telling_words.OCCASIONS) == set(Occasion)
    assert set(telling_words.STATES) == set(telling_words.LOOKS) == set(MessageState)
    assert set(telling_words.CADENCES) == set(telling_words.EXPLANATIONS) == set(Cadence)


def test_the_pages_lead_to_each_other_as_far_as_they_may_be_opened(visit: Callable[..., Any]) -> None:
    host, reader = visit(Role.ADMINISTRATOR), visit(Role.READ_ONLY)
    for path in (TELLING, HOOKS, MESSAGES):
        links = set(html.fromstring(host.get(path).text).xpath("//main//nav//a/@href"))
        assert links >= {TELLING, HOOKS, MESSAGES}
    assert HOOKS not in set(html.fromstring(reader.get(TELLING).text).xpath("//main//nav//a/@href"))
    for path in ("/account", "/connections/1/members"):
        assert TELLING in html.fromstring(reader.get(path).text).xpath("//main//a/@href")


def test_the_manual_says_what_a_webhook_gets(portal: Portal, http_receiver: Callable[..., Any], month: Any) -> None:
    """The list of events is the code's, and each example has the fields of what really leaves."""
    manual = (Path(package.__file__).parent / "help" / "manual.md").read_text("utf-8")
    section = manual.split("**Webhooks**")[1].split("## Addresses")[0]
    assert re.findall(r"^\| `([a-z.]+)` \|", section, re.MULTILINE) == ["type", *EVENTS.values()]
    named = set(re.findall(r"`([a-z-]+)`", manual.split("| notice | when |")[1].split("**E-mail**")[0]))
    assert named >= set(ALL_KINDS)
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", section, re.DOTALL)]
    receiver = http_receiver()
    hook = webhooks.add_webhook(portal, 1, receiver.url)
    dispatch_notices.dispatch(portal)
    month.bill()
    dispatch_notices.dispatch(portal)
    trials.try_webhook(portal, 1, hook.id)
    while delivery.is_due(portal):
        delivery.deliver(portal)
    real = {one["type"]: one for one in (json.loads(got.body) for got in receiver.received)}
    assert [one["type"] for one in examples] == list(EVENTS.values())
    assert set(real) == set(EVENTS.values())
    for example in examples:
        assert shape(example) == shape(real[example["type"]]), example["type"]


def shape(value: Any) -> Any:
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else type(value)


def test_the_check_of_a_signature_that_is_shown_works(portal: Portal, http_receiver: Callable[..., Any]) -> None:
    """As it stands in the manual and in the help, which are the same."""
    folder = Path(package.__file__).parent
    manual = (folder / "help" / "manual.md").read_text("utf-8")
    (code,) = (one for one in re.findall(r"```python\n(.*?)```", manual, re.DOTALL) if "is_genuine" in one)
    assert code == (folder / "templates" / "parts" / "verify.txt").read_text("utf-8")
    place: dict[str, Any] = {}
    exec(code, place)  # noqa: S102 -- the example of the manual
    receiver = http_receiver()
    made = webhooks.add_webhook(portal, 1, receiver.url)
    put(portal, webhook_id=made.id)
    now_portal = replace(portal, now=lambda: datetime.now(UTC))
    with portal.database.write() as db:
        db.get_one(OutboxMessage, 1).next_at = now_portal.now()
    assert delivery.deliver(now_portal) == 1
    (got,) = receiver.received
    assert place["is_genuine"](made.secret, got.headers, got.body)
    assert not place["is_genuine"](made.secret, got.headers, got.body + b" ")
    assert not place["is_genuine"](webhooks.renew_webhook_secret(portal, 1, made.id).secret, got.headers, got.body)
    late = {**got.headers, "webhook-timestamp": str(int(got.headers["webhook-timestamp"]) - 3600)}
    assert not place["is_genuine"](made.secret, late, got.body)
