"""What was exchanged, for whom and with what result; what the lists brought; and what is kept from accountants."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.period import BillingMode
from portal.errors import NotFound
from portal.models import Role, Run
from portal.services import (
    accounts,
    audit,
    billing,
    charge_list,
    connections,
    exchange_history,
    exchanges,
    preview_pages,
    run_pages,
    runs,
    sending_receiving,
    unshared,
    visits,
)
from portal.services.exchange_history import Entry, WantedEntries
from portal.services.paging import Wanted
from qbwc import models as wire
from qbwc.models import PartResult
from qbwc.sandbox import by_hand

RENAMED, UNUSED = "Plomberie St-Amour", "Studio Danse Éclipse"
ALICE, BOB = "alice@nordet.example", "bob@nordet.example"


@contextmanager
def acting(who: str) -> Iterator[None]:
    """Somebody acts, as in a request of theirs."""
    audit.act_as(who, "127.0.0.1")
    yield
    audit.act_by_itself()


@contextmanager
def reading(role: Role) -> Iterator[None]:
    """Somebody in this role reads, as in a request of theirs."""
    unshared.read_as(role)
    yield
    unshared.read_as(None)


def entries(month: Any, **wanted: Any) -> tuple[Entry, ...]:
    """The newest page of the history."""
    return exchange_history.read_history(month.portal, month.connection_id, WantedEntries(**wanted)).rows


def bill_as(month: Any, who: str, *, is_shared: bool | None = None) -> int:
    """Somebody approves everything that was previewed; the id of the run."""
    with acting(who):
        plan = preview_pages.read_preview(month.portal, month.connection_id, None, Wanted())
        run_id = billing.begin(month.portal, month.connection_id, whole=plan.whole, is_shared=is_shared)
    billing.finish(month.portal, month.connection_id, run_id)
    return run_id


def receipt(month: Any) -> sending_receiving.Receipt:
    return sending_receiving.read_screen(month.portal, month.connection_id).receipt


def brought(month: Any) -> dict[str, tuple[int, int, int]]:
    """What the last reading of the lists brought: how many were new, changed and gone, by list."""
    return {one.kind: (one.added, one.changed, one.gone) for one in receipt(month).news}


def test_everything_of_a_visit_stands_in_the_history_by_kind_person_and_result(any_month: Any) -> None:
    run_id = bill_as(any_month, ALICE)
    assert any_month.visit().went_well
    found = entries(any_month)
    kinds = {one.kind for one in found}
    assert {"lists", "costs", "invoices", "comparisons", "checks"} <= kinds
    assert all(one.result is PartResult.DONE for one in found)
    by_kind = {kind: {one.asked_by for one in found if one.kind == kind} for kind in kinds}
    assert by_kind["invoices"] == by_kind["costs"] == by_kind["comparisons"] == {ALICE}
    assert by_kind["lists"] == by_kind["checks"] == {""}
    assert {one.run_id for one in found if one.kind == "invoices"} == {run_id}
    assert any(one.tags.get("InvoiceAddRq") for one in found)
    assert sorted(found, key=lambda one: (one.at, one.id), reverse=True) == list(found)


def test_each_filter_leaves_what_it_says_and_together_they_leave_both(any_month: Any) -> None:
    run_id = bill_as(any_month, ALICE)
    any_month.visit()
    everything = entries(any_month)
    for wanted, matches in (
        ({"kind": "costs"}, lambda one: one.kind == "costs"),
        ({"person": ALICE}, lambda one: one.asked_by == ALICE),
        ({"person": exchange_history.ITSELF}, lambda one: not one.asked_by),
        ({"result": "refused"}, lambda one: one.result is PartResult.REFUSED),
        ({"period": f"run-{run_id}"}, lambda one: one.run_id == run_id),
        ({"kind": "invoices", "person": ALICE}, lambda one: one.kind == "invoices" and one.asked_by == ALICE),
    ):
        assert entries(any_month, **wanted) == tuple(filter(matches, everything)), wanted
    today = any_month.clock().date()
    assert entries(any_month, first=today, last=today) == everything
    assert entries(any_month, last=today - timedelta(days=1)) == ()
    assert entries(any_month, person="nobody@nordet.example") == ()
    found = exchange_history.read_filters(any_month.portal, any_month.connection_id)
    assert found.people == (ALICE,)


def test_a_fiscal_year_begins_in_its_own_month(any_month: Any) -> None:
    any_month.set(fiscal_first_month=4)
    bill_as(any_month, ALICE)
    any_month.visit()
    choices = exchange_history.read_filters(any_month.portal, any_month.connection_id).choices
    year = choices.fiscal_years[0]
    assert (year.name, year.first, year.last) == ("fiscal-2026", date(2026, 4, 1), date(2027, 3, 31))
    assert entries(any_month, period="fiscal-2026") == entries(any_month)
    assert entries(any_month, period="fiscal-2025") == ()
    any_month.set(fiscal_first_month=12)
    assert entries(any_month, period="fiscal-2026") == (), "1 November is before 1 December"
    assert entries(any_month, period="fiscal-2025") == entries(any_month, period="calendar-2026") != ()
    seen = sending_receiving.read_screen(any_month.portal, any_month.connection_id, "fiscal-2025")
    assert seen.year is not None
    assert [run.invoice_date for run in seen.year.runs] == [date(2026, 11, 1)]
    assert seen.year.totals.invoices > 0


def test_years_are_calendar_years_where_the_fiscal_one_begins_in_january(month: Any) -> None:
    choices = exchange_history.read_filters(month.portal, month.connection_id).choices
    assert choices.fiscal_years == ()
    assert [one.name for one in choices.calendar_years] == ["calendar-2026"]


@pytest.mark.parametrize("period", ["fiscal-0", "fiscal-99999", "calendar-x", "run-x", "run-99", "-", "2026", "run-"])
def test_a_period_that_means_nothing_breaks_nothing(month: Any, period: str) -> None:
    assert len(entries(month, period=period)) in (0, len(entries(month)))


def test_a_page_goes_on_where_the_one_before_ended(month: Any) -> None:
    bill_as(month, ALICE)
    month.visit()
    with month.portal.database.write() as db:  # many at one moment: the order is still certain
        exchange = db.query(wire.Exchange).first()
        for _ in range(60):
            db.add(
                wire.ExchangePart(
                    connection_id=1, exchange_id=exchange.id, topic="checks", at=month.clock(), requests=1
                )
            )
    seen: list[int] = []
    wanted = WantedEntries()
    pages = []
    while True:
        page = exchange_history.read_history(month.portal, month.connection_id, wanted)
        pages.append(page)
        seen += [one.id for one in page.rows]
        if page.older is None:
            break
        wanted = WantedEntries(before_id=page.older)
    with month.portal.database.read() as db:
        assert len(seen) == len(set(seen)) == db.query(wire.ExchangePart).count()
    back = exchange_history.read_history(month.portal, 1, WantedEntries(after_id=pages[-1].newer))
    assert back.rows == pages[-2].rows
    assert exchange_history.read_history(month.portal, 1, WantedEntries(before_id=10**9)).rows == ()


def test_what_quickbooks_refused_and_what_stayed_unanswered_is_told(month: Any) -> None:
    month.edit(lambda company: company.file.update(ClosingDate="2026-12-31"))
    bill_as(month, ALICE)
    month.visit()
    assert month.states().get("parked")
    refused = entries(month, result="refused")
    assert refused
    assert {one.kind for one in refused} == {"invoices"}
    assert entries(month, result="done")


def test_a_broken_visit_is_unanswered_until_the_next_one_knows(month: Any) -> None:
    bill_as(month, ALICE)
    assert not month.visit("lost-answer@3").went_well
    lost = entries(month, result="unanswered")
    assert lost
    assert {one.run_id for one in lost} <= {None, *(one.id for one in runs.list_runs(month.portal, 1))}
    month.clock.at += timedelta(minutes=20)
    assert month.visit().went_well
    assert entries(month, result="unanswered") == ()
    checks = entries(month, kind="checks")
    assert any(one.run_id for one in checks), "the question after a lost set is about what the set was about"


# -- receive ----------------------------------------------------------------------------------------------------------


def test_before_the_first_visit_nothing_was_received(any_portal: Any) -> None:
    accounts.add_partner(any_portal, "Nordet")
    given: dict[str, Any] = {"billing_mode": BillingMode.IN_ARREARS, "invoice_day": 1}
    made = connections.add_connection(any_portal, "QuickBooks", partner="Nordet", **given)
    seen = sending_receiving.read_screen(any_portal, made.id)
    assert seen.receipt.read_at is None
    assert seen.receipt.news == ()
    assert seen.departure.is_empty


def test_the_first_reading_brings_everything_and_the_next_one_nothing(any_month: Any) -> None:
    first = brought(any_month)
    with any_month.portal.database.read() as db:
        counted = sa.select(wire.ListObject.kind, sa.func.count()).group_by(wire.ListObject.kind)
        assert {kind: new for kind, (new, _changed, _gone) in first.items()} == {
            row[0]: row[1] for row in db.execute(counted)
        }
    came_at = any_month.clock()
    any_month.clock.at += timedelta(hours=21)
    assert any_month.visit().went_well
    seen = receipt(any_month)
    assert seen.news == ()
    assert seen.since == came_at
    assert seen.read_at == any_month.clock()


def test_what_was_changed_and_deleted_in_quickbooks_is_counted_exactly(any_month: Any) -> None:
    def work(company: Any) -> None:
        by_hand.rename(company, "Customer", RENAMED, "Plomberie Saint-Amour")
        by_hand.delete(company, "Customer", UNUSED)

    any_month.clock.at += timedelta(hours=21)
    any_month.edit(work)
    assert any_month.visit().went_well
    assert brought(any_month) == {"customer": (0, 1, 1)}
    came_at = any_month.clock()
    any_month.clock.at += timedelta(minutes=10)
    assert any_month.visit().went_well
    assert brought(any_month) == {}, "pages overlap, and what is known already is not told again"
    assert receipt(any_month).since == came_at


# -- sharing ----------------------------------------------------------------------------------------------------------


def test_a_run_that_is_not_shared_is_kept_from_accountants_wherever_it_is_served(any_month: Any) -> None:
    portal, connection_id = any_month.portal, any_month.connection_id
    run_id = bill_as(any_month, ALICE, is_shared=False)
    any_month.visit()
    everything = entries(any_month)
    about = next(one for one in everything if one.kind == "invoices")
    with reading(Role.ACCOUNTANT):
        assert runs.list_runs(portal, connection_id) == ()
        assert run_pages.list_summaries(portal, connection_id).count == 0
        for serve in (
            lambda: runs.get_run(portal, connection_id, run_id),
            lambda: run_pages.read_run(portal, connection_id, run_id, Wanted()),
            lambda: run_pages.read_activity(portal, connection_id, run_id),
            lambda: run_pages.run_csv(portal, connection_id, run_id),
            lambda: exchanges.get_exchange(portal, connection_id, about.exchange_id),
            lambda: exchanges.read_exchange(portal, connection_id, about.exchange_id),
        ):
            with pytest.raises(NotFound):
                serve()
        left = entries(any_month)
        hidden = {one.exchange_id for one in everything if one.run_id == run_id}
        assert left == tuple(one for one in everything if one.exchange_id not in hidden)
        assert entries(any_month, period=f"run-{run_id}") == ()
        assert str(about.exchange_id) not in {
            row["exchange"] for row in read_csv(exchange_history.history_csv(portal, connection_id, WantedEntries()))
        }
        seen = visits.get_visit(portal, connection_id, about.visit_id)
        assert not hidden & {one.id for one in seen.exchanges}
        charges = charge_list.list_charges(portal, connection_id, Wanted())
        assert {one.run_id for one in charges.rows} == {one.invoice_number for one in charges.rows} == {None}
        screen = sending_receiving.read_screen(portal, connection_id, "calendar-2026")
        assert screen.year is not None
        assert screen.year.runs == ()
        assert exchange_history.read_filters(portal, connection_id).choices.runs == ()
    for role in (Role.ADMINISTRATOR, Role.BILLING, Role.READ_ONLY):
        with reading(role):
            assert runs.get_run(portal, connection_id, run_id).id == run_id
            assert entries(any_month) == everything


def test_shared_later_it_is_seen_at_once_and_the_log_says_who_did_it(any_month: Any) -> None:
    portal, connection_id = any_month.portal, any_month.connection_id
    run_id = bill_as(any_month, ALICE, is_shared=False)
    any_month.visit()
    with acting(BOB):
        unshared.share_run(portal, connection_id, run_id, is_shared=True)
        unshared.share_run(portal, connection_id, run_id, is_shared=True)
    with reading(Role.ACCOUNTANT):
        assert runs.get_run(portal, connection_id, run_id).id == run_id
        assert entries(any_month, period=f"run-{run_id}")
    with portal.database.read() as db:
        (entry,) = [
            one for one in audit.entries(db, connection_id, [f"run:{run_id}"])[f"run:{run_id}"] if one.action != "bill"
        ]
    assert (entry.who, entry.action) == (BOB, "share-run")
    assert entry.detail["after"] == {"shared": True}
    with pytest.raises(NotFound):
        unshared.share_run(portal, connection_id, 99, is_shared=True)


def test_billing_more_of_a_date_leaves_its_sharing_as_it_was(month: Any) -> None:
    bill_as(month, ALICE, is_shared=False)
    with month.portal.database.read() as db:
        assert db.scalars(sa.select(Run.is_shared)).all() == [False]
    month.bill()
    with month.portal.database.read() as db:
        assert db.scalars(sa.select(Run.is_shared)).all() == [False]


def test_what_the_portal_bills_by_itself_is_shared_and_asked_for_by_nobody(month: Any) -> None:
    month.bill()
    month.visit()
    with month.portal.database.read() as db:
        assert db.execute(sa.select(Run.is_shared, Run.asked_by)).all() == [(True, "")]
    assert {one.asked_by for one in entries(month, kind="invoices")} == {""}


def test_who_asked_for_the_lists_stands_beside_their_reading(month: Any) -> None:
    with acting(BOB):
        connections.request_lists(month.portal, month.connection_id)
    month.visit()
    newest = entries(month, kind="lists")[0]
    assert newest.asked_by == BOB
    month.clock.at += timedelta(hours=21)
    month.visit()
    assert entries(month, kind="lists")[0].asked_by == "", "the daily reading is the portal's own"


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_file_has_what_the_filters_leave_and_runs_no_formula(month: Any) -> None:
    bill_as(month, "=cmd|' /C calc'!A0")
    month.visit()
    wanted = WantedEntries(kind="invoices")
    rows = read_csv(exchange_history.history_csv(month.portal, month.connection_id, wanted))
    assert len(rows) == len(entries(month, kind="invoices"))
    assert {row["kind"] for row in rows} == {"invoices"}
    assert {row["invoice_date"] for row in rows} == {"2026-11-01"}
    assert {row["direction"] for row in rows} == {"to QuickBooks", "from QuickBooks"}
    assert all(row["asked_by"].startswith("'=") for row in rows)
