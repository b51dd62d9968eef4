"""A company file that lacks what we wrote last: an older copy, a restored backup, or somebody deleted it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from qbwc import company_file, landmarks
from qbwc.errors import QueueError
from qbwc.identity import Verdict
from qbwc.models import Exchange, Purpose, Session
from qbwc.qbxml.lists import CustomerRet
from qbwc.qbxml.transactions import CreditMemoRet, InvoiceRet


def confirm(world: Any) -> None:
    with world.database.write() as db:
        company_file.confirm(db, world.connection_of(db))


def written(world: Any, *memos: str) -> None:
    """These invoices are in QuickBooks, and what was sent for them is forgotten."""
    world.put(*memos)
    world.visit()
    assert world.books.invoices[-len(memos) :] == list(memos)
    world.books.sent.clear()


def test_the_newest_five_are_remembered_with_their_state(world: Any) -> None:
    written(world, *"abcdefg")
    assert world.connection().landmarks == {f"Invoice:T-{n}": str(n) for n in range(3, 8)}


def test_before_anything_is_written_they_are_looked_for_once(world: Any, speak: Any) -> None:
    written(world, "a", "b")
    world.put(*(f"{n}" for n in range(120)))
    world.visit()
    assert speak.steps(world.books.sent) == ["landmarks", "write", "write", "clear"]
    (query,) = etree.fromstring(world.books.sent[0].encode())[0]
    assert [one.text for one in query.iterchildren("TxnID")] == ["T-1", "T-2"]
    assert [one.text for one in query.iterchildren("IncludeRetElement")] == ["TxnID", "EditSequence", "ExternalGUID"]
    assert speak.set_id(world.books.sent[0]) is None


def test_a_visit_that_only_reads_finds_an_old_copy_too(world: Any, speak: Any) -> None:
    written(world, "a")
    world.books.restore(0)
    world.refresh()
    world.visit()
    assert speak.steps(world.books.sent)[0] == "landmarks"
    assert world.connection().verdict is Verdict.STALE


def test_a_connection_that_never_wrote_has_none(world: Any, speak: Any) -> None:
    world.put("a")
    world.visit()
    assert speak.steps(world.books.sent) == ["write", "clear"]


def test_what_somebody_changed_since_proves_that_the_file_is_newer(world: Any) -> None:
    written(world, "a")
    world.books.kept[0]["EditSequence"] = "1000"
    world.put("b")
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a", "b"]


def test_one_that_somebody_deleted_by_hand_is_no_reason_to_stop(world: Any, speak: Any) -> None:
    written(world, "a", "b", "c")
    world.books.delete("T-3", "T-1")
    world.put("d")
    assert world.visit().raw[-1] == 100
    assert speak.steps(world.books.sent) == ["landmarks", "deletions", "write", "clear"]
    assert world.books.invoices[-1] == "d"
    assert set(world.connection().landmarks) == {"Invoice:T-2", "Invoice:T-4"}
    world.put("e")
    world.books.sent.clear()
    world.visit()
    assert speak.steps(world.books.sent) == ["landmarks", "write", "clear"]


def older(world: Any) -> None:
    world.books.kept[-1]["EditSequence"] = "0"


def restored(world: Any) -> None:
    world.books.restore(1)


def empty(world: Any) -> None:
    world.books.restore(0)


def another_was_deleted(world: Any) -> None:
    world.books.restore(1)
    world.books.gone.append("T-99")


@pytest.mark.parametrize("spoil", [older, restored, empty, another_was_deleted])
def test_a_file_from_before_is_read_and_not_written_until_a_person_confirms(world: Any, speak: Any, spoil: Any) -> None:
    written(world, "a", "b")
    spoil(world)
    before = list(world.books.invoices)
    world.put("c")
    world.refresh()
    seen = world.visit()
    assert world.connection().verdict is Verdict.STALE
    assert world.books.invoices == before
    assert "write" not in speak.steps(world.books.sent)
    assert "CustomerQueryRq" in "".join(world.books.sent)
    assert set(world.jobs().values()) == {"done", "waiting"}
    assert world.jobs()["c"] == "waiting"
    assert seen.raw[-1] == -1
    assert "lacks invoices that were written to it" in seen.error
    assert seen.closed == seen.error
    assert world.rows(Session)[-1].last_error["fr"].startswith("Il manque au fichier")
    assert world.visit().raw[-1] == -1  # also at the next visit
    assert world.books.invoices == before
    confirm(world)
    assert world.connection().landmarks is None
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == [*before, "c"]
    assert world.connection().verdict is Verdict.GO
    assert list(world.connection().landmarks) == ["Invoice:T-3"]


def test_the_right_file_opened_again_needs_no_word_of_a_person(world: Any) -> None:
    written(world, "a", "b")
    newest, world.books.kept = world.books.kept, []
    world.put("c")
    assert world.visit().raw[-1] == -1
    world.books.kept = newest
    assert world.visit().raw[-1] == 100
    assert world.books.invoices == ["a", "b", "c"]


def test_a_lost_set_is_not_taken_up_in_a_file_from_before(world: Any, speak: Any) -> None:
    written(world, "a", "b")
    world.put("c")
    lost = world.visit_and_lose(executed=True, sets=2)
    world.books.restore(1)
    world.books.sent.clear()
    assert world.visit().raw[-1] == -1
    assert speak.steps(world.books.sent) == ["landmarks", "deletions"]
    assert world.jobs()["c"] == "waiting"
    confirm(world)
    assert world.visit().raw[-1] == 100
    assert world.books.work() == [lost]
    assert world.books.invoices == ["a", "c"]


@pytest.mark.parametrize("step", ["landmarks", "deletions"])
def test_a_quickbooks_that_does_not_know_the_question_is_believed(world: Any, speak: Any, step: str) -> None:
    written(world, "a", "b")
    if step == "deletions":
        world.books.delete("T-2")
    world.books.hresult = lambda document: "0x80040400" if speak.steps([document]) == [step] else None
    world.put("c")
    assert world.visit().raw[-1] == 100
    assert world.books.invoices[-1] == "c"


@pytest.mark.parametrize("step", ["landmarks", "deletions"])
@pytest.mark.parametrize("code", [1000, 1010, 3175])
def test_a_question_that_quickbooks_could_not_answer_says_nothing_of_the_file(
    world: Any, speak: Any, step: str, code: int
) -> None:
    """Nothing is written in this visit, and the file is not called an older copy."""
    written(world, "a", "b")
    if step == "deletions":
        world.books.delete("T-2")
    tag = "InvoiceQuery" if step == "landmarks" else "TxnDeletedQuery"
    world.books.says[tag] = lambda request: speak.error(tag, request.get("requestID"), code)
    world.put("c")
    seen = world.visit()
    assert seen.raw[-1] == -1
    assert f"({code})" in seen.error
    assert world.connection().verdict is Verdict.GO
    assert world.jobs()["c"] == "waiting"
    del world.books.says[tag]
    assert world.visit().raw[-1] == 100
    assert world.books.invoices[-1] == "c"


def test_without_the_right_to_see_deletions_a_file_that_holds_some_is_taken_for_the_newest(
    world: Any, speak: Any
) -> None:
    written(world, "a", "b")
    world.books.delete("T-2")
    world.books.says["TxnDeletedQuery"] = lambda request: speak.error("TxnDeletedQuery", request.get("requestID"), 3261)
    world.put("c")
    assert world.visit().raw[-1] == 100
    assert world.books.invoices[-1] == "c"


def test_without_the_right_to_see_deletions_a_file_that_holds_none_is_left_to_a_person(world: Any, speak: Any) -> None:
    written(world, "a")
    world.books.delete("T-1")
    world.books.says["TxnDeletedQuery"] = lambda request: speak.error("TxnDeletedQuery", request.get("requestID"), 3261)
    world.put("c")
    world.visit()
    assert world.connection().verdict is Verdict.STALE
    confirm(world)
    assert world.visit().raw[-1] == 100
    assert world.books.invoices[-1] == "c"


@pytest.mark.parametrize("sets", [1, 2])
def test_a_look_for_landmarks_that_is_lost_is_asked_anew(world: Any, sets: int) -> None:
    written(world, "a", "b")
    world.books.delete("T-2")
    world.put("c")
    world.visit_and_lose(executed=True, sets=sets)
    assert world.visit().raw[-1] == 100
    assert world.books.invoices[-1] == "c"
    purposes = [row.purpose for row in world.rows(Exchange)]
    assert purposes.count(Purpose.LANDMARKS) == 2


def test_a_file_in_doubt_is_confirmed_once(world: Any) -> None:
    written(world, "a")
    with pytest.raises(QueueError, match="waits to be confirmed"):
        confirm(world)
    world.books.restore(0)
    world.put("b")
    world.visit()
    confirm(world)
    with pytest.raises(QueueError):
        confirm(world)


def test_invoices_and_credit_memos_are_watched_and_nothing_else(world: Any) -> None:
    passing: Iterator[Any] = iter(
        [
            InvoiceRet(txn_id="T-1", edit_sequence="9"),
            CustomerRet(list_id="C-1", name="N", edit_sequence="99"),
            CreditMemoRet(txn_id="T-2", edit_sequence="10"),
            InvoiceRet(txn_id="T-3"),
        ]
    )
    with world.database.write() as db:
        connection = world.connection_of(db)
        seen = list(landmarks.watch(connection, passing))
        assert len(seen) == 4
        # oldest first, by the number of the state
        assert list(connection.landmarks.items()) == [
            ("Invoice:T-3", ""),
            ("Invoice:T-1", "9"),
            ("CreditMemo:T-2", "10"),
        ]


def test_a_newer_state_of_the_same_invoice_takes_the_place_of_the_older(world: Any) -> None:
    with world.database.write() as db:
        connection = world.connection_of(db)
        for sequence in ("5", "8"):
            list(landmarks.watch(connection, iter([InvoiceRet(txn_id="T-1", edit_sequence=sequence)])))
        assert connection.landmarks == {"Invoice:T-1": "8"}
