"""Where every charge stands: each entry of the ledger is in exactly one state, told by the database.

An entry is a charge as it was received, or what gives back one that was billed and corrected later. The amounts of all
entries together are what the providers charge now, whatever was billed of it and when; each entry that gives back
stands beside the one that it takes away. So the counts and sums of the states add up to what was imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.invoice import Difference
from portal.billing.mapping import Reason
from portal.billing.money import from_cents
from portal.models import (
    BilledCharge,
    Connection,
    Draft,
    DraftLine,
    DraftState,
    ExportRuleVersion,
    PlannedDraft,
    PlannedState,
    Run,
)
from portal.services import Portal, rule_versions
from portal.services.connections import find
from portal.services.ledger_rows import CHARGES
from portal.services.planning import period_of
from portal.services.refusals import refusal
from portal.services.rule_conditions import Condition
from portal.services.rule_versions import InForce

BILLED = BilledCharge.metadata.tables[BilledCharge.__tablename__]


class ChargeState(StrEnum):
    """Where a charge stands.

    SENT: on an invoice that QuickBooks has, or that a person entered by hand. PENDING: on one that waits for the Web
    Connector, or that a run is still to make. REJECTED: QuickBooks or a rule of ours refuses it, and a person must mend
    something. EXCLUDED: the export rule keeps it back. CREDITED: it was sent and is given back, or it is what gave it
    back. IGNORED: it is not to be billed, or came to nothing. WAITING: nothing is in its way, and no run billed it yet.
    """

    SENT = "sent"
    PENDING = "pending"
    WAITING = "waiting"
    REJECTED = "rejected"
    EXCLUDED = "excluded"
    CREDITED = "credited"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSum:
    """The entries in one state and currency."""

    state: ChargeState
    currency: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What the providers charge now in one currency, and how many entries give back what they charged before.

    Each of those stands with the entry that it takes away, so there are `count + 2 × given_back` entries.
    """

    currency: str
    count: int
    amount: Decimal
    given_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The states of all charges of a connection, beside what was imported."""

    states: tuple[StateSum, ...]
    imported: tuple[Imported, ...]

    @property
    def adds_up(self) -> bool:
        """Whether the states together are what was imported, in each currency, to the charge and to the cent."""
        counted: dict[str, tuple[int, Decimal]] = {}
        for one in self.states:
            count, amount = counted.get(one.currency, (0, Decimal(0)))
            counted[one.currency] = (count + one.count, amount + one.amount)
        return counted == {one.currency: (one.count + 2 * one.given_back, one.amount) for one in self.imported}


@dataclass(frozen=True, slots=True)
class Judged:
    """The columns that tell where a charge stands, and the rows that they are told of.

    `is_planned`: a run is still to make invoices.
    """

    source: sa.FromClause
    state: sa.ColumnElement[str]
    code: sa.ColumnElement[str | None]
    version: sa.ColumnElement[int | None]
    run_id: sa.ColumnElement[int | None]
    rule: InForce
    is_planned: bool


def tally(portal: Portal, connection_id: int) -> Tally:
    """How many charges stand where, and what they come to. Raises NotFound."""
    with portal.database.read() as db:
        connection = find(db, connection_id)
        judged = judge(db, connection, portal.now())
        own = CHARGES.c.connection_id == connection_id
        sums = sa.select(judged.state, CHARGES.c.currency, sa.func.count(), sa.func.sum(CHARGES.c.amount_cents))
        sums = sums.select_from(judged.source).where(own).group_by(sa.text("1"), sa.text("2"))
        order = list(ChargeState)
        found = [
            StateSum(state=ChargeState(state), currency=currency, count=count, amount=from_cents(int(cents)))
            for state, currency, count, cents in db.execute(sums)
        ]
        found.sort(key=lambda one: (one.currency, order.index(one.state)))
        return Tally(states=tuple(found), imported=tuple(_imported(db, own)))


def _imported(db: orm.Session, own: Condition) -> Iterator[Imported]:
    """What is provided now: the entries that nothing gives back, and that give nothing back."""
    back = CHARGES.alias("back")
    is_back = CHARGES.c.reverses_id.is_not(None)
    stands = sa.and_(CHARGES.c.reverses_id.is_(None), sa.not_(sa.exists().where(back.c.reverses_id == CHARGES.c.id)))

    def number(which: Condition, value: Any) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((which, value), else_=0)), 0)

    query = sa.select(CHARGES.c.currency, number(stands, 1), number(stands, CHARGES.c.amount_cents), number(is_back, 1))
    for currency, count, cents, given_back in db.execute(query.where(own).group_by(CHARGES.c.currency)):
        yield Imported(currency=currency, count=int(count), amount=from_cents(int(cents)), given_back=int(given_back))


def judge(db: orm.Session, connection: Connection, now: datetime) -> Judged:
    """Where each charge of a connection stands, as columns."""
    rule = rule_versions.newest(db, connection, now)
    refused = refusal(db, connection, period_of(db, connection, None, now).covered.end)
    planned = _planned(db, connection, now)
    is_planned = sa.or_(sa.false(), *(condition for condition, _run, _version in planned))
    is_pending = sa.and_(is_planned, refused.is_(None))
    reason = sa.literal(Reason.EXCLUDED.value, sa.String())
    version = sa.literal(rule.version, sa.Integer())
    drops, is_free = rule.drops, BILLED.c.charge_id.is_(None)
    state = _choose(
        (sa.and_(is_free, is_pending), ChargeState.PENDING),
        (sa.and_(is_free, drops), ChargeState.EXCLUDED),
        (sa.and_(is_free, refused.is_not(None)), ChargeState.REJECTED),
        (is_free, ChargeState.WAITING),
        *_of_draft(Draft),
        (sa.or_(CHARGES.c.reverses_id.is_not(None), _is_given_back()), ChargeState.CREDITED),
    )
    runs = [(sa.and_(is_free, condition), sa.literal(run, sa.Integer())) for condition, run, _ in planned]
    versions = [(sa.and_(is_free, condition), sa.literal(number, sa.Integer())) for condition, _, number in planned]
    told = [(sa.and_(is_pending, condition), run) for condition, run in runs]
    return Judged(
        source=_source(),
        state=state,
        code=sa.case((sa.not_(is_free), Draft.code), (is_pending, sa.null()), (drops, reason), else_=refused),
        version=sa.case(
            (sa.not_(is_free), ExportRuleVersion.version),
            *((sa.and_(is_pending, condition), number) for condition, number in versions),
            (drops, version),
            else_=sa.null(),
        ),
        run_id=sa.case(*told, else_=Run.id) if told else sa.type_coerce(Run.id, sa.Integer()),
        rule=rule,
        is_planned=bool(planned),
    )


def _source() -> sa.FromClause:
    """Charges, each with the line that bills it, its invoice, its run and the version of the rule that let it leave."""
    return (
        CHARGES.outerjoin(BILLED, BILLED.c.charge_id == CHARGES.c.id)
        .outerjoin(DraftLine, DraftLine.id == BILLED.c.line_id)
        .outerjoin(Draft, Draft.id == DraftLine.draft_id)
        .outerjoin(Run, Run.id == Draft.run_id)
        .outerjoin(ExportRuleVersion, ExportRuleVersion.id == Draft.rule_id)
    )


def _choose(*cases: tuple[Condition, ChargeState]) -> sa.ColumnElement[str]:
    told = ((condition, sa.literal(state.value, sa.String())) for condition, state in cases)
    return sa.case(*told, else_=sa.literal(ChargeState.SENT.value, sa.String()))


def _of_draft(draft: Any) -> tuple[tuple[Condition, ChargeState], ...]:
    """What the invoice's state makes of its charges; none of these means that QuickBooks has it."""
    is_gone = sa.and_(draft.state == DraftState.DIFFERENT, draft.code == Difference.GONE)
    is_nothing = sa.and_(draft.state == DraftState.DONE, draft.code == Reason.NOTHING_TO_BILL)
    return (
        (draft.state.in_([DraftState.QUEUED, DraftState.HELD]), ChargeState.PENDING),
        (sa.or_(draft.state == DraftState.PARKED, is_gone), ChargeState.REJECTED),
        (sa.or_(draft.state == DraftState.IGNORED, is_nothing), ChargeState.IGNORED),
    )


