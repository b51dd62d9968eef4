"""What Sherweb gave a partner, where it is valid, and how patient a call is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from portal.providers import MAX_BYTES, ProviderError

AUTHORIZATION_URL = "https://api.sherweb.com/auth"
DISTRIBUTOR_URL = "https://api.sherweb.com/distributor/v1"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What Sherweb gave a partner, and where it is valid; its text shows no secret.

    Raises ProviderError for a value that cannot be sent and for an address without TLS, unless it is this computer.
    """

    client_id: str
    client_secret: str = field(repr=False)
    subscription_key: str = field(repr=False)
    authorization_url: str = AUTHORIZATION_URL
    distributor_url: str = DISTRIBUTOR_URL

    def __post_init__(self) -> None:
        again = " Copy it again from Sherweb's partner portal: it is one line without spaces."
        if not is_sendable(self.client_id):
            raise ProviderError("sherweb_api.client_id", "The client ID is empty or cannot be sent." + again)
        if not is_sendable(self.client_secret):
            raise ProviderError("sherweb_api.client_secret", "The client secret is empty or cannot be sent." + again)
        if not is_sendable(self.subscription_key):
            raise ProviderError(
                "sherweb_api.subscription_key", "The subscription key is empty or cannot be sent." + again
            )
        for url in (self.authorization_url, self.distributor_url):
            if not _is_address(url):
                raise ProviderError(
                    "sherweb_api.address",
                    "An address of Sherweb's API cannot be used. Give a whole address that begins with https://, such"
                    " as {example}, without a password in it.",
                    example=AUTHORIZATION_URL,
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a fetch may take and how much it may bring. Times are in seconds.

    `total` covers the log-in, the waiting and the reading; a single wait for the first byte may exceed it by no more
    than the other times. `attempts` are counted for the log-in and for the charges, each on its own.
    """

    connect: float = 10
    read: float = 60
    total: float = 300
    attempts: int = 3
    pause: float = 1
    """Before the second attempt; twice as long before each further one, where Sherweb does not say how long."""
    longest_pause: float = 60
    """Where Sherweb asks for more, the fetch gives up and says when to try again."""
    most_bytes: int = MAX_BYTES
    """After decompression."""
    wait: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic


PATIENT = Patience()


def is_sendable(text: str) -> bool:
    """Whether a text can stand in a header: something, and nothing but visible ASCII."""
    return bool(text) and all("!" <= character <= "~" for character in text)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # such as a port that is no number
        return False
    if not url.isascii() or not url.isprintable() or "@" in parts.netloc or parts.query or parts.fragment:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    return is_safe and port != 0 and " " not in url and _HOST.fullmatch(host) is not None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
