"""Export rules: what one says, its versions, and what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import MOST_DAYS, MOST_TAGS, Chosen, DatedBy, Dates, ExportRule, Span, Tag, Which
from portal.services.export_rules import MOST_CHOSEN, Effect, RuleView, Sum
from portal.web.api.shapes.values import PLAIN, Number, NumberText, Shape
from portal.web.language import say

RowId = Annotated[int, Field(ge=1, le=2**31 - 1)]
TagText = Annotated[str, StringConstraints(max_length=255, pattern=PLAIN)]


class ChosenRows(Shape):
    """Rows by number: all, only these, or all except these."""

    which: Which = Which.ALL
    ids: Annotated[list[RowId], Field(max_length=MOST_CHOSEN)] = []


class RuleDates(Shape):
    """A period. `since` needs `first`, `between` also `last` (included), `last` the number of `days`."""

    span: Span = Span.ALWAYS
    by: Annotated[DatedBy, Field(description="The first day of service, or the day of the import.")] = DatedBy.CHARGE
    first: date | None = None
    last: date | None = None
    days: Annotated[int | None, Field(ge=1, le=MOST_DAYS)] = None


class RuleTag(Shape):
    """A tag; without a value, any value of it."""

    name: TagText
    value: TagText = ""


class RuleIn(Shape):
    """Which charges may leave. Every part must let a charge; a part that is left out lets all. `{}` lets everything."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organizations": {"which": "except", "ids": [12]},
                    "dates": {"span": "since", "by": "charge", "first": "2026-01-01"},
                    "none_of": [{"name": "internal"}],
                }
            ]
        }
    )

    organizations: ChosenRows = ChosenRows()
    offers: ChosenRows = ChosenRows()
    dates: RuleDates = RuleDates()
    any_of: Annotated[list[RuleTag], Field(max_length=MOST_TAGS, description="One of these tags is needed.")] = []
    none_of: Annotated[list[RuleTag], Field(max_length=MOST_TAGS, description="None of these may be there.")] = []
    kinds: Annotated[list[ChargeKind], Field(max_length=20)] = []
    cycles: Annotated[list[BillingCycle], Field(max_length=20)] = []
    least: Annotated[NumberText | None, Field(description="The lowest amount, included.")] = None
    most: Annotated[NumberText | None, Field(description="The highest amount, included.")] = None

    def to_rule(self) -> ExportRule:
        """The rule that this says."""
        return ExportRule(
            organizations=_chosen(self.organizations),
            offers=_chosen(self.offers),
            dates=Dates(**self.dates.model_dump()),
            any_of=_tags(self.any_of),
            none_of=_tags(self.none_of),
            kinds=frozenset(self.kinds),
            cycles=frozenset(self.cycles),
            least=None if self.least is None else Decimal(self.least),
            most=None if self.most is None else Decimal(self.most),
        )


def _chosen(rows: ChosenRows) -> Chosen:
    return Chosen(which=rows.which, ids=frozenset(rows.ids) if rows.which is not Which.ALL else frozenset())


def _tags(tags: Sequence[RuleTag]) -> frozenset[Tag]:
    return frozenset(Tag(tag.name, tag.value) for tag in tags)


class RuleOut(Shape):
    """A version of the rule, whole and in words. Version 0 is that of before the first: everything leaves."""

    version: int
    words: str
    organizations: ChosenRows
    offers: ChosenRows
    dates: RuleDates
    any_of: list[RuleTag]
    none_of: list[RuleTag]
    kinds: list[ChargeKind]
    cycles: list[BillingCycle]
    least: Number | None
    most: Number | None
    saved_by: str | None
    saved_at: datetime | None

    @classmethod
    def of(cls, view: RuleView) -> RuleOut:
        """As it is sent."""
        rule, dates = view.rule, view.rule.dates
        return cls(
            version=view.version,
            words=say(view.words),
            organizations=ChosenRows(which=rule.organizations.which, ids=sorted(rule.organizations.ids)),
            offers=ChosenRows(which=rule.offers.which, ids=sorted(rule.offers.ids)),
            dates=RuleDates(span=dates.span, by=dates.by, first=dates.first, last=dates.last, days=dates.days),
            any_of=[RuleTag(name=tag.name, value=tag.value) for tag in sorted(rule.any_of)],
            none_of=[RuleTag(name=tag.name, value=tag.value) for tag in sorted(rule.none_of)],
            kinds=sorted(rule.kinds),
            cycles=sorted(rule.cycles),
            least=rule.least,
            most=rule.most,
            saved_by=view.who or None,
            saved_at=view.at,
        )


class RulePage(Shape):
    """A page of versions, newest first."""

    items: list[RuleOut]
    next: str | None


class SumOut(Shape):
    """Charges in one currency."""

    currency: str
    count: int
    amount: Number

    @classmethod
    def of(cls, one: Sum) -> SumOut:
        """As it is sent."""
        return cls(currency=one.currency, count=one.count, amount=one.amount)


class EffectOut(Shape):
    """What a rule would let leave, and keep back, of the charges that no invoice bills yet; by currency."""

    kept: list[SumOut]
    dropped: list[SumOut]

    @classmethod
    def of(cls, effect: Effect) -> EffectOut:
        """As it is sent."""
        return cls(kept=[SumOut.of(one) for one in effect.kept], dropped=[SumOut.of(one) for one in effect.dropped])
