"""Dates that people write into a form."""

from __future__ import annotations

from datetime import date

from portal.errors import Refused


def to_date(text: str) -> date:
    """The date of a field that must be filled in. Raises Refused."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused("%(text)s is not a date. Write it like 2026-11-30.", text=text) from None


def to_date_or_none(text: str) -> date | None:
    """The date of a field that may be left empty. Raises Refused."""
    return to_date(text) if text.strip() else None
