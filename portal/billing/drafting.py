"""From charges to drafts: who gets which lines, and why something is not billed (pure).

A draft is an invoice, or a credit memo, before it is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.billing.charge import ChargeKind
from portal.billing.lines import Group, History, Line, Received, Rules, group_charges, make_line
from portal.billing.mapping import (
    MappedOffer,
    MappedOrganization,
    Reason,
    Target,
    offer_refusal,
    organization_refusal,
    sort_key,
)
from portal.billing.options import NegativeTotal, Options


class Form(StrEnum):
    """What a draft becomes in QuickBooks."""

    INVOICE = "invoice"
    CREDIT_MEMO = "credit-memo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The lines of one organization. With `reason` it is not sent as it is."""

    organization_id: int
    customer: Target | None
    lines: tuple[Line, ...]
    form: Form = Form.INVOICE
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A charge that is not billed now, and why."""

    charge_id: int
    offer_id: int
    organization_id: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do."""

    drafts: tuple[Draft, ...]
    skipped: tuple[Skipped, ...]


def plan(
    received: Iterable[Received],
    offers: Mapping[int, MappedOffer],
    organizations: Mapping[int, MappedOrganization],
    rules: Rules,
    history: History | None = None,
) -> Plan:
    """Sort charges into drafts and reasons. The order of drafts is by organization name, of lines by offer and date.

    Without `history` the charges at hand are all that is known.
    """
    received = list(received)
    history = history or History.of((row.organization_id, row.offer_id, row.charge) for row in received)
    offers_refused = {one.id: offer_refusal(one) for one in offers.values()}
    organizations_refused = {one.id: organization_refusal(one) for one in organizations.values()}
    names = {one.id: (sort_key(one.name), one.id) for one in offers.values()}
    skipped: list[Skipped] = []
    by_organization: dict[int, list[Received]] = {}
    for row in received:
        reason = (
            _age_refusal(row, rules, history)
            or organizations_refused[row.organization_id]
            or offers_refused[row.offer_id]
            or _currency_refusal(row, organizations[row.organization_id], rules)
            or _money_refusal(row, history)
        )
        if reason is None:
            by_organization.setdefault(row.organization_id, []).append(row)
        else:
            skipped.append(
                Skipped(charge_id=row.id, offer_id=row.offer_id, organization_id=row.organization_id, reason=reason)
            )
    drafts = []
    for organization_id, rows in by_organization.items():
        rows.sort(key=lambda row: (names[row.offer_id], row.charge.start, row.id))
        drafts.append(_draft(rows, offers, organizations[organization_id], rules, history))
    drafts.sort(key=lambda draft: (sort_key(organizations[draft.organization_id].name), draft.organization_id))
    skipped.sort(key=lambda one: one.charge_id)
    return Plan(drafts=tuple(drafts), skipped=tuple(skipped))


# -- what cannot be billed -------------------------------------------------------------------------------------------


def _age_refusal(row: Received, rules: Rules, history: History) -> Reason | None:
    """The floor: a charge that is older, or gives back what was never billed here because it was."""
    floor = rules.start_date
    if floor is None or row.gives_back is not None:
        return None
    if row.charge.start < floor:
        return Reason.BEFORE_START
    around = history.around(row) if row.charge.kind is ChargeKind.CREDIT else []
    return Reason.BEFORE_START if around and all(one.start < floor for one in around) else None


def _money_refusal(row: Received, history: History) -> Reason | None:
    """An amount without seats cannot be billed by quantity at QuickBooks' own price.

    A provider may write a credit of seats with the sign on the price; then its unit cost is one that the offer has.
    """
    charge = row.charge
    if row.gives_back is not None:
        return None
    if charge.quantity == 0:
        return Reason.MONEY_CREDIT if charge.amount != 0 else None
    if charge.quantity < 0 or charge.amount >= 0:
        return None
    is_known = abs(charge.unit_cost) in history.unit_costs.get(row.offer_id, frozenset())
    return None if is_known else Reason.MONEY_CREDIT


def _currency_refusal(row: Received, organization: MappedOrganization, rules: Rules) -> Reason | None:
    customer = organization.customer
    expected = (customer.currency if customer else None) or rules.home_currency
    return Reason.CURRENCY if expected and expected != row.charge.currency else None


def _draft(
    rows: Sequence[Received],
    offers: Mapping[int, MappedOffer],
    organization: MappedOrganization,
    rules: Rules,
    history: History,
) -> Draft:
    groups = group_charges(rows, offers, rules, history)
    lines = tuple(make_line(group, offers[group.first.offer_id], organization, rules) for group in groups)
    form, reason = _judge(groups, lines, rules.options)
    return Draft(organization_id=organization.id, customer=organization.customer, lines=lines, form=form, reason=reason)


def _judge(groups: Collection[Group], lines: Sequence[Line], options: Options) -> tuple[Form, Reason | None]:
    """Zero invoices are skipped; below zero QuickBooks refuses an invoice: it waits, or becomes a credit memo."""
    if any(group.lacks_price for group in groups):
        return Form.INVOICE, Reason.NO_PRICE
    quantities: dict[str, Decimal] = {}
    for line in lines:
        quantities[line.item.list_id] = quantities.get(line.item.list_id, Decimal(0)) + line.quantity
    if not any(quantities.values()) and not any(line.rate for line in lines):
        return Form.INVOICE, Reason.NOTHING_TO_BILL
    estimates = [line.estimate for line in lines]
    if None in estimates:
        is_negative = all(line.quantity <= 0 for line in lines)
    else:
        is_negative = sum((estimate for estimate in estimates if estimate is not None), Decimal(0)) < 0
    if not is_negative:
        return Form.INVOICE, None
    if options.negative_total is NegativeTotal.CREDIT_MEMO:
        return Form.CREDIT_MEMO, None
    return Form.INVOICE, Reason.NEGATIVE_TOTAL
