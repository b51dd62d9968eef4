"""Features of QuickBooks that a company can leave off: which requests and elements then are refused with 3250."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from qbwc.sandbox.errors import StatusError

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company
    from qbwc.sandbox.elements import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """`preference` is the fact of the company file that turns it on; `requests` and `tags` are what needs it."""

    preference: str
    requests: frozenset[str]
    tags: frozenset[str]


FEATURES: Final[dict[str, Feature]] = {
    "classes": Feature(
        preference="IsUsingClassTracking",
        requests=frozenset(("ClassQuery",)),
        tags=frozenset(("ClassRef", "ClassFilter")),
    ),
    "multi-currency": Feature(
        preference="IsMultiCurrencyOn",
        requests=frozenset(("CurrencyQuery",)),
        tags=frozenset(("ExchangeRate", "CurrencyRef", "CurrencyFilter")),
    ),
    "price-levels": Feature(
        preference="IsUsingPriceLevels",
        requests=frozenset(),
        tags=frozenset(("PriceLevelRef",)),
    ),
    "sales-tax": Feature(
        preference="SalesTaxOn",
        requests=frozenset(("SalesTaxCodeQuery", "ItemSalesTaxQuery", "ItemSalesTaxGroupQuery")),
        tags=frozenset(("SalesTaxCodeRef", "ItemSalesTaxRef", "CustomerSalesTaxCodeRef", "PurchaseTaxCodeRef")),
    ),
}
"""Every feature that can be off."""


def refuse_absent(company: Company, request: Request) -> None:
    """Raise 3250 when a request needs a feature that is off, naming what needs it."""
    used: frozenset[str] | None = None
    for name, feature in FEATURES.items():
        if company.is_on(feature.preference):
            continue
        if used is None:
            used = frozenset((request.name, *_tags(request.body)))
        needing = sorted(used & (feature.requests | feature.tags))
        if needing:
            raise StatusError(3250, f"This feature is not enabled: {needing[0]} needs {name}, which is off.")


def _tags(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for tag, value in node.items():
            yield tag
            yield from _tags(value)
    elif isinstance(node, list):
        for inner in node:
            yield from _tags(inner)
