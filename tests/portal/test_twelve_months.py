"""Twelve months of a partner, from Sherweb's weekly deliveries to what stands in QuickBooks, against a count by day.

What is to be billed is told by a list of changes of seats: when each holds, when the provider learns of it, and when
it takes it back. From that list alone come Sherweb's documents, and an oracle that counts seats day by day and knows
nothing of rows, corrections or runs. Every visit is the sandbox's Web Connector, without a socket between.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from portal import settings as configuration
from portal import worker
from portal.billing.period import BillingMode
from portal.models import BilledCharge, Charge, Draft, DraftState, Offer, Organization, Run
from portal.services import Portal, accounts, build_portal, catalog, connections, mappings, planning, preview, retries
from portal.services.quickbooks import build_endpoint
from qbwc.sandbox import Company, Outcome, pay_invoice, read_manifest, starter, visit
from qbwc.wsgi import build_wsgi

TORONTO = ZoneInfo("America/Toronto")
BEGIN, STOP = date(2026, 9, 20), date(2027, 11, 2)
MONTHS = [date(2026 + month // 12, month % 12 + 1, 1) for month in range(9, 21)]
DELIVERED_ON = (4, 12, 20, 28)
CENT = Decimal("0.01")
HALF_PLACE = Fraction(1, 200_000)
DAY = timedelta(days=1)

# -- what happens at the partner's clients ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Product:
    """What is resold: Sherweb's name and cost, QuickBooks' item and price."""

    sku: str
    name: str
    item: str
    price: str
    cost: str


STANDARD = Product("M365-BS", "Microsoft 365 Business Standard", "M365 Standard", "20.35", "16.05")
EXCHANGE = Product("EXO-P1", "Exchange Online (Plan 1)", "Exchange P1", "6.99", "5.13")
ANNUAL = Product("M365-BPY", "Microsoft 365 Business Premium (annual)", "M365 Premium annuel", "312.45", "250.80")
AZURE = Product("AZ-USG", "Azure Plan usage", "Azure", "1.37", "1.02")
SET_UP = Product("SETUP", "Set-up", "Mise en service", "150.00", "75.00")
PRODUCTS = (STANDARD, EXCHANGE, ANNUAL, AZURE, SET_UP)
DEARER_FROM, DEARER = date(2027, 4, 1), "5.49"  # Exchange costs more: the item's cost follows, nothing is billed again


@dataclass(frozen=True)
class Client:
    """An organization at Sherweb, and its customer in QuickBooks."""

    name: str
    customer: str
    is_updated: bool
    mapped_from: date = BEGIN
    own_quantity: str = ""
    """The partner's own figure on a line with one of our items, in the client's memorized invoice."""


BAKERY, CLINIC, OCEAN, THEATRE, LAWYERS, FARM, STUDIO, GARAGE = range(8)


def clients(first_is_updated: bool) -> tuple[Client, ...]:
    """Eight organizations, every other one of them updated."""
    names = (
        ("Boulangerie Aux Trois Blés", "Trois Blés"),
        ("Clinique Saint-Rémi - Laval", "Clinique St-Rémi:Succursale Laval"),
        ("Groupe Océan Bleu inc.", "Océan Bleu"),
        ("Théâtre de l'Île", "Théâtre Île"),
        ("Avocats Bélanger Côté", "Bélanger Côté"),
        ("Ferme Coop des Cantons", "Coop des Cantons"),
        ("Studio Lumière", "Studio Lumiere enr."),
        ("Garage M. Lefebvre & fils", "Lefebvre Mécanique"),
    )
    return tuple(
        Client(
            name,
            customer,
            is_updated=(at % 2 == 0) is first_is_updated,
            mapped_from=date(2027, 2, 9) if at == STUDIO else BEGIN,
            own_quantity="1" if at in (OCEAN, THEATRE) else "",
        )
        for at, (name, customer) in enumerate(names)
    )


@dataclass(frozen=True)
class Change:
    """So many seats more or less from `day` on, as the provider knows from `known` on and until `retracted`."""

    client: int
    product: Product
    day: date
    seats: int
    known: date
    retracted: date = date.max

    def is_known(self, on: date) -> bool:
        return self.known <= on < self.retracted


def change(client: int, product: Product, day: str, seats: int, known: str = "", retracted: str = "") -> Change:
    on = date.fromisoformat(day)
    return Change(
        client,
        product,
        on,
        seats,
        date.fromisoformat(known) if known else on,
        date.fromisoformat(retracted) if retracted else date.max,
    )


@cache
def script() -> tuple[Change, ...]:
    """A year: seats at the beginning, something every week, and what makes billing hard."""
    begun = BEGIN.isoformat()
    changes = [
        change(BAKERY, STANDARD, begun, 6),
        change(BAKERY, EXCHANGE, begun, 2),
        change(CLINIC, STANDARD, begun, 27),
        change(OCEAN, STANDARD, begun, 31),
        change(THEATRE, EXCHANGE, begun, 9),
        change(LAWYERS, ANNUAL, begun, 10),
        change(LAWYERS, EXCHANGE, begun, 14),
        change(FARM, STANDARD, begun, 8),
        change(FARM, EXCHANGE, begun, 3),
        change(GARAGE, STANDARD, begun, 12),
        # A new client in mid-month, who is mapped later; and one that leaves, which the provider learns of late.
        change(STUDIO, STANDARD, "2027-01-12", 4),
        change(STUDIO, EXCHANGE, "2027-01-12", 4),
        change(FARM, STANDARD, "2027-03-10", -8, known="2027-04-06"),
        change(FARM, EXCHANGE, "2027-03-10", -3),
        # The yearly subscription renews on 1 March; the year to come has 366 days.
        change(LAWYERS, ANNUAL, "2026-11-20", 3),
        change(LAWYERS, ANNUAL, "2027-01-31", -2),
        change(LAWYERS, ANNUAL, "2027-05-18", 4),
        change(LAWYERS, ANNUAL, "2027-08-02", -3),
        # In February, on the days on which the clock changes, on first and last days of months, and back again.
        change(CLINIC, STANDARD, "2026-11-01", 1),
        change(CLINIC, STANDARD, "2027-03-14", 2),
        change(BAKERY, STANDARD, "2027-02-28", 3),
        change(BAKERY, STANDARD, "2027-03-01", -3),
        change(BAKERY, EXCHANGE, "2026-12-31", 5),
        change(BAKERY, EXCHANGE, "2027-01-31", -5),
        # Late, taken back, and both: of months that are billed long since.
        change(GARAGE, STANDARD, "2026-10-14", 5, known="2026-12-09"),
        change(GARAGE, STANDARD, "2026-11-18", 2, retracted="2027-01-08"),
        change(GARAGE, STANDARD, "2027-01-20", -4, known="2027-02-22", retracted="2027-05-05"),
        change(GARAGE, STANDARD, "2027-06-30", 1, known="2027-07-30", retracted="2027-09-15"),
        change(OCEAN, STANDARD, "2027-06-09", -6, known="2027-08-20"),
    ]
    rng = random.Random(12)
    week = date(2026, 10, 2)
    while week < date(2027, 9, 28):
        for client, product in ((CLINIC, STANDARD), (OCEAN, STANDARD), (THEATRE, EXCHANGE), (GARAGE, STANDARD)):
            if rng.random() < 0.45:
                day = week + timedelta(days=rng.randrange(7))
                seats = rng.choice([1, 1, 2, 3, -1, -1, -2])
                now = sum(one.seats for one in changes if (one.client, one.product) == (client, product))
                if now + seats >= 5:
                    changes.append(Change(client, product, day, seats, known=day))
        week += timedelta(days=7)
    return tuple(changes)


@cache
def changes_of(client: int, product: Product) -> tuple[Change, ...]:
    return tuple(one for one in script() if (one.client, one.product) == (client, product))


# A set-up fee is for a day: client, day, how many, and when the provider says so.
FEES = (
    (STUDIO, date(2027, 1, 12), 1, date(2027, 1, 12)),
    (CLINIC, date(2026, 12, 5), 2, date(2026, 12, 5)),
    (GARAGE, date(2027, 5, 30), 1, date(2027, 7, 2)),
)


def metered(day: date, known: date) -> Fraction:
    """What the theatre uses on a day, as the provider has measured it; more is found two days later."""
    if known < day:
        return Fraction(0)
    used = 137 + 29 * day.day % 100
    return Fraction(used if known >= day + 2 * DAY else used - 31, 1000)


def month_after(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def cycle_of(product: Product, day: date) -> tuple[date, date]:
    """The first day of the cycle that a day lies in, and that of the next: months, or years from 1 March."""
    if product is not ANNUAL:
        return day.replace(day=1), month_after(day.replace(day=1))
    year = day.year if day.month >= 3 else day.year - 1
    return date(year, 3, 1), date(year + 1, 3, 1)


def seats_on(client: int, product: Product, day: date, known: date) -> int:
    return sum(one.seats for one in changes_of(client, product) if one.day <= day and one.is_known(known))


# -- what Sherweb delivers --------------------------------------------------------------------------------------------


def cents(number: Fraction | Decimal) -> Decimal:
    if isinstance(number, Fraction):
        number = Decimal(number.numerator) / Decimal(number.denominator)
    return number.quantize(CENT, ROUND_HALF_UP)


def row(
    client: Client, product: Product, quantity: str, first: date, end: date, share: Fraction = Fraction(1), **more: Any
) -> dict[str, Any]:
    cost = DEARER if product is EXCHANGE and first >= DEARER_FROM else product.cost
    prorated = cost if share == 1 else str(cents(Fraction(cost) * share))
    return {
        "productId": f"product-{product.sku}",
        "productName": product.name,
        "sku": product.sku,
        "chargeId": f"charge-{product.sku}",
        "chargeName": "Licence",
        "chargeType": "Recurring",
        "billingCycleType": "Yearly" if product is ANNUAL else "Monthly",
        "periodFrom": first.isoformat(),
        "periodTo": (end - DAY).isoformat(),
        "quantity": quantity,
        "listPrice": cost,
        "netPrice": cost,
        "netPriceProrated": prorated,
        "subTotal": str(cents(Decimal(quantity) * Decimal(prorated))),
        "currency": "CAD",
        "isBilled": True,
        "isProratable": True,
        "tags": [{"name": "CustomerDisplayName", "value": client.name}],
        **more,
    }


NUMBERS = ("quantity", "listPrice", "netPrice", "netPriceProrated", "subTotal")


def document(month: date, known: date, people: Sequence[Client]) -> str:
    """Sherweb's payable charges of a month, as far as it knows; numbers are written with the digits they have."""
    rows = list(rows_of(month, known, people))
    for one in rows:
        one.update({name: f"#{one[name]}#" for name in NUMBERS})
    period = {"periodFrom": month.isoformat(), "periodTo": (month_after(month) - DAY).isoformat(), "charges": rows}
    return json.dumps(period, ensure_ascii=False, indent=1).replace('"#', "").replace('#"', "")


