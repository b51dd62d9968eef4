"""Imports: charges as they were received, and the offers and organizations they speak of.

An import is whole or not at all. The same file again adds nothing; a corrected one changes what is not billed yet, and
counts what is.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import charge as billing
from portal.errors import Refused
from portal.models import LONGEST_KEY, BilledCharge, Charge, Delivery, Offer, Organization
from portal.providers import Delivery as Delivered
from portal.providers import ProviderError, sherweb
from portal.services import Portal
from portal.services.connections import hold

PROVIDERS: dict[str, Callable[[bytes, str], Delivered]] = {"sherweb": sherweb.read}
_LOOKUP = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import brought. `period_last` is the last day. `totals` are by currency, as the provider states them."""

    rows: int
    added: int
    changed: int
    unchanged: int
    already_billed: int
    total: Decimal
    totals: dict[str, Decimal]
    period_start: date
    period_last: date
    new_offers: int
    new_organizations: int
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportView:
    """A past import."""

    file_name: str
    provider: str
    period_start: date
    period_last: date
    rows: int
    added: int
    changed: int
    total: Decimal
    imported_at: datetime


def import_charges(portal: Portal, connection_id: int, data: bytes, *, name: str, provider: str) -> ImportResult:
    """Read a provider's file and keep its charges. Raises Refused (unknown provider) or ProviderError (the file)."""
    if provider not in PROVIDERS:
        raise Refused(
            "There is no provider %(provider)s: give one of %(known)s.", provider=provider, known=", ".join(PROVIDERS)
        )
    delivered = PROVIDERS[provider](data, name)
    for one in delivered.charges:
        if len(one.organization) > LONGEST_KEY or len(one.offer_key) > LONGEST_KEY:
            raise Refused(
                "%(file)s names an organization or offer in more than %(most)s characters: %(name)s… Nothing was "
                "imported: shorten it at the provider and export again.",
                file=name,
                most=LONGEST_KEY,
                name=max(one.organization, one.offer_key, key=len)[:40],
            )
    digest = hashlib.sha256(data).hexdigest()
    with portal.database.write() as db:
        hold(db, connection_id)
        repeated = (
            db.scalar(sa.select(Delivery.id).filter_by(connection_id=connection_id, digest=digest).limit(1)) is not None
        )
        delivery = Delivery(
            connection_id=connection_id,
            provider=provider,
            file_name=name,
            digest=digest,
            period_start=delivered.period_start,
            period_end=delivered.period_end,
            total=delivered.total,
            rows=len(delivered.charges),
            added=0,
            changed=0,
            imported_at=portal.now(),
        )
        db.add(delivery)
        db.flush()
        result = _keep(db, delivery, delivered, repeated)
        if repeated and not result.added and not result.changed:
            db.delete(delivery)
        return result


def _keep(db: orm.Session, delivery: Delivery, delivered: Delivered, repeated: bool) -> ImportResult:
    offers = _Names(db, Offer, delivery.connection_id)
    organizations = _Names(db, Organization, delivery.connection_id)
    known = _known(db, delivery.connection_id, [one.key for one in delivered.charges])
    unchanged = already_billed = 0
    totals: dict[str, Decimal] = {}
    for one, raw in zip(delivered.charges, delivered.raw, strict=True):
        totals[one.currency] = totals.get(one.currency, Decimal(0)) + one.amount
        values = _values(one, raw, offers.id_of(one.offer_key, one.offer_name), organizations.id_of(one.organization))
        row, is_billed = known.get(one.key, (None, False))
        if row is None:
            db.add(Charge(connection_id=delivery.connection_id, delivery_id=delivery.id, key=one.key, **values))
            delivery.added += 1
        elif all(getattr(row, field) == value for field, value in values.items() if field != "raw"):
            unchanged += 1
        elif is_billed:
            already_billed += 1
        else:
            for field, value in values.items():
                setattr(row, field, value)
            row.delivery_id = delivery.id
            delivery.changed += 1
    db.flush()
    return ImportResult(
        rows=delivery.rows,
        added=delivery.added,
        changed=delivery.changed,
        unchanged=unchanged,
        already_billed=already_billed,
        total=delivered.total,
        totals=totals,
        period_start=delivered.period_start,
        period_last=delivered.period_end - timedelta(days=1),
        new_offers=offers.made,
        new_organizations=organizations.made,
        repeated=repeated,
    )


def _values(one: billing.Charge, raw: str, offer_id: int, organization_id: int) -> dict[str, object]:
    values = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
    for field in ("key", "organization", "offer_key"):
        del values[field]
    values["name"] = values.pop("offer_name")
    values["tags"] = {"tags": [list(tag) for tag in one.tags]}
    return {**values, "raw": raw, "offer_id": offer_id, "organization_id": organization_id}


def _known(db: orm.Session, connection_id: int, keys: list[str]) -> dict[str, tuple[Charge, bool]]:
    found: dict[str, tuple[Charge, bool]] = {}
    for begin in range(0, len(keys), _LOOKUP):
        query = (
            sa.select(Charge, BilledCharge.charge_id.is_not(None))
            .outerjoin(BilledCharge, BilledCharge.charge_id == Charge.id)
            .where(Charge.connection_id == connection_id, Charge.key.in_(keys[begin : begin + _LOOKUP]))
        )
        found.update((row.key, (row, bool(is_billed))) for row, is_billed in db.execute(query))
    return found


class _Names:
    """Offers or organizations of a connection by key; unknown ones are made, unmapped."""

    def __init__(self, db: orm.Session, table: type[Offer] | type[Organization], connection_id: int) -> None:
        self._db, self._table, self._connection_id = db, table, connection_id
        rows = db.execute(sa.select(table.key, table.id).where(table.connection_id == connection_id))
        self._ids: dict[str, int] = {row.key: row.id for row in rows}
        self.made = 0

    def id_of(self, key: str, name: str | None = None) -> int:
        if key not in self._ids:
            row = self._table(connection_id=self._connection_id, key=key, name=name or key)
            self._db.add(row)
            self._db.flush()
            self._ids[key] = row.id
            self.made += 1
        return self._ids[key]


def list_imports(portal: Portal, connection_id: int) -> tuple[ImportView, ...]:
    """Past imports, newest first."""
    with portal.database.read() as db:
        rows = db.scalars(sa.select(Delivery).filter_by(connection_id=connection_id).order_by(Delivery.id.desc()))
        return tuple(
            ImportView(
                file_name=row.file_name,
                provider=row.provider,
                period_start=row.period_start,
                period_last=row.period_end - timedelta(days=1),
                rows=row.rows,
                added=row.added,
                changed=row.changed,
                total=row.total,
                imported_at=row.imported_at,
            )
            for row in rows
        )


__all__ = ["PROVIDERS", "ImportResult", "ImportView", "ProviderError", "import_charges", "list_imports"]
