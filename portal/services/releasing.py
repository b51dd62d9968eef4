"""The charges of an invoice that QuickBooks does not have, given back to the ledger: the next run bills them anew.

Their entries become what the rules of the ledger say for what is still billed and what the provider says now. Entries
are only kept or dropped here, never made: each that must wait exists already, billed by this invoice or waiting. Where
another invoice bills what gives one of them back, no choice of entries would add up, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import ledger
from portal.models import BilledCharge, Connection, Draft, DraftLine
from portal.services.chunks import chunks
from portal.services.ledger_rows import CHARGES, Row, chains

_BILLED = BilledCharge.metadata.tables[BilledCharge.__tablename__]


@dataclass(frozen=True, slots=True)
class _Change:
    """What a release makes of the entries: `own` were billed by the draft; `waiting` wait again; `gone` are dropped.

    `stuck` are entries that other invoices bill and that stand in the way.
    """

    own: frozenset[int]
    waiting: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    stuck: list[int] = field(default_factory=list)


def blocker(db: orm.Session, draft: Draft) -> Draft | None:
    """The invoice that bills a correction of one of this draft's charges, so that they cannot be given back alone."""
    return _billed_by(db, _change(db, draft).stuck)


def release_charges(db: orm.Session, draft: Draft) -> Draft | None:
    """Have the charges of a draft wait to be billed again; or the draft in the way, and then nothing is changed.

    The connection is held first: nobody bills or imports meanwhile.
    """
    db.refresh(db.get_one(Connection, draft.run.connection_id), with_for_update={"key_share": True})
    change = _change(db, draft)
    if change.stuck:
        return _billed_by(db, change.stuck)
    for chunk in chunks(sorted(change.own)):
        db.execute(sa.delete(_BILLED).where(_BILLED.c.charge_id.in_(chunk)))
    for chunk in chunks(change.waiting):
        db.execute(sa.update(CHARGES).where(CHARGES.c.id.in_(chunk)).values(is_billed=False))
    for chunk in chunks(change.gone):
        db.execute(sa.delete(CHARGES).where(CHARGES.c.id.in_(chunk)))
    return None


def _change(db: orm.Session, draft: Draft) -> _Change:
    billed = sa.select(BilledCharge.charge_id).join(DraftLine).where(DraftLine.draft_id == draft.id)
    change = _Change(frozenset(db.scalars(billed)))
    for chain in _chains(db, draft.run.connection_id, change.own):
        _settle(chain, change)
    return change


def _settle(chain: Sequence[Row], change: _Change) -> None:
    kept = without(chain, change.own)
    if kept is None:
        change.stuck.append(next(row.id for row in reversed(chain) if row.is_billed and row.id not in change.own))
        return
    change.waiting.extend(row.id for row in kept)
    free = [row for row in chain if not row.is_billed or row.id in change.own]
    # What gives another entry back goes first.
    change.gone.extend(row.id for row in sorted(free, key=lambda row: row.reverses is None) if row not in kept)


def without(chain: Sequence[Row], own: AbstractSet[int]) -> tuple[Row, ...] | None:
    """The entries of one charge (`chain`, oldest first) that wait once nothing bills `own`; None if nothing adds up.

    All others that nothing bills are dropped.
    """
    now = _now(chain)
    billed = [row for row in chain if row.is_billed and row.id not in own]
    free = [row for row in chain if not row.is_billed or row.id in own]
    wanted = ledger.postings(_entries(billed), now.value if now else None)
    kept: list[Row] = []
    for one in wanted:
        kept.extend(row for row in free if (row is now if one.reverses is None else row.reverses == one.reverses))
    adds_up = len(kept) == len(wanted) and _adds_up([*billed, *kept], is_provided=now is not None)
    return tuple(kept) if adds_up else None


def _now(chain: Sequence[Row]) -> Row | None:
    """The entry with the facts as the provider says them now; None when it no longer lists the charge."""
    waiting = [row for row in chain if not row.is_billed]
    facts = [row for row in waiting if row.reverses is None]
    if facts:
        return facts[-1]
    stands = ledger.standing(_entries([row for row in chain if row.is_billed]))
    if stands is None or stands.id in {row.reverses for row in waiting}:
        return None
    return next(row for row in chain if row.id == stands.id)


def _adds_up(rows: Sequence[Row], *, is_provided: bool) -> bool:
    """Whether each entry that is given back is there, once, and what is left is the charge as provided, or nothing."""
    given_back = [row.reverses for row in rows if row.reverses is not None]
    left = {row.id for row in rows if row.reverses is None} - set(given_back)
    is_matched = len(set(given_back)) == len(given_back) and set(given_back) <= {row.id for row in rows}
    return is_matched and len(left) == int(is_provided)


def _entries(rows: Sequence[Row]) -> list[ledger.Entry[int]]:
    return [ledger.Entry(id=row.id, charge=row.value, reverses=row.reverses) for row in rows]


def _chains(db: orm.Session, connection_id: int, ids: AbstractSet[int]) -> Iterable[list[Row]]:
    """All entries of the charges that these are entries of, oldest first, a charge at a time."""
    keys: set[str] = set()
    for chunk in chunks(sorted(ids)):
        keys.update(db.scalars(sa.select(CHARGES.c.key).where(CHARGES.c.id.in_(chunk))))
    return chains(db, connection_id, sorted(keys)).values()


def _billed_by(db: orm.Session, charge_ids: Sequence[int]) -> Draft | None:
    if not charge_ids:
        return None
    bills = sa.select(Draft).join(DraftLine).join(BilledCharge).where(BilledCharge.charge_id == charge_ids[0])
    return db.scalars(bills).one()
