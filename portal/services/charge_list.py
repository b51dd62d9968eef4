"""The list of charges: searched, filtered and sorted by the database, a page or a slice at a time, or as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.export_rule import Facts, Part, why_not
from portal.billing.mapping import Reason
from portal.errors import Sentence
from portal.models import Delivery, Draft, Offer, Organization, Run
from portal.services import Portal, csv_cells, folding, quickbooks, unshared
from portal.services.charge_states import ChargeState, Judged, judge
from portal.services.connections import HIGHEST_ID, find
from portal.services.ledger_rows import CHARGES
from portal.services.paging import Page, Wanted, load_page
from portal.services.reasons import REASONS

FILTERS = ("state", "organization", "offer", "kind", "currency", "run", "code", "since", "until")
"""What may be asked of the list: ids as numbers, days of service as ISO dates (both included), the rest by value."""
FETCHED = 2000

COLUMNS = (
    "state",
    "reason",
    "organization",
    "offer",
    "offer_key",
    "description",
    "kind",
    "cycle",
    "quantity",
    "first_day",
    "last_day",
    "unit_cost",
    "amount",
    "currency",
    "tags",
    "gives_back",
    "imported_at",
    "rule_version",
    "run",
    "invoice_number",
    "invoice_date",
    "key",
)
"""The columns of the CSV file."""


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
    amount: Decimal
    currency: str
    tags: tuple[tuple[str, str], ...]
    gives_back: bool
    imported_at: datetime
    rule_version: int | None
    run_id: int | None
    run_on: date | None
    draft_id: int | None
    invoice_number: str | None
    invoice_date: date | None


def list_charges(portal: Portal, connection_id: int, wanted: Wanted) -> Page[ChargeRow]:
    """One page. Sorts: date, amount, organization, offer, state, imported. Raises NotFound."""
    with portal.database.read() as db:
        listing = _Listing.open(portal, db, connection_id)
        query = listing.query(wanted)
        count = None if wanted.search or any(wanted.filters.values()) else listing.count()
        page = load_page(db, query, wanted, sorts=listing.sorts(), key=CHARGES.c.id, count=count)
        return page.map(listing.rows)


def slice_charges(
    portal: Portal, connection_id: int, wanted: Wanted, *, after: tuple[date, int] | None = None
) -> tuple[ChargeRow, ...]:
    """The next `wanted.size` charges after this one (first day and id), newest first: as quick on the last page.

    Raises NotFound.
    """
    with portal.database.read() as db:
        listing = _Listing.open(portal, db, connection_id)
        query = listing.query(wanted).order_by(CHARGES.c.start.desc(), CHARGES.c.id.desc()).limit(wanted.size)
        if after is not None:
            place = sa.tuple_(CHARGES.c.start, CHARGES.c.id)
            query = query.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
        return tuple(listing.rows(db.execute(query).all()))


def write_csv(portal: Portal, connection_id: int, wanted: Wanted, say: Callable[[Sentence], str] = str) -> str:
    """All charges that are asked for, as CSV; `say` writes the reasons in a language. Raises NotFound."""
    with portal.database.read() as db:
        listing = _Listing.open(portal, db, connection_id)
        query = listing.query(wanted).order_by(CHARGES.c.start.desc(), CHARGES.c.id.desc())
        found = db.execute(query.execution_options(yield_per=FETCHED)).partitions(FETCHED)
        return csv_cells.write(COLUMNS, (_cells(row, say) for some in found for row in listing.rows(some)))


def _cells(row: ChargeRow, say: Callable[[Sentence], str]) -> tuple[str | int | Decimal | date | None, ...]:
    return (
        row.state.value,
        say(row.reason) if row.reason else "",
        row.organization,
        row.offer,
        row.offer_key,
        row.name,
        row.kind.value,
        row.cycle.value,
        row.quantity,
        row.start,
        row.last,
        row.unit_cost,
        row.amount,
        row.currency,
        "; ".join(f"{name}: {value}" for name, value in row.tags),
        "yes" if row.gives_back else "",
        row.imported_at.isoformat(timespec="seconds"),
        row.rule_version,
        row.run_on,
        row.invoice_number,
        row.invoice_date,
        row.key,
    )


@dataclass(frozen=True, slots=True)
class _Listing:
    """The list of one connection within one transaction."""

    db: orm.Session
    connection_id: int
    judged: Judged
    hidden: frozenset[int]
    """Runs that are kept from whoever reads: their charges are told, and not what became of them in QuickBooks."""

    @classmethod
    def open(cls, portal: Portal, db: orm.Session, connection_id: int) -> _Listing:
        connection = find(db, connection_id)
        hidden = unshared.hidden_runs(db, connection_id)
        return cls(db, connection_id, judge(db, connection, portal.now()), hidden)

    def count(self) -> int:
        own = sa.select(sa.func.count()).select_from(CHARGES).where(CHARGES.c.connection_id == self.connection_id)
        return self.db.scalar(own) or 0

    def sorts(self) -> dict[str, sa.SQLColumnExpression[Any]]:
        return {
            "date": CHARGES.c.start,
            "amount": CHARGES.c.amount_cents,
            "organization": folding.folded(self.db, Organization.name),
            "offer": folding.folded(self.db, Offer.name),
            "state": self.judged.state,
            "imported": CHARGES.c.delivery_id,
        }

    def query(self, wanted: Wanted) -> sa.Select[Any]:
        """The charges that are asked for, in no order yet."""
        judged = self.judged
        source = (
            judged.source.join(Organization, Organization.id == CHARGES.c.organization_id)
            .join(Offer, Offer.id == CHARGES.c.offer_id)
            .join(Delivery, Delivery.id == CHARGES.c.delivery_id)
        )
        columns = [CHARGES.c[name] for name in _FACTS]
        of_run = orm.aliased(Run)
        run_on = sa.select(of_run.invoice_date).where(of_run.id == judged.run_id).scalar_subquery()
        query = sa.select(
            *columns,
            judged.state.label("state"),
            judged.code.label("code"),
            judged.version.label("version"),
            judged.run_id.label("run_id"),
            run_on.label("run_on"),
            Organization.name.label("organization"),
            Offer.name.label("offer"),
            Offer.key.label("offer_key"),
            Delivery.imported_at,
            Draft.id.label("draft_id"),
            Draft.detail,
            Draft.ref_number,
            Draft.txn_date,
        )
        asked = [CHARGES.c.connection_id == self.connection_id, *self._filters(wanted.filters)]
        if wanted.search:
            texts = (Organization.name, Offer.name, CHARGES.c.name, CHARGES.c.key, Draft.ref_number)
            asked.append(folding.has_words(self.db, wanted.search, *texts))
        return query.select_from(source).where(*asked)

    def _filters(self, told: Mapping[str, str]) -> Iterator[sa.ColumnElement[bool]]:
        """What is not understood asks for nothing."""
        for name, column in (("organization", CHARGES.c.organization_id), ("offer", CHARGES.c.offer_id)):
            if (number := _number(told.get(name, ""))) is not None:
                yield column == number
        if (run := _number(told.get("run", ""))) is not None:
            yield self.judged.run_id == run
        if told.get("state") in set(ChargeState):
            yield self.judged.state == told["state"]
        if told.get("kind") in set(ChargeKind):
            yield CHARGES.c.kind == ChargeKind(told["kind"])
        if told.get("code"):
            yield self.judged.code == told["code"]
        if told.get("currency"):
            yield CHARGES.c.currency == told["currency"]
        if (since := _day(told.get("since", ""))) is not None:
            yield CHARGES.c.start >= since
        if (until := _day(told.get("until", ""))) is not None:
            yield CHARGES.c.start <= until

    def rows(self, found: Iterable[sa.Row[Any]]) -> list[ChargeRow]:
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
            amount=row.amount,
            currency=row.currency,
            tags=tags,
            gives_back=row.reverses_id is not None,
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


_FACTS = (
    "id",
    "key",
    "organization_id",
    "offer_id",
    "name",
    "kind",
    "cycle",
    "quantity",
    "start",
    "end",
    "unit_cost",
    "amount",
    "currency",
    "tags",
    "reverses_id",
)


def _reason(row: sa.Row[Any]) -> Sentence | None:
    if not row.code:
        return None
    if row.draft_id is None:
        return REASONS[Reason(row.code)]
    return quickbooks.explained(row.code, row.detail or "")[0]


def _number(text: str) -> int | None:
    return min(int(text[:12]), HIGHEST_ID) if text.isascii() and text.isdigit() else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


__all__ = ["COLUMNS", "FILTERS", "ChargeRow", "list_charges", "slice_charges", "write_csv"]
