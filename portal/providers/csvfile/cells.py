"""The cells of a file that a profile reads: numbers, sums of money, days and periods as people write them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from decimal import Decimal

from portal.billing.period import FIRST_YEAR, LAST_YEAR, is_possible, next_invoice_date
from portal.providers.csvfile.profile import DateFormat, DecimalMark, Thousands

_DAY = timedelta(days=1)
_SYMBOLS = re.compile(
    r"^(?:CAD|USD|EUR|GBP)?\s*(?:CA|US|C)?[$€£]\s*|\s*[$€£](?:\s?(?:CAD?|USD?))?$|^(?:CAD|USD|EUR|GBP)\s|\s(?:CAD|USD|EUR|GBP)$"
)
_SIGNS = {"€": "EUR", "£": "GBP", "CA$": "CAD", "US$": "USD", "$ CA": "CAD", "$ US": "USD", "C$": "CAD"}
_SIGNS |= {code: code for code in ("CAD", "USD", "EUR", "GBP")}
_SPACES = re.compile(r"[ \u00a0\u2007\u2009\u202f]")
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_DATES = {
    DateFormat.ISO: re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})" + _TIME),
    DateFormat.DAY_FIRST: re.compile(r"(?P<d>\d{1,2})([/-])(?P<m>\d{1,2})\2(?P<y>\d{4})" + _TIME),
    DateFormat.MONTH_FIRST: re.compile(r"(?P<m>\d{1,2})([/-])(?P<d>\d{1,2})\2(?P<y>\d{4})" + _TIME),
    DateFormat.DOTTED: re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})" + _TIME),
    DateFormat.COMPACT: re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})" + _TIME),
}
_MONTH = re.compile(r"(?P<y>\d{4})[-/](?P<m>\d{1,2})|(?P<mm>\d{1,2})[-/](?P<yy>\d{4})")
_RANGE = re.compile(r"\s+(?:-|–|—|to|au|à|/)\s+")


def parse_number(text: str, decimal: DecimalMark, thousands: Thousands) -> Decimal | None:
    """A number as people write it; None when it is none.

    Negative: a minus before or after, or parentheses around. A sign of money at either end is left out. Groups of
    thousands are three digits each, and none may be missing.
    """
    bare = _SYMBOLS.sub("", _SPACES.sub(" ", text).strip().replace("−", "-")).strip()
    is_negative = bare.startswith("(") and bare.endswith(")")
    if is_negative:
        bare = bare[1:-1].strip()
    elif bare.endswith("-") and not bare.startswith("-"):
        is_negative, bare = True, bare[:-1].strip()
    elif bare.startswith(("-", "+")):
        is_negative, bare = bare.startswith("-"), bare[1:].strip()
    bare = _SYMBOLS.sub("", bare).replace("’", "'")
    mark = re.escape(decimal)
    plain = rf"(?:\d+(?:{mark}\d*)?|{mark}\d+)(?:[Ee][+-]?\d{{1,2}})?"
    if thousands is not Thousands.NONE and thousands.value != decimal.value:
        plain += rf"|\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?:{mark}\d*)?"
    if len(bare) > 40 or not re.fullmatch(plain, bare, re.ASCII):
        return None
    if thousands is not Thousands.NONE:
        bare = bare.replace(thousands.value, "")
    number = Decimal(bare.replace(decimal.value, "."))
    return (-number if is_negative else number) + 0


def named_currency(text: str) -> str:
    """The currency that the sign beside a number names; "" for none, and for a lone $, which many use."""
    shown = _SPACES.sub(" ", text).strip("()- ")
    return next((code for sign, code in _SIGNS.items() if shown.startswith(sign) or shown.endswith(sign)), "")


def parse_day(text: str, date_format: DateFormat) -> date | None:
    """A civil date in this format, of a possible year; None for anything else."""
    found = _DATES[date_format].fullmatch(text)
    try:
        day = date(int(found["y"]), int(found["m"]), int(found["d"])) if found else None
    except ValueError:
        return None
    return day if day is not None and is_possible(day) else None


def parse_period(text: str, date_format: DateFormat) -> tuple[date, date] | None:
    """The first and the last day in one cell, a month or two days; None for anything else."""
    if found := _MONTH.fullmatch(text):
        year, month = int(found["y"] or found["yy"]), int(found["m"] or found["mm"])
        if not (1 <= month <= 12 and FIRST_YEAR <= year <= LAST_YEAR):
            return None
        first = date(year, month, 1)
        return first, next_invoice_date(first, 1) - _DAY
    days = [parse_day(part, date_format) for part in _RANGE.split(text)]
    return (days[0], days[1]) if len(days) == 2 and days[0] and days[1] else None


def plain_word(text: str) -> str:
    """Text without accents, case, spaces and signs: Qté, QTE and qte. are one."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe"))
    return "".join(letter for letter in letters if letter.isalnum())
