"""What is asked of the list of charges, as conditions: filters and words, each with a way to it by an index.

An index leads to the charges of an organization, an offer, a kind or a list of tags in the order of their days. The
database is told which way to take, for it does not know how much each finds.

A state is told by several tables. So that a few charges are found among a million, it is asked only of those that can
be in it: what no line bills, and what the invoices of some states bill. A run that is kept from whoever reads finds
nothing, nor do the numbers of its invoices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import FIRST_DAY, LAST_DAY, Tag, begins
from portal.models import BilledCharge, Delivery, Draft, DraftLine, DraftState, Offer, Organization, Run
from portal.services import folding, unshared
from portal.services.charge_states import ChargeState, Judged
from portal.services.connections import to_row_id
from portal.services.ledger_rows import CHARGES
from portal.services.rule_conditions import Condition, by_itself, is_one_of, lists_with

FILTERS = (
    "state",
    "organization",
    "offer",
    "kind",
    "cycle",
    "currency",
    "run",
    "code",
    "by",
    "since",
    "until",
    "tag",
    "import",
)
"""What may be asked: ids as numbers, days as ISO dates (both included), the rest by value.

The days are those of service, with `by` as "import" those of the imports where the connection is. A tag is its name,
or name and value as `name: value`.
"""
FEW = 200
"""Organizations, offers and lists of tags that are named one by one."""
LITTLE = 2000
"""Charges that are found and sorted in no time; among more, a page is soon full in the order that is asked for."""
_BILLED: Condition = cast("Condition", sa.text("charge.is_billed IS TRUE"))
_FREE: Condition = cast("Condition", sa.text("charge.is_billed IS NOT TRUE"))
_BILLED_BY: dict[ChargeState, tuple[DraftState, ...]] = {
    ChargeState.PENDING: (DraftState.QUEUED, DraftState.HELD),
    ChargeState.REJECTED: (DraftState.PARKED, DraftState.DIFFERENT),
    ChargeState.IGNORED: (DraftState.IGNORED, DraftState.DONE),
    ChargeState.WAITING: (),
    ChargeState.EXCLUDED: (),
}
"""The states of the invoices that may hold a charge in a state; those of the others are most of all invoices."""


@dataclass(slots=True)
class Asked:
    """What is asked of charges. `leads`: one of the conditions finds so few that its index is to be entered first."""

    conditions: list[Condition] = field(default_factory=list)
    leads: bool = False


@dataclass(frozen=True, slots=True)
class _Way:
    """A condition in the words of an index, and the same in words that leave all indexes alone."""

    entered: Condition
    asked: Condition
    has_order: bool = False


def read_filters(
    db: orm.Session, connection_id: int, judged: Judged, told: Mapping[str, str], search: str, *, by_date: bool
) -> Asked:
    """The filters, and the words that are looked for; what is not understood asks for nothing.

    The first of them that finds few charges leads; so does one whose index has the order that is asked for, `by_date`.
    """
    made = Asked()
    ways = [
        *_equal(told, "organization", CHARGES.c.organization_id),
        *_tagged(db, connection_id, told.get("tag", "")),
        *(_word(db, connection_id, word) for word in folding.words_of(search)),
        *_equal(told, "offer", CHARGES.c.offer_id),
        *_equal(told, "import", CHARGES.c.delivery_id),
        *_on_few_invoices(db, connection_id, judged, told.get("state", "")),
    ]
    for way in ways:
        leads = not made.leads and ((by_date and way.has_order) or _finds_little(db, way.entered))
        made.conditions.append(way.entered if leads else way.asked)
        made.leads = made.leads or leads
    made.conditions += _others(db, connection_id, judged, told, is_led=made.leads, by_date=by_date)
    return made


def _finds_little(db: orm.Session, asked: Condition) -> bool:
    some = sa.select(CHARGES.c.id).where(asked).limit(LITTLE + 1).subquery()
    return (db.scalar(sa.select(sa.func.count()).select_from(some)) or 0) <= LITTLE


def _others(
    db: orm.Session, connection_id: int, judged: Judged, told: Mapping[str, str], *, is_led: bool, by_date: bool
) -> Iterator[Condition]:
    if (run := _number(told.get("run", ""))) is not None:
        its = sa.select(Run.id).where(Run.id == run, unshared.is_shown())
        yield sa.and_(judged.run_id.in_(its), sa.or_(_FREE, _billed_by(connection_id, Draft.run_id == run)))
    if told.get("state") in set(ChargeState):
        yield from _in_state(connection_id, judged, ChargeState(told["state"]))
    if told.get("kind") in set(ChargeKind):
        yield _of_kind(db, connection_id, ChargeKind(told["kind"]), may_lead=not is_led, has_order=by_date)
    if told.get("cycle") in set(BillingCycle):
        yield CHARGES.c.cycle == BillingCycle(told["cycle"])
    if told.get("code"):
        yield judged.code == told["code"]
    if told.get("currency"):
        yield CHARGES.c.currency == told["currency"]
    yield from _dated(db, connection_id, judged, told)


def _of_kind(db: orm.Session, connection_id: int, kind: ChargeKind, *, may_lead: bool, has_order: bool) -> Condition:
    """The index of kinds begins with the connection's own."""
    entered = CHARGES.c.kind == kind
    if may_lead and (has_order or _finds_little(db, sa.and_(CHARGES.c.connection_id == connection_id, entered))):
        return entered
    return by_itself(CHARGES.c.kind) == kind


def _equal(told: Mapping[str, str], name: str, column: sa.ColumnElement[int]) -> Iterator[_Way]:
    if (number := _number(told.get(name, ""))) is not None:
        yield _Way(column == number, by_itself(column) == number, has_order=name != "import")


