"""One charge: what a provider asks the partner to pay for one organization, one offer and one service period.

Every provider's row becomes this value before any rule looks at it, so the rules know nothing of files and APIs.
A charge is what the provider said, with two changes only: the period is half open (`[start, end)`, where providers
write an inclusive last day), and the amount is rounded to the cent. Nothing is computed again from the other fields:
a vendor's total often differs from its truncated unit price times quantity, and the total is what the partner pays.

    ChargeError (ValueError)
    ├── BlankFieldError       key, organization, offer_key or offer_name is empty
    ├── ReversedPeriodError   end is not after start
    ├── UnknownCurrencyError  not three capital letters
    └── NotANumberError       NaN or infinite
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

_NAMES = ("key", "organization", "offer_key", "offer_name")
_NUMBERS = ("quantity", "unit_cost", "unit_cost_prorated", "amount")


class ChargeError(ValueError):
    """A charge that cannot be; the text says which field and why."""


class BlankFieldError(ChargeError):
    """A name or a key is empty."""


class ReversedPeriodError(ChargeError):
    """The period ends before it has lasted a day."""


class UnknownCurrencyError(ChargeError):
    """The currency is not an ISO 4217 code (three capital letters)."""


class NotANumberError(ChargeError):
    """A quantity or an amount is NaN or infinite."""


class ChargeKind(StrEnum):
    """Why the provider asks for it; export rules choose by it, and the preview has a section for each."""

    RECURRING = "recurring"
    """A subscription over its whole cycle."""
    PRORATED = "prorated"
    """A subscription over a part of its cycle: added, changed or first seen in between."""
    USAGE = "usage"
    """Metered consumption; quantities have decimals."""
    ONE_TIME = "one-time"
    """A set-up, activation or cancellation fee."""
    CREDIT = "credit"
    """Money back: a removed licence, a correction. Quantity or amount is negative."""


class BillingCycle(StrEnum):
    """How often the provider repeats the charge."""

    ONE_TIME = "one-time"
    MONTHLY = "monthly"
    YEARLY = "yearly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the partner pays for one organization, offer and service period. Raises a ChargeError when it cannot be."""

    key: str
    """Identity of the row at the provider: the same when the same file comes again or comes corrected; unique in a
    delivery."""
    organization: str
    """The organization's name as the provider says it."""
    offer_key: str
    """The SKU, or product id and charge id when there is no SKU: what a mapping is kept under."""
    offer_name: str
    """For people: the product's name, plus the charge's name when it says more; may differ within one offer."""
    kind: ChargeKind
    cycle: BillingCycle
    quantity: Decimal
    """Seats, hours, gigabytes, with the provider's sign and decimals."""
    start: date
    """First day of the service period, a civil date."""
    end: date
    """The day after the last day of the service period."""
    unit_cost: Decimal
    """What one unit costs the partner for a whole cycle, after deductions. Not what the client pays."""
    unit_cost_prorated: Decimal
    """What one unit costs for [start, end)."""
    amount: Decimal
    """The provider's own total of the row, to the cent, before taxes."""
    currency: str
    """ISO 4217, capital letters."""
    is_proratable: bool
    """Whether the provider gives money back for unused days."""
    tags: tuple[tuple[str, str], ...] = ()
    """Name and value of whatever else the provider said, in its order; names may repeat."""

    @property
    def signed(self) -> Decimal:
        """The quantity; that of a credit is negative, also where the provider puts the sign on the price."""
        return -abs(self.quantity) if self.kind is ChargeKind.CREDIT else self.quantity

    def __post_init__(self) -> None:
        # Unrolled: this runs for every one of 100,000 charges.
        if not (self.key.strip() and self.organization.strip() and self.offer_key.strip() and self.offer_name.strip()):
            blank = next(field for field in _NAMES if not getattr(self, field).strip())
            raise BlankFieldError(f"{blank} is empty")
        if self.end <= self.start:
            raise ReversedPeriodError(f"the period ends on {self.end}, which is not after its start on {self.start}")
        currency = self.currency
        if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
            raise UnknownCurrencyError(f"currency {self.currency!r} is not three capital letters, such as CAD")
        if not (
            self.quantity.is_finite()
            and self.unit_cost.is_finite()
            and self.unit_cost_prorated.is_finite()
            and self.amount.is_finite()
        ):
            field = next(field for field in _NUMBERS if not getattr(self, field).is_finite())
            raise NotANumberError(f"{field} is {getattr(self, field)}, not a number")
