"""What a file of charges would change: its rows beside the ledger, and which of them cannot be.

Nothing is written here. A row that cannot be does not keep the others from being looked at, so that a person sees
everything that is wrong with a file at once.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import ledger
from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.errors import Refused
from portal.models import Offer, Organization
from portal.providers.csvfile.lines import unit_price
from portal.providers.table import show
from portal.services.charge_cells import COLUMNS, Told, tell
from portal.services.csv_cells import ENGLISH, Dialect
from portal.services.csv_plan import CellChange, Fault, WrongCell
from portal.services.ledger_rows import Row, chains

_LONG_NUMBERS = ("quantity", "unit_cost", "unit_cost_prorated")
_SHORTENED = 9
"""The fewest digits of a number that a spreadsheet may have shortened: it shows about eleven characters."""
_EXACT = 200
_MOST_DIGITS = 40
_ONCE = frozenset({ChargeKind.USAGE, ChargeKind.ONE_TIME})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeDifference:
    """A charge that would be new, or change.

    `is_corrected`: it was billed already, so that the next run gives that back and bills it anew.
    """

    line: int
    charge: Charge
    is_new: bool
    is_corrected: bool
    before: Charge | None

    def cells(self, dialect: Dialect = ENGLISH) -> tuple[CellChange, ...]:
        """The cells that differ."""
        was = tell(self.before, dialect) if self.before else [""] * len(COLUMNS)
        return tuple(
            CellChange(column=column, before=one, after=other)
            for column, one, other in zip(COLUMNS, was, tell(self.charge, dialect), strict=True)
            if one != other
        )

    @property
    def last(self) -> date:
        """The last day of the charge's period."""
        return self.charge.end - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePlan:
    """What a file would do. `charges` and their `raw` rows are what is to be posted.

    `added` is what the amounts come to more or less, by currency. `token` tells whether it would still do the same
    later.
    """

    rows: int
    differences: tuple[ChargeDifference, ...]
    unchanged: int
    new_organizations: tuple[str, ...]
    new_offers: tuple[str, ...]
    added: Mapping[str, Decimal]
    faults: tuple[Fault, ...]
    charges: tuple[Charge, ...]
    raw: tuple[str, ...]
    token: str

    @property
    def new(self) -> int:
        """How many charges are new."""
        return sum(one.is_new for one in self.differences)

    @property
    def corrected(self) -> int:
        """How many were billed already."""
        return sum(one.is_corrected for one in self.differences)


@dataclass(frozen=True, slots=True)
class _Names:
    """The offers or organizations of a connection: their keys by id, and their names by key."""

    keys: Mapping[int, str]
    names: Mapping[str, str]

    @classmethod
    def read(cls, db: orm.Session, table: type[Offer] | type[Organization], connection_id: int) -> _Names:
        columns = sa.select(table.id, table.key, table.name).where(table.connection_id == connection_id)
        rows = db.execute(columns).all()
        return cls({row.id: row.key for row in rows}, {row.key: row.name for row in rows})

    def called(self, key: str) -> str:
        """The key as it is known, or without blanks around it."""
        return key if key in self.names else key.strip()


def plan(db: orm.Session, connection_id: int, told: Sequence[Told], faults: Sequence[Fault], file: str) -> ChargePlan:
    """Compare what the rows of a file say with what the ledger has."""
    offers, organizations = _Names.read(db, Offer, connection_id), _Names.read(db, Organization, connection_id)
    known = chains(
        db,
        connection_id,
        list({key for one in told for key in (one.key, one.key.strip())}),
        organization_of=organizations.keys.__getitem__,
        offer_of=offers.keys.__getitem__,
    )
    found: list[tuple[ChargeDifference, str]] = []
    wrong = list(faults)
    added: dict[str, Decimal] = defaultdict(Decimal)
    unchanged = 0
    for one in told:
        key = one.key if one.key in known else one.key.strip()
        chain = known.get(key, [])
        stands = _current(chain)
        before = stands.value if stands else None
        try:
            now = _charge(replace(one, key=key), chain, offers, organizations)
            if now == before:
                unchanged += 1
                continue
            _check_signs(now)
            _check_lengths(now)
        except WrongCell as error:
            wrong.append(error.at(file, one.line))
            continue
        added[now.currency] += now.amount
        if before is not None:
            added[before.currency] -= before.amount
        found.append((_difference(one.line, chain, before, now), one.raw))
    charges = tuple(one.charge for one, _ in found)
    return ChargePlan(
        rows=len(told) + len(faults),
        differences=tuple(one for one, _ in found),
        unchanged=unchanged,
        new_organizations=_unknown((one.organization for one in charges), organizations),
        new_offers=_unknown((one.offer_key for one in charges), offers),
        added={currency: amount for currency, amount in sorted(added.items()) if amount},
        faults=tuple(sorted(wrong, key=lambda one: one.line)),
        charges=charges,
        raw=tuple(raw for _, raw in found),
        token=_token(one for one, _ in found),
    )


