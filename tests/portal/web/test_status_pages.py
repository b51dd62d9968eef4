"""Status: every error of the catalogue is shown with its cause and what to do, in both languages; grouped and paged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask

from portal.billing.invoice import Difference
from portal.billing.mapping import Reason
from portal.billing.matching import Obstacle
from portal.models import Draft, DraftState, Organization, Role
from portal.services import quickbooks, status
from portal.services.status import readiness
from portal.web import language
from qbwc.models import Job, JobState
from qbwc.qbxml.reaction import Section
from qbwc.qbxml.status import catalogue, expand

STATUS = "/connections/1/status"


def numbers(section: Section) -> list[int]:
    """The first number of each entry of a section; 0 is no error."""
    return sorted({number for entry in catalogue(section) if (number := min(expand(entry.code)))})


CODES = [
    *map(str, numbers(Section.STATUS)),
    *map(str, numbers(Section.MESSAGE_SET)),
    *(f"0x{number:08X}" for number in numbers(Section.HRESULT)),
    *map(str, (*Reason, *Obstacle, *Difference)),
    "unreadable",
    "our-bug",
    "unhandled",
]


def stop(month: Any, codes: list[str], detail: str = "a detail") -> None:
    """The invoices of the run are stopped, each with one of these codes; the others are verified."""
    with month.portal.database.write() as db:
        drafts = db.query(Draft).order_by(Draft.id).all()
        for number, draft in enumerate(drafts):
            has_code = number < len(codes)
            draft.state = DraftState.PARKED if has_code else DraftState.RECONCILED
            draft.code, draft.detail = (codes[number], detail) if has_code else (None, None)
        db.query(Job).filter(Job.key.startswith("draft:")).update({"state": JobState.PARKED})


@pytest.fixture
def dispatched(month: Any) -> Any:
    """The month, billed; nothing has left."""
    month.bill()
    return month


def test_every_code_has_a_cause_and_a_remedy_in_both_languages() -> None:
    assert len(CODES) > 130
    for code in CODES:
        what, do = quickbooks.explained(code, "a detail")
        told = [what] if do is None else [what, do]
        for text in ("en", "fr"):
            said = [one.by_language.get(text, str(one)) for one in told]
            assert all(said), code
            assert len(said) > 1 or said[0].count(". ") >= 1, f"{code}: a cause, and what to do"


@pytest.mark.parametrize("spoken", ["en", "fr"])
def test_the_page_shows_every_code_with_its_cause_and_remedy(
    site: Flask, admin: Any, dispatched: Any, monkeypatch: pytest.MonkeyPatch, spoken: str
) -> None:
    monkeypatch.setattr(readiness, "FEW", 12)
    admin.post("/language", {"language": spoken, "next": "/"})
    for begin in range(0, len(CODES), 12):
        some = CODES[begin : begin + 12]
        stop(dispatched, some)
        page = unescape(admin.get(STATUS).text)
        with site.test_request_context("/", headers={"Accept-Language": spoken}):
            for code in some:
                what, do = quickbooks.explained(code, "a detail")
                assert language.say(what) in page, code
                assert do is None or language.say(do) in page, code
                assert code in page


def test_problems_are_grouped_by_kind_and_each_kind_has_pages(
    admin: Any, dispatched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FEW", 3)
    monkeypatch.setattr(readiness, "SIZE", 5)
    stop(dispatched, ["3140"] * 7 + ["invoice-paid"])
    dispatched.map("organization,Studio Lumière,,,yes,create")
    text = admin.get(STATUS).text
    assert "10 problems" in text, "and the item that has no cost field"
    assert "Show all 8" in text
    assert text.count("The organization has no QuickBooks customer.") == 1
    first = admin.get(f"{STATUS}?kind=invoices").text
    assert "1 to 5 of 8" in first
    assert first.count("#draft-") == 5
    assert "no QuickBooks customer. Choose one" not in first
    second = admin.get(f"{STATUS}?kind=invoices&page=2").text
    assert "6 to 8 of 8" in second
    only = admin.get(f"{STATUS}?kind=invoices&code=invoice-paid").text
    assert only.count("#draft-") == 1
    assert "By cause" in only
    assert "None of this kind." in admin.get(f"{STATUS}?kind=lists").text
    assert admin.get(f"{STATUS}?kind=nothing&page=x&code=%00").status_code == 200


def test_buttons_are_offered_where_they_apply_and_to_those_who_may(
    admin: Any, dispatched: Any, person: Callable[..., Any]
) -> None:
    stop(dispatched, ["3140"])
    text = admin.get(STATUS).text
    for deed in ("retry", "settle", "ignore"):
        assert f'action="/connections/1/drafts/1/{deed}"' in text
    assert "/connections/1/runs/1?draft=1#draft-1" in text
    assert "/drafts/1/" not in person(Role.READ_ONLY).get(STATUS).text
    assert admin.post("/connections/1/drafts/1/settle").status_code == 303
    assert "/drafts/1/" not in admin.get(STATUS).text


def test_a_later_success_clears_the_error(admin: Any, dispatched: Any) -> None:
    stop(dispatched, ["3140"])
    assert "#draft-1" in admin.get(STATUS).text
    assert admin.post("/connections/1/drafts/1/retry").status_code == 303
    assert dispatched.visit().went_well
    assert "#draft-1" not in admin.get(STATUS).text


def test_the_pages_agree_with_the_whole_list(dispatched: Any) -> None:
    stop(dispatched, ["3140"] * 3)
    dispatched.map("organization,Studio Lumière,,,yes,create\noffer,Email Security,SEC-MAIL,,yes,")
    whole = dispatched.status().problems
    seen = status.overview(dispatched.portal, 1)
    assert seen.count == len(whole)
    assert sorted(one.code for page in seen.pages.values() for one in page.rows) == sorted(one.code for one in whole)


def test_the_first_line_says_no_and_why(admin: Any, dispatched: Any) -> None:
    assert "Ready to invoice: yes" in admin.get(STATUS).text
    dispatched.map("organization,Studio Lumière,,,yes,create")
    text = admin.get(STATUS).text
    assert "Ready to invoice: no" in text
    assert "Organizations without a QuickBooks customer: 1." in text


def test_a_visit_that_failed_is_told_on_top_with_a_way_to_try_again(admin: Any, month: Any) -> None:
    month.clock.at += timedelta(minutes=1)
    assert not month.visit("no-company").went_well
    for page in (STATUS, "/connections/1/preview"):
        text = admin.get(page).text
        assert 'class="alert alert-danger' in text, page
        assert 'action="/connections/1/visits/again"' in text, page
    answer = admin.post("/connections/1/visits/again")
    assert (answer.status_code, answer.location) == (303, STATUS)
    assert "The portal cannot start the Web Connector" in admin.get(STATUS).text
    assert month.visit().went_well
    assert 'class="alert alert-danger' not in admin.get(STATUS).text


def test_what_waits_to_be_billed_is_told_with_the_button_to_the_preview(admin: Any, month: Any) -> None:
    text = admin.get(STATUS).text
    assert "new lines." in text
    assert "Open the preview" in text
    assert "Open the preview" in admin.get("/connections/1").text
    month.bill()
    assert "Open the preview" not in admin.get(STATUS).text


def test_an_organization_with_a_strange_name_is_never_markup(admin: Any, dispatched: Any) -> None:
    with dispatched.portal.database.write() as db:
        db.query(Organization).filter_by(name="Studio Lumière").update({"name": "<b>x</b>", "customer_list_id": None})
    text = admin.get(STATUS).text
    assert "&lt;b&gt;x" in text
    assert "<b>x" not in text
