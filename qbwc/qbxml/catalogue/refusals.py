"""statusCode from 3160: requests that QuickBooks understood and did not carry out.

Meanings follow Intuit's list of status codes, captured answers and what other integrations reported.
"""

from __future__ import annotations

from qbwc.qbxml.catalogue.entries import SEE_TEXT_EN, SEE_TEXT_FR, bug, entry
from qbwc.qbxml.reaction import Reaction

_CLOSE_EN = "Save and close that window in QuickBooks on every computer; we try again by ourselves."
_CLOSE_FR = "Enregistrez et fermez cette fenêtre de QuickBooks sur chaque poste; nous réessayons nous-mêmes."

_CHANGES = (
    entry(
        "3160",
        Reaction.USER_DATA,
        "QuickBooks does not delete this record because something still uses it: {message}",
        "QuickBooks ne supprime pas cet enregistrement parce qu'il sert encore : {message}",
        "Remove the links in QuickBooks, or keep the record and make it inactive.",
        "Retirez les liens dans QuickBooks, ou gardez l'enregistrement et rendez-le inactif.",
    ),
    entry(
        "3161",
        Reaction.USER_SETTINGS,
        "QuickBooks does not delete a transaction dated on or before the closing date.",
        "QuickBooks ne supprime pas une transaction datée du jour de clôture ou d'avant.",
        "Choose a later date, or clear it: Edit > Preferences > Accounting > Company Preferences > Set Date/Password.",
        "Choisissez une date ultérieure ou levez-la : Edit > Preferences > Accounting > Company Preferences > "
        "Set Date/Password.",
    ),
    entry(
        "3162",
        Reaction.USER_SETTINGS,
        "QuickBooks can do this only in single-user mode.",
        "QuickBooks ne peut faire cela qu'en mode mono-utilisateur.",
        "Choose File > Switch to Single-user Mode in QuickBooks, then click Update Selected in the Web Connector.",
        "Choisissez File > Switch to Single-user Mode dans QuickBooks, puis Update Selected dans le Web Connector.",
    ),
    entry(
        "3170",
        Reaction.USER_DATA,
        "QuickBooks refuses to change this record: {message}",
        "QuickBooks refuse de modifier cet enregistrement : {message}",
        "Open the record in QuickBooks, correct what the text names, close it, then click Retry.",
        "Ouvrez l'enregistrement dans QuickBooks, corrigez ce que nomme le texte, fermez-le, puis Réessayer.",
    ),
    entry(
        "3171",
        Reaction.USER_SETTINGS,
        "The transaction is dated on or before the closing date of the company.",
        "La transaction est datée du jour de clôture de la société ou d'avant.",
        "Choose a later date, or have the administrator clear the password: "
        "Edit > Preferences > Accounting > Company Preferences > Set Date/Password.",
        "Choisissez une date ultérieure, ou demandez à l'administrateur de lever le mot de passe : "
        "Edit > Preferences > Accounting > Company Preferences > Set Date/Password.",
    ),
    entry(
        "3172-3174",
        Reaction.USER_DATA,
        "QuickBooks refuses the change because of a closed period or a linked transaction: {message}",
        "QuickBooks refuse le changement à cause d'une période fermée ou d'une transaction liée : {message}",
        SEE_TEXT_EN,
        SEE_TEXT_FR,
    ),
    entry(
        "3175",
        Reaction.RETRY_LOCK,
        "Somebody has this invoice or record open in QuickBooks.",
        "Quelqu'un a cette facture ou cet enregistrement ouvert dans QuickBooks.",
        _CLOSE_EN,
        _CLOSE_FR,
    ),
    entry(
        "3176",
        Reaction.RETRY_LOCK,
        "A record linked to this one is open in QuickBooks.",
        "Un enregistrement lié à celui-ci est ouvert dans QuickBooks.",
        _CLOSE_EN,
        _CLOSE_FR,
    ),
    entry(
        "3177",
        Reaction.RETRY_LOCK,
        "QuickBooks could not reserve this record because it is in use.",
        "QuickBooks n'a pas pu réserver cet enregistrement, car il est utilisé.",
        _CLOSE_EN,
        _CLOSE_FR,
    ),
    entry(
        "3180",
        Reaction.USER_DATA,
        "QuickBooks could not save: {message}",
        "QuickBooks n'a pas pu enregistrer : {message}",
        "Correct in QuickBooks what its text names (credit limit, account number and so on), then click Retry.",
        "Corrigez dans QuickBooks ce que nomme son texte (limite de crédit, numéro de compte...), puis Réessayer.",
    ),
    entry(
        "3185",
        Reaction.USER_DATA,
        "QuickBooks could not void this transaction: {message}",
        "QuickBooks n'a pas pu annuler cette transaction : {message}",
        SEE_TEXT_EN,
        SEE_TEXT_FR,
    ),
    bug("3190", "We tried to empty a field that QuickBooks never leaves empty.", "Ce champ ne peut pas être vidé."),
    bug(
        "3191", "Our request holds a field that is not allowed there.", "Un champ de notre demande n'y est pas permis."
    ),
    entry(
        "3200",
        Reaction.REFRESH_AND_RETRY_ONCE,
        "The record changed in QuickBooks since we read it.",
        "L'enregistrement a changé dans QuickBooks depuis notre lecture.",
        "Nothing to do: we read it again and send the change once more.",
        "Rien à faire : nous le relisons et renvoyons la modification une fois.",
        once=True,
    ),
    entry(
        "3205",
        Reaction.USER_DATA,
        "QuickBooks does not accept the address: {message}",
        "QuickBooks n'accepte pas l'adresse : {message}",
        "Write the address on five lines at most, then click Retry.",
        "Écrivez l'adresse sur cinq lignes au plus, puis cliquez sur Réessayer.",
    ),
    entry(
        "3210",
        Reaction.USER_DATA,
        "A rule of QuickBooks forbids this value: {message}",
        "Une règle de QuickBooks interdit cette valeur : {message}",
        SEE_TEXT_EN,
        SEE_TEXT_FR,
    ),
)

