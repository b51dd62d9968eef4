"""The words for choices: every value of an enum that a page shows, as an English text that is translated when shown."""

from __future__ import annotations

from enum import StrEnum

from portal.billing.drafting import Form
from portal.billing.lines import Section
from portal.billing.options import Approval, Grouping, NegativeTotal, ProrateBy
from portal.billing.period import BillingMode
from portal.billing.rating import Rounding
from portal.billing.share import DayCount
from portal.models import CostState, DraftState, InvoiceMode, Role, SetupStep, What
from portal.services.health import State
from qbwc.identity import Verdict


def msgid(text: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return text


_WORDS: dict[StrEnum, str] = {
    Role.ADMINISTRATOR: msgid("administrator"),
    Role.BILLING: msgid("billing"),
    Role.ACCOUNTANT: msgid("accountant"),
    Role.READ_ONLY: msgid("read-only"),
    BillingMode.IN_ADVANCE: msgid("In advance"),
    BillingMode.IN_ARREARS: msgid("In arrears"),
    InvoiceMode.CREATE: msgid("Create a separate invoice"),
    InvoiceMode.UPDATE: msgid("Update the unsent invoice"),
    DraftState.HELD: msgid("Held back, not sent"),
    DraftState.QUEUED: msgid("Waiting for the Web Connector"),
    DraftState.WRITTEN: msgid("In QuickBooks, not verified yet"),
    DraftState.RECONCILED: msgid("In QuickBooks, verified"),
    DraftState.DIFFERENT: msgid("In QuickBooks, but different"),
    DraftState.PARKED: msgid("Stopped, needs you"),
    DraftState.DONE: msgid("Settled"),
    DraftState.IGNORED: msgid("Not to be billed"),
    Form.INVOICE: msgid("Invoice"),
    Form.CREDIT_MEMO: msgid("Credit memo"),
    Section.FULL: msgid("Full cycle"),
    Section.MID_CYCLE: msgid("Mid-cycle changes"),
    Section.USAGE: msgid("Usage"),
    Section.ONE_TIME: msgid("One-time"),
    Section.CREDIT: msgid("Credits"),
    ProrateBy.QUANTITY: msgid("By quantity"),
    ProrateBy.RATE: msgid("By rate"),
    DayCount.ACTUAL: msgid("Actual days"),
    DayCount.THIRTY: msgid("Months of 30 days"),
    DayCount.ACTUAL_360: msgid("Actual days over months of 30"),
    DayCount.MONTHS: msgid("Months and parts of a month"),
    Rounding.LINE: msgid("The total of the line, once"),
    Rounding.UNIT: msgid("The unit price first, to the cent"),
    Rounding.UNIT_DOWN: msgid("The unit price first, cut off after the cents"),
    Rounding.DAILY: msgid("The price of a day first, to the cent"),
    Grouping.CHANGE: msgid("One line for each period and change"),
    Grouping.OFFER: msgid("One line for each offer, and one for what is prorated"),
    Grouping.CHARGE: msgid("One line for each charge"),
    NegativeTotal.HOLD: msgid("Wait until new charges outweigh the credits"),
    NegativeTotal.CREDIT_MEMO: msgid("Make a credit memo"),
    Approval.AUTOMATIC: msgid("Bill by itself at 5 a.m. on the invoice day"),
    Approval.MANUAL: msgid("Wait for a person, in the preview"),
    What.CHANGED: msgid("changed"),
    What.WITHDRAWN: msgid("withdrawn"),
    SetupStep.OPTIONS: msgid("Options"),
    SetupStep.CONNECTION: msgid("Connection"),
    SetupStep.OFFERS: msgid("Offers"),
    SetupStep.ORGANIZATIONS: msgid("Organizations"),
    SetupStep.START: msgid("Start"),
    State.NEVER: msgid("Never connected"),
    State.REFUSED: msgid("Wrong password"),
    State.DOUBT: msgid("In doubt"),
    State.FAILED: msgid("Last visit failed"),
    State.OVERDUE: msgid("Overdue"),
    State.LATE: msgid("Work waits"),
    State.WELL: msgid("Connected"),
}

# Apart: choices of different kinds are equal when their texts are, as of an invoice and of a cost that are written.
_COST_WORDS: dict[CostState, str] = {
    CostState.QUEUED: msgid("Waiting for the Web Connector"),
    CostState.WRITTEN: msgid("In QuickBooks"),
    CostState.NO_FIELD: msgid("The item has no cost field"),
    CostState.PARKED: msgid("Stopped, needs you"),
}

_EXPLANATIONS: dict[StrEnum, str] = {
    Role.ADMINISTRATOR: msgid("Everything, including people, connections and how they bill."),
    Role.BILLING: msgid("Imports charges, maps, bills, and decides about invoices."),
    Role.ACCOUNTANT: msgid("Sees everything and downloads its tables, to check the books. Changes nothing."),
    Role.READ_ONLY: msgid("Sees everything. Changes nothing."),
    BillingMode.IN_ADVANCE: msgid("An invoice covers the period that begins on its date."),
    BillingMode.IN_ARREARS: msgid("An invoice covers the period that ended the day before its date."),
    ProrateBy.QUANTITY: msgid("3 seats for 12 of 30 days are 1.2 seats at the price that QuickBooks applies."),
    ProrateBy.RATE: msgid(
        "3 seats for 12 of 30 days are 3 seats at 12/30 of the item's list price. Price levels do not apply."
    ),
    Verdict.MOVED: msgid(
        "The company file is not where it was. Nothing is written to it until you confirm that it is the right file."
    ),
    Verdict.RENAMED: msgid(
        "The company has another name than before. Nothing is written to it until you confirm that it is the same one."
    ),
    Verdict.STALE: msgid(
        "This file lacks invoices that were written to it: it is an older copy, or a backup was restored. Open the "
        "newest file; or, if this one is right, confirm it, and look at the invoices that are gone."
    ),
    Verdict.UNMARKED: msgid(
        "The company file that was open does not carry the mark of this connection: it is an older backup, or the .qwc "
        "file was never added to it. Nothing is read or written until you open the right file, or confirm this one."
    ),
    Verdict.FOREIGN: msgid(
        "The company file that was open belongs to another connection. Open the company file of this connection in "
        "QuickBooks, then click Update Selected in the Web Connector."
    ),
    Verdict.OTHER: msgid(
        "Another company was open in QuickBooks. Open the company file of this connection, then click Update Selected "
        "in the Web Connector."
    ),
    Verdict.AWAY: msgid(
        "QuickBooks could not open the company file where it was: it was moved, copied or renamed, or another one is "
        "open. Nothing is read or written meanwhile."
    ),
    Verdict.SOUGHT: msgid(
        "The next visit looks at the company file that is open in QuickBooks, and compares it with the known one. "
        "Nothing is written to another file than the known one until you confirm it."
    ),
    Verdict.TOO_OLD: msgid(
        "This QuickBooks is too old. Use QuickBooks 2015 or newer, then click Update Selected in the Web Connector."
    ),
}

PRORATIONS: dict[str, str] = {
    "additions": msgid("Added licences: only the days from the addition on"),
    "removals": msgid("Removed licences: a credit for the days that are left"),
    "partial": msgid("First or last partial period: only the days used"),
}

PRORATION_EXAMPLES: dict[str, str] = {
    "additions": msgid("3 licences added on the 20th of a month of 30 days: 3 × 11/30 = 1.1 licences for that month."),
    "removals": msgid(
        "2 licences removed after the 10th of a month of 30 days that was billed: a credit of 2 × 20/30 = 1.33333 "
        "licences."
    ),
    "partial": msgid("A subscription of 4 licences begins on the 16th of a month of 30 days: 4 × 15/30 = 2 licences."),
}

_TONES: dict[StrEnum, str] = {
    DraftState.HELD: "yellow",
    DraftState.QUEUED: "blue",
    DraftState.WRITTEN: "azure",
    DraftState.RECONCILED: "green",
    DraftState.DIFFERENT: "orange",
    DraftState.PARKED: "red",
    State.NEVER: "yellow",
    State.REFUSED: "red",
    State.DOUBT: "red",
    State.FAILED: "red",
    State.OVERDUE: "red",
    State.LATE: "yellow",
    State.WELL: "green",
}

_LISTS: dict[str, str] = {
    "customer": msgid("Customers and jobs"),
    "item": msgid("Items"),
    "account": msgid("Accounts"),
    "class": msgid("Classes"),
    "terms": msgid("Terms"),
    "tax-code": msgid("Sales tax codes"),
    "template": msgid("Invoice templates"),
}

_ITEM_TYPES: dict[str, str] = {
    "ItemService": msgid("Service"),
    "ItemNonInventory": msgid("Non-inventory Part"),
    "ItemOtherCharge": msgid("Other Charge"),
    "ItemInventory": msgid("Inventory Part"),
    "ItemInventoryAssembly": msgid("Inventory Assembly"),
    "ItemFixedAsset": msgid("Fixed Asset"),
    "ItemSubtotal": msgid("Subtotal"),
    "ItemDiscount": msgid("Discount"),
    "ItemPayment": msgid("Payment"),
    "ItemSalesTax": msgid("Sales Tax Item"),
    "ItemSalesTaxGroup": msgid("Sales Tax Group"),
    "ItemGroup": msgid("Group"),
}

_RESULTS: dict[str, str] = {
    "done": msgid("Went well"),
    "failed": msgid("Ended with an error"),
    "taken over": msgid("Broken off; the next visit went on with it"),
    "abandoned": msgid("Broken off"),
}


def word(value: StrEnum) -> str:
    """The short text of a choice, in English."""
    return _COST_WORDS[value] if isinstance(value, CostState) else _WORDS[value]


def explanation(value: StrEnum | None) -> str:
    """The sentence that explains a choice, in English; empty when there is nothing to say."""
    return "" if value is None else _EXPLANATIONS.get(value, "")


def joined_explanation(role: Role) -> str:
    """What a role allows who joined a connection of others, in English."""
    if role is Role.ADMINISTRATOR:
        return msgid("Everything on this connection, also who else sees it. Nothing of the others.")
    return explanation(role)


def tone(value: StrEnum) -> str:
    """The colour of a state; the text always says the same."""
    return _TONES.get(value, "secondary")


def list_name(kind: str) -> str:
    """A QuickBooks list, in English."""
    return _LISTS.get(kind, kind)


def visit_result(result: str | None) -> str:
    """How a visit ended, in English."""
    return msgid("Not ended") if result is None else _RESULTS.get(result, result)


def item_type(kind: str) -> str:
    """A type of item as QuickBooks calls it, in English."""
    return _ITEM_TYPES.get(kind, kind)
