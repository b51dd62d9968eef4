"""Orphans: charges that the partner pays, and that no line bills although their period was run.

Why, the rules of the run say themselves: the last run is planned again over what it left. A charge that was billed and
is no longer provided is no orphan; its correction is. Neither is money that the provider gives back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import Reason
from portal.errors import Sentence
from portal.models import Charge, Run
from portal.services import Portal
from portal.services.connections import find
from portal.services.insight.names import CHUNK, Names
from portal.services.planning import Prepared, prepare
from portal.services.reasons import REASONS
from portal.services.waiting import is_waiting

READY = Sentence("Nothing is in the way any more: the next run bills it, or bill it now from the preview.")
CREDITS = Sentence(
    "Money that the provider gives back, and that no client has yet. The preview says what becomes of it."
)
_UNFIXABLE = (Reason.BEFORE_START, Reason.MONEY_CREDIT)
_CHARGES = Charge.metadata.tables[Charge.__tablename__]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRow:
    """Charges of one organization and offer that wait for one reason; `first` and `last` are days of service.

    `code` is the reason's, empty when nothing is in the way. `link` is where to mend it: "offer" or "organization",
    with `link_id`; "preview"; or empty.
    """

    organization: str
    offer: str
    offer_key: str
    count: int
    amount: Decimal
    first: date
    last: date
    reason: Sentence
    code: str
    link: str
    link_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanGroup:
    """The orphans in one currency, the largest amount first. `ready` is the part that the next run bills by itself."""

    currency: str
    count: int
    amount: Decimal
    ready: Decimal
    rows: tuple[OrphanRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Charges that wait too and are no orphans, and why not."""

    why: Sentence
    currency: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanReport:
    """What the last run, dated `invoice_date`, and those before it left; None when there was none.

    `period_last` is the last day that it covered.
    """

    invoice_date: date | None
    period_last: date | None
    groups: tuple[OrphanGroup, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Left:
    """A charge that waits; with its correction, what the two come to."""

    organization_id: int
    offer_id: int
    currency: str
    code: str
    amount: Decimal
    start: date
    end: date


@dataclass(slots=True)
class _Sums:
    count: int
    amount: Decimal
    start: date
    end: date


def orphans(portal: Portal, connection_id: int) -> OrphanReport:
    """What is paid for and never billed. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        newest = sa.select(Run).filter_by(connection_id=connection_id).order_by(Run.invoice_date.desc()).limit(1)
        run = db.scalar(newest)
        if run is None:
            return OrphanReport(invoice_date=None, period_last=None, groups=(), left_out=())
        prepared = prepare(db, connection_id, run.invoice_date, portal.now())
        sums: dict[tuple[str, int, int, str], _Sums] = {}
        for one in _waiting(db, connection_id, prepared):
            key = (one.currency, one.organization_id, one.offer_id, one.code)
            found = sums.get(key)
            if found is None:
                sums[key] = _Sums(1, one.amount, one.start, one.end)
            else:
                found.count += 1
                found.amount += one.amount
                found.start, found.end = min(found.start, one.start), max(found.end, one.end)
        groups, left_out = _sort_out(sums, Names.load(db, {(key[1], key[2]) for key in sums}))
        return OrphanReport(
            invoice_date=prepared.on,
            period_last=prepared.period.last,
            groups=groups,
            left_out=(*left_out, *_excluded(prepared)),
        )


def _excluded(prepared: Prepared) -> Iterator[LeftOut]:
    """What the export rule keeps back is not billed on purpose."""
    for currency in sorted({one.currency for one in prepared.excluded}):
        found = [one for one in prepared.excluded if one.currency == currency]
        yield LeftOut(
            why=REASONS[Reason.EXCLUDED],
            currency=currency,
            count=sum(one.count for one in found),
            amount=sum((one.amount for one in found), Decimal(0)),
        )


def _codes(prepared: Prepared) -> dict[int, str]:
    """Why each charge waits, by its id; those that nothing holds are not in it."""
    codes: dict[int, str] = {one.charge_id: one.reason for one in prepared.plan.skipped}
    for draft in prepared.plan.drafts:
        if draft.reason is not None:
            codes.update((charge_id, draft.reason) for line in draft.lines for charge_id in line.charge_ids)
    return codes


def _waiting(db: orm.Session, connection_id: int, prepared: Prepared) -> Iterator[_Left]:
    """What the run left. A correction of what was billed counts with what it adds, and not when it adds nothing."""
    codes = _codes(prepared)
    kept = sa.and_(is_waiting(connection_id), _CHARGES.c.start < prepared.period.end, prepared.rule.keeps)
    place = (_CHARGES.c.key, _CHARGES.c.organization_id, _CHARGES.c.offer_id)
    reversing = sa.select(*place).where(kept, _CHARGES.c.reverses_id.is_not(None))
    corrected: dict[tuple[str, int, int], list[_Left]] = {tuple(row): [] for row in db.execute(reversing)}
    facts = ("currency", "amount", "start", "end", "id", "reverses_id")
    query = sa.select(*place, *(_CHARGES.c[name] for name in facts)).where(kept).order_by(_CHARGES.c.id)
    for key, organization_id, offer_id, currency, amount, start, end, charge_id, reverses_id in db.execute(
        query.execution_options(yield_per=CHUNK)
    ):
        one = _Left(organization_id, offer_id, currency, codes.get(charge_id, ""), amount, start, end)
        correction = corrected.get((key, organization_id, offer_id))
        if correction is None:
            yield one
        elif reverses_id is not None:
            correction.insert(0, one)
        else:
            correction.append(one)
    for correction in corrected.values():
        yield from _added(correction)


def _added(correction: list[_Left]) -> Iterator[_Left]:
    """What a correction adds to what was billed: the entry that gives back comes first, the facts as they are last.

    In two currencies it adds nothing that could be told.
    """
    now, amount = correction[-1], sum((one.amount for one in correction), Decimal(0))
    if len({one.currency for one in correction}) == 1 and amount > 0:
        yield _Left(now.organization_id, now.offer_id, now.currency, now.code, amount, now.start, now.end)


def _sort_out(
    sums: dict[tuple[str, int, int, str], _Sums], names: Names
) -> tuple[tuple[OrphanGroup, ...], tuple[LeftOut, ...]]:
    rows: dict[str, list[OrphanRow]] = {}
    others: dict[tuple[str, bool], tuple[int, Decimal]] = {}
    for (currency, organization_id, offer_id, code), found in sums.items():
        is_old = code == Reason.BEFORE_START
        if is_old or found.amount < 0:
            count, amount = others.get((currency, is_old), (0, Decimal(0)))
            others[currency, is_old] = (count + found.count, amount + found.amount)
            continue
        rows.setdefault(currency, []).append(_row(organization_id, offer_id, code, found, names))
    left_out = (
        LeftOut(why=REASONS[Reason.BEFORE_START] if is_old else CREDITS, currency=currency, count=count, amount=amount)
        for (currency, is_old), (count, amount) in sorted(others.items())
    )
    return tuple(_group(currency, found) for currency, found in sorted(rows.items())), tuple(left_out)


def _row(organization_id: int, offer_id: int, code: str, found: _Sums, names: Names) -> OrphanRow:
    link = _link(code)
    offer, key = names.offers[offer_id]
    return OrphanRow(
        organization=names.organizations[organization_id],
        offer=offer,
        offer_key=key,
        count=found.count,
        amount=found.amount,
        first=found.start,
        last=found.end - timedelta(days=1),
        reason=REASONS[Reason(code)] if code else READY,
        code=code,
        link=link,
        link_id=offer_id if link == "offer" else organization_id,
    )


def _link(code: str) -> str:
    if code in _UNFIXABLE:
        return ""
    if code in ("", Reason.NEGATIVE_TOTAL, Reason.NOTHING_TO_BILL):
        return "preview"
    return "offer" if code.startswith(("offer", "item")) or code == Reason.NO_PRICE else "organization"


def _group(currency: str, rows: list[OrphanRow]) -> OrphanGroup:
    rows.sort(key=lambda row: (-row.amount, row.organization, row.offer, row.code))
    return OrphanGroup(
        currency=currency,
        count=sum(row.count for row in rows),
        amount=sum((row.amount for row in rows), Decimal(0)),
        ready=sum((row.amount for row in rows if not row.code), Decimal(0)),
        rows=tuple(rows),
    )
