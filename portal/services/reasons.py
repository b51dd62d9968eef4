"""What people read for each reason, obstacle, difference and doubt: a title, what happened, what to do.

The English templates are the keys of the translations.
"""

from __future__ import annotations

from portal.billing.invoice import Difference
from portal.billing.mapping import Reason
from portal.billing.matching import Obstacle
from portal.errors import Sentence

REASONS: dict[Reason, Sentence] = {
    Reason.OFFER_OFF: Sentence("The offer is not synchronized. Turn its Sync switch on to bill it."),
    Reason.ORGANIZATION_OFF: Sentence("The organization is not synchronized. Turn its Sync switch on to bill it."),
    Reason.OFFER_UNMAPPED: Sentence("The offer has no QuickBooks item. Choose one."),
    Reason.ORGANIZATION_UNMAPPED: Sentence("The organization has no QuickBooks customer. Choose one."),
    Reason.ITEM_GONE: Sentence("The mapped item is no longer in QuickBooks. Choose another one."),
    Reason.ITEM_INACTIVE: Sentence(
        "The mapped item is inactive in QuickBooks. Make it active there, or choose another one."
    ),
    Reason.ITEM_NOT_BILLABLE: Sentence(
        "This kind of item cannot be billed by quantity. Choose a service, non-inventory, other "
        "charge or inventory item."
    ),
    Reason.CUSTOMER_GONE: Sentence("The mapped customer is no longer in QuickBooks. Choose another one."),
    Reason.CUSTOMER_INACTIVE: Sentence(
        "The mapped customer is inactive in QuickBooks. Make it active there, or choose another one."
    ),
    Reason.BEFORE_START: Sentence(
        "The charge is older than the connection's start date, so it is not billed here. If the client owes it, bill "
        "it in QuickBooks by hand."
    ),
    Reason.CURRENCY: Sentence(
        "The charge is in another currency than the customer. Map the organization to a customer in that currency."
    ),
    Reason.MONEY_CREDIT: Sentence(
        "The provider gives money here, not seats, and prices are QuickBooks' own. If the client is "
        "to have it, enter it "
        "in QuickBooks by hand."
    ),
    Reason.NO_PRICE: Sentence(
        "A part of a period is billed at the item's price for its days, and the item has no price in QuickBooks. Give "
        "it one there, or prorate by quantity in the connection's settings."
    ),
    Reason.EXCLUDED: Sentence("The export rule keeps these charges back. They wait until a rule lets them leave."),
    Reason.NOTHING_TO_BILL: Sentence(
        "All quantities come to zero: there is nothing to bill. With the next run it counts as settled."
    ),
    Reason.NEGATIVE_TOTAL: Sentence(
        "The total would be negative, and QuickBooks refuses a negative invoice. It waits until new "
        "charges outweigh the credits; the connection's settings can make it a credit memo instead."
    ),
}

OBSTACLES: dict[Obstacle, Sentence] = {
    Obstacle.NONE_IN_PERIOD: Sentence(
        "The customer has no invoice dated in the period. A memorized invoice may not have been "
        "generated yet: generate it, or switch the organization to create."
    ),
    Obstacle.PAID: Sentence(
        "The customer's latest invoice in the period is paid, so it is left alone. Switch the "
        "organization to create, or make a new invoice in QuickBooks."
    ),
    Obstacle.CLOSED: Sentence(
        "The customer's latest invoice in the period is on or before the closing date of the books. "
        "Switch the organization to create, or date the invoice later."
    ),
    Obstacle.LINKED: Sentence(
        "The customer's latest invoice in the period is linked to another transaction, so it is left "
        "alone. Switch the organization to create."
    ),
    Obstacle.SENT: Sentence(
        "The customer's latest invoice in the period may have been sent already: it is not marked to "
        "be e-mailed or printed. Mark it in QuickBooks, or switch the organization to create."
    ),
}

DIFFERENCES: dict[Difference, Sentence] = {
    Difference.LINE_MISSING: Sentence(
        "A line that was sent is not on the invoice in QuickBooks. Compare the invoice with the preview."
    ),
    Difference.QUANTITY: Sentence(
        "A quantity in QuickBooks differs from what was sent. Compare the invoice with the preview."
    ),
    Difference.ITEM: Sentence(
        "An item in QuickBooks differs from what was sent. Compare the invoice with the preview."
    ),
    Difference.AMOUNT: Sentence(
        "An amount in QuickBooks is not quantity times rate. Check the price rules of the item and customer."
    ),
    Difference.FOREIGN_LINE: Sentence(
        "One of your own lines changed while the invoice was updated. Compare the invoice with your records."
    ),
    Difference.GONE: Sentence(
        "QuickBooks wrote the invoice, and does not find it any more: somebody deleted it there, or a backup was "
        "restored. If it is to be billed, send it again: it is looked for first, and written only if it is not there."
    ),
    Difference.TOTAL: Sentence(
        "The invoice's subtotal is not the sum of its lines. Open the invoice in QuickBooks and check it."
    ),
}

UNREADABLE = Sentence(
    "QuickBooks shows this invoice, or another of this customer, in a form that cannot be read, so nothing is written. "
    "Open and save the customer's invoices of the period in QuickBooks, then try again."
)

NO_COST_FIELD = Sentence(
    "The item %(item)s has no cost in QuickBooks, so its unit cost of %(cost)s is not written. In "
    "QuickBooks, edit the item and tick “This service is used in assemblies or is purchased for a "
    "specific customer:job”."
)


def explain(code: str) -> Sentence | None:
    """The sentence of a reason, obstacle or difference by its code; None for QuickBooks' own status codes."""
    if code in set(Reason):
        return REASONS[Reason(code)]
    if code in set(Obstacle):
        return OBSTACLES[Obstacle(code)]
    if code in set(Difference):
        return DIFFERENCES[Difference(code)]
    return UNREADABLE if code == "unreadable" else None
