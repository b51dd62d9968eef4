"""CSV as spreadsheets read it: with a byte-order mark, and without a cell that would be run as a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # the wide ones too: some spreadsheets read them alike
_PASSED_OVER = "' \t\r\n"
_SPLITS = frozenset(',;"\t\r\n')
_MONTH = (
    "jan(?:uary|vier|v)?|feb(?:ruary)?|f[ée]v(?:rier|r)?|mar(?:ch|s)?|apr(?:il)?|avr(?:il)?|may|mai|june?|juin|july?|"
    "juil(?:let)?|aug(?:ust)?|ao[uû]t|sept?(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|d[ée]c(?:ember|embre)?"
)
_READ_AS_OTHER = re.compile(
    r"[.($€£]?\d[\d.,:/ -]*(?:e[+-]?\d+)?\s*(?:\)|%|[$€£]|[ap]m)?"
    rf"|(?:{_MONTH})\.?[ /.-]*\d{{1,4}}|\d{{1,4}}[ /.-]*(?:{_MONTH})\.?(?:[ /.-]*\d{{1,4}})?"
    r"|true|false|vrai|faux",
    re.IGNORECASE,
)
_KEPT_NUMBER = re.compile(r"0|[1-9]\d{0,10}")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a spreadsheet of a language reads CSV: what stands between cells, and before decimals."""

    delimiter: str
    decimal: str


MARK = "\ufeff"
"""The byte-order mark, so that Excel keeps the accents."""
ENGLISH, FRENCH = Dialect(",", "."), Dialect(";", ",")


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run the cell, or would once the apostrophes before it are gone."""
    return cell.lstrip(_PASSED_OVER).startswith(_FORMULAS)


def is_changed_by_excel(cell: str) -> bool:
    """Whether a spreadsheet takes a text for a number, a day or a truth, and writes it otherwise: 0012, 1-2, 12E5."""
    bare = cell.lstrip(_PASSED_OVER).rstrip()
    return _READ_AS_OTHER.fullmatch(bare) is not None and _KEPT_NUMBER.fullmatch(bare) is None


def disarm(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula, with an apostrophe in front."""
    return f"'{cell}" if is_formula(cell) else cell


def arm(cell: str) -> str:
    """A text that comes back as it went out: with an apostrophe in front where a spreadsheet would run or change it."""
    return f"'{cell}" if _is_armed(cell) else cell


def revive(cell: str) -> str:
    """The text as it was before `arm`."""
    return cell[1:] if cell.startswith("'") and _is_armed(cell) else cell


def _is_armed(cell: str) -> bool:
    return is_formula(cell) or is_changed_by_excel(cell)


def write(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | int | Decimal | date | None]],
    dialect: Dialect = ENGLISH,
) -> str:
    """A whole file. Texts are disarmed; numbers and days are written as they are; None is an empty cell."""
    cells = ([_cell(value, dialect.decimal) for value in row] for row in rows)
    return join(columns, *cells, delimiter=dialect.delimiter)


def join(*rows: Iterable[str], delimiter: str = ",") -> str:
    """A whole file of cells that are texts already, with a byte-order mark so that Excel keeps the accents."""
    return MARK + "".join(delimiter.join(map(_quoted, row)) + "\r\n" for row in rows)


def _quoted(cell: str) -> str:
    """Also what has a semicolon or a tab: where a spreadsheet splits at these, half a cell could be a formula."""
    return '"' + cell.replace('"', '""') + '"' if _SPLITS.intersection(cell) else cell


def _cell(value: str | int | Decimal | date | None, decimal: str) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}".replace(".", decimal)
    return disarm(value) if isinstance(value, str) else str(value)
