"""An export rule in words: one sentence, made of clauses that are translated one by one (pure).

Few chosen rows are named, more are counted. "Only charges of 4 organizations, dated since January 1, 2026, without the
tag Use: internal."
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import Chosen, DatedBy, Dates, ExportRule, Span, Tag, Which, tag_text
from portal.errors import Sentence

MOST_NAMED = 3

EVERY_CHARGE = Sentence("Every charge may leave")
ONLY_CHARGES = Sentence("Only charges")
_OR = Sentence(" or ")
# Apart: a kind and a cycle are equal where their texts are.
_KIND_WORDS: dict[ChargeKind, Sentence] = {
    ChargeKind.RECURRING: Sentence("recurring"),
    ChargeKind.PRORATED: Sentence("prorated"),
    ChargeKind.USAGE: Sentence("usage"),
    ChargeKind.ONE_TIME: Sentence("one-time"),
    ChargeKind.CREDIT: Sentence("credit"),
}
_CYCLE_WORDS: dict[BillingCycle, Sentence] = {
    BillingCycle.ONE_TIME: Sentence("once"),
    BillingCycle.MONTHLY: Sentence("monthly"),
    BillingCycle.YEARLY: Sentence("yearly"),
}
Value = str | int | date | Decimal | tuple[str, ...] | tuple[StrEnum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A part of the sentence: a template and its values, each still to be written in a language."""

    template: Sentence
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What rows are called, by id; one that is missing counts and is not named."""

    organizations: Mapping[int, str] = field(default_factory=dict)
    offers: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """A language: how it says a text, a day and an amount."""

    text: Callable[[Sentence], str]
    day: Callable[[date], str]
    amount: Callable[[Decimal], str]


ENGLISH = Tongue(text=str, day=lambda day: f"{day:%Y-%m-%d}", amount=lambda amount: f"{amount:,.2f}")


def sentence(rule: ExportRule, names: Names) -> tuple[Clause, ...]:
    """What a rule says, as a head and a clause for each part that keeps something back."""
    clauses = (
        *_of_organizations(rule.organizations, names.organizations),
        *_of_offers(rule.offers, names.offers),
        *_of_dates(rule.dates),
        *_of_tags(rule),
        *_of_kinds(rule),
        *_of_amounts(rule),
    )
    if not clauses:
        return (Clause(template=EVERY_CHARGE),)
    return (Clause(template=ONLY_CHARGES), *clauses)


def tell(clauses: Iterable[Clause], tongue: Tongue = ENGLISH) -> str:
    """The clauses as one sentence in a language."""
    head, *rest = (_fill(clause, tongue) for clause in clauses)
    return f"{head} {', '.join(rest)}." if rest else f"{head}."


def _fill(clause: Clause, tongue: Tongue) -> str:
    return tongue.text(clause.template) % {name: _write(value, tongue) for name, value in clause.values.items()}


def _write(value: Value, tongue: Tongue) -> str:
    if isinstance(value, tuple):
        told = [tongue.text(_word(one)) if isinstance(one, StrEnum) else one for one in value]
        return tongue.text(_OR).join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
    if isinstance(value, Decimal):
        return tongue.amount(value)
    return tongue.day(value) if isinstance(value, date) else str(value)


def _word(one: StrEnum) -> Sentence:
    return _KIND_WORDS[one] if isinstance(one, ChargeKind) else _CYCLE_WORDS[BillingCycle(one)]


def _named(chosen: Chosen, names: Mapping[int, str]) -> tuple[str, ...]:
    """The names of the chosen rows where they are few and all known; else none."""
    if len(chosen.ids) > MOST_NAMED or not chosen.ids <= names.keys():
        return ()
    return tuple(sorted((names[one] for one in chosen.ids), key=str.casefold))


def _of_organizations(chosen: Chosen, names: Mapping[int, str]) -> Iterable[Clause]:
    named, count = _named(chosen, names), len(chosen.ids)
    if chosen.which is Which.ONLY and named:
        yield Clause(template=Sentence("of %(names)s"), values={"names": named})
    elif chosen.which is Which.ONLY:
        yield Clause(template=Sentence("of %(count)s organizations"), values={"count": count})
    elif chosen.which is Which.EXCEPT and named:
        yield Clause(template=Sentence("of every organization but %(names)s"), values={"names": named})
    elif chosen.which is Which.EXCEPT and count:
        yield Clause(template=Sentence("of every organization but %(count)s"), values={"count": count})


def _of_offers(chosen: Chosen, names: Mapping[int, str]) -> Iterable[Clause]:
    named, count = _named(chosen, names), len(chosen.ids)
    if chosen.which is Which.ONLY and named:
        yield Clause(template=Sentence("for %(names)s"), values={"names": named})
    elif chosen.which is Which.ONLY:
        yield Clause(template=Sentence("for %(count)s offers"), values={"count": count})
    elif chosen.which is Which.EXCEPT and named:
        yield Clause(template=Sentence("for every offer but %(names)s"), values={"names": named})
    elif chosen.which is Which.EXCEPT and count:
        yield Clause(template=Sentence("for every offer but %(count)s"), values={"count": count})


_DATES = {
    (Span.SINCE, DatedBy.CHARGE): Sentence("dated since %(first)s"),
    (Span.SINCE, DatedBy.IMPORT): Sentence("imported since %(first)s"),
    (Span.LAST, DatedBy.CHARGE): Sentence("dated in the last %(days)s days"),
    (Span.LAST, DatedBy.IMPORT): Sentence("imported in the last %(days)s days"),
    (Span.BETWEEN, DatedBy.CHARGE): Sentence("dated from %(first)s to %(last)s"),
    (Span.BETWEEN, DatedBy.IMPORT): Sentence("imported from %(first)s to %(last)s"),
}
_TODAY = {DatedBy.CHARGE: Sentence("dated today"), DatedBy.IMPORT: Sentence("imported today")}


def _of_dates(dates: Dates) -> Iterable[Clause]:
    if dates.span is Span.ALWAYS:
        return
    if dates.span is Span.LAST and dates.days == 1:
        yield Clause(template=_TODAY[dates.by])
        return
    values: dict[str, Value] = {}
    for name, value in (("first", dates.first), ("last", dates.last), ("days", dates.days)):
        if value is not None:
            values[name] = value
    yield Clause(template=_DATES[dates.span, dates.by], values=values)


def _of_tags(rule: ExportRule) -> Iterable[Clause]:
    one_of, many_of = Sentence("with the tag %(tags)s"), Sentence("with one of the tags %(tags)s")
    without, without_any = Sentence("without the tag %(tags)s"), Sentence("without any of the tags %(tags)s")
    for tags, one, many in ((rule.any_of, one_of, many_of), (rule.none_of, without, without_any)):
        if tags:
            yield Clause(template=one if len(tags) == 1 else many, values={"tags": _tag_texts(tags)})


def _tag_texts(tags: Iterable[Tag]) -> tuple[str, ...]:
    return tuple(tag_text(tag) for tag in sorted(tags))


def _of_kinds(rule: ExportRule) -> Iterable[Clause]:
    if rule.kinds:
        kinds = tuple(kind for kind in ChargeKind if kind in rule.kinds)
        yield Clause(template=Sentence("of the kind %(kinds)s"), values={"kinds": kinds})
    if rule.cycles:
        cycles = tuple(cycle for cycle in BillingCycle if cycle in rule.cycles)
        yield Clause(template=Sentence("billed %(cycles)s"), values={"cycles": cycles})


def _of_amounts(rule: ExportRule) -> Iterable[Clause]:
    if rule.least is not None and rule.most is not None:
        values: dict[str, Value] = {"least": rule.least, "most": rule.most}
        yield Clause(template=Sentence("from %(least)s to %(most)s in amount"), values=values)
    elif rule.least is not None:
        yield Clause(template=Sentence("of %(least)s or more"), values={"least": rule.least})
    elif rule.most is not None:
        yield Clause(template=Sentence("of %(most)s or less"), values={"most": rule.most})
