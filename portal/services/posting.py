"""Posting a delivery to the ledger: what is new, what changed, what was withdrawn; in bulk.

A month may have 100,000 rows: they are read and written as plain rows, a chunk at a time, without an object for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import ledger
from portal.billing.charge import Charge as Value
from portal.billing.money import in_cents
from portal.models import ChargeChange, Delivery, Offer, Organization, What
from portal.providers import Delivery as Delivered
from portal.services.chunks import CHUNK, chunks
from portal.services.ledger_rows import CHARGES, FACTS, Row, chains
from portal.services.tag_sets import TagSets

Progress = Callable[[int, int], None]
"""Called with the rows that are posted, and all of them."""

_CHANGES = ChargeChange.metadata.tables[ChargeChange.__tablename__]


class Result(StrEnum):
    """What became of a charge that was posted by itself."""

    MADE = "made"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass
class Posted:
    """How many charges were new, changed and so on; see `ImportResult`."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    corrected: int = 0
    unchanged: int = 0
    absent: int = 0
    new_offers: int = 0
    new_organizations: int = 0


@dataclass
class _Writes:
    """What one chunk changes, gathered so that it is written at once."""

    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    differences: list[dict[str, Any]] = field(default_factory=list)

    def flush(self, db: orm.Session) -> None:
        connection = db.connection()
        if self.gone:  # first: a posting may take the place of the one before it
            connection.execute(sa.delete(CHARGES).where(CHARGES.c.id.in_(self.gone)))
        if self.changed:
            same = CHARGES.c.id == sa.bindparam("row_id")
            connection.execute(sa.update(CHARGES).where(same), self.changed)
        if self.new:
            connection.execute(sa.insert(CHARGES), self.new)
        if self.differences:
            connection.execute(sa.insert(_CHANGES), self.differences)


def post(db: orm.Session, delivery: Delivery, delivered: Delivered, progress: Progress | None = None) -> Posted:
    """Post the charges of a delivery, and withdraw those of its period and scope that it no longer lists."""
    return _Posting(db, delivery).post(delivered, progress)


def post_some(
    db: orm.Session, delivery: Delivery, charges: Sequence[Value], raw: Sequence[str], *, keeps_origin: bool = False
) -> tuple[Result, ...]:
    """Post charges that say nothing of any other: what they do not list stays. The result of each, in their order.

    With `keeps_origin`, a charge that is known stays with the delivery that brought it, so that a later version of that
    one can still withdraw it.
    """
    offers = _Names(db, Offer, delivery.connection_id, {one.offer_key for one in charges})
    organizations = _Names(db, Organization, delivery.connection_id, {one.organization for one in charges})
    return _Posting(db, delivery, offers, organizations, keeps_origin=keeps_origin).post_some(charges, raw)


