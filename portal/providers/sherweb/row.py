"""The fields of a row: texts, numbers, dates, choices and tags as Sherweb writes them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NoReturn, TypeVar

from portal.providers import ProviderError
from portal.providers.sherweb.json_text import AGAIN
from portal.providers.sherweb.values import CONTROL, show, to_date, write

_LIMIT = Decimal(10) ** 13  # an amount of qbXML has 13 digits before the point
_Choice = TypeVar("_Choice")


class Row:
    """One row of the file, asked for its fields; whatever is wrong names the row."""

    def __init__(self, file: str, number: int, value: object) -> None:
        self.file = file
        self.row = number
        self.fields: dict[str, object] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            self.refuse("charges.row.not_object", "it is {value}, not an object", value=show(value))
        self.raw = write(value)
        try:
            self.raw.encode()
        except UnicodeEncodeError:
            self.refuse("charges.row.not_text", "a text holds half of a character")

    def refuse(self, key: str, what: str, **values: str) -> NoReturn:
        names = (self.fields.get(field) for field in ("productName", "chargeName", "sku"))
        offer = next((CONTROL.sub(" ", name) for name in names if isinstance(name, str) and name.strip()), "?")
        values |= {"file": self.file, "row": str(self.row), "offer": offer.encode(errors="replace").decode()}
        raise ProviderError(key, "{file}, charge {row} ({offer}): " + what + "." + AGAIN, **values)

    def require(self, field: str) -> object:
        if (value := self.fields.get(field)) is None:
            self.refuse("charges.row.missing", "{field} is missing", field=field)
        return value

    def text(self, field: str) -> str:
        """The text without control characters and outer spaces; "" when absent."""
        value = self.fields.get(field)
        if value is not None and not isinstance(value, str):
            self.refuse("charges.row.not_string", "{field} is {value}, not a text", field=field, value=show(value))
        return CONTROL.sub(" ", value or "").strip()

    def number(self, field: str) -> Decimal:
        value = self.require(field)
        if not isinstance(value, Decimal):
            self.refuse("charges.row.not_number", "{field} is {value}, not a number", field=field, value=show(value))
        if abs(value) >= _LIMIT:
            self.refuse(
                "charges.row.too_large", "{field} is {value}, which is too large", field=field, value=show(value)
            )
        return value

    def flag(self, field: str) -> bool:
        value = self.require(field)
        if not isinstance(value, bool):
            self.refuse("charges.row.not_flag", "{field} is {value}, not true or false", field=field, value=show(value))
        return value

    def day(self, field: str) -> date:
        value = self.require(field)
        if (day := to_date(value)) is None:
            what = "{field} is {value}, not a date such as 2026-10-31"
            self.refuse("charges.row.not_date", what, field=field, value=show(value))
        return day

    def choice(self, field: str, choices: dict[str, _Choice]) -> _Choice:
        value = self.require(field)
        if not isinstance(value, str) or value not in choices:
            what = "{field} is {value}, not one of {choices}"
            known = ", ".join(choices)
            self.refuse("charges.row.unknown_choice", what, field=field, value=show(value), choices=known)
        return choices[value]

    def tags(self) -> tuple[tuple[str, str], ...]:
        """Names and values; a tag without a name is left out, and one without a value has ""."""
        value = self.fields.get("tags")
        if value is None:
            return ()
        tags: list[tuple[str, str]] = []
        for tag in value if isinstance(value, list) else (None,):
            name, content = (tag.get("name"), tag.get("value")) if isinstance(tag, dict) else (0, 0)
            if not isinstance(name, str | None) or not isinstance(content, str | None):
                self.refuse("charges.row.bad_tags", "tags are not a list of names and values")
            if name and name.strip():
                tags.append((CONTROL.sub(" ", name).strip(), CONTROL.sub(" ", content or "").strip()))
        return tuple(tags)
