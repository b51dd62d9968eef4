"""The list of charges: searched, filtered and sorted by the database, a slice at a time, or all of it as CSV.

A slice begins after the last row of the one before, so that the millionth charge costs what the first one does. It may
be sorted by what an index holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from portal.errors import Sentence
from portal.models import Offer, Organization
from portal.services import Portal, csv_cells
from portal.services.charge_cells import join_tags
from portal.services.charge_filters import FILTERS, read_filters
from portal.services.charge_rows import ChargeRow, Listing
from portal.services.connections import find, to_row_id
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.ledger_rows import CHARGES
from portal.services.paging import Wanted

FETCHED = 2000
_MOST_CENTS = 2**62

Cell = str | int | Decimal | date | None
_CELLS: dict[str, Callable[[ChargeRow, Callable[[Sentence], str]], Cell]] = {
    "state": lambda row, _say: row.state.value,
    "reason": lambda row, say: say(row.reason) if row.reason else "",
    "organization": lambda row, _say: row.organization,
    "offer": lambda row, _say: row.offer,
    "offer_key": lambda row, _say: row.offer_key,
    "description": lambda row, _say: row.name,
    "kind": lambda row, _say: row.kind.value,
    "cycle": lambda row, _say: row.cycle.value,
    "quantity": lambda row, _say: row.quantity,
    "first_day": lambda row, _say: row.start,
    "last_day": lambda row, _say: row.last,
    "unit_cost": lambda row, _say: row.unit_cost,
    "amount": lambda row, _say: row.amount,
    "currency": lambda row, _say: row.currency,
    "tags": lambda row, _say: join_tags(row.tags),
    "gives_back": lambda row, _say: "yes" if row.gives_back else "",
    "imported_at": lambda row, _say: row.imported_at.isoformat(timespec="seconds"),
    "rule_version": lambda row, _say: row.rule_version,
    "run": lambda row, _say: row.run_on,
    "invoice_number": lambda row, _say: row.invoice_number,
    "invoice_date": lambda row, _say: row.invoice_date,
    "key": lambda row, _say: row.key,
}
COLUMNS = tuple(_CELLS)
"""The columns of the list, in their order, and of the CSV file."""


def _cents(text: str) -> int:
    """Raises ValueError, also for what no column holds."""
    cents = int(text)
    if abs(cents) > _MOST_CENTS:
        raise ValueError(text)
    return cents


_SORTS: dict[str, tuple[sa.ColumnElement[Any], Callable[[str], Any], Callable[[Any], Any]]] = {
    "date": (CHARGES.c.start, date.fromisoformat, lambda row: row.start),
    "imported": (CHARGES.c.delivery_id, to_row_id, lambda row: row.delivery_id),
    "amount": (CHARGES.c.amount_cents, _cents, lambda row: row.amount_cents),
}
SORTS = tuple(_SORTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Some charges; `after` asks for those that follow, and is empty where none do.

    `names` says what the organization and the offer are called that are asked for.
    """

    rows: tuple[ChargeRow, ...]
    after: str = ""
    names: dict[str, str] = field(default_factory=dict)


def list_charges(
    portal: Portal, connection_id: int, wanted: Wanted, *, after: str = "", only_standing: bool = False
) -> Listed:
    """The next `wanted.size` charges, by default the latest first. Sorts: date, imported, amount. Raises NotFound.

    `after` is that of the slice before; what it is not asks for the first one. `only_standing` leaves out what was
    given back, and what gives it back.
    """
    with portal.database.read() as db:
        listing = Listing.open(portal, db, connection_id)
        query = _slice(listing, wanted, after, wanted.size + 1)
        found = db.execute(query.where(_STANDS) if only_standing else query).all()
        rows = found[: wanted.size]
        names = {}
        for name, table in (("organization", Organization), ("offer", Offer)):
            if (row_id := to_row_id(wanted.filters.get(name, ""))) is not None:
                own = sa.select(table.name).where(table.connection_id == connection_id, table.id == row_id)
                names[name] = db.scalar(own) or ""
        more = _place_of(rows[-1], wanted.sort) if len(found) > len(rows) else ""
        return Listed(rows=tuple(listing.rows(rows)), after=more, names=names)


def count_charges(portal: Portal, connection_id: int, *, most: int) -> int:
    """How many charges there are; of more than `most`, one more than that. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        own = sa.select(CHARGES.c.id).where(CHARGES.c.connection_id == connection_id).limit(most + 1)
        return db.scalar(sa.select(sa.func.count()).select_from(own.subquery())) or 0


def write_csv(
    portal: Portal,
    connection_id: int,
    wanted: Wanted,
    say: Callable[[Sentence], str] = str,
    columns: Sequence[str] = COLUMNS,
    dialect: Dialect = ENGLISH,
) -> Iterator[str]:
    """All charges that are asked for, as CSV, in pieces; `say` writes the reasons in a language. Raises NotFound.

    Each piece is read by itself: nobody who downloads slowly keeps the database waiting, nor all of it in memory.
    """
    cells = [_CELLS[name] for name in columns]
    after, head, wanted = "", columns, replace(wanted, size=FETCHED)
    while True:
        listed = list_charges(portal, connection_id, wanted, after=after)
        text = csv_cells.write(head, ([cell(row, say) for cell in cells] for row in listed.rows), dialect)
        yield text if not after else text.split("\r\n", 1)[1]
        if not listed.after:
            return
        after = listed.after


_BACK = CHARGES.alias("gives_back")
_STANDS = sa.and_(CHARGES.c.reverses_id.is_(None), ~sa.exists().where(_BACK.c.reverses_id == CHARGES.c.id))


def _slice(listing: Listing, wanted: Wanted, after: str, size: int) -> sa.Select[Any]:
    column = _SORTS.get(wanted.sort, _SORTS[SORTS[0]])[0]
    is_descending = wanted.is_descending or wanted.sort not in _SORTS
    by_date = wanted.sort not in _SORTS or wanted.sort == SORTS[0]
    found = read_filters(
        listing.db, listing.connection_id, listing.judged, wanted.filters, wanted.search, by_date=by_date
    )
    asked = found.conditions
    if (place := _read_place(after, wanted.sort)) is not None:
        here, there = sa.tuple_(column, CHARGES.c.id), sa.tuple_(*map(sa.literal, place))
        asked.append(here < there if is_descending else here > there)
    order = (column.desc(), CHARGES.c.id.desc()) if is_descending else (column, CHARGES.c.id)
    return listing.query(is_led=found.leads).where(*asked).order_by(*order).limit(size)


def _place_of(row: sa.Row[Any], sort: str) -> str:
    """Where a row stands in an order."""
    return f"{_SORTS.get(sort, _SORTS[SORTS[0]])[2](row)}_{row.id}"


def _read_place(after: str, sort: str) -> tuple[Any, int] | None:
    value, _line, row_id = after.partition("_")
    number = to_row_id(row_id)
    try:
        read = _SORTS.get(sort, _SORTS[SORTS[0]])[1](value[:20])
    except ValueError:
        return None
    return None if read is None or number is None else (read, number)


__all__ = ["COLUMNS", "FILTERS", "SORTS", "ChargeRow", "Listed", "count_charges", "list_charges", "write_csv"]
