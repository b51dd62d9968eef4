"""Offers and organizations: how many are mapped, and which are not, or no longer to something usable; in SQL.

The rules are those of `portal.billing.mapping`: the database finds the rows that break one, the rules say which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import Reason, offer_refusal, organization_refusal
from portal.errors import Sentence
from portal.models import Offer, Organization
from portal.services.reasons import REASONS
from portal.services.status.problem import Problem, Source
from portal.services.targets import is_usable, mapped_offer, mapped_organization
from qbwc.models import ListObject

REMEDIES: dict[Reason, Sentence] = {
    Reason.OFFER_UNMAPPED: Sentence("Or turn its Sync switch off, if it is not to be billed here."),
    Reason.ORGANIZATION_UNMAPPED: Sentence("Or turn its Sync switch off, if it is not to be billed here."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows that are mapped, still to be mapped, and switched off.

    `lost` of the mapped ones are mapped to something that is gone from QuickBooks, or cannot be used.
    """

    mapped: int
    unmapped: int
    off: int
    lost: int = 0

    @property
    def total(self) -> int:
        """All rows."""
        return self.mapped + self.unmapped + self.off


def count_offers(db: orm.Session, connection_id: int) -> Counts:
    """The offers of a connection, counted in one statement."""
    return _count(db, Offer, _offers(connection_id), Offer.item_list_id, _is_lost("item"))


def count_organizations(db: orm.Session, connection_id: int) -> Counts:
    """The organizations of a connection, counted in one statement."""
    whole = _organizations(connection_id)
    return _count(db, Organization, whole, Organization.customer_list_id, _is_lost("customer"))


def _offers(connection_id: int) -> Any:
    return _joined(Offer, Offer.item_list_id, "item", connection_id)


def _organizations(connection_id: int) -> Any:
    return _joined(Organization, Organization.customer_list_id, "customer", connection_id)


def _joined(
    table: type[Offer] | type[Organization],
    list_id: orm.InstrumentedAttribute[str | None],
    kind: str,
    connection_id: int,
) -> Any:
    same = sa.and_(ListObject.connection_id == connection_id, ListObject.kind == kind, ListObject.list_id == list_id)
    return sa.select(table, ListObject).outerjoin(ListObject, same).where(table.connection_id == connection_id)


def _is_lost(kind: str) -> sa.ColumnElement[bool]:
    return sa.or_(ListObject.id.is_(None), sa.not_(is_usable(kind)))


def _count(
    db: orm.Session,
    table: type[Offer] | type[Organization],
    joined: Any,
    list_id: orm.InstrumentedAttribute[str | None],
    is_lost: sa.ColumnElement[bool],
) -> Counts:
    def number_of(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0)), 0)

    is_on, is_mapped = table.is_synchronized.is_(True), list_id.is_not(None)
    total, unmapped, off, lost = db.execute(
        joined.with_only_columns(
            sa.func.count(),
            number_of(is_on, list_id.is_(None)),
            number_of(sa.not_(is_on)),
            number_of(is_on, is_mapped, is_lost),
            maintain_column_froms=True,
        )
    ).one()
    return Counts(mapped=total - unmapped - off, unmapped=unmapped, off=off, lost=lost)


def offer_source(db: orm.Session, connection_id: int, counts: Counts) -> Source:
    """The offers that are on and cannot be billed, by name."""

    def problem(row: Offer, item: ListObject | None) -> Problem:
        return _problem("offer", row, offer_refusal(mapped_offer(row, item)))

    return _source(db, counts, Offer, _offers(connection_id).where(Offer.is_synchronized, _is_lost("item")), problem)


def organization_source(db: orm.Session, connection_id: int, counts: Counts) -> Source:
    """The organizations that are on and cannot be billed, by name."""

    def problem(row: Organization, customer: ListObject | None) -> Problem:
        return _problem("organization", row, organization_refusal(mapped_organization(row, customer)))

    broken = _organizations(connection_id).where(Organization.is_synchronized, _is_lost("customer"))
    return _source(db, counts, Organization, broken, problem)


def _source(
    db: orm.Session,
    counts: Counts,
    table: type[Offer] | type[Organization],
    broken: Any,
    problem: Callable[[Any, ListObject | None], Problem],
) -> Source:
    def read(offset: int, limit: int | None) -> Sequence[Problem]:
        ordered = broken.order_by(sa.func.lower(table.name), table.id)
        return [problem(*row) for row in db.execute(ordered.offset(offset).limit(limit))]

    def follow(key: int | str | None, limit: int) -> Sequence[tuple[int | str, Problem]]:
        rows = db.execute(broken.where(table.id > (key or 0)).order_by(table.id).limit(limit))
        return [(row.id, problem(row, mirrored)) for row, mirrored in rows]

    return Source(counts.unmapped + counts.lost, read, follow)


def _problem(kind: str, row: Offer | Organization, reason: Reason | None) -> Problem:
    if reason is None:
        raise AssertionError("the database and the rules do not agree on what is broken")
    return Problem(
        code=f"{kind}-mapping",
        title=Sentence("%(name)s", {"name": row.name}),
        what=REASONS[reason],
        do=REMEDIES.get(reason),
        since=None,
        link=kind,
        link_id=row.id,
    )
