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


def test_an_invoice_that_is_gone_is_written_again_and_one_that_is_not_is_found(billed: Any) -> None:
    month = billed
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


def test_what_was_done_is_never_written_again_without_a_look(billed: Any) -> None:
    from portal.models import Draft
    from portal.services.quickbooks.invoices import CREATE
    from portal.services.quickbooks.messages import first_step
    from qbwc import queue
    from qbwc.models import Job

    with billed.portal.database.write() as db:
        job = db.query(Job).filter_by(kind=CREATE).first()
        draft = db.get_one(Draft, job.payload["draft"])
        step = first_step(draft)
        with pytest.raises(QueueError, match="look for what it made"):
            queue.redo(db, billed.portal.registry, job, [step], now=billed.clock())


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


@pytest.mark.parametrize("count", [3, 4])
def test_several_organizations_join_one_invoice(month: Any, count: int) -> None:
    names = ["Studio Lumière", "Avocats Bélanger Côté S.E.N.C.R.L.", "Pharmacie Nguyễn", "Ferme Coop des Cantons"]
    for name in names[-count:]:
        month.map(f"organization,{name},,Coop des Cantons,yes,update")
    month.bill()
    assert month.visit().went_well
    assert month.states() == {"reconciled": 12}


def test_an_invoice_that_cannot_be_read_is_not_taken_for_one_that_is_gone(
    billed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.services.quickbooks import take_as_it_is
    from qbwc.endpoint import Endpoint

    month = billed
    draft = month.draft("Studio Lumière")
    txn_id = txn_of(month, draft.ref_number)
    before = len(month.company()["transactions"]["Invoice"])
    receive = Endpoint.receive_response

    def spoil(self: Any, ticket: str, response: str, hresult: str, message: str) -> int:
        spoiled = response.replace(
            f"<TxnID>{txn_id}</TxnID>", f"<TxnID>{txn_id}</TxnID><TimeCreated>soon</TimeCreated>"
        )
        return receive(self, ticket, spoiled, hresult, message)

    monkeypatch.setattr(Endpoint, "receive_response", spoil)
    with month.portal.database.write() as db:
        take_as_it_is(db, month.portal.registry, month.connection_id, month.clock())
    for hour in (14, 16):
        month.clock.at = month.clock.at.replace(hour=hour)
        month.visit()
        assert month.draft("Studio Lumière").code == "unreadable"
        retries.retry_draft(month.portal, month.connection_id, draft.id)
    assert len(month.company()["transactions"]["Invoice"]) == before
    monkeypatch.undo()
    month.clock.at = month.clock.at.replace(hour=18)
    month.visit()
    assert month.states() == {"reconciled": 12}


def test_lines_that_are_gone_from_a_sent_invoice_go_into_no_other(billed: Any) -> None:
    import copy

    from portal.models import Draft
    from portal.services.quickbooks import take_as_it_is

    month = billed
    draft = month.draft("Ferme Coop des Cantons")
    with month.portal.database.read() as db:
        ours = [line.txn_line_id for line in db.get_one(Draft, draft.id).lines]

    def send_it(company: Any) -> None:
        invoices = company.data["transactions"]["Invoice"]
        one = next(invoice for invoice in invoices if invoice["RefNumber"] == draft.ref_number)
        other = copy.deepcopy(one)
        other.update(TxnID="FFF-1793534400", RefNumber="19999", IsToBePrinted="true")
        other["lines"] = [
            {**line, "TxnLineID": f"FF{number}-1793534400"}
            for number, line in enumerate(other["lines"])
            if line["TxnLineID"] not in ours
        ]
        invoices.append(other)
        one["lines"] = [line for line in one["lines"] if line["TxnLineID"] != ours[-1]]
        one.update(IsToBePrinted="false", IsToBeEmailed="false", IsPending="false")

    month.edit(send_it)
    with month.portal.database.write() as db:
        take_as_it_is(db, month.portal.registry, month.connection_id, month.clock())
    month.clock.at = month.clock.at.replace(hour=14)
    month.visit()
    assert month.draft("Ferme Coop des Cantons").code == "line-missing"
    untouched = month.company()["transactions"]["Invoice"]
    retries.retry_draft(month.portal, month.connection_id, draft.id)
    month.clock.at = month.clock.at.replace(hour=16)
    month.visit()
    assert month.company()["transactions"]["Invoice"] == untouched
    assert month.draft("Ferme Coop des Cantons").state == "parked"
