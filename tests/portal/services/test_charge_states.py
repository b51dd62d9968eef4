"""Where charges stand: whatever is imported, corrected, ruled, billed and decided, the states add up to the imports.

A model beside the books knows only what the provider said last; another judge, the plan of a run, says why a charge is
not billed.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
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
from portal.billing.export_rule import Chosen, DatedBy, Dates, ExportRule, Part, Span, Tag, Which
from portal.billing.options import NegativeTotal
from portal.billing.period import BillingMode
from portal.errors import NotFound, Refused
from portal.models import BilledCharge, Charge, Draft, DraftState, Offer, Organization, Run
from portal.providers import Delivery as Delivered
from portal.services import (
    Portal,
    accounts,
    billing,
    build_portal,
    catalog,
    charge_filters,
    charge_list,
    charge_states,
    connections,
    export_rules,
    planning,
    releasing,
    rule_conditions,
)
from portal.services.charge_states import ChargeState
from portal.services.paging import Wanted
from portal.services.rule_versions import newest
from qbwc.models import ListObject

PERIODS = ((date(2026, 10, 1), date(2026, 11, 1)), (date(2026, 11, 1), date(2026, 12, 1)))
NOON = datetime(2027, 12, 1, 17, tzinfo=UTC)
LATEST = date(2027, 12, 1)
INVOICE_DATES = [date(2026 + month // 12, month % 12 + 1, 1) for month in range(10, 23)]
OFFERS, CLIENTS = ("A", "B", "C"), ("X", "Y")
_names = itertools.count()


def charge(key: str, quantity: int = 3, **changed: Any) -> Value:
    given_: dict[str, Any] = {
        "key": key,
        "organization": "X",
        "offer_key": "A",
        "offer_name": "Offer",
        "kind": ChargeKind.RECURRING,
        "cycle": BillingCycle.MONTHLY,
        "quantity": Decimal(quantity),
        "start": PERIODS[0][0],
        "end": PERIODS[0][1],
        "unit_cost": Decimal("12.34"),
        "unit_cost_prorated": Decimal("12.34"),
        "amount": quantity * Decimal("12.34"),
        "currency": "CAD",
        "is_proratable": True,
        **changed,
    }
    return Value(**given_)


@dataclass
class Books:
    """One connection, and beside it what the provider said last."""

    portal: Portal
    connection_id: int
    said: dict[str, Value] = field(default_factory=dict)
    listed: dict[int, set[str]] = field(default_factory=dict)
    months: Iterator[date] = field(default_factory=lambda: iter(INVOICE_DATES))
    on: date = INVOICE_DATES[0]

    def deliver(self, rows: list[Value], period: int = 0) -> None:
        start, end = PERIODS[period]
        total = sum((one.amount for one in rows), Decimal(0))
        delivered = Delivered(
            provider="sherweb",
            period_start=start,
            period_end=end,
            charges=tuple(rows),
            raw=tuple("{}" for _ in rows),
            total=total,
            scope="",
        )
        catalog.keep(self.portal, self.connection_id, delivered, repr((period, rows)).encode(), name="charges.json")
        for key in self.listed.setdefault(period, set()) - {one.key for one in rows}:
            self.said.pop(key, None)
        for one in rows:
            self.listed[period].add(one.key)
            self.said[one.key] = one
        with self.portal.database.write() as db:
            for table, column in ((Offer, Offer.item_list_id), (Organization, Organization.customer_list_id)):
                known = sa.and_(table.connection_id == self.connection_id, table.key != "C", column.is_(None))
                prefix = "I-" if table is Offer else "C-"
                db.execute(sa.update(table).where(known).values({column: sa.literal(prefix).concat(table.key)}))

    def rule(self, rule: ExportRule) -> None:
        seen = export_rules.read(self.portal, self.connection_id).version
        export_rules.save(self.portal, self.connection_id, rule, version=seen, who="ann@example.com")

    def ids(self, table: type[Offer] | type[Organization]) -> dict[str, int]:
        with self.portal.database.read() as db:
            own = sa.select(table.key, table.id).where(table.connection_id == self.connection_id)
            return {row.key: row.id for row in db.execute(own)}

    def bill(self) -> None:
        """Bill the date: nothing leaves that the rule keeps back."""
        with self.portal.database.read() as db:
            connection = connections.find(db, self.connection_id)
            rule = newest(db, connection, NOON)
            kept = set(db.scalars(sa.select(Charge.id).where(Charge.connection_id == self.connection_id, rule.keeps)))
            is_begun = bool(billing.unfinished(self.portal))
            before = set(db.scalars(sa.select(BilledCharge.charge_id)))
        with contextlib.suppress(Refused):
            billing.bill(self.portal, self.connection_id, self.on)
        if not is_begun:
            with self.portal.database.read() as db:
                new = sa.select(BilledCharge.charge_id).join(Charge).where(Charge.connection_id == self.connection_id)
                assert set(db.scalars(new)) - before <= kept

    def begin(self) -> None:
        with contextlib.suppress(Refused):
            billing.begin(self.portal, self.connection_id, self.on)

    def finish(self) -> None:
        for connection_id, run_id in billing.unfinished(self.portal):
            if connection_id == self.connection_id:
                billing.finish(self.portal, connection_id, run_id)

    def decide(self, number: int, state: DraftState, code: str | None) -> None:
        """QuickBooks, or a person, says what becomes of an invoice."""
        with self.portal.database.write() as db:
            own = sa.select(Draft).join(Run).where(Run.connection_id == self.connection_id).order_by(Draft.id)
            drafts = db.scalars(own).all()
            if drafts:
                draft = drafts[number % len(drafts)]
                if draft.code != "nothing-to-bill":
                    draft.state, draft.code = state, code

    def release(self, number: int) -> None:
        """The link of an invoice is cleared."""
        with self.portal.database.write() as db:
            own = sa.select(Draft).join(Run).where(Run.connection_id == self.connection_id).order_by(Draft.id)
            drafts = db.scalars(own).all()
            if drafts and releasing.release_charges(db, drafts[number % len(drafts)]) is None:
                drafts[number % len(drafts)].state = DraftState.IGNORED

    # what there is

    def rows(self, **filters: str) -> tuple[charge_list.ChargeRow, ...]:
        wanted = Wanted(filters=filters, size=10_000)
        return charge_list.list_charges(self.portal, self.connection_id, wanted).rows

    def states(self) -> dict[str, int]:
        return dict(Counter(row.state.value for row in self.rows()))

    def check(self) -> None:
        """The states add up to what the provider said last; the list says the same; and so does the plan."""
        tally = charge_states.tally(self.portal, self.connection_id)
        assert tally.adds_up, tally
        provided: dict[str, list[Decimal]] = {}
        for one in self.said.values():
            provided.setdefault(one.currency, []).append(one.amount)
        told = {one.currency: (one.count, one.amount) for one in tally.imported if one.count or one.amount}
        assert told == {currency: (len(found), sum(found)) for currency, found in provided.items()}
        rows = self.rows()
        assert len({row.id for row in rows}) == len(rows)
        counted = Counter((row.state, row.currency) for row in rows)
        assert counted == Counter({(one.state, one.currency): one.count for one in tally.states})
        for one in tally.states:
            amounts = [row.amount for row in rows if (row.state, row.currency) == (one.state, one.currency)]
            assert sum(amounts) == one.amount
        with self.portal.database.read() as db:
            billed = set(db.scalars(sa.select(BilledCharge.charge_id)))
            prepared = planning.prepare(db, self.connection_id, LATEST, NOON)
        for row in rows:
            assert (row.draft_id is not None) == (row.id in billed)
        self._check_the_plan(rows, prepared)

    def _check_the_plan(self, rows: tuple[charge_list.ChargeRow, ...], prepared: planning.Prepared) -> None:
        free = {row.id: row for row in rows if row.draft_id is None}
        skipped = {one.charge_id: one.reason for one in prepared.plan.skipped}
        planned = {one for draft in prepared.plan.drafts for line in draft.lines for one in line.charge_ids}
        # A run that is being made keeps its own version of the rule, so it may take what the newest keeps back.
        settled = {row_id for row_id, row in free.items() if row.state is not ChargeState.PENDING}
        for row_id in settled:
            row = free[row_id]
            if row.state is ChargeState.REJECTED:
                assert skipped[row_id] == row.code, row
            elif row.state is ChargeState.WAITING:
                assert row_id in planned
            else:
                assert row.state is ChargeState.EXCLUDED
                assert row_id not in planned
                assert row.kept_back is not None
                assert row.rule_version == prepared.rule.version
        for row_id, reason in skipped.items():
            assert (free[row_id].state, free[row_id].code) == (ChargeState.REJECTED, reason)
        excluded = [row for row in free.values() if row.state is ChargeState.EXCLUDED]
        is_free = all(row.state is not ChargeState.PENDING for row in free.values())
        if is_free:
            assert sum(one.count for one in prepared.excluded) == len(excluded)
            assert sum(one.amount for one in prepared.excluded) == sum(row.amount for row in excluded)


def open_books(portal: Portal, *, home: str | None = None, floor: date | None = None, memos: bool = True) -> Books:
    """A new connection; offer C has no item, and client Y may have a currency of its own."""
    partner = f"Partner {next(_names)}"
    accounts.add_partner(portal, partner)
    made = connections.add_connection(
        portal, "QB", partner=partner, billing_mode=BillingMode.IN_ARREARS, invoice_day=1, start_date=floor
    )
    with portal.database.write() as db:
        row = connections.find(db, made.id)
        row.negative_total = NegativeTotal.CREDIT_MEMO if memos else NegativeTotal.HOLD
        if home:
            row.wire.preferences = {"multi_currency": True, "home_currency": home}
        targets: list[tuple[str, str, str, dict[str, Any]]] = [
            ("item", "ItemService", f"I-{key}", {"price": "20.00"}) for key in OFFERS
        ]
        own = {"currency_ref": {"full_name": "US Dollar"}} if home else {}
        targets += [("customer", "Customer", f"C-{key}", own if key == "Y" else {}) for key in CLIENTS]
        for kind, type_, list_id, data in targets:
            same = {"connection_id": made.id, "pull": 1, "seen_at": portal.now(), "data": data}
            db.add(ListObject(kind=kind, type=type_, list_id=list_id, full_name=list_id, **same))
    return Books(portal, made.id)


@pytest.fixture(scope="module")
def quick_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal on SQLite for many examples, each with a connection of its own; it waits for no disk."""
    folder: Path = tmp_path_factory.mktemp("states")
    made = build_portal(configuration.load({}, data=folder, url="http://localhost:8080"), now=lambda: NOON)
    made.database.engine.dispose()
    sa.event.listen(made.database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF").close())
    yield made
    made.database.close()


@pytest.fixture
def books(any_portal: Portal, now: Any) -> Books:
    """Empty books on each kind of database in turn."""
    now.at = NOON
    return open_books(any_portal)


# -- any order ---------------------------------------------------------------------------------------------------------

SLOTS: tuple[dict[str, Any], ...] = (
    {},
    {"organization": "Y"},
    {"offer_key": "B", "kind": ChargeKind.USAGE, "tags": (("Use", "internal"),)},
    {"offer_key": "C", "organization": "Y"},
    {"offer_key": "B", "organization": "Y", "currency": "USD", "tags": (("Use", "x"), ("Department", "y"))},
    {"kind": ChargeKind.CREDIT, "is_back": True},
    {"kind": ChargeKind.CREDIT, "is_back": True, "offer_key": "B", "unit_cost": Decimal("99.99")},
    {"kind": ChargeKind.CREDIT, "sign": -1},
    {"kind": ChargeKind.ONE_TIME, "cycle": BillingCycle.ONE_TIME, "seats": 0, "amount": Decimal("5.55")},
)


def row_of(slot: int, quantity: int, period: int) -> Value:
    told = dict(SLOTS[slot])
    if told.pop("is_back", False):
        told["amount"] = -quantity * Decimal("12.34")
    return charge(
        f"{period}-{slot}",
        told.pop("seats", quantity * told.pop("sign", 1)),
        **{"start": PERIODS[period][0], "end": PERIODS[period][1], **told},
    )


IMPORTS = st.tuples(
    st.just("import"),
    st.integers(0, 1),
    st.dictionaries(st.integers(1, len(SLOTS) - 1), st.integers(1, 4), max_size=6),
    st.integers(1, 2),
)
RULES = st.tuples(
    st.just("rule"),
    st.sampled_from(Which),
    st.frozensets(st.sampled_from(CLIENTS), max_size=2),
    st.sampled_from(Which),
    st.frozensets(st.sampled_from(OFFERS), max_size=2),
    st.fixed_dictionaries(
        {},
        optional={
            "none_of": st.just(frozenset({Tag("Use", "internal")})),
            "kinds": st.frozensets(st.sampled_from(ChargeKind), min_size=1),
            "dates": st.sampled_from(
                [
                    Dates(span=Span.SINCE, first=PERIODS[1][0]),
                    Dates(span=Span.LAST, by=DatedBy.IMPORT, days=2),
                    Dates(span=Span.LAST, days=30),
                ]
            ),
            "least": st.just(Decimal(20)),
        },
    ),
)
DECISIONS = st.tuples(
    st.just("decide"),
    st.integers(0, 5),
    st.sampled_from(
        [
            (DraftState.WRITTEN, None),
            (DraftState.RECONCILED, None),
            (DraftState.DIFFERENT, "quantity"),
            (DraftState.DIFFERENT, "invoice-gone"),
            (DraftState.PARKED, "3140"),
            (DraftState.DONE, None),
            (DraftState.IGNORED, None),
        ]
    ),
)
STEPS = st.lists(
    st.one_of(
        IMPORTS,
        IMPORTS,
        RULES,
        RULES,
        DECISIONS,
        DECISIONS,
        *[st.just((step,)) for step in ("bill", "bill", "begin", "finish", "next", "everything")],
        st.tuples(st.just("release"), st.integers(0, 5)),
        st.tuples(st.just("off"), st.sampled_from([*OFFERS, *CLIENTS]), st.booleans()),
    ),
    min_size=4,
    max_size=12,
)


def take(books: Books, step: tuple[Any, ...]) -> None:
    match step:
        case ("import", period, slots, anchor):
            rows = [row_of(0, anchor, period), *(row_of(slot, quantity, period) for slot, quantity in slots.items())]
            books.deliver(rows, period)
        case ("rule", by_client, clients, by_offer, offers, others):
            known = books.ids(Organization), books.ids(Offer)
            chosen = [
                Chosen(which=which, ids=frozenset(ids[key] for key in keys if key in ids))
                for which, keys, ids in ((by_client, clients, known[0]), (by_offer, offers, known[1]))
            ]
            with contextlib.suppress(Refused):  # nothing is chosen
                books.rule(ExportRule(organizations=chosen[0], offers=chosen[1], **others))
        case ("everything",):
            books.rule(ExportRule())
        case ("off", key, is_on):
            with books.portal.database.write() as db:
                for table in (Offer, Organization):
                    same = sa.and_(table.connection_id == books.connection_id, table.key == key)
                    db.execute(sa.update(table).where(same).values(is_synchronized=is_on))
        case ("decide", number, (state, code)):
            books.decide(number, state, code)
        case ("release", number):
            books.release(number)
        case ("next",):
            books.on = next(books.months)
        case (name,):
            getattr(books, name)()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=STEPS,
    home=st.sampled_from([None, "Canadian Dollar"]),
    floor=st.sampled_from([None, PERIODS[1][0]]),
    memos=st.booleans(),
)
def test_in_any_order_every_charge_is_in_one_state_and_all_add_up(
    quick_portal: Portal, steps: list[tuple[Any, ...]], home: str | None, floor: date | None, memos: bool
) -> None:
    books = open_books(quick_portal, home=home, floor=floor, memos=memos)
    for step in steps:
        take(books, step)
        books.check()
    books.rule(ExportRule())
    books.finish()
    books.check()
    assert "excluded" not in books.states()


