"""Reading a file by its profile: every row becomes a charge, or the file is refused with the row and the column."""

from __future__ import annotations

from decimal import Decimal

from portal.providers import Delivery, ProviderError
from portal.providers.csvfile.charge import find_period, make_charge
from portal.providers.csvfile.lines import LineReader
from portal.providers.csvfile.profile import Profile
from portal.providers.table import Table, open_table, show


def read(data: bytes, name: str, profile: Profile) -> Delivery:
    """The charges in the file `name`, read by `profile`; all of them, or a ProviderError that says what is wrong.

    The delivery's period is the month's period that most rows have; when none has one, the calendar month that most
    begin in. Where no kind is said, a row shorter than its cycle is prorated.
    """
    _require_complete(profile)
    table = open_table(data, name, encoding=profile.encoding, delimiter=profile.delimiter)
    _require_columns(table, profile)
    reader = LineReader(profile)
    lines = [reader.read_line(row) for row in table.rows()]
    if not lines:
        what = "{file} has headings and no rows. Nothing was imported: export a period that has charges."
        raise ProviderError("csvfile.no_rows", what, file=name)
    whole = find_period(lines)
    raw = tuple([line.raw for line in lines])
    lines.reverse()
    charges = tuple([make_charge(lines.pop(), whole) for _ in raw])  # a line and its charge never stand side by side
    return Delivery(
        provider="csv",
        period_start=whole.start,
        period_end=whole.end,
        charges=charges,
        raw=raw,
        total=sum((charge.amount for charge in charges), Decimal("0.00")),
        scope=profile.name,
    )


def _require_complete(profile: Profile) -> None:
    if lacking := profile.open_choices():
        what = "The columns of this file are not all chosen: {fields} is open. Choose and import the file again."
        raise ProviderError("csvfile.profile.open", what, fields=", ".join(lacking))


def _require_columns(table: Table, profile: Profile) -> None:
    wanted = dict.fromkeys((*profile.columns().values(), *profile.tags))
    if missing := [heading for heading in wanted if heading not in table.headings]:
        what = "{file} has no column {columns}. Nothing was imported: choose its columns again, or export it with the"
        values = {"columns": ", ".join(map(show, missing)), "found": ", ".join(map(show, table.headings[:20]))}
        what += " same ones as before. It has: {found}."
        raise ProviderError("csvfile.no_column", what, file=table.name, **values)
