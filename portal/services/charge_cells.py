"""The file of charges as cells: what each column says, out and in (pure).

Out, texts that a spreadsheet would run or change stand behind an apostrophe; in, it is taken away. Tags stand in one
cell, as `Name: value; Name: value`, with a backslash before a semicolon, a colon or a backslash of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.money import CENT
from portal.errors import Refused
from portal.models import LONGEST_CHARGE_KEY, LONGEST_KEY
from portal.providers.csvfile import DateFormat, DecimalMark, Thousands, parse_day, parse_number
from portal.providers.table import Row, Table, open_table, show
from portal.services.csv_cells import ENGLISH, Dialect, arm, revive
from portal.services.csv_plan import Fault, WrongCell

MOST_ROWS = 50_000
"""Charges in one file: all of them are written at once, while others wait."""
OPTIONAL = ("description", "unit_cost", "unit_cost_prorated", "proratable", "tags")
"""Columns that a file may lack: then what is known of the charge stays."""
COLUMNS = (
    "key",
    "organization",
    "offer_key",
    "description",
    "kind",
    "cycle",
    "quantity",
    "first_day",
    "last_day",
    "unit_cost",
    "unit_cost_prorated",
    "amount",
    "currency",
    "proratable",
    "tags",
)
TEXTS = frozenset({"key", "organization", "offer_key", "description", "tags"})

_DAY = timedelta(days=1)
_LIMIT = Decimal(10) ** 13  # an amount of qbXML has 13 digits before the point
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:E[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+", re.ASCII)
_LONGEST_NUMBER = 100
_BACKSLASHED = re.compile(r"\\(.)", re.DOTALL)
_TAG_ENDS = re.compile(r"(?<!\\)(?:\\\\)*;")
_YES = {"yes": True, "oui": True, "true": True, "vrai": True, "1": True}
_YES |= {"no": False, "non": False, "false": False, "faux": False, "0": False}
_SLASHED = (DateFormat.DAY_FIRST, DateFormat.MONTH_FIRST, DateFormat.DOTTED)

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a row says of a charge: fields of `Charge` by name, without those that it leaves as they are."""

    line: int
    key: str
    values: Mapping[str, Any]
    raw: str


# -- out -------------------------------------------------------------------------------------------------------------


def tell(charge: Charge, dialect: Dialect = ENGLISH) -> list[str]:
    """A charge as the cells of `COLUMNS`, before texts are armed."""

    def number(value: Decimal) -> str:
        return f"{value:f}".replace(".", dialect.decimal)

    return [
        charge.key,
        charge.organization,
        charge.offer_key,
        charge.offer_name,
        charge.kind.value,
        charge.cycle.value,
        number(charge.quantity),
        charge.start.isoformat(),
        (charge.end - _DAY).isoformat(),
        number(charge.unit_cost),
        number(charge.unit_cost_prorated),
        number(charge.amount),
        charge.currency,
        "yes" if charge.is_proratable else "no",
        join_tags(charge.tags),
    ]


def armed(cells: Sequence[str]) -> list[str]:
    """The cells of a row as the file has them."""
    return [arm(cell) if name in TEXTS else cell for name, cell in zip(COLUMNS, cells, strict=True)]


def join_tags(tags: Collection[tuple[str, str]]) -> str:
    """Tags as one cell."""
    return "; ".join(f"{_backslash(name)}: {_backslash(value)}" for name, value in tags)


def _backslash(text: str) -> str:
    return re.sub(r"[\\:;]", r"\\\g<0>", text)


# -- in --------------------------------------------------------------------------------------------------------------


def read_file(data: bytes, name: str) -> tuple[list[Told], list[Fault]]:
    """What the rows say, and what is wrong with others.

    Raises Refused for a file without a column that it needs, and ProviderError for what is no table.
    """
    table = open_table(data, name)
    reader = _Reader(table)
    told, faults, seen = [], [], dict[str, int]()
    for row in table.rows():
        try:
            one = reader.read(row)
            if (twin := seen.setdefault(one.key.strip(), row.number)) != row.number:
                raise WrongCell(
                    "key",
                    Refused(
                        "%(file)s, line %(line)s: the charge %(key)s stands on line %(twin)s already. Keep one of the "
                        "two.",
                        key=show(one.key),
                        twin=twin,
                    ),
                )
        except WrongCell as wrong:
            faults.append(wrong.at(name, row.number))
            continue
        told.append(one)
        if len(told) > MOST_ROWS:
            raise Refused(
                "%(file)s has more than %(most)s charges. Filter the list, and bring fewer at a time.",
                file=name,
                most=MOST_ROWS,
            )
    return told, faults


