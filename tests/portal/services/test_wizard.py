"""Setting a connection up: left and gone on with, sent twice, by two people; and the first visit, followed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from portal import worker
from portal.billing.period import BillingMode
from portal.errors import Conflict, NotFound, Refused
from portal.models import SetupStep
from portal.services import connections, first_visit, wizard
from portal.services.first_visit import Stage
from portal.services.quickbooks import build_endpoint
from portal.services.wizard import Options

COMPANY = Path(__file__).resolve().parents[3] / "samples" / "sandbox" / "company.json"
PARTNER = "Nordet Infogérance inc."
WHO = "alice@nordet.example"


def options(**changed: Any) -> Options:
    given = {
        "name": "Second",
        "billing_mode": BillingMode.IN_ARREARS,
        "invoice_day": 1,
        "prorate": frozenset({"additions"}),
        "start_date": None,
    }
    return Options(**{**given, **changed})


@pytest.fixture
def begun(month: Any, tmp_path: Path) -> Any:
    """A connection after its first step, with a company file and a Web Connector of its own."""
    made = wizard.begin(month.portal, options(), partner=PARTNER)
    folder = tmp_path / "second"
    folder.mkdir()
    shutil.copyfile(COMPANY, folder / "company.json")
    (folder / "month.qwc").write_text(connections.qwc(month.portal, made), encoding="utf-8")
    password = wizard.show_password(month.portal, made, who=WHO)
    second = type(month)(month.portal, made, password, folder, month.clock)
    yield second
    if second._server is not None:
        second._server.close()


def step_of(one: Any) -> SetupStep | None:
    return connections.find_connection(one.portal, one.connection_id).setup_step


def test_it_goes_step_by_step_and_each_may_be_sent_twice(begun: Any) -> None:
    assert step_of(begun) is SetupStep.CONNECTION
    assert begun.visit().went_well
    for done, reached in (
        (SetupStep.CONNECTION, SetupStep.OFFERS),
        (SetupStep.CONNECTION, SetupStep.OFFERS),
        (SetupStep.OFFERS, SetupStep.ORGANIZATIONS),
        (SetupStep.CONNECTION, SetupStep.ORGANIZATIONS),
        (SetupStep.ORGANIZATIONS, SetupStep.START),
        (SetupStep.OFFERS, SetupStep.START),
    ):
        assert wizard.advance(begun.portal, begun.connection_id, done) is reached
        assert step_of(begun) is reached
    assert wizard.start(begun.portal, begun.connection_id, who=WHO)
    assert not wizard.start(begun.portal, begun.connection_id, who="bob@nordet.example")
    assert step_of(begun) is None
    assert wizard.started_by(begun.portal, begun.connection_id) == WHO
    assert wizard.advance(begun.portal, begun.connection_id, SetupStep.OFFERS) is None


def test_no_step_is_jumped(begun: Any) -> None:
    for refused in (SetupStep.OFFERS, SetupStep.ORGANIZATIONS, SetupStep.START):
        with pytest.raises(Refused, match="before this one"):
            wizard.advance(begun.portal, begun.connection_id, refused)
    with pytest.raises(Refused, match="before this one"):
        wizard.start(begun.portal, begun.connection_id, who=WHO)
    with pytest.raises(Refused, match="has not brought QuickBooks' lists yet"):
        wizard.advance(begun.portal, begun.connection_id, SetupStep.CONNECTION)
    with pytest.raises(NotFound):
        wizard.advance(begun.portal, 99, SetupStep.CONNECTION)
    assert step_of(begun) is SetupStep.CONNECTION


def test_the_first_step_sent_twice_makes_one_connection(month: Any) -> None:
    first = wizard.begin(month.portal, options(name=" Second "), partner=PARTNER)
    assert wizard.begin(month.portal, options(), partner=PARTNER) == first
    with pytest.raises(Conflict, match="already has a connection"):
        wizard.begin(month.portal, options(invoice_day=2), partner=PARTNER)
    with pytest.raises(Conflict, match="already has a connection"):
        wizard.begin(month.portal, options(name="QuickBooks Nordet"), partner=PARTNER)
    assert len(connections.list_connections(month.portal)) == 2


def test_two_who_begin_at_once_make_one_connection(month: Any) -> None:
    together, made = threading.Barrier(3), []

    def begin() -> None:
        together.wait(timeout=20)
        made.append(wizard.begin(month.portal, options(), partner=PARTNER))

    people = [threading.Thread(target=begin) for _ in range(3)]
    for one in people:
        one.start()
    for one in people:
        one.join(timeout=60)
    assert len(made) == 3
    assert len(set(made)) == 1


def test_the_billing_mode_is_locked_and_the_rest_may_change(begun: Any) -> None:
    changed = options(name="Books of 2026", invoice_day=31, prorate=frozenset(), start_date=date(2026, 10, 1))
    wizard.save_options(begun.portal, begun.connection_id, changed, who=WHO)
    assert wizard.get_options(begun.portal, begun.connection_id) == changed
    with pytest.raises(Refused, match="cannot be changed any more"):
        wizard.save_options(begun.portal, begun.connection_id, options(billing_mode=BillingMode.IN_ADVANCE), who=WHO)
    with pytest.raises(Conflict, match="already has a connection"):
        wizard.save_options(
            begun.portal, begun.connection_id, options(name="QuickBooks Nordet", invoice_day=7), who=WHO
        )
    assert wizard.get_options(begun.portal, begun.connection_id) == changed, "all or nothing"


def test_a_password_is_shown_once_and_who_saw_it_is_known(begun: Any) -> None:
    shown = wizard.password_shown(begun.portal, begun.connection_id)
    assert shown is not None
    assert (shown.who, shown.at) == (WHO, begun.clock.at)
    fresh = wizard.show_password(begun.portal, begun.connection_id, who="bob@nordet.example")
    assert not begun.visit().went_well, "the one before ended"
    assert first_visit.follow(begun.portal, begun.connection_id).problems[0].code == "wrong-password"
    begun.password = fresh
    begun.clock.at = datetime(2026, 11, 1, 13, tzinfo=UTC)
    assert begun.visit().went_well
    assert first_visit.follow(begun.portal, begun.connection_id).stage is Stage.DONE


def test_the_first_visit_is_followed(begun: Any) -> None:
    seen = first_visit.follow(begun.portal, begun.connection_id)
    assert (seen.stage, seen.machine, seen.problems) == (Stage.NOBODY, None, ())
    user = connections.find_connection(begun.portal, begun.connection_id).user_name
    endpoint = build_endpoint(begun.portal.database, begun.portal.registry, begun.portal.now, "1.0")
    ticket = endpoint.authenticate(user, begun.password)[0]
    assert first_visit.follow(begun.portal, begun.connection_id).stage is Stage.TALKING
    endpoint.close_connection(ticket)
    seen = first_visit.follow(begun.portal, begun.connection_id)
    assert seen.stage is Stage.FAILED
    assert "ended before everything was sent" in str(seen.problems[0].what)
    begun.clock.at = datetime(2026, 11, 1, 13, tzinfo=UTC)
    assert begun.visit().went_well
    seen = first_visit.follow(begun.portal, begun.connection_id)
    assert (seen.stage, seen.is_over, seen.problems) == (Stage.DONE, True, ())
    assert seen.product
    assert seen.company_name
    assert all(one.refreshed_at for one in seen.lists)
    assert {one.kind: one.count for one in seen.lists}["customer"] > 0


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("older-quickbooks=2013", "company-too-old", "QuickBooks 2015 or newer"),
        ("no-company", "visit-failed", "0x80040408"),
        ("modal-dialog@1", "visit-failed", "0x80040414"),
        ("garbage@1", "visit-failed", "cannot be read"),
    ],
)
def test_what_goes_wrong_in_the_first_visit_is_said(begun: Any, fault: str, code: str, said: str) -> None:
    assert not begun.visit(fault).went_well
    seen = first_visit.follow(begun.portal, begun.connection_id)
    assert seen.stage is Stage.FAILED
    assert seen.problems[0].code == code
    assert said in str(seen.problems[0].what)
    with pytest.raises(Refused, match="has not brought"):
        wizard.advance(begun.portal, begun.connection_id, SetupStep.CONNECTION)
    begun.clock.at = datetime(2026, 11, 1, 13, tzinfo=UTC)
    assert begun.visit().went_well
    assert first_visit.follow(begun.portal, begun.connection_id).stage is Stage.DONE


def test_a_company_file_of_another_connection_is_said(begun: Any, month: Any) -> None:
    shutil.copyfile(month.company_file, begun.company_file)
    begun.visit()
    seen = first_visit.follow(begun.portal, begun.connection_id)
    assert seen.stage is not Stage.DONE
    assert seen.problems[0].code.startswith("company-")


@pytest.mark.parametrize(
    ("fault", "code"), [("other-company", "company-unmarked"), ("swapped-company", "company-foreign")]
)
def test_a_wrong_company_file_does_not_open_the_next_step(begun: Any, fault: str, code: str) -> None:
    begun.visit(fault)
    seen = first_visit.follow(begun.portal, begun.connection_id)
    assert seen.stage is not Stage.DONE
    assert [one.code for one in seen.problems] == [code]
    with pytest.raises(Refused):
        wizard.advance(begun.portal, begun.connection_id, SetupStep.CONNECTION)


def finish(one: Any) -> None:
    assert one.visit().went_well
    for step in (SetupStep.CONNECTION, SetupStep.OFFERS, SetupStep.ORGANIZATIONS):
        wizard.advance(one.portal, one.connection_id, step)


def test_what_will_happen_is_counted(begun: Any) -> None:
    begun.clock.at = datetime(2026, 11, 5, 12, tzinfo=UTC)
    finish(begun)
    seen = wizard.summary(begun.portal, begun.connection_id)
    assert seen.dates[0].on == date(2026, 12, 1)
    assert (seen.first.start, seen.first.last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert (seen.offers.total, seen.organizations.total, seen.waiting, seen.earlier) == (0, 0, 0, 0)
    begun.import_charges()
    begun.map("offer,Endpoint Detection & Response,,Sécurité:EDR,yes,")
    seen = wizard.summary(begun.portal, begun.connection_id)
    assert seen.offers.mapped == 1
    assert seen.offers.unmapped == seen.offers.total - 1
    assert seen.earlier > 0
    assert seen.waiting == 0
    wizard.save_options(begun.portal, begun.connection_id, options(start_date=date(2026, 11, 1)), who=WHO)
    assert wizard.summary(begun.portal, begun.connection_id).earlier == 0


def test_today_is_the_first_invoice_day_when_it_is_one(begun: Any) -> None:
    finish(begun)
    seen = wizard.summary(begun.portal, begun.connection_id)
    assert seen.is_due_today
    assert seen.dates[0].on == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("mode", "day", "today", "covered"),
    [
        (BillingMode.IN_ARREARS, 31, date(2027, 2, 10), [(31, 27), (28, 30), (31, 29)]),
        (BillingMode.IN_ADVANCE, 1, date(2026, 11, 2), [(1, 31), (1, 31), (1, 28)]),
    ],
)
def test_the_next_three_dates_and_their_days(
    mode: BillingMode, day: int, today: date, covered: list[tuple[int, int]]
) -> None:
    rows = wizard.upcoming(today, day)
    assert [(row.covered(mode).start.day, row.covered(mode).last.day) for row in rows] == covered


def test_nothing_is_billed_by_itself_before_start(begun: Any, make_due: Callable[[Any], None]) -> None:
    begun.clock.at = datetime(2026, 10, 20, 12, tzinfo=UTC)
    make_due(begun)
    begun.clock.at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert begun.status().can_bill
    assert begun.connection_id not in {one for one, _ in worker._due(begun.portal)}
    wizard.start(begun.portal, begun.connection_id, who=WHO)
    assert (begun.connection_id, date(2026, 11, 1)) in worker._due(begun.portal)


def test_a_date_that_passed_before_start_is_left_to_a_person(begun: Any, make_due: Callable[[Any], None]) -> None:
    begun.clock.at = datetime(2026, 10, 20, 12, tzinfo=UTC)
    make_due(begun)
    begun.clock.at = datetime(2026, 11, 3, 12, tzinfo=UTC)
    wizard.start(begun.portal, begun.connection_id, who=WHO)
    assert begun.connection_id not in {one for one, _ in worker._due(begun.portal)}
    begun.clock.at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert (begun.connection_id, date(2026, 12, 1)) in worker._due(begun.portal)


@pytest.fixture
def make_due() -> Callable[[Any], None]:
    """Brings a connection before its Start, mapped and with charges."""

    def prepare(one: Any) -> None:
        with one.portal.database.write() as db:
            connections.find(db, one.connection_id).created_at = one.clock.at
        finish(one)
        one.import_charges()

    return prepare