# -- step by step, on each kind of database ----------------------------------------------------------------------------


def test_a_charge_goes_through_its_states(books: Books) -> None:
    assert charge_states.tally(books.portal, books.connection_id).adds_up
    books.deliver([charge("a"), charge("b", organization="Y"), charge("c", offer_key="C"), charge("d", offer_key="B")])
    books.rule(ExportRule(offers=Chosen(which=Which.EXCEPT, ids=frozenset({books.ids(Offer)["B"]}))))
    books.check()
    assert books.states() == {"waiting": 2, "rejected": 1, "excluded": 1}
    by_key = {row.key: row for row in books.rows()}
    assert (by_key["c"].code, by_key["d"].code, by_key["d"].kept_back) == ("offer-unmapped", "excluded", Part.OFFER)
    assert (by_key["d"].rule_version, by_key["a"].rule_version) == (1, None)
    assert "item" in str(by_key["c"].reason)
    books.begin()
    books.check()
    assert books.states() == {"pending": 2, "rejected": 1, "excluded": 1}
    pending = next(row for row in books.rows() if row.key == "a")
    assert (pending.draft_id, pending.run_on, pending.rule_version) == (None, books.on, 1)
    books.finish()
    books.check()
    assert books.states() == {"pending": 2, "rejected": 1, "excluded": 1}
    books.decide(0, DraftState.RECONCILED, None)
    books.decide(1, DraftState.PARKED, "3140")
    books.check()
    assert books.states() == {"sent": 1, "rejected": 2, "excluded": 1}
    refused = next(row for row in books.rows() if row.code == "3140")
    assert refused.reason is not None
    books.deliver([charge("a", 5), charge("b", organization="Y"), charge("c", offer_key="C")])
    books.check()
    assert books.states() == {"sent": 1, "waiting": 2, "rejected": 2}
    books.on = INVOICE_DATES[1]
    books.bill()
    books.decide(2, DraftState.RECONCILED, None)
    books.check()
    assert books.states() == {"sent": 1, "credited": 2, "rejected": 2}
    books.decide(0, DraftState.IGNORED, None)
    assert books.states()["ignored"] == 1
    books.check()


