"""The text of an invoice line, from a template of the partner's (pure).

    {offer} {sku} {organization} {first} {last} {month} {year} {days} {quantity} {po}

A line's text is the partner's to word, and goes to the client. Dates are written like 2026-10-31, so that they are read
alike in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from string import Formatter

from portal.billing.money import to_five_places
from portal.billing.period import Period

PLACEHOLDERS = ("offer", "sku", "organization", "first", "last", "month", "year", "days", "quantity", "po")
USUAL = "{offer} ({first} – {last})"
USUAL_OF_A_DAY = "{offer} ({first})"


class TemplateError(ValueError):
    """A template that cannot be filled in; `found` is what is wrong in it."""

    def __init__(self, found: str) -> None:
        super().__init__(f"{found} is no placeholder")
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a text may say of a line."""

    offer: str
    sku: str
    organization: str
    start: date
    end: date
    quantity: Decimal
    po: str = ""
    is_day: bool = False
    """Whether the line is for a day, such as a fee, and has no period worth telling."""


def check(template: str) -> None:
    """Raises TemplateError for a brace that is not closed, or a placeholder that is not known."""
    for name in _names(template):
        if name not in PLACEHOLDERS:
            raise TemplateError("{" + name + "}")


def _names(template: str) -> list[str]:
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise TemplateError(next((brace for brace in "{}" if brace in template), "{")) from None
    if any(name is not None and (spec or conversion) for _, name, spec, conversion in parts):
        raise TemplateError(next("{" + str(name) + ":…}" for _, name, spec, how in parts if spec or how))
    return [name for _, name, _, _ in parts if name is not None]


def fill(template: str, told: Told) -> str:
    """The text; an empty template gives the usual one. Raises TemplateError."""
    if not template:
        template = USUAL_OF_A_DAY if told.is_day else USUAL
    check(template)
    return " ".join(template.format_map(_values(told)).split())


def _values(told: Told) -> Mapping[str, str]:
    last = Period(told.start, told.end).last
    return {
        "offer": told.offer,
        "sku": told.sku,
        "organization": told.organization,
        "first": told.start.isoformat(),
        "last": last.isoformat(),
        "month": f"{told.start:%Y-%m}",
        "year": f"{told.start:%Y}",
        "days": str((told.end - told.start).days),
        "quantity": f"{to_five_places(told.quantity):f}",
        "po": told.po,
    }
