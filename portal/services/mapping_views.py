"""A row of the tables as people see it: its counterpart, what waits, and why it cannot be billed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.billing.mapping import Reason, offer_refusal, organization_refusal
from portal.errors import Sentence
from portal.models import InvoiceMode, Offer, Organization
from portal.services.invoice_fields import LISTS
from portal.services.reasons import REASONS
from portal.services.targets import mapped_offer, mapped_organization
from qbwc.models import ListObject


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRow:
    """An offer with its item. `problem` says why it cannot be billed; `charges` counts what waits to be billed."""

    id: int
    key: str
    name: str
    item_list_id: str | None
    item_name: str | None
    item_type: str | None
    price: Decimal | None
    cost: Decimal | None
    is_synchronized: bool
    charges: int
    problem: Sentence | None

    @property
    def is_stuck(self) -> bool:
        """Whether it is to be billed and cannot be."""
        return self.is_synchronized and self.problem is not None

    @property
    def shown(self) -> str:
        """What a table shows of its mapping, to tell later whether somebody changed it."""
        return shown(self.item_name, self.is_synchronized)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRow:
    """An organization with its customer. `field_problems` say what is wrong with the other fields of its invoices."""

    id: int
    key: str
    name: str
    customer_list_id: str | None
    customer_name: str | None
    mode: InvoiceMode
    is_synchronized: bool
    charges: int
    problem: Sentence | None
    has_fields: bool
    field_problems: tuple[Sentence, ...]

    @property
    def is_stuck(self) -> bool:
        """Whether it is to be billed and cannot be."""
        return self.is_synchronized and bool(self.problem or self.field_problems)

    @property
    def shown(self) -> str:
        """What a table shows of its mapping, to tell later whether somebody changed it."""
        return shown(self.customer_name, self.is_synchronized, self.mode)


def shown(name: str | None, is_synchronized: bool, mode: str | None = None) -> str:
    """A row's mapping as one text: the counterpart's name, the mode of an organization, the switch."""
    parts = (name or "", *([str(mode)] if mode is not None else []), "on" if is_synchronized else "off")
    return "|".join(parts)


def offer_row(row: Offer, item: ListObject | None, waiting: int) -> OfferRow:
    """An offer beside its item; `waiting` counts its charges."""
    reason = offer_refusal(mapped_offer(row, item))
    data = item.data if item else {}
    return OfferRow(
        id=row.id,
        key=row.key,
        name=row.name,
        item_list_id=row.item_list_id,
        item_name=item.full_name if item else None,
        item_type=item.type if item else None,
        price=Decimal(data["price"]) if data.get("price") else None,
        cost=Decimal(data["cost"]) if data.get("cost") else None,
        is_synchronized=row.is_synchronized,
        charges=waiting,
        problem=None if reason in (None, Reason.OFFER_OFF) else REASONS[reason],
    )


def organization_row(
    row: Organization, customer: ListObject | None, waiting: int, problems: tuple[Sentence, ...]
) -> OrganizationRow:
    """An organization beside its customer; `problems` are those of its invoice fields."""
    reason = organization_refusal(mapped_organization(row, customer))
    return OrganizationRow(
        id=row.id,
        key=row.key,
        name=row.name,
        customer_list_id=row.customer_list_id,
        customer_name=customer.full_name if customer else None,
        mode=row.mode,
        is_synchronized=row.is_synchronized,
        charges=waiting,
        problem=None if reason in (None, Reason.ORGANIZATION_OFF) else REASONS[reason],
        has_fields=any(getattr(row, field) for field in ("po_number", "other1", "other2", *LISTS)),
        field_problems=problems,
    )