def rows_of(month: date, known: date, people: Sequence[Client]) -> Iterator[dict[str, Any]]:
    end = month_after(month)
    for at, client in enumerate(people):
        for product in (STANDARD, EXCHANGE, ANNUAL):
            first, following = cycle_of(product, month)
            if first == month and (seats := seats_on(at, product, first, known)):
                yield row(client, product, str(seats), first, following)
            by_day: Counter[date] = Counter()
            for one in changes_of(at, product):
                if first < one.day and month <= one.day < end:
                    by_day[one.day] += one.seats if one.is_known(known) else 0
            for day, seats in sorted(by_day.items()):
                if seats:
                    yield row(
                        client,
                        product,
                        str(seats),
                        day,
                        following,
                        Fraction((following - day).days, (following - first).days),
                    )
    if known > month:
        used = sum((metered(month + number * DAY, known) for number in range((end - month).days)), Fraction(0))
        yield row(people[THEATRE], AZURE, f"{float(used):.3f}", month, end, chargeType="Usage")
    for at, day, quantity, told in FEES:
        if month <= day < end and told <= known:
            once = {"chargeType": "Setup", "billingCycleType": "OneTime"}
            yield row(people[at], SET_UP, str(quantity), day, day + DAY, **once)


# -- what is to be billed, counted day by day -------------------------------------------------------------------------