def _current(chain: Sequence[Row]) -> Row | None:
    """What the ledger says of a charge now; None of one that is not there, or was withdrawn."""
    given_back = {row.reverses for row in chain if row.reverses is not None}
    facts = [row for row in chain if row.reverses is None and row.id not in given_back]
    return facts[-1] if facts else None


def _charge(told: Told, chain: Sequence[Row], offers: _Names, organizations: _Names) -> Charge:
    """The charge that a row tells of; what it leaves out is as it was last, or follows from the rest."""
    values: dict[str, Any] = dict(told.values)
    values["organization"] = organizations.called(values["organization"])
    values["offer_key"] = offers.called(values["offer_key"])
    facts = [row.value for row in chain if row.reverses is None]
    if facts:
        before = facts[-1]
        values |= {name: _as_known(values[name], getattr(before, name)) for name in _LONG_NUMBERS if name in values}
        return replace(_follow(before, values), **values)
    quantity, amount = values["quantity"], values["amount"]
    is_once = values["kind"] in _ONCE or values["cycle"] is BillingCycle.ONE_TIME
    values.setdefault("offer_name", offers.names.get(values["offer_key"], values["offer_key"]))
    values.setdefault("unit_cost", unit_price(amount, quantity, Decimal(0)))
    values.setdefault("unit_cost_prorated", unit_price(amount, quantity, values["unit_cost"]))
    values.setdefault("is_proratable", not is_once)
    return Charge(key=told.key, **values)


def _as_known(said: Decimal, known: Decimal) -> Decimal:
    """A long number that a spreadsheet shortened is the one that is known."""
    shown = said.as_tuple()
    if len(shown.digits) < _SHORTENED or not isinstance(shown.exponent, int):
        return said
    with localcontext(prec=_EXACT):
        return known if known.quantize(Decimal(1).scaleb(shown.exponent), ROUND_HALF_UP) == said else said


def _follow(before: Charge, values: Mapping[str, Any]) -> Charge:
    """What was known, with the costs of a unit that follow from another quantity or amount."""
    quantity, amount = values["quantity"], values["amount"]
    if (quantity, amount) == (before.quantity, before.amount):
        return before
    return replace(before, unit_cost_prorated=unit_price(amount, quantity, before.unit_cost_prorated))


def _check_signs(charge: Charge) -> None:
    """A credit is negative, and nothing else is. Raises WrongCell."""
    is_negative = charge.quantity < 0 or charge.amount < 0
    is_nothing = not charge.quantity and not charge.amount
    if is_negative and charge.kind is not ChargeKind.CREDIT:
        raise WrongCell(
            "kind",
            Refused(
                "%(file)s, line %(line)s: the quantity or the amount is negative, so kind must be credit. Correct one."
            ),
        )
    if charge.kind is ChargeKind.CREDIT and not is_negative and not is_nothing:
        raise WrongCell(
            "amount",
            Refused(
                "%(file)s, line %(line)s: kind is credit, and neither quantity nor amount is negative. Correct one."
            ),
        )


def _check_lengths(charge: Charge) -> None:
    """Whether the numbers can be kept. Raises WrongCell."""
    for name in _LONG_NUMBERS:
        if len(str(getattr(charge, name))) > _MOST_DIGITS:
            raise WrongCell(
                name,
                Refused(
                    "%(file)s, line %(line)s: %(column)s has more than %(most)s digits. Round it.",
                    column=name,
                    most=_MOST_DIGITS,
                ),
            )


def _difference(line: int, chain: Sequence[Row], before: Charge | None, now: Charge) -> ChargeDifference:
    billed = [ledger.Entry(id=row.id, charge=row.value, reverses=row.reverses) for row in chain if row.is_billed]
    return ChargeDifference(
        line=line,
        charge=now,
        is_new=before is None,
        is_corrected=bool(billed) and before is not None and bool(ledger.postings(billed, now)),
        before=before,
    )


def _unknown(keys: Iterable[str], known: _Names) -> tuple[str, ...]:
    return tuple(dict.fromkeys(show(key) for key in keys if key not in known.names))


def _token(differences: Iterable[ChargeDifference]) -> str:
    """Says which charges change from what to what."""
    digest = hashlib.sha256()
    for one in differences:
        digest.update(repr((one.charge, one.before, one.is_corrected)).encode())
    return digest.hexdigest()


__all__ = ["ChargeDifference", "ChargePlan", "plan"]