_RIGHTS = (
    entry(
        "3220",
        Reaction.STOP,
        "The QuickBooks user of this update may not see this data.",
        "L'utilisateur QuickBooks de cette mise à jour n'a pas accès à ces données.",
        "Have the administrator give that user full access: Company > Set Up Users and Passwords > Set Up Users.",
        "Demandez à l'administrateur de lui donner tous les droits : Company > Set Up Users and Passwords > "
        "Set Up Users.",
    ),
    entry(
        "3230",
        Reaction.REQUEUE,
        "QuickBooks undid this request because another one sent with it failed.",
        "QuickBooks a annulé cette demande parce qu'une autre, envoyée avec elle, a échoué.",
        "Look at the request that failed; this one is sent again by itself.",
        "Voyez la demande qui a échoué; celle-ci est renvoyée d'elle-même.",
    ),
    entry(
        "3231",
        Reaction.REQUEUE,
        "QuickBooks did not come to this request because one before it failed.",
        "QuickBooks n'est pas arrivé à cette demande parce qu'une précédente a échoué.",
        "Nothing to do for this one: it is sent again by itself.",
        "Rien à faire pour celle-ci : elle est renvoyée d'elle-même.",
    ),
    entry(
        "3240",
        Reaction.REFRESH_AND_RETRY_ONCE,
        "The record in QuickBooks is not the one that we know under that identifier.",
        "L'enregistrement dans QuickBooks n'est pas celui que nous connaissons sous cet identifiant.",
        "Nothing to do: we read it again. If it comes back, choose the customer or item again in the mapping.",
        "Rien à faire : nous le relisons. Si l'erreur revient, choisissez de nouveau le client ou l'article.",
        once=True,
    ),
    entry(
        "3250",
        Reaction.USER_SETTINGS,
        "A feature is off or absent in this QuickBooks (currencies, classes, price levels...): {message}",
        "Une fonction est désactivée ou absente de ce QuickBooks (devises, classes, niveaux de prix...) : {message}",
        "Turn it on in Edit > Preferences (the section of that feature, Company Preferences), or stop using it here.",
        "Activez-la dans Edit > Preferences (section de cette fonction, Company Preferences), ou cessez de "
        "l'utiliser ici.",
    ),
    entry(
        "3260",
        Reaction.USER_SETTINGS,
        "The QuickBooks user of this update lacks a permission: {message}",
        "Il manque un droit à l'utilisateur QuickBooks de cette mise à jour : {message}",
        "As administrator, give that user the right (Company > Set Up Users and Passwords > Set Up Users), or choose "
        "another user in Edit > Preferences > Integrated Applications > Company Preferences > Properties.",
        "Comme administrateur, donnez-lui ce droit (Company > Set Up Users and Passwords > Set Up Users), ou "
        "choisissez "
        "un autre utilisateur dans Edit > Preferences > Integrated Applications > Company Preferences > Properties.",
    ),
    entry(
        "3261",
        Reaction.USER_SETTINGS,
        "This application may not read personal data in QuickBooks.",
        "Cette application n'a pas accès aux données personnelles dans QuickBooks.",
        "Edit > Preferences > Integrated Applications > Company Preferences > Properties: "
        "tick Allow this application to access personal data.",
        "Edit > Preferences > Integrated Applications > Company Preferences > Properties : "
        "cochez Allow this application to access personal data.",
    ),
    entry(
        "3262",
        Reaction.USER_SETTINGS,
        "QuickBooks asks for a payroll subscription to do this.",
        "QuickBooks exige un abonnement à la paie pour faire cela.",
        "Activate the payroll service in QuickBooks, or leave this record aside.",
        "Activez le service de paie dans QuickBooks, ou laissez cet enregistrement de côté.",
    ),
    entry(
        "3263",
        Reaction.USER_SETTINGS,
        "This application may only read in QuickBooks, not write.",
        "Cette application peut seulement lire dans QuickBooks, non y écrire.",
        "Remove it from the Web Connector, add the .qwc file again and choose an access that lets it write.",
        "Retirez-la du Web Connector, ajoutez de nouveau le fichier .qwc et choisissez un accès qui permet d'écrire.",
    ),
    entry(
        "3264",
        Reaction.USER_SETTINGS,
        "QuickBooks asks for its merchant service to do this.",
        "QuickBooks exige son service de paiement par carte pour faire cela.",
        "Activate the merchant service in QuickBooks, or leave this record aside.",
        "Activez le service de paiement dans QuickBooks, ou laissez cet enregistrement de côté.",
    ),
)

