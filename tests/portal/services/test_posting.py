"""Imports, corrections, switches and bills in any order: what is billed and what waits is what was delivered last.

The books are checked after every step against a model that only knows what the provider said.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import settings as configuration
from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.charge import Charge as Value
from portal.billing.ledger import reversal
from portal.billing.options import NegativeTotal
from portal.billing.period import BillingMode
from portal.errors import Refused
from portal.models import BilledCharge, Charge, Draft, InvoiceMode, Offer, Organization, Run
from portal.providers import Delivery as Delivered
from portal.services import Portal, accounts, billing, build_portal, catalog, connections, mappings, planning, preview
from qbwc.models import ListObject

PERIODS = ((date(2026, 10, 1), date(2026, 11, 1)), (date(2026, 11, 1), date(2026, 12, 1)))
SCOPES = ("", "second")
INVOICE_DATES = [date(2026 + month // 12, month % 12 + 1, 1) for month in range(10, 22)]
NOON = datetime(2027, 12, 1, 12, tzinfo=UTC)
_names = itertools.count()


@dataclass
class Books:
    """One connection, and beside it what the provider said."""

    portal: Portal
    connection_id: int
    said: dict[str, Value] = field(default_factory=dict)
    listed: dict[tuple[date, str], set[str]] = field(default_factory=dict)
    months: Iterator[date] = field(default_factory=lambda: iter(INVOICE_DATES))
    on: date = field(init=False)

    def __post_init__(self) -> None:
        self.on = next(self.months)

    # what happens

    def deliver(self, rows: Sequence[Value], period: int = 0, scope: str = "", name: str = "") -> catalog.ImportResult:
        """Import a delivery, and note what the provider says with it."""
        start, end = PERIODS[period]
        delivered = Delivered(
            provider="sherweb",
            period_start=start,
            period_end=end,
            charges=tuple(rows),
            raw=tuple(f'{{"key":"{one.key}"}}' for one in rows),
            total=sum((one.amount for one in rows), Decimal(0)),
            scope=scope,
        )
        data = repr((start, scope, rows, name)).encode()
        result = catalog.keep(self.portal, self.connection_id, delivered, data, name="charges.json")
        for key in self.listed.setdefault((start, scope), set()) - {one.key for one in rows}:
            self.said.pop(key, None)
        for one in rows:
            self.listed[start, scope].add(one.key)
            self.said[one.key] = one
        self.map_what_is_new()
        return result

    def map_what_is_new(self) -> None:
        with self.portal.database.write() as db:
            for table, column in ((Offer, Offer.item_list_id), (Organization, Organization.customer_list_id)):
                new = sa.update(table).where(table.connection_id == self.connection_id, column.is_(None))
                prefix = "I-" if table is Offer else "C-"
                db.execute(new.values({column: sa.literal(prefix).concat(table.key)}))

    def switch(self, name: str, is_on: bool) -> None:
        """Turn the Sync switch of an offer or an organization."""
        with self.portal.database.read() as db:
            offer = db.scalar(sa.select(Offer).filter_by(connection_id=self.connection_id, key=name))
            client = db.scalar(sa.select(Organization).filter_by(connection_id=self.connection_id, key=name))
        if offer is not None:
            mappings.map_offer(
                self.portal, self.connection_id, offer.id, item_list_id=offer.item_list_id, is_synchronized=is_on
            )
        if client is not None:
            mappings.map_organization(
                self.portal,
                self.connection_id,
                client.id,
                customer_list_id=client.customer_list_id,
                mode=InvoiceMode.CREATE,
                is_synchronized=is_on,
            )

    def bill(self) -> None:
        """Bill the invoice date, where there is anything."""
        with contextlib.suppress(Refused):  # there is nothing to bill
            billing.bill(self.portal, self.connection_id, self.on)

    def next_month(self) -> None:
        self.on = next(self.months)

    # what there is

    def rows(self) -> list[Charge]:
        with self.portal.database.read() as db:
            return list(db.scalars(sa.select(Charge).filter_by(connection_id=self.connection_id).order_by(Charge.id)))

    def billed(self) -> dict[int, Decimal]:
        """Charge id -> the quantity that its line bills of it."""
        with self.portal.database.read() as db:
            own = sa.select(BilledCharge).join(Charge).where(Charge.connection_id == self.connection_id)
            found = db.scalars(own).all()
        assert len({one.charge_id for one in found}) == len(found)
        return {one.charge_id: one.quantity for one in found}

    def net(self) -> dict[str, Decimal]:
        """Key -> what is billed of it, what was given back taken off; nothing left out."""
        billed, found = self.billed(), dict[str, Decimal]()
        for row in self.rows():
            found[row.key] = found.get(row.key, Decimal(0)) + billed.get(row.id, Decimal(0))
        return {key: quantity for key, quantity in found.items() if quantity}

    def everything(self) -> list[tuple[Any, ...]]:
        """All that an import can change."""
        columns = [one for one in Charge.__table__.c if one.name != "delivery_id"]
        with self.portal.database.read() as db:
            own = sa.select(*columns).where(Charge.connection_id == self.connection_id).order_by(Charge.id)
            return [tuple(row) for row in db.execute(own)]

    def check(self) -> None:
        """What is billed and what waits, of every charge, is what the provider said last."""
        rows, billed = self.rows(), self.billed()
        by_id = {row.id: row for row in rows}
        left: dict[str, Decimal] = dict.fromkeys([row.key for row in rows], Decimal(0))
        money: dict[str, Decimal] = dict.fromkeys(left, Decimal(0))
        for row in rows:
            assert row.is_billed == (row.id in billed)
            money[row.key] += row.amount
            if row.id in billed:
                left[row.key] += billed[row.id]
            elif row.reverses_id is not None:
                left[row.key] -= billed[row.reverses_id]
            else:
                left[row.key] += -abs(row.quantity) if row.kind is ChargeKind.CREDIT else row.quantity
        for key, one in left.items():
            said = self.said.get(key)
            assert one == (said.signed if said else 0), key
            assert money[key] == (said.amount if said else 0), key
        given_back = [row.reverses_id for row in rows if row.reverses_id is not None]
        assert len(set(given_back)) == len(given_back)
        assert all(by_id[one].reverses_id is None for one in given_back), "what gives back is never given back"
        assert sum(money.values()) == sum(one.amount for one in self.said.values())
        self._check_that_all_is_listed(rows, billed)

    def _check_that_all_is_listed(self, rows: Sequence[Charge], billed: Mapping[int, Decimal]) -> None:
        """What waits is in a draft or is left out with a reason; the preview counts the same."""
        with self.portal.database.read() as db:
            prepared = planning.prepare(db, self.connection_id, self.on, self.portal.now())
        planned = [one for draft in prepared.plan.drafts for line in draft.lines for one in line.charge_ids]
        skipped = [one.charge_id for one in prepared.plan.skipped]
        waiting = [row.id for row in rows if row.id not in billed and row.start < prepared.period.end]
        assert Counter(planned + skipped) == Counter(waiting)
        seen = preview.preview(self.portal, self.connection_id, self.on)
        assert sum(row.count for row in seen.skipped) == len(skipped)
        assert len(seen.drafts) == len(prepared.plan.drafts)


def charge(
    key: str, quantity: str = "3", kind: ChargeKind = ChargeKind.RECURRING, price: str = "12.34", **changed: Any
) -> Value:
    seats = Decimal(quantity)
    given: dict[str, Any] = {
        "key": key,
        "organization": "Studio Lumière",
        "offer_key": "M365-BS",
        "offer_name": "Microsoft 365",
        "kind": kind,
        "cycle": BillingCycle.ONE_TIME if kind is ChargeKind.ONE_TIME else BillingCycle.MONTHLY,
        "quantity": seats,
        "start": PERIODS[0][0],
        "end": PERIODS[0][1],
        "unit_cost": Decimal(price),
        "unit_cost_prorated": Decimal(price),
        "amount": (seats * Decimal(price)).quantize(Decimal("0.01")),
        "currency": "CAD",
        "is_proratable": True,
        **changed,
    }
    return Value(**given)


def open_books(portal: Portal, *, all_boxes: bool = False, memos: bool = True) -> Books:
    """A new connection of its own, in arrears, with an item for each offer and a customer for each organization."""
    number = next(_names)
    partner = f"Partner {number}"
    accounts.add_partner(portal, partner)
    made = connections.add_connection(
        portal,
        "QB",
        partner=partner,
        billing_mode=BillingMode.IN_ARREARS,
        invoice_day=1,
        prorate=connections.PRORATIONS if all_boxes else (),
    )
    targets = [("item", "ItemService", f"I-{key}") for key in ("M365-BS", "AZ-USG")]
    targets += [("customer", "Customer", f"C-{key}") for key in ("Studio Lumière", "Ferme Coop")]
    with portal.database.write() as db:
        row = connections.find(db, made.id)
        row.negative_total = NegativeTotal.CREDIT_MEMO if memos else NegativeTotal.HOLD
        for kind, type_, list_id in targets:
            data = {"price": "20.00"} if kind == "item" else {}
            same = {"connection_id": made.id, "pull": 1, "seen_at": portal.now(), "data": data}
            db.add(ListObject(kind=kind, type=type_, list_id=list_id, full_name=list_id, **same))
    return Books(portal, made.id)


@pytest.fixture(scope="module")
def quick_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal on SQLite for many examples, each with a connection of its own; it waits for no disk."""
    folder: Path = tmp_path_factory.mktemp("posting")
    made = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"), now=lambda: NOON)
    made.database.engine.dispose()
    sa.event.listen(made.database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF").close())
    yield made
    made.database.close()


@pytest.fixture
def books(any_portal: Portal) -> Books:
    """Empty books on each kind of database in turn."""
    return open_books(any_portal)


# -- any order --------------------------------------------------------------------------------------------------------

# The rows that a file may list: the first one always is, so that every file is a version of the one before.
SLOTS: tuple[tuple[str, ...], ...] = (
    ("recurring", "Studio Lumière", "M365-BS"),
    ("recurring", "Ferme Coop", "M365-BS"),
    ("usage", "Studio Lumière", "AZ-USG"),
    ("one-time", "Ferme Coop", "AZ-USG"),
    ("prorated", "Studio Lumière", "M365-BS"),
    ("credit", "Studio Lumière", "M365-BS"),
)


def row_of(slot: int, quantity: int, period: int, scope: str, whole: bool) -> Value:
    kind_name, organization, offer = SLOTS[slot]
    kind = ChargeKind(kind_name)
    start, end = PERIODS[period]
    if kind in (ChargeKind.PRORATED, ChargeKind.CREDIT) and not whole:
        start = start.replace(day=17)
    sign = -1 if kind is ChargeKind.CREDIT else 1
    seats = Decimal(quantity * sign) / (Decimal(1000) if kind is ChargeKind.USAGE else 1)
    return charge(
        f"{period}-{scope}-{slot}",
        str(seats),
        kind,
        str(Decimal(81 + quantity) / 8),  # amounts of more than two decimals, and no two versions alike
        organization=organization,
        offer_key=offer,
        start=start,
        end=end,
    )


IMPORTS = st.tuples(
    st.just("import"),
    st.integers(0, 1),
    st.sampled_from(SCOPES),
    st.dictionaries(st.integers(1, len(SLOTS) - 1), st.integers(0, 4), max_size=4),
    st.integers(1, 2),
)
SWITCHES = st.tuples(
    st.just("switch"), st.sampled_from(["M365-BS", "AZ-USG", "Studio Lumière", "Ferme Coop"]), st.booleans()
)
STEPS = st.lists(
    st.one_of(IMPORTS, IMPORTS, SWITCHES, st.just(("bill",)), st.just(("bill",)), st.just(("next",))),
    min_size=3,
    max_size=11,
)


def take(books: Books, step: tuple[Any, ...], whole: bool) -> None:
    """Do one step, and what must change nothing after it."""
    if step[0] == "import":
        _, period, scope, slots, anchor = step
        rows = [row_of(0, anchor, period, scope, whole)]
        rows += [row_of(slot, quantity, period, scope, whole) for slot, quantity in sorted(slots.items())]
        books.deliver(rows, period, scope)
        before = books.everything()
        again = books.deliver(rows, period, scope)
        assert (again.added, again.changed, again.withdrawn, again.corrected) == (0, 0, 0, 0)
        assert again.unchanged == len(rows)
        assert books.everything() == before
    elif step[0] == "switch":
        books.switch(step[1], step[2])
    elif step[0] == "next":
        books.next_month()
    else:
        books.bill()
        before_billed = books.billed()
        books.bill()
        assert books.billed() == before_billed


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, boxes=st.sampled_from([(False, False), (True, True)]), memos=st.booleans())
def test_in_any_order_what_is_billed_and_what_waits_is_what_was_delivered_last(
    quick_portal: Portal, steps: list[tuple[Any, ...]], boxes: tuple[bool, bool], memos: bool
) -> None:
    all_boxes, whole = boxes  # a part of a period is billed in full where no box is ticked, and so is a whole one
    books = open_books(quick_portal, all_boxes=all_boxes, memos=memos)
    for step in steps:
        take(books, step, whole)
        books.check()
    for name in ("M365-BS", "AZ-USG", "Studio Lumière", "Ferme Coop"):
        books.switch(name, True)
    # So much more that nothing waits because it is below zero, or comes to nothing.
    names = ("Studio Lumière", "Ferme Coop")
    books.deliver([charge(f"last-{name}", "1000", organization=name) for name in names], 1, "last")
    books.next_month()
    books.bill()
    books.check()
    assert books.net() == {key: one.signed for key, one in books.said.items() if one.signed}


