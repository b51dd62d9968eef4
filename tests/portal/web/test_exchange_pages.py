"""The Exchanges screen: what goes, what came, the history with its filters, and what the accountant sees of it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from portal.models import Role, Run
from portal.services import billing, billing_settings, exchange_history, run_pages
from portal.services.exchange_history import WantedEntries

SCREEN = "/connections/1/exchanges"
HISTORY = f"{SCREEN}/history"
CPA = "cpa@cabinet.example"
OUTSIDER = "charlie@elsewhere.example"
READERS = (Role.ACCOUNTANT, Role.READ_ONLY)


def words(answer: Any) -> str:
    """The text of a page, in one line."""
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2])))


def value(text: str, name: str) -> str:
    """What a hidden field of a page holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found, name
    return unescape(found[1])


def send(person: Any, **given: Any) -> Any:
    """Open the screen and queue what it shows, with the box as it stands."""
    text = person.get(SCREEN).text
    form = {"on": value(text, "on"), "whole": value(text, "whole"), **given}
    if "asks_to_share" in text:
        form["asks_to_share"] = "1"
    return person.post(f"{SCREEN}/send", form)


def only_run(month: Any) -> Run:
    with month.portal.database.read() as db:
        return db.scalars(sa.select(Run)).one()


def test_send_says_what_goes_and_what_is_held_back(admin: Any) -> None:
    text = words(admin.get(SCREEN))
    assert re.search(r"12 invoices to send · \d+ lines · 7,4\d\d\.\d\d", text)
    assert "Period: Oct" in text
    assert "unit costs go with them" in text
    page = admin.get(SCREEN).text
    for reason in re.findall(r'href="(/connections/1/preview\?[^"]*why=[^"]+)"', page):
        assert admin.get(unescape(reason)).status_code == 200


def test_what_is_queued_is_what_the_preview_bills_and_leaves_when_the_web_connector_calls(
    admin: Any, month: Any
) -> None:
    sent = send(admin)
    assert (sent.status_code, sent.location) == (303, f"{SCREEN}?send=2026-11-01")
    text = words(admin.get(SCREEN))
    assert "Waiting to leave: 12 invoices of" in text
    assert "It leaves when the Web Connector calls next." in text
    run = only_run(month)
    assert (run.asked_by, run.is_shared) == ("administrator@nordet.example", True)
    assert send_again(admin, month) == 303
    assert month.visit().went_well
    text = words(admin.get(SCREEN))
    assert "Waiting to leave" not in text
    assert "12 invoices came back with their numbers" in text
    assert month.states() == {"reconciled": 12}


def send_again(admin: Any, month: Any) -> int:
    """The same form once more: nothing is billed twice."""
    before = only_run(month).id
    answer = admin.post(f"{SCREEN}/send", {"on": "2026-11-01", "whole": "0" * 32})
    assert only_run(month).id == before
    return int(answer.status_code)


def test_a_sum_that_changed_is_refused_as_in_the_preview(admin: Any, month: Any) -> None:
    text = admin.get(SCREEN).text
    whole = value(text, "whole")
    month.map("organization,Northwind Logistics Ltd.,,Northwind Logistics,no,create")
    answer = admin.post(f"{SCREEN}/send", {"on": "2026-11-01", "whole": whole})
    assert answer.location == f"{SCREEN}?send=2026-11-01"
    assert "Something changed since the preview, so nothing was sent." in words(admin.get(answer.location))
    assert run_pages.list_summaries(month.portal, 1).count == 0
    assert admin.post(f"{SCREEN}/send", {"on": "2026-11-01"}).status_code == 400


def test_when_nothing_waits_it_says_since_when(admin: Any, month: Any) -> None:
    month.bill()
    month.visit()
    text = words(admin.get(SCREEN))
    assert "Nothing to send" in text
    assert "Queue" not in text


def test_what_the_last_visit_brought_and_then_that_nothing_changed(admin: Any, month: Any) -> None:
    text = words(admin.get(SCREEN))
    assert "The visit of Nov 1, 2026" in text
    assert re.search(r"New: 41 customers, \d+ items", text)
    month.clock.at += timedelta(hours=21)
    month.visit()
    admin.log_in("administrator@nordet.example")  # a day later
    text = words(admin.get(SCREEN))
    assert "Nothing to receive: nothing has changed since Nov 1, 2026" in text


def test_an_empty_connection_says_so_and_leads_on(admin: Any, other_connection: int) -> None:
    text = words(admin.get(f"/connections/{other_connection}/exchanges"))
    assert "Nothing was received yet." in text
    assert "Nothing to send: no charge waits for this period." in text
    assert "Nothing was exchanged yet" in text
    assert "See the steps" in text


