"""Secrets as they are kept: sealed under a key of the portal's own, so that the database alone gives none away.

The key is derived (HKDF, RFC 5869) from the portal's secret key, which is never kept in the database. Who changes that
one loses what is sealed, and enters it again.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.settings import Settings

_PURPOSE = b"qbwc-portal: credentials of providers"


def seal(settings: Settings, secret: str) -> str:
    """The secret as it may be kept."""
    return _box(settings).encrypt(secret.encode()).decode("ascii")


def unseal(settings: Settings, sealed: str) -> str | None:
    """The secret; None when it was sealed under another key, or is damaged."""
    try:
        return _box(settings).decrypt(sealed.encode()).decode()
    except (InvalidToken, UnicodeError):
        return None


def _box(settings: Settings) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(settings.key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
