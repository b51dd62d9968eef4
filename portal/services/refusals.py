"""Why a charge that no line bills would not be billed, in SQL: what `portal.billing.drafting.plan` says of one charge.

Organizations and offers are judged by the rules themselves, thousands at most; charges are judged where they are, and
may be a million. What holds an organization's whole invoice (a total below zero, an item without a price) is not here:
it is a matter of all its charges together, and the preview tells it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import ChargeKind
from portal.billing.lines import Rules
from portal.billing.mapping import (
    BILLABLE_ITEMS,
    MappedOffer,
    MappedOrganization,
    Reason,
    offer_refusal,
    organization_refusal,
)
from portal.models import Connection, Offer, Organization
from portal.services.ledger_rows import CHARGES
from portal.services.planning import rules_of
from portal.services.rule_conditions import Condition, is_one_of
from portal.services.targets import names_of, target
from portal.services.waiting import HISTORY, size_of
from qbwc.models import ListObject

_OBJECT = (ListObject.list_id, ListObject.full_name, ListObject.type, ListObject.is_active, ListObject.data)
_KNOWN = CHARGES.alias("known")


def refusal(db: orm.Session, connection: Connection, end: date) -> sa.ColumnElement[str | None]:
    """The code of the first reason, in the order of the rules; NULL for a charge that nothing refuses.

    `end` is that of the period of the next run: what is known of a subscription is looked up to there.
    """
    rules = rules_of(connection)
    organizations = list(_organizations(db, connection.id, rules.home_currency))
    known_since = sa.and_(
        _KNOWN.c.start < end, _KNOWN.c.start >= end - HISTORY, _KNOWN.c.connection_id == connection.id
    )
    cases = [
        *_ages(rules, known_since),
        *_rows(CHARGES.c.organization_id, ((one.id, organization_refusal(one)) for one in organizations)),
        *_rows(CHARGES.c.offer_id, ((one.id, offer_refusal(one)) for one in _offers(db, connection.id))),
        *_currencies(rules, organizations),
        (_is_money(known_since), Reason.MONEY_CREDIT),
    ]
    told = ((condition, sa.literal(reason.value, sa.String())) for condition, reason in cases)
    return sa.case(*told, else_=sa.null())


def _organizations(db: orm.Session, connection_id: int, home: str | None) -> Iterator[MappedOrganization]:
    """Those that may be refused, or have a currency of their own: the others need no look."""
    columns = (Organization.id, Organization.name, Organization.is_synchronized, Organization.customer_list_id)
    currency = ListObject.data[("currency_ref", "full_name")].as_string()
    query = _with_object(Organization, columns, Organization.customer_list_id, "customer", connection_id)
    is_foreign = sa.and_(currency.is_not(None), currency.not_in(names_of(home)))
    for row in db.execute(query.where(sa.or_(_is_odd(Organization), is_foreign))):
        yield MappedOrganization(
            id=row.id,
            name=row.name,
            is_synchronized=row.is_synchronized,
            customer_list_id=row.customer_list_id,
            customer=None if row.list_id is None else target(row),  # type: ignore[arg-type]
        )


def _offers(db: orm.Session, connection_id: int) -> Iterator[MappedOffer]:
    """Those that may be refused."""
    columns = (Offer.id, Offer.name, Offer.is_synchronized, Offer.item_list_id)
    query = _with_object(Offer, columns, Offer.item_list_id, "item", connection_id)
    for row in db.execute(query.where(sa.or_(_is_odd(Offer), ListObject.type.not_in(sorted(BILLABLE_ITEMS))))):
        yield MappedOffer(
            id=row.id,
            name=row.name,
            is_synchronized=row.is_synchronized,
            item_list_id=row.item_list_id,
            item=None if row.list_id is None else target(row),  # type: ignore[arg-type]
        )


def _with_object(table: Any, columns: tuple[Any, ...], list_id: Any, kind: str, connection_id: int) -> sa.Select[Any]:
    """Rows, each with its counterpart in the mirror."""
    same = sa.and_(ListObject.connection_id == connection_id, ListObject.kind == kind, ListObject.list_id == list_id)
    return sa.select(*columns, *_OBJECT).outerjoin(ListObject, same).where(table.connection_id == connection_id)


def _is_odd(table: type[Offer] | type[Organization]) -> Condition:
    """Whether a row is switched off, or has no counterpart that is active."""
    return sa.or_(table.is_synchronized.is_(False), ListObject.list_id.is_(None), ListObject.is_active.is_(False))


def _rows(
    column: sa.ColumnElement[int], refused: Iterable[tuple[int, Reason | None]]
) -> Iterator[tuple[Condition, Reason]]:
    """The charges of refused rows, a reason at a time."""
    ids: dict[Reason, list[int]] = defaultdict(list)
    for row_id, reason in refused:
        if reason is not None:
            ids[reason].append(row_id)
    for reason, found in ids.items():
        yield is_one_of(column, found), reason


def _ages(rules: Rules, known_since: Condition) -> Iterator[tuple[Condition, Reason]]:
    """The floor: see `portal.billing.drafting`."""
    floor = rules.start_date
    if floor is None:
        return
    given = CHARGES.c.reverses_id.is_(None)
    yield sa.and_(given, CHARGES.c.start < floor), Reason.BEFORE_START
    whole = sa.and_(
        _KNOWN.c.organization_id == CHARGES.c.organization_id,
        _KNOWN.c.offer_id == CHARGES.c.offer_id,
        _KNOWN.c.kind == ChargeKind.RECURRING,
        _KNOWN.c.start <= CHARGES.c.start,
        _KNOWN.c.end > CHARGES.c.start,
        known_since,
    )
    is_old = sa.and_(_is_there(whole), sa.not_(_is_there(whole, _KNOWN.c.start >= floor)))
    yield sa.and_(given, CHARGES.c.kind == ChargeKind.CREDIT, is_old), Reason.BEFORE_START


def _is_there(*asked: Condition) -> Condition:
    """Whether there is such a known charge."""
    return sa.exists().select_from(_KNOWN).where(*asked).correlate(CHARGES)


def _currencies(rules: Rules, organizations: Iterable[MappedOrganization]) -> Iterator[tuple[Condition, Reason]]:
    """Where the customer has a currency it decides, else the company's own."""
    home = rules.home_currency
    others: dict[str, list[int]] = defaultdict(list)
    for one in organizations:
        own = one.customer.currency if one.customer else None
        if own and own != home:
            others[own].append(one.id)
    for currency, ids in others.items():
        of_these = is_one_of(CHARGES.c.organization_id, ids)
        yield sa.and_(of_these, CHARGES.c.currency != currency), Reason.CURRENCY
    if home:
        rest = [row_id for ids in others.values() for row_id in ids]
        yield sa.and_(sa.not_(is_one_of(CHARGES.c.organization_id, rest)), CHARGES.c.currency != home), Reason.CURRENCY


def _is_money(known_since: Condition) -> Condition:
    """An amount without seats; the sign of a number that is kept as text is its first letter."""
    quantity = sa.type_coerce(CHARGES.c.quantity, sa.String)
    is_nothing = size_of(CHARGES.c.quantity) == 0
    is_cost = size_of(_KNOWN.c.unit_cost) == size_of(CHARGES.c.unit_cost)
    like = sa.and_(_KNOWN.c.offer_id == CHARGES.c.offer_id, _KNOWN.c.kind != ChargeKind.CREDIT, is_cost, known_since)
    is_unknown = sa.not_(sa.and_(CHARGES.c.kind == ChargeKind.CREDIT, _is_there(like)))
    return sa.and_(
        CHARGES.c.reverses_id.is_(None),
        CHARGES.c.amount_cents != 0,
        sa.or_(is_nothing, sa.and_(quantity.not_like("-%"), CHARGES.c.amount_cents < 0, is_unknown)),
    )
