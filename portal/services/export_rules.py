"""The export rule of a connection: read, tried out, and saved as a new version.

A version takes effect with the next run. A run that was begun keeps the version it was begun by, and a visit of the Web
Connector what is queued for it (see `portal.services.rule_versions`). What a rule keeps back waits: it is billed once a
later version lets it, and never otherwise. What gives back something that was billed always leaves, so that no client
stays invoiced for what the provider took back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.export_rule import EVERYTHING, ExportRule, Which, problems, tag_text
from portal.billing.money import from_cents
from portal.billing.rule_record import from_record, to_record
from portal.billing.rule_words import MOST_NAMED, Names, Tongue, sentence
from portal.billing.rule_words import tell as tell_clauses
from portal.errors import NotFound, Refused, Sentence, Stale
from portal.models import ExportRuleVersion, Offer, Organization, Run
from portal.services import Portal, audit, rule_conditions, rule_counting, speaking
from portal.services.api.keyset import From, Slice, read_slice
from portal.services.connections import find, hold
from portal.services.paging import Page, Wanted, load_page
from portal.services.rule_choices import unknown_tags
from portal.services.rule_versions import being_made, today_of

SUBJECT, SAVED, FIELD = "export-rule", "save-export-rule", "export_rule"
VERSIONS = 20
MOST_CHOSEN = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """A version of a rule. `words` say it in every language. Version 0 is that of before the first: nobody saved it."""

    version: int
    rule: ExportRule
    words: Sentence
    who: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """The rule as it applies to the next run, and its versions, newest first, a page at a time.

    `held_by` are the invoice dates of the runs that are still being made, each with the version that it keeps.
    """

    now: RuleView
    versions: Page[RuleView]
    held_by: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Charges in one currency."""

    currency: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a rule would let leave of the charges that no invoice bills yet, and what it would keep back; by currency.

    A currency stands in both. What gives back something that was billed counts as kept: it always leaves.
    """

    kept: tuple[Sum, ...]
    dropped: tuple[Sum, ...]


def read(portal: Portal, connection_id: int) -> RuleView:
    """The newest version. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        return _newest(db, connection_id)


def read_page(portal: Portal, connection_id: int, *, page: int = 1) -> RulePage:
    """The newest version, and a page of all. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        wanted = Wanted(page=page, size=VERSIONS, is_descending=True)
        own = sa.select(ExportRuleVersion).filter_by(connection_id=connection_id)
        number, key = ExportRuleVersion.version.expression, ExportRuleVersion.id.expression
        found = load_page(db, own, wanted, sorts={"version": number}, key=key)
        versions = found.map(lambda rows: _views(db, connection_id, [row[0] for row in rows]))
        numbers = sa.select(Run.invoice_date, ExportRuleVersion.version)
        numbers = numbers.outerjoin(ExportRuleVersion, ExportRuleVersion.id == Run.rule_id)
        begun = numbers.where(Run.id.in_(being_made(connection_id).with_only_columns(Run.id).order_by(None)))
        return RulePage(
            now=_newest(db, connection_id),
            versions=versions,
            held_by=tuple((on, version or 0) for on, version in db.execute(begun.order_by(Run.invoice_date))),
        )


def read_version(portal: Portal, connection_id: int, version: int) -> RuleView:
    """One version. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        row = db.scalar(_own(connection_id).where(ExportRuleVersion.version == version))
        if row is None:
            raise NotFound("The rule has no version of this number.")
        return _views(db, connection_id, [row])[0]


def slice_history(portal: Portal, connection_id: int, wanted: From) -> Slice[RuleView]:
    """A page of the versions that were saved, newest first. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        own = sa.select(ExportRuleVersion).filter_by(connection_id=connection_id)
        key = ExportRuleVersion.version.expression
        page = read_slice(db, own, key, wanted, is_descending=True, key_of=lambda row: int(row[0].version))
        return page.map(lambda rows: _views(db, connection_id, [row for (row,) in rows]))


def save(portal: Portal, connection_id: int, rule: ExportRule, *, version: int | None, who: str) -> RuleView:
    """Save a rule as the version after `version`, which the person saw; None takes any. The same rule again stays it.

    Raises Refused with the remedy, and Stale when somebody saved another version meanwhile.
    """
    check(rule)
    with portal.database.write() as db:
        hold(db, connection_id)
        last = db.scalar(_own(connection_id).limit(1))
        known = 0 if last is None else last.version
        if version is not None and known != version:
            raise Stale(
                "%(who)s saved another version of the rule meanwhile, so nothing was saved. Compare it with what you "
                "chose, then save again.",
                who=(last.who if last else "") or "–",
            )
        before = EVERYTHING if last is None else from_record(last.rule)
        if to_record(before) == to_record(rule):
            return _newest(db, connection_id)
        _check_rows(db, connection_id, rule)
        now = portal.now()
        row = ExportRuleVersion(
            connection_id=connection_id, version=known + 1, rule=to_record(rule), who=who[:254], at=now
        )
        db.add(row)
        after = _view(row, rule, _names(db, connection_id, [rule]))
        told = [one.by_language for one in (words(before, _names(db, connection_id, [before])), after.words)]
        detail = {"version": row.version, "before": {FIELD: told[0]}, "after": {FIELD: told[1]}}
        audit.note(db, connection_id, at=now, who=who, action=SAVED, subject=SUBJECT, detail=detail)
        return after


def check(rule: ExportRule) -> None:
    """Raise Refused with what is wrong with a rule, and the remedy."""
    for what in problems(rule).values():
        raise Refused(what.template, **what.values)
    if max(len(rule.organizations.ids), len(rule.offers.ids)) > MOST_CHOSEN:
        raise Refused("A rule takes at most %(most)s organizations or offers.", most=MOST_CHOSEN)


def tell(portal: Portal, connection_id: int, rule: ExportRule) -> Sentence:
    """What a rule says, with the names of the rows that it chooses. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        return words(rule, _names(db, connection_id, [rule]))