_RULES = (
    entry(
        "3270",
        Reaction.USER_DATA,
        "An item has no account to post to: {message}",
        "Un article n'a pas de compte de revenus : {message}",
        "Lists > Item List: open the item and choose an income account, then click Retry.",
        "Lists > Item List : ouvrez l'article et choisissez un compte de revenus, puis cliquez sur Réessayer.",
    ),
    entry(
        "3280",
        Reaction.USER_MAPPING,
        "This type of item does not fit here: {message}",
        "Ce type d'article ne convient pas ici : {message}",
        "Map the offer to an item of type Service or Non-inventory Part.",
        "Associez l'offre à un article de type Service ou Non-inventory Part.",
    ),
    bug(
        "3290",
        "We sent the lines of an invoice in another order than QuickBooks keeps.",
        "Les lignes de la facture ne suivent pas l'ordre que garde QuickBooks.",
    ),
    entry(
        "3300,3310",
        Reaction.USER_DATA,
        "The state of this transaction in QuickBooks forbids the change: {message}",
        "L'état de cette transaction dans QuickBooks interdit le changement : {message}",
        SEE_TEXT_EN,
        SEE_TEXT_FR,
    ),
    entry(
        "3351",
        Reaction.USER_SETTINGS,
        "A custom field is not defined for this kind of record in QuickBooks: {message}",
        "Un champ personnalisé n'est pas défini pour ce type d'enregistrement dans QuickBooks : {message}",
        "Open a customer in QuickBooks, Additional Info > Define Fields, and add the field; or stop using it here.",
        "Ouvrez un client dans QuickBooks, Additional Info > Define Fields, et ajoutez le champ; ou ne "
        "l'utilisez plus.",
    ),
    entry(
        "3500",
        Reaction.USER_DATA,
        "QuickBooks refuses to merge these records: {message}",
        "QuickBooks refuse de fusionner ces enregistrements : {message}",
        SEE_TEXT_EN,
        SEE_TEXT_FR,
    ),
    bug("9100-9199", "A reference within our request is wrong.", "Un renvoi à l'intérieur de notre demande est faux."),
)

REFUSAL_CODES = (*_CHANGES, *_RIGHTS, *_RULES)
