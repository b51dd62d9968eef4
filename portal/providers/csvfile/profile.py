"""A column profile: which column of a file is what, and how its numbers and dates are written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from portal.billing.charge import BillingCycle, ChargeKind
from portal.providers import ProviderError
from portal.providers.table import DELIMITERS, ENCODINGS, show

COLUMNS = (
    *("organization", "offer_key", "offer_name", "quantity", "unit_cost", "amount", "currency"),
    *("start", "end", "kind", "cycle", "charge_id"),
)
"""The fields of a profile that name a column."""


class DecimalMark(StrEnum):
    """What stands before the cents."""

    POINT = "."
    COMMA = ","


class Thousands(StrEnum):
    """What stands between groups of three digits. SPACE is any space, also a narrow or no-break one."""

    NONE = ""
    SPACE = " "
    APOSTROPHE = "'"
    COMMA = ","
    POINT = "."


class DateFormat(StrEnum):
    """How days are written; a time may follow and is left out. DAY_FIRST and MONTH_FIRST take / and -."""

    ISO = "YYYY-MM-DD"
    DAY_FIRST = "DD/MM/YYYY"
    MONTH_FIRST = "MM/DD/YYYY"
    DOTTED = "DD.MM.YYYY"
    COMPACT = "YYYYMMDD"


KIND_WORDS: tuple[tuple[str, str], ...] = tuple(
    (word, kind)
    for kind, words in (
        (ChargeKind.RECURRING, "recurring, subscription, renewal, renew, récurrent, abonnement, renouvellement"),
        (ChargeKind.PRORATED, "prorated, prorata, partial, au prorata, partiel, ajout, addition"),
        (ChargeKind.USAGE, "usage, metered, consumption, overage, utilisation, consommation, dépassement"),
        (ChargeKind.ONE_TIME, "one-time, one time, setup, fee, unique, ponctuel, mise en service, frais"),
        (ChargeKind.CREDIT, "credit, refund, cancellation, crédit, remboursement, annulation, retrait"),
    )
    for word in words.split(", ")
)
"""Words for kinds, English and French, that a new profile begins with."""
CYCLE_WORDS: tuple[tuple[str, str], ...] = tuple(
    (word, cycle)
    for cycle, words in (
        (BillingCycle.MONTHLY, "monthly, month, mensuel, mensuelle, mois"),
        (BillingCycle.YEARLY, "yearly, annual, annually, year, annuel, annuelle, an, année"),
        (BillingCycle.ONE_TIME, "one-time, one time, once, unique, une fois, ponctuel"),
    )
    for word in words.split(", ")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the columns of a file become charges. "" is a column that there is not; None is a choice still open.

    One column for `start` and `end` holds a period: a month (2026-10) or two days (2026-10-01 - 2026-10-31).
    """

    name: str = ""
    """What its owner calls it: the scope of the deliveries that are read by it."""
    encoding: str | None = None
    """One of table.ENCODINGS; None: found in each file."""
    delimiter: str | None = None
    """One of table.DELIMITERS; None: found in each file."""
    decimal: DecimalMark | None = DecimalMark.POINT
    thousands: Thousands = Thousands.NONE
    date_format: DateFormat | None = DateFormat.ISO
    is_last_day_inclusive: bool = True
    organization: str = ""
    offer_key: str = ""
    offer_name: str = ""
    quantity: str = ""
    unit_cost: str = ""
    amount: str = ""
    currency: str = ""
    start: str = ""
    end: str = ""
    kind: str = ""
    cycle: str = ""
    charge_id: str = ""
    fixed_currency: str = ""
    """Three letters, for files without a column or rows without a value."""
    fixed_kind: ChargeKind | None = None
    """None: told by the words of the column, or else by sign and period."""
    fixed_cycle: BillingCycle | None = None
    """None: told by the words of the column, or else by the period's length."""
    kind_words: tuple[tuple[str, str], ...] = KIND_WORDS
    cycle_words: tuple[tuple[str, str], ...] = CYCLE_WORDS
    tags: tuple[str, ...] = ()
    """Columns that are kept beside the charge."""

    def columns(self) -> dict[str, str]:
        """The heading of each field that has a column."""
        return {field: heading for field in COLUMNS if (heading := getattr(self, field))}

    def open_choices(self) -> tuple[str, ...]:
        """The names of the fields without which nothing can be read."""
        lacking = [field for field in ("decimal", "date_format") if getattr(self, field) is None]
        lacking += [field for field in ("organization", "quantity", "start", "end") if not getattr(self, field)]
        if not (self.offer_key or self.offer_name):
            lacking.append("offer_key")
        if not (self.amount or self.unit_cost):
            lacking.append("amount")
        if not (self.currency or self.fixed_currency):
            lacking.append("currency")
        return tuple(lacking)

    def to_json(self) -> str:
        """The profile as JSON that `from_json` reads; word tables are objects."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        told |= {"kind_words": dict(self.kind_words), "cycle_words": dict(self.cycle_words), "tags": list(self.tags)}
        return json.dumps(told, ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """The profile in a JSON text. Raises ProviderError naming the field that is not in order."""
        try:
            told = json.loads(text)
        except (ValueError, RecursionError) as error:
            what = "The profile is not JSON: {detail}. Save the columns of this file again."
            raise ProviderError("csvfile.profile.not_json", what, detail=show(str(error))) from None
        if not isinstance(told, dict):
            what = "The profile is not a JSON object. Save the columns of this file again."
            raise ProviderError("csvfile.profile.not_object", what)
        known = {field.name for field in fields(cls)}
        values: dict[str, object] = {}
        for name, value in told.items():
            if name not in known:
                what = "The profile has {field}, which is not known here. Save the columns of this file again."
                raise ProviderError("csvfile.profile.unknown_field", what, field=show(str(name)))
            try:
                values[name] = _FIELDS.get(name, _read_text)(value)
            except (TypeError, ValueError, AttributeError):
                what = "The profile cannot have {value} as {field}. Save the columns of this file again."
                found = show(json.dumps(value, ensure_ascii=False))
                raise ProviderError("csvfile.profile.bad_value", what, field=name, value=found) from None
        profile = cls(**values)  # type: ignore[arg-type]
        if profile.decimal is not None and profile.decimal.value == profile.thousands.value:
            what = "The profile has {value} both before the cents and between thousands. Choose two different signs."
            raise ProviderError("csvfile.profile.same_marks", what, value=profile.decimal.value)
        return profile


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _read_choice(choices: Iterable[str]) -> Callable[[object], str | None]:
    known = tuple(choices)

    def choose(value: object) -> str | None:
        if value is not None and value not in known:
            raise ValueError(value)
        return None if value is None else str(value)

    return choose


def _read_words(kinds: type[StrEnum]) -> Callable[[object], tuple[tuple[str, str], ...]]:
    def read_words(value: object) -> tuple[tuple[str, str], ...]:
        if not isinstance(value, dict):
            raise TypeError(value)
        return tuple((_read_text(word), kinds(meaning)) for word, meaning in value.items())

    return read_words


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _read_tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(_read_text(heading) for heading in value)


def _read_currency_code(value: object) -> str:
    if (code := _read_text(value)) and not re.fullmatch(r"[A-Z]{3}", code):
        raise ValueError(value)
    return code


_FIELDS: Mapping[str, Callable[[object], object]] = {
    "encoding": _read_choice(ENCODINGS),
    "delimiter": _read_choice(DELIMITERS),
    "decimal": lambda value: None if value is None else DecimalMark(_read_text(value)),
    "thousands": lambda value: Thousands(_read_text(value)),
    "date_format": lambda value: None if value is None else DateFormat(_read_text(value)),
    "is_last_day_inclusive": _read_flag,
    "fixed_currency": _read_currency_code,
    "fixed_kind": lambda value: None if value is None else ChargeKind(_read_text(value)),
    "fixed_cycle": lambda value: None if value is None else BillingCycle(_read_text(value)),
    "kind_words": _read_words(ChargeKind),
    "cycle_words": _read_words(BillingCycle),
    "tags": _read_tags,
}
