"""Which item, which customer, and why an offer or an organization cannot be billed as it is mapped (pure).

A reason names the row to fix; a charge with a reason waits and is billed by a later run.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Reason(StrEnum):
    """Why a charge or a draft is not billed."""

    OFFER_OFF = "offer-off"
    ORGANIZATION_OFF = "organization-off"
    OFFER_UNMAPPED = "offer-unmapped"
    ORGANIZATION_UNMAPPED = "organization-unmapped"
    ITEM_GONE = "item-gone"
    ITEM_INACTIVE = "item-inactive"
    ITEM_NOT_BILLABLE = "item-not-billable"
    CUSTOMER_GONE = "customer-gone"
    CUSTOMER_INACTIVE = "customer-inactive"
    BEFORE_START = "before-start"
    CURRENCY = "currency"
    MONEY_CREDIT = "money-credit"
    NO_PRICE = "no-price"
    EXCLUDED = "excluded"
    NOTHING_TO_BILL = "nothing-to-bill"
    NEGATIVE_TOTAL = "negative-total"


BILLABLE_ITEMS = frozenset(
    {"ItemService", "ItemNonInventory", "ItemOtherCharge", "ItemInventory", "ItemInventoryAssembly"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A mapped item or customer as QuickBooks last showed it."""

    list_id: str
    full_name: str
    type: str = ""
    is_active: bool = True
    price: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedOffer:
    """An offer and its counterpart. `item_list_id` without `item`: the item is no longer in QuickBooks."""

    id: int
    name: str
    is_synchronized: bool
    item_list_id: str | None
    item: Target | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedOrganization:
    """An organization and its counterpart."""

    id: int
    name: str
    is_synchronized: bool
    customer_list_id: str | None
    customer: Target | None
    po_number: str = ""
    other1: str = ""
    other2: str = ""
    """Templates of the two custom columns of its lines (see `portal.billing.description`)."""


def sort_key(name: str) -> str:
    """Names in the order that people look for them: without regard to accents and case."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


def organization_refusal(organization: MappedOrganization) -> Reason | None:
    """Why nothing of this organization can be billed; None when its customer is in order."""
    if not organization.is_synchronized:
        return Reason.ORGANIZATION_OFF
    if organization.customer_list_id is None:
        return Reason.ORGANIZATION_UNMAPPED
    if organization.customer is None:
        return Reason.CUSTOMER_GONE
    return None if organization.customer.is_active else Reason.CUSTOMER_INACTIVE


def offer_refusal(offer: MappedOffer) -> Reason | None:
    """Why this offer cannot be billed; None when its item is in order."""
    if not offer.is_synchronized:
        return Reason.OFFER_OFF
    if offer.item_list_id is None:
        return Reason.OFFER_UNMAPPED
    if offer.item is None:
        return Reason.ITEM_GONE
    if offer.item.type not in BILLABLE_ITEMS:
        return Reason.ITEM_NOT_BILLABLE
    return None if offer.item.is_active else Reason.ITEM_INACTIVE
