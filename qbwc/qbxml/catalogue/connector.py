"""The Web Connector's own codes (QBWC1000 and up), which a person reads in its window or its log.

Source: the error appendix of Intuit's Web Connector guide. Codes that only say "see the log" are left to the
general sentence.
"""

from __future__ import annotations

from qbwc.qbxml.catalogue.entries import entry
from qbwc.qbxml.reaction import Reaction, Section, Status


def _connector(
    code: str,
    reaction: Reaction,
    what_en: str,
    what_fr: str,
    do_en: str,
    do_fr: str,
    *,
    written: bool | None = False,
) -> Status:
    section = Section.CONNECTOR
    return entry(code, reaction, what_en, what_fr, do_en, do_fr, section=section, written=written)


CONNECTOR_CODES = (
    _connector(
        "QBWC1000-1002,1010,1051",
        Reaction.OUR_BUG,
        "The Web Connector refuses the addresses in the .qwc file: they must be https, have one name and be no IP.",
        "Le Web Connector refuse les adresses du fichier .qwc : il les faut en https, sous un même nom, sans "
        "adresse IP.",
        "Download the .qwc file again from this site and add it; if it comes back, give support the code {code}.",
        "Téléchargez de nouveau le fichier .qwc de ce site et ajoutez-le; si l'erreur revient, donnez au "
        "soutien le code {code}.",
    ),
    _connector(
        "QBWC1003,1004,1048",
        Reaction.USER_SETTINGS,
        "The Web Connector could not open our site from that computer, or does not trust its certificate.",
        "Le Web Connector n'a pas pu ouvrir notre site depuis ce poste, ou ne fait pas confiance à son certificat.",
        "Open our address in a browser on that computer; if it fails, check the firewall, the date and "
        "Windows updates.",
        "Ouvrez notre adresse dans un navigateur sur ce poste; sinon, vérifiez le pare-feu, la date et Windows Update.",
    ),
    _connector(
        "QBWC1007-1009",
        Reaction.RETRY_LATER,
        "The Web Connector could not connect, even at its second attempt: {message}",
        "Le Web Connector n'a pas pu se connecter, même au deuxième essai : {message}",
        "Open QuickBooks and the company file, close any dialog box, check the internet connection, then click Retry.",
        "Ouvrez QuickBooks et le fichier de société, fermez toute boîte de dialogue, vérifiez l'internet, puis Retry.",
    ),
    _connector(
        "QBWC1011,1032",
        Reaction.USER_SETTINGS,
        "The Web Connector no longer finds this application in its list.",
        "Le Web Connector ne trouve plus cette application dans sa liste.",
        "Close the Web Connector (File > Exit) and open it again; if the application is gone, add its .qwc file again.",
        "Fermez le Web Connector (File > Exit) et rouvrez-le; si l'application n'y est plus, ajoutez son fichier .qwc.",
    ),
    _connector(
        "QBWC1012",
        Reaction.RETRY_LATER,
        "The Web Connector could not log in to our site: {message}",
        "Le Web Connector n'a pas pu se connecter à notre site : {message}",
        "Check the internet connection and click Update Selected; if it comes back, give support the code {code}.",
        "Vérifiez la connexion internet et cliquez sur Update Selected; si l'erreur revient, donnez au "
        "soutien le code {code}.",
    ),
    _connector(
        "QBWC1013,1014",
        Reaction.RETRY_LATER,
        "The Web Connector could not reach QuickBooks or learn which file is open: {message}",
        "Le Web Connector n'a pas pu joindre QuickBooks ou savoir quel fichier est ouvert : {message}",
        "Open QuickBooks and the company file, close any dialog box, then click Update Selected.",
        "Ouvrez QuickBooks et le fichier de société, fermez toute boîte de dialogue, puis Update Selected.",
    ),
    _connector(
        "QBWC1022-1027",
        Reaction.USER_SETTINGS,
        "The Web Connector could not write or confirm its mark in the company file; the mark may be in use already.",
        "Le Web Connector n'a pas pu écrire ou confirmer sa marque dans le fichier; elle y est peut-être "
        "déjà utilisée.",
        "Open the right company file as Admin, remove the application from the Web Connector and add its own "
        ".qwc file.",
        "Ouvrez le bon fichier comme Admin, retirez l'application du Web Connector et ajoutez son propre fichier .qwc.",
    ),
    _connector(
        "QBWC1028-1030,1038,1040",
        Reaction.USER_SETTINGS,
        "The password of this application in the Web Connector is missing or wrong.",
        "Le mot de passe de cette application dans le Web Connector est absent ou inexact.",
        "Type the connection's password in the Password column of the Web Connector, press Enter and let it be saved.",
        "Tapez le mot de passe de la connexion dans la colonne Password du Web Connector, puis Entrée, et acceptez.",
    ),
    _connector(
        "QBWC1036,1037,1046",
        Reaction.USER_SETTINGS,
        "This version of the Web Connector was not accepted: {message}",
        "Cette version du Web Connector n'a pas été acceptée : {message}",
        "Install the newest QuickBooks Web Connector from Intuit's site, then click Update Selected.",
        "Installez le QuickBooks Web Connector le plus récent du site d'Intuit, puis cliquez sur Update Selected.",
    ),
    _connector(
        "QBWC1039",
        Reaction.USER_SETTINGS,
        "The Web Connector could not add this application to its list.",
        "Le Web Connector n'a pas pu ajouter cette application à sa liste.",
        "Remove the application of the same name, download the .qwc file again and add it unchanged.",
        "Retirez l'application du même nom, téléchargez de nouveau le fichier .qwc et ajoutez-le sans le modifier.",
    ),
    _connector(
        "QBWC1041-1045",
        Reaction.RETRY_LATER,
        "A call of the Web Connector to our site failed; we check what was saved before sending anything again.",
        "Un appel du Web Connector à notre site a échoué; nous vérifions ce qui est enregistré avant tout renvoi.",
        "Check the internet connection and click Update Selected; if it comes back, give support the code {code}.",
        "Vérifiez la connexion internet et cliquez sur Update Selected; si l'erreur revient, donnez au "
        "soutien le code {code}.",
        written=None,
    ),
)
