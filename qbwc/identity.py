"""Which company file is this? FileID x name x path -> go, ask, stop (pure).

The Web Connector writes our FileID into the company file as private data when the .qwc is added, and brings it back
at the first request of every session. Copies and backups carry it too, hence the second look at name and path, and
the third at the newest transactions that we wrote: a copy from before lacks them, or holds an older state of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from qbwc.qbxml.types import is_same_guid


class Verdict(StrEnum):
    """What was recognised. GO writes; MOVED, RENAMED and STALE read only, and UNMARKED does neither, until a person
    confirms; FOREIGN, OTHER and TOO_OLD cannot be confirmed.

    AWAY: the file could not be opened where it was, so none was recognised. SOUGHT: a person wants whichever is open
    looked at, at the next visit.
    """

    GO = "go"
    MOVED = "moved"
    RENAMED = "renamed"
    STALE = "stale"
    UNMARKED = "unmarked"
    FOREIGN = "foreign"
    OTHER = "other"
    TOO_OLD = "too-old"
    AWAY = "away"
    SOUGHT = "sought"

    @property
    def may_read(self) -> bool:
        """Whether lists may be pulled from this file."""
        return self in (Verdict.GO, Verdict.MOVED, Verdict.RENAMED, Verdict.STALE)

    @property
    def may_write(self) -> bool:
        """Whether anything may be written to this file."""
        return self is Verdict.GO

    @property
    def may_be_confirmed(self) -> bool:
        """Whether a person may say that it is the right file all the same."""
        return self in (Verdict.MOVED, Verdict.RENAMED, Verdict.STALE, Verdict.UNMARKED)


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
    same_name = known.name is None or is_same_name(known.name, seen.name)
    same_path = known.path is None or is_same_name(known.path, seen.path)
    if seen.file_id is None:
        if known.name is not None and not same_name:
            return Verdict.OTHER
        return Verdict.GO if known.accepts_missing_file_id and same_path else Verdict.UNMARKED
    if not is_same_guid(seen.file_id, known.file_id):
        return Verdict.FOREIGN
    if not same_name:
        return Verdict.RENAMED
    return Verdict.GO if same_path else Verdict.MOVED


def missing_landmarks(
    known: Mapping[str, str], found: Mapping[str, str], deleted: Collection[str] = ()
) -> tuple[str, ...]:
    """The landmarks that a file from before they were written would lack: not there, or in an older state.

    All by id: `known` and `found` with their EditSequence, which only grows (it is the time of the last change).
    One that somebody deleted since proves nothing.
    """
    return tuple(
        one
        for one, sequence in known.items()
        if (one in found and _is_older(found[one], sequence)) or (one not in found and one not in deleted)
    )


def _is_older(found: str, known: str) -> bool:
    return found.isdigit() and known.isdigit() and int(found) < int(known)


def is_same_name(one: str, other: str) -> bool:
    """Whether two paths or company names are the same, as Windows sees it: without regard to case."""
    return one.strip().casefold() == other.strip().casefold()


_CLICK = {"en": "then click Update Selected.", "fr": "puis cliquez sur Update Selected."}

EXPLANATIONS: dict[Verdict, dict[str, str]] = {
    Verdict.MOVED: {
        "en": "The company file {name} is not where it was: {path} instead of {known_path}. "
        "Nothing is written until you confirm in the portal that it is the right file.",
        "fr": "Le fichier de société {name} n'est plus au même endroit : {path} au lieu de {known_path}. "
        "Rien n'est écrit tant que vous n'avez pas confirmé dans le portail que c'est le bon fichier.",
    },
    Verdict.RENAMED: {
        "en": "The company is called {name} now; it was {known_name}. "
        "Nothing is written until you confirm in the portal that it is the same company.",
        "fr": "La société s'appelle maintenant {name}; elle s'appelait {known_name}. "
        "Rien n'est écrit tant que vous n'avez pas confirmé dans le portail que c'est la même société.",
    },
    Verdict.STALE: {
        "en": "The company file {name} lacks invoices that were written to it: it is an older copy, or a backup was "
        "restored. Open the newest file, or confirm in the portal that this one is right. "
        "Nothing is written meanwhile.",
        "fr": "Il manque au fichier de société {name} des factures qui y ont été écrites : c'est une copie plus "
        "ancienne, ou une sauvegarde a été restaurée. Ouvrez le fichier le plus récent, ou confirmez dans le portail "
        "que celui-ci est le bon. Rien n'est écrit en attendant.",
    },
    Verdict.UNMARKED: {
        "en": "The company file {name} does not carry this connection's mark: it is an older backup, or the .qwc file "
        f"was never added to it. Open the right file, or add the .qwc file again, {_CLICK['en']}",
        "fr": "Le fichier de société {name} ne porte pas la marque de cette connexion : c'est une ancienne sauvegarde, "
        "ou le fichier .qwc n'y a jamais été ajouté. Ouvrez le bon fichier, ou ajoutez de nouveau le fichier .qwc, "
        f"{_CLICK['fr']}",
    },
    Verdict.FOREIGN: {
        "en": "The company file {name} belongs to another connection. "
        f"Open the company file of this connection, {_CLICK['en']}",
        "fr": "Le fichier de société {name} appartient à une autre connexion. "
        f"Ouvrez le fichier de société de cette connexion, {_CLICK['fr']}",
    },
    Verdict.OTHER: {
        "en": f"Another company is open: {{name}} instead of {{known_name}}. Open {{known_name}}, {_CLICK['en']}",
        "fr": f"Une autre société est ouverte : {{name}} au lieu de {{known_name}}. Ouvrez {{known_name}}, "
        f"{_CLICK['fr']}",
    },
    Verdict.TOO_OLD: {
        "en": "This QuickBooks is too old: it does not understand qbXML 13.0. "
        f"Use QuickBooks 2015 or newer, {_CLICK['en']}",
        "fr": "Ce QuickBooks est trop ancien : il ne comprend pas qbXML 13.0. "
        f"Utilisez QuickBooks 2015 ou plus récent, {_CLICK['fr']}",
    },
    Verdict.AWAY: {
        "en": f"If {{name}} was moved from {{known_path}} or renamed, say so in the portal, {_CLICK['en']}",
        "fr": f"Si {{name}} a été déplacé de {{known_path}} ou renommé, dites-le dans le portail, {_CLICK['fr']}",
    },
    Verdict.SOUGHT: {
        "en": "The portal compares the file that is open with {name}. Open the right file in QuickBooks, "
        f"{_CLICK['en']}",
        "fr": f"Le portail compare le fichier ouvert à {{name}}. Ouvrez le bon fichier dans QuickBooks, {_CLICK['fr']}",
    },
}


def explain(verdict: Verdict, known: Known, seen: Seen) -> dict[str, str]:
    """The sentence for the person at QuickBooks, by language ("en", "fr"); empty when all is well."""
    values = {
        "name": seen.name,
        "path": seen.path,
        "known_name": known.name or "?",
        "known_path": known.path or "?",
    }
    return {language: template.format(**values) for language, template in EXPLANATIONS.get(verdict, {}).items()}
