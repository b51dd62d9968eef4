"""Passwords: what is accepted, and the slow hash (argon2id) under which one is kept.

Somebody who has not chosen a password yet has a text in its place that is no hash, so that nothing opens it; it is
random, because links are bound to what is kept.
"""

from __future__ import annotations

import hashlib
import secrets

import argon2

from portal.errors import Refused

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000
_NONE = "!"

# The most common ones of ten characters and more in published lists, in English, French and this trade.
# fmt: off
_COMMON = frozenset((
    "0123456789", "0987654321", "1122334455", "123123123123", "1234512345", "1234567890", "1234567891",
    "12345678910", "123456789a", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx3edc", "9876543210", "abc1234567",
    "abcd123456", "abcdefghij", "administrateur", "administrator", "asdfghjkl1", "asdfghjkl;", "azertyuiop",
    "azertyuiop1", "azertyuiop123", "basketball", "bienvenue1", "bienvenue123", "changeme123", "chocolat123",
    "chocolate1", "computer123", "doudou1234", "football12", "football123", "iloveyou12", "iloveyou123",
    "intuit1234", "jetaime123", "letmein123", "loulou1234", "marseille13", "michelle123", "monkey1234",
    "motdepasse", "motdepasse1", "motdepasse12", "motdepasse123", "p@ssw0rd123", "passw0rd12", "passw0rd123",
    "password01", "password10", "password11", "password12", "password123", "password1234", "password12345",
    "password123456", "princess12", "princess123", "q1w2e3r4t5", "q1w2e3r4t5y6", "qazwsxedcr", "qazwsxedcrfv",
    "quickbooks", "quickbooks1", "quickbooks123", "qwerty1234", "qwerty12345", "qwerty123456", "qwertyuiop",
    "qwertyuiop1", "qwertyuiop123", "qwertzuiop", "sherweb123", "soleil1234", "starwars123", "sunshine12",
    "sunshine123", "superman123", "unknown123", "welcome123", "welcome1234", "whatever123", "zaq12wsxcde",
    "zxcvbnm123", "zxcvbnm1234",
))
# fmt: on

_hasher = argon2.PasswordHasher()
_nobody = _hasher.hash(secrets.token_hex(8))


def check_rules(password: str, email: str) -> None:
    """Raises Refused for a password that would be guessed."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refused("The password is too short: use at least %(count)s characters.", count=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        raise Refused("The password is too long: use at most %(count)s characters.", count=LONGEST_PASSWORD)
    plain = password.strip().casefold()
    if plain in (email.casefold(), email.casefold().partition("@")[0]):
        raise Refused("The password may not be the e-mail address. Choose another one.")
    if plain in _COMMON or len(set(plain)) < 4:
        raise Refused(
            "This password is one of the first that others would try. Choose another one, such as four words."
        )


def hash_password(password: str) -> str:
    """The password as it is kept. Takes a while, so no transaction should be open."""
    return _hasher.hash(password)


def no_password() -> str:
    """What is kept for somebody who has not chosen a password yet."""
    return _NONE + secrets.token_hex(16)


def is_chosen(kept: str) -> bool:
    """Whether what is kept is a password's hash."""
    return not kept.startswith(_NONE)


def is_right(kept: str | None, password: str) -> bool:
    """Whether a password is the one that is kept. Without one it takes as long, and none is right."""
    is_possible = kept is not None and is_chosen(kept) and len(password) <= LONGEST_PASSWORD
    try:
        _hasher.verify(kept if kept is not None and is_possible else _nobody, password[:LONGEST_PASSWORD])
    except argon2.exceptions.VerificationError:
        return False
    return is_possible


def stamp(kept: str) -> str:
    """A short mark of what is kept. It changes with the password, and tells nothing about it: the hash is salted."""
    return hashlib.sha256(kept.encode()).hexdigest()[:32]
