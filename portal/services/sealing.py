"""Secrets as they are kept: sealed under keys of the portal's own, so that the database alone gives none away.

Each purpose has a key of its own, derived (HKDF, RFC 5869) from the portal's secret key, which is never kept in the
database. What was sealed for one purpose opens for no other. Who changes the secret key loses what is sealed, and
enters it again.
"""

from __future__ import annotations

import base64
from enum import StrEnum

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.settings import Settings


class Purpose(StrEnum):
    """What a secret is for. The texts are part of the keys: they stay as they are."""

    CREDENTIALS = "qbwc-portal: credentials of providers"
    SECOND_FACTOR = "qbwc-portal: second factor"
    WEBHOOKS = "qbwc-portal: secrets of webhooks"
    OFFERED_FACTOR = "qbwc-portal: second factor that is not confirmed yet"


def seal(settings: Settings, purpose: Purpose, secret: str) -> str:
    """The secret as it may be kept."""
    return _box(settings, purpose).encrypt(secret.encode()).decode("ascii")


def unseal(settings: Settings, purpose: Purpose, sealed: str) -> str | None:
    """The secret; None when it was sealed under another key or for another purpose, or is damaged."""
    try:
        return _box(settings, purpose).decrypt(sealed.encode()).decode()
    except (InvalidToken, UnicodeError):
        return None


def _box(settings: Settings, purpose: Purpose) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(settings.key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
