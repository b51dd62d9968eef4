"""What a person decides about an invoice that did not go well, and that nothing is billed twice or lost by it."""

from __future__ import annotations

import copy
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import NotFound, Refused
from portal.models import AuditEntry, BilledCharge, Charge, Draft, DraftLine, DraftState
from portal.services import build_portal, connections, decisions, preview, retries
from qbwc.models import Exchange, Job, JobState
from qbwc.recovery import MOST_SENDINGS
from qbwc.sandbox import by_hand, processor
from qbwc.sandbox.session import refused

CHARGES = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"
WHO = "sophie@nordet.example"
CREATED, UPDATED = "Studio Lumière", "Ferme Coop des Cantons"
INACTIVE = "Northwind Logistics"
DECIDE = {"done": decisions.mark_done, "ignored": decisions.ignore}


def later(month: Any, *faults: str) -> Any:
    """The next visit, hours later, so that the connector's rhythm is kept out of it."""
    month.clock.at += timedelta(hours=2)
    return month.visit(*faults)


def bill_and_reconcile(month: Any) -> Any:
    """The month, billed and reconciled."""
    month.bill()
    assert month.visit().went_well
    assert month.states() == {"reconciled": 12}
    return month


def with_one_stopped(month: Any) -> Any:
    """The month, billed but for one invoice, whose customer is inactive; its draft."""

    def deactivate(company: Any) -> None:
        company.find(("Customer",), {"FullName": INACTIVE})[1]["IsActive"] = "false"

    month.bill()
    month.edit(deactivate)
    month.visit()
    return month.draft("Northwind Logistics Ltd.")


def forms(month: Any) -> dict[str, dict[str, Any]]:
    return {one["RefNumber"]: one for one in month.company()["transactions"]["Invoice"]}


def delete(month: Any, ref_number: str) -> None:
    """Somebody deletes the invoice in QuickBooks."""
    month.edit(lambda company: by_hand.delete_transaction(company, forms(month)[ref_number]["TxnID"]))


def charges_of(month: Any, draft_id: int) -> set[str]:
    """The keys of the charges that a draft bills."""
    with month.portal.database.read() as db:
        query = sa.select(Charge.key).join(BilledCharge).join(DraftLine).where(DraftLine.draft_id == draft_id)
        return set(db.scalars(query))


def waiting(month: Any) -> set[str]:
    with month.portal.database.read() as db:
        return set(db.scalars(sa.select(Charge.key).where(Charge.is_billed.is_(False))))


def call(month: Any, decide: Callable[..., int], draft_id: int, who: str = WHO) -> int:
    return decide(month.portal, month.connection_id, draft_id, who=who)


def actions(month: Any, draft_id: int) -> list[str]:
    return [one.action for one in decisions.history(month.portal, month.connection_id, f"draft:{draft_id}")]


def told(month: Any, draft_id: int) -> list[str]:
    choices = decisions.choices(month.portal, month.connection_id, month.run().id)
    return [str(one.what) for one in choices[draft_id].history]


