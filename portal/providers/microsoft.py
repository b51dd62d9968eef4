"""Microsoft's invoice reconciliation file: the CSV that Partner Center gives for a new commerce invoice.

Shape: the columns of Microsoft's article "new commerce invoice reconciliation file", in any order, with or without
spaces, in any case; others are kept in the raw row. Charge dates are inclusive and in UTC; they are taken as written.

What a partner must know, and why rows are read as they are:

* A change of seats comes as two rows: all old seats are given back and all new ones charged, both up to the end of the
  cycle and with one ReferenceId. Both are kept and share a tag `pair`. The credit has the sign on the price, not on the
  quantity.
* EffectiveUnitPrice is for the days of the row. What a unit costs for a whole cycle follows from other rows of the
  file, from the list price where it fits, or else from the days (`_whole_price`).
* Rows alike in all but the price are parts of one licence (`_name_parts`), not more licences.
* One SKU is sold by the month, by the year in twelve payments and by the year at once, at three prices and for three
  QuickBooks items. Term and billing cycle are therefore part of the offer's key (`PRODUCT:SKU:P1Y:monthly`), and so is
  a trial, which must not be billed at the price of the paid item.
* Subtotal is what is paid, before taxes and in the billing currency. Where it is not what Microsoft's own formula
  gives, a tag `deviates` says by how much.
* The invoice's number is part of a row's key. A download of what is not invoiced yet has none and is refused, since
  the same charge would come again under another key. The daily usage file is refused too: its sums are in this one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import NoReturn

from portal.billing.charge import BillingCycle, Charge, ChargeKind
from portal.billing.period import invoice_date
from portal.providers import Delivery, ProviderError
from portal.providers.table import Row, Table, most_common_month, open_table, show

_TAGS = (
    *("CustomerId", "CustomerDomainName", "CustomerCountry", "InvoiceNumber", "OrderId", "OrderDate", "SubscriptionId"),
    *("SubscriptionDescription", "SubscriptionStartDate", "SubscriptionEndDate", "ReferenceId", "ChargeType"),
    *("TermAndBillingCycle", "BillingFrequency", "UnitType", "MeterDescription", "PublisherName", "ProductQualifiers"),
    *("PriceAdjustmentDescription", "PromotionId", "CreditReasonCode", "ReservationOrderId", "ResellerMpnId"),
    *("UnitPrice", "TaxTotal", "Total", "PricingCurrency", "PCToBCExchangeRate", "PCToBCExchangeRateDate"),
)
_NEEDED = (
    *("CustomerName", "InvoiceNumber", "ProductId", "SkuId", "ChargeType", "Subtotal", "Currency"),
    *("ChargeStartDate", "ChargeEndDate", "BillableQuantity", "EffectiveUnitPrice"),
)
_MORE = ("AvailabilityId", "SkuName", "ProductName")
_OLDER = {"resellermpnid": "tier2mpnid", "total": "totalforcustomer", "unittype": "unit"}
_OLDER |= {"billablequantity": "quantity", "effectiveunitprice": "unitprice"}
_FOREIGN = {
    "daily": frozenset({"usagedate", "billingpretaxtotal"}),
    "licence": frozenset({"syndicationpartnersubscriptionnumber"}),
    "usage": frozenset({"posttaxtotal", "pretaxcharges"}),
}
_AGAIN = " Nothing was imported: download the reconciliation file again and import it as it comes, without saving it"
_AGAIN += " in a spreadsheet."
_CHANGES = frozenset({"addquantity", "removequantity", "movequantity", "cancelimmediate", "cancel", "customercredit"})
_CREDITS = frozenset({"cancelimmediate", "cancel", "customercredit"})
_FREQUENCIES = {"monthly": 1, "annual": 12, "annually": 12, "yearly": 12, "triennial": 36, "3years": 36}
_ONCE = frozenset({"onetime", "once"})
_BILLING = {1: "monthly", 12: "yearly", 36: "3-yearly"}
_NUMBERS = {"one": 1, "two": 2, "three": 3, "five": 5}
_TERM = re.compile(
    r"\b(one|two|three|five|\d)[ -]+(?:\d[ -]+)?(month|year)"
    r"|\b(month|annual|year)(?:ly)? term|\bp(\d)([my])\b"
)
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d{2}:\d{2})?)?"
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})" + _TIME)
_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})" + _TIME)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d{1,2})?")
_CENT = Decimal("0.01")
_HALF_CENT = Decimal("0.005")
_PLACES = Decimal("1E-10")
_LIMIT = Decimal(10) ** 13  # an amount of qbXML has 13 digits before the point
_DAY = timedelta(days=1)
_LONGEST_SCOPE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A row that was read, before it is seen beside the others."""

    charge: Charge
    """With the unit price of its own days as unit cost."""
    raw: str
    list_price: Decimal
    months: int
    """The months of a whole cycle; 0 when there are none (usage, a payment once)."""
    is_whole: bool
    subscription: tuple[str, str]
    event: tuple[str, ...]
    """What the two rows of one change have in common."""


