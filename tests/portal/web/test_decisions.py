"""The decisions about an invoice on its page: offered when they apply, to those who may, and shown afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.models import Draft, DraftState, Role
from portal.services import runs
from qbwc.models import Job, JobState

RUN, DRAFT = "/connections/1/runs/1", "/connections/1/drafts/1"
ACTIONS = ("settle", "ignore", "release", "reopen")


@pytest.fixture
def stopped(month: Any) -> Any:
    """The month, with its first invoice stopped; nothing has left."""
    month.bill()
    with month.portal.database.write() as db:
        draft = db.get_one(Draft, 1)
        draft.state, draft.code, draft.detail = DraftState.PARKED, "3140", "no such customer"
        db.query(Job).filter_by(key="draft:1").one().state = JobState.PARKED
    return month


def state(month: Any) -> DraftState:
    return runs.get_run(month.portal, 1, 1).drafts[0].state


def test_a_stopped_invoice_offers_what_may_be_decided_each_with_what_it_does(stopped: Any, admin: Any) -> None:
    text = admin.get(RUN).text
    for button in ("Try again", "Mark as settled", "Do not bill", "Clear the link…"):
        assert text.count(button) == 1, button
    assert "entered or corrected it there by hand" in text
    assert "would be billed a second time" in text
    assert f'action="{DRAFT}/reopen"' not in text
    assert text.count("<details class") == 12
    assert text.count(" open>") == 1


def test_settled_it_is_told_by_whom_and_is_no_problem_any_more(stopped: Any, admin: Any) -> None:
    assert 'href="/connections/1/runs/1?draft=1#draft-1"' in admin.get("/connections/1/status").text
    admin.get(RUN)
    answer = admin.post(f"{DRAFT}/settle")
    assert (answer.status_code, answer.location) == (303, f"{RUN}?draft=1#draft-1")
    text = admin.get(RUN).text
    assert "Its charges count as billed." in text
    assert "Marked as settled by administrator@nordet.example · Nov 1, 2026" in text
    assert ">Settled<" in text
    for action in ("settle", "ignore", "release", "retry"):
        assert f'action="{DRAFT}/{action}"' not in text
    assert "#draft-1" not in admin.get("/connections/1/status").text
    assert state(stopped) is DraftState.DONE

    assert admin.post(f"{DRAFT}/settle").status_code == 400
    assert admin.post(f"{DRAFT}/reopen").status_code == 303
    text = admin.get(RUN).text
    assert "Decision taken back by administrator@nordet.example" in text
    assert f'action="{DRAFT}/settle"' in text
    assert state(stopped) is DraftState.PARKED


def test_not_to_be_billed(stopped: Any, admin: Any) -> None:
    admin.get(RUN)
    assert admin.post(f"{DRAFT}/ignore").status_code == 303
    assert "Marked as not to be billed by administrator@nordet.example" in admin.get(RUN).text
    assert state(stopped) is DraftState.IGNORED


def test_clearing_the_link_waits_for_the_search_and_says_so(stopped: Any, admin: Any) -> None:
    admin.get(RUN)
    assert admin.post(f"{DRAFT}/release").status_code == 303
    text = admin.get(RUN).text
    assert "QuickBooks is searched for this invoice at the next visit of the Web Connector." in text
    for action in (*ACTIONS, "retry"):
        assert f'action="{DRAFT}/{action}"' not in text
    assert "#draft-1" not in admin.get("/connections/1/status").text
    again = admin.post(f"{DRAFT}/release")
    assert again.status_code == 400
    assert "Decide once it has answered" in again.text
    stopped.visit()
    text = admin.get(RUN).text
    assert "Not in QuickBooks: the link was cleared" in text
    assert "the next run bills them" in text


def test_an_invoice_that_is_verified_offers_only_to_clear_its_link(month: Any, admin: Any) -> None:
    month.bill()
    month.visit()
    text = admin.get(RUN).text
    assert text.count("Search QuickBooks, then clear the link") == 12
    assert "Mark as settled" not in text
    assert " open>" not in text


@pytest.mark.parametrize("role", [Role.ACCOUNTANT, Role.READ_ONLY])
def test_readers_see_what_was_decided_and_decide_nothing(
    stopped: Any, admin: Any, person: Callable[..., Any], role: Role
) -> None:
    reader = person(role)
    text = reader.get(RUN).text
    for action in (*ACTIONS, "retry"):
        assert f"/drafts/1/{action}" not in text
        assert reader.post(f"{DRAFT}/{action}").status_code == 403
    assert state(stopped) is DraftState.PARKED
    admin.get(RUN)
    admin.post(f"{DRAFT}/settle")
    assert "Marked as settled by administrator@nordet.example" in reader.get(RUN).text


def test_billing_may_decide(stopped: Any, person: Callable[..., Any]) -> None:
    who = person(Role.BILLING)
    who.get(RUN)
    assert who.post(f"{DRAFT}/ignore").status_code == 303
    assert "by billing@nordet.example" in who.get(RUN).text


def test_in_doubt_one_is_told_to_try_again_first(month: Any, admin: Any) -> None:
    month.bill()
    month.visit("lost-answer@3")
    with month.portal.database.write() as db:
        for draft in db.query(Draft):
            draft.state, draft.code = DraftState.PARKED, "0x80040402"
    text = admin.get(RUN).text
    assert "Nobody knows yet whether QuickBooks wrote it." in text
    unsure = next(one.id for one in month.run().drafts if one.mode == "create")
    assert f"/drafts/{unsure}/settle" not in text
    assert f"/drafts/{unsure}/retry" in text
    refused = admin.post(f"/connections/1/drafts/{unsure}/settle")
    assert refused.status_code == 400
    assert "nothing is written twice" in refused.text


def test_who_tried_again_is_shown(stopped: Any, admin: Any) -> None:
    admin.get(RUN)
    assert admin.post(f"{DRAFT}/retry").status_code == 303
    assert "Sent again by administrator@nordet.example" in admin.get(RUN).text