def tag_problem(portal: Portal, connection_id: int, rule: ExportRule) -> Sentence | None:
    """What is wrong with a rule of tags that no charge carries: such a rule keeps back everything, or nothing."""
    with portal.database.read() as db:
        unknown = unknown_tags(db, connection_id, rule.any_of | rule.none_of)
    if not unknown:
        return None
    return Sentence("No charge carries the tag %(tag)s. Choose one from the list.", {"tag": tag_text(unknown[0])})


def effect(portal: Portal, connection_id: int, rule: ExportRule) -> Effect:
    """What a rule would keep and drop of all that no invoice bills yet, counted in the database. Raises Refused."""
    check(rule)
    with portal.database.read() as db:
        applied = today_of(find(db, connection_id), portal.now())
        every = rule_counting.count_kept(db, connection_id, EVERYTHING, applied)
        kept = rule_counting.count_kept(db, connection_id, rule, applied)
        back = rule_counting.count_given_back(db, connection_id, rule, applied)
        left = {}
        for currency, (count, cents) in every.items():
            both = [found.get(currency, (0, 0)) for found in (kept, back)]
            kept[currency] = (sum(one[0] for one in both), sum(one[1] for one in both))
            left[currency] = (count - kept[currency][0], cents - kept[currency][1])
        return Effect(kept=_told(kept), dropped=_told(left))


def words(rule: ExportRule, names: Names) -> Sentence:
    """What a rule says, in one sentence of every language."""
    clauses = sentence(rule, names)
    said = {language: tell_clauses(clauses, _tongue(language)) for language in speaking.LANGUAGES}
    english = said[speaking.LANGUAGES[0]]
    return Sentence(english, {}, said)


def _tongue(language: str) -> Tongue:
    return Tongue(
        text=lambda text: speaking.say(text, language),
        day=lambda day: speaking.say_day(day, language),
        amount=lambda amount: speaking.say_money(amount, language),
    )


def _told(found: dict[str, tuple[int, int]]) -> tuple[Sum, ...]:
    return tuple(
        Sum(currency=currency, count=count, amount=from_cents(cents))
        for currency, (count, cents) in sorted(found.items())
    )


def _own(connection_id: int) -> sa.Select[ExportRuleVersion]:
    own = sa.select(ExportRuleVersion).filter_by(connection_id=connection_id)
    return own.order_by(ExportRuleVersion.version.desc())


def _newest(db: orm.Session, connection_id: int) -> RuleView:
    row = db.scalar(_own(connection_id).limit(1))
    rule = EVERYTHING if row is None else from_record(row.rule)
    return _view(row, rule, _names(db, connection_id, [rule]))


def _view(row: ExportRuleVersion | None, rule: ExportRule, names: Names) -> RuleView:
    told = words(rule, names)
    if row is None:
        return RuleView(version=0, rule=rule, words=told, who="", at=None)
    return RuleView(version=row.version, rule=rule, words=told, who=row.who, at=row.at)


def _views(db: orm.Session, connection_id: int, rows: list[ExportRuleVersion]) -> list[RuleView]:
    rules = [from_record(row.rule) for row in rows]
    names = _names(db, connection_id, rules)
    return [_view(row, rule, names) for row, rule in zip(rows, rules, strict=True)]


def _names(db: orm.Session, connection_id: int, rules: list[ExportRule]) -> Names:
    """The names that sentences need: those of few chosen rows."""
    found = []
    for table, chosen in ((Organization, [one.organizations for one in rules]), (Offer, [one.offers for one in rules])):
        ids = frozenset[int]().union(*(one.ids for one in chosen if len(one.ids) <= MOST_NAMED))
        found.append(dict(_rows_of(db, table, connection_id, ids)) if ids else {})
    return Names(organizations=found[0], offers=found[1])


def _rows_of(
    db: orm.Session, table: type[Organization] | type[Offer], connection_id: int, ids: frozenset[int]
) -> tuple[tuple[int, str], ...]:
    own = sa.select(table.id, table.name).where(table.connection_id == connection_id)
    own = own.where(rule_conditions.is_one_of(table.id.expression, ids))
    return tuple((row.id, row.name) for row in db.execute(own.order_by(table.name, table.id)))


def _check_rows(db: orm.Session, connection_id: int, rule: ExportRule) -> None:
    """Raise Refused for a row that is not there, or is another connection's."""
    for table, chosen in ((Organization, rule.organizations), (Offer, rule.offers)):
        ids = chosen.ids if chosen.which is not Which.ALL else frozenset[int]()
        if len(_rows_of(db, table, connection_id, ids)) != len(ids):
            raise Refused("An organization or offer of this rule does not exist here. Choose again from the list.")


__all__ = [
    "Effect",
    "RulePage",
    "RuleView",
    "Sum",
    "check",
    "effect",
    "read",
    "read_page",
    "read_version",
    "save",
    "slice_history",
    "tag_problem",
    "tell",
    "words",
]
