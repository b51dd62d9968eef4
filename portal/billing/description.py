"""The text of an invoice line, from a template of the partner's (pure).

    {offer} {sku} {organization} {first} {last} {month} {year} {days} {quantity} {po}

A line's text is the partner's to word, and goes to the client. Dates are written like 2026-10-31, so that they are read
alike in every language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from string import Formatter

from portal.billing.money import to_five_places

USUAL = "{offer} ({first} – {last})"
USUAL_OF_A_DAY = "{offer} ({first})"
_DAY = timedelta(days=1)


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
    _parts(template)


@cache
def _parts(template: str) -> tuple[tuple[str, str | None], ...]:
    """The texts of a template, each with the placeholder that follows it; read once for thousands of lines."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise TemplateError(next((brace for brace in "{}" if brace in template), "{")) from None
    for _text, name, spec, conversion in parts:
        if name is not None and (spec or conversion):
            raise TemplateError("{" + name + ":…}")
        if name is not None and name not in _VALUES:
            raise TemplateError("{" + name + "}")
    return tuple((text, name) for text, name, _spec, _conversion in parts)


def fill(template: str, told: Told) -> str:
    """The text; an empty template gives the usual one. Raises TemplateError."""
    if not template:
        return usual(told.offer, told.start, told.end, is_day=told.is_day)
    text = "".join([before if name is None else before + _VALUES[name](told) for before, name in _parts(template)])
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def usual(offer: str, start: date, end: date, *, is_day: bool) -> str:
    """The text where the partner words none: USUAL, or USUAL_OF_A_DAY."""
    text = f"{offer} ({start})" if is_day else f"{offer} ({start} – {end - _DAY})"
    return text if "  " not in text else " ".join(text.split())


_VALUES: Mapping[str, Callable[[Told], str]] = {
    "offer": lambda told: told.offer,
    "sku": lambda told: told.sku,
    "organization": lambda told: told.organization,
    "first": lambda told: told.start.isoformat(),
    "last": lambda told: (told.end - _DAY).isoformat(),
    "month": lambda told: f"{told.start:%Y-%m}",
    "year": lambda told: f"{told.start:%Y}",
    "days": lambda told: str((told.end - told.start).days),
    "quantity": lambda told: f"{to_five_places(told.quantity):f}",
    "po": lambda told: told.po,
}
PLACEHOLDERS = tuple(_VALUES)
