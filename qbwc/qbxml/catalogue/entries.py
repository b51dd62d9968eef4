"""How an entry of the catalogue is written: the builders and the sentences that entries share.

Menu names stay in QuickBooks' English in both languages, because that is what the screen shows. A code written
"3172-3174" or "3300,3310" stands for several.
"""

from __future__ import annotations

from qbwc.qbxml.reaction import Reaction, Section, Status, Text

NOTHING_EN = "Nothing to do."
NOTHING_FR = "Rien à faire."
REPORT_EN = "Nothing to change in QuickBooks: give support the code {code} and this text: {message}"
REPORT_FR = "Rien à changer dans QuickBooks : transmettez au soutien le code {code} et ce texte : {message}"
SEE_TEXT_EN = "Correct in QuickBooks what that text names, then click Retry."
SEE_TEXT_FR = "Corrigez dans QuickBooks ce que nomme ce texte, puis cliquez sur Réessayer."


def entry(
    code: str,
    reaction: Reaction,
    what_en: str,
    what_fr: str,
    do_en: str,
    do_fr: str,
    *,
    section: Section = Section.STATUS,
    written: bool | None = False,
    once: bool = False,
) -> Status:
    text = Text(what_en=what_en, what_fr=what_fr, do_en=do_en, do_fr=do_fr)
    return Status(code=code, section=section, reaction=reaction, text=text, written=written, once=once)


def bug(code: str, what_en: str, what_fr: str, *, section: Section = Section.STATUS) -> Status:
    return entry(code, Reaction.OUR_BUG, what_en, what_fr, REPORT_EN, REPORT_FR, section=section)


#: 3170 and 3180 when their text speaks of a lock.
LOCKED = entry(
    "",
    Reaction.RETRY_LOCK,
    "Somebody is using this record in QuickBooks: {message}",
    "Quelqu'un utilise cet enregistrement dans QuickBooks : {message}",
    "Save and close that record in QuickBooks on every computer; we try again by ourselves.",
    "Enregistrez et fermez cet enregistrement dans QuickBooks sur chaque poste; nous réessayons nous-mêmes.",
)

#: A code that nobody listed, by its severity: done, done with a warning, refused.
UNKNOWN_INFO = entry(
    "",
    Reaction.OK,
    "Done; QuickBooks adds (code {code}): {message}",
    "C'est fait; QuickBooks ajoute (code {code}) : {message}",
    NOTHING_EN,
    NOTHING_FR,
    written=True,
)
UNKNOWN_WARNING = entry(
    "",
    Reaction.WRITTEN_WITH_WARNING,
    "QuickBooks did it, with a warning (code {code}): {message}",
    "QuickBooks l'a fait, avec un avertissement (code {code}) : {message}",
    "Check the record in QuickBooks; nothing will be sent twice.",
    "Vérifiez l'enregistrement dans QuickBooks; rien ne sera envoyé deux fois.",
    written=True,
)
REFUSED = entry(
    "",
    Reaction.USER_DATA,
    "QuickBooks refused this request and wrote nothing (code {code}): {message}",
    "QuickBooks a refusé cette demande et n'a rien écrit (code {code}) : {message}",
    "Correct in QuickBooks what its text names, then click Retry; otherwise give support the code and the text.",
    "Corrigez dans QuickBooks ce que nomme son texte, puis Réessayer; ou transmettez le code et le texte au soutien.",
)
