"""Sherweb's payable charges: the JSON that the distributor API answers and that partners export.

Shape: `PayableCharges` of Sherweb's OpenAPI document "Distributor API" version 1 (`GET /billing/payable-charges`).
Dates are inclusive there. The customer is said only in the tags of a charge. The document marks no field as required;
required here is what an invoice needs, and one row without it refuses the whole file.

Numbers never pass through binary floats. Rows are decoded one at a time, twice over the text (the period may stand
after the rows, and a broken end must be found before the first row counts), so a month of 100,000 rows needs a few
times its own size. The largest file, 64 MB, holds about 60,000 charges as Sherweb writes them, 100,000 when they carry
few extras.

The key of a row is taken over what identifies it and not over quantity or amounts: when Sherweb corrects a file, a
corrected row has the key it had before. Rows that are alike in all of that are told apart by their order in the file.
"""

from __future__ import annotations

from portal.providers.sherweb.reading import read

__all__ = [
    "read",
]