@dataclass
class Oracle:
    """How much of each offer each client has had, in whole cycles: from the changes alone."""

    begun: dict[date, date] = field(default_factory=dict)
    """The months that were delivered, each with the day of its first delivery."""

    def owed(self, client: int, product: Product, known: date, before: date) -> Fraction:
        """What had been delivered by the end of the day `known` and begins before `before`."""
        if product is SET_UP:
            told = (one for one in FEES if one[0] == client and one[3] <= known and one[1] < before)
            return Fraction(sum(quantity for _, day, quantity, _ in told if self._is_delivered(day, known)))
        if product is AZURE:
            return self._used(known, before) if client == THEATRE else Fraction(0)
        return sum((self._cycle(client, product, one, known, before) for one in self._cycles(product)), Fraction(0))

    def _is_delivered(self, day: date, known: date) -> bool:
        return self.begun.get(day.replace(day=1), date.max) <= known

    def _cycles(self, product: Product) -> set[tuple[date, date]]:
        return {cycle_of(product, month) for month in MONTHS}

    def _cycle(self, client: int, product: Product, cycle: tuple[date, date], known: date, before: date) -> Fraction:
        first, end = cycle
        is_billed = first >= MONTHS[0] and first < before and self._is_delivered(first, known)
        seat_days = seats_on(client, product, first, known) * (end - first).days if is_billed else 0
        # What changed before the first delivery is no business of ours.
        day = max(first + DAY, MONTHS[0])
        while changes_of(client, product) and day < min(end, before, month_after(MONTHS[-1])):
            if self._is_delivered(day, known):
                now, was = (seats_on(client, product, one, known) for one in (day, day - DAY))
                seat_days += (end - day).days * (now - was)
            day += DAY
        return Fraction(seat_days, (end - first).days)

    def _used(self, known: date, before: date) -> Fraction:
        total = Fraction(0)
        for month in MONTHS:
            if month < before and known > month and self._is_delivered(month, known):
                days = range((month_after(month) - month).days)
                total += sum((metered(month + number * DAY, known) for number in days), Fraction(0))
        return total