class _Posting:
    def __init__(
        self,
        db: orm.Session,
        delivery: Delivery,
        offers: _Names | None = None,
        organizations: _Names | None = None,
        *,
        keeps_origin: bool = False,
    ) -> None:
        self._db = db
        self._keeps_origin = keeps_origin
        self._delivery = delivery
        self._posted = Posted()
        self._offers = offers or _Names(db, Offer, delivery.connection_id)
        self._organizations = organizations or _Names(db, Organization, delivery.connection_id)
        self._tag_sets = TagSets(db, delivery.connection_id)

    def post(self, delivered: Delivered, progress: Progress | None) -> Posted:
        count = len(delivered.charges)
        self._add_names(delivered.charges)
        listed = self._listed()  # before anything moves to this delivery
        seen: set[str] = set()
        for begin in range(0, count, CHUNK):
            chunk = delivered.charges[begin : begin + CHUNK]
            known = self._known([one.key for one in chunk])
            self._tag_sets.add(one.tags for one in chunk)
            writes = _Writes()
            for one, raw in zip(chunk, delivered.raw[begin : begin + CHUNK], strict=True):
                seen.add(one.key)
                self._settle(writes, one.key, known.get(one.key, []), one, raw)
            writes.flush(self._db)
            if progress is not None:
                progress(min(begin + CHUNK, count), count)
        self._withdraw(listed, seen)
        return self._posted

    def post_some(self, charges: Sequence[Value], raw: Sequence[str]) -> tuple[Result, ...]:
        self._add_names(charges)
        results: list[Result] = []
        posted = self._posted
        for begin in range(0, len(charges), CHUNK):
            chunk = charges[begin : begin + CHUNK]
            known = self._known([one.key for one in chunk])
            writes = _Writes()
            for one, text in zip(chunk, raw[begin : begin + CHUNK], strict=True):
                added, changed = posted.added, posted.changed
                self._settle(writes, one.key, known.get(one.key, []), one, text)
                is_made, is_changed = posted.added > added, posted.changed > changed
                results.append(Result.MADE if is_made else Result.CHANGED if is_changed else Result.UNCHANGED)
            writes.flush(self._db)
        self._delivery.added, self._delivery.changed = posted.added, posted.changed
        return tuple(results)

    def _add_names(self, charges: Sequence[Value]) -> None:
        self._posted.new_offers = self._offers.add((one.offer_key, one.offer_name) for one in charges)
        self._posted.new_organizations = self._organizations.add(
            (one.organization, one.organization) for one in charges
        )

    def _known(self, keys: Sequence[str]) -> dict[str, list[Row]]:
        """The entries of these charges, oldest first."""
        return chains(
            self._db,
            self._delivery.connection_id,
            keys,
            organization_of=self._organizations.key_of,
            offer_of=self._offers.key_of,
        )

    def _settle(self, writes: _Writes, key: str, chain: list[Row], now: Value | None, raw: str) -> None:
        """Bring the entries of one charge to what they must be, given what is billed of it."""
        billed = [row for row in chain if row.is_billed]
        waiting = [row for row in chain if not row.is_billed]
        if not chain and now is not None:
            self._posted.added += 1
            writes.new.append(self._as_row(now, raw, 1))
            return
        entries = [ledger.Entry(id=row.id, charge=row.value, reverses=row.reverses) for row in billed]
        wanted = ledger.postings(entries, now)
        stands = ledger.standing(entries, now)
        facts = [row for row in waiting if row.reverses is None]
        has_stood = bool(facts) or (stands is not None and stands.id not in {row.reverses for row in waiting})
        # What the provider said before: what waits, or else what stands; of a charge that was withdrawn, the last.
        said = [row for row in billed if stands is not None and row.id == stands.id]
        before = (facts or said or [row for row in chain if row.reverses is None])[-1]
        is_same = [(row.value, row.reverses) for row in waiting] == [(one.charge, one.reverses) for one in wanted]
        if is_same and (facts or now is None or before.value == now):
            self._posted.unchanged += now is not None
            return
        if not billed and len(waiting) == len(wanted) == 1 and now is not None:
            writes.changed.append({"row_id": waiting[0].id, **self._as_row(now, raw, waiting[0].revision, before)})
        elif is_same and now is not None:  # the same on an invoice: only its cost, its tags or its name are others
            writes.changed.append({"row_id": before.id, **self._as_row(now, raw, before.revision, before)})
        else:
            writes.gone.extend(row.id for row in waiting)
            revision = max((row.revision for row in billed), default=0)
            for number, one in enumerate(wanted, revision + 1):
                row = self._as_row(one.charge, raw or before.raw, number, before)
                writes.new.append({**row, "reverses_id": one.reverses})
            if now is not None and said and all(one.reverses is not None for one in wanted):
                # It stands again, perhaps at another cost.
                writes.changed.append({"row_id": said[-1].id, **self._as_row(now, raw, said[-1].revision, before)})
        self._note(writes, key, before, now, bool(billed) and not is_same, has_stood)

    def _note(
        self, writes: _Writes, key: str, before: Row, now: Value | None, is_corrected: bool, has_stood: bool
    ) -> None:
        if now is None:
            self._posted.withdrawn += 1
        elif has_stood:
            self._posted.changed += 1
        else:
            self._posted.added += 1  # it had been withdrawn, and is back
        self._posted.corrected += is_corrected
        nothing = Decimal(0)
        writes.differences.append(
            {
                "delivery_id": self._delivery.id,
                "organization_id": self._organizations.id_of(before.value.organization),
                "offer_id": self._offers.id_of(before.value.offer_key),
                "key": key,
                "what": What.WITHDRAWN if now is None else What.CHANGED,
                "was_billed": is_corrected,
                "start": (now or before.value).start,
                "end": (now or before.value).end,
                "quantity_before": before.value.signed if has_stood else nothing,
                "quantity_after": now.signed if now else nothing,
                "amount_before": before.value.amount if has_stood else nothing,
                "amount_after": now.amount if now else nothing,
                "raw_before": before.raw,
            }
        )

    def _as_row(self, value: Value, raw: str, revision: int, before: Row | None = None) -> dict[str, Any]:
        facts = {ours: getattr(value, theirs) for ours, theirs in FACTS.items()}
        return {
            **facts,
            "connection_id": self._delivery.connection_id,
            "delivery_id": before.delivery_id if before and self._keeps_origin else self._delivery.id,
            "organization_id": self._organizations.id_of(value.organization),
            "offer_id": self._offers.id_of(value.offer_key),
            "key": value.key,
            "tags": {"tags": [list(tag) for tag in value.tags]},
            "tag_set_id": self._tag_sets.id_of(value.tags),
            "amount_cents": in_cents(value.amount),
            "raw": raw,
            "revision": revision,
            "reverses_id": None,
        }

    def _withdraw(self, listed: set[tuple[str, int]], seen: set[str]) -> None:
        """What a former version of this delivery listed, and this one does not, is no longer provided.

        Deliveries of one provider, period and scope are versions of each other when they have a charge in common, or
        are the very same bytes, read otherwise than before (by columns that were corrected). What another file of the
        period listed stays.
        """
        families = {family for key, family in listed if key in seen} | self._families_of_withdrawn(seen)
        families.update(self._db.scalars(self._versions(sa.select(Delivery.family), same_bytes=True)))
        if not families:
            self._posted.absent = len({key for key, _ in listed})
            return
        self._delivery.family = min(families)
        joined = self._versions(sa.update(Delivery)).where(Delivery.family.in_(families))
        self._db.execute(joined.values(family=min(families)).execution_options(synchronize_session=False))
        missing = sorted({key for key, family in listed if key not in seen and family in families})
        for keys in chunks(missing):
            writes = _Writes()
            known = self._known(keys)
            self._tag_sets.add(row.value.tags for chain in known.values() for row in chain)
            for key, chain in known.items():
                self._settle(writes, key, chain, None, "")
            writes.flush(self._db)

    def _listed(self) -> set[tuple[str, int]]:
        """The charges of other deliveries of this period, each with the family of its delivery."""
        query = sa.select(CHARGES.c.key, Delivery.family).join(Delivery, Delivery.id == CHARGES.c.delivery_id)
        return {(key, family) for key, family in self._db.execute(self._versions(query).distinct())}

    def _families_of_withdrawn(self, seen: set[str]) -> set[int]:
        """The families of which a charge is back that one of them withdrew before."""
        query = sa.select(ChargeChange.key, Delivery.family).join(Delivery, Delivery.id == ChargeChange.delivery_id)
        return {family for key, family in self._db.execute(self._versions(query).distinct()) if key in seen}

    def _versions(self, query: Any, *, same_bytes: bool = False) -> Any:
        """Narrow a query to the other deliveries of this provider, scope and period, or of these bytes."""
        same = self._delivery
        is_period = sa.and_(Delivery.period_start == same.period_start, Delivery.period_end == same.period_end)
        is_bytes = Delivery.digest == same.digest
        return query.where(
            Delivery.connection_id == same.connection_id,
            Delivery.provider == same.provider,
            Delivery.scope == same.scope,
            Delivery.id != same.id,
            is_bytes if same_bytes else sa.or_(is_period, is_bytes),
        )