class _Reader:
    """Reads the rows of one file: where its columns are, and how it writes numbers and days."""

    def __init__(self, table: Table) -> None:
        self._headings = {heading.strip().casefold(): heading for heading in table.headings}
        missing = [name for name in COLUMNS if name not in self._headings and name not in OPTIONAL]
        if missing:
            raise Refused(
                "%(file)s has no column %(columns)s. Download the file of charges, change that one, and bring it back.",
                file=table.name,
                columns=", ".join(missing),
            )
        self._comma = DecimalMark.POINT if table.delimiter == "," else DecimalMark.COMMA
        self._days = _days_of(table, [self._headings[name] for name in ("first_day", "last_day")])
        numbers = [self._headings[name] for name in ("quantity", "amount")]
        self._has_points = any("." in row.cells.get(heading, "") for row in table.rows() for heading in numbers)

    def read(self, row: Row) -> Told:
        key = self._text(row, "key", LONGEST_CHARGE_KEY)
        start, last = self._day(row, "first_day"), self._day(row, "last_day")
        if last < start:
            raise WrongCell(
                "last_day",
                Refused(
                    "%(file)s, line %(line)s: the period ends on %(last)s, before its start on %(start)s.",
                    last=last,
                    start=start,
                ),
            )
        values: dict[str, Any] = {
            "organization": self._text(row, "organization", LONGEST_KEY),
            "offer_key": self._text(row, "offer_key", LONGEST_KEY),
            "kind": self._choice(row, "kind", ChargeKind),
            "cycle": self._choice(row, "cycle", BillingCycle),
            "quantity": self._number(row, "quantity"),
            "start": start,
            "end": last + _DAY,
            "amount": self._amount(row),
            "currency": self._currency(row),
        }
        if (description := revive(self._cell(row, "description"))).strip():
            values["offer_name"] = description
        for name in ("unit_cost", "unit_cost_prorated"):
            if self._cell(row, name).strip():
                values[name] = self._number(row, name)
        if self._cell(row, "proratable").strip():
            values["is_proratable"] = self._yes(row, "proratable")
        if "tags" in self._headings:
            values["tags"] = self._tags(row)
        return Told(line=row.number, key=key, values=values, raw=row.raw())

    def _cell(self, row: Row, name: str) -> str:
        return row.cells.get(self._headings.get(name, ""), "")

    def _text(self, row: Row, name: str, longest: int) -> str:
        text = revive(self._cell(row, name))
        if not text.strip():
            raise WrongCell(name, Refused("%(file)s, line %(line)s: %(column)s is empty. Fill it in.", column=name))
        if len(text) > longest:
            raise WrongCell(
                name,
                Refused(
                    "%(file)s, line %(line)s: %(column)s has more than %(most)s characters: %(said)s. Shorten it.",
                    column=name,
                    most=longest,
                    said=show(text),
                ),
            )
        return text

    def _choice(self, row: Row, name: str, of: type[Choice]) -> Choice:
        said = self._cell(row, name).strip()
        try:
            return of(said.casefold())
        except ValueError:
            raise WrongCell(
                name,
                Refused(
                    "%(file)s, line %(line)s: %(column)s is “%(said)s”. Write one of %(known)s.",
                    column=name,
                    said=show(said),
                    known=", ".join(of),
                ),
            ) from None

    def _number(self, row: Row, name: str) -> Decimal:
        said = self._cell(row, name).strip().lstrip("'")
        number = self._parse(said)
        if number is None:
            raise WrongCell(
                name,
                Refused(
                    "%(file)s, line %(line)s: %(column)s is “%(said)s”, not a number such as 1234.56, without "
                    "separators between thousands.",
                    column=name,
                    said=show(said),
                ),
            )
        if abs(number) >= _LIMIT:
            raise WrongCell(
                name,
                Refused(
                    "%(file)s, line %(line)s: %(column)s is “%(said)s”, more than can be kept. Correct it.",
                    column=name,
                    said=show(said),
                ),
            )
        return number

    def _parse(self, said: str) -> Decimal | None:
        """A number to its last digit. A comma before three digits is none where the file has decimal points."""
        mark = self._comma if "," in said else DecimalMark.POINT
        if len(said) > _LONGEST_NUMBER or (self._has_points and _GROUPED.fullmatch(said)):
            return None
        plain = said.replace(mark.value, ".")
        return Decimal(plain) if _PLAIN.fullmatch(plain) else parse_number(said, mark, Thousands.NONE)

    def _amount(self, row: Row) -> Decimal:
        amount = self._number(row, "amount")
        if amount != amount.quantize(CENT):
            raise WrongCell(
                "amount",
                Refused(
                    "%(file)s, line %(line)s: amount is “%(said)s”, which is not whole cents. Round it.", said=amount
                ),
            )
        return amount.quantize(CENT)

    def _currency(self, row: Row) -> str:
        said = self._cell(row, "currency").strip()
        if not re.fullmatch(r"[A-Z]{3}", said.upper(), re.ASCII):
            raise WrongCell(
                "currency",
                Refused(
                    "%(file)s, line %(line)s: currency is “%(said)s”, not three letters such as CAD.", said=show(said)
                ),
            )
        return said.upper()

    def _day(self, row: Row, name: str) -> date:
        said = self._cell(row, name).strip().lstrip("'")
        for one in (DateFormat.ISO, *self._days):
            if (day := parse_day(said, one)) is not None:
                return day
        raise WrongCell(
            name,
            Refused(
                "%(file)s, line %(line)s: %(column)s is “%(said)s”, from which one cannot tell the day. Write it as "
                "2026-10-31: in Excel, give the column the number format yyyy-mm-dd before you save.",
                column=name,
                said=show(said),
            ),
        )

    def _yes(self, row: Row, name: str) -> bool:
        said = self._cell(row, name).strip()
        if said.casefold() not in _YES:
            raise WrongCell(
                name,
                Refused(
                    "%(file)s, line %(line)s: %(column)s is “%(said)s”: write yes or no.", column=name, said=show(said)
                ),
            )
        return _YES[said.casefold()]

    def _tags(self, row: Row) -> tuple[tuple[str, str], ...]:
        found = []
        for part in _split(revive(self._cell(row, "tags"))):
            name, colon, value = _cut(part)
            if not colon:
                raise WrongCell(
                    "tags",
                    Refused(
                        "%(file)s, line %(line)s: “%(said)s” is not a tag. Write tags as Name: value; Name: value.",
                        said=show(part),
                    ),
                )
            found.append((name, value))
        return tuple(found)