# -- QuickBooks -------------------------------------------------------------------------------------------------------

SUPPORT = "Support"


def company_file(people: Sequence[Client]) -> dict[str, Any]:
    """A company with a customer for each client, an item for each product, and one item of the partner's own."""
    seed = starter("CA")
    both = {"IncomeAccountRef": "Sales", "ExpenseAccountRef": "Purchases", "PurchaseCost": "0"}
    names = [one.customer for one in people]
    seed["lists"]["Customer"] = [{"Name": "Clinique St-Rémi"}]
    for name in names:
        above, _, own = name.rpartition(":")
        seed["lists"]["Customer"].append({"Name": own, **({"ParentRef": above} if above else {})})
    seed["lists"]["ItemService"] = [
        {"Name": SUPPORT, "SalesOrPurchase": {"Desc": "Support", "Price": "95", "AccountRef": "Sales"}},
        *(
            {"Name": one.item, "SalesAndPurchase": {"SalesPrice": one.price, **both}}
            for one in PRODUCTS
            if one is not SET_UP
        ),
    ]
    seed["lists"]["ItemOtherCharge"] = [{"Name": SET_UP.item, "SalesAndPurchase": {"SalesPrice": SET_UP.price, **both}}]
    seed["transactions"] = {"Invoice": []}
    return seed


def memorized_invoice(client: Client, at: int, day: date) -> dict[str, Any]:
    """What QuickBooks generates each month from what the partner memorized; not sent yet."""
    own = [{"ItemRef": SUPPORT, "Desc": "Soutien mensuel", "Quantity": "2.5"}, {"Desc": "Merci de votre confiance"}]
    if client.own_quantity:
        item = STANDARD.item if at == OCEAN else EXCHANGE.item
        own.insert(1, {"ItemRef": item, "Desc": "Licences, selon l'entente", "Quantity": client.own_quantity})
    return {
        "CustomerRef": client.customer,
        "TxnDate": day.isoformat(),
        "IsToBePrinted": "true",
        "Memo": "Facture mémorisée",
        "lines": own,
    }


# -- the year ---------------------------------------------------------------------------------------------------------


class MovingClock:
    def __init__(self) -> None:
        self.at = local(BEGIN, time(9))

    def __call__(self) -> datetime:
        return self.at


def local(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, TORONTO).astimezone(UTC)


@dataclass
class Figures:
    """What a run came to."""

    on: date
    charges: int
    drafts: int
    lines: int
    credits: int
    billed: Decimal
    cost: Decimal


