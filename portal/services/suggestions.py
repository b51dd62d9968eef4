"""What unmapped offers and organizations may be in QuickBooks, and taking what a person picked of it.

Nothing is applied by itself: `use_items` and `use_customers` map the rows that a person chose, by the rules that hold
for any choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.suggestion import Subject, Suggestion
from portal.errors import Refused, Sentence
from portal.models import Offer, Organization
from portal.services import Portal
from portal.services.candidates import is_quick, take_index
from portal.services.folding import folded
from portal.services.mapping_changes import lock_rows
from portal.services.mapping_log import Changed, fields_of, note_changes
from portal.services.mapping_sides import OFFERS, ORGANIZATIONS, Side, is_unmapped
from portal.services.targets import require_target

_CHUNK = 500
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


def advise_offers(portal: Portal, connection_id: int, *, only: Collection[int] | None = None) -> Advised:
    """Items for the unmapped, synchronized offers; `only` for those of these ids."""
    with portal.database.read() as db:
        rows = _load_unmapped(db, OFFERS, connection_id, only)
        if not rows:
            return Advised(rows={})
        index = take_index(portal.database, db, connection_id, "item")
    found = {row: index.ask(_subject(OFFERS, row)) for row in rows}
    return _advised(found, {}, is_shared=True)


def advise_organizations(portal: Portal, connection_id: int, *, only: Collection[int] | None = None) -> Advised:
    """Customers for the unmapped, synchronized organizations; `only` for those of these ids.

    With `only`, others that a customer is also suggested for are looked for among them alone.
    """
    with portal.database.read() as db:
        rows = _load_unmapped(db, ORGANIZATIONS, connection_id, only)
        if not rows:
            return Advised(rows={})
        index = take_index(portal.database, db, connection_id, "customer")
        found = {row: index.ask(_subject(ORGANIZATIONS, row)) for row in rows}
        users = _users(db, connection_id, {one.list_id for all_ in found.values() for one in all_})
    return _advised(found, users, is_shared=False)


def is_advice_quick(portal: Portal, connection_id: int, side: Side, only: Collection[int]) -> bool:
    """Whether the suggestions for these rows are there at once; otherwise they take some seconds."""
    with portal.database.read() as db:
        rows = _load_unmapped(db, side, connection_id, only)
        subjects = [_subject(side, row) for row in rows]
        return not rows or is_quick(portal.database, db, connection_id, side.kind, subjects)


def find_exact(
    portal: Portal, db: orm.Session, connection_id: int, side: Side, rows: Sequence[Any]
) -> dict[int, Suggestion]:
    """What unmapped rows are called just so in QuickBooks, by id; customers only where nobody else is that one."""
    if not rows:
        return {}
    index = take_index(portal.database, db, connection_id, side.kind)
    asked = {row.id: index.ask_exact(_subject(side, row)) for row in rows}
    found = {row_id: one for row_id, one in asked.items() if one is not None}
    if side is OFFERS:
        return found
    taken = set(_users(db, connection_id, {one.list_id for one in found.values()}))
    shared = {list_id for list_id, count in Counter(one.list_id for one in found.values()).items() if count > 1}
    return {row_id: one for row_id, one in found.items() if one.list_id not in taken | shared}


def _load_unmapped(db: orm.Session, side: Side, connection_id: int, only: Collection[int] | None) -> Sequence[Any]:
    """As the tables show them: by name."""
    query: sa.Select[Any] = sa.select(side.table).where(side.of(connection_id), is_unmapped(side))
    if only is not None:
        query = query.where(side.table.id.in_(list(only)))
    return db.scalars(query.order_by(folded(db, side.table.name), side.table.id)).all()


def _users(db: orm.Session, connection_id: int, list_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The organizations that these customers are mapped to, by ListID."""
    users: dict[str, tuple[str, ...]] = {}
    wanted = sorted(list_ids)
    for begin in range(0, len(wanted), _CHUNK):
        mapped = sa.select(Organization.customer_list_id, Organization.name).where(
            Organization.connection_id == connection_id,
            Organization.customer_list_id.in_(wanted[begin : begin + _CHUNK]),
        )
        for list_id, name in db.execute(mapped.order_by(sa.func.lower(Organization.name), Organization.id)):
            users[list_id or ""] = (*users.get(list_id or "", ()), name)
    return users


def _subject(side: Side, row: Offer | Organization) -> Subject:
    if side is OFFERS:
        return Subject(key=row.key, name=row.name)
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


def use_items(portal: Portal, connection_id: int, chosen: Mapping[int, str], *, who: str = "") -> Used:
    """Map offers to items: offer id to ListID. Each is checked like a choice by hand; one that is mapped stays."""
    return _use(portal, connection_id, chosen, OFFERS, who)


def use_customers(portal: Portal, connection_id: int, chosen: Mapping[int, str], *, who: str = "") -> Used:
    """Map organizations to customers: organization id to ListID. As `use_items`."""
    return _use(portal, connection_id, chosen, ORGANIZATIONS, who)


def _use(portal: Portal, connection_id: int, chosen: Mapping[int, str], side: Side, who: str) -> Used:
    refused = []
    changed = []
    with portal.database.write() as db:
        # Locked, so that a colleague's choice of the same moment is seen.
        for row in lock_rows(db, side, connection_id, list(chosen)):
            before = getattr(row, side.field)
            if before == chosen[row.id]:
                continue
            try:
                if before is not None:
                    raise Refused(_TAKEN.template)
                require_target(db, connection_id, side.kind, chosen[row.id])
            except Refused as error:
                refused.append((row.name, error.sentence))
                continue
            changed.append(Changed(row, fields_of(side, row)))
            setattr(row, side.field, chosen[row.id])
        note_changes(db, side, connection_id, changed, who=who, how="suggestion", at=portal.now())
    return Used(applied=len(changed), refused=tuple(refused))