def at_once(month: Any, *works: Callable[[Any], Any]) -> list[BaseException]:
    """Do these together, each over connections of its own; the errors that came out."""
    together, errors = threading.Barrier(len(works)), []
    portals = [build_portal(month.portal.settings, now=month.clock) for _ in works]

    def run(portal: Any, work: Callable[[Any], Any]) -> None:
        try:
            together.wait(timeout=20)
            work(portal)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(portals, works, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for portal in portals:
        portal.database.close()
    return errors


class TestSettled:
    """Marked as settled, or as not to be billed."""

    @pytest.mark.parametrize("state", ["done", "ignored"])
    def test_a_stopped_invoice_is_no_problem_any_more_and_its_charges_are_not_asked_about_again(
        self, month: Any, state: str
    ) -> None:
        draft = with_one_stopped(month)
        title = "Invoice of Northwind Logistics Ltd."
        assert month.problems()[title] == "3140"
        own = charges_of(month, draft.id)
        assert call(month, DECIDE[state], draft.id) == month.run().id

        assert month.states() == {state: 1, "reconciled": 11}
        assert title not in month.problems()
        assert charges_of(month, draft.id) == own
        assert own.isdisjoint(waiting(month))
        assert month.draft("Northwind Logistics Ltd.").what is None
        seen = preview.preview(month.portal, month.connection_id)
        assert "Northwind Logistics Ltd." not in [one.organization for one in seen.drafts]

        written = month.company()["transactions"]
        month.bill()
        later(month)
        assert month.company()["transactions"] == written
        assert month.states() == {state: 1, "reconciled": 11}

    @pytest.mark.parametrize("state", ["done", "ignored"])
    def test_the_log_says_who_when_and_what_it_was(self, month: Any, state: str) -> None:
        draft = with_one_stopped(month)
        call(month, DECIDE[state], draft.id)
        (entry,) = decisions.history(month.portal, month.connection_id, f"draft:{draft.id}")
        assert (entry.who, entry.at) == (WHO, month.clock())
        assert entry.action == {"done": "mark-done", "ignored": "ignore"}[state]
        assert entry.detail["code"] == "3140"
        assert entry.detail["organization"] == "Northwind Logistics Ltd."
        assert len(entry.detail["lines"]) == draft.lines
        assert WHO in told(month, draft.id)[0]

    @pytest.mark.parametrize("second", ["done", "ignored"])
    def test_who_clicks_twice_is_told_and_it_counts_once(self, month: Any, second: str) -> None:
        draft = with_one_stopped(month)
        call(month, decisions.mark_done, draft.id)
        with pytest.raises(Refused, match="somebody may have been faster"):
            call(month, DECIDE[second], draft.id)
        with pytest.raises(Refused, match="does not wait for you"):
            retries.retry_draft(month.portal, month.connection_id, draft.id)
        assert actions(month, draft.id) == ["mark-done"]

    def test_two_people_at_once_decide_one_thing(self, any_month: Any) -> None:
        draft = with_one_stopped(any_month)
        one = any_month.connection_id
        errors = at_once(
            any_month,
            lambda portal: decisions.mark_done(portal, one, draft.id, who=WHO),
            lambda portal: decisions.ignore(portal, one, draft.id, who="luc@nordet.example"),
            lambda portal: retries.retry_draft(portal, one, draft.id, who="ana@nordet.example"),
            lambda portal: decisions.release(portal, one, draft.id, who="eve@nordet.example"),
        )
        assert [isinstance(error, Refused) for error in errors] == [True] * 3
        assert len(actions(any_month, draft.id)) == 1

    @pytest.mark.parametrize("state", ["done", "ignored"])
    def test_an_invoice_that_differs_can_be_settled(self, billed: Any, state: str) -> None:
        month = billed
        draft = month.draft(CREATED)
        delete(month, draft.ref_number)
        with month.portal.database.write() as db:
            row = db.get_one(Draft, draft.id)
            row.state, row.code = DraftState.DIFFERENT, "invoice-gone"
        call(month, DECIDE[state], draft.id)
        assert month.states() == {state: 1, "reconciled": 11}
        assert f"Invoice of {CREATED}" not in month.problems()

    @pytest.mark.parametrize("decide", [decisions.mark_done, decisions.ignore])
    def test_one_that_went_well_or_waits_is_left_alone(self, month: Any, decide: Any) -> None:
        queued = month.bill().drafts[0]
        with pytest.raises(Refused, match="does not wait for a decision"):
            call(month, decide, queued.id)
        month.visit()
        with pytest.raises(Refused, match="does not wait for a decision"):
            call(month, decide, queued.id)
        assert actions(month, queued.id) == []

    @pytest.mark.parametrize(
        "decide", [decisions.mark_done, decisions.ignore, decisions.release, decisions.reopen, retries.retry_draft]
    )
    def test_another_connections_invoice_does_not_exist(self, billed: Any, decide: Any) -> None:
        draft = billed.draft(CREATED)
        other = connections.add_connection(
            billed.portal, "Other", partner="Nordet Infogérance inc.", billing_mode="in-arrears", invoice_day=1
        )
        for connection_id, draft_id in ((other.id, draft.id), (billed.connection_id, 10**30)):
            with pytest.raises(NotFound):
                decide(billed.portal, connection_id, draft_id, who=WHO)

    def test_taken_back_it_stands_as_before_and_can_be_sent(self, any_month: Any) -> None:
        draft = with_one_stopped(any_month)
        call(any_month, decisions.ignore, draft.id)
        call(any_month, decisions.reopen, draft.id)
        assert any_month.draft("Northwind Logistics Ltd.") == draft
        with pytest.raises(Refused, match="nothing to take back"):
            call(any_month, decisions.reopen, draft.id)
        any_month.map("organization,Northwind Logistics Ltd.,,Hôtel Belle-Rive,yes,create")
        retries.retry_draft(any_month.portal, any_month.connection_id, draft.id, who=WHO)
        later(any_month)
        assert any_month.states() == {"reconciled": 12}
        assert actions(any_month, draft.id) == ["retry", "reopen", "ignore"]

    def test_what_came_to_nothing_by_itself_is_not_taken_back(self, month: Any) -> None:
        month.bill()
        with month.portal.database.write() as db:
            db.get_one(Draft, 1).state = DraftState.DONE
            db.get_one(Draft, 1).code = "nothing-to-bill"
        with pytest.raises(Refused, match="nothing to take back"):
            call(month, decisions.reopen, 1)


class TestInDoubt:
    """A set whose outcome nobody knows."""

    def test_nothing_is_decided_before_the_outcome_is_known(self, any_month: Any) -> None:
        before = len(forms(any_month))
        any_month.bill()
        assert not any_month.visit("lost-answer@3").went_well
        with any_month.portal.database.write() as db:
            db.execute(sa.update(Exchange).where(Exchange.is_write).values(attempts=MOST_SENDINGS))
        any_month.visit()
        assert any_month.states() == {"parked": 12}
        doubtful = [one for one in any_month.run().drafts if one.mode == "create"]
        choices = decisions.choices(any_month.portal, any_month.connection_id, any_month.run().id)
        for one in doubtful:
            for decide in (decisions.mark_done, decisions.ignore, decisions.release):
                with pytest.raises(Refused, match="Nobody knows yet whether QuickBooks wrote"):
                    call(any_month, decide, one.id)
            choice = choices[one.id]
            assert (choice.is_unsure, choice.may_settle, choice.may_release) == (True, False, False)
        for one in any_month.run().drafts:
            retries.retry_draft(any_month.portal, any_month.connection_id, one.id, who=WHO)
        later(any_month)
        assert any_month.states() == {"reconciled": 12}
        assert len(forms(any_month)) == before + 7

    def test_a_message_that_is_on_its_way_is_waited_for(self, month: Any) -> None:
        draft = with_one_stopped(month)
        with month.portal.database.write() as db:
            job = db.scalars(sa.select(Job).filter_by(key=f"draft:{draft.id}")).one()
            job.state = JobState.WAITING
            request = db.scalars(sa.text("SELECT id FROM qbwc_request WHERE job_id = :id").bindparams(id=job.id)).all()
            db.execute(
                sa.text("UPDATE qbwc_request SET state = 'sent', is_write = FALSE WHERE id = :id"), {"id": request[0]}
            )
        with pytest.raises(Refused, match="on its way"):
            call(month, decisions.mark_done, draft.id)
        assert actions(month, draft.id) == []


class TestClearingTheLink:
    """Only what QuickBooks does not have is billed anew."""

    def test_what_was_deleted_in_quickbooks_is_billed_again_once(self, any_month: Any) -> None:
        month = bill_and_reconcile(any_month)
        draft, before = month.draft(CREATED), len(forms(month))
        own = charges_of(month, draft.id)
        delete(month, draft.ref_number)
        call(month, decisions.release, draft.id)
        sought = month.draft(CREATED)
        assert (sought.state, sought.code, sought.may_go_again) == ("queued", "searching", False)
        assert "searched" in str(sought.what)
        assert charges_of(month, draft.id) == own, "nothing changes before QuickBooks has answered"
        assert f"Invoice of {CREATED}" not in month.problems()

        assert later(month).went_well
        released = month.draft(CREATED)
        assert (released.state, released.code, released.ref_number) == ("ignored", "released", None)
        assert released.total is None
        assert waiting(month) >= own
        assert charges_of(month, draft.id) == set()
        assert f"Invoice of {CREATED}" not in month.problems()
        assert told(month, draft.id) == [
            "Not in QuickBooks: the link was cleared",
            f"Clearing of the link asked for by {WHO}",
        ]

        month.bill()
        assert later(month).went_well
        assert month.states() == {"reconciled": 12, "ignored": 1}
        assert len(forms(month)) == before
        again = [one for one in month.run().drafts if one.organization == CREATED]
        assert [str(one.billed) for one in again] == ["None", str(draft.billed)]
        assert charges_of(month, again[1].id) == own
        month.bill()
        later(month)
        assert len(forms(month)) == before
        for decide in (decisions.release, decisions.reopen, decisions.ignore):
            with pytest.raises(Refused):
                call(month, decide, draft.id)

    @pytest.mark.parametrize("organization", [CREATED, UPDATED])
    def test_what_is_still_there_stays_linked_and_nothing_is_doubled(self, any_month: Any, organization: str) -> None:
        month = bill_and_reconcile(any_month)
        draft, written = month.draft(organization), month.company()["transactions"]
        call(month, decisions.release, draft.id)
        assert later(month).went_well
        assert month.draft(organization) == draft
        assert f"no. {draft.ref_number}" in told(month, draft.id)[0]
        month.bill()
        later(month)
        assert month.company()["transactions"] == written

    def test_an_invoice_moved_to_another_date_or_customer_is_found(self, billed: Any) -> None:
        month = billed
        moved, given_away = month.draft(CREATED), month.draft("Garage M. Lefebvre & fils")

        def change(company: Any) -> None:
            rows = {one["RefNumber"]: one for one in company.transactions("Invoice")}
            rows[moved.ref_number]["TxnDate"] = "2026-12-24"
            other = company.find(("Customer",), {"FullName": "Hôtel Belle-Rive"})[1]
            rows[given_away.ref_number]["CustomerRef"] = {
                "ListID": other["ListID"],
                "FullName": other["FullName"],
            }
            for one in (moved, given_away):
                company.touch(rows[one.ref_number])

        month.edit(change)
        for draft in (moved, given_away):
            call(month, decisions.release, draft.id)
        later(month)
        assert month.states() == {"reconciled": 12}
        assert not waiting(month) & charges_of(month, moved.id)

    @pytest.mark.parametrize("faults", [(), ("no-external-guid",)])
    def test_one_whose_number_is_not_known_here_is_found_by_its_stamp_or_its_lines(
        self, billed: Any, faults: tuple[str, ...]
    ) -> None:
        """A first look was refused, so that its TxnID is gone here; its terms and date are others meanwhile."""
        month = billed
        draft = month.draft(CREATED)
        with month.portal.database.write() as db:
            row = db.get_one(Draft, draft.id)
            row.state, row.code, row.txn_id, row.ref_number = DraftState.PARKED, "3260", None, None
            row.organization.po_number = "PO-7"
            if faults:
                db.execute(sa.text("UPDATE qbwc_connection SET shows_stamps = FALSE"))

        def move(company: Any) -> None:
            (one,) = (row for row in company.transactions("Invoice") if row["RefNumber"] == draft.ref_number)
            one["TxnDate"] = "2026-11-05"
            company.touch(one)

        month.edit(move)
        call(month, decisions.release, draft.id)
        later(month, *faults)
        assert month.states() == {"reconciled": 12}
        assert month.draft(CREATED).ref_number == draft.ref_number

    def test_lines_that_somebody_took_off_an_invoice_are_billed_again(self, any_month: Any) -> None:
        month = bill_and_reconcile(any_month)
        draft, before = month.draft(UPDATED), len(forms(month))
        own = charges_of(month, draft.id)

        def take_off(keep: int) -> Callable[[Any], None]:
            with month.portal.database.read() as db:
                ours = [line.txn_line_id for line in db.get_one(Draft, draft.id).lines]

            def change(company: Any) -> None:
                (one,) = (row for row in company.transactions("Invoice") if row["RefNumber"] == draft.ref_number)
                one["lines"] = [line for line in one["lines"] if line["TxnLineID"] not in ours[keep:]]
                company.touch(one)

            return change

        month.edit(take_off(1))
        call(month, decisions.release, draft.id)
        later(month)
        assert (month.draft(UPDATED).state, month.draft(UPDATED).code) == ("different", "line-missing")
        assert f"no. {draft.ref_number}" in told(month, draft.id)[0]
        assert charges_of(month, draft.id) == own

        month.edit(take_off(0))
        call(month, decisions.release, draft.id)
        later(month)
        assert month.draft(UPDATED).code == "released"
        month.bill()
        later(month)
        assert month.states() == {"reconciled": 12, "ignored": 1}
        assert len(forms(month)) == before
        assert Counter(one.organization for one in month.run().drafts)[UPDATED] == 2
        lines = forms(month)[draft.ref_number]["lines"]
        assert len({line["TxnLineID"] for line in lines}) == len(lines)

    def test_what_never_left_is_let_go_and_billed_as_it_is_mapped_now(self, month: Any) -> None:
        name = "École Les Érables"

        def forget(company: Any) -> None:
            rows = company.transactions("Invoice")
            rows[:] = [one for one in rows if one["RefNumber"] != "10410"]

        month.edit(forget)
        month.bill()
        month.visit()
        draft = month.draft(name)
        assert draft.code == "no-invoice-in-period"
        month.map(f"organization,{name},,Commission scolaire:{name},yes,create")
        call(month, decisions.release, draft.id)
        later(month)
        month.bill()
        later(month)
        assert month.states() == {"reconciled": 12, "ignored": 1}

    def test_a_credit_memo_is_searched_among_credit_memos(self, month: Any) -> None:
        month.set(negative_total="credit-memo")
        data = json.loads(CHARGES.read_text(encoding="utf-8"))
        credit = copy.deepcopy(next(one for one in data["charges"] if one["sku"] == "M365-BB"))
        credit.update(chargeId="00000000-0000-4000-8000-000000000009", quantity=-500, subTotal=-abs(credit["subTotal"]))
        data["charges"].append(credit)
        month.import_charges(json.dumps(data).encode(), "late.json")
        month.bill()
        month.visit()
        (memo,) = (one for one in month.run().drafts if one.form == "credit-memo")
        assert memo.state == "reconciled"
        call(month, decisions.release, memo.id)
        later(month)
        assert f"no. {memo.ref_number}" in told(month, memo.id)[0]
        (kept,) = month.company()["transactions"]["CreditMemo"]
        month.edit(lambda company: by_hand.delete_transaction(company, kept["TxnID"]))
        call(month, decisions.release, memo.id)
        later(month)
        month.bill()
        later(month)
        assert len(month.company()["transactions"]["CreditMemo"]) == 1
        assert [one.state for one in month.run().drafts if one.form == "credit-memo"] == ["ignored", "reconciled"]

    def test_who_clicks_twice_is_told_and_it_is_searched_once(self, any_month: Any) -> None:
        month = bill_and_reconcile(any_month)
        draft = month.draft(CREATED)
        one = month.connection_id
        delete(month, draft.ref_number)
        errors = at_once(month, *[lambda portal: decisions.release(portal, one, draft.id, who=WHO)] * 3)
        assert [str(error) for error in errors] == [
            "QuickBooks is searched for this invoice at the next visit. Decide once it has answered."
        ] * 2
        assert actions(month, draft.id) == ["release"]
        for decide in (decisions.mark_done, decisions.ignore):
            with pytest.raises(Refused, match="Decide once it has answered"):
                call(month, decide, draft.id)
        later(month)
        assert month.states() == {"reconciled": 11, "ignored": 1}

    def test_people_and_a_visit_at_once_never_wait_for_each_other(self, any_month: Any) -> None:
        month = bill_and_reconcile(any_month)
        drafts = month.run().drafts[:4]
        for draft in drafts[:2]:
            call(month, decisions.release, draft.id)
        month.clock.at += timedelta(hours=2)
        one = month.connection_id
        errors = at_once(
            month,
            lambda _portal: month.visit(),
            lambda portal: decisions.release(portal, one, drafts[2].id, who=WHO),
            lambda portal: decisions.release(portal, one, drafts[3].id, who=WHO),
        )
        assert errors == []
        later(month)
        assert month.states() == {"reconciled": 12}
        assert [actions(month, draft.id) for draft in drafts] == [["found", "release"]] * 4

    def test_billing_while_the_search_waits_bills_nothing_of_it(self, any_month: Any) -> None:
        month = bill_and_reconcile(any_month)
        draft = month.draft(CREATED)
        delete(month, draft.ref_number)
        call(month, decisions.release, draft.id)
        month.bill()
        assert len(month.run().drafts) == 12
        later(month)
        month.bill()
        assert len(month.run().drafts) == 13


class TestTheSearch:
    """In the right file, answered whole; otherwise nothing changes."""

    @pytest.fixture
    def sought(self, billed: Any) -> Any:
        """The month, with one invoice deleted in QuickBooks and its link to be cleared."""
        draft = billed.draft(CREATED)
        delete(billed, draft.ref_number)
        call(billed, decisions.release, draft.id)
        return billed

    @pytest.mark.parametrize(
        "fault", ["lost-answer", "cut-before", "truncated", "garbage", "repeat-answer", "hresult-after=0x80040402"]
    )
    def test_it_survives_every_disturbance(self, sought: Any, fault: str) -> None:
        sets = len(sought.sent())
        later(sought, f"{fault}@2")
        assert "<ModifiedDateRangeFilter>" in sought.sent()[sets + 1]
        for _ in range(3):
            later(sought)
        assert sought.states() == {"reconciled": 11, "ignored": 1}
        assert actions(sought, sought.draft(CREATED).id) == ["released", "release"]

    @pytest.mark.parametrize("fault", ["copied-file", "renamed-company"])
    def test_a_file_in_doubt_proves_nothing(self, sought: Any, fault: str) -> None:
        own = charges_of(sought, sought.draft(CREATED).id)
        for _ in range(2):
            later(sought, fault)
            assert sought.draft(CREATED).code == "searching"
            assert charges_of(sought, sought.draft(CREATED).id) == own
        if fault == "renamed-company":
            connections.confirm_company(sought.portal, sought.connection_id)
        later(sought)
        assert sought.draft(CREATED).code == "released"

    def test_an_older_copy_of_the_file_proves_nothing(self, month: Any) -> None:
        """The invoice is in the right file, and not in the copy that was open once."""
        older = month.company_file.read_bytes()
        bill_and_reconcile(month)
        newer = month.company_file.read_bytes()
        draft = month.draft(CREATED)
        call(month, decisions.release, draft.id)
        month.company_file.write_bytes(older)
        assert not later(month).went_well
        assert month.draft(CREATED).code == "searching"
        month.company_file.write_bytes(newer)
        later(month)
        assert month.states() == {"reconciled": 12}
        assert actions(month, draft.id) == ["found", "release"]

    @pytest.mark.parametrize("organization", [CREATED, UPDATED])
    def test_a_search_that_quickbooks_refuses_changes_nothing(
        self, billed: Any, monkeypatch: pytest.MonkeyPatch, organization: str
    ) -> None:
        month = billed
        draft = month.draft(organization)
        call(month, decisions.release, draft.id)

        def answer(*_: Any) -> Any:
            raise refused(3260)

        with monkeypatch.context() as patched:
            patched.setitem(processor._HANDLERS, "InvoiceQuery", answer)
            for _ in range(6):
                later(month)
        assert month.draft(organization) == draft
        assert told(month, draft.id)[0].endswith("so the link stays: code 3260")
        call(month, decisions.release, draft.id)
        later(month)
        assert actions(month, draft.id) == ["found", "release", "not-searched", "release"]

    def test_an_invoice_that_cannot_be_read_may_be_it(self, billed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from qbwc.endpoint import Endpoint

        month = billed
        draft = month.draft(CREATED)
        txn_id = forms(month)[draft.ref_number]["TxnID"]
        receive = Endpoint.receive_response

        def spoil(self: Any, ticket: str, response: str, hresult: str, message: str) -> int:
            good = f"<TxnID>{txn_id}</TxnID>"
            return receive(
                self, ticket, response.replace(good, f"{good}<TimeCreated>soon</TimeCreated>"), hresult, message
            )

        monkeypatch.setattr(Endpoint, "receive_response", spoil)
        call(month, decisions.release, draft.id)
        later(month)
        assert month.draft(CREATED) == draft
        assert told(month, draft.id)[0].endswith("code unreadable")
        assert charges_of(month, draft.id)

    def test_a_customer_who_is_gone_may_have_been_merged(self, month: Any) -> None:
        draft = with_one_stopped(month)

        def remove(company: Any) -> None:
            rows = company.records("Customer")
            rows[:] = [one for one in rows if one["FullName"] != INACTIVE]

        month.edit(remove)
        call(month, decisions.release, draft.id)
        later(month)
        assert month.draft("Northwind Logistics Ltd.") == draft
        assert "could not be searched" in told(month, draft.id)[0]


class TestCorrections:
    """A charge that was corrected before or after; see portal.billing.ledger."""

    def corrected(self, month: Any, *, quantity: float | None) -> Any:
        """Import the month again with another quantity of one charge of the created invoice; None withdraws it."""
        data = json.loads(CHARGES.read_text(encoding="utf-8"))
        rows = data["charges"]
        at = next(
            number
            for number, one in enumerate(rows)
            if CREATED in json.dumps(one, ensure_ascii=False) and one["quantity"] > 0
        )
        if quantity is None:
            del rows[at]
        else:
            rows[at]["quantity"] = quantity
        return month.import_charges(json.dumps(data).encode(), f"corrected-{quantity}.json")

    def entries(self, month: Any) -> list[tuple[str, bool, Decimal]]:
        """The entries of the corrected charge: what they are, whether billed, and the quantity."""
        with month.portal.database.read() as db:
            many = sa.select(Charge.key).group_by(Charge.key).having(sa.func.count() > 1)
            rows = db.scalars(sa.select(Charge).where(Charge.key.in_(many)).order_by(Charge.revision)).all()
            return [("back" if row.reverses_id else "facts", row.is_billed, row.quantity) for row in rows]

    def is_at_rest(self, month: Any, quantity: float | None) -> bool:
        """Whether the same delivery again finds nothing to change."""
        again = self.corrected(month, quantity=quantity)
        return (again.added, again.changed, again.withdrawn, again.corrected) == (0, 0, 0, 0)

    def net(self, month: Any) -> dict[str, Decimal]:
        """What the drafts that stand bill of each offer of the organization."""
        with month.portal.database.read() as db:
            rows = db.execute(
                sa.select(DraftLine.offer_id, Charge.quantity)
                .join(Draft)
                .join(BilledCharge, BilledCharge.line_id == DraftLine.id)
                .join(Charge, Charge.id == BilledCharge.charge_id)
                .where(Draft.organization_id == self.organization(month))
            )
            found: Counter[str] = Counter()
            for offer, quantity in rows:
                found[str(offer)] += quantity
            return {offer: quantity for offer, quantity in found.items() if quantity}

    def organization(self, month: Any) -> int:
        with month.portal.database.read() as db:
            return db.scalars(sa.select(Draft.organization_id).filter_by(id=month.draft(CREATED).id)).one()

    def free(self, month: Any, draft: Any) -> None:
        """Delete an invoice in QuickBooks, clear its link and have the next visit search for it."""
        delete(month, draft.ref_number)
        call(month, decisions.release, draft.id)
        later(month)
        assert actions(month, draft.id)[0] == "released"

    @pytest.mark.parametrize("quantity", [7, None])
    def test_a_correction_that_waits_is_billed_as_if_the_first_bill_had_never_been(
        self, any_month: Any, quantity: float | None
    ) -> None:
        month = bill_and_reconcile(any_month)
        draft = month.draft(CREATED)
        own = charges_of(month, draft.id)
        self.corrected(month, quantity=quantity)
        assert [row[:2] for row in self.entries(month)] in (
            [("facts", True), ("back", False), ("facts", False)],
            [("facts", True), ("back", False)],
        )
        self.free(month, draft)
        assert self.entries(month) == []
        assert self.is_at_rest(month, quantity)
        assert len(waiting(month) & own) == len(own) - (quantity is None)
        month.bill()
        later(month)
        assert self.is_at_rest(month, quantity)
        assert not waiting(month) & own

    def test_a_correction_that_was_billed_waits_again_as_it_was(self, billed: Any) -> None:
        """The first invoice stands; the second, with the correction, is not in QuickBooks."""
        month = billed
        first = month.draft(CREATED)
        self.corrected(month, quantity=70)
        month.bill()
        later(month)
        second = [one for one in month.run().drafts if one.organization == CREATED][1]
        assert [row[:2] for row in self.entries(month)] == [("facts", True), ("back", True), ("facts", True)]
        with pytest.raises(Refused, match="bills the correction"):
            call(month, decisions.release, first.id)
        assert actions(month, first.id) == []
        before = self.net(month)

        self.free(month, second)
        assert [row[:2] for row in self.entries(month)] == [("facts", True), ("back", False), ("facts", False)]
        assert self.is_at_rest(month, 70)
        month.bill()
        later(month)
        assert self.net(month) == before
        assert self.is_at_rest(month, 70)

    def test_a_correction_of_the_correction_takes_its_place(self, billed: Any) -> None:
        month = billed
        self.corrected(month, quantity=70)
        month.bill()
        later(month)
        second = [one for one in month.run().drafts if one.organization == CREATED][1]
        self.corrected(month, quantity=90)
        self.free(month, second)
        assert [row[:2] for row in self.entries(month)] == [("facts", True), ("back", False), ("facts", False)]
        assert self.entries(month)[-1][2] == 90
        assert self.is_at_rest(month, 90)

    def test_both_links_cleared_one_after_the_other_leave_the_facts(self, billed: Any) -> None:
        month = billed
        first = month.draft(CREATED)
        self.corrected(month, quantity=70)
        month.bill()
        later(month)
        second = [one for one in month.run().drafts if one.organization == CREATED][1]
        self.free(month, second)
        self.free(month, first)
        assert self.entries(month) == []
        assert self.is_at_rest(month, 70)
        month.bill()
        later(month)
        assert month.states()["reconciled"] == 12
        assert self.is_at_rest(month, 70)

    def test_a_correction_that_is_billed_during_the_search_keeps_the_link(self, billed: Any) -> None:
        month = billed
        draft = month.draft(CREATED)
        delete(month, draft.ref_number)
        call(month, decisions.release, draft.id)
        self.corrected(month, quantity=70)
        month.bill()
        own = charges_of(month, draft.id)
        later(month)
        (first, second) = (one for one in month.run().drafts if one.organization == CREATED)
        assert (first.state, first.code) == ("reconciled", None)
        assert second.state == "reconciled"
        assert charges_of(month, draft.id) == own
        assert "bills a correction" in told(month, draft.id)[0]
        assert self.is_at_rest(month, 70)


class TestTryingAgain:
    """The log of who tried again, and invoices that somebody tries again after a look that failed."""

    def test_who_tries_an_invoice_or_a_unit_cost_again_is_in_the_log(self, month: Any) -> None:
        draft = with_one_stopped(month)
        month.map("organization,Northwind Logistics Ltd.,,Hôtel Belle-Rive,yes,create")
        assert retries.retry_draft(month.portal, month.connection_id, draft.id, who=WHO) == month.run().id
        assert told(month, draft.id) == [f"Sent again by {WHO}"]
        later(month, "status=3171@3")
        with month.portal.database.read() as db:
            (entry,) = db.scalars(sa.select(AuditEntry).filter_by(action="retry"))
            assert entry.detail["code"] == "3140"

    def test_a_refused_unit_cost(self, month: Any) -> None:
        month.bill()
        month.visit("status=3171@3")
        cost = next(one.cost_id for one in month.status().problems if one.cost_id is not None)
        retries.retry_cost(month.portal, month.connection_id, cost, who=WHO)
        (entry,) = decisions.history(month.portal, month.connection_id, f"cost:{cost}")
        assert (entry.who, entry.action, entry.detail["code"]) == (WHO, "retry", "3171")

    def test_a_look_that_was_refused_is_taken_again(self, billed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        month = billed
        draft, before = month.draft(CREATED), len(forms(month))
        with month.portal.database.write() as db:
            row = db.get_one(Draft, draft.id)
            row.state, row.code = DraftState.DIFFERENT, "invoice-gone"

        def answer(*_: Any) -> Any:
            raise refused(3260)

        for _ in range(2):
            retries.retry_draft(month.portal, month.connection_id, draft.id)
            with monkeypatch.context() as patched:
                patched.setitem(processor._HANDLERS, "InvoiceQuery", answer)
                for _visit in range(6):
                    later(month)
            assert month.draft(CREATED).state == "parked"
        retries.retry_draft(month.portal, month.connection_id, draft.id)
        later(month)
        assert month.states() == {"reconciled": 12}
        assert len(forms(month)) == before
        assert month.draft(CREATED).ref_number == draft.ref_number

    def test_lines_that_are_gone_from_a_sent_invoice_go_into_no_other_however_often_one_tries(
        self, billed: Any
    ) -> None:
        month = billed
        draft = month.draft(UPDATED)
        with month.portal.database.write() as db:
            row = db.get_one(Draft, draft.id)
            ours = [line.txn_line_id for line in row.lines]
            row.state, row.code = DraftState.DIFFERENT, "line-missing"

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
        untouched = month.company()["transactions"]["Invoice"]
        for _ in range(3):
            retries.retry_draft(month.portal, month.connection_id, draft.id)
            later(month)
            assert month.company()["transactions"]["Invoice"] == untouched
            assert month.draft(UPDATED).state == "parked"
