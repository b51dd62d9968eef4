"""The export rule of a connection: read, tried out, and saved as a new version.

A version takes effect with the next run. A run that was begun keeps the version it was begun by, and a visit of the Web
Connector what is queued for it (see `portal.services.rule_versions`). What a rule keeps back waits: it is billed once a
later version lets it, and never otherwise. What gives back something that was billed always leaves, so that no client
stays invoiced for what the provider took back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.export_rule import EVERYTHING, ExportRule, Tag, Which, problems
from portal.billing.money import from_cents
from portal.billing.rule_record import from_record, to_record
from portal.billing.rule_words import Names, Tongue, sentence, tell
from portal.errors import Refused, Sentence, Stale
from portal.models import ExportRuleVersion, Offer, Organization, Run
from portal.services import Portal, audit, rule_conditions, rule_counting, speaking, tag_sets
from portal.services.api.keyset import From, Slice, read_slice
from portal.services.connections import find, hold
from portal.services.rule_versions import being_made, today_of

SUBJECT, SAVED = "export-rule", "save-export-rule"
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
    """The rule as it applies to the next run, and what there is to choose from.

    `held_by` are the invoice dates of the runs that are still being made, each with the version that it keeps.
    """

    now: RuleView
    organizations: tuple[tuple[int, str], ...]
    offers: tuple[tuple[int, str], ...]
    tags: tuple[Tag, ...]
    held_by: tuple[tuple[str, int], ...]


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


def read_page(portal: Portal, connection_id: int) -> RulePage:
    """The newest version with what there is to choose from. Raises NotFound."""
    with portal.database.read() as db:
        connection = find(db, connection_id)
        versions = dict(_versions(db, connection_id, ExportRuleVersion.id, ExportRuleVersion.version))
        return RulePage(
            now=_newest(db, connection_id),
            organizations=_rows_of(db, Organization, connection_id),
            offers=_rows_of(db, Offer, connection_id),
            tags=tag_sets.known_tags(db, connection.id),
            held_by=tuple(
                (str(run.invoice_date), versions.get(run.rule_id or 0, 0))
                for run in db.scalars(being_made(connection_id).order_by(Run.invoice_date))
            ),
        )


def history(portal: Portal, connection_id: int) -> tuple[RuleView, ...]:
    """Every version that was saved, newest first. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        rows = db.scalars(_own(connection_id)).all()
        rules = [from_record(row.rule) for row in rows]
        names = _names(db, connection_id, rules)
        return tuple(_view(row, rule, names) for row, rule in zip(rows, rules, strict=True))


def slice_history(portal: Portal, connection_id: int, wanted: From) -> Slice[RuleView]:
    """A page of the versions that were saved, newest first. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        own = sa.select(ExportRuleVersion).filter_by(connection_id=connection_id)
        key = ExportRuleVersion.version.expression
        page = read_slice(db, own, key, wanted, is_descending=True, key_of=lambda row: int(row[0].version))
        rows = [row for (row,) in page.rows]
        rules = [from_record(row.rule) for row in rows]
        names = _names(db, connection_id, rules)
        return page.map(lambda _: [_view(row, rule, names) for row, rule in zip(rows, rules, strict=True)])


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
                "%(who)s saved another version of the rule meanwhile. Look at it, then make your changes again.",
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
        detail = {"version": row.version, "rule": row.rule, "before": to_record(before)}
        audit.note(db, connection_id, at=now, who=who, action=SAVED, subject=SUBJECT, detail=detail)
        db.flush()
        return _view(row, rule, _names(db, connection_id, [rule]))


def check(rule: ExportRule) -> None:
    """Raise Refused with what is wrong with a rule, and the remedy."""
    for what in problems(rule).values():
        raise Refused(what.template, **what.values)
    if max(len(rule.organizations.ids), len(rule.offers.ids)) > MOST_CHOSEN:
        raise Refused("A rule takes at most %(most)s organizations or offers.", most=MOST_CHOSEN)


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
    said = {language: tell(clauses, _tongue(language)) for language in speaking.LANGUAGES}
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


def _versions(db: orm.Session, connection_id: int, *columns: Any) -> list[tuple[int, int]]:
    own = sa.select(*columns).where(ExportRuleVersion.connection_id == connection_id)
    return [(row[0], row[1]) for row in db.execute(own)]


def _newest(db: orm.Session, connection_id: int) -> RuleView:
    row = db.scalar(_own(connection_id).limit(1))
    rule = EVERYTHING if row is None else from_record(row.rule)
    return _view(row, rule, _names(db, connection_id, [rule]))


def _view(row: ExportRuleVersion | None, rule: ExportRule, names: Names) -> RuleView:
    told = words(rule, names)
    if row is None:
        return RuleView(version=0, rule=rule, words=told, who="", at=None)
    return RuleView(version=row.version, rule=rule, words=told, who=row.who, at=row.at)


def _names(db: orm.Session, connection_id: int, rules: Iterable[ExportRule]) -> Names:
    rules = list(rules)
    found = []
    for table, chosen in ((Organization, [one.organizations for one in rules]), (Offer, [one.offers for one in rules])):
        ids = frozenset[int]().union(*(one.ids for one in chosen))
        found.append(dict(_rows_of(db, table, connection_id, ids)) if ids else {})
    return Names(organizations=found[0], offers=found[1])


def _rows_of(
    db: orm.Session, table: type[Organization] | type[Offer], connection_id: int, ids: frozenset[int] | None = None
) -> tuple[tuple[int, str], ...]:
    own = sa.select(table.id, table.name).where(table.connection_id == connection_id)
    if ids is not None:
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
    "history",
    "read",
    "read_page",
    "save",
    "slice_history",
    "words",
]
