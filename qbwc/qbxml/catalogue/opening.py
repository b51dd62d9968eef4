"""hresults that come before anything was sent: QuickBooks, its company file or its permission is not ready.

Nothing was written in any of these cases, so the work simply waits for the next update.
"""

from __future__ import annotations

from qbwc.qbxml.catalogue.entries import entry
from qbwc.qbxml.reaction import Reaction, Section, Status

_WAIT_EN = "Nothing to do: we try again at the next update. If it comes back, close QuickBooks and open it again."
_WAIT_FR = (
    "Rien à faire : nous réessayons à la prochaine mise à jour. Si l'erreur revient, fermez et rouvrez QuickBooks."
)
_REPAIR_EN = "Windows Settings > Apps > QuickBooks > Modify > Repair, restart the computer, then click Update Selected."
_REPAIR_FR = (
    "Paramètres de Windows > Applications > QuickBooks > Modifier > Repair, redémarrez le poste, puis Update Selected."
)
_PROPERTIES = "Edit > Preferences > Integrated Applications > Company Preferences > Properties"


def hresult(
    code: str,
    reaction: Reaction,
    what_en: str,
    what_fr: str,
    do_en: str,
    do_fr: str,
    *,
    written: bool | None = False,
    once: bool = False,
) -> Status:
    section = Section.HRESULT
    return entry(code, reaction, what_en, what_fr, do_en, do_fr, section=section, written=written, once=once)


def person(code: str, what_en: str, what_fr: str, do_en: str, do_fr: str) -> Status:
    return hresult(code, Reaction.USER_SETTINGS, what_en, what_fr, do_en, do_fr)


def wait(code: str, what_en: str, what_fr: str, do_en: str = _WAIT_EN, do_fr: str = _WAIT_FR) -> Status:
    return hresult(code, Reaction.RETRY_LATER, what_en, what_fr, do_en, do_fr)


_INSTALLATION = (
    person(
        "0x80040154",
        "A QuickBooks component is not registered on this computer: QuickBooks or the Web Connector is badly "
        "installed.",
        "Un composant de QuickBooks manque sur ce poste : QuickBooks ou le Web Connector est mal installé.",
        "Repair QuickBooks (Windows Settings > Apps > QuickBooks > Modify > Repair) and install the Web "
        "Connector again.",
        "Réparez QuickBooks (Paramètres de Windows > Applications > QuickBooks > Modifier > Repair) et "
        "réinstallez le Web Connector.",
    ),
    person(
        "0x80040401",
        "The Web Connector cannot reach QuickBooks: it runs as another Windows user, or its installation is "
        "incomplete.",
        "Le Web Connector ne joint pas QuickBooks : autre utilisateur Windows, ou installation incomplète.",
        "Run QuickBooks and the Web Connector as the same Windows user, neither as administrator; else "
        "repair QuickBooks.",
        "Lancez QuickBooks et le Web Connector sous le même utilisateur Windows, sans « Exécuter en tant "
        "qu'administrateur »; sinon réparez QuickBooks.",
    ),
    person(
        "0x80040404",
        "QuickBooks does not recognize its own version.",
        "QuickBooks ne reconnaît pas sa propre version.",
        "Update QuickBooks: Help > Update QuickBooks Desktop.",
        "Mettez QuickBooks à jour : Help > Update QuickBooks Desktop.",
    ),
    person(
        "0x80040405",
        "A component of QuickBooks is missing.",
        "Il manque un composant à QuickBooks.",
        _REPAIR_EN,
        _REPAIR_FR,
    ),
    person(
        "0x80040406",
        "This QuickBooks does not support the version of the company file.",
        "Ce QuickBooks ne prend pas en charge la version du fichier de société.",
        "Back the file up, then open it once in the QuickBooks version you want to use and accept its update.",
        "Faites une copie du fichier, puis ouvrez-le une fois dans la version voulue de QuickBooks et "
        "acceptez sa mise à jour.",
    ),
    person(
        "0x80040407",
        "QuickBooks is not completely installed.",
        "QuickBooks n'est pas installé au complet.",
        _REPAIR_EN,
        _REPAIR_FR,
    ),
    person(
        "0x80040409",
        "The company file was made with another version of QuickBooks.",
        "Ce fichier a été créé avec une autre version de QuickBooks.",
        "Close QuickBooks, open the file in the version that made it, then click Update Selected in the Web Connector.",
        "Fermez QuickBooks, ouvrez le fichier dans la version qui l'a créé, puis Update Selected dans le Web "
        "Connector.",
    ),
    person(
        "0x8004041F",
        "QuickBooks Basic does not work with other applications.",
        "QuickBooks Basic ne travaille pas avec d'autres applications.",
        "Use QuickBooks Pro, Premier or Enterprise.",
        "Utilisez QuickBooks Pro, Premier ou Enterprise.",
    ),
    person(
        "0x80040427",
        "This copy of QuickBooks is not registered.",
        "Cette copie de QuickBooks n'est pas enregistrée.",
        "Register it: Help > Register QuickBooks (or Activate QuickBooks).",
        "Enregistrez-la : Help > Register QuickBooks (ou Activate QuickBooks).",
    ),
    person(
        "0x8004042A",
        "QuickBooks does not allow access from another computer.",
        "QuickBooks ne permet pas l'accès depuis un autre poste.",
        "Install the Web Connector on the computer where QuickBooks runs.",
        "Installez le Web Connector sur le poste où tourne QuickBooks.",
    ),
)

