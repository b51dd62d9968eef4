"""What a file that a person brings would change, and what is wrong with it: a cell, a row."""

from __future__ import annotations

from dataclasses import dataclass

from portal.errors import Refused, Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class CellChange:
    """A cell that would change, both sides as the file writes them."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a row cannot be taken, and the column at fault; none where it is the row."""

    line: int
    column: str
    what: Sentence


class WrongCell(Exception):
    """A cell that cannot be taken: its column, and why."""

    def __init__(self, column: str, what: Refused) -> None:
        super().__init__(column)
        self.column, self.what = column, what.sentence

    def at(self, file: str, line: int) -> Fault:
        """The fault of the row on this line: the sentence may name `file` and `line`."""
        values = {**self.what.values, "file": file, "line": str(line)}
        return Fault(line=line, column=self.column, what=Sentence(self.what.template, values))
