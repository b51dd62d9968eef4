"""Reading a file: the rows of one invoice become a delivery, or the file is refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from portal.billing.charge import Charge
from portal.providers import Delivery, ProviderError
from portal.providers.microsoft.cells import Cells, Tags
from portal.providers.microsoft.columns import find_columns
from portal.providers.microsoft.licences import WholePrices, find_pairs, name_parts
from portal.providers.microsoft.lines import read_line
from portal.providers.table import most_common_month, open_table

_LONGEST_SCOPE = 200


def read(data: bytes, name: str) -> Delivery:
    """The charges in the file `name` with the content `data`; all of them, or a ProviderError that says what is wrong.

    The delivery's period is a calendar month: a new commerce invoice is for one (in UTC), though each subscription has
    a cycle of its own that begins in it, and yearly terms, credits and corrections reach beyond. It is the month that
    most charges begin in, the later of two. Its scope is the invoice's number: a partner may get several a month.
    """
    table = open_table(data, name)
    columns = find_columns(table)
    seen: Counter[str] = Counter()
    tags = Tags()
    lines = [read_line(Cells(row, columns), seen, tags) for row in table.rows()]
    if not lines:
        what = "{file} has headings and no rows. Nothing was imported: download the file of an invoice with charges."
        raise ProviderError("microsoft.no_rows", what, file=name)
    lines = name_parts(lines)
    pairs = find_pairs(lines)
    costs = WholePrices(lines)
    charges = []
    for place, line in enumerate(lines):
        pair = (("pair", pairs[place]),) if place in pairs else ()
        charges.append(replace(line.charge, unit_cost=costs.of(line), tags=line.charge.tags + pair))
    month = most_common_month(charge.start for charge in charges)
    return Delivery(
        provider="microsoft",
        period_start=month.start,
        period_end=month.end,
        charges=tuple(charges),
        raw=tuple(line.raw for line in lines),
        total=sum((charge.amount for charge in charges), Decimal("0.00")),
        scope=_name_invoices(charges),
    )


def _name_invoices(charges: Iterable[Charge]) -> str:
    """The numbers of the invoices; where they are too many to keep, how many, and a digest of them."""
    numbers = sorted({value for charge in charges for name, value in charge.tags if name == "InvoiceNumber"})
    joined = ", ".join(numbers)
    digest = hashlib.sha256(joined.encode()).hexdigest()[:16]
    return joined if len(joined) <= _LONGEST_SCOPE else f"{len(numbers)}: {digest}"