def test_the_lists_are_asked_for_and_the_screen_says_so(admin: Any, month: Any) -> None:
    assert "Read the lists at the next visit" in words(admin.get(SCREEN))
    assert admin.post(f"{SCREEN}/lists").location == SCREEN
    assert "The lists are read at the next visit." in words(admin.get(SCREEN))
    month.visit()
    assert "administrator@nordet.example" in words(admin.get(f"{HISTORY}?kind=lists"))


def test_the_filters_are_in_the_address_and_each_entry_leads_to_its_qbxml(admin: Any, month: Any) -> None:
    send(admin)
    month.visit()
    run = only_run(month)
    for query in (
        "kind=invoices",
        "person=administrator%40nordet.example",
        "person=-",
        "result=done",
        "first=2026-11-01&last=2026-11-01",
        "period=calendar-2026",
        f"period=run-{run.id}",
        "kind=costs&result=done&person=administrator%40nordet.example",
    ):
        text = admin.get(f"{HISTORY}?{query}").text
        assert "No exchange matches" not in text, query
        assert "Show all" in text
        link = re.findall(r'href="(/connections/1/exchanges/\d+)"', text)[0]
        assert "QuickBooks' answer" in words(admin.get(link))
    for query in ("result=refused", "kind=searches", "person=nobody", "last=2026-10-31", "period=calendar-2025"):
        assert "No exchange matches" in admin.get(f"{HISTORY}?{query}").text, query
    for query in ("kind=nonsense&result=x&first=x&older=x&period=%00", "older=999999999999999", "newer=-1"):
        assert admin.get(f"{HISTORY}?{query}").status_code == 200, query


def test_a_fiscal_year_that_begins_in_april(admin: Any, month: Any) -> None:
    settings = {
        "invoice_day": "1",
        "time_zone": "America/Toronto",
        "prorate": ["additions", "removals", "partial"],
        "fiscal_first_month": "4",
    }
    assert admin.post("/connections/1/settings", settings).status_code == 303
    assert billing_settings.get_settings(month.portal, 1).fiscal_first_month == 4
    assert "First month of the fiscal year" in admin.get("/connections/1/log").text
    month.bill()
    month.visit()
    page = admin.get(f"{SCREEN}?send=fiscal-2026")
    text = words(page)
    assert "Fiscal year" in page.text
    assert "2026–2027 (April 1, 2026 – March 31, 2027)" in text
    assert "12 invoices in QuickBooks" in text
    assert "A year is to look at." in text
    assert "No exchange matches" not in admin.get(f"{HISTORY}?period=fiscal-2026").text
    assert "No exchange matches" in admin.get(f"{HISTORY}?period=fiscal-2025").text
    bad = admin.post("/connections/1/settings", {**settings, "fiscal_first_month": "13"})
    assert bad.status_code == 400
    assert "The first month of the fiscal year is one from 1" in bad.text


def test_the_file_follows_the_filters_and_its_name_says_what_it_is(admin: Any, month: Any) -> None:
    send(admin)
    month.visit()
    answer = admin.get(f"{SCREEN}.csv?kind=costs")
    assert answer.mimetype == "text/csv"
    assert 'filename="exchanges-1.csv"' in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {row["kind"] for row in rows} == {"costs"}
    assert f'href="{SCREEN}.csv?kind=costs"' in admin.get(f"{HISTORY}?kind=costs").text


def test_without_an_accountant_there_is_no_box_but_a_way_to_invite_one(admin: Any) -> None:
    text = admin.get(SCREEN).text
    assert "is_shared" not in text
    assert "No accountant has joined this connection." in text
    assert 'href="/connections/1/members"' in text


def test_the_box_is_ticked_once_an_accountant_has_joined_and_its_effect_is_said(
    admin: Any, joined: Callable[..., Any], month: Any
) -> None:
    joined(CPA, Role.ACCOUNTANT)
    text = admin.get(SCREEN).text
    assert re.search(r'name="is_shared" checked', text)
    assert "Not ticked: both are kept from your accountant" in text
    send(admin, is_shared="on")
    assert only_run(month).is_shared


