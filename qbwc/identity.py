"""Which company file is this? FileID x name x path -> go, ask, stop (pure).

The Web Connector writes our FileID into the company file as private data when the .qwc is added, and brings it back
at the first request of every session. Copies and backups carry it too, hence the second look at name and path.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What was recognised. GO writes; MOVED and RENAMED and UNMARKED read only until a person confirms."""

    GO = "go"
    MOVED = "moved"
    RENAMED = "renamed"
    UNMARKED = "unmarked"
    FOREIGN = "foreign"
    OTHER = "other"
    TOO_OLD = "too-old"

    @property
    def may_read(self) -> bool:
        """Whether lists may be pulled from this file."""
        return self in (Verdict.GO, Verdict.MOVED, Verdict.RENAMED)

    @property
    def may_write(self) -> bool:
        """Whether anything may be written to this file."""
        return self is Verdict.GO


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The company file that QuickBooks has open. `file_id` is what it carries under our OwnerID, if anything."""

    file_id: str | None
    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the connection expects: its FileID, and the name and path that were last confirmed (None: never seen)."""

    file_id: str
    name: str | None
    path: str | None
    accepts_missing_file_id: bool = False


def judge(known: Known, seen: Seen) -> Verdict:
    """The verdict table of the protocol. A connection that never saw a file takes the first that carries its FileID."""
    same_name = known.name is None or _same(known.name, seen.name)
    same_path = known.path is None or _same(known.path, seen.path)
    if seen.file_id is None:
        if known.name is not None and not same_name:
            return Verdict.OTHER
        return Verdict.GO if known.accepts_missing_file_id and same_path else Verdict.UNMARKED
    if _guid(seen.file_id) != _guid(known.file_id):
        return Verdict.FOREIGN
    if not same_name:
        return Verdict.RENAMED
    return Verdict.GO if same_path else Verdict.MOVED


def _same(one: str, other: str) -> bool:
    """Windows paths and company names are compared as Windows does: without regard to case."""
    return one.strip().casefold() == other.strip().casefold()


def _guid(text: str) -> str:
    return text.strip().strip("{}").casefold()


EXPLANATIONS: dict[Verdict, str] = {
    Verdict.MOVED: (
        "The company file {name} is not where it was: {path} instead of {known_path}. "
        "Nothing is written until you confirm in the portal that it is the right file."
    ),
    Verdict.RENAMED: (
        "The company is called {name} now; it was {known_name}. "
        "Nothing is written until you confirm in the portal that it is the same company."
    ),
    Verdict.UNMARKED: (
        "The company file {name} does not carry this connection's mark: it is an older backup, or the .qwc file was "
        "never added to it. Open the right file, or add the .qwc file again, then click Update Selected."
    ),
    Verdict.FOREIGN: (
        "The company file {name} belongs to another connection. "
        "Open the company file of this connection, then click Update Selected."
    ),
    Verdict.OTHER: (
        "Another company is open: {name} instead of {known_name}. Open {known_name}, then click Update Selected."
    ),
    Verdict.TOO_OLD: (
        "This QuickBooks is too old: it does not understand qbXML 13.0. "
        "Use QuickBooks 2015 or newer, then click Update Selected."
    ),
}


def explain(verdict: Verdict, known: Known, seen: Seen) -> str:
    """The sentence for the person at QuickBooks; empty when all is well."""
    template = EXPLANATIONS.get(verdict, "")
    return template.format(name=seen.name, path=seen.path, known_name=known.name or "?", known_path=known.path or "?")
