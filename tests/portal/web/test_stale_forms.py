"""Forms that come late, twice, or with what no field takes: nothing is lost, and each answer says what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from portal.billing.period import BillingMode
from portal.models import Offer
from portal.services import billing_settings, wizard
from tests.portal.conftest import PARTNER

SETTINGS = "/connections/1/settings"
ORGANIZATION = "/connections/1/organizations/1"


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of the first form with a token and a version."""
    found = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', page))
    return {name: found[name] for name in ("seen", "invoice_day", "time_zone", "po_number") if name in found}


def test_settings_that_changed_meanwhile_are_not_overwritten(admin: Any, month: Any) -> None:
    first, second = fields_of(admin.get(SETTINGS).text), fields_of(admin.get(SETTINGS).text)
    choices = {"prorate_by": "quantity", "description": ""}
    assert admin.post(SETTINGS, {**first, **choices, "approval": "manual"}).status_code == 303
    late = admin.post(SETTINGS, {**second, **choices, "approval": "automatic", "invoice_day": "9"})
    assert late.status_code == 409
    assert "nothing was saved" in late.text
    assert 'value="9"' in late.text, "what was typed stays"
    kept = billing_settings.get_settings(month.portal, month.connection_id)
    assert (kept.approval, kept.invoice_day) == ("manual", 1)
    again = admin.post(SETTINGS, {**fields_of(late.text), **choices, "approval": "automatic"})
    assert again.status_code == 303
    assert billing_settings.get_settings(month.portal, month.connection_id).invoice_day == 9


def test_a_form_that_came_back_does_not_forget_what_it_was_filled_with(admin: Any, month: Any) -> None:
    """Another person's change is told, too, when the form was refused for something else in between."""
    first, second = fields_of(admin.get(SETTINGS).text), fields_of(admin.get(SETTINGS).text)
    assert admin.post(SETTINGS, {**first, "approval": "manual"}).status_code == 303
    wrong = admin.post(SETTINGS, {**second, "approval": "automatic", "invoice_day": "x"})
    assert wrong.status_code == 400
    assert admin.post(SETTINGS, {**fields_of(wrong.text), "invoice_day": "9"}).status_code == 409

    first, second = fields_of(admin.get(ORGANIZATION).text), fields_of(admin.get(ORGANIZATION).text)
    assert admin.post(ORGANIZATION, {**first, "po_number": "A-1"}).status_code == 303
    wrong = admin.post(ORGANIZATION, {**second, "po_number": "B" * 99})
    assert wrong.status_code == 400
    late = admin.post(ORGANIZATION, {**fields_of(wrong.text), "po_number": "B-2"})
    assert late.status_code == 409
    assert f'href="{ORGANIZATION}" target="_blank"' in late.text


def test_the_first_step_of_the_set_up_keeps_it_while_dates_are_shown(admin: Any, month: Any) -> None:
    made = wizard.begin(
        month.portal,
        wizard.Options(
            name="New", billing_mode=BillingMode.IN_ARREARS, invoice_day=1, prorate=frozenset(), start_date=None
        ),
        partner=PARTNER,
        language="en",
    )
    step = f"/connections/{made}/setup/options"
    page = fields_of(admin.get(step).text)
    billing_settings.change_settings(month.portal, made, {"invoice_day": 5}, who="another@nordet.example")
    typed = {"name": "New", "billing_mode": "in-arrears", "invoice_day": "7"}
    shown = admin.post(step, {**page, **typed, "show": "dates"})
    late = admin.post(step, {**fields_of(shown.text), **typed})
    assert late.status_code == 409
    assert "nothing was saved" in late.text
    assert 'value="7"' in late.text
    assert f'href="{step}" target="_blank"' in late.text
    assert admin.post(step, {**fields_of(late.text), **typed}).status_code == 303


def test_invoice_fields_that_changed_meanwhile_are_not_overwritten(admin: Any) -> None:
    first, second = fields_of(admin.get(ORGANIZATION).text), fields_of(admin.get(ORGANIZATION).text)
    assert admin.post(ORGANIZATION, {**first, "po_number": "A-1"}).status_code == 303
    late = admin.post(ORGANIZATION, {**second, "po_number": "B-2"})
    assert late.status_code == 409
    assert 'value="B-2"' in late.text
    assert 'value="A-1"' in admin.get(ORGANIZATION).text


def test_a_bill_form_that_is_sent_twice_leads_to_what_it_billed(admin: Any, month: Any) -> None:
    page = admin.get("/connections/1/preview?on=2026-11-01").text
    approved = re.findall(r'name="approved" value="([^"]+)"', page)
    form = {"on": "2026-11-01", "approved": approved}
    first = admin.post("/connections/1/bill", form)
    second = admin.post("/connections/1/bill", form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert second.location == first.location
    assert "billed already" in admin.get(second.location).text
    assert len(month.run().drafts) == len(approved)


def test_a_bill_form_that_is_too_old_leads_to_the_preview(admin: Any, month: Any) -> None:
    page = admin.get("/connections/1/preview?on=2026-11-01").text
    number, _colon, _print = re.findall(r'name="approved" value="([^"]+)"', page)[0].partition(":")
    answer = admin.post("/connections/1/bill", {"on": "2026-11-01", "approved": [f"{number}:0000"]})
    assert (answer.status_code, answer.location) == (303, "/connections/1/preview?on=2026-11-01")
    assert "Something changed since the preview" in admin.get(answer.location).text


@pytest.mark.parametrize("number", ["0" * 5000, "1" * 5000, "0" * 20 + "9" * 30, "9" * 10, "²", "-1"])
def test_a_number_of_no_row_is_no_fault_of_ours(admin: Any, number: str) -> None:
    for path in ("offers", "organizations"):
        assert admin.get(f"/connections/1/{path}?row={number}").status_code == 200
        assert admin.post(f"/connections/1/{path}", {f"was-{number}": "x", f"name-{number}": "y"}).status_code < 500
        assert admin.post(f"/connections/1/{path}/suggestions", {"use": f"{number}:8000"}).status_code < 500
    assert admin.post("/connections/1/bill", {"approved": f"{number}:1"}).status_code == 400
    assert admin.post("/connections/1/columns/delete", {"profile": number}).status_code in (404, 405)


def test_a_billing_mode_that_there_is_not_is_refused(admin: Any) -> None:
    answer = admin.post(SETTINGS, {**fields_of(admin.get(SETTINGS).text), "billing_mode": "x"})
    assert answer.status_code == 400
    assert "cannot be changed" in answer.text


def test_a_nul_is_typed_and_not_kept(admin: Any, month: Any) -> None:
    sent = {**fields_of(admin.get(ORGANIZATION).text), "po_number": "A\0-\x001"}
    assert admin.post(ORGANIZATION, sent).status_code == 303
    assert 'value="A-1"' in admin.get(ORGANIZATION).text
    with month.portal.database.read() as db:
        name = db.get_one(Offer, 1).name
    assert name in admin.get(f"/connections/1/offers?q=%00{name}").text


def test_a_run_that_is_followed_answers_nothing_while_nothing_changes(admin: Any, month: Any) -> None:
    month.bill()
    page = admin.get("/connections/1/runs/1").text
    address = re.findall(r'hx-get="([^"]+/activity[^"]*)"', page)[0].replace("&amp;", "&")
    assert admin.get(address).status_code == 204
    assert month.visit().went_well
    assert admin.get(address).headers["HX-Refresh"] == "true"
