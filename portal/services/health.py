"""Connection health: does the Web Connector call as it should, when is the next run, and what mends it if not.

`judge` is pure: the same facts and the same moment give the same answer. A portal cannot start a Web Connector, so
every remedy is a step for the person at the QuickBooks computer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.options import Approval
from portal.billing.period import INVOICE_HOUR, next_invoice_dates
from portal.errors import Sentence
from portal.models import CallRhythm, Connection
from portal.notices.calls import Calls, judge_calls
from portal.notices.company import OPEN_AND_UPDATE
from portal.notices.rhythm import Rhythm, is_overdue
from portal.services import Portal
from portal.services.call_gaps import usual_gap
from portal.services.call_rhythm import as_rhythm
from portal.services.chunks import chunks
from portal.services.connections import RUN_EVERY_MINUTES, ConnectionView, find, view
from qbwc import models as wire
from qbwc.identity import Verdict

WAITS_FOR = timedelta(minutes=2 * RUN_EVERY_MINUTES)


class State(StrEnum):
    """How a connection stands with its Web Connector, the worst first."""

    NEVER = "never"
    REFUSED = "refused"
    DOUBT = "doubt"
    FAILED = "failed"
    OVERDUE = "overdue"
    LATE = "late"
    WELL = "well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the calls. `error` is why the last visit failed, by language; `waiting` counts requests.

    `rhythm` is that of the hours in which it usually calls, on the clock of `time_zone`.
    """

    time_zone: str = "America/Toronto"
    last_contact_at: datetime | None = None
    last_success_at: datetime | None = None
    refused_at: datetime | None = None
    password_changed_at: datetime | None = None
    verdict: Verdict | None = None
    error: Mapping[str, str] | None = None
    gaps: Sequence[int] = ()
    rhythm: Rhythm | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The judgement: what it is, why, and the steps that mend it. `expected_at` is when the next call usually comes."""

    state: State
    title: Sentence
    cause: Sentence | None = None
    steps: tuple[Sentence, ...] = field(default=())
    usual_gap: timedelta | None = None
    expected_at: datetime | None = None


_UPDATE = Sentence("Click Update Selected in the Web Connector.")
_STEPS: dict[State, tuple[Sentence, ...]] = {
    State.NEVER: (
        Sentence("Add the .qwc file to the Web Connector on the QuickBooks computer; the steps are on this page."),
        Sentence("Tick the line's box, paste the password, then click Update Selected."),
    ),
    State.REFUSED: (
        Sentence(
            "In the Web Connector, click in the Password column, paste the password again, press Enter, and answer Yes."
        ),
        Sentence("If nobody has the password any more, make a new one on this page and paste that."),
        _UPDATE,
    ),
    State.DOUBT: (
        Sentence("Compare the two files on this page, then say whether the one that was open is the right one."),
    ),
    State.FAILED: (
        Sentence("Mend what the message says, then click Update Selected in the Web Connector."),
        Sentence("The Status screen lists the visits and what was said in them."),
    ),
    State.OVERDUE: (
        Sentence("Turn the QuickBooks computer on and log in to Windows: the Web Connector calls only from there."),
        Sentence(
            "Open the Web Connector: in QuickBooks, File › Update Web Services. Tick the line's box and Auto-Run."
        ),
        Sentence(
            "Let QuickBooks be opened for it: Edit › Preferences › Integrated Applications › Company Preferences › "
            "Properties, tick “Allow this application to login automatically”."
        ),
        Sentence("Click Update Selected. What the line then says in its Status column is the reason."),
    ),
    State.LATE: (
        _UPDATE,
        Sentence("To have it call by itself, tick Auto-Run in its line."),
    ),
    State.WELL: (),
}
_TITLES: dict[State, Sentence] = {
    State.NEVER: Sentence("The Web Connector has never connected."),
    State.REFUSED: Sentence("The Web Connector calls with a wrong password."),
    State.DOUBT: Sentence("The company file is in doubt: nothing is written to it."),
    State.FAILED: Sentence("The last visit of the Web Connector ended with an error."),
    State.OVERDUE: Sentence("The Web Connector is overdue."),
    State.LATE: Sentence("Work waits for the Web Connector."),
    State.WELL: Sentence("The Web Connector calls as it should."),
}


_TOO_OLD = Sentence("This QuickBooks is too old.")
_NEWER = (Sentence("Open the company file with QuickBooks Desktop 2015 or newer, then click Update Selected."),)
_OTHER_FILE = (
    Sentence(
        "Open the company file of this connection in QuickBooks, then click Update Selected in the Web Connector."
    ),
)


_AWAY = (
    Sentence("Open the company file of this connection in QuickBooks, where it is now."),
    Sentence(
        "If it was moved or renamed, click Look at the open file on this page, so that the next visit compares the two."
    ),
    _UPDATE,
)
_BY_VERDICT = {
    Verdict.TOO_OLD: _NEWER,
    Verdict.AWAY: _AWAY,
    Verdict.SOUGHT: (OPEN_AND_UPDATE, Sentence("Then compare the two files on this page.")),
}


def judge(facts: Facts, now: datetime) -> Health:
    """How a connection stands now."""
    gap = usual_gap(facts.gaps)
    state = _state(facts, gap, now)
    expected = facts.last_contact_at + gap if gap and facts.last_contact_at else None
    said = dict(facts.error or {})
    is_too_old = state is State.DOUBT and facts.verdict is Verdict.TOO_OLD
    return Health(
        state=state,
        title=_TOO_OLD if is_too_old else _TITLES[state],
        cause=Sentence(said.get("en", ""), {}, said) if state is State.FAILED and said else None,
        steps=_steps(state, facts.verdict),
        usual_gap=gap,
        expected_at=expected if expected is not None and expected > now else None,
    )


def _steps(state: State, verdict: Verdict | None) -> tuple[Sentence, ...]:
    if state is not State.DOUBT or verdict is None or verdict.may_be_confirmed:
        return _STEPS[state]
    return _BY_VERDICT.get(verdict, _OTHER_FILE)


def _state(facts: Facts, gap: timedelta | None, now: datetime) -> State:
    last = facts.last_contact_at
    calls = judge_calls(last, facts.refused_at, facts.password_changed_at)
    if calls in (Calls.REFUSED, Calls.FORMER):
        return State.REFUSED
    if last is None:
        return State.NEVER
    if facts.verdict not in (None, Verdict.GO):
        return State.DOUBT
    if facts.error:
        return State.FAILED
    if is_overdue(facts.rhythm, last, now, facts.time_zone):
        return State.OVERDUE
    if facts.waiting and now - last > max(WAITS_FOR, 2 * (gap or timedelta())):
        return State.LATE
    return State.WELL


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthView:
    """A connection's health with what the pages show beside it.

    `bills_at` is the next moment at which invoices are prepared by themselves, or wait for a person when not
    `bills_by_itself`; None during the set-up. `waiting` counts the requests for the Web Connector.
    """

    health: Health
    last_contact_at: datetime | None
    last_success_at: datetime | None
    machine: str | None
    product: str | None
    waiting: int
    bills_at: datetime | None
    bills_by_itself: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A connection in the list of all."""

    connection: ConnectionView
    view: HealthView