def _split(text: str) -> Iterator[str]:
    """The tags of a cell, still with their backslashes."""
    if not text.strip():
        return
    begin = 0
    for found in _TAG_ENDS.finditer(text):
        yield text[begin : found.end() - 1].removeprefix(" ")
        begin = found.end()
    if (rest := text[begin:].removeprefix(" ")).strip():
        yield rest


def _cut(tag: str) -> tuple[str, str, str]:
    """The name, the colon and the value of a tag; no colon where there is none."""
    found = re.search(r"(?<!\\)(?:\\\\)*:", tag)
    if found is None:
        return tag, "", ""
    name, value = tag[: found.end() - 1], tag[found.end() :].removeprefix(" ")
    return _BACKSLASHED.sub(r"\1", name), ":", _BACKSLASHED.sub(r"\1", value)


def _days_of(table: Table, headings: Sequence[str]) -> tuple[DateFormat, ...]:
    """The one way of writing days, beside the usual one, that fits all days of a file; none where two fit or none."""
    odd = set()
    for row in table.rows():
        for heading in headings:
            said = row.cells.get(heading, "").strip().lstrip("'")
            if said and parse_day(said, DateFormat.ISO) is None:
                odd.add(said)
    fitting = tuple(one for one in _SLASHED if odd and all(parse_day(said, one) is not None for said in odd))
    return fitting if len(fitting) == 1 else ()


__all__ = ["COLUMNS", "OPTIONAL", "Told", "armed", "join_tags", "read_file", "tell"]
