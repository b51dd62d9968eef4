"""JSON values as dates and as canonical text."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal

from portal.billing.period import is_possible

CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T00:00:00(?:\.0+)?(?:Z|\+00:00)?)?")
_encode = json.JSONEncoder(ensure_ascii=False).encode


def to_date(value: object) -> date | None:
    """A civil date of a possible year; None for anything else."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        day = date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
    return day if day is not None and is_possible(day) else None


def write(value: object) -> str:
    """Canonical JSON: names sorted, no spaces, characters as they are, and numbers with the digits they came with."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{_encode(name)}:{write(value[name])}" for name in sorted(value)]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([write(element) for element in value]) + "]"
    return _encode(value)


def show(value: object) -> str:
    """A value as it stands in the file, short enough for a sentence."""
    shown = write(value).encode(errors="replace").decode()
    return shown if len(shown) <= 40 else shown[:39] + "…"
