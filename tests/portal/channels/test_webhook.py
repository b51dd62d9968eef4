"""Webhooks: signed as the specification says, to public addresses only, and never for longer than it may take."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.channels import webhook

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
BODY = json.dumps({"type": "test", "data": {"name": "Québec"}}, ensure_ascii=False).encode()


def post(url: str, secret: str = "") -> webhook.Post:
    return webhook.Post(url=url, secret=secret or webhook.new_secret(), message_id="msg_1", body=BODY)


def test_a_message_arrives_with_its_signature(http_receiver: Callable[..., Any]) -> None:
    receiver, secret = http_receiver(), webhook.new_secret()
    assert webhook.send(post(receiver.url, secret), NOW, allows_private=True) == 204
    (got,) = receiver.received
    assert got.body == BODY
    assert got.headers["webhook-id"] == "msg_1"
    assert got.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert got.headers["content-type"] == "application/json"
    assert got.is_signed_by(secret)
    assert not got.is_signed_by(webhook.new_secret())


def test_the_signature_of_a_known_message() -> None:
    """As openssl computes it: dgst -sha256 -mac HMAC over the id, the timestamp and the body."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = webhook.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_256_random_bits() -> None:
    made = {webhook.new_secret() for _ in range(20)}
    assert len(made) == 20
    assert all(one.startswith("whsec_") and len(one) == 6 + 44 for one in made)


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 429, 500, 503])
def test_anything_but_success_is_a_failure_with_its_status(http_receiver: Callable[..., Any], status: int) -> None:
    receiver = http_receiver(status=status)
    with pytest.raises(webhook.NotDelivered, match="it answered") as failed:
        webhook.send(post(receiver.url), NOW, allows_private=True)
    assert failed.value.status == status
    assert len(receiver.received) == 1, "it was followed or repeated"


@pytest.mark.parametrize("status", [0, -1])
def test_who_hangs_or_dribbles_is_cut_off(
    http_receiver: Callable[..., Any], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT", 0.6)
    receiver = http_receiver(status=status)
    begun = time.monotonic()
    with pytest.raises(webhook.NotDelivered, match="no answer in time") as failed:
        webhook.send(post(receiver.url), NOW, allows_private=True)
    assert failed.value.status is None
    assert time.monotonic() - begun < 5


def test_nobody_there_is_told_without_the_address_of_the_machine(http_receiver: Callable[..., Any]) -> None:
    for url in ("http://127.0.0.1:1/", "https://name.invalid/"):
        with pytest.raises(webhook.NotDelivered, match=r"^no connection$"):
            webhook.send(post(url), NOW, allows_private=True)


def test_a_private_address_is_not_connected_to(http_receiver: Callable[..., Any]) -> None:
    receiver = http_receiver()
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0"):
        with pytest.raises(webhook.NotDelivered, match="private"):
            webhook.send(post(f"http://{host}:{receiver.port}/"), NOW)
    assert receiver.received == []


def test_a_proxy_of_the_environment_is_not_used(
    http_receiver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, receiver = http_receiver(), http_receiver()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    webhook.send(post(receiver.url), NOW, allows_private=True)
    assert (len(proxy.received), len(receiver.received)) == (0, 1)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:a00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert webhook.is_public(address) is expected


@pytest.mark.parametrize(
    ("url", "in_public", "at_home"),
    [
        ("https://hooks.example.com/a?b=c", True, True),
        ("https://hooks.example.com:8443/", True, True),
        ("http://hooks.example.com/", False, False),
        ("http://localhost:5678/hook", False, True),
        ("http://127.0.0.1/", False, True),
        ("https://localhost/", False, True),
        ("https://10.0.0.1/", False, True),
        ("https://printer.local/", False, True),
        ("https://user:secret@example.com/", False, False),
        ("https://user@example.com/", False, False),
        ("https:///path", False, False),
        ("https://example.com:99999/", False, False),
        ("https://exa mple.com/", False, False),
        ("https://example.com/\r\nX: y", False, False),
        ("https://exämple.com/", False, False),
        ("ftp://example.com/", False, False),
        ("", False, False),
    ],
)
def test_which_addresses_can_be_entered(url: str, in_public: bool, at_home: bool) -> None:
    assert webhook.is_usable(url, allows_private=False) is in_public
    assert webhook.is_usable(url, allows_private=True) is at_home


def test_nothing_secret_is_shown() -> None:
    assert "whsec_" not in repr(post("https://example.com"))
