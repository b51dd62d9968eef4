"""The mapping file as cells: which columns there are, and what a spreadsheet does to a cell (pure)."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping

from portal.errors import Refused
from portal.services.csv_cells import is_changed_by_excel, is_formula

COLUMNS = ("kind", "name", "key", "quickbooks", "sync", "mode")
OPTIONAL = ("po", "class", "terms", "tax", "other1", "other2")
"""Columns that a file may lack."""
KEEP = "?"
_MAY_KEEP = ("quickbooks", *OPTIONAL)

Cells = Mapping[str, str | None]
"""A row of the file; None leaves what is there as it is."""


def read_cells(data: bytes, name: str) -> list[tuple[int, Cells]]:
    """The rows with their line numbers. Raises Refused for what is no mapping file.

    Excel saves CSV in Windows' letters, in UTF-8 or, as "Unicode text", in UTF-16; with a comma, a semicolon or a tab,
    and where it was told so, with the line `sep=;` before the others.
    """
    text = _decode(data)
    before = 0
    if text[:4].casefold() == "sep=" and "\n" in text:
        text, before = text.split("\n", 1)[1], 1
    if "\0" in text:
        raise Refused("%(file)s is not text. Save it as CSV in UTF-8.", file=name)
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    try:
        rows = _read_rows(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter), name)
    except csv.Error as error:
        raise Refused("%(file)s is not CSV: %(reason)s. Save it as CSV again.", file=name, reason=error) from None
    return [(number + before, row) for number, row in rows]


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _read_rows(reader: csv.DictReader[str], name: str) -> list[tuple[int, Cells]]:
    columns = [column.strip().casefold() for column in reader.fieldnames or []]
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise Refused(
            "%(file)s has no column %(columns)s. The first line must name: %(all)s.",
            file=name,
            columns=", ".join(missing),
            all=", ".join(COLUMNS),
        )
    reader.fieldnames = columns
    return [
        (reader.line_num, {column: _cell(column, row.get(column)) for column in (*COLUMNS, *OPTIONAL)})
        for row in reader
        if any((value or "").strip() for key, value in row.items() if isinstance(value, str))
    ]


def _cell(column: str, text: str | None) -> str | None:
    if text is None:
        return None if column in OPTIONAL else ""
    text = text.strip()
    return None if text == KEEP and column in _MAY_KEEP else _revive(text)


def _is_armed(cell: str) -> bool:
    return cell.lstrip("'") == KEEP or is_formula(cell) or is_changed_by_excel(cell)


def disarm(cell: str) -> str:
    """A cell that a spreadsheet would run or change, or that would mean "?", with an apostrophe in front."""
    return f"'{cell}" if _is_armed(cell) else cell


def _revive(cell: str) -> str:
    """The cell as it was before disarm."""
    return cell[1:] if cell.startswith("'") and _is_armed(cell) else cell