def test_the_list_is_filtered_searched_sorted_and_cut(books: Books) -> None:
    rows = [charge(f"k{number:03}", number % 4 + 1, organization=CLIENTS[number % 2]) for number in range(120)]
    rows += [charge("élan", offer_key="B", offer_name="Élan infonuagique", kind=ChargeKind.USAGE)]
    books.deliver(rows)
    listed = charge_list.list_charges(books.portal, books.connection_id, Wanted(is_descending=True))
    assert len(listed.rows) == 50
    assert listed.after
    assert charge_list.count_charges(books.portal, books.connection_id, most=200) == 121
    assert charge_list.count_charges(books.portal, books.connection_id, most=100) == 101
    found = charge_list.list_charges(books.portal, books.connection_id, Wanted(search="elan INFO"))
    assert [row.key for row in found.rows] == ["élan"]
    assert {row.organization for row in books.rows(organization=str(books.ids(Organization)["Y"]))} == {"Y"}
    assert len(books.rows(kind="usage")) == len(books.rows(offer=str(books.ids(Offer)["B"]))) == 1
    assert len(books.rows(state="waiting")) == 121
    assert len(books.rows(state="nonsense", organization="x", since="never")) == 121
    assert books.rows(state="sent") == books.rows(since="2026-10-02") == books.rows(currency="USD") == ()
    for sort in ("amount", "imported", "date", "nonsense"):
        page = charge_list.list_charges(books.portal, books.connection_id, Wanted(sort=sort, size=200))
        assert len({row.id for row in page.rows}) == 121
        assert page.after == ""
    amounts = [
        row.amount
        for row in charge_list.list_charges(
            books.portal, books.connection_id, Wanted(sort="amount", is_descending=True)
        ).rows
    ]
    assert amounts == sorted(amounts, reverse=True)


