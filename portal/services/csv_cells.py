"""CSV as spreadsheets read it: with a byte-order mark, and without a cell that would be run as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

_FORMULAS = ("=", "+", "-", "@")
_PASSED_OVER = "' \t\r\n"
_SPLITS = frozenset(',;"\t\r\n')


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run the cell, or would once the apostrophes before it are gone."""
    return cell.lstrip(_PASSED_OVER).startswith(_FORMULAS)


def disarm(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula, with an apostrophe in front."""
    return f"'{cell}" if is_formula(cell) else cell


def write(columns: Sequence[str], rows: Iterable[Sequence[str | int | Decimal | date | None]]) -> str:
    """A whole file. Texts are disarmed; numbers and days are written as they are; None is an empty cell."""
    return join(columns, *([_cell(value) for value in row] for row in rows))


def join(*rows: Iterable[str], delimiter: str = ",") -> str:
    """A whole file of cells that are texts already, with a byte-order mark so that Excel keeps the accents."""
    return "\ufeff" + "".join(delimiter.join(map(_quoted, row)) + "\r\n" for row in rows)


def _quoted(cell: str) -> str:
    """Also what has a semicolon or a tab: where a spreadsheet splits at these, half a cell could be a formula."""
    return '"' + cell.replace('"', '""') + '"' if _SPLITS.intersection(cell) else cell


def _cell(value: str | int | Decimal | date | None) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return disarm(value) if isinstance(value, str) else str(value)
