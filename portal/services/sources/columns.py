"""What the columns of a file are: guessed, shown with what each decision rests on, and completed by a person.

Nothing is kept here. A page shows a Sheet, sends back the Choices, and gets a Sheet again until nothing is open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from portal.billing.charge import BillingCycle, ChargeKind
from portal.providers import csvfile
from portal.providers.csvfile import COLUMNS, DateFormat, DecimalMark, Finding, Guess, Profile, Thousands
from portal.providers.csvfile.cells import parse_day, parse_number, parse_period, plain_word
from portal.providers.table import Table, open_table

NONE = "none"
"""The choice that there is no such column."""
THOUSANDS = {NONE: Thousands.NONE} | {one.name.lower(): one for one in Thousands if one is not Thousands.NONE}
NUMBERS = frozenset({"quantity", "unit_cost", "amount"})
DAYS = frozenset({"start", "end"})
WORDS: dict[str, type[ChargeKind] | type[BillingCycle]] = {"kind": ChargeKind, "cycle": BillingCycle}
_MOST_WORDS = 30
_EXAMPLES = 3
_LOOKED_AT = 500
_CURRENCY = re.compile(r"[A-Z]{3}")
_Value = Decimal | date | tuple[date, date] | ChargeKind | BillingCycle | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person chose, as a form sends it. Columns are given by their place ("0" is the first) or NONE.

    "" is a choice still open. `words` are what the words of the kind's and the cycle's column mean.
    """

    fields: Mapping[str, str]
    tags: frozenset[int] = frozenset()
    words: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A cell, and what it is read as; `value` None: it cannot be read so."""

    cell: str
    value: _Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A file, the profile that is being made for it, and what is still open."""

    headings: tuple[str, ...]
    examples: tuple[tuple[str, ...], ...]
    """Cells of each column, three at most."""
    encoding: str
    delimiter: str
    findings: Mapping[str, Finding]
    """What was guessed, by field."""
    choices: Choices
    profile: Profile
    """As far as it is chosen. Its name is not part of the choices."""
    readings: Mapping[str, tuple[Reading, ...]]
    """What the cells of each field's column are read as, by the choices so far."""
    open: frozenset[str]
    """The fields that must be answered before the profile can be saved."""
    words: Mapping[str, tuple[str, ...]]
    """Words of the kind's and the cycle's column whose meaning must be said first; at most thirty at a time."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is open."""
        return not self.open and not any(self.words.values())


def guess(data: bytes, name: str, choices: Choices | None = None, *, start: Profile | None = None) -> Sheet:
    """The columns of a file as `choices` say; without any, as guessed, or as `start` says of columns that are there.

    Raises ProviderError when the file is no table. A choice that cannot be is open.
    """
    guessed = csvfile.guess(data, name)
    findings = {one.field: one for one in guessed.findings}
    if choices is None:
        choices = _first_choices(guessed, findings, start)
    profile = _profile(guessed, choices, start)
    table = open_table(data, name, delimiter=guessed.profile.delimiter)
    examples = _examples(table)
    return Sheet(
        headings=guessed.headings,
        examples=examples,
        encoding=table.encoding,
        delimiter=table.delimiter,
        findings=findings,
        choices=choices,
        profile=profile,
        readings=_readings(profile, guessed.headings, examples),
        open=_open(profile, choices, findings),
        words=_unknown_words(table, profile),
    )


def _first_choices(guessed: Guess, findings: Mapping[str, Finding], start: Profile | None) -> Choices:
    """The guess as choices; with `start`, its decisions, where the file has the columns."""
    profile, answered = guessed.profile, start is not None
    if start is not None:
        there: dict[str, Any] = {
            name: heading for name, heading in start.columns().items() if heading in guessed.headings
        }
        settled: dict[str, Any] = {
            name: getattr(start, name) for name in ("decimal", "thousands", "date_format", "fixed_currency")
        }
        settled |= {name: getattr(start, name) for name in ("is_last_day_inclusive", "fixed_kind", "fixed_cycle")}
        profile = replace(Profile(tags=start.tags), **settled, **there)
    places = {heading: str(place) for place, heading in enumerate(guessed.headings)}
    lacking = profile.open_choices()
    fields: dict[str, str] = {}
    for name in COLUMNS:
        found = findings.get(name)
        is_open = name in lacking or (not answered and found is not None and found.is_ambiguous)
        fields[name] = places.get(getattr(profile, name), "" if is_open else NONE)
    last_day = findings.get("is_last_day_inclusive")
    is_doubtful = not answered and last_day is not None and last_day.is_ambiguous
    fields |= {
        "decimal": profile.decimal or "",
        "thousands": next(name for name, mark in THOUSANDS.items() if mark is profile.thousands),
        "date_format": profile.date_format or "",
        "is_last_day_inclusive": "" if is_doubtful else str(profile.is_last_day_inclusive).lower(),
        "fixed_currency": profile.fixed_currency,
        "fixed_kind": profile.fixed_kind or "",
        "fixed_cycle": profile.fixed_cycle or "",
    }
    return Choices(fields=fields, tags=frozenset(int(places[tag]) for tag in profile.tags if tag in places))