def places(row: charge_list.ChargeRow, sort: str) -> tuple[Any, int]:
    return {"date": row.start, "imported": row.import_id, "amount": row.amount}[sort], row.id


@pytest.mark.parametrize("is_descending", [True, False])
@pytest.mark.parametrize("sort", charge_list.SORTS)
def test_slices_go_through_all_charges_once(books: Books, sort: str, is_descending: bool) -> None:
    books.deliver([charge(f"k{number}", number % 5 + 1) for number in range(25)])
    books.deliver([charge(f"k{number}", number % 5 + 1) for number in range(25)])
    books.deliver([charge(f"n{number}", start=PERIODS[1][0], end=PERIODS[1][1]) for number in range(9)], 1)
    seen: list[charge_list.ChargeRow] = []
    after = ""
    wanted = Wanted(sort=sort, is_descending=is_descending, size=10)
    while True:
        some = charge_list.list_charges(books.portal, books.connection_id, wanted, after=after)
        seen += some.rows
        if not (after := some.after):
            break
    ordered = sorted(seen, key=lambda row: places(row, sort), reverse=is_descending)
    assert [row.id for row in seen] == [row.id for row in ordered]
    assert len({row.id for row in seen}) == len(seen) == 34


@pytest.mark.parametrize(
    "after", ["x", "_", "2026-10-01_", "2026-10-01_9999999999999", "2026-13-01_1", "9" * 30 + "_1"]
)
def test_a_place_that_is_none_is_the_beginning(books: Books, after: str) -> None:
    books.deliver([charge("a"), charge("b")])
    for sort in charge_list.SORTS:
        listed = charge_list.list_charges(books.portal, books.connection_id, Wanted(sort=sort), after=after)
        assert len(listed.rows) == 2