@dataclass
class Year:
    """A portal, its company file, and what was seen of a year."""

    portal: Portal
    connection_id: int
    password: str
    folder: Path
    clock: MovingClock
    people: tuple[Client, ...]
    mode: BillingMode
    invoice_day: int
    holds_credits: bool
    late_month: int
    """The month in which the memorized invoices are generated after the run only; 0 for none."""
    oracle: Oracle = field(default_factory=Oracle)
    delivered: dict[date, str] = field(default_factory=dict)
    known: date = BEGIN
    """The day of the last delivery."""
    figures: list[Figures] = field(default_factory=list)
    written: dict[tuple[str, str], list[Decimal]] = field(default_factory=lambda: defaultdict(list))
    """Quantities of our lines as the company file keeps them, by client and item."""
    application: Any = None

    @property
    def company_path(self) -> Path:
        return self.folder / "company.json"

    def company(self) -> dict[str, Any]:
        return json.loads(self.company_path.read_text(encoding="utf-8"))

    def edit(self, work: Callable[[Company], None]) -> None:
        """Work in QuickBooks by hand."""
        company = Company.load(self.company_path, clock=self.clock)
        work(company)
        company.save()
        Company.load(self.company_path, clock=self.clock).save()  # what was added is completed

    def visit(self) -> None:
        if self.application is None:
            portal = self.portal
            endpoint = build_wsgi(build_endpoint(portal.database, portal.registry, portal.now, "1.0"))

            def serve(environ: dict[str, Any], start_response: Any) -> Any:
                if environ["REQUEST_METHOD"] == "GET":
                    start_response("200 OK", [("Content-Type", "text/plain")])
                    return [b""]
                return endpoint(environ, start_response)

            self.application = serve
        ended = visit(
            read_manifest(self.folder / "year.qwc"),
            Company.load(self.company_path, clock=self.clock),
            self.password,
            transport=self.application,
            pause=lambda _seconds: None,
            wait=lambda _seconds: None,
        )
        assert ended.outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO), ended.explanation

    # what happens

    def deliver(self, day: date) -> None:
        """Import every month that Sherweb tells otherwise than before; the same file again changes nothing."""
        self.known = day
        last = day if day.day < 28 else day + timedelta(days=7)  # the next month is there some days before
        for month in MONTHS:
            if month > last:
                break
            text = document(month, day, self.people)
            if self.delivered.get(month) == text:
                continue
            self.oracle.begun.setdefault(month, day)
            self.delivered[month] = text
            name = f"payable-charges-{month:%Y-%m}.json"
            result = catalog.import_charges(
                self.portal, self.connection_id, text.encode(), name=name, provider="sherweb"
            )
            assert result.absent == 0
            assert result.added + result.changed + result.withdrawn > 0
            stated = sum(
                (Decimal(str(one["subTotal"])) for one in json.loads(text, parse_float=Decimal)["charges"]), Decimal(0)
            )
            assert result.total == stated
        self.map_who_is_known()

    def map_who_is_known(self) -> None:
        lines = [",".join(mappings.COLUMNS)]
        with self.portal.database.read() as db:
            offers = set(db.scalars(sa.select(Offer.key).filter_by(item_list_id=None)))
            names = set(db.scalars(sa.select(Organization.key).filter_by(customer_list_id=None)))
        lines += [f"offer,,{one.sku},{one.item},yes," for one in PRODUCTS if one.sku in offers]
        lines += [
            f"organization,{one.name},,{one.customer},yes,{'update' if one.is_updated else 'create'}"
            for one in self.people
            if one.name in names and one.mapped_from <= self.known
        ]
        if len(lines) > 1:
            text = "\n".join(lines) + "\n"
            mappings.apply_csv(self.portal, self.connection_id, text.encode(), "mapping.csv")

    def generate_memorized(self, on: date) -> None:
        """The partner's own invoices of a month, dated in the period that the invoice date covers."""
        day = on if self.mode is BillingMode.IN_ADVANCE else on - DAY
        with_own = [(at, one) for at, one in enumerate(self.people) if one.is_updated]

        def generate(company: Company) -> None:
            company.transactions("Invoice").extend(memorized_invoice(one, at, day) for at, one in with_own)

        self.edit(generate)

    def send_and_collect(self) -> None:
        """The partner prints what is not sent yet, and two clients pay."""

        def work(company: Company) -> None:
            unsent = [one for one in company.transactions("Invoice") if one.get("IsToBePrinted") == "true"]
            for number, one in enumerate(unsent):
                one["IsToBePrinted"] = "false"
                company.touch(one)
                if number < 2:
                    pay_invoice(company, one["TxnID"])

        self.edit(work)

    def bill(self, on: date) -> None:
        """An invoice day: nothing at 04:59, a run at 05:00, a visit at ten past, and nothing more that day."""
        is_late = on.month == self.late_month
        if not is_late:
            self.generate_memorized(on)
        self.clock.at = local(on, time(4, 59, 59))
        assert worker.bill_what_is_due(self.portal) == []
        self.clock.at = local(on, time(5))
        made = worker.bill_what_is_due(self.portal)
        assert worker.bill_what_is_due(self.portal) == []
        self.clock.at = local(on, time(5, 10))
        before = self.company()
        self.visit()
        assert len(made) <= 1
        if is_late and made:
            self.generate_late(made[0], on)
            before = self.with_generated(before)
        if made:
            self.look_at(made[0], on, before)
        self.check_balance(on)
        self.send_and_collect()

    def with_generated(self, before: dict[str, Any]) -> dict[str, Any]:
        """The company file before the visit, with what was generated after it as it was before lines joined it."""
        before["transactions"]["Invoice"] += self.generated
        return before

    def generate_late(self, run_id: int, on: date) -> None:
        """Without a memorized invoice there is nowhere to go: the charges wait, are told, and go once there is one."""
        with self.portal.database.read() as db:
            waiting = db.scalars(sa.select(Draft).filter_by(run_id=run_id, state=DraftState.PARKED)).all()
        assert waiting
        assert {one.code for one in waiting} == {"no-invoice-in-period"}
        known = {one["TxnID"] for one in self.company()["transactions"]["Invoice"]}
        self.generate_memorized(on)
        self.generated = [one for one in self.company()["transactions"]["Invoice"] if one["TxnID"] not in known]
        for one in waiting:
            retries.retry_draft(self.portal, self.connection_id, one.id)
        self.clock.at += timedelta(hours=1)
        self.visit()

    # what there is

    def look_at(self, run_id: int, on: date, before: dict[str, Any]) -> None:
        """Every draft is in QuickBooks as it was asked for, to the cent; nothing else there changed."""
        after = self.company()
        prices = {one.item: Decimal(one.price) for one in PRODUCTS}
        was = {one["TxnID"]: one for kind in before["transactions"].values() for one in kind}
        now = {one["TxnID"]: one for kind in after["transactions"].values() for one in kind}
        touched: set[str] = set()
        total, count, credited = Decimal(0), 0, 0
        with self.portal.database.read() as db:
            drafts = db.scalars(sa.select(Draft).filter_by(run_id=run_id).order_by(Draft.id)).all()
            for draft in drafts:
                if draft.state is DraftState.DONE:
                    assert draft.code == "nothing-to-bill"
                    continue
                assert draft.state is DraftState.RECONCILED, (on, draft.organization.name, draft.state, draft.code)
                assert draft.txn_id is not None
                touched.add(draft.txn_id)
                invoice = now[draft.txn_id]
                sign = -1 if draft.form == "credit-memo" else 1
                ours = {line.txn_line_id for line in draft.lines if line.txn_line_id}
                assert len(ours) == sum(1 for line in draft.lines if line.quantity)
                for line in invoice["lines"]:
                    if line["TxnLineID"] not in ours:
                        continue
                    item, quantity = line["ItemRef"]["FullName"], Decimal(line["Quantity"])
                    assert Decimal(line["Amount"]) == cents(quantity * prices[item]), line
                    self.written[draft.organization.name, item].append(sign * quantity)
                    total += sign * Decimal(line["Amount"])
                    count += 1
                    credited += sign * quantity < 0
                assert Decimal(invoice["Subtotal"]) == sum(Decimal(one.get("Amount", "0")) for one in invoice["lines"])
                assert Decimal(invoice["Subtotal"]) == draft.subtotal * sign
                own = was.get(draft.txn_id)
                assert (own is not None) == (draft.mode == "update" and draft.form == "invoice")
                self.check_own_lines(own, invoice, ours)
            assert now.keys() - was.keys() == touched - was.keys()
            for txn_id in was.keys() - touched:
                assert json.dumps(now[txn_id]) == json.dumps(was[txn_id])
            billed = (
                sa.select(Charge.amount)
                .join(BilledCharge, BilledCharge.charge_id == Charge.id)
                .where(BilledCharge.line_id.in_([line.id for draft in drafts for line in draft.lines]))
            )
            costs = list(db.scalars(billed))
        self.figures.append(Figures(on, len(costs), len(drafts), count, credited, total, sum(costs, Decimal(0))))

    def check_own_lines(self, own: dict[str, Any] | None, invoice: dict[str, Any], ours: set[str]) -> None:
        """The partner's own lines are there in their order; one with our item may have our figure."""
        if own is None:
            assert all(line["TxnLineID"] in ours for line in invoice["lines"])
            return
        for old, new in zip(own["lines"], invoice["lines"], strict=False):
            assert old["TxnLineID"] == new["TxnLineID"]
            if new["TxnLineID"] in ours:
                old, new = copy.deepcopy((old, new))
                for name in ("Quantity", "Amount", "ServiceDate"):
                    old.pop(name, None)
                    new.pop(name, None)
            assert old == new
        assert all(line["TxnLineID"] in ours for line in invoice["lines"][len(own["lines"]) :])
        head = ("TxnDate", "RefNumber", "Memo", "IsToBePrinted", "CustomerRef")
        assert all(own.get(name) == invoice.get(name) for name in head)

    def check_balance(self, on: date) -> None:
        """What is billed until now, and what is listed as waiting, is what the count by day says."""
        with self.portal.database.read() as db:
            prepared = planning.prepare(db, self.connection_id, on, self.portal.now())
            query = (
                sa.select(Organization.name, Offer.key, BilledCharge.quantity)
                .join(Charge, Charge.id == BilledCharge.charge_id)
                .join(Organization, Organization.id == Charge.organization_id)
                .join(Offer, Offer.id == Charge.offer_id)
            )
            rows = db.execute(query).all()
            runs = db.scalar(sa.select(sa.func.count()).select_from(Run))
        billed: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for name, sku, quantity in rows:
            billed[name, sku] += Fraction(quantity)
        held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for draft in prepared.plan.drafts:
            if runs and draft.reason != "nothing-to-bill":
                assert draft.reason == "negative-total"
                assert self.holds_credits
            name = prepared.organizations[draft.organization_id].name
            for line in draft.lines:
                sku = prepared.offers[line.offer_id].key
                held[name, sku] += sum((Fraction(part.quantity) for part in line.parts), Fraction(0))
        left_out = {prepared.organizations[one.organization_id].name: one.reason for one in prepared.plan.skipped}
        assert left_out.keys() <= {self.people[STUDIO].name}, left_out
        assert set(left_out.values()) <= {"organization-unmapped"}
        for at, client in enumerate(self.people):
            for product in PRODUCTS:
                key = client.name, product.sku
                if client.name in left_out:
                    assert not billed[key]
                    assert not self.written[client.name, product.item]
                    continue
                owed = self.oracle.owed(at, product, self.known, prepared.period.end)
                off = abs(billed[key] + held[key] - owed)
                assert off < Fraction(1, 10**20), (on, key, float(billed[key]), float(held[key]), float(owed))
                lines = self.written[client.name, product.item]
                off = abs(sum(map(Fraction, lines), Fraction(0)) - billed[key])
                assert off <= len(lines) * HALF_PLACE, (on, key)

    def check_end(self) -> None:
        """In the end all that was delivered is in the ledger to the cent, billed or listed; the costs are written."""
        stated = sum(
            (
                Decimal(str(one["subTotal"]))
                for text in self.delivered.values()
                for one in json.loads(text, parse_float=Decimal)["charges"]
            ),
            Decimal(0),
        )
        with self.portal.database.read() as db:
            kept = list(db.execute(sa.select(Charge.amount, Charge.is_billed)))
        assert sum((amount for amount, _ in kept), Decimal(0)) == stated
        waiting = sum((amount for amount, is_billed in kept if not is_billed), Decimal(0))
        assert sum((one.cost for one in self.figures), Decimal(0)) == stated - waiting
        seen = preview.preview(self.portal, self.connection_id)
        assert seen.skipped == ()
        names = {draft.organization for draft in seen.drafts}
        assert bool(waiting) == bool(names)
        assert self.holds_credits or not names
        costs = {
            one["Name"]: one["SalesAndPurchase"]["PurchaseCost"]
            for kind in ("ItemService", "ItemOtherCharge")
            for one in self.company()["lists"][kind]
            if "SalesAndPurchase" in one
        }
        expected = {one.item: one.cost for one in PRODUCTS} | {EXCHANGE.item: DEARER}
        assert {name: Decimal(cost) for name, cost in costs.items()} == {
            name: Decimal(cost) for name, cost in expected.items()
        }
        with self.portal.database.read() as db:
            wrong = db.scalars(
                sa.select(Draft.code).where(Draft.state.not_in([DraftState.RECONCILED, DraftState.DONE]))
            )
            assert list(wrong) == []

    def table(self) -> list[str]:
        """The figures of each run, for people."""
        head = f"{'run':10} {'charges':>7} {'drafts':>6} {'lines':>5} {'credits':>7} {'billed':>10} {'cost':>10}"
        rows = [
            f"{one.on} {one.charges:7} {one.drafts:6} {one.lines:5} {one.credits:7} {one.billed:10} {one.cost:10}"
            for one in self.figures
        ]
        sums = [sum(getattr(one, name) for one in self.figures) for name in ("charges", "drafts", "lines", "credits")]
        money = [sum((getattr(one, name) for one in self.figures), Decimal(0)) for name in ("billed", "cost")]
        return [head, *rows, f"{'all':10} {sums[0]:7} {sums[1]:6} {sums[2]:5} {sums[3]:7} {money[0]:10} {money[1]:10}"]


