"""What names a thing beside its name: SKUs, part and account numbers, domains."""

from __future__ import annotations

import re
from collections.abc import Iterable

from portal.billing.names import fold
from portal.billing.suggestion.counterpart import Candidate
from portal.billing.vocabulary import PUBLIC_DOMAINS

_KEY_CHUNK = re.compile(r"[a-z0-9]+(?:[-_./:][a-z0-9]+)*")


def plain_key(key: str) -> str:
    """A key without punctuation; empty when it is too short to mean one thing only."""
    plain = "".join(letter for letter in fold(key) if letter.isalnum())
    is_marked = any(letter.isdigit() for letter in plain) or any(not letter.isalnum() for letter in key.strip())
    return plain if len(plain) >= 4 and is_marked else ""


def find_keys(candidate: Candidate) -> set[str]:
    """Everything of a candidate that may be a SKU: its numbers, and words with a digit or with punctuation within."""
    keys = {plain_key(key) for key in candidate.keys}
    for text in (*candidate.full_name.split(":"), *candidate.also):
        for chunk in _KEY_CHUNK.findall(fold(text)):
            key = plain_key(chunk)
            if key and not key.isdecimal() and len(key) >= 5:
                keys.add(key)
    return keys - {""}


def find_domains(texts: Iterable[str]) -> set[str]:
    """The domains of addresses, without those that anyone may have an address at."""
    found = set()
    for text in texts:
        domain = text.strip().rpartition("@")[2].casefold().removeprefix("www.").rstrip(".>")
        name = domain.removesuffix(".onmicrosoft.com").partition(".")[0]
        if "." in domain and " " not in domain and name not in PUBLIC_DOMAINS:
            found.add(domain)
    return found