# -- step by step, on each kind of database ---------------------------------------------------------------------------


def test_a_month_of_corrections_is_billed_as_it_ends_up(books: Books) -> None:
    books.deliver([charge("a"), charge("b", "2"), charge("c", "5")])
    books.bill()
    books.check()
    assert books.net() == {"a": 3, "b": 2, "c": 5}
    result = books.deliver([charge("a"), charge("b", "4"), charge("d", "1")])
    assert (result.added, result.changed, result.withdrawn, result.corrected, result.unchanged) == (1, 1, 1, 2, 1)
    books.check()
    books.next_month()
    books.bill()
    books.check()
    assert books.net() == {"a": 3, "b": 4, "d": 1}
    back = books.deliver([charge("a"), charge("b", "4"), charge("c", "5"), charge("d", "1")])
    assert (back.added, back.changed, back.withdrawn, back.unchanged) == (1, 0, 0, 3)
    books.bill()
    books.check()
    assert books.net() == {"a": 3, "b": 4, "c": 5, "d": 1}


def test_a_correction_that_is_taken_back_before_the_bill_leaves_nothing_to_bill(books: Books) -> None:
    first = [charge("a"), charge("b", "2")]
    books.deliver(first)
    books.bill()
    before = books.everything()
    books.deliver([charge("a"), charge("b", "9")])
    assert len(books.everything()) == len(before) + 2
    books.deliver(first)
    assert books.everything() == before
    books.next_month()
    books.bill()
    assert books.net() == {"a": 3, "b": 2}


