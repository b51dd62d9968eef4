"""A delimited text as rows of named cells: what providers share whose files are CSV.

Nothing here knows of charges. Encoding and delimiter are found and can be asked, so that a page can show what was
found. A row's number is the one that a spreadsheet shows: the first row is 1, and a cell with line breaks makes no new
row. Cells are text and stay text, also where a spreadsheet would run them as a formula; whoever exports them disarms
them. The file is read row by row: beside its bytes, one row at a time is in memory.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NoReturn

from portal.billing.period import Period, next_invoice_date
from portal.providers import ProviderError, refuse_too_large

MAX_COLUMNS = 1_000
MAX_CELL = 32_767
"""The most characters in a cell: what a spreadsheet can hold."""
MAX_ROW = 4 * 1024 * 1024
"""The most characters in a row: it bounds what one row can cost before its cells are counted."""
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp1252")
"""A byte order mark may stand before the first three, and decides when there is one."""

_AGAIN = " Nothing was imported: correct the file and import it again."
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_OTHERS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x1f\x8b", b"%PDF-")  # workbooks, archives, PDF
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_CHUNK = 1024 * 1024
_SAMPLE = 64 * 1024
_SAMPLE_ROWS = 20


class Row:
    """One row, asked for its cells by heading; whatever is wrong names the file, the row and the column."""

    __slots__ = ("cells", "file", "number")

    def __init__(self, file: str, number: int, cells: dict[str, str]) -> None:
        self.file = file
        self.number = number
        self.cells = cells

    def text(self, heading: str) -> str:
        """The cell without control characters and outer spaces; "" when empty or when there is no such column."""
        cell = self.cells.get(heading, "")
        return (_CONTROL.sub(" ", cell) if not cell.isprintable() else cell).strip()

    def raw(self) -> str:
        """The row as canonical JSON: names sorted, cells as they came, empty cells left out."""
        filled = {heading: cell for heading, cell in self.cells.items() if cell}
        return _encode(filled)

    def refuse(self, key: str, what: str, column: str = "", **values: str) -> NoReturn:
        """Raise the ProviderError `key`. `what` is a template of whole sentences, the last of them the remedy."""
        place = "{file}, row {row}, column {column}: " if column else "{file}, row {row}: "
        values |= {"file": self.file, "row": str(self.number)} | ({"column": show(column)} if column else {})
        raise ProviderError(key, place + what, **values)


class Table:
    """The rows of a file. `rows()` may be asked again and begins anew."""

    def __init__(self, data: bytes, name: str, encoding: str, delimiter: str, skipped: int) -> None:
        self.name = name
        self.encoding = encoding
        self.delimiter = delimiter
        self._data = data
        self._skipped = skipped
        number, cells = next(self._records(), (1, []))
        if not cells:
            raise ProviderError("table.empty", "{file} is empty." + _AGAIN, file=name)
        self._heading_row = number
        self.headings = self._name_columns(number, cells)

    def rows(self) -> Iterator[Row]:
        """The rows below the headings, without those that are empty."""
        width = len(self.headings)
        for number, cells in self._records():
            if number == self._heading_row:
                continue
            row = Row(self.name, number, dict(zip(self.headings, cells, strict=False)))
            if len(cells) != width:
                what = "it has {count} cells, and the headings are {width}. Nothing was imported: correct the file"
                what += " (a cell with “{delimiter}” in it needs quotes around it) and import it again."
                marks = {"\t": "Tab"}
                values = {"count": str(len(cells)), "width": str(width)}
                delimiter = marks.get(self.delimiter, self.delimiter)
                row.refuse("table.row_width", what, delimiter=delimiter, **values)
            if max(map(len, cells)) > MAX_CELL:
                column = next(heading for heading, cell in row.cells.items() if len(cell) > MAX_CELL)
                _refuse_long(row, column)
            yield row

    def _name_columns(self, number: int, cells: list[str]) -> tuple[str, ...]:
        """The headings; a column without one is called by its place, such as [C]."""
        row = Row(self.name, number, {})
        headings = [" ".join(_CONTROL.sub(" ", cell).split()) for cell in cells]
        seen = Counter(heading.casefold() for heading in headings if heading)
        if twice := [heading for heading in headings if seen[heading.casefold()] > 1]:
            what = "two columns have this heading. Nothing was imported: give each column a heading of its own and"
            row.refuse("table.same_heading", what + " import the file again.", column=twice[0])
        if long := [heading for heading in headings if len(heading) > MAX_CELL]:
            _refuse_long(row, long[0])
        return tuple(heading or f"[{_letters(place)}]" for place, heading in enumerate(headings))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not empty, each with its number."""
        text = io.TextIOWrapper(io.BytesIO(self._data), self.encoding, newline="")
        text.buffer.seek(self._skipped)
        lines = _Lines(self.name, text)
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                _refuse_quotes(Row(self.name, lines.row, {}), str(error))
            if len(cells) > MAX_COLUMNS:
                what = "it has {count} columns, and {limit} is the most that is read. Nothing was imported: remove the"
                values = {"count": str(len(cells)), "limit": str(MAX_COLUMNS)}
                what += " columns that are not needed and import the file again."
                Row(self.name, lines.row, {}).refuse("table.too_many_columns", what, **values)
            if any(cell.strip() for cell in cells):
                yield lines.row, cells
            lines.row += 1
            lines.length = 0


