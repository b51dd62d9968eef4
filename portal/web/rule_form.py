"""The form of an export rule as it is typed, right or wrong: what it says, and what is wrong at which part."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from flask import request
from werkzeug.datastructures import MultiDict

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import Chosen, DatedBy, Dates, ExportRule, Part, Span, Tag, Which, problems
from portal.errors import Refused, Sentence
from portal.services.connections import to_row_id
from portal.services.rule_choices import Side, Sought
from portal.web.dates import to_date_or_none
from portal.web.tables import LONGEST_SEARCH

Kind = TypeVar("Kind", bound=StrEnum)
_DATES = {Span.SINCE: ("since",), Span.BETWEEN: ("first", "last")}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleForm:
    """What stands in the form: its fields as texts, what is ticked, and what is looked for."""

    fields: Mapping[str, str] = field(default_factory=dict)
    ids: Mapping[Side, frozenset[int]] = field(default_factory=dict)
    sought: Mapping[Side, Sought] = field(default_factory=dict)
    any_of: frozenset[Tag] = frozenset()
    none_of: frozenset[Tag] = frozenset()
    kinds: frozenset[ChargeKind] = frozenset()
    cycles: frozenset[BillingCycle] = frozenset()

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that are chosen."""
        return tuple(sorted(self.any_of | self.none_of))

    def which(self, side: Side) -> Which:
        """What the ticks of a side mean."""
        return _choice(Which, self.fields.get(f"{side}-which", ""), Which.ALL)

    def choose(self, side: Side, ids: frozenset[int]) -> RuleForm:
        """The same with other ticks on a side."""
        return replace(self, ids={**self.ids, side: ids})

    def turn(self, side: Side, page: int) -> RuleForm:
        """The same with another page of what a side finds."""
        return replace(self, sought={**self.sought, side: replace(self.sought[side], page=page)})


def of_request() -> RuleForm:
    """The form that was sent."""
    form = request.form
    signed = [one for one in map(_signed_tag, form.getlist("tag")) if one is not None]
    return RuleForm(
        fields={name: value.strip() for name, value in form.items()},
        ids={side: _ids(form, side) for side in Side},
        sought={side: _sought(form, side) for side in Side},
        any_of=frozenset(tag for sign, tag in signed if sign == "+"),
        none_of=frozenset(tag for sign, tag in signed if sign == "-"),
        kinds=frozenset(ChargeKind(one) for one in form.getlist("kind") if one in set(ChargeKind)),
        cycles=frozenset(BillingCycle(one) for one in form.getlist("cycle") if one in set(BillingCycle)),
    )


def of_rule(rule: ExportRule) -> RuleForm:
    """The form filled with a rule."""
    dates = rule.dates
    fields = {
        "organizations-which": rule.organizations.which.value,
        "offers-which": rule.offers.which.value,
        "span": dates.span.value,
        "by": dates.by.value,
        "days": str(dates.days or ""),
        "since": _day(dates.first) if dates.span is Span.SINCE else "",
        "first": _day(dates.first) if dates.span is Span.BETWEEN else "",
        "last": _day(dates.last) if dates.span is Span.BETWEEN else "",
        "least": "" if rule.least is None else f"{rule.least:.2f}",
        "most": "" if rule.most is None else f"{rule.most:.2f}",
    }
    return RuleForm(
        fields=fields,
        ids={Side.ORGANIZATIONS: rule.organizations.ids, Side.OFFERS: rule.offers.ids},
        sought={side: Sought() for side in Side},
        any_of=rule.any_of,
        none_of=rule.none_of,
        kinds=rule.kinds,
        cycles=rule.cycles,
    )


def read(form: RuleForm) -> tuple[ExportRule, dict[Part, Sentence]]:
    """The rule that a form says, and what is wrong with it; what cannot be read stands for nothing."""
    wrong: dict[Part, Sentence] = {}
    span = _choice(Span, form.fields.get("span", ""), Span.ALWAYS)
    days: dict[str, date | None] = {}
    for name in _DATES.get(span, ()):
        try:
            days[name] = to_date_or_none(form.fields.get(name, ""))
        except Refused as error:
            wrong[Part.PERIOD] = error.sentence
    rule = ExportRule(
        organizations=_chosen(form, Side.ORGANIZATIONS),
        offers=_chosen(form, Side.OFFERS),
        dates=Dates(
            span=span,
            by=_choice(DatedBy, form.fields.get("by", ""), DatedBy.CHARGE),
            first=days.get("since") or days.get("first"),
            last=days.get("last"),
            days=to_row_id(form.fields.get("days", "")) if span is Span.LAST else None,
        ),
        any_of=form.any_of,
        none_of=form.none_of,
        kinds=form.kinds,
        cycles=form.cycles,
        least=_amount(form.fields.get("least", ""), wrong),
        most=_amount(form.fields.get("most", ""), wrong),
    )
    return rule, {**problems(rule), **wrong}


def tag_value(tag: Tag, sign: str = "") -> str:
    """How a tag travels in the form, with what it is wanted for."""
    return f"{sign}{json.dumps([tag.name, tag.value])}"


def _chosen(form: RuleForm, side: Side) -> Chosen:
    which = form.which(side)
    return Chosen() if which is Which.ALL else Chosen(which=which, ids=form.ids.get(side, frozenset()))


def _ids(form: MultiDict[str, str], side: Side) -> frozenset[int]:
    """What is ticked, and what is chosen and not listed."""
    told: Iterable[str] = (*form.getlist(side.value), *form.get(f"{side}-kept", "").split(","))
    return frozenset(number for number in map(to_row_id, told) if number is not None)


def _sought(form: MultiDict[str, str], side: Side) -> Sought:
    search, page = form.get(f"{side}-q", "").strip(), to_row_id(form.get(f"{side}-page", ""))
    return Sought(search=search[:LONGEST_SEARCH], page=page or 1)


def _signed_tag(text: str) -> tuple[str, Tag] | None:
    try:
        name, value = json.loads(text[1:])
    except ValueError:
        return None
    if not (isinstance(name, str) and isinstance(value, str)):
        return None
    return text[0], Tag(name, value)


def _choice(kind: type[Kind], text: str, otherwise: Kind) -> Kind:
    try:
        return kind(text)
    except ValueError:
        return otherwise


def _amount(text: str, wrong: dict[Part, Sentence]) -> Decimal | None:
    """An amount as people of both languages write it."""
    plain = "".join(text.split()).replace("\u2212", "-")
    plain = plain.replace(",", "." if "." not in plain and plain.count(",") == 1 else "")
    if not plain:
        return None
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        wrong[Part.AMOUNT] = Sentence("%(text)s is not an amount. Write it like 12.50.", {"text": text[:40]})
        return None
    return amount


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


__all__ = ["RuleForm", "of_request", "of_rule", "read", "tag_value"]
