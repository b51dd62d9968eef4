"""Items and customers of the mirror: as the rules see them, and which of them may be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import BILLABLE_ITEMS, MappedOffer, MappedOrganization, Reason, Target
from portal.errors import Refused
from portal.models import Offer, Organization
from portal.services import Portal
from portal.services.chunks import chunks
from portal.services.folding import fold, folded, has_words, words_of
from portal.services.reasons import REASONS
from qbwc.models import ListObject

CHOOSABLE = {"item": BILLABLE_ITEMS, "customer": frozenset({"Customer"})}
"""The types of objects that something may be mapped to, by list."""

_CURRENCIES = {"Canadian Dollar": "CAD", "US Dollar": "USD", "Euro": "EUR", "British Pound Sterling": "GBP"}


_NEAR = 3
"""How many near names a refusal tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An object of QuickBooks to choose from: its full name with parents, and what tells it from others."""

    list_id: str
    name: str
    detail: str
    type: str = ""
    price: Decimal | None = None
    cost: Decimal | None = None
    email: str = ""


def target(row: ListObject | None) -> Target | None:
    """A mirrored object as the rules see it."""
    if row is None:
        return None
    price, currency = row.data.get("price"), row.data.get("currency_ref") or {}
    return Target(
        list_id=row.list_id,
        full_name=row.full_name,
        type=row.type,
        is_active=row.is_active,
        price=Decimal(price) if price else None,
        currency=currency_code(currency.get("full_name")),
    )


def currency_code(name: str | None) -> str | None:
    """QuickBooks names currencies, charges carry ISO codes. A name that is not known here equals no code."""
    return _CURRENCIES.get(name, name) if name else None


def names_of(code: str | None) -> list[str]:
    """The names in QuickBooks that are this currency; none of no currency."""
    return [name for name in (*_CURRENCIES, code) if name and currency_code(name) == code]


ListIds = set[str] | sa.Select[Any]
"""ListIDs, or the query that tells them: where there may be thousands, in one statement."""


def load_targets(db: orm.Session, connection_id: int, kind: str, list_ids: ListIds) -> dict[str, ListObject]:
    """The mirrored objects with these ListIDs."""
    return {row.list_id: row for (row,) in _find(db, connection_id, kind, list_ids, sa.select(ListObject))}


def load_rows(db: orm.Session, connection_id: int, kind: str, list_ids: ListIds) -> dict[str, Any]:
    """The same as plain rows, for thousands of them."""
    columns = (ListObject.list_id, ListObject.full_name, ListObject.type, ListObject.is_active, ListObject.data)
    return {row.list_id: row for row in _find(db, connection_id, kind, list_ids, sa.select(*columns))}


def _find(
    db: orm.Session, connection_id: int, kind: str, list_ids: ListIds, query: sa.Select[Any]
) -> Iterator[sa.Row[Any]]:
    """What `query` selects of these objects; where they are named, as many at a time as one statement may name."""
    of_list = query.filter_by(connection_id=connection_id, kind=kind)
    if isinstance(list_ids, sa.Select):
        yield from db.execute(of_list.where(ListObject.list_id.in_(list_ids)))
        return
    for some in chunks(sorted(list_ids)):
        yield from db.execute(of_list.where(ListObject.list_id.in_(some)))


def mapped_offer(row: Offer, item: ListObject | None) -> MappedOffer:
    """An offer as the rules see it."""
    return MappedOffer(
        id=row.id, name=row.name, is_synchronized=row.is_synchronized, item_list_id=row.item_list_id, item=target(item)
    )


def mapped_organization(row: Organization, customer: ListObject | None) -> MappedOrganization:
    """An organization as the rules see it."""
    return MappedOrganization(
        id=row.id,
        name=row.name,
        is_synchronized=row.is_synchronized,
        customer_list_id=row.customer_list_id,
        customer=target(customer),
        po_number=row.po_number or "",
        other1=row.other1 or "",
        other2=row.other2 or "",
    )


def is_usable(kind: str) -> sa.ColumnElement[bool]:
    """Whether an object that something is mapped to can be billed, as `portal.billing.mapping` has it."""
    is_active = ListObject.is_active.is_(True)
    return sa.and_(is_active, ListObject.type.in_(sorted(BILLABLE_ITEMS))) if kind == "item" else is_active


def choosable(connection_id: int, kind: str) -> sa.Select[ListObject]:
    """The active objects of a list that something may be mapped to."""
    query = sa.select(ListObject).filter_by(connection_id=connection_id, kind=kind, is_active=True)
    return query.where(ListObject.type.in_(sorted(CHOOSABLE[kind])))


def item_choices(portal: Portal, connection_id: int, search: str = "", limit: int = 50) -> tuple[Choice, ...]:
    """Items that can be billed by quantity, whose path has all these words, by path."""
    return _choices(portal, connection_id, "item", search, limit)


def customer_choices(portal: Portal, connection_id: int, search: str = "", limit: int = 50) -> tuple[Choice, ...]:
    """Customers and jobs, whose path has all these words, by path."""
    return _choices(portal, connection_id, "customer", search, limit)


def _choices(portal: Portal, connection_id: int, kind: str, search: str, limit: int) -> tuple[Choice, ...]:
    with portal.database.read() as db:
        return tuple(_choice(row) for row in db.scalars(_searched(db, connection_id, kind, search).limit(limit)))


def _searched(db: orm.Session, connection_id: int, kind: str, search: str) -> sa.Select[ListObject]:
    """What begins with the words first: it is what people mean most often. Then by path."""
    path = folded(db, ListObject.full_name)
    query = choosable(connection_id, kind)
    if words := " ".join(words_of(search)):
        query = query.where(has_words(db, search, ListObject.full_name))
        query = query.order_by(sa.case((path.startswith(words, autoescape=True), 0), else_=1))
    return query.order_by(path, ListObject.id)


def _choice(row: ListObject) -> Choice:
    data = row.data
    return Choice(
        list_id=row.list_id,
        name=row.full_name,
        detail=str(data.get("price") or data.get("email") or ""),
        type=row.type,
        price=Decimal(data["price"]) if data.get("price") else None,
        cost=Decimal(data["cost"]) if data.get("cost") else None,
        email=str(data.get("email") or ""),
    )


def find_by_name(db: orm.Session, connection_id: int, kind: str, name: str) -> str:
    """The ListID of what may be chosen and has this full name, but for case and accents.

    Raises Refused, with near names when there are some.
    """
    same = choosable(connection_id, kind)
    found = db.scalar(same.where(ListObject.full_name == name).limit(1))
    if found is not None:
        return found.list_id
    near = db.scalars(_searched(db, connection_id, kind, name).limit(_NEAR)).all()
    alike = [one for one in near if fold(one.full_name) == fold(name)]
    if alike:
        return next((one for one in alike if one.full_name.casefold() == name.casefold()), alike[0]).list_id
    raise _unknown(kind, name, near or _nearly(db, connection_id, kind, name))


def _nearly(db: orm.Session, connection_id: int, kind: str, name: str) -> Sequence[ListObject]:
    """What has at least one of the words of a name that nothing has whole; the longest one is tried first."""
    for word in sorted(words_of(name), key=len, reverse=True)[:_NEAR]:
        found = db.scalars(_searched(db, connection_id, kind, word).limit(_NEAR)).all()
        if len(word) > 1 and found:
            return found
    return ()


def _unknown(kind: str, name: str, near: Sequence[ListObject]) -> Refused:
    names = " · ".join(one.full_name for one in near)
    if kind == "item":
        if near:
            return Refused(
                "QuickBooks has no item “%(name)s” that can be billed. Did you mean %(near)s?", name=name, near=names
            )
        return Refused("QuickBooks has no item “%(name)s” that can be billed. Choose one from the list.", name=name)
    if near:
        return Refused("QuickBooks has no active customer “%(name)s”. Did you mean %(near)s?", name=name, near=names)
    return Refused("QuickBooks has no active customer “%(name)s”. Choose one from the list.", name=name)


def require_target(db: orm.Session, connection_id: int, kind: str, list_id: str) -> None:
    """Whatever chooses an item or a customer passes here. Raises Refused for one that may not be chosen."""
    found = load_targets(db, connection_id, kind, {list_id}).get(list_id)
    if found is None:
        if kind == "item":
            raise Refused(
                "QuickBooks has no such item any more. Click Update Selected in the Web Connector, then choose again."
            )
        raise Refused(
            "QuickBooks has no such customer any more. Click Update Selected in the Web Connector, then choose again."
        )
    if found.type not in CHOOSABLE[kind]:
        raise Refused(REASONS[Reason.ITEM_NOT_BILLABLE].template)
    if not found.is_active:
        reason = Reason.ITEM_INACTIVE if kind == "item" else Reason.CUSTOMER_INACTIVE
        raise Refused(REASONS[reason].template)
