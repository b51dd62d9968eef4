"""Microsoft's invoice reconciliation file: the CSV that Partner Center gives for a new commerce invoice.

Shape: the columns of Microsoft's article "new commerce invoice reconciliation file", in any order, with or without
spaces, in any case; others are kept in the raw row. Charge dates are inclusive and in UTC; they are taken as written.

What a partner must know, and why rows are read as they are:

* A change of seats comes as two rows: all old seats are given back and all new ones charged, both up to the end of the
  cycle and with one ReferenceId. Both are kept and share a tag `pair`. The credit has the sign on the price, not on the
  quantity.
* EffectiveUnitPrice is for the days of the row. What a unit costs for a whole cycle follows from other rows of the
  file, from the list price where it fits, or else from the days (`licences.WholePrices`).
* Rows alike in all but the price are parts of one licence (`licences.name_parts`), not more licences.
* One SKU is sold by the month, by the year in twelve payments and by the year at once, at three prices and for three
  QuickBooks items. Term and billing cycle are therefore part of the offer's key (`PRODUCT:SKU:P1Y:monthly`), and so is
  a trial, which must not be billed at the price of the paid item.
* Subtotal is what is paid, before taxes and in the billing currency. Where it is not what Microsoft's own formula
  gives, a tag `deviates` says by how much.
* The invoice's number is part of a row's key. A download of what is not invoiced yet has none and is refused, since
  the same charge would come again under another key. The daily usage file is refused too: its sums are in this one.
"""

from __future__ import annotations

from portal.providers.microsoft.amounts import expected_subtotal
from portal.providers.microsoft.reading import read

__all__ = [
    "expected_subtotal",
    "read",
]
