"""The set-up's pages: resumed, sent twice, by two people, by people of each role, with and without scripts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import Role, SetupStep
from portal.services import connections, wizard
from portal.web.wizard import PAGES
from qbwc.identity import Verdict
from qbwc.models import Connection as Wire

COMPANY = Path(__file__).resolve().parents[3] / "samples" / "sandbox" / "company.json"
FORM = {
    "name": "Second",
    "billing_mode": "in-arrears",
    "invoice_day": "15",
    "prorate": ["additions", "partial"],
    "start_date": "2026-11-01",
}


@pytest.fixture
def second(admin: Any, month: Any, tmp_path: Path) -> Any:
    """A connection after the first two of its steps' forms: its password was shown, nobody has called."""
    admin.get("/connections/new")
    made = admin.post("/connections/new", FORM)
    assert (made.status_code, made.location) == (303, "/connections/2/setup/connection")
    admin.get(made.location)
    page = admin.post("/connections/2/setup/password")
    password = re.search(r'id="password" value="([0-9a-f]{64})"', page.text)
    assert password is not None
    folder = tmp_path / "second"
    folder.mkdir()
    shutil.copyfile(COMPANY, folder / "company.json")
    (folder / "month.qwc").write_bytes(admin.get("/connections/2/qwc").data)
    one = type(month)(month.portal, 2, password[1], folder, month.clock)
    yield one
    if one._server is not None:
        one._server.close()


def text_of(answer: Any) -> str:
    return answer.get_data(as_text=True)


def test_configuration_leads_into_the_set_up_and_back_to_it(admin: Any, second: Any) -> None:
    page = text_of(admin.get("/configuration"))
    assert "Billing integrations" in page
    assert "QuickBooks Desktop" in page
    assert "Being set up, step 2 of 5" in page
    assert 'href="/connections/2/setup"' in page
    assert admin.get("/connections/2/setup").location == "/connections/2/setup/connection"
    home = text_of(admin.get("/"))
    assert "Continue the set-up" in home
    assert 'href="/configuration"' in home


def test_the_dates_are_shown_without_scripts_and_nothing_is_saved(admin: Any, month: Any) -> None:
    admin.get("/connections/new")
    page = admin.post("/connections/new", {**FORM, "show": "dates", "name": ""})
    assert page.status_code == 200
    for shown in ("November 15, 2026", "October 15, 2026 – November 14, 2026", "from your start date on"):
        assert shown in text_of(page)
    assert 'value="15"' in text_of(page)
    assert re.search(r'value="partial" checked', text_of(page))
    assert len(connections.list_connections(month.portal)) == 1


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("billing_mode=in-advance&invoice_day=1", "November 1, 2026 – November 30, 2026"),
        ("billing_mode=in-arrears&invoice_day=1", "October 1, 2026 – October 31, 2026"),
        ("billing_mode=in-arrears&invoice_day=1&start_date=2027-05-01", "all of it is before your start date"),
        ("invoice_day=31", "Choose a billing mode to see which"),
        ("invoice_day=32", "is not a day of the month"),
        ("invoice_day=", "a number from 1 to 31"),
        ("invoice_day=1&start_date=tomorrow", "is not a date"),
        ("invoice_day=1&billing_mode=sometimes", "Choose a billing mode"),
    ],
)
def test_the_dates_follow_what_is_typed(admin: Any, query: str, shown: str) -> None:
    answer = admin.get(f"/configuration/dates?{query}")
    assert answer.status_code == 200
    assert shown in text_of(answer)
    assert "<html" not in text_of(answer)


def test_the_lock_is_announced_before_and_kept_after(admin: Any, month: Any, second: Any) -> None:
    assert "cannot be changed once this step is saved" in text_of(admin.get("/connections/new"))
    page = text_of(admin.get("/connections/2/setup/options"))
    assert "locked" in page
    assert 'type="radio"' not in page
    refused = admin.post("/connections/2/setup/options", {**FORM, "billing_mode": "in-advance"})
    assert refused.status_code == 400
    assert "cannot be changed any more" in text_of(refused)
    changed = admin.post("/connections/2/setup/options", {**FORM, "invoice_day": "28"})
    assert changed.location == "/connections/2/setup/connection"
    assert wizard.get_options(month.portal, 2).invoice_day == 28