_COMPANY_FILE = (
    person(
        "0x80040403",
        "QuickBooks cannot open the company file: wrong path, no right to it, or a damaged file.",
        "QuickBooks ne peut pas ouvrir le fichier de société : mauvais chemin, droits manquants ou fichier endommagé.",
        "Open the file by hand in QuickBooks (File > Open or Restore Company), then click Update Selected.",
        "Ouvrez le fichier à la main dans QuickBooks (File > Open or Restore Company), puis Update Selected.",
    ),
    wait(
        "0x80040408",
        "QuickBooks could not start on that computer.",
        "QuickBooks n'a pas pu démarrer sur ce poste.",
        "Open QuickBooks and the company file, then click Update Selected in the Web Connector.",
        "Ouvrez QuickBooks et le fichier de société, puis cliquez sur Update Selected dans le Web Connector.",
    ),
    hresult(
        "0x8004040A",
        Reaction.STOP,
        "Another company file is open in QuickBooks: nothing was sent.",
        "Un autre fichier de société est ouvert dans QuickBooks : rien n'a été envoyé.",
        "Close that file and open the one of this connection, then click Update Selected in the Web Connector.",
        "Fermez ce fichier et ouvrez celui de cette connexion, puis Update Selected dans le Web Connector.",
    ),
    person(
        "0x80040410",
        "The company file is open in the other mode (single-user or multi-user).",
        "Le fichier de société est ouvert dans l'autre mode (mono-utilisateur ou multi-utilisateur).",
        "Choose File > Switch to Multi-user Mode (or Single-user Mode) in QuickBooks, then click Update Selected.",
        "Choisissez File > Switch to Multi-user Mode (ou Single-user Mode) dans QuickBooks, puis Update Selected.",
    ),
    wait(
        "0x80040414",
        "A dialog box is open in QuickBooks and blocks everything else.",
        "Une boîte de dialogue est ouverte dans QuickBooks et bloque tout le reste.",
        "Close the dialog box in QuickBooks; we try again at the next update, or click Update Selected.",
        "Fermez la boîte de dialogue dans QuickBooks; nous réessayons à la prochaine mise à jour, ou Update Selected.",
    ),
    person(
        "0x80040416",
        "QuickBooks is closed and automatic log-in is not allowed.",
        "QuickBooks est fermé et l'accès automatique n'est pas autorisé.",
        f"Leave the company file open, or {_PROPERTIES}: tick Allow this application to login automatically.",
        f"Laissez le fichier ouvert, ou {_PROPERTIES} : cochez Allow this application to login automatically.",
    ),
    person(
        "0x80040417",
        "The company file must be open in the QuickBooks window.",
        "Le fichier de société doit être ouvert dans la fenêtre de QuickBooks.",
        "Open QuickBooks with the company file, then click Update Selected in the Web Connector.",
        "Ouvrez QuickBooks avec le fichier de société, puis cliquez sur Update Selected dans le Web Connector.",
    ),
    wait(
        "0x8004041B",
        "QuickBooks could not lock the company file for us.",
        "QuickBooks n'a pas pu nous réserver le fichier de société.",
    ),
    hresult(
        "0x8004041C",
        Reaction.RETRY_LATER,
        "QuickBooks had an internal error while opening the company file.",
        "QuickBooks a eu une erreur interne en ouvrant le fichier de société.",
        "Close QuickBooks, open it again with the company file, then click Update Selected in the Web Connector.",
        "Fermez QuickBooks, rouvrez-le avec le fichier de société, puis Update Selected dans le Web Connector.",
    ),
    wait(
        "0x80040422",
        "Another application works with QuickBooks in single-user mode.",
        "Une autre application travaille avec QuickBooks en mode mono-utilisateur.",
        "Wait until it has finished, or choose File > Switch to Multi-user Mode; we try again at the next update.",
        "Attendez qu'elle finisse, ou choisissez File > Switch to Multi-user Mode; nous réessayons ensuite.",
    ),
)

