"""hresults of a message set, and the table of all hresults that connectionError and receiveResponseXML bring.

A few leave the outcome unknown (``written`` is None): QuickBooks may have saved before it fell silent.
"""

from __future__ import annotations

from qbwc.qbxml.catalogue.opening import OPENING_CODES, hresult, person, wait
from qbwc.qbxml.reaction import Reaction

_TALK = (
    hresult(
        "0x80040308",
        Reaction.RETRY_LATER,
        "The Web Connector lost contact with QuickBooks; we check what was saved before sending anything again.",
        "Le Web Connector a perdu QuickBooks; nous vérifions ce qui est enregistré avant de renvoyer quoi que ce soit.",
        "Close the Web Connector and QuickBooks, open both again, then click Update Selected.",
        "Fermez le Web Connector et QuickBooks, rouvrez-les, puis cliquez sur Update Selected.",
        written=None,
    ),
    hresult(
        "0x80040400",
        Reaction.OUR_BUG,
        "QuickBooks could not read our message and did nothing with it.",
        "QuickBooks n'a pas pu lire notre message et n'en a rien fait.",
        "Nothing to change in QuickBooks: we look for the request at fault; give support the code {code}.",
        "Rien à changer dans QuickBooks : nous cherchons la demande fautive; donnez au soutien le code {code}.",
    ),
    hresult(
        "0x80040402",
        Reaction.REFRESH_AND_RETRY_ONCE,
        "QuickBooks stopped unexpectedly; we check what was saved before sending anything again.",
        "QuickBooks s'est arrêté pendant l'envoi; nous vérifions ce qui est enregistré avant de renvoyer "
        "quoi que ce soit.",
        "Restart QuickBooks. If it comes back, give support the file qbsdklog.txt (search for it in Windows).",
        "Redémarrez QuickBooks. Si l'erreur revient, donnez au soutien le fichier qbsdklog.txt "
        "(cherchez-le dans Windows).",
        written=None,
        once=True,
    ),
    wait(
        "0x8004040B,0C,0F,411-413",
        "The Web Connector and QuickBooks lost the order of their calls.",
        "Le Web Connector et QuickBooks ont perdu l'ordre de leurs appels.",
    ),
    wait(
        "0x8004040D",
        "QuickBooks had ended the session already.",
        "QuickBooks avait déjà terminé la session.",
    ),
    hresult(
        "0x8004040E",
        Reaction.RETRY_LATER,
        "QuickBooks ran out of memory; we check what was saved before sending anything again.",
        "QuickBooks a manqué de mémoire; nous vérifions ce qui est enregistré avant de renvoyer quoi que ce soit.",
        "Close QuickBooks, open it again with the company file, then click Update Selected.",
        "Fermez QuickBooks, rouvrez-le avec le fichier de société, puis cliquez sur Update Selected.",
        written=None,
    ),
    hresult(
        "0x80040421",
        Reaction.USER_SETTINGS,
        "QuickBooks says: {message}",
        "QuickBooks dit : {message}",
        "Do what the text asks in QuickBooks, then click Update Selected in the Web Connector.",
        "Faites ce que demande le texte dans QuickBooks, puis cliquez sur Update Selected dans le Web Connector.",
        written=None,
    ),
    hresult(
        "0x80040423",
        Reaction.OUR_BUG,
        "This QuickBooks does not know the version of our messages; QuickBooks 2015 or newer is needed.",
        "Ce QuickBooks ne connaît pas la version de nos messages; il faut QuickBooks 2015 ou plus récent.",
        "Update QuickBooks (Help > Update QuickBooks Desktop); if it is recent, give support the code {code}.",
        "Mettez QuickBooks à jour (Help > Update QuickBooks Desktop); s'il est récent, donnez au soutien le "
        "code {code}.",
    ),
    wait("0x80040424", "QuickBooks is still starting.", "QuickBooks est encore en train de démarrer."),
    wait(
        "0x80040425-29,2B",
        "QuickBooks could not get ready for the Web Connector.",
        "QuickBooks n'a pas pu se préparer pour le Web Connector.",
        "Close QuickBooks and the Web Connector, open both again, then click Update Selected.",
        "Fermez QuickBooks et le Web Connector, rouvrez-les, puis cliquez sur Update Selected.",
    ),
)

_WINDOWS = (
    hresult("0x00000000", Reaction.OK, "No error.", "Aucune erreur.", "Nothing to do.", "Rien à faire.", written=True),
    person(
        "0x80070005",
        "Windows does not let the Web Connector talk to QuickBooks.",
        "Windows ne laisse pas le Web Connector parler à QuickBooks.",
        "Run QuickBooks and the Web Connector as the same Windows user, neither as administrator.",
        "Lancez QuickBooks et le Web Connector sous le même utilisateur Windows, aucun des deux comme administrateur.",
    ),
    hresult(
        "0x800706BA,6BE",
        Reaction.RETRY_LATER,
        "QuickBooks closed or stopped answering; we check what was saved before sending anything again.",
        "QuickBooks s'est fermé ou ne répond plus; nous vérifions ce qui est enregistré avant de renvoyer "
        "quoi que ce soit.",
        "Open QuickBooks with the company file, then click Update Selected in the Web Connector.",
        "Ouvrez QuickBooks avec le fichier de société, puis cliquez sur Update Selected dans le Web Connector.",
        written=None,
    ),
    hresult(
        "0x80010105,108",
        Reaction.RETRY_LATER,
        "QuickBooks failed during the exchange; we check what was saved before sending anything again.",
        "QuickBooks a échoué pendant l'échange; nous vérifions ce qui est enregistré avant de renvoyer quoi "
        "que ce soit.",
        "Close QuickBooks, open it again with the company file, then click Update Selected in the Web Connector.",
        "Fermez QuickBooks, rouvrez-le avec le fichier de société, puis Update Selected dans le Web Connector.",
        written=None,
    ),
)

UNKNOWN_HRESULT = hresult(
    "",
    Reaction.RETRY_LATER,
    "QuickBooks or the Web Connector gave an error we do not know, {code}: {message}",
    "QuickBooks ou le Web Connector a donné une erreur que nous ne connaissons pas, {code} : {message}",
    "Open QuickBooks with the company file and click Update Selected; if it comes back, give support "
    "that code and text.",
    "Ouvrez QuickBooks avec le fichier de société et cliquez sur Update Selected; si l'erreur revient, "
    "donnez ce code au soutien.",
    written=None,
)

HRESULT_CODES = (*OPENING_CODES, *_TALK, *_WINDOWS)