def test_the_first_step_sent_twice_leads_to_the_same_connection(admin: Any, month: Any) -> None:
    admin.get("/connections/new")
    first, again = admin.post("/connections/new", FORM), admin.post("/connections/new", FORM)
    assert (again.status_code, again.location) == (first.status_code, first.location)
    other = admin.post("/connections/new", {**FORM, "invoice_day": "3"})
    assert other.status_code == 409
    assert 'value="3"' in text_of(other), "what was typed stays"
    assert len(connections.list_connections(month.portal)) == 2


def test_the_password_is_shown_once(admin: Any, second: Any) -> None:
    page = text_of(admin.get("/connections/2/setup/connection"))
    assert second.password not in page
    assert "administrator@nordet.example saw it on" in page
    assert "The present password stops working at once" in page
    assert "Application with No Certificate" in page
    assert "Update Web Services" in page


def test_the_first_visit_opens_the_next_step(admin: Any, second: Any) -> None:
    before = text_of(admin.get("/connections/2/setup/visit"))
    assert "Nobody has called yet" in before
    assert 'hx-trigger="every 2s"' in before
    assert "disabled" in before
    refused = admin.post("/connections/2/setup/connection")
    assert refused.status_code == 400
    assert "has not brought QuickBooks" in text_of(refused)
    assert not second.visit("older-quickbooks=2013").went_well
    assert "QuickBooks 2015 or newer" in text_of(admin.get("/connections/2/setup/visit"))
    second.clock.at = datetime(2026, 11, 1, 13, tzinfo=UTC)
    assert second.visit().went_well
    done = text_of(admin.get("/connections/2/setup/visit"))
    assert "It went well" in done
    assert "hx-trigger" not in done, "it asks no more"
    assert "disabled" not in done
    assert admin.post("/connections/2/setup/connection").location == "/connections/2/offers"


def test_the_panel_is_sent_again_only_when_there_is_news(admin: Any, second: Any) -> None:
    panel = text_of(admin.get("/connections/2/setup/visit"))
    address = re.search(r'hx-get="([^"]+)"', panel)
    assert address is not None
    again = admin.get(address[1].replace("&amp;", "&"))
    assert (again.status_code, again.data) == (204, b"")
    assert second.visit().went_well
    assert admin.get(address[1].replace("&amp;", "&")).status_code == 200


def go(who: Any, *steps: str) -> None:
    for step in steps:
        assert who.post(f"/connections/2/setup/{step}").status_code == 303


def test_offers_and_organizations_are_framed_while_they_are_steps(admin: Any, second: Any) -> None:
    assert second.visit().went_well
    assert "step 2 of 5" in text_of(admin.get("/connections/2/offers")), "not open yet: the way back"
    go(admin, "connection")
    page = text_of(admin.get("/connections/2/offers"))
    assert 'aria-current="step"' in page
    assert 'action="/connections/2/setup/offers"' in page
    assert "Import charges first" in page
    assert "Go on with the offers" in text_of(admin.get("/connections/2/charges"))
    assert admin.post("/connections/2/setup/offers").location == "/connections/2/organizations"
    assert 'action="/connections/2/setup/organizations"' in text_of(admin.get("/connections/2/organizations"))
    assert admin.post("/connections/2/setup/organizations").location == "/connections/2/setup/start"
    assert 'aria-current="step"' not in text_of(admin.get("/connections/1/offers")), "a started one has no frame"


def test_start_says_what_will_happen_and_ends_the_set_up(admin: Any, month: Any, second: Any) -> None:
    assert second.visit().went_well
    go(admin, "connection", "offers", "organizations")
    page = text_of(admin.get("/connections/2/setup/start"))
    assert "On November 15, 2026 at 5 a.m. (America/Toronto)" in page
    assert "October 15, 2026 – November 14, 2026" in page
    assert "No charges were imported yet" in page
    assert "Charges before November 1, 2026, your start date" in page
    second.import_charges()
    assert "16 unmapped" in text_of(admin.get("/connections/2/setup/start"))
    assert admin.post("/connections/2/setup/start").location == "/connections/2"
    assert connections.find_connection(month.portal, 2).setup_step is None
    shown = text_of(admin.get("/connections/2"))
    assert "The set-up is finished" in shown
    assert "Nov 15, 2026, 5:00" in shown.replace("\u202f", " ")


def test_a_step_that_is_not_open_leads_to_where_the_set_up_stands(admin: Any, second: Any) -> None:
    answer = admin.get("/connections/2/setup/start")
    assert (answer.status_code, answer.location) == (303, "/connections/2/setup/connection")
    for step in ("offers", "organizations", "start"):
        answer = admin.post(f"/connections/2/setup/{step}")
        assert (answer.status_code, answer.location) == (303, "/connections/2/setup/connection")
    assert "opens when the ones before it are done" in text_of(admin.get("/connections/2/setup/connection"))


