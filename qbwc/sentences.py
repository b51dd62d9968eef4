"""What the person at the Web Connector reads, in French and English (pure).

A sentence is kept in both languages, because the connector's window speaks the connection's and a status page the
reader's. Buttons are named as the connector names them, which is in English everywhere.
"""

from __future__ import annotations

from qbwc.qbxml.status import Status

#: A text by language: "en" and "fr".
Said = dict[str, str]

IDLE: Said = {
    "en": "Nothing to do: everything is up to date.",
    "fr": "Rien à faire : tout est à jour.",
}
UNEXPECTED: Said = {
    "en": "Something went wrong on the server. It was noted; click Update Selected to try again.",
    "fr": "Un problème est survenu sur le serveur. Il a été noté; cliquez sur Update Selected pour réessayer.",
}
UNKNOWN_TICKET: Said = {
    "en": "This visit is not known here, or is over. Click Update Selected to begin a new one.",
    "fr": "Cette visite n'est pas connue ici, ou elle est terminée. Cliquez sur Update Selected pour recommencer.",
}
ANSWER_FIRST: Said = {
    "en": "An answer came before a request was sent. Click Update Selected again.",
    "fr": "Une réponse est arrivée avant toute demande. Cliquez de nouveau sur Update Selected.",
}
PAUSED_TOO_LONG: Said = {
    "en": "The work for QuickBooks is still being prepared. It leaves at the next visit.",
    "fr": "Le travail pour QuickBooks est encore en préparation. Il partira à la prochaine visite.",
}
NOT_FINISHED: Said = {
    "en": "The visit ended before everything was sent. The rest leaves at the next one.",
    "fr": "La visite s'est terminée avant que tout soit envoyé. Le reste partira à la prochaine.",
}
UNSURE: Said = {
    "en": "QuickBooks could not say whether invoices sent before were saved. It is asked again at the next visit.",
    "fr": "QuickBooks n'a pas pu dire si des factures envoyées avant ont été enregistrées. "
    "La question lui sera reposée à la prochaine visite.",
}
ANOTHER_FILE: Said = {
    "en": "Another company file was opened during the visit, so it was stopped. Open the right one, then click "
    "Update Selected.",
    "fr": "Un autre fichier de société a été ouvert pendant la visite, qui a donc été arrêtée. Ouvrez le bon, puis "
    "cliquez sur Update Selected.",
}
NOBODY_DECIDED: Said = {
    "en": "Nobody decided in the portal, so nothing was written. Decide there, then click Update Selected.",
    "fr": "Personne n'a décidé dans le portail, donc rien n'a été écrit. Décidez-y, puis cliquez sur Update Selected.",
}


def unreadable_greeting(reason: str) -> Said:
    """The first answer of a session is no qbXML."""
    return {
        "en": f"QuickBooks' first answer cannot be read ({reason}). Click Update Selected again.",
        "fr": f"La première réponse de QuickBooks est illisible ({reason}). Cliquez de nouveau sur Update Selected.",
    }


def unreadable_answer(reason: str) -> Said:
    """An answer is no qbXML."""
    return {
        "en": f"QuickBooks' answer cannot be read ({reason}). It will be asked for again at the next visit.",
        "fr": f"La réponse de QuickBooks est illisible ({reason}). Elle sera redemandée à la prochaine visite.",
    }


def refused(status: Status) -> Said:
    """QuickBooks, or the way to it, failed with an HRESULT."""
    return {language: f"{status.what(language)} {status.do(language)} ({status.code})" for language in ("en", "fr")}


def held(machine: str, minutes: int) -> Said:
    """Another PC may still be at work on what we would send again."""
    return {
        "en": f"{machine} was at work on the same invoices a moment ago. This computer goes on in {minutes} minutes.",
        "fr": f"{machine} travaillait sur les mêmes factures il y a un instant. "
        f"Cet ordinateur continuera dans {minutes} minutes.",
    }


def summary(done: int, failed: int) -> Said:
    """The end of a visit."""
    if failed:
        return {
            "en": f"{done} requests answered; {failed} need attention: see the Status page.",
            "fr": f"{done} demandes traitées; {failed} à corriger : voyez la page Statut.",
        }
    return {
        "en": f"All done: {done} requests answered.",
        "fr": f"Terminé : {done} demandes traitées.",
    }


def spoken(said: Said | None, language: str, otherwise: Said = UNEXPECTED) -> str:
    """The text in a language ("fr…", or else English), never empty."""
    chosen = said or otherwise
    return chosen.get(language[:2]) or chosen.get("en") or otherwise["en"]
