"""Reading a file or an answer: the whole period becomes a delivery, or the file is refused."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from portal.billing.charge import Charge
from portal.providers import Delivery, ProviderError
from portal.providers.sherweb.charge import read_charge
from portal.providers.sherweb.json_text import AGAIN, JsonText, decode, scan
from portal.providers.sherweb.row import Row
from portal.providers.sherweb.values import show, to_date


def read(data: bytes, name: str) -> Delivery:
    """The charges in the file `name` with the content `data`; all of them, or a ProviderError that says what is wrong.

    An empty or null list of charges is a delivery without charges. Currencies may differ from row to row. `subTotal`
    is kept as Sherweb says it, rounded half up to the cent, also where it is not quantity times price.
    """
    text = decode(data, name)
    try:
        outer, rows_at = scan(text)
    except json.JSONDecodeError as error:
        _refuse_json(name, f"line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        _refuse_json(name, "it is nested too deeply")
    except InvalidOperation:
        _refuse_json(name, "it holds a number without measure")
    except ValueError as error:
        _refuse_json(name, f"it holds {error}, which is no number")
    if not isinstance(outer, dict) or "charges" not in outer or (rows_at is None and outer["charges"] is not None):
        _refuse_foreign(name, outer)
    start, end = _read_period(name, outer)
    charges: list[Charge] = []
    raw: list[str] = []
    seen: Counter[str] = Counter()
    rows = () if rows_at is None else JsonText(text, rows_at).elements()
    for number, value in enumerate(rows, start=1):
        row = Row(name, number, value)
        charges.append(read_charge(row, start, end, seen))
        raw.append(row.raw)
    total = sum((charge.amount for charge in charges), Decimal("0.00"))
    return Delivery(
        provider="sherweb", period_start=start, period_end=end, charges=tuple(charges), raw=tuple(raw), total=total
    )


def _refuse_json(name: str, detail: str) -> NoReturn:
    raise ProviderError("charges.not_json", "{file} is not JSON: {detail}." + AGAIN, file=name, detail=detail) from None


def _refuse_foreign(name: str, outer: object) -> NoReturn:
    """JSON without a list of charges: says what it looks like instead."""
    begin, wanted = (
        "{file} has no list of charges: ",
        " Sherweb's payable charges have periodFrom, periodTo and charges.",
    )
    if isinstance(outer, dict) and "status" in outer and ("title" in outer or "detail" in outer):
        found = show(outer.get("detail") or outer.get("title"))
        raise ProviderError(
            "charges.error_answer", begin + "it is an error answer, {found}." + AGAIN, file=name, found=found
        )
    if isinstance(outer, dict):
        found = ", ".join(show(key) for key in list(outer)[:8]) or "-"
        raise ProviderError(
            "charges.foreign_object",
            begin + "it is an object with these names: {found}." + wanted,
            file=name,
            found=found,
        )
    if isinstance(outer, list):
        found = str(len(outer))
        raise ProviderError(
            "charges.foreign_list", begin + "it is a list of {found} values." + wanted, file=name, found=found
        )
    found = show(outer)
    raise ProviderError(
        "charges.foreign_value", begin + "it is the single value {found}." + wanted, file=name, found=found
    )


def _read_period(name: str, outer: dict[str, object]) -> tuple[date, date]:
    """The delivery's period as [start, end)."""
    days = []
    for field in ("periodFrom", "periodTo"):
        if (value := outer.get(field)) is None:
            raise ProviderError("charges.period_missing", "{file}: {field} is missing." + AGAIN, file=name, field=field)
        if (day := to_date(value)) is None:
            raise ProviderError(
                "charges.period_not_date",
                "{file}: {field} is {value}, not a date such as 2026-10-31." + AGAIN,
                file=name,
                field=field,
                value=show(value),
            )
        days.append(day)
    start, last = days
    if last < start:
        raise ProviderError(
            "charges.period_reversed",
            "{file}: the period ends on {last}, before its start on {start}." + AGAIN,
            file=name,
            start=str(start),
            last=str(last),
        )
    return start, last + timedelta(days=1)
