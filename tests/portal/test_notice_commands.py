"""The commands about notices: what they print, and how they end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def connected(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A connection that nobody called yet; webhooks may stay on this machine."""
    monkeypatch.setenv("PORTAL_PRIVATE_WEBHOOKS", "true")
    assert command("partner", "add", "Nordet").status == 0
    made = command(
        "connection", "add", "QB", "--partner", "Nordet", "--billing-mode", "in-arrears", "--invoice-day", "1"
    )
    assert made.status == 0
    return command


def test_notices_as_a_table_and_as_json(connected: Callable[..., Any]) -> None:
    assert "The Web Connector has never connected" in connected("notices").out
    (one,) = connected("notices", "--connection", "QB", "--json").json
    assert (one["kind"], one["action"], one["name"]) == ("never-connected", "connector-steps", "QB")
    assert connected("notices", "--connection", "nobody").status == 2


def test_a_webhook_from_its_making_to_its_repetition(
    connected: Callable[..., Any], http_receiver: Callable[..., Any]
) -> None:
    receiver = http_receiver()
    made = connected("webhook", "add", "QB", receiver.url, "--kinds", "never-connected", "--json").json
    assert made["secret"].startswith("whsec_")
    checked = connected("webhook", "check", "QB")
    assert (checked.status, "delivered" in checked.out) == (0, True)
    assert receiver.received[0].is_signed_by(made["secret"])
    again = connected("outbox", "QB", "--again", "1", "--json")
    assert (again.status, again.json[0]["status"]) == (0, 204)
    assert {got.message_id for got in receiver.received} == {again.json[0]["message_id"]}
    receiver.status = 500
    failed = connected("webhook", "check", "QB")
    assert (failed.status, "it answered with an error (500)" in failed.out) == (1, True)
    assert len(connected("outbox", "QB", "--state", "failed", "--json").json) == 1


def test_dispatch_tells_and_delivers_once(connected: Callable[..., Any], http_receiver: Callable[..., Any]) -> None:
    receiver = http_receiver()
    connected("webhook", "add", "QB", receiver.url)
    assert connected("dispatch").out == "0 new messages, 0 delivered.\n", "it is being set up"
    assert receiver.received == []


def test_what_cannot_be_done_is_a_sentence(connected: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert connected("webhook", "check", "QB").out.startswith("QB has no webhooks.")
    assert "no notice nonsense" in connected("webhook", "add", "QB", "https://example.com/", "--kinds", "nonsense").err
    monkeypatch.delenv("PORTAL_PRIVATE_WEBHOOKS")
    refused = connected("webhook", "add", "QB", "http://127.0.0.1/")
    assert (refused.status, "PORTAL_PRIVATE_WEBHOOKS" in refused.err) == (2, True)
    assert connected("outbox", "QB").out == "There are no such messages.\n"
    assert connected("outbox", "QB", "--again", "7").status == 2
    assert re.search(r"whsec_", connected("outbox", "QB", "--json").out) is None
