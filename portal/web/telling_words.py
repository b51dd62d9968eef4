"""The words of letters, webhooks and messages, in English, translated when shown."""

from __future__ import annotations

from portal.models import Cadence, Channel, MessageState, Occasion
from portal.notices import Kind
from portal.web.words import msgid

CADENCES: dict[Cadence, str] = {
    Cadence.AT_ONCE: msgid("A letter at once for each cause"),
    Cadence.DAILY: msgid("One digest a day"),
    Cadence.NEVER: msgid("No letters"),
}
EXPLANATIONS: dict[Cadence, str] = {
    Cadence.AT_ONCE: msgid("One when something needs somebody, another when it has grown. None when it is mended."),
    Cadence.DAILY: msgid("On days with something new, at the hour below: all that stands open."),
    Cadence.NEVER: msgid("The notices are on the pages all the same."),
}
CHANNELS: dict[Channel, str] = {Channel.EMAIL: msgid("Letters"), Channel.WEBHOOK: msgid("Webhooks")}
STATES: dict[MessageState, str] = {
    MessageState.WAITING: msgid("Waits"),
    MessageState.DELIVERED: msgid("Delivered"),
    MessageState.FAILED: msgid("Given up"),
    MessageState.DROPPED: msgid("Dropped"),
}
LOOKS: dict[MessageState, tuple[str, str]] = {
    MessageState.WAITING: ("bg-yellow-lt", "wait"),
    MessageState.DELIVERED: ("bg-green-lt", "yes"),
    MessageState.FAILED: ("bg-red-lt", "no"),
    MessageState.DROPPED: ("bg-secondary-lt", "off"),
}
"""The colour and the sign of a state; the text says the same."""
OCCASIONS: dict[Occasion, str] = {
    Occasion.RAISED: msgid("Notice"),
    Occasion.CLEARED: msgid("Notice is gone"),
    Occasion.DIGEST: msgid("Daily digest"),
    Occasion.PREVIEW: msgid("Preview of the invoices"),
    Occasion.TEST: msgid("Test"),
}
KINDS: dict[Kind, str] = {
    Kind.WRONG_PASSWORD: msgid("The Web Connector calls with a wrong password"),
    Kind.NEW_PASSWORD: msgid("The new password is not used yet"),
    Kind.COMPANY_FILE: msgid("Company file in doubt"),
    Kind.VISIT_FAILED: msgid("The last visit of the Web Connector failed"),
    Kind.OVERDUE: msgid("The Web Connector is overdue"),
    Kind.ERRORS: msgid("Errors to mend"),
    Kind.IMPORT_FAILED: msgid("An import failed"),
    Kind.NEVER_CONNECTED: msgid("The Web Connector has never connected"),
    Kind.UNMAPPED: msgid("Rows to map"),
    Kind.OLD_QUICKBOOKS: msgid("QuickBooks is too old"),
    Kind.LINES_WAITING: msgid("Lines wait to be billed"),
}
