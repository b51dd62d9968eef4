"""Where charges come from: what every provider gives, and how it says that it cannot.

A provider is one module or package with a function `read(data, name)` that takes the bytes of a file (or of an answer)
and gives a Delivery, or raises ProviderError. It is the whole file or nothing: a delivery with rows missing would look
like licences that were cancelled. To add a provider, copy its neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.billing.charge import Charge

MAX_BYTES = 64 * 1024 * 1024
"""The largest file that is read."""


class ProviderError(Exception):
    """Charges that cannot be read: a text key, an English template, and the values that both languages fill in.

    `str(error)` is the English sentence. The key names the sentence in the translations, which take the same values.
    """

    def __init__(self, key: str, template: str, /, **values: str) -> None:
        super().__init__(key, template)
        self.key = key
        self.template = template
        self.values: dict[str, str] = values

    def __str__(self) -> str:
        return self.template.format_map(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The charges of one billing period, complete, as one provider delivered them at once."""

    provider: str
    """The provider's name: the name of its module, such as "sherweb"."""
    period_start: date
    period_end: date
    """Exclusive: the day after the last day of the period. Charges may lie outside of the period (a year paid now)."""
    charges: tuple[Charge, ...]
    """In the provider's order; keys are unique."""
    raw: tuple[str, ...]
    """The row each charge was read from, as canonical JSON (sorted names, no spaces, digits as they came)."""
    total: Decimal
    """The sum of the amounts. It is money only where the charges share one currency; otherwise a check sum."""
    scope: str = ""
    """What tells deliveries of one provider and period apart that are no versions of each other: the number of an
    invoice, the name of a column profile. Empty where there is one delivery for a period."""

    def __post_init__(self) -> None:
        if len(self.raw) != len(self.charges):
            raise ValueError(f"{len(self.charges)} charges but {len(self.raw)} raw rows")
        if self.period_end <= self.period_start:
            raise ValueError(f"the delivery ends on {self.period_end}, not after its start on {self.period_start}")


def refuse_too_large(size: int, name: str) -> None:
    """Raise ProviderError when the file `name`, of `size` bytes, has more than MAX_BYTES."""
    if size > MAX_BYTES:
        raise ProviderError(
            "charges.too_large",
            "{file} has {size} MB, and {limit} MB is the most that is read. Export one billing period at a time.",
            file=name,
            size=str(-(-size // 1024**2)),
            limit=str(MAX_BYTES // 1024**2),
        )