def test_what_is_not_shared_the_accountant_does_not_see_until_it_is(
    admin: Any, joined: Callable[..., Any], month: Any
) -> None:
    cpa = joined(CPA, Role.ACCOUNTANT)
    send(admin)
    month.visit()
    run = only_run(month)
    assert not run.is_shared
    everything = exchange_history.read_history(month.portal, 1, WantedEntries(period=f"run-{run.id}")).rows
    carried = [f"/connections/1/exchanges/{one.exchange_id}" for one in everything]
    draft = month.run().drafts[0]
    hidden = [
        f"/connections/1/runs/{run.id}",
        f"/connections/1/runs/{run.id}.csv",
        f"/connections/1/runs/{run.id}/activity",
        *carried,
        f"{carried[0]}/request.xml",
        f"{carried[0]}/answer.xml",
    ]
    for path in hidden:
        assert cpa.get(path).status_code == 404, path
        assert admin.get(path).status_code == 200, path
    for path in ("/connections/1/runs", SCREEN, HISTORY, f"{SCREEN}.csv", "/connections/1/status"):
        text = cpa.get(path).text
        assert f"/runs/{run.id}" not in text, path
        assert not any(f'href="{one}"' in text for one in carried), path
        assert draft.ref_number is None or f"No. {draft.ref_number}" not in text
    assert cpa.get(f"{HISTORY}?period=run-{run.id}").text.count("<tr>") == 0
    page = admin.get(f"/connections/1/runs/{run.id}").text
    assert "These invoices and their exchanges are kept from your accountant." in page
    assert "Not shared with the accountant" in admin.get("/connections/1/runs").text
    shared = admin.post(f"/connections/1/runs/{run.id}/share", {"is_shared": "1"})
    assert shared.status_code == 303
    for path in hidden:
        assert cpa.get(path).status_code == 200, path
    assert "Sharing of a run with the accountant changed" in admin.get("/connections/1/log").text
    admin.get(f"/connections/1/runs/{run.id}")
    admin.post(f"/connections/1/runs/{run.id}/share", {"is_shared": ""})
    assert cpa.get(hidden[0]).status_code == 404


def test_the_accountant_of_the_partner_itself_is_meant_too(admin: Any, person: Callable[..., Any], month: Any) -> None:
    own = person(Role.ACCOUNTANT)
    assert "is_shared" in admin.get(SCREEN).text
    send(admin)
    assert own.get(f"/connections/1/runs/{only_run(month).id}").status_code == 404
    assert person(Role.READ_ONLY).get(f"/connections/1/runs/{only_run(month).id}").status_code == 200


@pytest.mark.parametrize("role", READERS)
def test_readers_see_both_halves_and_the_history_and_queue_nothing(person: Callable[[Role], Any], role: Role) -> None:
    reader = person(role)
    text = words(reader.get(SCREEN))
    assert "12 invoices to send" in text
    assert "Whoever bills queues them for the next visit." in text
    assert "Queue all" not in text
    assert reader.post(f"{SCREEN}/send", {"whole": "x"}).status_code == 403
    assert reader.post(f"{SCREEN}/lists").status_code == 403


def test_another_partner_finds_nothing(person: Callable[[str], Any], month: Any) -> None:
    month.bill()
    outsider = person(OUTSIDER)
    for path in (SCREEN, HISTORY, f"{SCREEN}.csv", f"{SCREEN}/activity"):
        assert outsider.get(path).status_code == 404, path
    for path in (f"{SCREEN}/send", f"{SCREEN}/lists", "/connections/1/runs/1/share"):
        assert outsider.post(path, {"whole": "x"}).status_code == 404, path


def test_the_page_is_told_what_came_and_nothing_while_nothing_did(admin: Any, month: Any) -> None:
    text = admin.get(SCREEN).text
    address = unescape(re.findall(r'hx-get="([^"]+/exchanges/activity[^"]*)"', text)[0])
    assert admin.get(address).status_code == 204
    month.bill()
    month.visit()
    news = admin.get(address)
    assert news.status_code == 200
    for name in ("departure", "receive", "entries"):
        assert f'id="{name}" hx-swap-oob="true"' in news.text
    assert "<form" not in news.text.partition('id="receive"')[0], "what a person chooses is left alone"
    again = unescape(re.findall(r'hx-get="([^"]+/exchanges/activity[^"]*)"', news.text)[0])
    assert admin.get(again).status_code == 204
    only = admin.get(f"{SCREEN}/activity?on_page=history&kind=costs").text
    assert 'id="receive"' not in only
    assert "Unit costs" in only


def test_nothing_left_to_bill_is_no_error_of_the_screen(admin: Any, month: Any) -> None:
    billing.bill(month.portal, 1)
    with pytest.raises(AssertionError):
        send(admin)
    assert admin.get(f"{SCREEN}?send=2026-12-01").status_code == 200
    assert admin.get(f"{SCREEN}?send=nonsense").status_code == 400
    assert admin.get(f"{SCREEN}?send=2026-11-02").status_code == 400
