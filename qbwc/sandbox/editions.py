"""What QuickBooks of a year and a country says of itself: name, version, and the qbXML it reads.

Intuit brought a new qbXML with each year up to 2014, then with 2018, 2022 and 2023; every QuickBooks also reads all
older ones. Pro and Premier ended with 2024; since then only Enterprise is made.
"""

from __future__ import annotations

from typing import Final

from qbwc.sandbox.errors import CompanyError, Record

EDITIONS: Final = ("US", "CA")
"""The countries for which a company can be made."""
YEARS: Final = range(2013, 2027)
"""The years for which a company can be made."""
_KNOWN: Final = range(2008, 2027)
_LAST_PREMIER = 2024
_ARRIVALS: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (2002, ("1.0", "1.1")),
    (2003, ("2.0", "2.1")),
    (2004, ("3.0",)),
    (2005, ("4.0", "4.1")),
    (2006, ("5.0",)),
    (2007, ("6.0", "6.1")),
    (2008, ("7.0",)),
    (2009, ("8.0",)),
    (2010, ("9.0",)),
    (2011, ("10.0",)),
    (2012, ("11.0",)),
    (2013, ("12.0",)),
    (2014, ("13.0",)),
    (2018, ("14.0",)),
    (2022, ("15.0",)),
    (2023, ("16.0",)),
)


def versions(year: int) -> list[str]:
    """The versions of qbXML that QuickBooks of a year reads, oldest first."""
    return [version for arrived, brought in _ARRIVALS if arrived <= year for version in brought]


def host_facts(year: int) -> Record:
    """What HostQuery answers for QuickBooks of a year. Raises CompanyError for a year that is not known here."""
    if year not in _KNOWN:
        raise CompanyError(f"There is no QuickBooks {year} here: choose a year from {_KNOWN[0]} to {_KNOWN[-1]}.")
    enterprise = f"QuickBooks Enterprise Solutions {year - 2000}.0"
    return {
        "ProductName": enterprise if year > _LAST_PREMIER else f"QuickBooks Premier Edition {year}",
        "MajorVersion": str(year - 1990),
        "MinorVersion": "0",
        "SupportedQBXMLVersion": versions(year),
    }
