"""What the pages count and add up in the database is what the whole lists say, on each kind of database."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from portal.errors import NotFound
from portal.models import Draft, DraftState
from portal.services import import_pages, run_pages, runs, status
from portal.services.paging import Wanted


def test_states_and_totals_are_those_of_the_invoices(any_month: Any) -> None:
    month = any_month
    month.bill()
    assert month.visit().went_well
    with month.portal.database.write() as db:
        draft = db.get_one(Draft, 1)
        draft.state, draft.code, draft.subtotal, draft.tax = DraftState.DIFFERENT, "total", Decimal("-0.05"), None
        db.get_one(Draft, 2).state = DraftState.PARKED
    whole = runs.get_run(month.portal, month.connection_id, 1)
    seen = run_pages.read_run(month.portal, month.connection_id, 1, Wanted())
    assert seen.run.states == Counter(one.state for one in whole.drafts)
    assert [row.view for row in seen.page.rows] == list(whole.drafts)
    there = [one for one in whole.drafts if one.state is not DraftState.PARKED]
    assert seen.totals.subtotal == sum(one.subtotal for one in there)
    assert seen.totals.tax == sum(one.tax or 0 for one in there)
    assert seen.run.troubled == 2
    (listed,) = run_pages.list_summaries(month.portal, month.connection_id).rows
    assert listed.states == seen.run.states
    parked = run_pages.read_run(month.portal, month.connection_id, 1, Wanted(filters={"state": "parked"}))
    assert [row.view.id for row in parked.page.rows] == [2]
    with pytest.raises(NotFound):
        run_pages.read_run(month.portal, month.connection_id, 2, Wanted())


def test_the_overview_counts_what_the_whole_list_has(any_month: Any) -> None:
    month = any_month
    month.bill()
    assert month.visit().went_well
    month.map("organization,Studio Lumière,,,yes,create\noffer,Email Security,SEC-MAIL,,yes,")
    with month.portal.database.write() as db:
        db.get_one(Draft, 1).state, db.get_one(Draft, 1).code = DraftState.PARKED, "3140"
    whole = status.status(month.portal, month.connection_id)
    seen = status.overview(month.portal, month.connection_id)
    assert seen.count == len(whole.problems) == sum(page.count for page in seen.pages.values())
    for kind in seen.counts:
        page = status.overview(month.portal, month.connection_id, kind=kind).pages[kind]
        assert page.rows == seen.pages[kind].rows
    assert [one.code for one in status.overview(month.portal, 1, kind=status.Kind.INVOICES).causes] == ["3140"]


def test_imports_have_pages(any_month: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_pages, "SIZE", 1)
    (only,) = import_pages.list_imports(any_month.portal, any_month.connection_id).rows
    seen = import_pages.read_import(any_month.portal, any_month.connection_id, only.id, Wanted(search="x"))
    assert (seen.view, seen.differences.rows) == (only, ())
    with pytest.raises(NotFound):
        import_pages.read_import(any_month.portal, any_month.connection_id, 10**12, Wanted())
