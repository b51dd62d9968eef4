"""messageSetStatusCode: what became of a message set that travelled under an id."""

from __future__ import annotations

from qbwc.qbxml.catalogue.entries import NOTHING_EN, NOTHING_FR, bug, entry
from qbwc.qbxml.reaction import Reaction, Section, Status

_LOOK_EN = "Nothing to do: we look in QuickBooks for what was sent before sending anything again."
_LOOK_FR = "Rien à faire : nous cherchons dans QuickBooks ce qui a été envoyé avant de renvoyer quoi que ce soit."


def _lost(code: str, what_en: str, what_fr: str) -> Status:
    """No stored answer: look the object up by our own stamp, adopt it if it is there, and only then send again."""
    return entry(
        code,
        Reaction.REFRESH_AND_RETRY_ONCE,
        what_en,
        what_fr,
        _LOOK_EN,
        _LOOK_FR,
        section=Section.MESSAGE_SET,
        written=None,
        once=True,
    )


MESSAGE_SET_CODES = (
    _lost(
        "600",
        "QuickBooks kept no answer under the number of this update.",
        "QuickBooks n'a gardé aucune réponse sous le numéro de cet envoi.",
    ),
    bug(
        "9001",
        "We used one number for two different sendings; QuickBooks carried out the first only.",
        "Un même numéro a servi à deux envois différents; QuickBooks n'a exécuté que le premier.",
        section=Section.MESSAGE_SET,
    ),
    _lost(
        "9002",
        "QuickBooks holds no answer for this sending: a backup was restored, or another file is open.",
        "QuickBooks n'a pas de réponse pour cet envoi : une copie a été restaurée, ou un autre fichier est ouvert.",
    ),
    _lost(
        "9003",
        "QuickBooks gave a code about this sending that Intuit does not use.",
        "QuickBooks a donné pour cet envoi un code qu'Intuit n'utilise pas.",
    ),
    bug(
        "9004",
        "The number of our sending is too long for QuickBooks.",
        "Le numéro de notre envoi est trop long pour QuickBooks.",
        section=Section.MESSAGE_SET,
    ),
    entry(
        "9005",
        Reaction.WRITTEN_WITH_WARNING,
        "QuickBooks did the work but could not keep a copy of its answer.",
        "QuickBooks a fait le travail, mais n'a pas pu garder copie de sa réponse.",
        "Nothing to do now; if it comes back, check the disk space of the computer that holds the company file.",
        "Rien à faire; si l'erreur revient, vérifiez l'espace disque du poste qui contient le fichier de société.",
        section=Section.MESSAGE_SET,
        written=True,
    ),
)

#: The set went through: each of its answers carries a status of its own.
SET_DONE = entry(
    "0",
    Reaction.OK,
    "QuickBooks worked through this sending and kept its answer.",
    "QuickBooks a traité cet envoi et en a gardé la réponse.",
    NOTHING_EN,
    NOTHING_FR,
    section=Section.MESSAGE_SET,
    written=True,
)

#: A code that nobody listed leaves the outcome unknown.
UNKNOWN_SET = _lost(
    "",
    "QuickBooks gave a code about this sending that we do not know, {code}.",
    "QuickBooks a donné pour cet envoi un code que nous ne connaissons pas, {code}.",
)
