"""What the charts show: visits over time by result, and months of sales and margin, each summed by the database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import NotFound
from portal.models import Charge, DraftState, Run
from portal.services import insight
from portal.services.insight import Step
from qbwc.models import Session
from qbwc.session import State

NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def add_visit(month: Any, opened_at: datetime, result: str | None, state: State = State.OPEN) -> None:
    with month.portal.database.write() as db:
        number = db.scalar(sa.select(sa.func.count()).select_from(Session)) or 0
        db.add(
            Session(
                connection_id=month.connection_id,
                ticket_hash=f"{number:064}",
                state=state,
                opened_at=opened_at,
                last_contact_at=opened_at,
                result=result,
            )
        )


@pytest.fixture
def quiet(any_month: Any) -> Any:
    """A month of whose visits nothing is kept."""
    with any_month.portal.database.write() as db:
        db.execute(sa.delete(Session))
    return any_month


def test_visits_are_counted_by_day_and_result(quiet: Any) -> None:
    for hours, result in (
        (1, "done"),
        (2, "done"),
        (3, "failed"),
        (30, "taken over"),
        (31, "abandoned"),
        (500, "done"),
    ):
        add_visit(quiet, NOON - timedelta(hours=hours), result)
    add_visit(quiet, NOON - timedelta(minutes=1), None)
    add_visit(quiet, NOON - timedelta(hours=4), None, State.FAILED)
    found = insight.visits_over_time(quiet.portal, quiet.connection_id)
    assert (len(found.spans), found.is_empty) == (14, False)
    today, before = found.spans[-1], found.spans[-2]
    assert (today.first, today.last) == (date(2026, 11, 1), date(2026, 11, 1))
    assert (today.done, today.broken, today.failed) == (2, 0, 2)
    assert (before.done, before.broken, before.failed) == (0, 2, 0)
    assert sum(one.done + one.broken + one.failed for one in found.spans) == 6


def test_a_day_is_that_of_the_connections_zone_also_when_the_clocks_change(quiet: Any) -> None:
    """On November 1, 2026, Toronto turns its clocks back: the day has 25 hours, from 4:00 to 5:00 UTC."""
    quiet.clock.at = datetime(2026, 11, 2, 4, 30, tzinfo=UTC)
    for opened in (datetime(2026, 11, 1, 3, 59, tzinfo=UTC), datetime(2026, 11, 1, 4, 0, tzinfo=UTC)):
        add_visit(quiet, opened, "done")
    add_visit(quiet, datetime(2026, 11, 2, 4, 29, tzinfo=UTC), "done")
    found = insight.visits_over_time(quiet.portal, quiet.connection_id)
    assert [(one.first.day, one.done) for one in found.spans[-2:]] == [(31, 1), (1, 2)]


def test_weeks_begin_on_monday(quiet: Any) -> None:
    add_visit(quiet, NOON, "done")
    add_visit(quiet, NOON - timedelta(days=7), "failed")
    found = insight.visits_over_time(quiet.portal, quiet.connection_id, Step.WEEK)
    assert len(found.spans) == 12
    assert (found.spans[-1].first, found.spans[-1].last) == (date(2026, 10, 26), date(2026, 11, 1))
    assert [(one.done, one.failed) for one in found.spans[-2:]] == [(0, 1), (1, 0)]


def test_no_visit_is_no_chart_and_no_connection_is_said(quiet: Any) -> None:
    assert insight.visits_over_time(quiet.portal, quiet.connection_id).is_empty
    with pytest.raises(NotFound):
        insight.visits_over_time(quiet.portal, 99)
    with pytest.raises(NotFound):
        insight.months(quiet.portal, 99)


def test_months_agree_with_the_margin_to_the_cent(any_month: Any) -> None:
    assert insight.months(any_month.portal, any_month.connection_id) == ()
    any_month.bill()
    assert any_month.visit().went_well
    (group,) = insight.months(any_month.portal, any_month.connection_id)
    total = insight.margin(any_month.portal, any_month.connection_id).groups[0].total
    (row,) = group.rows
    assert (group.currency, row.first) == ("CAD", date(2026, 11, 1))
    assert (row.sales, row.margin) == (total.sales, total.margin)


def test_a_month_without_a_run_is_a_gap_and_what_is_not_verified_does_not_count(billed: Any) -> None:
    with billed.portal.database.write() as db:
        for row in db.scalars(sa.select(Charge)):
            row.amount = Decimal("0.000001")
        run = db.scalars(sa.select(Run)).one()
        db.add(
            Run(
                connection_id=run.connection_id,
                invoice_date=date(2027, 1, 1),
                period_start=date(2026, 12, 1),
                period_end=date(2027, 1, 1),
                created_at=run.created_at,
            )
        )
    (group,) = insight.months(billed.portal, 1)
    assert [row.first.month for row in group.rows] == [11, 12, 1]
    assert group.rows[1].sales is None
    sales, margin = group.rows[0].sales, group.rows[0].margin
    assert sales is not None
    assert margin is not None
    assert sales - margin == Decimal("0.000001") * 69  # of 72 charges, three belong to whom nobody bills
    with billed.portal.database.write() as db:
        db.execute(sa.text("UPDATE draft SET state = :state").bindparams(state=DraftState.PARKED.value))
    assert insight.months(billed.portal, 1) == ()
