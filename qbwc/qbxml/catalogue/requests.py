"""statusCode up to 3151: what was done, and requests that QuickBooks could not read or understand.

Meanings follow Intuit's list of status codes, captured answers and what other integrations reported.
"""

from __future__ import annotations

from qbwc.qbxml.catalogue.entries import NOTHING_EN, NOTHING_FR, bug, entry
from qbwc.qbxml.reaction import Reaction, Status

_UNREAD_EN = "We skipped this record. If you need it, open it in QuickBooks and give support that text."
_UNREAD_FR = (
    "Nous l'avons laissé de côté. S'il est utile, ouvrez-le dans QuickBooks et transmettez ce texte au soutien."
)


def _unreadable(code: str, thing_en: str, thing_fr: str) -> Status:
    """A value that QuickBooks could not convert: always a fault of the sender."""
    return bug(code, f"QuickBooks cannot read {thing_en} that we sent.", f"QuickBooks ne peut pas lire {thing_fr}.")


def _warning(code: str, what_en: str, what_fr: str, do_en: str = NOTHING_EN, do_fr: str = NOTHING_FR) -> Status:
    return entry(code, Reaction.WRITTEN_WITH_WARNING, what_en, what_fr, do_en, do_fr, written=True)


_DONE = (
    entry("0", Reaction.OK, "Done.", "C'est fait.", NOTHING_EN, NOTHING_FR, written=True),
    entry(
        "1",
        Reaction.EMPTY,
        "QuickBooks found no record that matches.",
        "Aucun enregistrement trouvé dans QuickBooks.",
        NOTHING_EN,
        NOTHING_FR,
        written=True,
    ),
    entry(
        "500",
        Reaction.PARTIAL,
        "Some of the records we asked for are no longer in QuickBooks: {message}",
        "Certains des enregistrements demandés ne sont plus dans QuickBooks : {message}",
        "Choose the missing customer or item again in the mapping.",
        "Choisissez de nouveau le client ou l'article manquant dans les correspondances.",
        written=True,
    ),
    _warning(
        "501",
        "QuickBooks holds a record that our version of its format cannot express: {message}",
        "QuickBooks contient un enregistrement que notre version de son format ne peut exprimer : {message}",
        _UNREAD_EN,
        _UNREAD_FR,
    ),
    _warning(
        "510",
        "QuickBooks could not give us one record: {message}",
        "QuickBooks n'a pas pu nous donner un enregistrement : {message}",
        _UNREAD_EN,
        _UNREAD_FR,
    ),
    _warning(
        "530",
        "QuickBooks saved the record but left out a field that this edition does not have: {message}",
        "QuickBooks a enregistré, sauf un champ que cette édition n'a pas : {message}",
        "Check the record in QuickBooks and give support this text; nothing will be sent twice.",
        "Vérifiez l'enregistrement dans QuickBooks et transmettez ce texte au soutien; rien ne sera envoyé deux fois.",
    ),
    _warning(
        "531",
        "QuickBooks saved the record but ignored a choice that this edition does not have: {message}",
        "QuickBooks a enregistré, sauf un choix que cette édition n'offre pas : {message}",
        "Check the record in QuickBooks and give support this text; nothing will be sent twice.",
        "Vérifiez l'enregistrement dans QuickBooks et transmettez ce texte au soutien; rien ne sera envoyé deux fois.",
    ),
    _warning(
        "550",
        "QuickBooks saved the record, but not its notes.",
        "QuickBooks a enregistré, mais sans les notes.",
        "Type the notes in QuickBooks if you need them.",
        "Au besoin, saisissez les notes dans QuickBooks.",
    ),
    _warning(
        "560",
        "QuickBooks saved the record and says that one field is out of date: {message}",
        "QuickBooks a enregistré et signale qu'un champ est désuet : {message}",
    ),
    _warning(
        "570",
        "QuickBooks saved the record but did not link it: the other transaction is closed already.",
        "QuickBooks a enregistré sans faire le lien : l'autre transaction est déjà fermée.",
        "Open both transactions in QuickBooks and link them by hand if needed.",
        "Ouvrez les deux transactions dans QuickBooks et liez-les à la main au besoin.",
    ),
)

_SYSTEM = (
    entry(
        "1000",
        Reaction.RETRY_LATER,
        "QuickBooks had an internal error: {message}",
        "QuickBooks a eu une erreur interne : {message}",
        "We try once more. If it comes back: File > Utilities > Verify Data, then Rebuild Data.",
        "Nous réessayons une fois. Si elle revient : File > Utilities > Verify Data, puis Rebuild Data.",
        once=True,
    ),
    entry(
        "1010",
        Reaction.RETRY_LATER,
        "QuickBooks was not available.",
        "QuickBooks n'était pas disponible.",
        "Leave QuickBooks open with the company file; we try again at the next update.",
        "Laissez QuickBooks ouvert avec le fichier de société; nous réessayons à la prochaine mise à jour.",
    ),
    entry(
        "1030",
        Reaction.OUR_BUG,
        "This version of QuickBooks does not know this kind of request.",
        "Cette version de QuickBooks ne connaît pas ce type de demande.",
        "Update QuickBooks (Help > Update QuickBooks Desktop); if it is up to date, give support the code {code}.",
        "Mettez QuickBooks à jour (Help > Update QuickBooks Desktop); s'il l'est déjà, donnez au soutien le "
        "code {code}.",
    ),
    bug("1060", "The number we gave to a request is too long.", "Le numéro donné à une demande est trop long."),
    entry(
        "2000-2040",
        Reaction.STOP,
        "QuickBooks Online answered, and we work with QuickBooks Desktop only.",
        "QuickBooks Online a répondu, et nous ne travaillons qu'avec QuickBooks Desktop.",
        "Open the company file in QuickBooks Desktop and add the .qwc file there.",
        "Ouvrez le fichier de société dans QuickBooks Desktop et ajoutez-y le fichier .qwc.",
    ),
)