def test_what_is_given_back_waits_for_its_offer_like_the_charge_itself(books: Books) -> None:
    books.deliver([charge("a"), charge("b", "2")])
    books.bill()
    books.switch("M365-BS", False)
    books.deliver([charge("a", "4"), charge("b", "2")])
    books.bill()
    books.check()
    assert books.net() == {"a": 3, "b": 2}
    books.switch("M365-BS", True)
    books.bill()
    books.check()
    assert books.net() == {"a": 4, "b": 2}


@pytest.mark.parametrize("other", [{"period": 1}, {"scope": "second"}])
def test_a_delivery_of_another_period_or_scope_takes_nothing_back(books: Books, other: dict[str, Any]) -> None:
    books.deliver([charge("a"), charge("b")])
    result = books.deliver([charge("c")], **other)
    assert (result.added, result.withdrawn, result.absent) == (1, 0, 0)
    books.check()


def test_a_file_with_nothing_in_common_is_another_file_and_takes_nothing_back(books: Books) -> None:
    books.deliver([charge("a"), charge("b")])
    result = books.deliver([charge("c")])
    assert (result.added, result.withdrawn, result.absent) == (1, 0, 2)
    books.bill()
    assert books.net() == {"a": 3, "b": 3, "c": 3}


def test_an_empty_delivery_takes_nothing_back(books: Books) -> None:
    books.deliver([charge("a"), charge("b")])
    result = books.deliver([])
    assert (result.rows, result.withdrawn, result.absent) == (0, 0, 2)
    books.bill()
    assert books.net() == {"a": 3, "b": 3}


