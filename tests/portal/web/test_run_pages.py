"""A run on its page: paged, filtered, searched, counted; followed live while something moves; and as a file."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from portal.models import Draft, DraftState
from portal.services import run_pages
from qbwc.models import Session
from qbwc.session import State

RUN = "/connections/1/runs/1"


@pytest.fixture
def dispatched(month: Any) -> Any:
    """The month, billed; nothing has left."""
    month.bill()
    return month


def drafts_on(text: str) -> list[int]:
    return [int(one) for one in re.findall(r'id="draft-(\d+)"', text)]


def test_its_invoices_have_pages_and_a_link_finds_the_page(
    admin: Any, dispatched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_pages, "SIZE", 5)
    assert drafts_on(admin.get(RUN).text) == [1, 2, 3, 4, 5]
    assert drafts_on(admin.get(f"{RUN}?page=3").text) == [11, 12]
    assert drafts_on(admin.get(f"{RUN}?page=99").text) == [11, 12]
    linked = admin.get(f"{RUN}?draft=7").text
    assert drafts_on(linked) == [6, 7, 8, 9, 10]
    assert re.search(r'id="draft-7" open', linked)
    assert drafts_on(admin.get(f"{RUN}?draft=99999999999999999999").text) == [11, 12]


def test_they_are_filtered_by_state_and_searched(admin: Any, dispatched: Any) -> None:
    with dispatched.portal.database.write() as db:
        db.get_one(Draft, 3).state = DraftState.PARKED
        db.get_one(Draft, 4).ref_number = "4711"
    assert drafts_on(admin.get(f"{RUN}?state=parked").text) == [3]
    assert len(drafts_on(admin.get(f"{RUN}?q=LUMI").text)) == 1
    assert drafts_on(admin.get(f"{RUN}?q=4711").text) == [4]
    assert drafts_on(admin.get(f"{RUN}?q=4711&state=parked").text) == []
    assert "No invoice matches" in admin.get(f"{RUN}?q=4711&state=parked").text
    assert len(drafts_on(admin.get(f"{RUN}?state=nothing").text)) == 12
    listed = admin.get("/connections/1/runs").text
    assert "11 · Waiting for the Web Connector" in listed
    assert "1 · Stopped, needs you" in listed


def test_the_totals_are_those_of_quickbooks_to_the_cent(admin: Any, dispatched: Any) -> None:
    assert dispatched.visit().went_well
    seen = dispatched.run().drafts
    expected = sum(one.total for one in seen)
    text = admin.get(RUN).text
    assert f"{expected:,.2f}" in text
    made = run_pages.read_run(dispatched.portal, 1, 1, run_pages.Wanted())
    assert (made.totals.invoices, made.totals.total) == (12, expected)
    assert made.totals.tax == sum(one.tax for one in seen)


def test_each_invoice_leads_to_the_exchange_that_carried_it(admin: Any, dispatched: Any) -> None:
    assert "See the exchange" not in admin.get(RUN).text
    assert dispatched.visit().went_well
    text = admin.get(RUN).text
    assert text.count("See the exchange") == 12
    there = re.findall(r'href="(/connections/1/exchanges/\d+)"', text)[0]
    assert "Asked QuickBooks to" in admin.get(there).text


def test_a_visit_is_followed_live(admin: Any, dispatched: Any) -> None:
    page = admin.get(RUN).text
    assert "12 invoices are waiting for the Web Connector: click Update Selected there." in page
    assert 'http-equiv="refresh"' not in page, "nothing moves by itself"
    look = re.search(r'hx-get="([^"]+/activity[^"]*)"', page)
    assert look is not None
    address = look[1].replace("&amp;", "&")
    quiet = admin.get(address)
    assert "HX-Refresh" not in quiet.headers
    with dispatched.portal.database.write() as db:
        db.add(
            Session(
                connection_id=1,
                ticket_hash="t",
                state=State.READY,
                opened_at=dispatched.clock(),
                last_contact_at=dispatched.clock(),
                total=40,
                done=12,
            )
        )
    moving = admin.get(address)
    assert "Visit under way: 12 of 40 messages." in moving.text
    assert "HX-Refresh" not in moving.headers, "the rows come anew once, at the end"
    page = admin.get(RUN).text
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    with dispatched.portal.database.write() as db:
        session = db.query(Session).filter_by(ticket_hash="t").one()
        session.state, session.result = State.CLOSED, "done"
        db.query(Draft).update({"state": DraftState.RECONCILED})
    ended = admin.get(address)
    assert ended.headers["HX-Refresh"] == "true"
    assert "/runs/1/activity" not in admin.get(RUN).text, "nothing waits any more"


def test_a_visit_that_was_broken_off_is_not_under_way_for_ever(dispatched: Any) -> None:
    opened = dispatched.clock() - run_pages.STILL_THERE
    with dispatched.portal.database.write() as db:
        db.add(Session(connection_id=1, ticket_hash="t", opened_at=opened, last_contact_at=opened))
    assert not run_pages.read_activity(dispatched.portal, 1, 1).is_visiting


def test_the_file_has_every_line_and_no_formula(admin: Any, dispatched: Any) -> None:
    with dispatched.portal.database.write() as db:
        draft = db.get_one(Draft, 1)
        draft.organization.name, draft.lines[0].description = "=1+1", "@x"
    answer = admin.get(f"{RUN}.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == sum(len(one.rows) for one in dispatched.run().drafts)
    assert (rows[0]["organization"], rows[0]["description"]) == ("'=1+1", "'@x")
    assert admin.get("/connections/1/runs/99.csv").status_code == 404