class _Names:
    """Offers or organizations of a connection by key; unknown ones are made, unmapped.

    `only`: the keys that are of interest. A few charges need not read what thousands need.
    """

    def __init__(
        self,
        db: orm.Session,
        table: type[Offer] | type[Organization],
        connection_id: int,
        only: Collection[str] | None = None,
    ) -> None:
        self._db, self._table, self._connection_id, self._only = db, table, connection_id, only
        self._ids: dict[str, int] = {}
        self._keys: dict[int, str] = {}
        self._read()

    def _read(self) -> None:
        own = sa.select(self._table.id, self._table.key).where(self._table.connection_id == self._connection_id)
        asked = [own] if self._only is None else [own.where(self._table.key.in_(some)) for some in chunks(self._only)]
        self._keys = {row.id: row.key for query in asked for row in self._db.execute(query)}
        self._ids = {key: row_id for row_id, key in self._keys.items()}

    def add(self, names: Iterable[tuple[str, str]]) -> int:
        """Make those that are not there, each with its first name; returns how many."""
        new: dict[str, str] = {}
        for key, name in names:
            if key not in self._ids:
                new.setdefault(key, name)
        if new:
            rows = [{"connection_id": self._connection_id, "key": key, "name": name} for key, name in new.items()]
            self._db.execute(sa.insert(self._table), rows)
            self._read()
        return len(new)

    def id_of(self, key: str) -> int:
        return self._ids[key]

    def key_of(self, row_id: int) -> str:
        if row_id not in self._keys:  # only with `only`: a charge that was another organization's or offer's before
            key = self._db.scalars(sa.select(self._table.key).where(self._table.id == row_id)).one()
            self._keys[row_id], self._ids[key] = key, row_id
        return self._keys[row_id]
