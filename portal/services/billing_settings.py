"""How a connection bills: what may be changed after it is made, and what may not."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import description
from portal.billing.options import Approval, Grouping, NegativeTotal, ProrateBy
from portal.billing.period import BillingMode
from portal.billing.rating import Rounding
from portal.billing.share import DayCount
from portal.errors import Conflict, Refused, Stale
from portal.models import Connection, PlannedDraft, PlannedState, Run
from portal.services import Portal, audit
from portal.services.connections import PRORATIONS, check_invoice_day, check_proration, find, hold

LONGEST_DESCRIPTION = 500
_CHOICES: dict[str, type[StrEnum]] = {
    "prorate_by": ProrateBy,
    "day_count": DayCount,
    "rounding": Rounding,
    "grouping": Grouping,
    "negative_total": NegativeTotal,
    "approval": Approval,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingSettings:
    """The settings of a connection. `billing_mode` is shown only: it is chosen once."""

    billing_mode: BillingMode
    invoice_day: int
    prorate: frozenset[str]
    start_date: date | None
    time_zone: str
    prorate_by: ProrateBy
    day_count: DayCount
    rounding: Rounding
    grouping: Grouping
    negative_total: NegativeTotal
    description: str
    approval: Approval
    unflagged_is_unsent: bool
    fiscal_first_month: int


def get_settings(portal: Portal, connection_id: int) -> BillingSettings:
    """The settings of a connection. Raises NotFound."""
    with portal.database.read() as db:
        return _settings(find(db, connection_id))


def _settings(row: Connection) -> BillingSettings:
    return BillingSettings(
        billing_mode=row.billing_mode,
        invoice_day=row.invoice_day,
        prorate=frozenset(box for box in PRORATIONS if getattr(row, f"prorate_{box}")),
        start_date=row.start_date,
        time_zone=row.time_zone,
        prorate_by=row.prorate_by,
        day_count=row.day_count,
        rounding=row.rounding,
        grouping=row.grouping,
        negative_total=row.negative_total,
        description=row.description,
        approval=row.approval,
        unflagged_is_unsent=row.unflagged_is_unsent,
        fiscal_first_month=row.fiscal_first_month,
    )


def change_settings(
    portal: Portal, connection_id: int, changes: Mapping[str, Any], *, who: str, seen: str | None = None
) -> BillingSettings:
    """Change some settings, by the names of BillingSettings; choices may be given as their text.

    They count from the next run: what was billed stays. Raises Refused naming the setting, also for another billing
    mode, which is locked once the connection is made; Conflict while a run is being made; Stale when the settings are
    not those of the version `seen` any more.
    """
    with portal.database.write() as db:
        row = hold(db, connection_id)
        require_version(row, seen)
        return apply_changes(db, row, changes, now=portal.now(), who=who)


def require_version(row: Connection, seen: str | None) -> None:
    """Raises Stale when the settings of a connection are not those of the version `seen` any more."""
    if seen is not None and version_of(_settings(row)) != seen:
        raise Stale(
            "Somebody changed these settings while this page was open, so nothing was saved. Compare yours with what "
            "is saved now, then save again."
        )


def version_of(settings: BillingSettings) -> str:
    """16 hexadecimal digits that change with any of the settings."""
    told = {field.name: _shown(getattr(settings, field.name)) for field in dataclasses.fields(settings)}
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def apply_changes(
    db: orm.Session, row: Connection, changes: Mapping[str, Any], *, now: datetime, who: str
) -> BillingSettings:
    """The same in a transaction that is open already, for a row that is held."""
    before = _settings(row)
    wanted = _checked(before, changes)
    if wanted == before:
        return before
    _refuse_while_billing(db, row.id)
    for field in dataclasses.fields(wanted):
        if field.name not in ("prorate", "billing_mode"):
            setattr(row, field.name, getattr(wanted, field.name))
    for box in PRORATIONS:
        setattr(row, f"prorate_{box}", box in wanted.prorate)
    detail = _differences(before, wanted)
    audit.note(db, row.id, at=now, who=who, action="change-settings", subject=f"connection:{row.id}", detail=detail)
    return wanted


def _refuse_while_billing(db: orm.Session, connection_id: int) -> None:
    """Half of a run by the old rules and half by the new ones would be what nobody saw in a preview."""
    begun = (
        sa.select(PlannedDraft.id)
        .join(Run)
        .filter(Run.connection_id == connection_id, PlannedDraft.state == PlannedState.WAITING)
    )
    if db.scalar(begun.limit(1)) is not None:
        raise Conflict("Invoices are being prepared by the present choices. Save again when they are done.")


def _checked(before: BillingSettings, changes: Mapping[str, Any]) -> BillingSettings:
    values: dict[str, Any] = dict(changes)
    if values.pop("billing_mode", before.billing_mode) != before.billing_mode:
        raise Refused("The billing mode was chosen when the connection was made, and cannot be changed any more.")
    for name, kind in _CHOICES.items():
        if name in values and values[name] not in set(kind):
            raise Refused("%(value)s is no choice for %(setting)s.", value=values[name], setting=name)
        if name in values:
            values[name] = kind(values[name])
    if "invoice_day" in values:
        check_invoice_day(values["invoice_day"])
    if not 1 <= int(values.get("fiscal_first_month", 1)) <= 12:
        raise Refused("The first month of the fiscal year is one from 1, January, to 12, December.")
    check_proration(values.get("prorate", ()))
    _check_texts(values)
    if "prorate" in values:
        values["prorate"] = frozenset(values["prorate"])
    return dataclasses.replace(before, **values)


def _check_texts(values: dict[str, Any]) -> None:
    if "time_zone" in values:
        try:
            ZoneInfo(values["time_zone"])
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused(
                "There is no time zone %(zone)s: give one such as America/Toronto.", zone=values["time_zone"]
            ) from None
    template = values.get("description", "")
    if len(template) > LONGEST_DESCRIPTION:
        raise Refused("The description has more than %(most)s characters. Shorten it.", most=LONGEST_DESCRIPTION)
    try:
        description.check(template)
    except description.TemplateError as error:
        raise Refused(
            "The description cannot be filled in: %(found)s is no placeholder. There are: %(known)s.",
            found=error.found,
            known=", ".join("{" + name + "}" for name in description.PLACEHOLDERS),
        ) from None


def _differences(before: BillingSettings, after: BillingSettings) -> dict[str, Any]:
    return {
        field.name: [_shown(getattr(before, field.name)), _shown(getattr(after, field.name))]
        for field in dataclasses.fields(before)
        if getattr(before, field.name) != getattr(after, field.name)
    }


def _shown(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else None if value is None else str(value)
