"""The words of the log: what was done, the fields and their values, in English, translated when shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import gettext as _

from portal.billing.options import Approval, Grouping, NegativeTotal, ProrateBy
from portal.billing.period import BillingMode
from portal.billing.rating import Rounding
from portal.billing.share import DayCount
from portal.models import DraftState, InvoiceMode, Role
from portal.services.audit import COMMAND_LINE, Kind
from portal.web.language import spoken
from portal.web.telling_words import CADENCES
from portal.web.telling_words import KINDS as NOTICES
from portal.web.words import PRORATIONS, msgid, word

KINDS: dict[Kind, str] = {
    Kind.MAPPING: msgid("Mappings"),
    Kind.RULE: msgid("Rules of billing"),
    Kind.RUN: msgid("Runs and invoices"),
    Kind.LINK: msgid("Link with QuickBooks"),
    Kind.MEMBER: msgid("People and roles"),
    Kind.PASSWORD: msgid("Passwords and log-ins"),
    Kind.SOURCE: msgid("Sources of charges"),
    Kind.TELLING: msgid("Letters and webhooks"),
}

_ACTIONS: dict[str, str] = {
    "map": msgid("Mapping changed"),
    "change-settings": msgid("Rules of billing changed"),
    "rename": msgid("Connection renamed"),
    "change-window": msgid("Messages of the Web Connector changed"),
    "save-export-rule": msgid("Export rule saved"),
    "bill": msgid("Run begun"),
    "share-run": msgid("Sharing of a run with the accountant changed"),
    "mark-done": msgid("Invoice marked as settled"),
    "ignore": msgid("Invoice marked as not to be billed"),
    "release": msgid("Clearing of the link asked for"),
    "reopen": msgid("Decision about an invoice taken back"),
    "retry": msgid("Sent again"),
    "found": msgid("Found in QuickBooks, so the link stays"),
    "released": msgid("Not in QuickBooks: the link was cleared"),
    "not-searched": msgid("QuickBooks could not be searched"),
    "make-connection": msgid("Connection made"),
    "start": msgid("Set-up finished with Start"),
    "confirm-company": msgid("Company file confirmed as the right one"),
    "keep-refusing": msgid("Company file refused"),
    "seek-company": msgid("Company file looked for"),
    "try-visit-again": msgid("Everything to be tried again at the next visit"),
    "invite": msgid("Invitation made"),
    "revoke-invitation": msgid("Invitation revoked"),
    "join": msgid("Joined the connection"),
    "leave": msgid("Left the connection"),
    "change-joined-role": msgid("Role on the connection changed"),
    "remove-joined": msgid("Removed from the connection"),
    "add-person": msgid("Person added"),
    "change-role": msgid("Role changed"),
    "remove-person": msgid("Person removed"),
    "show-password": msgid("Password of the Web Connector made and shown"),
    "new-password": msgid("Password of the Web Connector replaced"),
    "make-password-link": msgid("Link for a new password made"),
    "choose-password": msgid("Password chosen by a link"),
    "change-password": msgid("Own password changed"),
    "second-factor-on": msgid("Second factor switched on"),
    "second-factor-off": msgid("Second factor switched off"),
    "recovery-codes": msgid("Recovery codes made anew"),
    "require-second-factor": msgid("Requirement of a second factor changed"),
    "make-token": msgid("Token for a program made"),
    "revoke-token": msgid("Token of a program revoked"),
    "charge-file": msgid("Charges changed by a file"),
    "save-credentials": msgid("Credentials of Sherweb saved"),
    "forget-credentials": msgid("Credentials of Sherweb deleted"),
    "change-nightly": msgid("Nightly fetch from Sherweb changed"),
    "save-columns": msgid("Columns of a CSV file saved"),
    "delete-columns": msgid("Columns of a CSV file deleted"),
    "choose-letters": msgid("Choice of letters changed"),
    "add-webhook": msgid("Webhook added"),
    "change-webhook": msgid("Webhook changed"),
    "renew-webhook-secret": msgid("Secret of a webhook replaced"),
    "remove-webhook": msgid("Webhook removed"),
    "send-message-again": msgid("Message sent again"),
}

_FIELDS: dict[str, str] = {
    "item": msgid("Item"),
    "customer": msgid("Customer"),
    "is_synchronized": msgid("Sync"),
    "mode": msgid("Mode"),
    "po_number": msgid("PO number"),
    "class_list_id": msgid("Class"),
    "terms_list_id": msgid("Terms"),
    "tax_code_list_id": msgid("Sales tax code"),
    "other1": msgid("Custom column 1"),
    "other2": msgid("Custom column 2"),
    "role": msgid("Role"),
    "scopes": msgid("Permissions"),
    "email": msgid("For"),
    "until": msgid("Good until"),
    "required": msgid("Required"),
    "name": msgid("Name"),
    "billing_mode": msgid("Billing mode"),
    "invoice_day": msgid("Invoice day"),
    "prorate": msgid("Proration"),
    "start_date": msgid("Start date"),
    "time_zone": msgid("Time zone"),
    "prorate_by": msgid("Prorate by"),
    "day_count": msgid("Count of days"),
    "rounding": msgid("Rounding"),
    "grouping": msgid("Lines"),
    "negative_total": msgid("Total below zero"),
    "description": msgid("Text of the lines"),
    "approval": msgid("Approval"),
    "unflagged_is_unsent": msgid("Unflagged counts as unsent"),
    "language": msgid("Language"),
    "opens_page": msgid("Opens the page when in doubt"),
    "company_name": msgid("Company"),
    "company_path": msgid("Company file"),
    "how": msgid("By way of"),
    "invited_by": msgid("Invited by"),
    "invoices": msgid("Invoices"),
    "approved": msgid("Approved by a person"),
    "shared": msgid("Shared with the accountant"),
    "fiscal_first_month": msgid("First month of the fiscal year"),
    "state": msgid("State before"),
    "code": msgid("Code"),
    "message": msgid("Message"),
    "ref_number": msgid("Number"),
    "lines": msgid("Lines"),
    "unit_cost": msgid("Unit cost"),
    "renewed": msgid("Given anew"),
    "export_rule": msgid("Export rule"),
    "version": msgid("Version"),
    "client_id": msgid("Client ID"),
    "nightly": msgid("Every night"),
    "cadence": msgid("Letters"),
    "hour": msgid("Hour"),
    "preview_days": msgid("Preview, days before the invoice day"),
    "url": msgid("Address"),
    "kinds": msgid("Told of"),
    "is_active": msgid("Switched on"),
    "to": msgid("To"),
    "file": msgid("File"),
    "new": msgid("New charges"),
    "changed": msgid("Changed charges"),
    "corrected": msgid("Billed already"),
}

_CHOICES: dict[str, type[StrEnum]] = {
    "role": Role,
    "mode": InvoiceMode,
    "state": DraftState,
    "billing_mode": BillingMode,
    "prorate_by": ProrateBy,
    "day_count": DayCount,
    "rounding": Rounding,
    "grouping": Grouping,
    "negative_total": NegativeTotal,
    "approval": Approval,
}
_CADENCES = {"as-role": msgid("As the role says"), **{one.value: name for one, name in CADENCES.items()}}
_KINDS_OF_NOTICES = {kind.value: name for kind, name in NOTICES.items()}
_WAYS = {
    "page": msgid("the page"),
    "bulk": msgid("many rows at once"),
    "suggestion": msgid("a suggestion"),
    "file": msgid("a file"),
}


def action(name: str) -> str:
    """What was done, in English."""
    return _ACTIONS.get(name, name)


def field_name(name: str) -> str:
    """A field, in English."""
    return _FIELDS.get(name, name)


def told(value: Any, field: str = "") -> str:
    """A value of a field in the page's language."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, bool) or value in ("True", "False"):
        return str(_("yes") if value in (True, "True") else _("no"))
    if field == "export_rule" and isinstance(value, dict):
        return spoken(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {told(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(told(one, field) for one in value)
    text = str(value)
    if field == "how" and text in _WAYS:
        return str(_(_WAYS[text]))
    if field == "cadence" and text in _CADENCES:
        return str(_(_CADENCES[text]))
    if field == "kinds" and text in _KINDS_OF_NOTICES:
        return str(_(_KINDS_OF_NOTICES[text]))
    if field == "prorate" and text in PRORATIONS:
        return str(_(PRORATIONS[text]))
    kind = _CHOICES.get(field)
    return str(_(word(kind(text)))) if kind is not None and text in set(kind) else text


def address(text: str) -> str:
    """From where, in the page's language."""
    return str(_("command line")) if text == COMMAND_LINE else text