def test_when_somebody_else_finishes_first_nothing_is_lost(
    admin: Any, month: Any, second: Any, person: Callable[..., Any]
) -> None:
    bob = person(Role.BILLING)
    assert second.visit().went_well
    go(admin, "connection", "offers", "organizations")
    assert bob.get("/connections/2/setup/start").status_code == 200
    assert "click Start here" in text_of(bob.get("/connections/2/setup/start"))
    go(admin, "start")
    for step in ("connection", "offers", "organizations"):
        answer = bob.post(f"/connections/2/setup/{step}")
        assert (answer.status_code, answer.location) == (303, "/connections/2")
    assert "administrator@nordet.example has finished the set-up" in text_of(bob.get("/connections/2"))
    assert admin.post("/connections/2/setup/start").location == "/connections/2"
    late = admin.post("/connections/2/setup/options", {**FORM, "invoice_day": "20"})
    assert late.location == "/connections/2"
    assert wizard.get_options(month.portal, 2).invoice_day == 20
    assert "in the meantime" in text_of(admin.get("/connections/2"))


def test_only_administrators_begin_start_and_see_the_password(person: Callable[[Role], Any], second: Any) -> None:
    billing = person(Role.BILLING)
    assert billing.get("/connections/new").status_code == 403
    page = text_of(billing.get("/connections/2/setup/connection"))
    assert "saw it on" in page
    assert "setup/password" not in page
    for path in ("password", "start", "options"):
        assert billing.post(f"/connections/2/setup/{path}").status_code == 403
    reader = person(Role.READ_ONLY)
    assert "Continue the set-up" not in text_of(reader.get("/configuration"))
    assert "/connections/new" not in text_of(reader.get("/"))


def test_health_comes_first_and_says_what_mends_it(admin: Any, month: Any) -> None:
    assert "The Web Connector calls as it should" in text_of(admin.get("/connections/1"))
    with month.portal.database.write() as db:
        row = db.get_one(Wire, 1)
        row.last_contact_at = row.last_success_at = datetime(2026, 10, 28, 12, tzinfo=UTC)
    late = text_of(admin.get("/connections/1"))
    assert "The Web Connector is overdue" in late
    assert "the portal cannot start the Web Connector" in late
    assert "Integrated Applications" in late
    assert "Dec 1, 2026, 5:00" in late.replace("\u202f", " ")
    assert "Overdue" in text_of(admin.get("/"))
    assert "Overdue" in text_of(admin.get("/configuration"))


@pytest.mark.parametrize(
    ("verdict", "shown", "hidden"),
    [
        (Verdict.MOVED, "re-establish the link", "is too old"),
        (Verdict.STALE, "marked as gone", "is too old"),
        (Verdict.OTHER, "Another company was open", "re-establish the link"),
        (Verdict.TOO_OLD, "QuickBooks is too old", "re-establish the link"),
    ],
)
def test_a_doubtful_file_is_shown_beside_the_known_one(
    admin: Any, month: Any, verdict: Verdict, shown: str, hidden: str
) -> None:
    with month.portal.database.write() as db:
        row = db.get_one(Wire, 1)
        row.verdict, row.seen_company_name, row.seen_company_path = verdict, "Copy", "D:\\Copy\\Nordet.qbw"
    page = text_of(admin.get("/connections/1"))
    assert shown in page
    assert hidden not in page
    assert ("D:\\Copy\\Nordet.qbw" in page) is (verdict is not Verdict.TOO_OLD)


def test_the_pages_of_many_connections_ask_as_often_as_for_one(admin: Any, month: Any) -> None:
    asked: list[str] = []
    sa.event.listen(month.portal.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for path in ("/", "/configuration"):
        asked.clear()
        assert admin.get(path).status_code == 200
        once = len(asked)
        known = connections.find_connection(month.portal, 1)
        for _ in range(4):
            name = f"More {path} {len(connections.list_connections(month.portal))}"
            connections.add_connection(
                month.portal, name, partner=known.partner, billing_mode=known.billing_mode, invoice_day=1
            )
        asked.clear()
        admin.get(path)
        assert len(asked) == once, path


def test_the_steps_of_the_model_are_those_of_the_pages(site: Any) -> None:
    assert tuple(PAGES) == tuple(SetupStep)
    assert all(endpoint in site.view_functions for endpoint in PAGES.values())