def test_cost_tags_and_name_of_what_is_billed_are_put_down_and_nothing_is_billed_again(books: Books) -> None:
    books.deliver([charge("a"), charge("b")])
    books.bill()
    billed = books.billed()
    result = books.deliver([charge("a", price="10.00", offer_name="M365", tags=(("x", "y"),)), charge("b")])
    assert (result.changed, result.corrected, result.unchanged) == (1, 0, 1)
    books.check()
    books.next_month()
    books.bill()
    assert books.billed() == billed
    (row, _) = books.rows()
    assert (row.unit_cost, row.amount, row.name, row.tags) == (
        Decimal("10.00"),
        Decimal("30.00"),
        "M365",
        {"tags": [["x", "y"]]},
    )
    assert books.deliver([charge("a", price="10.00", offer_name="M365", tags=(("x", "y"),)), charge("b")]).changed == 0


def test_the_differences_of_an_import_are_kept_with_it(books: Books) -> None:
    books.deliver([charge("a"), charge("b", "2"), charge("c", "5")])
    books.bill()
    result = books.deliver([charge("a"), charge("b", "4")])
    assert result.id is not None
    kept = catalog.list_differences(books.portal, books.connection_id, result.id)
    assert kept == result.differences
    assert [(one.what, one.was_billed, one.quantity_before, one.quantity_after) for one in kept] == [
        ("changed", True, 2, 4),
        ("withdrawn", True, 5, 0),
    ]
    assert [one.amount_after - one.amount_before for one in kept] == [Decimal("24.68"), Decimal("-61.70")]


