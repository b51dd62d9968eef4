"""Any CSV of charges, read by a saved profile: which column is what, and how its numbers and dates are written.

`guess` proposes a profile for a file and says what each decision rests on, so that a page can show it and a person can
correct it. What the values do not decide (05/04 as a date, 1,234 as a number) is left open in the profile and marked,
and a profile with something open reads nothing.

A row with a negative quantity or amount is a credit, whatever its kind says. A row's key is taken over the profile's
name, its charge id and its period, or, without an id, over organization, offer, cycle, period, tags and sign; never
over amounts, so that a corrected file changes its charges and adds none. The period is part of it because many exports
give the id of the subscription, which comes again each month; the name, because two suppliers may number their lines
alike.
"""

from __future__ import annotations

from portal.providers.csvfile.cells import named_currency, parse_day, parse_number, parse_period
from portal.providers.csvfile.guessing import Finding, Guess, Source, guess
from portal.providers.csvfile.profile import (
    COLUMNS,
    CYCLE_WORDS,
    KIND_WORDS,
    DateFormat,
    DecimalMark,
    Profile,
    Thousands,
)
from portal.providers.csvfile.reading import read

__all__ = [
    "COLUMNS",
    "CYCLE_WORDS",
    "KIND_WORDS",
    "DateFormat",
    "DecimalMark",
    "Finding",
    "Guess",
    "Profile",
    "Source",
    "Thousands",
    "guess",
    "named_currency",
    "parse_day",
    "parse_number",
    "parse_period",
    "read",
]
