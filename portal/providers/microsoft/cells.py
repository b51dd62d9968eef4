"""The cells of a row: texts, numbers and dates as Microsoft writes them."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from portal.billing.period import is_possible
from portal.providers.microsoft.amounts import LIMIT
from portal.providers.microsoft.columns import AGAIN, KEPT
from portal.providers.table import Row, show

_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:\d{2})?)?"
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + _TIME)
_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})" + _TIME)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d{1,2})?")


class Cells:
    """The cells of a row by Microsoft's names."""

    def __init__(self, row: Row, columns: dict[str, str]) -> None:
        self.row = row
        self._columns = columns
        self._texts = {column: row.text(heading) for column, heading in columns.items()}

    def has(self, column: str) -> bool:
        """Whether the file has the column."""
        return column in self._columns

    def heading(self, column: str) -> str:
        """How the file calls the column."""
        return self._columns.get(column, column)

    def text(self, column: str) -> str:
        """The cell; "" when empty or absent."""
        return self._texts.get(column, "")

    def require(self, column: str) -> str:
        """The cell, which must not be empty."""
        if not (text := self.text(column)):
            self.row.refuse("microsoft.row.empty", "the cell is empty." + AGAIN, self.heading(column))
        return text

    def number(self, column: str, default: Decimal | None = None) -> Decimal:
        """The cell as a number with a decimal point; `default` when empty, if there is one."""
        text = self.text(column).removeprefix("'")
        if not text and default is not None:
            return default
        text = text or self.require(column)
        number = Decimal(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else None
        if number is None or abs(number) >= LIMIT:
            what = "“{value}” is not a number with a decimal point, such as 10.08." + AGAIN
            self.row.refuse("microsoft.row.not_number", what, self.heading(column), value=show(text))
        return number

    def day(self, column: str) -> date | None:
        """The cell as a civil date; None when empty."""
        text = self.text(column).removeprefix("'")
        if text and (day := to_date(text)) is None:
            what = "“{value}” is not a date as Microsoft writes it: month/day/year, or 2026-10-31." + AGAIN
            self.row.refuse("microsoft.row.not_date", what, self.heading(column), value=show(text))
        return day if text else None


def to_date(text: str) -> date | None:
    """A date as Microsoft writes it, M/D/YYYY or ISO, each with or without a time, of a possible year; or None."""
    try:
        if found := _ISO.fullmatch(text):
            day = date(int(found[1]), int(found[2]), int(found[3]))
        elif found := _US.fullmatch(text):
            day = date(int(found[3]), int(found[1]), int(found[2]))
        else:
            return None
    except ValueError:
        return None
    return day if is_possible(day) else None


class Tags:
    """Tags, each kept once: most are the same in thousands of rows, and they are most of what a delivery weighs."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, str]] = {}

    def of(self, cells: Cells) -> tuple[tuple[str, str], ...]:
        """The cells that are kept beside a charge, in Microsoft's order."""
        told = ((column, text) for column in KEPT if (text := cells.text(column)))
        return tuple([self._known.setdefault(tag, tag) for tag in told])
