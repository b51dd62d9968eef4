"""An export rule as it is kept and sent: plain JSON, in one way for each rule, and back (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import Chosen, DatedBy, Dates, ExportRule, Span, Tag, Which


def to_record(rule: ExportRule) -> dict[str, Any]:
    """What a rule says, without the parts that keep nothing back."""
    told: dict[str, Any] = {}
    for name, chosen in (("organizations", rule.organizations), ("offers", rule.offers)):
        if chosen.which is not Which.ALL:
            told[name] = {"which": chosen.which.value, "ids": sorted(chosen.ids)}
    if rule.dates.span is not Span.ALWAYS:
        told["dates"] = _dates(rule.dates)
    for name, tags in (("any_of", rule.any_of), ("none_of", rule.none_of)):
        if tags:
            told[name] = [[tag.name, tag.value] for tag in sorted(tags)]
    if rule.kinds:
        told["kinds"] = sorted(kind.value for kind in rule.kinds)
    if rule.cycles:
        told["cycles"] = sorted(cycle.value for cycle in rule.cycles)
    for name, amount in (("least", rule.least), ("most", rule.most)):
        if amount is not None:
            told[name] = f"{amount:.2f}"
    return told


def _dates(dates: Dates) -> dict[str, Any]:
    told: dict[str, Any] = {"span": dates.span.value, "by": dates.by.value}
    if dates.span is Span.LAST:
        told["days"] = dates.days
    elif dates.first is not None:
        told["first"] = dates.first.isoformat()
    if dates.span is Span.BETWEEN and dates.last is not None:
        told["last"] = dates.last.isoformat()
    return told


def from_record(told: Mapping[str, Any]) -> ExportRule:
    """The rule of a record that `to_record` made."""
    dates = told.get("dates", {})
    return ExportRule(
        organizations=_chosen(told.get("organizations")),
        offers=_chosen(told.get("offers")),
        dates=Dates(
            span=Span(dates.get("span", Span.ALWAYS)),
            by=DatedBy(dates.get("by", DatedBy.CHARGE)),
            first=_day(dates.get("first")),
            last=_day(dates.get("last")),
            days=dates.get("days"),
        ),
        any_of=frozenset(Tag(name, value) for name, value in told.get("any_of", ())),
        none_of=frozenset(Tag(name, value) for name, value in told.get("none_of", ())),
        kinds=frozenset(map(ChargeKind, told.get("kinds", ()))),
        cycles=frozenset(map(BillingCycle, told.get("cycles", ()))),
        least=_amount(told.get("least")),
        most=_amount(told.get("most")),
    )


def _chosen(told: Mapping[str, Any] | None) -> Chosen:
    return Chosen() if told is None else Chosen(which=Which(told["which"]), ids=frozenset(told["ids"]))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