def test_each_filter_leaves_what_it_names(books: Books) -> None:
    books.deliver([charge("a", tags=(("Use", "internal"),)), charge("b", tags=(("Use", "x: y"),)), charge("c")])
    books.deliver([charge("n", start=PERIODS[1][0], end=PERIODS[1][1])], 1)

    def keys(**filters: str) -> list[str]:
        return sorted(row.key for row in books.rows(**filters))

    second = max(row.import_id for row in books.rows())
    assert keys(**{"import": str(second)}) == ["n"]
    assert keys(tag="Use") == ["a", "b"]
    assert keys(tag="Use: internal") == ["a"]
    assert keys(tag="Use:x: y") == ["b"]
    assert keys(tag="use") == keys(organization="9" * 30) == keys(run="7") == []
    assert keys(since="2026-10-31") == ["n"]
    today = NOON.date()
    assert keys(by="import", since=str(today), until=str(today)) == ["a", "b", "c", "n"]
    assert keys(by="import", until=str(today - timedelta(days=1))) == []
    assert keys(by="import", since="0001-01-01", until="9999-12-31") == ["a", "b", "c", "n"]
    books.bill()
    run_id = next(row.run_id for row in books.rows() if row.run_id)
    assert keys(run=str(run_id)) == ["a", "b", "c"]
    assert keys(state="pending") == ["a", "b", "c"]
    books.decide(0, DraftState.RECONCILED, None)
    with books.portal.database.write() as db:
        db.execute(sa.update(Draft).values(ref_number="F-77"))
    listed = charge_list.list_charges(books.portal, books.connection_id, Wanted(search="f-77 offer"))
    assert sorted(row.key for row in listed.rows) == ["a", "b", "c"]


