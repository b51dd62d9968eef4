"""Setting a connection up, step by step: it can be left and gone on with, by whoever comes next.

The connection exists from the first step on; `setup_step` is the furthest step that was reached. Every step may be sent
twice, or by two people: the second finds it done, and nothing is lost. Only Start lets invoices be made by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.options import Approval
from portal.billing.period import BillingMode, Period, billed_period, next_invoice_dates
from portal.errors import Conflict, Refused
from portal.models import Connection, Offer, Organization, SetupStep
from portal.services import Portal, audit, first_visit, rule_versions
from portal.services.accounts import find_partner
from portal.services.billing_settings import apply_changes, require_version
from portal.services.call_gaps import usual_gap
from portal.services.connections import (
    PRORATIONS,
    add_connection,
    checked_name,
    find,
    hold,
    replace_password,
    require_free_name,
    take_name,
)
from portal.services.waiting import CHARGES, is_waiting

STEPS = tuple(SetupStep)
_STARTED, _SHOWN = "start", "show-password"
USUAL_ZONE = "America/Toronto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the first step asks for. `billing_mode` is None where it was left out, as it is once it is locked."""

    name: str
    billing_mode: BillingMode | None
    invoice_day: int
    prorate: frozenset[str]
    start_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedPeriod:
    """An invoice date and the days that it covers, in each billing mode."""

    on: date
    in_advance: Period
    in_arrears: Period

    def covered(self, mode: BillingMode) -> Period:
        """The days in one billing mode."""
        return self.in_advance if mode is BillingMode.IN_ADVANCE else self.in_arrears


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """When the password was shown last, and to whom."""

    at: datetime
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """How many rows are mapped, still to be mapped, and switched off."""

    mapped: int
    unmapped: int
    off: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.mapped + self.unmapped + self.off


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What will happen after Start. `waiting` charges belong to the first period, `earlier` ones to days before it."""

    dates: tuple[DatedPeriod, ...]
    first: Period
    is_due_today: bool
    by_itself: bool
    offers: Mapped
    organizations: Mapped
    waiting: int
    earlier: int
    start_date: date | None
    usual_gap: timedelta | None


def upcoming(today: date, invoice_day: int) -> tuple[DatedPeriod, ...]:
    """The next three invoice dates and the days that each covers. `invoice_day` is 1 to 31."""
    return tuple(
        DatedPeriod(
            on=on,
            in_advance=billed_period(on, invoice_day, BillingMode.IN_ADVANCE),
            in_arrears=billed_period(on, invoice_day, BillingMode.IN_ARREARS),
        )
        for on in next_invoice_dates(today, invoice_day)
    )


def today_in(portal: Portal, zone: str = USUAL_ZONE) -> date:
    """The civil date in a zone."""
    return portal.now().astimezone(ZoneInfo(zone)).date()


def begin(portal: Portal, options: Options, *, partner: str, language: str = "en") -> int:
    """Make the connection of a first step; returns its id. Its password is made when somebody asks to see it.

    The same step sent twice finds the connection that the first one made. Raises Refused, or Conflict when another
    connection has the name.
    """
    if options.billing_mode is None:
        raise Refused("Choose a billing mode: in advance or in arrears.")
    try:
        made = add_connection(
            portal,
            options.name,
            partner=partner,
            billing_mode=options.billing_mode,
            invoice_day=options.invoice_day,
            prorate=options.prorate,
            start_date=options.start_date,
            language=language,
            setup_step=SetupStep.CONNECTION,
        )
    except Conflict:
        same = _same(portal, options, partner)
        if same is None:
            raise
        return same
    return made.id


def _same(portal: Portal, options: Options, partner: str) -> int | None:
    """The connection that these very options made, while it is being set up."""
    with portal.database.read() as db:
        owner = find_partner(db, partner)
        row = db.scalar(sa.select(Connection).filter_by(partner_id=owner.id, name=options.name.strip()))
        is_same = row is not None and row.setup_step is not None and _options_of(row) == options
        return row.id if row is not None and is_same else None


def get_options(portal: Portal, connection_id: int) -> Options:
    """The options as they are. Raises NotFound."""
    with portal.database.read() as db:
        return _options_of(find(db, connection_id))


def _options_of(row: Connection) -> Options:
    return Options(
        name=row.name,
        billing_mode=row.billing_mode,
        invoice_day=row.invoice_day,
        prorate=frozenset(box for box in PRORATIONS if getattr(row, f"prorate_{box}")),
        start_date=row.start_date,
    )


def save_options(portal: Portal, connection_id: int, options: Options, *, who: str, seen: str | None = None) -> None:
    """Change the options of a connection that exists: all or nothing.

    Raises Refused, also for another billing mode, which is locked; Conflict when another connection has the name; Stale
    when the settings are not those of the version `seen` any more (`billing_settings.version_of`).
    """
    name = checked_name(options.name)
    changes: dict[str, Any] = {
        "invoice_day": options.invoice_day,
        "prorate": options.prorate,
        "start_date": options.start_date,
    }
    if options.billing_mode is not None:
        changes["billing_mode"] = options.billing_mode
    with portal.database.write() as db:
        row = hold(db, connection_id)
        require_version(row, seen)
        apply_changes(db, row, changes, now=portal.now(), who=who)
        if name != row.name:
            owner = row.partner
            require_free_name(db, owner, name)
            _note(db, row, portal.now(), who, "rename", {"name": [row.name, name]})
            row.name = name
            take_name(db, owner, name)


def advance(portal: Portal, connection_id: int, done: SetupStep) -> SetupStep | None:
    """A step is done; returns how far the set-up is, None when it is finished. Doing a step again changes nothing.

    Raises Refused while the step before is not done, or, after the step Connection, without a first visit that went
    well.
    """
    with portal.database.write() as db:
        row = hold(db, connection_id)
        if row.setup_step is None or STEPS.index(row.setup_step) > STEPS.index(done):
            return row.setup_step
        if row.setup_step is not done:
            raise Refused("Finish the steps before this one first.")
        if done is SetupStep.CONNECTION and not first_visit.has_succeeded(db, row):
            raise Refused(
                "The Web Connector has not brought QuickBooks' lists yet. Click Update Selected there, and go on when "
                "this page says that the first visit went well."
            )
        if done is SetupStep.START:
            raise Refused("The set-up ends with Start.")
        row.setup_step = STEPS[STEPS.index(done) + 1]
        return row.setup_step


def start(portal: Portal, connection_id: int, *, who: str) -> bool:
    """End the set-up: from now on invoices are made by themselves. False when somebody has done so already.

    Raises Refused while a step before is not done.
    """
    with portal.database.write() as db:
        row = hold(db, connection_id)
        if row.setup_step is None:
            return False
        if row.setup_step is not SetupStep.START:
            raise Refused("Finish the steps before this one first.")
        row.setup_step, row.started_at = None, portal.now()
        _note(db, row, portal.now(), who, _STARTED, {})
        return True


def started_by(portal: Portal, connection_id: int) -> str:
    """Who clicked Start; empty when nobody did, as for a connection from the command line."""
    with portal.database.read() as db:
        found = _latest(db, connection_id, _STARTED)
        return found.who if found else ""


def show_password(portal: Portal, connection_id: int, *, who: str) -> str:
    """Make a password that is returned this once; the one before ends now. Noted: who, and when."""
    with portal.database.write() as db:
        row = hold(db, connection_id)
        _note(db, row, portal.now(), who, _SHOWN, {})
        return replace_password(row, portal.now())


def password_shown(portal: Portal, connection_id: int) -> Shown | None:
    """When a password of this connection was shown last, and to whom."""
    with portal.database.read() as db:
        found = _latest(db, connection_id, _SHOWN)
        return Shown(at=found.at, who=found.who) if found else None


def _latest(db: orm.Session, connection_id: int, action: str) -> audit.AuditView | None:
    subject = f"connection:{connection_id}"
    known = audit.entries(db, connection_id, [subject]).get(subject, [])
    return next((entry for entry in known if entry.action == action), None)


def _note(db: orm.Session, row: Connection, now: datetime, who: str, action: str, detail: dict[str, Any]) -> None:
    audit.note(db, row.id, at=now, who=who, action=action, subject=f"connection:{row.id}", detail=detail)


def summary(portal: Portal, connection_id: int) -> Summary:
    """What will happen when, as the connection stands now. Raises NotFound."""
    with portal.database.read() as db:
        row = find(db, connection_id)
        today = today_in(portal, row.time_zone)
        dates = upcoming(today, row.invoice_day)
        first = dates[0].covered(row.billing_mode)
        return Summary(
            dates=dates,
            first=first,
            is_due_today=dates[0].on == today,
            by_itself=row.approval is Approval.AUTOMATIC,
            offers=_mapped(db, Offer, Offer.item_list_id, connection_id),
            organizations=_mapped(db, Organization, Organization.customer_list_id, connection_id),
            waiting=_count_waiting(db, row, first.start, first.end, portal.now()),
            earlier=_count_waiting(db, row, None, first.start, portal.now()),
            start_date=row.start_date,
            usual_gap=usual_gap(row.call_gaps),
        )


def _mapped(
    db: orm.Session,
    table: type[Offer] | type[Organization],
    counterpart: orm.InstrumentedAttribute[str | None],
    connection_id: int,
) -> Mapped:
    is_on, is_mapped = table.is_synchronized, counterpart.is_not(None)
    counted = sa.select(
        sa.func.count().filter(is_on, is_mapped),
        sa.func.count().filter(is_on, ~is_mapped),
        sa.func.count().filter(~is_on),
    ).where(table.connection_id == connection_id)
    mapped, unmapped, off = db.execute(counted).one()
    return Mapped(mapped=mapped, unmapped=unmapped, off=off)


def _count_waiting(db: orm.Session, row: Connection, first: date | None, end: date, now: datetime) -> int:
    asked = [is_waiting(row.id), CHARGES.c.start < end, rule_versions.newest(db, row, now).keeps]
    floor = max((day for day in (first, row.start_date) if day is not None), default=None)
    if floor is not None:
        asked.append(CHARGES.c.start >= floor)
    return db.scalar(sa.select(sa.func.count()).select_from(CHARGES).where(*asked)) or 0