_VALUES = (
    entry(
        "3000",
        Reaction.OUR_BUG,
        "QuickBooks does not recognize the identifier of a record: it may come from another company file.",
        "QuickBooks ne reconnaît pas l'identifiant d'un enregistrement : il vient peut-être d'un autre fichier.",
        "Choose the customer or item again in the mapping; if it comes back, give support this text: {message}",
        "Choisissez de nouveau le client ou l'article; si l'erreur revient, transmettez au soutien : {message}",
    ),
    _unreadable("3010", "a true/false value", "une valeur vrai/faux envoyée"),
    entry(
        "3020",
        Reaction.OUR_BUG,
        "QuickBooks does not accept a date that we sent: {message}",
        "QuickBooks n'accepte pas une date envoyée : {message}",
        "Correct the date if you typed it; otherwise give support the code {code} and this text.",
        "Corrigez la date si vous l'avez saisie; sinon transmettez au soutien le code {code} et ce texte.",
    ),
    bug("3030", "We asked for a period that ends before it begins.", "La période demandée finit avant de commencer."),
    bug("3031", "We asked for a range of names the wrong way round.", "La plage de noms demandée est à l'envers."),
    _unreadable("3035", "a length of time", "une durée envoyée"),
    _unreadable("3040", "an amount (two decimals, within limits)", "un montant envoyé (deux décimales, sans excès)"),
    _unreadable("3045", "a price (five decimals at most)", "un prix envoyé (cinq décimales au plus)"),
    _unreadable("3050", "a percentage", "un pourcentage envoyé"),
    _unreadable("3060", "a quantity (five decimals at most)", "une quantité envoyée (cinq décimales au plus)"),
    _unreadable("3065", "a choice or an identifier", "un choix ou un identifiant envoyé"),
    entry(
        "3070",
        Reaction.OUR_BUG,
        "A text is too long for its field in QuickBooks: {message}",
        "Un texte est trop long pour son champ dans QuickBooks : {message}",
        "Shorten the text and click Retry; give support the code {code}, because we should have cut it.",
        "Raccourcissez le texte et cliquez sur Réessayer; donnez au soutien le code {code} : nous aurions dû "
        "le couper.",
    ),
    entry(
        "3080",
        Reaction.OUR_BUG,
        "A text holds a character that QuickBooks refuses: {message}",
        "Un texte contient un caractère que QuickBooks refuse : {message}",
        "Remove the odd character and click Retry; give support the code {code}.",
        "Retirez le caractère inhabituel et cliquez sur Réessayer; donnez au soutien le code {code}.",
    ),
    _unreadable("3085", "a number", "un nombre envoyé"),
    entry(
        "3090",
        Reaction.USER_DATA,
        "QuickBooks cannot store this value in its field (a name must not hold a colon): {message}",
        "QuickBooks ne peut pas garder cette valeur dans son champ (pas de deux-points dans un nom) : {message}",
        "Change the name or the value, then click Retry.",
        "Changez le nom ou la valeur, puis cliquez sur Réessayer.",
    ),
)

_REFERENCES = (
    entry(
        "3100",
        Reaction.USER_DATA,
        "That name already exists in QuickBooks, perhaps as a vendor, an employee or an inactive customer: {message}",
        "Ce nom existe déjà dans QuickBooks, peut-être un fournisseur, un employé ou un client inactif : {message}",
        "Choose the existing customer in the mapping, or give the new one another name.",
        "Choisissez le client existant dans les correspondances, ou donnez un autre nom au nouveau.",
    ),
    bug("3110", "QuickBooks does not know a choice that we sent.", "QuickBooks ne connaît pas un choix envoyé."),
    entry(
        "3120",
        Reaction.USER_MAPPING,
        "A record was deleted or merged in QuickBooks, or belongs to another company file: {message}",
        "Un enregistrement a été supprimé ou fusionné dans QuickBooks, ou vient d'un autre fichier : {message}",
        "Check that the right company file is open, then choose the customer or item again in the mapping.",
        "Vérifiez que le bon fichier de société est ouvert, puis choisissez de nouveau le client ou l'article.",
    ),
    entry(
        "3130",
        Reaction.USER_MAPPING,
        "The parent of this record is not valid in QuickBooks: {message}",
        "Le parent de cet enregistrement n'est pas valide dans QuickBooks : {message}",
        "Choose the parent customer or item again in the mapping.",
        "Choisissez de nouveau le client ou l'article parent dans les correspondances.",
    ),
    entry(
        "3140",
        Reaction.USER_MAPPING,
        "A customer, item, account, tax code or term no longer exists in QuickBooks or is inactive: {message}",
        "Un client, article, compte, code de taxe ou terme n'existe plus dans QuickBooks ou est inactif : {message}",
        "Choose it again in the mapping, or make it active again: tick Include inactive in its list in QuickBooks.",
        "Choisissez-le de nouveau, ou réactivez-le : cochez Include inactive dans sa liste de QuickBooks.",
    ),
    bug(
        "3150", "Our request lacks a field that QuickBooks requires.", "Il manque un champ obligatoire à notre demande."
    ),
    bug("3151", "Our request holds a field in the wrong place.", "Notre demande contient un champ au mauvais endroit."),
)

REQUEST_CODES = (*_DONE, *_SYSTEM, *_VALUES, *_REFERENCES)
