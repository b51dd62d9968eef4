"""Imports: a provider's charges, read whole or not at all, and posted to the ledger.

The same file again changes nothing. A corrected one changes what is not billed yet; what is billed is given back and
charged anew, by the next run. A charge that a later delivery of the same provider, period and scope no longer lists was
withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from portal.billing.period import Period
from portal.errors import NotFound, Refused
from portal.models import LONGEST_KEY, ChargeChange, Delivery, Offer, Organization, What
from portal.providers import Delivery as Delivered
from portal.providers import ProviderError, microsoft, sherweb
from portal.services import Portal
from portal.services.connections import hold
from portal.services.deliveries import begin_delivery
from portal.services.failed_imports import noting_failure
from portal.services.posting import Progress, post

PROVIDERS: dict[str, Callable[[bytes, str], Delivered]] = {"sherweb": sherweb.read, "microsoft": microsoft.read}
"""Whose files are read as they come."""
CSV = "csv"
"""Any other supplier, whose files are read by a column profile; see portal.services.sources."""
MOST_DIFFERENCES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDifference:
    """What a delivery says otherwise than the one before. `was_billed`: the next run gives back or charges the rest."""

    organization: str
    offer: str
    what: What
    was_billed: bool
    start: date
    last: date
    quantity_before: Decimal
    quantity_after: Decimal
    amount_before: Decimal
    amount_after: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import brought. `period_last` is the last day. `totals` are by currency, as the provider states them.

    `changed`, `withdrawn` and `unchanged` count charges that were known; `corrected` those of the changed and withdrawn
    ones that were billed already. `absent` counts charges of the same period of which this delivery lists none at all:
    it is taken for another file, and they stay. `differences` are at most the first thousand.
    """

    id: int | None
    rows: int
    added: int
    changed: int
    withdrawn: int
    corrected: int
    unchanged: int
    absent: int
    total: Decimal
    totals: dict[str, Decimal]
    period_start: date
    period_last: date
    new_offers: int
    new_organizations: int
    repeated: bool
    differences: tuple[ImportDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportView:
    """A past import."""

    id: int
    file_name: str
    provider: str
    scope: str
    """What tells it apart from others of the provider: an invoice's number, a column profile's name."""
    period_start: date
    period_last: date
    rows: int
    added: int
    changed: int
    withdrawn: int
    total: Decimal
    imported_at: datetime


def import_charges(
    portal: Portal,
    connection_id: int,
    data: bytes,
    *,
    name: str,
    provider: str,
    progress: Progress | None = None,
) -> ImportResult:
    """Read a provider's file and keep its charges. Raises Refused (unknown provider) or ProviderError (the file)."""
    if provider == CSV:
        raise Refused("A CSV file needs the columns that it is read by: choose saved ones, or new ones.")
    if provider not in PROVIDERS:
        known = ", ".join((*PROVIDERS, CSV))
        raise Refused("There is no provider %(provider)s: give one of %(known)s.", provider=provider, known=known)
    with noting_failure(portal, connection_id, provider, name):
        return keep(portal, connection_id, PROVIDERS[provider](data, name), data, name=name, progress=progress)


def keep(
    portal: Portal,
    connection_id: int,
    delivered: Delivered,
    data: bytes,
    *,
    name: str,
    progress: Progress | None = None,
) -> ImportResult:
    """Post a delivery that was read from `data`, whole or not at all. Raises Refused."""
    _check_lengths(delivered, name)
    with portal.database.write() as db:
        hold(db, connection_id)
        delivery = begin_delivery(
            db,
            connection_id,
            data,
            provider=delivered.provider,
            name=name,
            period=Period(delivered.period_start, delivered.period_end),
            total=delivered.total,
            rows=len(delivered.charges),
            at=portal.now(),
            scope=delivered.scope,
        )
        repeated = sa.select(Delivery.id).filter_by(connection_id=connection_id, digest=delivery.digest)
        is_repeated = db.scalar(repeated.where(Delivery.id != delivery.id).limit(1)) is not None
        posted = post(db, delivery, delivered, progress)
        delivery.added, delivery.changed, delivery.withdrawn = posted.added, posted.changed, posted.withdrawn
        is_news = posted.added or posted.changed or posted.withdrawn
        if is_repeated and not is_news:
            db.delete(delivery)
        db.flush()
        return ImportResult(
            id=delivery.id if is_news or not is_repeated else None,
            rows=len(delivered.charges),
            added=posted.added,
            changed=posted.changed,
            withdrawn=posted.withdrawn,
            corrected=posted.corrected,
            unchanged=posted.unchanged,
            absent=posted.absent,
            total=delivered.total,
            totals=_totals(delivered),
            period_start=delivered.period_start,
            period_last=delivered.period_end - timedelta(days=1),
            new_offers=posted.new_offers,
            new_organizations=posted.new_organizations,
            repeated=is_repeated,
            differences=_differences(db, delivery.id) if is_news else (),
        )


def _check_lengths(delivered: Delivered, name: str) -> None:
    for one in delivered.charges:
        if len(one.organization) > LONGEST_KEY or len(one.offer_key) > LONGEST_KEY:
            raise Refused(
                "%(file)s names an organization or offer in more than %(most)s characters: %(name)s… Nothing was "
                "imported: shorten it at the provider and export again.",
                file=name,
                most=LONGEST_KEY,
                name=max(one.organization, one.offer_key, key=len)[:40],
            )


def _totals(delivered: Delivered) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for one in delivered.charges:
        totals[one.currency] = totals.get(one.currency, Decimal(0)) + one.amount
    return totals


def _differences(db: sa.orm.Session, delivery_id: int) -> tuple[ImportDifference, ...]:
    query = differences_of(delivery_id).order_by(ChargeChange.id)
    return tuple(difference_view(row, *names) for row, *names in db.execute(query.limit(MOST_DIFFERENCES)))


def differences_of(delivery_id: int) -> Any:
    """The query for the differences of a delivery, each with the names of its organization and offer."""
    return (
        sa.select(ChargeChange, Organization.name, Offer.name)
        .join(Organization, Organization.id == ChargeChange.organization_id)
        .join(Offer, Offer.id == ChargeChange.offer_id)
        .where(ChargeChange.delivery_id == delivery_id)
    )


def difference_view(row: ChargeChange, organization: str, offer: str) -> ImportDifference:
    """A difference as people see it."""
    return ImportDifference(
        organization=organization,
        offer=offer,
        what=row.what,
        was_billed=row.was_billed,
        start=row.start,
        last=row.end - timedelta(days=1),
        quantity_before=row.quantity_before,
        quantity_after=row.quantity_after,
        amount_before=row.amount_before,
        amount_after=row.amount_after,
    )


def list_imports(portal: Portal, connection_id: int) -> tuple[ImportView, ...]:
    """Past imports, newest first."""
    with portal.database.read() as db:
        rows = db.scalars(sa.select(Delivery).filter_by(connection_id=connection_id).order_by(Delivery.id.desc()))
        return tuple(map(import_view, rows))


def import_view(row: Delivery) -> ImportView:
    """An import as people see it."""
    return ImportView(
        id=row.id,
        file_name=row.file_name,
        provider=row.provider,
        scope=row.scope,
        period_start=row.period_start,
        period_last=row.period_end - timedelta(days=1),
        rows=row.rows,
        added=row.added,
        changed=row.changed,
        withdrawn=row.withdrawn,
        total=row.total,
        imported_at=row.imported_at,
    )


def list_differences(portal: Portal, connection_id: int, delivery_id: int) -> tuple[ImportDifference, ...]:
    """What a past import changed, at most the first thousand. Raises NotFound."""
    with portal.database.read() as db:
        if db.scalar(sa.select(Delivery.id).filter_by(connection_id=connection_id, id=delivery_id)) is None:
            raise NotFound("This import does not exist here.")
        return _differences(db, delivery_id)


__all__ = [
    "PROVIDERS",
    "ImportDifference",
    "ImportResult",
    "ImportView",
    "ProviderError",
    "difference_view",
    "differences_of",
    "import_charges",
    "import_view",
    "keep",
    "list_differences",
    "list_imports",
]