def read(data: bytes, name: str) -> Delivery:
    """The charges in the file `name` with the content `data`; all of them, or a ProviderError that says what is wrong.

    The delivery's period is a calendar month: a new commerce invoice is for one (in UTC), though each subscription has
    a cycle of its own that begins in it, and yearly terms, credits and corrections reach beyond. It is the month that
    most charges begin in, the later of two. Its scope is the invoice's number: a partner may get several a month.
    """
    table = open_table(data, name)
    columns = _find_columns(table)
    seen: Counter[str] = Counter()
    tags = _Tags()
    lines = [_read_line(_Cells(row, columns), seen, tags) for row in table.rows()]
    if not lines:
        what = "{file} has headings and no rows. Nothing was imported: download the file of an invoice with charges."
        raise ProviderError("microsoft.no_rows", what, file=name)
    lines = _name_parts(lines)
    pairs = _find_pairs(lines)
    costs = _WholePrices(lines)
    charges = []
    for place, line in enumerate(lines):
        pair = (("pair", pairs[place]),) if place in pairs else ()
        charges.append(replace(line.charge, unit_cost=costs.of(line), tags=line.charge.tags + pair))
    month = most_common_month(charge.start for charge in charges)
    return Delivery(
        provider="microsoft",
        period_start=month.start,
        period_end=month.end,
        charges=tuple(charges),
        raw=tuple(line.raw for line in lines),
        total=sum((charge.amount for charge in charges), Decimal("0.00")),
        scope=_name_invoices(charges),
    )


def _name_invoices(charges: Iterable[Charge]) -> str:
    """The numbers of the invoices; where they are too many to keep, how many, and a digest of them."""
    numbers = sorted({value for charge in charges for name, value in charge.tags if name == "InvoiceNumber"})
    joined = ", ".join(numbers)
    digest = hashlib.sha256(joined.encode()).hexdigest()[:16]
    return joined if len(joined) <= _LONGEST_SCOPE else f"{len(numbers)}: {digest}"


def expected_subtotal(unit_price: Decimal, rate: Decimal, quantity: Decimal, *, is_metered: bool = False) -> Decimal:
    """The subtotal by Microsoft's formulas, from the effective unit price and the rate to the billing currency.

    Licences: the unit price is converted and cut to the cent, then multiplied. Usage: the product is cut to the cent,
    then converted and cut again. To cut is to round towards zero.
    """
    if is_metered:
        return _cut(_cut(unit_price * quantity) * rate)
    return _cut(unit_price * rate) * quantity


def _cut(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_DOWN)


def _plain(name: str) -> str:
    """A name without spaces, signs and case: Charge Type, chargeType and ChargeType are one."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _find_columns(table: Table) -> dict[str, str]:
    """The heading of each column that is known, by Microsoft's name."""
    headings: dict[str, str] = {}
    for heading in table.headings:
        first = headings.setdefault(_plain(heading), heading)
        if first != heading:
            what = "{file}: the columns {first} and {second} are the same." + _AGAIN
            values = {"first": show(first), "second": show(heading)}
            raise ProviderError("microsoft.same_column", what, file=table.name, **values)
    found = {}
    for column in (*_NEEDED, *_TAGS, *_MORE):
        plain = _plain(column)
        if name := headings.get(plain) or headings.get(_OLDER.get(plain, "")):
            found[column] = name
    if missing := [column for column in _NEEDED if column not in found]:
        _refuse_foreign(table, headings.keys(), missing)
    return found


