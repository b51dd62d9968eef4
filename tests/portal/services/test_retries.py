"""Trying again: a unit cost that was refused, an invoice that is gone, a comparison that QuickBooks refused."""

from __future__ import annotations

from typing import Any

import pytest

from portal.errors import NotFound, Refused
from portal.services import connections, retries
from qbwc.errors import QueueError
from qbwc.sandbox import by_hand


def refused_cost(month: Any) -> int:
    month.bill()
    month.visit("status=3171@3")
    return int(next(problem.cost_id for problem in month.status().problems if problem.cost_id is not None))


def test_a_refused_unit_cost_is_written_when_somebody_tries_again(month: Any) -> None:
    cost = refused_cost(month)
    retries.retry_cost(month.portal, month.connection_id, cost)
    with pytest.raises(Refused, match="does not wait for you"):
        retries.retry_cost(month.portal, month.connection_id, cost)
    month.clock.at = month.clock.at.replace(hour=14)
    assert month.visit().went_well
    assert cost not in [problem.cost_id for problem in month.status().problems]


@pytest.mark.parametrize("cost", [0, 10**30])
def test_a_unit_cost_that_does_not_exist_is_told_as_such(month: Any, cost: int) -> None:
    with pytest.raises(NotFound):
        retries.retry_cost(month.portal, month.connection_id, cost)


def test_an_invoice_that_is_gone_is_written_again_and_one_that_is_not_is_found(billed_month: Any) -> None:
    month = billed_month
    gone, there = month.draft("Studio Lumière"), month.draft("Garage M. Lefebvre & fils")
    before = len(month.company()["transactions"]["Invoice"])
    month.edit(lambda company: by_hand.delete_transaction(company, txn_of(month, gone.ref_number)))
    for draft in (gone, there):
        tell_that_it_is_gone(month, draft.id)
        retries.retry_draft(month.portal, month.connection_id, draft.id)
    month.clock.at = month.clock.at.replace(hour=14)
    assert month.visit().went_well
    assert month.states() == {"reconciled": 12}
    assert len(month.company()["transactions"]["Invoice"]) == before
    assert month.draft("Studio Lumière").ref_number != gone.ref_number
    assert month.draft("Garage M. Lefebvre & fils").ref_number == there.ref_number


def txn_of(month: Any, ref_number: str) -> str:
    return str(
        next(one["TxnID"] for one in month.company()["transactions"]["Invoice"] if one["RefNumber"] == ref_number)
    )


def tell_that_it_is_gone(month: Any, draft_id: int) -> None:
    from portal.models import Draft, DraftState

    with month.portal.database.write() as db:
        row = db.get_one(Draft, draft_id)
        row.state, row.code = DraftState.DIFFERENT, "invoice-gone"


def test_what_was_done_is_never_written_again_without_a_look(billed_month: Any) -> None:
    from portal.models import Draft
    from portal.services.quickbooks import CREATE, first_step
    from qbwc import queue
    from qbwc.models import Job

    with billed_month.portal.database.write() as db:
        job = db.query(Job).filter_by(kind=CREATE).first()
        draft = db.get_one(Draft, job.payload["draft"])
        step = first_step(draft, connections.find(db, billed_month.connection_id))
        with pytest.raises(QueueError, match="look for what it made"):
            queue.redo(db, billed_month.portal.registry, job, [step], now=billed_month.clock())


def test_a_backup_that_was_restored_after_the_month_is_told_and_put_right(month: Any) -> None:
    """Nothing was in doubt: all invoices had been read back. Then the company file went back a day."""
    month.bill()
    assert month.visit().went_well
    month.clock.at = month.clock.at.replace(day=2)
    ended = month.visit("restore-backup")
    assert not ended.went_well
    assert "lacks invoices" in ended.explanation
    assert "company-stale" in month.problems().values()
    connections.confirm_company(month.portal, month.connection_id)
    month.clock.at = month.clock.at.replace(day=3)
    month.visit()
    assert month.states() == {"different": 12}
    for draft in month.run().drafts:
        retries.retry_draft(month.portal, month.connection_id, draft.id)
    month.clock.at = month.clock.at.replace(day=4)
    assert month.visit().went_well
    assert month.states() == {"reconciled": 12}
