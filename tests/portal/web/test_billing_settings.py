"""The page on which an administrator chooses how a connection bills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.models import Role
from portal.services import billing_settings

FORM = {
    "invoice_day": "31",
    "time_zone": "America/Vancouver",
    "start_date": "",
    "prorate": ["additions"],
    "approval": "manual",
    "prorate_by": "rate",
    "day_count": "30/360",
    "rounding": "unit",
    "grouping": "charge",
    "negative_total": "credit-memo",
    "description": "{offer}",
}


def test_what_is_saved_is_shown(admin: Any, month: Any) -> None:
    assert "In arrears" in admin.get("/connections/1/settings").text
    saved = admin.post("/connections/1/settings", FORM)
    assert (saved.status_code, saved.location) == (303, "/connections/1")
    text = admin.get("/connections/1/settings").text
    for value in ("manual", "rate", "30/360", "unit", "charge", "credit-memo"):
        assert f'value="{value}" checked' in text, value
    assert 'value="America/Vancouver"' in text
    assert billing_settings.get_settings(month.portal, 1).prorate == {"additions"}


def test_what_is_wrong_is_said_and_what_was_typed_stays(admin: Any, month: Any) -> None:
    before = billing_settings.get_settings(month.portal, 1)
    answer = admin.post("/connections/1/settings", {**FORM, "description": "{price} of {offer}"})
    assert answer.status_code == 400
    assert "{price} is no placeholder" in answer.text
    assert 'value="{price} of {offer}"' in answer.text
    assert 'value="credit-memo" checked' in answer.text
    assert billing_settings.get_settings(month.portal, 1) == before


def test_a_forged_billing_mode_is_refused_by_the_server(admin: Any, month: Any) -> None:
    admin.get("/connections/1/settings")
    answer = admin.post("/connections/1/settings", {**FORM, "billing_mode": "in-advance"})
    assert answer.status_code == 400
    assert "cannot be changed any more" in answer.text
    assert billing_settings.get_settings(month.portal, 1).invoice_day == 1


def test_only_administrators_see_it(person: Callable[[Role], Any]) -> None:
    for role in (Role.BILLING, Role.ACCOUNTANT, Role.READ_ONLY):
        visitor = person(role)
        assert visitor.get("/connections/1/settings").status_code == 403
        assert "/connections/1/settings" not in visitor.get("/connections/1").text