_AUTHORISATION = (
    person(
        "0x80040418",
        "The first access of an application must be approved by the administrator, with the company file open.",
        "Le premier accès d'une application doit être approuvé par l'administrateur, le fichier de société ouvert.",
        "Log in to QuickBooks as Admin with the file open, click Update Selected, and answer Yes in the dialog.",
        "Ouvrez le fichier dans QuickBooks comme Admin, cliquez sur Update Selected et répondez Yes dans la boîte.",
    ),
    person(
        "0x80040419",
        "The first access of an application must be approved in the QuickBooks window.",
        "Le premier accès d'une application doit être approuvé dans la fenêtre de QuickBooks.",
        "Open the company file in QuickBooks as Admin, click Update Selected, and answer Yes in the dialog.",
        "Ouvrez le fichier de société comme Admin, cliquez sur Update Selected et répondez Yes dans la boîte.",
    ),
    person(
        "0x8004041A",
        "This application has no permission for this company file.",
        "Cette application n'a pas la permission d'accéder à ce fichier de société.",
        "As Admin: Edit > Preferences > Integrated Applications > Company Preferences, tick this application "
        "under Allow.",
        "Comme Admin : Edit > Preferences > Integrated Applications > Company Preferences, cochez-la sous Allow.",
    ),
    person(
        "0x8004041D",
        "QuickBooks does not let this application log in by itself.",
        "QuickBooks ne laisse pas cette application se connecter d'elle-même.",
        f"{_PROPERTIES}: tick Allow this application to login automatically and choose a user; or leave "
        "QuickBooks open.",
        f"{_PROPERTIES} : cochez Allow this application to login automatically et choisissez un utilisateur; "
        "ou laissez QuickBooks ouvert.",
    ),
    person(
        "0x8004041E",
        "The approval of this application in QuickBooks has expired.",
        "L'approbation de cette application dans QuickBooks a expiré.",
        "Edit > Preferences > Integrated Applications > Company Preferences: remove it, click Update "
        "Selected, answer Yes.",
        "Edit > Preferences > Integrated Applications > Company Preferences : retirez-la, Update Selected, "
        "répondez Yes.",
    ),
    person(
        "0x80040420",
        "Somebody refused this application access in QuickBooks.",
        "L'accès de notre application a été refusé dans QuickBooks.",
        f"As Admin: {_PROPERTIES}, tick Allow this application to read and modify this company file; or click "
        "Update Selected and answer Yes.",
        f"Comme Admin : {_PROPERTIES}, cochez Allow this application to read and modify this company file; "
        "ou cliquez sur Update Selected et répondez Yes.",
    ),
    person(
        "0x8004042C",
        "The approval of this application in QuickBooks was revoked.",
        "L'approbation de cette application dans QuickBooks a été révoquée.",
        "Remove the application from the Web Connector, add its .qwc file again and answer Yes as Admin.",
        "Retirez l'application du Web Connector, ajoutez de nouveau son fichier .qwc et répondez Yes comme Admin.",
    ),
)

OPENING_CODES = (*_INSTALLATION, *_COMPANY_FILE, *_AUTHORISATION)
