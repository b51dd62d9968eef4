"""The two sides of a mapping: offers, each with its item, and organizations, each with its customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import BILLABLE_ITEMS
from portal.models import Charge, Offer, Organization
from portal.services.invoice_fields import LISTS
from qbwc.models import ListObject


@dataclass(frozen=True, slots=True)
class Side:
    """What tells offers from organizations: their table, the list of their counterparts, their fields."""

    noun: str
    kind: str
    table: type[Offer] | type[Organization]
    owner: sa.SQLColumnExpression[int]
    fields: tuple[str, ...]
    """What a person decides about a row."""

    @property
    def field(self) -> str:
        """The attribute that holds the counterpart's ListID."""
        return f"{self.kind}_list_id"

    @property
    def list_id(self) -> sa.SQLColumnExpression[str | None]:
        """The column of the counterpart's ListID."""
        column: sa.SQLColumnExpression[str | None] = getattr(self.table, self.field)
        return column

    def of(self, connection_id: int) -> sa.ColumnElement[bool]:
        """The rows of a connection."""
        return self.table.connection_id == connection_id

    def subject(self, row_id: int) -> str:
        """What the log calls a row."""
        return f"{self.noun}:{row_id}"


OFFERS = Side("offer", "item", Offer, Charge.offer_id, ("item_list_id", "is_synchronized"))
ORGANIZATIONS = Side(
    "organization",
    "customer",
    Organization,
    Charge.organization_id,
    ("customer_list_id", "is_synchronized", "mode", "po_number", *LISTS, "other1", "other2"),
)


def join_target(side: Side, connection_id: int) -> tuple[type[ListObject], sa.ColumnElement[bool]]:
    """The counterpart of a row in the mirror, and the condition of an outer join to it."""
    target = orm.aliased(ListObject)
    return target, sa.and_(
        target.connection_id == connection_id, target.kind == side.kind, target.list_id == side.list_id
    )


def is_unmapped(side: Side) -> sa.ColumnElement[bool]:
    """To be billed, and without counterpart."""
    return sa.and_(side.table.is_synchronized, side.list_id.is_(None))


def is_mapped(side: Side) -> sa.ColumnElement[bool]:
    """To be billed, and with a counterpart, whatever became of it."""
    return sa.and_(side.table.is_synchronized, side.list_id.is_not(None))


def is_off(side: Side) -> sa.ColumnElement[bool]:
    """Not to be billed."""
    return sa.not_(side.table.is_synchronized)


def is_stuck(side: Side, target: type[ListObject], connection_id: int) -> sa.ColumnElement[bool]:
    """To be billed, and it cannot be: `portal.billing.mapping` and `invoice_fields` say why of each row."""
    reasons: list[sa.ColumnElement[bool]] = [
        side.list_id.is_(None),
        target.id.is_(None),
        sa.not_(target.is_active),
    ]
    if side is OFFERS:
        reasons.append(target.type.not_in(sorted(BILLABLE_ITEMS)))
    else:
        reasons += [_is_lost(field, kind, connection_id) for field, kind in LISTS.items()]
    return sa.and_(side.table.is_synchronized, sa.or_(*reasons))


def _is_lost(field: str, kind: str, connection_id: int) -> sa.ColumnElement[bool]:
    """Whether the organization's invoices name an object of a list that is gone or inactive."""
    named: Any = getattr(Organization, field)
    kept = orm.aliased(ListObject)
    found = sa.exists().where(
        kept.connection_id == connection_id, kept.kind == kind, kept.list_id == named, kept.is_active
    )
    return sa.and_(named.is_not(None), named != "", sa.not_(found))