class _Lines:
    """The lines of a text, as many characters of them as one row may have."""

    def __init__(self, file: str, text: io.TextIOWrapper) -> None:
        self.row = 1
        self.length = 0
        self._file = file
        self._text = text

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW + 1)
        if not line:
            raise StopIteration
        self.length += len(line)
        row = Row(self._file, self.row, {})
        if self.length > MAX_ROW:
            what = "it has more than {limit} characters. Nothing was imported: save the file as CSV again, with one"
            row.refuse("table.long_row", what + " row on each line, and import it.", limit=str(MAX_ROW))
        if "\0" in line:
            what = "it holds a NUL character, so it is not text. Nothing was imported: save the file as CSV (UTF-8) and"
            row.refuse("table.nul", what + " import it again.")
        return line


def open_table(data: bytes, name: str, *, encoding: str | None = None, delimiter: str | None = None) -> Table:
    """The table in the file `name` with the content `data`.

    What is not given is found: a byte order mark, else zeros in every other byte (UTF-16), else UTF-8 where every byte
    fits, else Windows-1252; and the delimiter that cuts the first rows into the most columns of one number. Raises
    ProviderError for what is no table. Rows are checked when they are read.
    """
    refuse_too_large(len(data), name)
    if not data.strip():
        raise ProviderError("table.empty", "{file} is empty." + _AGAIN, file=name)
    if data.startswith(_OTHERS):
        what = (
            "{file} is a workbook, an archive or a PDF, not CSV. Nothing was imported: open it, save the table as CSV"
        )
        raise ProviderError("table.not_csv", what + " (UTF-8) and import that file.", file=name)
    found, skipped = _find_encoding(data, encoding)
    _check_encoding(data, name, found, skipped)
    sample = data[skipped : skipped + _SAMPLE].decode(found, "ignore")
    directive = re.match(r"sep=([,;|\t])\r?\n", sample)  # Excel's own first line, which it does not show
    if directive:
        skipped += len(directive[0].encode(found))
        sample = sample[directive.end() :]
    delimiter = delimiter or (directive[1] if directive else _find_delimiter(sample))
    return Table(data, name, found, delimiter, skipped)


def _find_encoding(data: bytes, wanted: str | None) -> tuple[str, int]:
    """The encoding and the length of the byte order mark."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    if wanted:
        return wanted, 0
    head = data[:_SAMPLE]
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if max(even, odd) * 3 > half and min(even, odd) * 10 < max(even, odd):
        return ("utf-16-be" if even > odd else "utf-16-le"), 0
    return ("utf-8" if _misfit(data, "utf-8", 0) is None else "cp1252"), 0


def _misfit(data: bytes, encoding: str, skipped: int) -> int | None:
    """The place of the first byte that does not fit; None when all do. Decodes piece by piece and keeps nothing."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for begin in range(skipped, len(data), _CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[begin : begin + _CHUNK], final=begin + _CHUNK >= len(data))
        except UnicodeDecodeError as error:
            return begin - pending + error.start
    return None


def _check_encoding(data: bytes, name: str, encoding: str, skipped: int) -> None:
    position = _misfit(data, encoding, skipped)
    if position is not None:
        what = "{file} is not text in {encoding} (byte {position} does not fit). Nothing was imported: save the file as"
        values = {"encoding": encoding, "position": str(position)}
        raise ProviderError("table.not_text", what + " CSV (UTF-8) and import it again.", file=name, **values)


def _find_delimiter(sample: str) -> str:
    """The delimiter that cuts most rows as it cuts the first, and that one into the most columns."""
    best, most = DELIMITERS[0], (-1.0, 0)
    for delimiter in DELIMITERS:
        widths: list[int] = []
        try:
            for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
                if any(cells):
                    widths.append(len(cells))
                if len(widths) > _SAMPLE_ROWS:
                    break
        except csv.Error:
            pass
        if not widths or widths[0] < 2:
            continue
        kept = widths[:-1] or widths  # the last row may be cut off
        score = (kept.count(widths[0]) / len(kept), widths[0])
        if score > most:
            best, most = delimiter, score
    return best


def _refuse_long(row: Row, column: str) -> NoReturn:
    what = "the cell has more than {limit} characters. Nothing was imported: shorten it and import the file again."
    row.refuse("table.long_cell", what, column=column, limit=str(MAX_CELL))


def _refuse_quotes(row: Row, detail: str) -> NoReturn:
    if "limit" in detail:
        what = "a cell is far too long; a quote that is not closed may be the reason. Nothing was imported: correct the"
        row.refuse("table.huge_cell", what + " row and import the file again.")
    what = "a quote is opened and not closed, or text follows a closed quote. Nothing was imported: correct the row and"
    row.refuse("table.quotes", what + " import the file again.")


def _letters(place: int) -> str:
    """The letters of a column: A for 0, Z for 25, AA for 26."""
    before, last = divmod(place, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)


def show(value: str) -> str:
    """A cell as it stands in the file, short enough for a sentence."""
    shown = _CONTROL.sub(" ", value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def most_common_month(days: Iterable[date]) -> Period:
    """The calendar month that most of the days lie in; the latest of several. At least one day is needed."""
    months = Counter(day.replace(day=1) for day in days)
    first = max(months, key=lambda month: (months[month], month))
    return Period(first, next_invoice_date(first, 1))
