"""The rows of the list of charges: each entry of the ledger with where it stands, read out of the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.export_rule import Facts, Part, why_not
from portal.billing.mapping import Reason
from portal.errors import Sentence
from portal.models import Delivery, Draft, Offer, Organization, Run
from portal.services import Portal, quickbooks, unshared
from portal.services.charge_states import ChargeState, Judged, judge
from portal.services.connections import find
from portal.services.ledger_rows import CHARGES
from portal.services.reasons import REASONS
from portal.services.rule_conditions import by_itself

_FACTS = (
    "id",
    "key",
    "organization_id",
    "offer_id",
    "delivery_id",
    "name",
    "kind",
    "cycle",
    "quantity",
    "start",
    "end",
    "unit_cost",
    "unit_cost_prorated",
    "amount",
    "amount_cents",
    "currency",
    "is_proratable",
    "tags",
    "reverses_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRow:
    """An entry of the ledger and where it stands.

    `reason` says why it is not billed, or what is the matter with its invoice, and `code` is that reason's; `kept_back`
    the part of the rule that keeps an excluded one. `rule_version` is the version that let it leave, or keeps it back.
    `run_id` and `run_on` are of the run that bills it, `invoice_number` and `invoice_date` what QuickBooks says.
    """

    id: int
    key: str
    state: ChargeState
    code: str
    reason: Sentence | None
    kept_back: Part | None
    organization_id: int
    organization: str
    organization_key: str
    offer_id: int
    offer: str
    offer_key: str
    name: str
    kind: ChargeKind
    cycle: BillingCycle
    quantity: Decimal
    start: date
    last: date
    unit_cost: Decimal
    unit_cost_prorated: Decimal
    amount: Decimal
    currency: str
    is_proratable: bool
    tags: tuple[tuple[str, str], ...]
    gives_back: bool
    import_id: int
    imported_at: datetime
    rule_version: int | None
    run_id: int | None
    run_on: date | None
    draft_id: int | None
    invoice_number: str | None
    invoice_date: date | None

    def as_charge(self) -> Charge:
        """What the ledger says was provided."""
        return Charge(
            key=self.key,
            organization=self.organization_key,
            offer_key=self.offer_key,
            offer_name=self.name,
            kind=self.kind,
            cycle=self.cycle,
            quantity=self.quantity,
            start=self.start,
            end=self.last + timedelta(days=1),
            unit_cost=self.unit_cost,
            unit_cost_prorated=self.unit_cost_prorated,
            amount=self.amount,
            currency=self.currency,
            is_proratable=self.is_proratable,
            tags=self.tags,
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """The charges of one connection within one transaction."""

    db: orm.Session
    connection_id: int
    judged: Judged
    hidden: frozenset[int]
    """Runs that are kept from whoever reads: their charges are told, and not what became of them in QuickBooks."""

    @classmethod
    def open(cls, portal: Portal, db: orm.Session, connection_id: int) -> Listing:
        """Raises NotFound."""
        connection = find(db, connection_id)
        hidden = unshared.hidden_runs(db, connection_id)
        return cls(db, connection_id, judge(db, connection, portal.now()), hidden)

    def query(self, *, is_led: bool = False) -> sa.Select[Any]:
        """All of them, in no order yet. `is_led`: the index of something else finds them."""
        judged = self.judged
        source = (
            judged.source.join(Organization, Organization.id == CHARGES.c.organization_id)
            .join(Offer, Offer.id == CHARGES.c.offer_id)
            .join(Delivery, Delivery.id == CHARGES.c.delivery_id)
        )
        of_run = orm.aliased(Run)
        run_on = sa.select(of_run.invoice_date).where(of_run.id == judged.run_id).scalar_subquery()
        query = sa.select(
            *(CHARGES.c[name] for name in _FACTS),
            judged.state.label("state"),
            judged.code.label("code"),
            judged.version.label("version"),
            judged.run_id.label("run_id"),
            run_on.label("run_on"),
            Organization.name.label("organization"),
            Organization.key.label("organization_key"),
            Offer.name.label("offer"),
            Offer.key.label("offer_key"),
            Delivery.imported_at,
            Draft.id.label("draft_id"),
            Draft.detail,
            Draft.ref_number,
            Draft.txn_date,
        )
        own = by_itself(CHARGES.c.connection_id) if is_led else CHARGES.c.connection_id
        return query.select_from(source).where(own == self.connection_id)

    def rows(self, found: Iterable[sa.Row[Any]]) -> list[ChargeRow]:
        """What the query found."""
        return [self._row(row) for row in found]

    def _row(self, row: sa.Row[Any]) -> ChargeRow:
        state, is_hidden = ChargeState(row.state), row.run_id in self.hidden
        tags = tuple((name, value) for name, value in row.tags.get("tags", []))
        return ChargeRow(
            id=row.id,
            key=row.key,
            state=state,
            code=row.code or "",
            reason=_reason(row),
            kept_back=self._kept_back(row, tags) if state is ChargeState.EXCLUDED else None,
            organization_id=row.organization_id,
            organization=row.organization,
            organization_key=row.organization_key,
            offer_id=row.offer_id,
            offer=row.offer,
            offer_key=row.offer_key,
            name=row.name,
            kind=row.kind,
            cycle=row.cycle,
            quantity=row.quantity,
            start=row.start,
            last=row.end - timedelta(days=1),
            unit_cost=row.unit_cost,
            unit_cost_prorated=row.unit_cost_prorated,
            amount=row.amount,
            currency=row.currency,
            is_proratable=row.is_proratable,
            tags=tags,
            gives_back=row.reverses_id is not None,
            import_id=row.delivery_id,
            imported_at=row.imported_at,
            rule_version=row.version,
            run_id=None if is_hidden else row.run_id,
            run_on=None if is_hidden else row.run_on,
            draft_id=None if is_hidden else row.draft_id,
            invoice_number=None if is_hidden else row.ref_number,
            invoice_date=None if is_hidden else row.txn_date,
        )

    def _kept_back(self, row: sa.Row[Any], tags: tuple[tuple[str, str], ...]) -> Part | None:
        facts = Facts(
            organization_id=row.organization_id,
            offer_id=row.offer_id,
            kind=row.kind,
            cycle=row.cycle,
            start=row.start,
            imported_at=row.imported_at,
            amount=row.amount,
            tags=tags,
            gives_back=row.reverses_id is not None,
        )
        return why_not(self.judged.rule.rule, facts, self.judged.rule.applied)


def _reason(row: sa.Row[Any]) -> Sentence | None:
    if not row.code:
        return None
    if row.draft_id is None:
        return REASONS[Reason(row.code)]
    return quickbooks.explained(row.code, row.detail or "")[0]


__all__ = ["ChargeRow", "Listing"]
