"""What unmapped offers and organizations may be in QuickBooks, and taking what a person picked of it.

Nothing is applied by itself: `use_items` and `use_customers` map the rows that a person chose, by the rules that hold
for any choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.suggestion import Subject, Suggestion
from portal.errors import Refused, Sentence
from portal.models import Offer, Organization
from portal.services import Portal
from portal.services.candidates import take_index
from portal.services.connections import HIGHEST_ID
from portal.services.targets import require_target

_TAKEN = Sentence("It was mapped in the meantime, so it was left as it is.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A suggestion, and who else is this customer: organizations that use it, and others it is suggested for."""

    suggestion: Suggestion
    used_by: tuple[str, ...] = ()
    also_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What an unmapped row may be, best first."""

    id: int
    key: str
    name: str
    proposals: tuple[Proposal, ...]

    @property
    def answer(self) -> Proposal | None:
        """The suggestion that nothing in the names speaks against."""
        first = self.proposals[0]
        return None if first.suggestion.is_ambiguous else first

    @property
    def is_sure(self) -> bool:
        """Whether there is an answer, and nobody else is that customer."""
        return self.answer is not None and not (self.answer.used_by or self.answer.also_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """The advice for all unmapped rows that have any, in their order, by id."""

    rows: Mapping[int, Advice]

    @property
    def sure(self) -> int:
        """How many of them are sure."""
        return sum(1 for one in self.rows.values() if one.is_sure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How many rows were mapped, and which were not, by name, with the reason."""

    applied: int
    refused: tuple[tuple[str, Sentence], ...]


# -- asking ----------------------------------------------------------------------------------------------------------


def advise_offers(portal: Portal, connection_id: int) -> Advised:
    """Items for the unmapped, synchronized offers."""
    with portal.database.read() as db:
        rows = db.scalars(_unmapped(Offer, Offer.item_list_id, connection_id)).all()
        if not rows:
            return Advised(rows={})
        index = take_index(portal.database, db, connection_id, "item")
    found = {row: index.ask(Subject(key=row.key, name=row.name)) for row in rows}
    return _advised(found, {}, is_shared=True)


def advise_organizations(portal: Portal, connection_id: int) -> Advised:
    """Customers for the unmapped, synchronized organizations."""
    with portal.database.read() as db:
        rows = db.scalars(_unmapped(Organization, Organization.customer_list_id, connection_id)).all()
        if not rows:
            return Advised(rows={})
        index = take_index(portal.database, db, connection_id, "customer")
        mapped = (
            sa.select(Organization.customer_list_id, Organization.name)
            .where(Organization.connection_id == connection_id, Organization.customer_list_id.is_not(None))
            .order_by(sa.func.lower(Organization.name), Organization.id)
        )
        users: dict[str, tuple[str, ...]] = {}
        for list_id, name in db.execute(mapped):
            users[list_id or ""] = (*users.get(list_id or "", ()), name)
    found = {row: index.ask(_company(row)) for row in rows}
    return _advised(found, users, is_shared=False)


def _unmapped(
    table: type[Offer] | type[Organization], counterpart: orm.InstrumentedAttribute[str | None], connection_id: int
) -> sa.Select[Any]:
    """As the tables show them: by name."""
    unmapped = sa.select(table).where(
        table.connection_id == connection_id, counterpart.is_(None), table.is_synchronized
    )
    return unmapped.order_by(sa.func.lower(table.name), table.id)


def _company(row: Offer | Organization) -> Subject:
    # Some providers name their clients by a domain. A key that is only the name again says nothing.
    return Subject(key="" if row.key == row.name else row.key, name=row.name, domains=(row.key,))


def _advised(
    found: Mapping[Offer | Organization, Sequence[Suggestion]],
    users: Mapping[str, tuple[str, ...]],
    *,
    is_shared: bool,
) -> Advised:
    """`is_shared`: several rows may well have the same counterpart, as several offers are billed as one item."""
    names: dict[str, list[str]] = {}
    for row, suggestions in found.items():
        if suggestions and not suggestions[0].is_ambiguous and not is_shared:
            names.setdefault(suggestions[0].list_id, []).append(row.name)
    rows = {}
    for row, suggestions in found.items():
        proposals = tuple(
            Proposal(
                suggestion=one,
                used_by=users.get(one.list_id, ()),
                also_for=_others(names.get(one.list_id, ()), row.name),
            )
            for one in suggestions
        )
        if proposals:
            rows[row.id] = Advice(id=row.id, key=row.key, name=row.name, proposals=proposals)
    return Advised(rows=rows)


def _others(names: Iterable[str], own: str) -> tuple[str, ...]:
    others = list(names)
    if own in others:
        others.remove(own)
    return tuple(others)


# -- taking ----------------------------------------------------------------------------------------------------------


def use_items(portal: Portal, connection_id: int, chosen: Mapping[int, str]) -> Used:
    """Map offers to items: offer id to ListID. Each is checked like a choice by hand; one that is mapped stays."""
    return _use(portal, connection_id, chosen, Offer, "item")


def use_customers(portal: Portal, connection_id: int, chosen: Mapping[int, str]) -> Used:
    """Map organizations to customers: organization id to ListID. As `use_items`."""
    return _use(portal, connection_id, chosen, Organization, "customer")


def _use(
    portal: Portal, connection_id: int, chosen: Mapping[int, str], table: type[Offer] | type[Organization], kind: str
) -> Used:
    applied, refused = 0, []
    counterpart = f"{kind}_list_id"
    wanted = [row_id for row_id in chosen if 0 < row_id <= HIGHEST_ID]
    with portal.database.write() as db:
        # Locked, so that a colleague's choice of the same moment is seen, and in order, so that two never block.
        rows: sa.Select[Any] = sa.select(table).where(table.connection_id == connection_id, table.id.in_(wanted))
        for row in db.scalars(rows.order_by(table.id).with_for_update(key_share=True)):
            before = getattr(row, counterpart)
            if before == chosen[row.id]:
                continue
            try:
                if before is not None:
                    raise Refused(_TAKEN.template)
                require_target(db, connection_id, kind, chosen[row.id])
            except Refused as error:
                refused.append((row.name, error.sentence))
                continue
            setattr(row, counterpart, chosen[row.id])
            applied += 1
    return Used(applied=applied, refused=tuple(refused))