def _is_given_back() -> Condition:
    """Whether an invoice that QuickBooks has gives a charge back."""
    back, billed = CHARGES.alias("back"), BILLED.alias("billed_back")
    line, draft = orm.aliased(DraftLine), orm.aliased(Draft)
    has_gone = _choose(*_of_draft(draft)) == ChargeState.SENT.value
    return (
        sa.exists()
        .select_from(
            back.join(billed, billed.c.charge_id == back.c.id)
            .join(line, line.id == billed.c.line_id)
            .join(draft, draft.id == line.draft_id)
        )
        .where(back.c.reverses_id == CHARGES.c.id, has_gone)
        .correlate(CHARGES)
    )


def _planned(db: orm.Session, connection: Connection, now: datetime) -> list[tuple[Condition, int, int]]:
    """The charges that each run is still to bill, with its id and the version of the rule that it keeps."""
    found = []
    for run in db.scalars(rule_versions.being_made(connection.id)):
        begun = rule_versions.begun_by(db, connection, run, now)
        clients = sa.select(PlannedDraft.organization_id).filter_by(run_id=run.id, state=PlannedState.WAITING)
        due = sa.and_(CHARGES.c.organization_id.in_(clients), CHARGES.c.start < run.period_end, begun.keeps)
        found.append((due, run.id, begun.version))
    return found
