"""What a counterpart is sought for, what may be one, and the one that is suggested with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """What a suggestion rests on."""

    EXACT = "exact"
    NORMALISED = "normalised"
    KEY = "key"
    SIMILAR = "similar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An offer or an organization. `key` is the SKU or the provider's identifier; `domains` also takes e-mails."""

    key: str
    name: str
    also: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An item, or a customer or job, of QuickBooks.

    `full_name` is the path, "Parent:Child". `also`: sales and purchase descriptions, or the company name. `keys`: part
    and account numbers; a SKU is found in names and descriptions too. `domains` also takes e-mail addresses.
    """

    list_id: str
    full_name: str
    also: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A counterpart to offer to the user; it is never applied by itself.

    `score` is 0 to 100. With `is_ambiguous` it is not to be put forward as the answer: another candidate is as near, or
    a word that matters is on one side only. `because` is the text that matched; the words follow, as they were
    written: in both names, only in the subject's, only in the candidate's.
    """

    list_id: str
    full_name: str
    reason: Reason
    score: int
    is_ambiguous: bool
    because: str
    in_common: tuple[str, ...] = ()
    only_in_subject: tuple[str, ...] = ()
    only_in_candidate: tuple[str, ...] = ()