def begin(
    folder: Path, url: str | None, mode: BillingMode, first_is_updated: bool, invoice_day: int, holds_credits: bool
) -> Year:
    """A partner connected, its lists read once."""
    clock = MovingClock()
    portal = build_portal(configuration.load({}, data=folder, database_url=url, url="http://localhost:8080"), now=clock)
    if url is None:
        portal.database.engine.dispose()
        for engine in {portal.database.engine, portal.database._noter}:
            sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF").close())
    accounts.add_partner(portal, "Nordet")
    made = connections.add_connection(
        portal,
        "QuickBooks",
        partner="Nordet",
        billing_mode=mode,
        invoice_day=invoice_day,
        prorate=connections.PRORATIONS,
    )
    if not holds_credits:
        with portal.database.write() as db:
            connections.find(db, made.id).negative_total = "credit-memo"  # type: ignore[assignment]
    people = clients(first_is_updated)
    (folder / "year.qwc").write_text(connections.qwc(portal, made.id), encoding="utf-8")
    (folder / "company.json").write_text(json.dumps(company_file(people)), encoding="utf-8")
    Company.load(folder / "company.json", clock=clock).save()
    year = Year(portal, made.id, made.password, folder, clock, people, mode, invoice_day, holds_credits, 6)
    year.visit()
    return year


