"""The text of a JSON file: from its bytes to characters, and from those to values, one at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NoReturn

from portal.providers import ProviderError, refuse_too_large

AGAIN = " Nothing was imported: export the payable charges again and import the new file."
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SPACE = re.compile(r"[ \t\n\r]*")


def decode(data: bytes, name: str) -> str:
    """UTF-8 with or without a byte order mark; UTF-16 with one, as PowerShell writes files."""
    refuse_too_large(len(data), name)
    if not data.strip():
        raise ProviderError("charges.empty", "{file} is empty." + AGAIN, file=name)
    encoding = next((encoding for mark, encoding in _ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ProviderError(
            "charges.not_text",
            "{file} is not text in UTF-8 (byte {position} does not fit)." + AGAIN,
            file=name,
            position=str(error.start),
        ) from None


def _refuse_constant(constant: str) -> NoReturn:
    """NaN and Infinity, which Python would read although JSON has no such numbers."""
    raise ValueError(constant)


class JsonText:
    """A place in a JSON text: values are decoded one by one, so that a long list never exists as objects at once."""

    _decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant)

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at

    def sees(self, mark: str) -> bool:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text.startswith(mark, self.at)

    def takes(self, mark: str) -> bool:
        if self.sees(mark):
            self.at += len(mark)
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.takes(mark):
            raise json.JSONDecodeError(f"expecting {mark!r}", self.text, self.at)

    def value(self) -> object:
        self.sees("")
        value, self.at = self._decoder.raw_decode(self.text, self.at)
        return value

    def elements(self) -> Iterator[object]:
        """The elements of the list that begins here."""
        self.expect("[")
        if self.takes("]"):
            return
        while True:
            yield self.value()
            if self.takes("]"):
                return
            self.expect(",")

    def names(self) -> Iterator[str]:
        """The names in the object that begins here; whoever iterates reads the value after each name."""
        self.expect("{")
        if self.takes("}"):
            return
        while True:
            if not self.sees('"'):
                raise json.JSONDecodeError("expecting a name in double quotes", self.text, self.at)
            name = str(self.value())
            self.expect(":")
            yield name
            if self.takes("}"):
                return
            self.expect(",")


def scan(text: str) -> tuple[object, int | None]:
    """The outermost value without its rows, and the place of the list of charges when there is one."""
    place = JsonText(text)
    rows_at: int | None = None
    outer: object
    if place.sees("{"):
        members: dict[str, object] = {}
        for name in place.names():
            if name == "charges" and name not in members and place.sees("["):
                rows_at = place.at
                members[name] = sum(1 for _ in place.elements())
            elif name in members:
                raise json.JSONDecodeError(f"{name!r} stands here for the second time", text, place.at)
            else:
                members[name] = place.value()
        outer = members
    else:
        outer = place.value()
    if place.sees("") and place.at != len(text):
        raise json.JSONDecodeError("something follows the end", text, place.at)
    return outer, rows_at
