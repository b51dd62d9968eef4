"""What is asked of the list of charges, as conditions: filters and words, each with a way to it by an index.

A state is told by several tables. So that a few charges are found among a million, it is asked only of those that can
be in it: what no line bills, and what the invoices of some states bill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import cast

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import ChargeKind
from portal.billing.export_rule import FIRST_DAY, LAST_DAY, ExportRule, Part, Tag, begins
from portal.models import BilledCharge, Delivery, Draft, DraftLine, DraftState, Offer, Organization, Run
from portal.services import folding
from portal.services.charge_states import ChargeState, Judged
from portal.services.connections import to_row_id
from portal.services.ledger_rows import CHARGES
from portal.services.rule_conditions import Condition, parts

FILTERS = (
    "state",
    "organization",
    "offer",
    "kind",
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
_FREE: Condition = cast("Condition", sa.text("charge.is_billed IS NOT TRUE"))
_BILLED_BY: dict[ChargeState, tuple[DraftState, ...]] = {
    ChargeState.PENDING: (DraftState.QUEUED, DraftState.HELD),
    ChargeState.REJECTED: (DraftState.PARKED, DraftState.DIFFERENT),
    ChargeState.IGNORED: (DraftState.IGNORED, DraftState.DONE),
    ChargeState.WAITING: (),
    ChargeState.EXCLUDED: (),
}
"""The states of the invoices that may hold a charge in a state; those of the others are most of all invoices."""


def conditions(db: orm.Session, connection_id: int, judged: Judged, told: Mapping[str, str]) -> Iterator[Condition]:
    """The filters; what is not understood asks for nothing."""
    for name, column in (
        ("organization", CHARGES.c.organization_id),
        ("offer", CHARGES.c.offer_id),
        ("import", CHARGES.c.delivery_id),
    ):
        if (number := _number(told.get(name, ""))) is not None:
            yield column == number
    if (run := _number(told.get("run", ""))) is not None:
        yield sa.and_(judged.run_id == run, sa.or_(_FREE, _billed_by(connection_id, Draft.run_id == run)))
    if told.get("state") in set(ChargeState):
        yield from _in_state(connection_id, judged, ChargeState(told["state"]))
    if told.get("kind") in set(ChargeKind):
        yield CHARGES.c.kind == ChargeKind(told["kind"])
    if told.get("code"):
        yield judged.code == told["code"]
    if told.get("currency"):
        yield CHARGES.c.currency == told["currency"]
    if told.get("tag"):
        yield _tagged(connection_id, judged, told["tag"])
    yield from _dated(connection_id, judged, told)


def has_words(db: orm.Session, connection_id: int, search: str) -> Condition:
    """Whether each word stands in the name of the organization or the offer, or is a number of a charge or invoice.

    Names are looked through where they are kept, thousands at most, and not at each charge.
    """
    found = []
    for word in folding.words_of(search):
        named = [
            column.in_(
                sa.select(table.id).where(
                    table.connection_id == connection_id, folding.has_words(db, word, table.name, table.key)
                )
            )
            for column, table in ((CHARGES.c.organization_id, Organization), (CHARGES.c.offer_id, Offer))
        ]
        numbered = _billed_by(connection_id, folding.folded(db, Draft.ref_number) == word)
        found.append(sa.or_(*named, numbered, CHARGES.c.key == word))
    return sa.and_(sa.true(), *found)


def _in_state(connection_id: int, judged: Judged, state: ChargeState) -> Iterator[Condition]:
    yield judged.state == state.value
    if state in _BILLED_BY:
        drafts = _BILLED_BY[state]
        yield sa.or_(_FREE, _billed_by(connection_id, Draft.state.in_(drafts))) if drafts else _FREE
    elif state is ChargeState.CREDITED:
        back = CHARGES.alias("gives_back")
        is_back = back.c.reverses_id > 0  # few: an index finds them, where a connection's charges are a million
        given = sa.union_all(sa.select(back.c.reverses_id).where(is_back), sa.select(back.c.id).where(is_back))
        yield CHARGES.c.id.in_(given)


def _billed_by(connection_id: int, which: Condition) -> Condition:
    """The charges on some invoices."""
    billed = sa.select(BilledCharge.charge_id).join(DraftLine, DraftLine.id == BilledCharge.line_id)
    own = billed.join(Draft, Draft.id == DraftLine.draft_id).join(Run, Run.id == Draft.run_id)
    return CHARGES.c.id.in_(own.where(Run.connection_id == connection_id, which))


def _tagged(connection_id: int, judged: Judged, text: str) -> Condition:
    """With a tag of this name, or of this name and value: where a name holds a colon, both are meant."""
    name, colon, value = text.partition(":")
    tags = {Tag(text.strip())} | ({Tag(name.strip(), value.strip())} if colon and value.strip() else set())
    rule = ExportRule(any_of=frozenset(tags))
    return parts(rule, connection_id, judged.rule.applied)[Part.TAG]


def _dated(connection_id: int, judged: Judged, told: Mapping[str, str]) -> Iterator[Condition]:
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
        yield CHARGES.c.delivery_id.in_(sa.select(Delivery.id).where(Delivery.connection_id == connection_id, *came))


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


__all__ = ["FILTERS", "conditions", "has_words"]