def _word(db: orm.Session, connection_id: int, word: str) -> _Way:
    """Whether a word stands in the name of the organization or the offer, or is a number of a charge or an invoice.

    Names are looked through where they are kept, thousands at most, and not at each charge. What a word finds is read
    first: a word that finds nothing then asks for nothing, and one that finds little is entered by that.
    """
    organizations, offers = (
        sa.select(table.id).where(
            table.connection_id == connection_id, folding.has_words(db, word, table.name, table.key)
        )
        for table in (Organization, Offer)
    )
    bills = _on_invoices(connection_id, sa.and_(folding.folded(db, Draft.ref_number) == word, unshared.is_shown()))
    has_key = sa.select(CHARGES.c.id).where(CHARGES.c.connection_id == connection_id, CHARGES.c.key == word)
    found = [list(db.scalars(query.limit(FEW + 1))) for query in (organizations, offers, bills, has_key)]
    columns = (CHARGES.c.organization_id, CHARGES.c.offer_id, CHARGES.c.id, CHARGES.c.id)
    queries = (organizations, offers, bills, has_key)
    each = [
        (column, is_one_of(column, ids), is_one_of(by_itself(column), ids))
        if len(ids) <= FEW
        else (column, column.in_(query), by_itself(column).in_(query))
        for column, ids, query in zip(columns, found, queries, strict=True)
        if ids
    ]
    entered, asked = (sa.or_(sa.false(), *(one[place] for one in each)) for place in (1, 2))
    return _Way(entered, asked)


def _tagged(db: orm.Session, connection_id: int, text: str) -> Iterator[_Way]:
    """With a tag of this name, or of this name and value: where a name holds a colon, both are meant."""
    if not text:
        return
    name, colon, value = text.partition(":")
    tags = {Tag(text.strip())} | ({Tag(name.strip(), value.strip())} if colon and value.strip() else set())
    lists = lists_with(tags, connection_id)
    ids = list(db.scalars(lists.limit(FEW + 1)))
    column, is_few = CHARGES.c.tag_set_id, len(ids) <= FEW
    entered, asked = (is_one_of(one, ids) if is_few else one.in_(lists) for one in (column, by_itself(column)))
    yield _Way(entered, asked, has_order=len(ids) == 1)


def _on_few_invoices(db: orm.Session, connection_id: int, judged: Judged, state: str) -> Iterator[_Way]:
    """The charges that may be in a state, where all of them are on some invoices, or are given back."""
    if state not in set(ChargeState) or _may_be_free(judged, ChargeState(state)):
        return
    if state == ChargeState.CREDITED:
        back = CHARGES.alias("gives_back")
        is_back = back.c.reverses_id > 0  # few: an index finds them, where a connection's charges are a million
        ids: Any = sa.union_all(sa.select(back.c.reverses_id).where(is_back), sa.select(back.c.id).where(is_back))
    elif state != ChargeState.SENT:
        ids = _on_invoices(connection_id, Draft.state.in_(_BILLED_BY[ChargeState(state)]))
    else:
        return
    yield _Way(CHARGES.c.id.in_(ids), by_itself(CHARGES.c.id).in_(ids))


def _in_state(connection_id: int, judged: Judged, state: ChargeState) -> Iterator[Condition]:
    yield judged.state == state.value
    if state is ChargeState.SENT:
        yield _BILLED
    elif _may_be_free(judged, state):
        drafts = _BILLED_BY[state]
        yield sa.or_(_FREE, _billed_by(connection_id, Draft.state.in_(drafts))) if drafts else _FREE


def _may_be_free(judged: Judged, state: ChargeState) -> bool:
    """Whether a charge that no line bills can be in a state as things are."""
    if state is ChargeState.PENDING:
        return judged.is_planned
    if state is ChargeState.EXCLUDED:
        return bool(judged.rule.rule.restricts)
    return state in (ChargeState.REJECTED, ChargeState.WAITING)


def _on_invoices(connection_id: int, which: Condition) -> sa.Select[int]:
    """The charges on some invoices."""
    billed = sa.select(BilledCharge.charge_id).join(DraftLine, DraftLine.id == BilledCharge.line_id)
    own = billed.join(Draft, Draft.id == DraftLine.draft_id).join(Run, Run.id == Draft.run_id)
    return own.where(Run.connection_id == connection_id, which)


def _billed_by(connection_id: int, which: Condition) -> Condition:
    return CHARGES.c.id.in_(_on_invoices(connection_id, which))


def _dated(db: orm.Session, connection_id: int, judged: Judged, told: Mapping[str, str]) -> Iterator[Condition]:
    since, until = _day(told.get("since", "")), _day(told.get("until", ""))
    if told.get("by") != "import":
        if since is not None:
            yield CHARGES.c.start >= since
        if until is not None:
            yield CHARGES.c.start <= until
        return
    zone, came = judged.rule.applied.zone, []
    if since is not None:
        came.append(Delivery.imported_at >= begins(since, zone))
    if until is not None:
        came.append(Delivery.imported_at < begins(until + timedelta(days=1), zone))
    if came:
        imports = sa.select(Delivery.id).where(Delivery.connection_id == connection_id, *came)
        yield CHARGES.c.delivery_id.in_(imports) if db.scalar(imports.limit(1)) is not None else sa.false()


def _number(text: str) -> int | None:
    """A number of no row asks for nothing that exists; what is no number asks for nothing at all."""
    if not (text.isascii() and text.isdecimal()):
        return None
    number = to_row_id(text)
    return 0 if number is None else number


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return None if day is None else min(max(day, FIRST_DAY), LAST_DAY)


__all__ = ["FILTERS", "Asked", "read_filters"]