def test_whichever_index_is_entered_the_same_charges_are_found(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (ChargeKind.RECURRING, ChargeKind.USAGE)
    rows = [
        charge(
            f"k{number}",
            organization=CLIENTS[number % 2],
            offer_key="AB"[number // 2 % 2],
            kind=kinds[number // 3 % 2],
            tags=(("Use", f"U{number % 5}"),),
        )
        for number in range(40)
    ]
    books.deliver(rows)
    organization = str(books.ids(Organization)[CLIENTS[0]])
    told: list[tuple[dict[str, str], str]] = [
        ({"organization": organization, "offer": str(books.ids(Offer)["A"]), "kind": "usage"}, ""),
        ({"tag": "Use: U3", "organization": organization}, ""),
        ({"tag": "Use", "kind": "recurring", "cycle": "monthly"}, ""),
        ({"offer": str(books.ids(Offer)["B"]), "state": "waiting"}, CLIENTS[1]),
        ({}, "k7"),
        ({"kind": "usage"}, "nobody"),
        *(({"state": state}, "") for state in ChargeState),
    ]

    def found(sort: str) -> list[list[str]]:
        return [
            [
                row.key
                for row in charge_list.list_charges(
                    books.portal, books.connection_id, Wanted(filters=filters, search=search, sort=sort)
                ).rows
            ]
            for filters, search in told
        ]

    entered = [found("date"), found("amount")]
    assert all(len(keys) > 0 for keys in entered[0][:5])
    assert entered[0][5] == []
    monkeypatch.setattr(charge_filters, "FEW", 0)
    monkeypatch.setattr(charge_filters, "LITTLE", -1)
    assert [found("date"), found("amount")] == entered


def test_the_csv_holds_every_charge_and_no_formula(books: Books) -> None:
    books.deliver([charge("a"), charge("b", -2, kind=ChargeKind.CREDIT, offer_name="=cmd|' /C calc'!A0")])
    text = "".join(charge_list.write_csv(books.portal, books.connection_id, Wanted()))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert tuple(rows[0]) == charge_list.COLUMNS
    assert [row["amount"] for row in rows] == ["-24.68", "37.02"]
    assert rows[0]["description"].startswith("'=")
    assert {row["state"] for row in rows} == {"waiting"}


def test_the_csv_in_pieces_is_one_file(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.deliver([charge(f"k{number}") for number in range(25)])
    whole = "".join(charge_list.write_csv(books.portal, books.connection_id, Wanted(), columns=("key", "amount")))
    monkeypatch.setattr(charge_list, "FETCHED", 10)
    pieces = list(charge_list.write_csv(books.portal, books.connection_id, Wanted(), columns=("key", "amount")))
    assert len(pieces) == 3
    assert "".join(pieces) == whole
    assert whole.splitlines()[0] == "\ufeffkey,amount"


def test_the_number_of_queries_is_that_of_one_charge(books: Books) -> None:
    def count(work: Any) -> int:
        asked = []
        engine = books.portal.database.engine
        sa.event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
        work()
        return len(asked)

    def both() -> None:
        charge_states.tally(books.portal, books.connection_id)
        books.rows()

    books.deliver([charge("a")])
    few = count(both)
    books.deliver([charge("a"), *(charge(f"k{n}", organization=CLIENTS[n % 2]) for n in range(300))])
    books.bill()
    assert count(both) // 2 <= few  # the listeners add up


def test_another_partners_charges_are_not_counted(books: Books) -> None:
    books.deliver([charge("a")])
    other = open_books(books.portal)
    other.deliver([charge("a", 9), charge("z", 9)])
    assert books.states() == {"waiting": 1}
    assert other.states() == {"waiting": 2}
    with pytest.raises(NotFound):
        charge_states.tally(books.portal, 99)


def test_what_is_kept_back_by_the_condition_is_what_the_list_says(books: Books) -> None:
    books.deliver([row_of(slot, 2, 0) for slot in range(len(SLOTS))])
    rule = ExportRule(none_of=frozenset({Tag("Use")}), least=Decimal(-1))
    books.rule(rule)
    with books.portal.database.read() as db:
        applied = newest(db, connections.find(db, books.connection_id), NOON).applied
        drops = rule_conditions.drops(rule, books.connection_id, applied)
        dropped = set(db.scalars(sa.select(Charge.id).where(Charge.connection_id == books.connection_id, drops)))
    assert {row.id for row in books.rows(state="excluded")} == dropped
    assert {row.kept_back for row in books.rows(code="excluded")} == {Part.TAG, Part.AMOUNT}