def _profile(guessed: Guess, choices: Choices, start: Profile | None) -> Profile:
    """The profile that the choices make, on the word tables of `start`. The encoding is found anew in each file."""
    told, base = choices.fields, start or Profile()
    currency = told.get("fixed_currency", "").strip().upper()
    columns: dict[str, Any] = {name: _heading(guessed, told.get(name, "")) for name in COLUMNS}
    return Profile(
        delimiter=guessed.profile.delimiter,
        decimal=_one_of(DecimalMark, told.get("decimal", "")),
        thousands=THOUSANDS.get(told.get("thousands", ""), Thousands.NONE),
        date_format=_one_of(DateFormat, told.get("date_format", "")),
        is_last_day_inclusive=told.get("is_last_day_inclusive") != "false",
        fixed_currency=currency if _CURRENCY.fullmatch(currency) else "",
        fixed_kind=_one_of(ChargeKind, told.get("fixed_kind", "")),
        fixed_cycle=_one_of(BillingCycle, told.get("fixed_cycle", "")),
        kind_words=base.kind_words + _words(choices, "kind"),
        cycle_words=base.cycle_words + _words(choices, "cycle"),
        tags=tuple(
            heading
            for place, heading in enumerate(guessed.headings)
            if place in choices.tags and heading not in columns.values()
        ),
        **columns,
    )


def _one_of(kind: type[Any], text: str) -> Any:
    return kind(text) if text in {one.value for one in kind} else None


def _heading(guessed: Guess, place: str) -> str:
    is_place = place.isascii() and place.isdecimal() and len(place) < 5 and int(place) < len(guessed.headings)
    return guessed.headings[int(place)] if is_place else ""


def _words(choices: Choices, name: str) -> tuple[tuple[str, str], ...]:
    known = {one.value for one in WORDS[name]}
    return tuple((word, told) for (kind, word), told in choices.words.items() if kind == name and told in known)


def _open(profile: Profile, choices: Choices, findings: Mapping[str, Finding]) -> frozenset[str]:
    """What nothing can be read without, and what the file leaves in doubt and nobody has answered."""
    doubtful = {name for name, one in findings.items() if one.is_ambiguous and not choices.fields.get(name)}
    if profile.currency or profile.fixed_currency:
        doubtful.discard("currency")
    if choices.fields.get("fixed_currency", "").strip() and not profile.fixed_currency:
        doubtful.add("fixed_currency")
    if profile.decimal is not None and profile.decimal.value == profile.thousands.value:
        doubtful.add("thousands")
    return frozenset(doubtful.union(profile.open_choices()))


def _examples(table: Table) -> tuple[tuple[str, ...], ...]:
    """Different cells of each column, as they stand in the first rows."""
    found: dict[str, dict[str, None]] = {heading: {} for heading in table.headings}
    for row in islice(table.rows(), _LOOKED_AT):
        for heading, cells in found.items():
            if len(cells) < _EXAMPLES and (text := row.text(heading)):
                cells[text] = None
    return tuple(tuple(cells) for cells in found.values())


def _readings(
    profile: Profile, headings: tuple[str, ...], examples: tuple[tuple[str, ...], ...]
) -> dict[str, tuple[Reading, ...]]:
    cells = dict(zip(headings, examples, strict=True))
    return {
        name: tuple(Reading(cell=cell, value=_read(name, cell, profile)) for cell in cells[heading])
        for name, heading in profile.columns().items()
    }


def _read(name: str, cell: str, profile: Profile) -> _Value:
    """What one cell is read as; text for what is taken as it is."""
    if name in NUMBERS:
        return parse_number(cell, profile.decimal, profile.thousands) if profile.decimal else None
    if name in DAYS:
        if profile.date_format is None:
            return None
        is_period = profile.start == profile.end
        return parse_period(cell, profile.date_format) if is_period else parse_day(cell, profile.date_format)
    if name in WORDS:
        told = _meanings(profile, name).get(plain_word(cell))
        return None if told is None else WORDS[name](told)
    return cell.upper() if name == "currency" else cell


def _meanings(profile: Profile, name: str) -> dict[str, str]:
    words = profile.kind_words if name == "kind" else profile.cycle_words
    return {plain_word(word): told for word, told in words}


def _unknown_words(table: Table, profile: Profile) -> dict[str, tuple[str, ...]]:
    wanted = {name: heading for name in WORDS if (heading := getattr(profile, name))}
    known = {name: _meanings(profile, name) for name in wanted}
    found: dict[str, dict[str, str]] = {name: {} for name in wanted}
    if wanted:
        for row in table.rows():
            for name, heading in wanted.items():
                text = row.text(heading)
                plain = plain_word(text)
                if text and plain not in known[name] and len(found[name]) < _MOST_WORDS:
                    found[name].setdefault(plain, text)
    return {name: tuple(words.values()) for name, words in found.items() if words}
