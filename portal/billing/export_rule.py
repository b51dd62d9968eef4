"""The export rule: which charges may leave for QuickBooks (pure).

A rule has parts: organizations, offers, a period, tags, kinds, billing cycles, an amount. A charge leaves when every
part lets it; their order does not matter. What gives back something that was billed leaves whatever the rule says: the
client was invoiced for it, and money would be lost.

Dates are civil dates where the connection is. "By import date" looks at when the import came that the charge is of, "by
charge date" at the first day of its service. "The last n days" end today, today included.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.billing.charge import BillingCycle, ChargeKind
from portal.errors import Sentence

MOST_DAYS = 3650
MOST_TAGS = 50
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
HIGHEST_AMOUNT = Decimal("999999999.99")


class Which(StrEnum):
    """What a choice of rows means."""

    ALL = "all"
    ONLY = "only"
    EXCEPT = "except"


class Span(StrEnum):
    """The kinds of period."""

    ALWAYS = "always"
    SINCE = "since"
    LAST = "last"
    BETWEEN = "between"


class DatedBy(StrEnum):
    """Which date of a charge a period looks at."""

    CHARGE = "charge"
    IMPORT = "import"


class Part(StrEnum):
    """The parts of a rule, in the order in which they are said."""

    ORGANIZATION = "organization"
    OFFER = "offer"
    PERIOD = "period"
    TAG = "tag"
    KIND = "kind"
    CYCLE = "cycle"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Rows by id: all of them, only these, or all but these. Rows that come later are let by ALL and EXCEPT."""

    which: Which = Which.ALL
    ids: frozenset[int] = frozenset()

    def lets(self, row_id: int) -> bool:
        """Whether a row is among them."""
        return self.which is Which.ALL or (row_id in self.ids) is (self.which is Which.ONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """A period: SINCE uses `first`, BETWEEN `first` and `last` (the last day, included), LAST `days`."""

    span: Span = Span.ALWAYS
    by: DatedBy = DatedBy.CHARGE
    first: date | None = None
    last: date | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Tag:
    """A tag by its name and value, letter for letter; an empty value stands for any."""

    name: str
    value: str = ""

    def is_on(self, tags: Collection[tuple[str, str]]) -> bool:
        """Whether a charge with these tags has it."""
        return any(name == self.name and self.value in ("", value) for name, value in tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRule:
    """Which charges may leave; as it is made, all of them.

    With `any_of` a charge needs one of the tags, with `none_of` it may have none of them. No `kinds` or `cycles` means
    every one. `least` and `most` are bounds of the amount as the provider states it, both included; those of credits
    are negative.
    """

    organizations: Chosen = field(default_factory=Chosen)
    offers: Chosen = field(default_factory=Chosen)
    dates: Dates = field(default_factory=Dates)
    any_of: frozenset[Tag] = frozenset()
    none_of: frozenset[Tag] = frozenset()
    kinds: frozenset[ChargeKind] = frozenset()
    cycles: frozenset[BillingCycle] = frozenset()
    least: Decimal | None = None
    most: Decimal | None = None

    @property
    def restricts(self) -> frozenset[Part]:
        """The parts that keep something back."""
        told = {
            Part.ORGANIZATION: self.organizations.which is not Which.ALL,
            Part.OFFER: self.offers.which is not Which.ALL,
            Part.PERIOD: self.dates.span is not Span.ALWAYS,
            Part.TAG: bool(self.any_of or self.none_of),
            Part.KIND: bool(self.kinds),
            Part.CYCLE: bool(self.cycles),
            Part.AMOUNT: self.least is not None or self.most is not None,
        }
        return frozenset(part for part, is_said in told.items() if is_said)


EVERYTHING = ExportRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Where and when a rule is applied: the connection's zone, and the day that is today there."""

    zone: ZoneInfo
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rule looks at in a charge. `gives_back`: it reverses something that was billed."""

    organization_id: int
    offer_id: int
    kind: ChargeKind
    cycle: BillingCycle
    start: date
    imported_at: datetime
    amount: Decimal
    tags: tuple[tuple[str, str], ...] = ()
    gives_back: bool = False


def keeps(rule: ExportRule, facts: Facts, applied: Applied) -> bool:
    """Whether a rule lets a charge leave."""
    return why_not(rule, facts, applied) is None


def why_not(rule: ExportRule, facts: Facts, applied: Applied) -> Part | None:
    """The first part of a rule that keeps a charge back; None where it may leave."""
    if facts.gives_back:
        return None
    if not rule.organizations.lets(facts.organization_id):
        return Part.ORGANIZATION
    if not rule.offers.lets(facts.offer_id):
        return Part.OFFER
    if not _is_within(rule.dates, facts, applied):
        return Part.PERIOD
    if not _lets_tags(rule, facts.tags):
        return Part.TAG
    if rule.kinds and facts.kind not in rule.kinds:
        return Part.KIND
    if rule.cycles and facts.cycle not in rule.cycles:
        return Part.CYCLE
    is_low = rule.least is not None and facts.amount < rule.least
    return Part.AMOUNT if is_low or (rule.most is not None and facts.amount > rule.most) else None


def bounds(dates: Dates, today: date) -> tuple[date | None, date | None]:
    """The first day of a period and the day after its last; None where it is open."""
    one = timedelta(days=1)
    if dates.span is Span.LAST and dates.days is not None:
        return today - one * (dates.days - 1), today + one
    if dates.span is Span.SINCE:
        return dates.first, None
    if dates.span is Span.BETWEEN and dates.last is not None:
        return dates.first, dates.last + one
    return None, None


def begins(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day begins in a zone, also where the clock is put forward or back at midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _is_within(dates: Dates, facts: Facts, applied: Applied) -> bool:
    first, end = bounds(dates, applied.today)
    if dates.by is DatedBy.CHARGE:
        return (first is None or facts.start >= first) and (end is None or facts.start < end)
    return (first is None or facts.imported_at >= begins(first, applied.zone)) and (
        end is None or facts.imported_at < begins(end, applied.zone)
    )


def _lets_tags(rule: ExportRule, tags: Collection[tuple[str, str]]) -> bool:
    if rule.any_of and not any(tag.is_on(tags) for tag in rule.any_of):
        return False
    return not any(tag.is_on(tags) for tag in rule.none_of)


# -- what cannot be a rule ---------------------------------------------------------------------------------------------


def problems(rule: ExportRule) -> dict[Part, Sentence]:
    """What is wrong with each part of a rule, with the remedy; empty for a rule that can be saved."""
    found = {
        Part.ORGANIZATION: _nothing_chosen(
            rule.organizations,
            Sentence("No organization is chosen, so nothing would ever be billed. Choose one, or bill all of them."),
        ),
        Part.OFFER: _nothing_chosen(
            rule.offers,
            Sentence("No offer is chosen, so nothing would ever be billed. Choose one, or bill all of them."),
        ),
        Part.PERIOD: _period_problem(rule.dates),
        Part.TAG: _tag_problem(rule),
        Part.AMOUNT: _amount_problem(rule),
    }
    return {part: what for part, what in found.items() if what is not None}


def _nothing_chosen(chosen: Chosen, what: Sentence) -> Sentence | None:
    return what if chosen.which is Which.ONLY and not chosen.ids else None


def _period_problem(dates: Dates) -> Sentence | None:
    if dates.span is Span.LAST:
        if dates.days is not None and 1 <= dates.days <= MOST_DAYS:
            return None
        return Sentence("Give a number of days from 1 to %(most)s.", {"most": str(MOST_DAYS)})
    needed = {Span.SINCE: (dates.first,), Span.BETWEEN: (dates.first, dates.last)}.get(dates.span, ())
    if None in needed:
        if dates.span is Span.SINCE:
            return Sentence("Give the first day of the period.")
        return Sentence("Give the first and the last day of the period.")
    for day in needed:
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            return Sentence("%(date)s cannot be a day of a period. Check its year.", {"date": str(day)})
    if dates.span is Span.BETWEEN and dates.first is not None and dates.last is not None and dates.last < dates.first:
        return Sentence(
            "The period ends on %(last)s, before it begins on %(first)s. Swap the two dates, or mend one.",
            {"first": str(dates.first), "last": str(dates.last)},
        )
    return None


def _tag_problem(rule: ExportRule) -> Sentence | None:
    tags = rule.any_of | rule.none_of
    if any(not tag.name.strip() for tag in tags):
        return Sentence("A tag has no name. Choose one from the list, or take it out.")
    if len(tags) > MOST_TAGS:
        return Sentence("A rule takes at most %(most)s tags. Take some out.", {"most": str(MOST_TAGS)})
    both = sorted(tag for tag in rule.any_of if tag in rule.none_of or Tag(tag.name) in rule.none_of)
    if both:
        return Sentence(
            "The tag %(tag)s is wanted and left out at once. Take it out of one of the two.", {"tag": tag_text(both[0])}
        )
    return None


def tag_text(tag: Tag) -> str:
    """A tag as people read it."""
    return f"{tag.name}: {tag.value}" if tag.value else tag.name


def _amount_problem(rule: ExportRule) -> Sentence | None:
    for amount in (rule.least, rule.most):
        if amount is None:
            continue
        if not amount.is_finite() or abs(amount) > HIGHEST_AMOUNT:
            return Sentence("Amounts go up to %(most)s.", {"most": str(HIGHEST_AMOUNT)})
        if amount != round(amount, 2):
            return Sentence("Give amounts in dollars and cents, such as 12.50.")
    if rule.least is not None and rule.most is not None and rule.most < rule.least:
        return Sentence(
            "The highest amount, %(most)s, is below the lowest, %(least)s. Swap the two, or mend one.",
            {"least": f"{rule.least:.2f}", "most": f"{rule.most:.2f}"},
        )
    return None
