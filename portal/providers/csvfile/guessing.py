"""Guessing a profile for a file, from its headings and values, and saying what each decision rests on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from portal.billing.period import next_invoice_date
from portal.providers.csvfile.cells import named_currency, parse_day, parse_number, parse_period, plain_word
from portal.providers.csvfile.profile import CYCLE_WORDS, KIND_WORDS, DateFormat, DecimalMark, Profile, Thousands
from portal.providers.table import Row, open_table

_DAY = timedelta(days=1)
_EXAMPLES = 3
_LOOKED_AT = 2_000
_HEADINGS = {
    "organization": "organization organisation customer customername client clientname nomduclient company companyname "
    "entreprise compagnie societe account compte tenant endcustomer clientfinal",
    "offer_key": "sku offerkey offerid productid productcode itemcode itemid partnumber code codeproduit codearticle "
    "reference ref nodarticle noarticle",
    "offer_name": "product productname offer offername item itemname description service produit article offre "
    "nomduproduit designation libelle",
    "quantity": "quantity qty seats licenses licences units qte quantite nombre nbre sieges postes unites",
    "unit_cost": "unitcost unitprice price cost netprice rate prixunitaire coutunitaire prix cout pu tarif",
    "amount": "amount subtotal total linetotal extended extendedprice net netamount montant soustotal totalht "
    "montantht totalligne",
    "currency": "currency currencycode devise monnaie",
    "start": "start startdate from periodstart periodfrom servicestart chargestart begin begindate du debut "
    "datededebut datedebut debutperiode debutdeperiode period billingperiod serviceperiod periode periodedefacturation",
    "end": "end enddate to until through periodend periodto serviceend chargeend au fin datedefin datefin finperiode "
    "findeperiode jusquau",
    "kind": "kind type chargetype category typedefrais nature categorie sorte",
    "cycle": "cycle billingcycle billingfrequency frequency frequence cycledefacturation periodicite",
    "charge_id": "chargeid lineid id transactionid identifiant iddufrais idligne noligne",
}
"""What each column is often called, without accents, spaces and signs; the likelier words first."""
_PERIOD_WORDS = frozenset({"period", "billingperiod", "serviceperiod", "periode", "periodedefacturation"})


class Source(StrEnum):
    """What a decision was guessed from."""

    FILE = "file"
    HEADING = "heading"
    VALUES = "values"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One decision: the profile's field, what it was set to, from what, and examples of how the file's cells are read.

    `is_ambiguous`: the values fit several choices (`choices`), or none; a person must decide. Examples are pairs of a
    cell and its reading: "" where it is text, and all readings, with " / " between them, where there are several.
    """

    field: str
    value: str
    source: Source
    column: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    is_ambiguous: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A profile proposed for a file, with a finding for each decision."""

    profile: Profile
    findings: tuple[Finding, ...]
    headings: tuple[str, ...]
    open_choices: tuple[str, ...]
    """The fields that a person must still choose before the file can be read."""


def guess(data: bytes, name: str) -> Guess:
    """A profile for the file, from its headings and its first rows. Raises ProviderError when it is no table."""
    table = open_table(data, name)
    rows: list[Row] = []
    for row in table.rows():
        rows.append(row)
        if len(rows) == _LOOKED_AT:
            break
    columns = _match_headings(table.headings)
    cells = {field: [text for row in rows if (text := row.text(heading))] for field, heading in columns.items()}
    dropped = _drop_unfit(columns, cells)
    findings = [
        Finding(field="encoding", value=table.encoding, source=Source.FILE),
        Finding(field="delimiter", value=table.delimiter, source=Source.FILE),
    ]
    for field, heading in columns.items():
        examples = tuple((text, "") for text in dict.fromkeys(cells[field][:20]))[:_EXAMPLES]
        findings.append(Finding(field=field, value=heading, source=Source.HEADING, column=heading, examples=examples))
    numbers = [text for field in ("quantity", "unit_cost", "amount") for text in cells.get(field, ())]
    marks, number_finding = _guess_marks(numbers, prefers_comma=table.delimiter == ";")
    date_format, date_finding = _guess_dates(cells, is_period=columns.get("start") == columns.get("end"))
    inclusive, inclusive_finding = _guess_last_day(rows, columns, date_format)
    fixed, fixed_findings = _guess_currency(columns, numbers)
    findings += [number_finding, date_finding, inclusive_finding, *fixed_findings, *dropped]
    chosen: dict[str, Any] = dict(columns)
    profile = Profile(
        encoding=table.encoding,
        delimiter=table.delimiter,
        decimal=marks[0] if marks else None,
        thousands=marks[1] if marks else Thousands.SPACE,
        date_format=date_format,
        is_last_day_inclusive=inclusive,
        fixed_currency=fixed,
        tags=tuple(heading for heading in table.headings if heading not in columns.values()),
        **chosen,
    )
    return Guess(
        profile=profile, findings=tuple(findings), headings=table.headings, open_choices=profile.open_choices()
    )


def _match_headings(headings: tuple[str, ...]) -> dict[str, str]:
    """The column of each field, by its likeliest word; a column serves one field."""
    plain = {plain_word(heading): heading for heading in reversed(headings)}
    found: dict[str, str] = {}
    for field, words in _HEADINGS.items():
        free = (plain[word] for word in words.split() if word in plain and plain[word] not in found.values())
        if (heading := next(free, None)) is not None:
            found[field] = heading
    if "end" not in found and plain_word(found.get("start", "")) in _PERIOD_WORDS:
        found["end"] = found["start"]
    return found


def _drop_unfit(columns: dict[str, str], cells: dict[str, list[str]]) -> list[Finding]:
    """Take away columns whose heading fits and whose values do not: unknown words for a kind, ids that come again."""
    findings = []
    for field, words in (("kind", KIND_WORDS), ("cycle", CYCLE_WORDS), ("charge_id", ())):
        known = {plain_word(word) for word, _ in words}
        texts = cells.get(field, [])
        unknown = [text for text in texts if plain_word(text) not in known] if words else []
        if not words and len(set(texts)) < len(texts):
            unknown = [text for text, count in Counter(texts).items() if count > 1]
        if unknown:
            examples = tuple((text, "") for text in dict.fromkeys(unknown))[:_EXAMPLES]
            column = columns.pop(field)
            findings.append(
                Finding(
                    field=field, value="", source=Source.VALUES, column=column, examples=examples, is_ambiguous=True
                )
            )
    return findings


def _guess_marks(numbers: list[str], *, prefers_comma: bool) -> tuple[tuple[DecimalMark, Thousands] | None, Finding]:
    """The decimal and thousands marks that every number fits; None when the values could mean two things."""
    order = sorted(DecimalMark, key=lambda mark: (mark is DecimalMark.COMMA) != prefers_comma)
    fitting: dict[tuple[Decimal, ...], tuple[DecimalMark, Thousands]] = {}
    for thousands in Thousands:
        for decimal in order:
            read_as = [parse_number(text, decimal, thousands) for text in numbers]
            if thousands.value != decimal.value and None not in read_as:
                fitting.setdefault(tuple(number for number in read_as if number is not None), (decimal, thousands))
    choices = tuple(dict.fromkeys(decimal.value for decimal, _ in fitting.values())) or tuple(DecimalMark)
    if len(fitting) != 1:
        readings = zip(*fitting, strict=True) if fitting else ((),) * len(numbers)
        told = (
            (text, " / ".join(f"{number:f}" for number in dict.fromkeys(found)))
            for text, found in zip(numbers, readings, strict=True)
        )
        examples = tuple(sorted(dict.fromkeys(told), key=lambda pair: -len(pair[1]))[:_EXAMPLES])
        finding = Finding(field="decimal", value="", source=Source.VALUES, is_ambiguous=True)
        return None, replace(finding, examples=examples, choices=choices)
    (values, marks), *_ = fitting.items()
    if marks[1] is Thousands.NONE:
        marks = marks[0], Thousands.SPACE  # a space within a number means nothing else, and a later file may have one
    written = sorted(dict.fromkeys(zip(numbers, values, strict=True)), key=lambda pair: -len(pair[0]))[:_EXAMPLES]
    examples = tuple((text, f"{number:f}") for text, number in written)
    source = Source.VALUES if any(not text.isdigit() for text in numbers) else Source.DEFAULT
    return marks, Finding(field="decimal", value=marks[0].value, source=source, examples=examples)


def _guess_dates(cells: dict[str, list[str]], *, is_period: bool) -> tuple[DateFormat | None, Finding]:
    """The one format that every day fits; None when several do."""
    texts = [*cells.get("start", ()), *(() if is_period else cells.get("end", ()))]

    def fits(text: str, date_format: DateFormat) -> bool:
        return (parse_period if is_period else parse_day)(text, date_format) is not None

    fitting = tuple(one for one in DateFormat if texts and all(fits(text, one) for text in texts))
    if is_period and len(fitting) == len(DateFormat):
        fitting = (DateFormat.ISO,)  # months only: no day is written
    shown = tuple(dict.fromkeys(texts))[:_EXAMPLES]

    def tell(text: str, date_format: DateFormat) -> str:
        found = parse_period(text, date_format) if is_period else parse_day(text, date_format)
        return " – ".join(map(str, found)) if isinstance(found, tuple) else str(found)

    examples = tuple((text, " / ".join(dict.fromkeys(tell(text, one) for one in fitting))) for text in shown)
    finding = Finding(field="date_format", value="", source=Source.VALUES, examples=examples)
    if len(fitting) != 1:
        return None, replace(finding, is_ambiguous=True, choices=tuple(one.value for one in fitting or DateFormat))
    return fitting[0], replace(finding, value=fitting[0].value)


def _guess_last_day(rows: list[Row], columns: dict[str, str], date_format: DateFormat | None) -> tuple[bool, Finding]:
    """Whether the last day is part of the period: periods of a whole month tell, and those of one day."""
    votes = {True: 0, False: 0}  # the keys: inclusive or not
    examples: dict[bool, tuple[str, str]] = {}
    start_column, end_column = columns.get("start", ""), columns.get("end", "")
    for row in rows:
        if date_format is None or start_column == end_column:
            break
        start, end = parse_day(row.text(start_column), date_format), parse_day(row.text(end_column), date_format)
        if start is None or end is None:
            continue
        for is_inclusive, after in ((True, end + _DAY), (False, end)):
            if after == next_invoice_date(start, start.day) or (is_inclusive and start == end):
                votes[is_inclusive] += 1
                examples.setdefault(is_inclusive, (row.text(start_column), row.text(end_column)))
    is_inclusive = votes[True] > 0 or votes[False] == 0
    source = Source.VALUES if any(votes.values()) else Source.DEFAULT
    finding = Finding(
        field="is_last_day_inclusive",
        value="true" if is_inclusive else "false",
        source=source,
        column=end_column,
        examples=tuple(examples.values()),
        is_ambiguous=all(votes.values()),
    )
    return is_inclusive, finding


def _guess_currency(columns: dict[str, str], numbers: list[str]) -> tuple[str, list[Finding]]:
    """A fixed currency where there is no column and a sign of money names one; a lone $ does not."""
    if "currency" in columns:
        return "", []
    found = {code for text in numbers if (code := named_currency(text))}
    code = found.pop() if len(found) == 1 else ""
    source = Source.VALUES if code else Source.DEFAULT
    return code, [Finding(field="currency", value=code, source=source, is_ambiguous=not code)]