def test_what_begins_after_the_period_waits_for_its_own_run(books: Books) -> None:
    start, end = PERIODS[1]
    later = charge("later", start=start, end=end)
    books.deliver([charge("a"), later])
    books.bill()
    assert books.net() == {"a": 3}
    books.check()
    books.next_month()
    books.bill()
    assert books.net() == {"a": 3, "later": 3}


def test_what_comes_to_nothing_is_settled_and_not_asked_about_again(books: Books) -> None:
    other = charge("b", "2", organization="Ferme Coop")
    books.deliver([charge("a"), other])
    books.bill()
    books.deliver([charge("a", "5"), other, charge("c", "2"), charge("d", "-4", ChargeKind.CREDIT)])
    books.bill()
    books.check()
    with books.portal.database.read() as db:
        drafts = sa.select(Draft.state).join(Run).where(Run.connection_id == books.connection_id).order_by(Draft.id)
        assert list(db.scalars(drafts)) == ["queued", "queued", "done"]
    assert books.net() == {"a": 5, "b": 2, "c": 2, "d": -4}


def test_a_thousand_charges_in_several_chunks_are_posted_as_one_delivery(books: Books) -> None:
    many = [charge(f"k{number}", "1") for number in range(1203)]
    result = books.deliver(many)
    assert result.added == 1203
    books.bill()
    shorter = [charge(f"k{number}", "2" if number % 3 == 0 else "1") for number in range(0, 1203, 2)]
    result = books.deliver(shorter)
    assert (result.withdrawn, result.changed, result.unchanged) == (601, 201, 401)
    books.check()
    books.next_month()
    books.bill()
    assert books.net() == {one.key: one.quantity for one in shorter}


def test_partners_with_the_same_keys_never_meet(make_one: Callable[..., Any], any_portal: Portal) -> None:
    mine, theirs = open_books(any_portal), open_books(any_portal)
    mine.deliver([charge("a"), charge("b")])
    theirs.deliver([charge("a", "7"), charge("b", "8")])
    mine.deliver([charge("a")])
    mine.bill()
    theirs.bill()
    assert mine.net() == {"a": 3}
    assert theirs.net() == {"a": 7, "b": 8}
    mine.check()
    theirs.check()


