"""Exchanges: what crossed the wire is kept for as long as the settings say, and what is in doubt for longer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal import worker
from portal.errors import NotFound
from portal.services import exchanges, preview, status


def test_texts_go_after_ninety_days_and_visits_after_four_hundred(any_month: Any) -> None:
    month = any_month
    (visit,) = status.visits(month.portal, 1)
    seen = exchanges.list_exchanges(month.portal, 1)
    month.clock.at += timedelta(days=90)
    worker.forget_what_is_old(month.portal)
    assert exchanges.read_exchange(month.portal, 1, seen.exchanges[1].id).request
    month.clock.at += timedelta(seconds=1)
    worker.forget_what_is_old(month.portal)
    texts = exchanges.read_exchange(month.portal, 1, seen.exchanges[1].id)
    assert (texts.request, texts.answer) == (None, None)
    assert exchanges.list_exchanges(month.portal, 1) == seen
    month.clock.at += timedelta(days=310)
    worker.forget_what_is_old(month.portal)
    assert status.visits(month.portal, 1) == ()
    with pytest.raises(NotFound):
        exchanges.list_exchanges(month.portal, 1, visit.id)
    assert exchanges.list_exchanges(month.portal, 1).exchanges == ()
    assert month.status().lists[0].count == 41, "what the visits brought stays"


def test_after_everything_is_forgotten_nothing_is_billed_again(any_month: Any) -> None:
    month = any_month
    month.bill()
    assert month.visit().went_well
    before = len(month.company()["transactions"]["Invoice"])
    month.clock.at += timedelta(days=401)
    worker.forget_what_is_old(month.portal)
    assert status.visits(month.portal, 1) == ()
    assert month.status().invoices == {"reconciled": 12}
    assert month.visit().went_well
    assert all(draft.reason for draft in preview.preview(month.portal, 1, month.run().invoice_date).drafts)
    assert len(month.company()["transactions"]["Invoice"]) == before


def test_an_exchange_in_doubt_is_kept_until_it_is_known(any_month: Any) -> None:
    month = any_month
    month.bill()
    before = len(month.company()["transactions"]["Invoice"])
    doubtful: list[exchanges.ExchangeView] = []
    for at in range(1, 10):
        month.visit(f"lost-answer@{at}")
        month.clock.at += timedelta(hours=1)
        seen = exchanges.list_exchanges(month.portal, 1).exchanges
        doubtful = [one for one in seen if one.is_write and one.state == "sent"]
        if doubtful:
            break
    month.clock.at += timedelta(days=800)
    worker.forget_what_is_old(month.portal)
    assert exchanges.read_exchange(month.portal, 1, doubtful[0].id).request
    while month.status().waiting_requests:
        assert month.visit().went_well
        month.clock.at += timedelta(hours=1)
    assert month.status().invoices == {"reconciled": 12}
    created = [draft for draft in month.run().drafts if draft.mode == "create"]
    assert len(month.company()["transactions"]["Invoice"]) == before + len(created)
