"""What one answer of QuickBooks means for us: a reaction, and what a person reads about it.

A reaction is what the program does next; the sentences say what happened and what a person can do. Both travel
together, because a status page that shows one without the other either alarms or leaves somebody stuck.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Reaction(StrEnum):
    """What the program does about an answer."""

    OK = "ok"
    EMPTY = "empty"  # a query matched nothing: an answer, not an error
    PARTIAL = "partial"  # some of the objects asked for do not exist, the others were returned
    WRITTEN_WITH_WARNING = "written_with_warning"  # done: keep the answer, show the warning
    REQUEUE = "requeue"  # never reached: put it back untouched
    REFRESH_AND_RETRY_ONCE = "refresh_and_retry_once"  # read what QuickBooks holds now, then send once more
    RETRY_LOCK = "retry_lock"  # somebody has the record open: three tries in the session, then the next session
    RETRY_LATER = "retry_later"  # the next session may succeed
    USER_MAPPING = "user_mapping"  # a person chooses the customer, item or account again
    USER_DATA = "user_data"  # a person corrects what is sent, or the record in QuickBooks
    USER_SETTINGS = "user_settings"  # a person changes a setting or a right in QuickBooks or on its computer
    OUR_BUG = "our_bug"  # the request was wrong: never send it again unchanged
    STOP = "stop"  # stop this session now and ask a person


class Section(StrEnum):
    """Where a code comes from."""

    STATUS = "statusCode"
    MESSAGE_SET = "messageSetStatusCode"
    HRESULT = "hresult"
    CONNECTOR = "QBWC"


#: Reactions that say the request was carried out.
DONE = frozenset({Reaction.OK, Reaction.EMPTY, Reaction.PARTIAL, Reaction.WRITTEN_WITH_WARNING})

_NO_MESSAGE = {"en": "QuickBooks gave no text", "fr": "QuickBooks n'a donné aucun texte"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Two sentences in two languages; ``{message}`` stands for QuickBooks' own text, ``{code}`` for the code."""

    what_en: str
    what_fr: str
    do_en: str
    do_fr: str

    def as_mapping(self) -> Mapping[str, str]:
        """The four sentences by name, placeholders still in them."""
        return {"what_en": self.what_en, "what_fr": self.what_fr, "do_en": self.do_en, "do_fr": self.do_fr}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One code, judged.

    ``written`` is True when QuickBooks carried the request out, False when it certainly did not, and None when
    nobody can tell: then the bytes are sent again with the same message-set id, or the object is looked up first,
    and never rebuilt. ``once`` limits a retry to a single further attempt. In the catalogue ``code`` may cover
    several ("3172-3174"); in a judgement it is the code received.
    """

    code: str
    section: Section
    reaction: Reaction
    text: Text
    written: bool | None = False
    once: bool = False
    message: str = ""

    def what(self, language: str) -> str:
        """What happened, in "fr" or else English, with QuickBooks' own text filled in."""
        return self._fill(self.text.what_fr if _is_french(language) else self.text.what_en, language)

    def do(self, language: str) -> str:
        """What the person can do, in "fr" or else English; QuickBooks' own text filled in."""
        return self._fill(self.text.do_fr if _is_french(language) else self.text.do_en, language)

    def _fill(self, sentence: str, language: str) -> str:
        # str.format would trip over braces in QuickBooks' text, and the text goes in last so it is never searched.
        message = self.message.strip() or _NO_MESSAGE["fr" if _is_french(language) else "en"]
        return sentence.replace("{code}", self.code).replace("{message}", message)


def _is_french(language: str) -> bool:
    return language.casefold().startswith("fr")