# -- what a correction must not lose -----------------------------------------------------------------------------------


def test_a_charge_that_is_back_at_another_cost_is_settled_at_once(books: Any) -> None:
    a, b = charge("a"), charge("b")
    books.deliver([a, b])
    books.bill()
    books.deliver([b])
    books.deliver([dataclasses.replace(a, amount=Decimal("99.00")), b])
    again = books.deliver([dataclasses.replace(a, amount=Decimal("99.00")), b])
    assert again.changed == 0


def test_a_charge_that_is_back_at_another_cost_costs_that(books: Any) -> None:
    a, b = charge("a"), charge("b")
    books.deliver([a, b])
    books.bill()
    books.deliver([b])
    books.deliver([dataclasses.replace(a, amount=Decimal("99.00")), b])
    books.check()


def test_what_waits_to_be_given_back_is_never_forgotten(books: Any) -> None:
    """Same key, another offer (a CSV with an id column): the old offer is off meanwhile."""
    a, b = charge("a"), charge("b", organization="Ferme Coop")
    books.deliver([a, b])
    books.bill()
    a2 = dataclasses.replace(a, offer_key="AZ-USG")
    books.switch("M365-BS", False)
    books.deliver([a2, b])
    books.bill()
    books.check()
    books.deliver([a2, b])
    books.check()


def test_a_charge_that_is_back_tells_which_file_this_is_a_version_of(books: Any) -> None:
    """v1 [A,B], v2 [A], v3 [B]: B is in common with v1, and A must be withdrawn."""
    a, b = charge("a"), charge("b")
    books.deliver([a, b])
    books.deliver([a])
    books.deliver([b])
    books.check()


def test_a_file_that_comes_again_takes_nothing_of_another_one(books: Any) -> None:
    a, b = charge("a"), charge("b")
    books.deliver([a])
    r = books.deliver([b])
    assert r.absent == 1
    books.said = {"a": a, "b": b}
    books.bill()
    n = books.net()
    Books.deliver(books, [a])
    books.next_month()
    books.bill()
    assert books.net() == n


def test_half_of_a_pair_that_is_corrected_is_judged_as_the_pair_was(any_portal: Any) -> None:
    """In advance, removals not ticked: 5 seats credited, 4 charged anew; a removal counts from the next period."""
    books = open_books(any_portal)
    with any_portal.database.write() as db:
        connections.find(db, books.connection_id).billing_mode = BillingMode.IN_ADVANCE
    mid = date(2026, 10, 17)
    whole = charge("w", "5")
    credit = charge("c", "-5", ChargeKind.CREDIT, start=mid)
    anew = charge("n", "4", ChargeKind.PRORATED, start=mid)
    books.deliver([whole, credit, anew])
    books.bill()
    assert books.net() == {"w": 5}
    books.deliver([whole, credit, dataclasses.replace(anew, quantity=Decimal(3))])
    books.next_month()
    books.bill()
    assert books.net() == {"w": 5}


def test_half_of_a_prorated_pair_that_is_corrected_is_prorated_alike(any_portal: Any) -> None:
    """Removals ticked only, arrears: 5 credited 4 charged (both prorated as REMOVAL); then 4 -> 3."""
    books = open_books(any_portal)
    with any_portal.database.write() as db:
        connections.find(db, books.connection_id).prorate_removals = True
    mid = date(2026, 10, 17)
    whole = charge("w", "5")
    credit = charge("c", "-5", ChargeKind.CREDIT, start=mid)
    anew = charge("n", "4", ChargeKind.PRORATED, start=mid)
    books.deliver([whole, credit, anew])
    books.bill()
    books.deliver([whole, credit, dataclasses.replace(anew, quantity=Decimal(3))])
    books.next_month()
    books.bill()
    got = sum(books.net().values())
    want = Decimal(5) - Decimal(2) * 15 / 31
    assert abs(got - want) < Decimal("0.0001"), (got, want)


def test_a_negative_quantity_that_is_no_credit_is_given_back_too() -> None:
    one = charge("a", "-3", ChargeKind.USAGE)
    assert reversal(one).signed == 3, reversal(one)
