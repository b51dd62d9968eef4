"""What may be changed of how a connection bills, and what is locked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from portal.billing.options import Approval, Grouping, NegativeTotal, ProrateBy
from portal.errors import Refused
from portal.models import AuditEntry
from portal.services import Portal, billing_settings

WHO = "accounts@nordet.example"


def change(portal: Portal, connection_id: int, **changes: Any) -> billing_settings.BillingSettings:
    return billing_settings.change_settings(portal, connection_id, changes, who=WHO)


def test_what_is_changed_is_kept_and_somebody_did_it(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    changed = change(
        any_portal,
        made.id,
        prorate_by="rate",
        grouping="offer",
        negative_total="credit-memo",
        approval="manual",
        invoice_day=31,
        prorate=["removals"],
        description="{offer} {month}",
    )
    assert billing_settings.get_settings(any_portal, made.id) == changed
    assert (changed.prorate_by, changed.grouping) == (ProrateBy.RATE, Grouping.OFFER)
    assert (changed.negative_total, changed.approval) == (NegativeTotal.CREDIT_MEMO, Approval.MANUAL)
    assert (changed.invoice_day, changed.prorate) == (31, {"removals"})
    with any_portal.database.read() as db:
        (entry,) = db.scalars(sa.select(AuditEntry).filter_by(action="change-settings")).all()
    assert (entry.who, entry.action, entry.at) == (WHO, "change-settings", any_portal.now())
    assert entry.detail["prorate_by"] == ["quantity", "rate"]
    assert change(any_portal, made.id, invoice_day=31) == changed
    with any_portal.database.read() as db:
        assert len(db.scalars(sa.select(AuditEntry).filter_by(action="change-settings")).all()) == 1


def test_the_billing_mode_is_locked(any_portal: Portal, make_one: Callable[..., Any]) -> None:
    made = make_one()
    before = billing_settings.get_settings(any_portal, made.id)
    assert change(any_portal, made.id, billing_mode="in-arrears") == before
    with pytest.raises(Refused, match="cannot be changed any more"):
        change(any_portal, made.id, billing_mode="in-advance", invoice_day=5)
    assert billing_settings.get_settings(any_portal, made.id) == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"invoice_day": 0}, "The invoice day 0"),
        ({"invoice_day": 32}, "The invoice day 32"),
        ({"prorate": ["everything"]}, "no proration everything"),
        ({"time_zone": "America/Nowhere"}, "no time zone America/Nowhere"),
        ({"time_zone": "../etc/passwd"}, "no time zone"),
        ({"grouping": "colour"}, "colour is no choice for grouping"),
        ({"description": "{offer} {price}"}, "{price} is no placeholder"),
        ({"description": "{offer"}, "no placeholder"),
        ({"description": "{offer!r}"}, "no placeholder"),
        ({"description": "{offer.__class__}"}, "no placeholder"),
        ({"description": "x" * 501}, "more than 500 characters"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_changes(
    any_portal: Portal, make_one: Callable[..., Any], changes: dict[str, Any], told: str
) -> None:
    made = make_one()
    before = billing_settings.get_settings(any_portal, made.id)
    with pytest.raises(Refused) as refused:
        change(any_portal, made.id, **changes)
    assert told in str(refused.value)
    assert billing_settings.get_settings(any_portal, made.id) == before