def _refuse_foreign(table: Table, plain: Iterable[str], missing: list[str]) -> NoReturn:
    """Another file of Partner Center is called by its name, anything else by what it lacks."""
    known = frozenset(plain)
    if _FOREIGN["daily"] <= known:
        what = "{file} is the daily usage. Nothing was imported: its amounts are in the invoice's reconciliation file"
        raise ProviderError("microsoft.daily_usage", what + "; download that one and import it.", file=table.name)
    if _FOREIGN["licence"] <= known or _FOREIGN["usage"] & known:
        what = "{file} is a reconciliation file of the time before new commerce. Nothing was imported: import it as CSV"
        raise ProviderError("microsoft.legacy", what + " with columns that you choose.", file=table.name)
    what = "{file} has no column {columns}. Nothing was imported: download the reconciliation file of an invoice in"
    what += " Partner Center, and check that it is CSV with the first row as headings."
    raise ProviderError("microsoft.no_column", what, file=table.name, columns=", ".join(missing))


class _Cells:
    """The cells of a row by Microsoft's names."""

    def __init__(self, row: Row, columns: dict[str, str]) -> None:
        self.row = row
        self._columns = columns
        self._texts = {column: row.text(heading) for column, heading in columns.items()}

    def has(self, column: str) -> bool:
        """Whether the file has the column."""
        return column in self._columns

    def heading(self, column: str) -> str:
        """How the file calls the column."""
        return self._columns.get(column, column)

    def text(self, column: str) -> str:
        """The cell; "" when empty or absent."""
        return self._texts.get(column, "")

    def require(self, column: str) -> str:
        """The cell, which must not be empty."""
        if not (text := self.text(column)):
            self.row.refuse("microsoft.row.empty", "the cell is empty." + _AGAIN, self.heading(column))
        return text

    def number(self, column: str, default: Decimal | None = None) -> Decimal:
        """The cell as a number with a decimal point; `default` when empty, if there is one."""
        text = self.text(column).removeprefix("'")
        if not text and default is not None:
            return default
        text = text or self.require(column)
        number = Decimal(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else None
        if number is None or abs(number) >= _LIMIT:
            what = "“{value}” is not a number with a decimal point, such as 10.08." + _AGAIN
            self.row.refuse("microsoft.row.not_number", what, self.heading(column), value=show(text))
        return number

    def day(self, column: str) -> date | None:
        """The cell as a civil date; None when empty."""
        text = self.text(column).removeprefix("'")
        if text and (day := to_date(text)) is None:
            what = "“{value}” is not a date as Microsoft writes it: month/day/year, or 2026-10-31." + _AGAIN
            self.row.refuse("microsoft.row.not_date", what, self.heading(column), value=show(text))
        return day if text else None


def to_date(text: str) -> date | None:
    """A date as Microsoft writes it, M/D/YYYY or ISO, each with or without a time; None for anything else."""
    try:
        if found := _ISO.fullmatch(text):
            day = date(int(found[1]), int(found[2]), int(found[3]))
        elif found := _US.fullmatch(text):
            day = date(int(found[3]), int(found[1]), int(found[2]))
        else:
            return None
    except ValueError:
        return None
    return None if day == date.max else day


class _Tags:
    """Tags, each kept once: most are the same in thousands of rows, and they are most of what a delivery weighs."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, str]] = {}

    def of(self, cells: _Cells) -> tuple[tuple[str, str], ...]:
        """The cells that are kept beside a charge, in Microsoft's order."""
        told = ((column, text) for column in _TAGS if (text := cells.text(column)))
        return tuple([self._known.setdefault(tag, tag) for tag in told])


def _read_line(cells: _Cells, seen: Counter[str], known: _Tags) -> _Line:
    start, end = _read_period(cells)
    charge_type = _plain(cells.require("ChargeType"))
    quantity, subtotal = cells.number("BillableQuantity"), cells.number("Subtotal")
    rate = cells.number("PCToBCExchangeRate", Decimal(1)) or Decimal(1)
    effective, list_price = cells.number("EffectiveUnitPrice"), cells.number("UnitPrice", Decimal(0))
    if max(abs(list_price), abs(effective)) * max(abs(rate), Decimal(1)) * max(abs(quantity), Decimal(1)) >= _LIMIT:
        what = "the amount is too large, or its decimal point is in the wrong place." + _AGAIN
        cells.row.refuse("microsoft.row.too_large", what, cells.heading("EffectiveUnitPrice"))
    is_metered, months, variant = _read_terms(cells, start, end, quantity)
    is_whole = months > 0 and _spans(start, end, months)
    is_credit = quantity < 0 or subtotal < 0 or (subtotal == 0 and charge_type in _CREDITS)
    kind = _judge_kind(charge_type, is_credit=is_credit, is_metered=is_metered, months=months, is_whole=is_whole)
    tags = known.of(cells)
    deviation = subtotal - expected_subtotal(effective, rate, quantity, is_metered=is_metered)
    if deviation and cells.heading("EffectiveUnitPrice") != cells.heading("UnitPrice"):
        tags += (("deviates", f"{_neat(deviation):f}"),)
    product, sku = cells.require("ProductId"), cells.require("SkuId")
    key = _make_key(cells, charge_type, start, end, is_credit=is_credit)
    seen[key] += 1
    subscription = (cells.text("CustomerId") or cells.text("CustomerName"), cells.text("SubscriptionId"))
    charge = Charge(
        key=key if seen[key] == 1 else f"{key}#{seen[key]}",
        organization=cells.require("CustomerName"),
        offer_key=":".join((product, sku, *variant)),
        offer_name=cells.text("SkuName") or cells.text("ProductName") or f"{product}:{sku}",
        kind=kind,
        cycle={0: BillingCycle.MONTHLY if is_metered else BillingCycle.ONE_TIME, 1: BillingCycle.MONTHLY}.get(
            months, BillingCycle.YEARLY
        ),
        quantity=quantity,
        start=start,
        end=end,
        unit_cost=effective * rate,
        unit_cost_prorated=_unit_price(subtotal, quantity, effective * rate),
        amount=subtotal.quantize(_CENT, ROUND_HALF_UP) + 0,
        currency=_read_currency(cells),
        is_proratable=months > 0 and charge_type != "customercredit",
        tags=tags,
    )
    return _Line(
        charge=charge,
        raw=cells.row.raw(),
        list_price=list_price * rate,
        months=months,
        is_whole=is_whole,
        subscription=subscription,
        event=(*subscription, cells.text("ReferenceId"), charge_type, str(start), str(end)),
    )


def _unit_price(subtotal: Decimal, quantity: Decimal, otherwise: Decimal) -> Decimal:
    """What a unit costs for the days of a row: what is paid, divided by the units."""
    exact = subtotal / quantity if quantity else otherwise
    return _neat(exact if abs(exact) < _LIMIT else otherwise)


def _read_period(cells: _Cells) -> tuple[date, date]:
    """The days of a row as [start, end). What is bought for good has no end and takes the day it was bought on."""
    start = cells.day("ChargeStartDate") or to_date(cells.text("OrderDate"))
    if start is None:
        cells.require("ChargeStartDate")
    assert start is not None  # noqa: S101 -- require() refused the row
    last = cells.day("ChargeEndDate") or start
    if last < start:
        what = "the period ends on {last}, before its start on {start}." + _AGAIN
        values = {"last": str(last), "start": str(start)}
        cells.row.refuse("microsoft.row.period_reversed", what, cells.heading("ChargeEndDate"), **values)
    return start, last + _DAY


def _read_terms(cells: _Cells, start: date, end: date, quantity: Decimal) -> tuple[bool, int, tuple[str, ...]]:
    """Whether a row is metered, the months of its billing cycle (0 for none), and what tells its offer from others."""
    text, frequency = cells.text("TermAndBillingCycle"), _plain(cells.text("BillingFrequency"))
    term, ends = _find_term(text), to_date(cells.text("SubscriptionEndDate"))
    if not frequency and not term and _is_metered(cells, quantity, ends):
        return True, 0, ()
    if frequency in _ONCE or not cells.text("ChargeEndDate"):
        return False, 0, ()
    begins = to_date(cells.text("SubscriptionStartDate"))
    if not term and begins and ends:
        term = _months_for((ends - begins).days + 1)
    whole = 1 if _spans(start, end, 1) else _months_for((end - start).days)
    is_at_once = not frequency and cells.has("BillingFrequency") and not _spans(start, end, 1)
    months = _FREQUENCIES.get(frequency) or (term if is_at_once else 0) or whole
    variant = [] if not term else [f"P{term // 12}Y" if term % 12 == 0 else f"P{term}M"]
    variant.append(_BILLING.get(months, f"{months}-monthly"))
    if "trial" in text.casefold() or "trial" in cells.text("ProductQualifiers").casefold():
        variant.append("trial")
    return False, months, tuple(variant)


def _is_metered(cells: _Cells, quantity: Decimal, ends: date | None) -> bool:
    """Whether a row without term and billing frequency is usage and not something bought."""
    if cells.text("MeterDescription") or _plain(cells.text("SubscriptionDescription")) == "azureplan":
        return True
    told = bool(cells.text("UnitType") or cells.text("TermAndBillingCycle")) or quantity % 1 != 0
    return told and ends is None and bool(cells.text("ChargeEndDate"))


def _find_term(text: str) -> int:
    """The months of the term in a text such as “One-Year commitment for yearly billing”; 0 when none is said."""
    if not (found := _TERM.search(text.casefold())):
        return 0
    number, unit, spoken, digit, letter = found.groups()
    if number:
        return (_NUMBERS.get(number) or int(number)) * (12 if unit == "year" else 1)
    if spoken:
        return 1 if spoken == "month" else 12
    return int(digit) * (12 if letter == "y" else 1)


def _months_for(days: int) -> int:
    """The shortest usual term that so many days fit in; subscriptions that end together may be shorter than theirs."""
    return next((months for months, most in ((1, 31), (12, 366), (36, 1096)) if days <= most), 60)


def _spans(start: date, end: date, months: int) -> bool:
    """Whether the days are a whole cycle. One that begins near the end of a month may move by a day or two."""
    whole = _shift(start, months)
    if end == whole:
        return True
    return (end.year, end.month) == (whole.year, whole.month) and _is_late(start) and _is_late(end)


def _is_late(day: date) -> bool:
    """Whether it is one of the last two days of its month."""
    return (day + 2 * _DAY).month != day.month


def _shift(day: date, months: int) -> date:
    """The same day so many months later or earlier; the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return invoice_date(year, month + 1, day.day)


def _judge_kind(charge_type: str, *, is_credit: bool, is_metered: bool, months: int, is_whole: bool) -> ChargeKind:
    if is_credit:
        return ChargeKind.CREDIT
    if is_metered:
        return ChargeKind.USAGE
    if months == 0:
        return ChargeKind.ONE_TIME
    return ChargeKind.RECURRING if is_whole and charge_type not in _CHANGES else ChargeKind.PRORATED


def _read_currency(cells: _Cells) -> str:
    currency = cells.require("Currency").upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        what = "“{value}” is not a currency of three letters, such as CAD." + _AGAIN
        cells.row.refuse("microsoft.row.bad_currency", what, cells.heading("Currency"), value=show(currency))
    return currency


def _make_key(cells: _Cells, charge_type: str, start: date, end: date, *, is_credit: bool) -> str:
    """32 hexadecimal digits over what identifies a row; neither quantity nor amounts are in it, only their sign."""
    if not cells.text("InvoiceNumber"):
        what = (
            "the row has no invoice number, so Microsoft has not invoiced it yet and may still change it. Nothing was"
        )
        what += " imported: download the reconciliation file of the invoice and import that one."
        cells.row.refuse("microsoft.row.no_invoice", what, cells.heading("InvoiceNumber"))
    names = (
        *("InvoiceNumber", "OrderId", "SubscriptionId", "ProductId", "SkuId", "AvailabilityId", "ReferenceId"),
        *("MeterDescription", "ReservationOrderId", "TermAndBillingCycle", "BillingFrequency"),
    )
    told = [cells.text("CustomerId").lower() or cells.text("CustomerName"), *(cells.text(name) for name in names)]
    told += [
        "microsoft",
        charge_type,
        str(start),
        str(end),
        str(to_date(cells.text("OrderDate"))),
        "-" if is_credit else "+",
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def _find_pairs(lines: list[_Line]) -> dict[int, str]:
    """The places of rows that are one change of seats: a credit and a charge of one event, in the order of the file."""
    events: dict[tuple[str, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for place, line in enumerate(lines):
        if line.months and line.subscription[1]:
            events[line.event][line.charge.kind is ChargeKind.CREDIT].append(place)
    pairs = {}
    for event, (charged, credited) in events.items():
        shared = hashlib.sha256(json.dumps(event).encode()).hexdigest()[:12]
        for number, both in enumerate(zip(charged, credited, strict=False), start=1):
            pairs.update(dict.fromkeys(both, shared if number == 1 else f"{shared}#{number}"))
    return pairs


def _name_parts(lines: list[_Line]) -> list[_Line]:
    """The lines, with an offer of its own for each further part of a licence.

    A suite with telephony (Microsoft 365 E5) comes as two rows for the same licences, alike in all but the price. Under
    one offer they would be billed as twice the licences; the dearest row keeps the offer's key, the others add a part.
    """
    parts: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        if line.months:
            parts[line.charge.key.partition("#")[0], line.charge.quantity].append(place)
    named = list(lines)
    for places in parts.values():
        prices = sorted({abs(lines[place].charge.unit_cost) for place in places}, reverse=True)
        for place in places:
            charge = lines[place].charge
            if number := prices.index(abs(charge.unit_cost)):
                offer_key = f"{charge.offer_key}:part{number + 1}"
                named[place] = replace(lines[place], charge=replace(charge, offer_key=offer_key))
    return named


class _WholePrices:
    """What a unit of each offer costs for a whole cycle, told by the rows that are one."""

    def __init__(self, lines: list[_Line]) -> None:
        self._prices: dict[tuple[str, str], set[Decimal]] = defaultdict(set)
        self._cycles: dict[tuple[str, str], list[Charge]] = defaultdict(list)
        for line in lines:
            if line.is_whole:
                self._prices[line.charge.offer_key, line.charge.currency].add(abs(line.charge.unit_cost))
                self._cycles[line.subscription].append(line.charge)

    def of(self, line: _Line) -> Decimal:
        """The unit cost for a whole cycle, with the sign of the row.

        Of a shorter row: the whole price that its share of the days gives to the cent; else the price by the days.
        """
        charge, price = line.charge, abs(line.charge.unit_cost)
        days, cycle = (charge.end - charge.start).days, self._cycle_days(line)
        if not line.months or line.is_whole or days >= cycle:
            return _neat(charge.unit_cost)
        known = self._prices.get((charge.offer_key, charge.currency), set()) | {abs(line.list_price)}
        distance, nearest = min((abs(whole * days / cycle - price), whole) for whole in known)
        whole = nearest if distance <= _HALF_CENT else (price * cycle / days).quantize(Decimal("0.00001"))
        return _neat(whole.copy_sign(charge.unit_cost))

    def _cycle_days(self, line: _Line) -> int:
        """The days of the cycle that a row is a part of: one of its subscription in the file, or the one it ends."""
        start, end = line.charge.start, line.charge.end
        for whole in self._cycles.get(line.subscription, ()):
            if whole.start <= start and end <= whole.end:
                return (whole.end - whole.start).days
        return (end - _shift(end, -line.months)).days if line.months else 0


def _neat(number: Decimal) -> Decimal:
    """A number with at most ten decimals, and those that it came with when they are fewer."""
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and 0 >= exponent >= -5:
        return number + 0
    rounded = f"{number.quantize(_PLACES, ROUND_HALF_UP):f}".rstrip("0").rstrip(".")
    return Decimal(rounded) + 0
