"""Until when Intuit supports a release of QuickBooks Desktop (pure).

Intuit's service discontinuation policy: three years, to 31 May; it announced 30 September 2027 for the last one, 2024.
Later ones of Enterprise have no date yet. The major version that QuickBooks states is the year less 1990: 34 is 2024.
"""

from __future__ import annotations

from datetime import date

LAST_DAYS = {2024: date(2027, 9, 30)}
NEWEST_WITH_A_DATE = 2024


def release_year(major_version: str | None) -> int | None:
    """The year in a release's name; None for what is no release of QuickBooks Desktop."""
    text = (major_version or "").strip()
    if not (text.isascii() and text.isdigit() and 10 <= int(text) <= 60):
        return None
    return 1990 + int(text)


def last_day(year: int) -> date | None:
    """The last day of support of the release of a year; None while no day is known."""
    if year > NEWEST_WITH_A_DATE:
        return None
    return LAST_DAYS.get(year, date(year + 3, 5, 31))