def is_invoice_day(day: date, wanted: int) -> bool:
    return day.day == wanted or (day.day < wanted and (day + DAY).day == 1)


CASES = [
    pytest.param("in-advance", "create", 1, False, None, id="in-advance-create-1"),
    pytest.param("in-advance", "update", 31, True, None, id="in-advance-update-31"),
    pytest.param("in-arrears", "create", 14, True, None, id="in-arrears-create-14"),
    pytest.param("in-arrears", "update", 1, False, "postgres_url", id="in-arrears-update-1-postgresql"),
]


@pytest.mark.parametrize(("mode", "first", "invoice_day", "holds_credits", "url"), CASES)
def test_over_twelve_months_every_seat_is_billed_for_every_day_exactly_once(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    mode: str,
    first: str,
    invoice_day: int,
    holds_credits: bool,
    url: str | None,
) -> None:
    address = request.getfixturevalue(url) if url else None
    year = begin(tmp_path, address, BillingMode(mode), first == "update", invoice_day, holds_credits)
    day = BEGIN
    while day < STOP:
        if is_invoice_day(day, invoice_day):
            year.bill(day)
        if day.day in DELIVERED_ON and day >= date(2026, 9, 28):
            year.clock.at = local(day, time(12))
            year.deliver(day)
            worker.bill_what_is_due(year.portal)
        day += DAY
    year.check_end()
    for line in year.table():
        record_property("month", line)
        print(line)
    year.portal.database.close()