def get_health(portal: Portal, connection_id: int) -> HealthView:
    """The health of one connection. Raises NotFound."""
    with portal.database.read() as db:
        return read_health(db, find(db, connection_id), portal.now())


def read_health(db: orm.Session, row: Connection, now: datetime) -> HealthView:
    """The same within a transaction that is open already."""
    return _read(db, [row], now)[row.id]


def list_health(portal: Portal, partner_id: int) -> tuple[Overview, ...]:
    """The partner's connections by name, each with its health."""
    with portal.database.read() as db:
        return _overviews(db, [Connection.partner_id == partner_id], portal.now())


def list_health_of(portal: Portal, connection_ids: Collection[int]) -> tuple[Overview, ...]:
    """These connections by name, each with its health."""
    with portal.database.read() as db:
        found: list[Overview] = []
        for some in chunks(connection_ids):
            found.extend(_overviews(db, [Connection.id.in_(some)], portal.now()))
        return tuple(found)


def _overviews(db: orm.Session, which: Sequence[sa.ColumnElement[bool]], now: datetime) -> tuple[Overview, ...]:
    whole = (orm.joinedload(Connection.partner), orm.joinedload(Connection.wire))
    query = sa.select(Connection).where(*which).options(*whole)
    rows = db.scalars(query.order_by(Connection.name, Connection.id)).all()
    views = _read(db, rows, now)
    return tuple(Overview(connection=view(row, now), view=views[row.id]) for row in rows)


def next_billing(row: Connection, now: datetime) -> datetime:
    """When invoices are prepared next: 05:00 of an invoice date on the connection's own clock."""
    zone = ZoneInfo(row.time_zone)
    dates = next_invoice_dates(now.astimezone(zone).date(), row.invoice_day, 2)
    moments = [datetime.combine(day, INVOICE_HOUR, zone) for day in dates]
    return next(moment for moment in moments if moment > now)


def _read(db: orm.Session, rows: Sequence[Connection], now: datetime) -> dict[int, HealthView]:
    ids = [row.id for row in rows]
    visits = _last_visits(db, ids)
    waiting = _waiting(db, ids)
    rhythms = {
        row.connection_id: as_rhythm(row)
        for row in db.scalars(sa.select(CallRhythm).where(CallRhythm.connection_id.in_(ids)))
    }
    found = {}
    for row in rows:
        visit = visits.get(row.id)
        success = row.wire.last_success_at
        error = visit.last_error if visit and (success is None or success <= visit.opened_at) else None
        facts = Facts(
            time_zone=row.time_zone,
            last_contact_at=row.wire.last_contact_at,
            last_success_at=success,
            refused_at=row.wire.refused_at,
            password_changed_at=row.password_changed_at,
            verdict=row.wire.verdict,
            error=error,
            gaps=row.call_gaps or (),
            rhythm=rhythms.get(row.id),
            waiting=waiting.get(row.id, 0),
        )
        found[row.id] = HealthView(
            health=judge(facts, now),
            last_contact_at=facts.last_contact_at,
            last_success_at=success,
            machine=visit.machine if visit else None,
            product=visit.product if visit else None,
            waiting=facts.waiting,
            bills_at=None if row.setup_step else next_billing(row, now),
            bills_by_itself=row.approval is Approval.AUTOMATIC,
        )
    return found


def _last_visits(db: orm.Session, ids: Collection[int]) -> dict[int, wire.Session]:
    latest = sa.select(sa.func.max(wire.Session.id)).where(wire.Session.connection_id.in_(ids))
    query = sa.select(wire.Session).where(wire.Session.id.in_(latest.group_by(wire.Session.connection_id)))
    return {row.connection_id: row for row in db.scalars(query)}


def _waiting(db: orm.Session, ids: Collection[int]) -> dict[int, int]:
    due = wire.Request.state.in_([wire.RequestState.QUEUED, wire.RequestState.SENT])
    counted = sa.select(wire.Request.connection_id, sa.func.count()).where(wire.Request.connection_id.in_(ids), due)
    return {one: int(count) for one, count in db.execute(counted.group_by(wire.Request.connection_id))}
