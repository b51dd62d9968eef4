"""Our own stamp on what we add, and how it is recognised later."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from qbwc import stamp
from qbwc.qbxml import read_request, render_request, render_set
from qbwc.qbxml.lists import CustomerQueryRq
from qbwc.qbxml.transactions import (
    CreditMemoAdd,
    CreditMemoAddRq,
    CreditMemoLineAdd,
    CreditMemoQueryRq,
    CreditMemoRet,
    InvoiceAdd,
    InvoiceAddRq,
    InvoiceLineAdd,
    InvoiceLineMod,
    InvoiceLineRet,
    InvoiceMod,
    InvoiceModRq,
    InvoiceQueryRq,
    InvoiceRet,
)
from qbwc.qbxml.types import Ref

LEFT_AT = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
GUID = "{1B1B1B1B-2C2C-3D3D-4E4E-5F5F5F5F5F5F}"
CUSTOMER, ITEM = Ref(list_id="80000001-1"), Ref(list_id="80000009-1")


def add(**values: Any) -> InvoiceAddRq:
    line = InvoiceLineAdd(item_ref=ITEM, desc="Suite", quantity=Decimal("2"), rate=Decimal("12.50"))
    known: dict[str, Any] = {
        "customer_ref": CUSTOMER,
        "txn_date": date(2026, 10, 31),
        "memo": "October",
        "external_guid": GUID,
        "lines": (line,),
    }
    return InvoiceAddRq(invoice_add=InvoiceAdd(**{**known, **values}))


def kept(**values: Any) -> InvoiceRet:
    line = InvoiceLineRet(
        txn_line_id="L-1",
        item_ref=Ref(list_id="80000009-1", full_name="Suites:Suite"),
        desc="Suite",
        quantity=Decimal("2.00"),
        rate=Decimal("12.5"),
    )
    known: dict[str, Any] = {
        "txn_id": "T-1",
        "edit_sequence": "100",
        "customer_ref": Ref(list_id="80000001-1", full_name="Client"),
        "txn_date": date(2026, 10, 31),
        "memo": "October",
        "lines": (line,),
    }
    return InvoiceRet(**{**known, **values})


def credit_memo(**values: Any) -> CreditMemoAddRq:
    line = CreditMemoLineAdd(item_ref=ITEM, quantity=Decimal(1))
    memo = CreditMemoAdd(customer_ref=CUSTOMER, txn_date=date(2026, 10, 31), lines=(line,), **values)
    return CreditMemoAddRq(credit_memo_add=memo)


def find(message: Any, *objects: Any, taken: tuple[str, ...] = ()) -> Any:
    return stamp.find(stamp.Sought(message=message, left_at=LEFT_AT), objects, taken)


# -- the stamp ------------------------------------------------------------------------------


def test_an_add_gets_a_stamp_of_its_own_and_keeps_one_that_it_has() -> None:
    bare = add(external_guid=None)
    one, other = stamp.stamped(bare).invoice_add, stamp.stamped(bare).invoice_add
    assert one.external_guid != other.external_guid
    assert dataclasses.replace(one, external_guid=None) == bare.invoice_add
    assert stamp.stamped(add()) == add()


def test_a_credit_memo_gets_one_too_and_a_query_none() -> None:
    memo = credit_memo()
    assert stamp.stamped(memo).credit_memo_add.external_guid
    query = InvoiceQueryRq(txn_id=("T-1",))
    assert stamp.stamped(query) is query


def test_the_stamped_message_and_its_look_up_are_valid_by_intuits_schema(intuit_schema: etree.XMLSchema) -> None:
    message = stamp.stamped(add(external_guid=None))
    requests = [message, stamp.look_up(message), stamp.look_up(add(customer_ref=Ref(full_name="Client")))]
    text = render_set([render_request(request, str(number)) for number, request in enumerate(requests)])
    intuit_schema.assertValid(etree.ElementTree(etree.fromstring(text.encode())))


# -- the look-up ----------------------------------------------------------------------------


def test_the_customers_transactions_of_the_day_are_looked_through() -> None:
    query = stamp.look_up(add())
    assert isinstance(query, InvoiceQueryRq)
    assert query.entity_filter is not None
    assert query.entity_filter.list_id == ("80000001-1",)
    assert query.txn_date_range_filter is not None
    assert query.txn_date_range_filter.from_txn_date == date(2026, 10, 31)
    assert query.txn_date_range_filter.to_txn_date == date(2026, 10, 31)
    assert query.include_line_items
    named = stamp.look_up(add(customer_ref=Ref(full_name="Client")))
    assert named is not None
    assert named.entity_filter.full_name == ("Client",)
    assert isinstance(stamp.look_up(credit_memo()), CreditMemoQueryRq)


def test_a_change_is_looked_for_by_its_number_and_a_query_not_at_all() -> None:
    mod = InvoiceModRq(invoice_mod=InvoiceMod(txn_id="T-1", edit_sequence="5", memo="changed"))
    query = stamp.look_up(mod)
    assert isinstance(query, InvoiceQueryRq)
    assert query.txn_id == ("T-1",)
    assert stamp.look_up(CustomerQueryRq()) is None


def test_what_was_queued_is_read_back_as_it_was() -> None:
    assert read_request(render_request(add(), "7")) == add()


# -- by the stamp ---------------------------------------------------------------------------------


def test_the_one_with_our_stamp_is_ours_whatever_else_it_says() -> None:
    ours = kept(txn_id="T-2", external_guid=GUID.strip("{}").lower(), memo="changed by hand", lines=())
    assert find(add(), kept(), ours) is ours


def test_another_stamp_is_never_ours_though_it_says_the_same() -> None:
    assert find(add(), kept(external_guid="{" + "9" * 8 + GUID[9:])) is None


def test_one_that_belongs_to_another_request_is_passed_over() -> None:
    second = kept(txn_id="T-2")
    assert find(add(), kept(), second, taken=("T-1",)) is second
    assert find(add(), kept(external_guid=GUID), taken=("T-1",)) is None


# -- by the content -----------------------------------------------------------------------------------


def test_without_stamps_the_one_that_says_the_same_is_ours() -> None:
    assert find(add(), kept()) == kept()
    assert find(add(external_guid=None), kept()) == kept()


@pytest.mark.parametrize(
    "values",
    [
        {"memo": "November"},
        {"customer_ref": Ref(list_id="80000002-1")},
        {"txn_date": date(2026, 11, 1)},
        {"lines": ()},
        {"lines": (InvoiceLineRet(txn_line_id="L-1", item_ref=ITEM, desc="Suite", quantity=Decimal(3)),)},
        {"lines": (InvoiceLineRet(txn_line_id="L-1", item_ref=Ref(list_id="8-8"), quantity=Decimal(2)),)},
        {"time_created": datetime.fromisoformat("2026-10-29T10:00:00")},  # long before ours left
    ],
    ids=["memo", "customer", "day", "no lines", "quantity", "item", "too old"],
)
def test_without_stamps_any_difference_that_shows_makes_it_another(values: dict[str, Any]) -> None:
    assert find(add(), kept(**values)) is None


@pytest.mark.parametrize(
    "values",
    [
        {"memo": " October  "},
        {"customer_ref": Ref(full_name="CLIENT"), "sought": {"customer_ref": Ref(full_name="Client")}},
        {"time_created": datetime.fromisoformat("2026-10-31T08:00:00")},
        {
            "time_created": datetime.fromisoformat("2026-10-30T14:00:00")
        },  # a clock that is wrong by less than a day and a half
        {"po_number": "added by hand"},
    ],
    ids=["blanks", "case", "local time", "wrong clock", "more than was sent"],
)
def test_without_stamps_what_makes_no_difference_is_ours(values: dict[str, Any]) -> None:
    sought = values.pop("sought", {}) if "sought" in values else {}
    assert find(add(**sought), kept(**values)) is not None


def test_the_same_invoice_from_long_before_is_not_taken_for_the_new_one() -> None:
    old = kept(time_created=(LEFT_AT - timedelta(days=30)).replace(tzinfo=None))
    new = kept(txn_id="T-2", time_created=LEFT_AT.replace(tzinfo=None))
    assert find(add(), old, new) is new


def test_a_credit_memo_is_recognised_in_the_same_ways() -> None:
    message = credit_memo(external_guid=GUID)
    ours = CreditMemoRet(txn_id="T-5", edit_sequence="1", external_guid=GUID)
    other = CreditMemoRet(txn_id="T-6", edit_sequence="1", customer_ref=CUSTOMER, txn_date=date(2026, 10, 31))
    assert find(message, other, ours) is ours
    assert find(message, other) is None  # it has no line


# -- changes ----------------------------------------------------------------------------------------------


def change(**values: Any) -> InvoiceModRq:
    return InvoiceModRq(invoice_mod=InvoiceMod(**{"txn_id": "T-1", "edit_sequence": "100", "memo": "new", **values}))


def test_a_change_was_done_when_the_state_is_newer_and_says_what_was_sent() -> None:
    assert find(change(), kept(edit_sequence="101", memo="new")) is not None
    assert find(change(), kept(edit_sequence="100", memo="new")) is None
    assert find(change(), kept(edit_sequence="101", memo="old")) is None
    assert find(change(), kept(txn_id="T-2", edit_sequence="101", memo="new")) is None


def test_the_lines_of_a_change_count_in_number_and_order() -> None:
    lines = (
        InvoiceLineMod(txn_line_id="L-1", quantity=Decimal(2)),
        InvoiceLineMod(txn_line_id="-1", item_ref=ITEM, quantity=Decimal(1)),
    )
    first = InvoiceLineRet(txn_line_id="L-1", item_ref=ITEM, quantity=Decimal(2))
    second = InvoiceLineRet(txn_line_id="L-9", item_ref=ITEM, quantity=Decimal(1))
    done = kept(edit_sequence="101", memo="new", lines=(first, second))
    assert find(change(lines=lines), done) is done
    assert find(change(lines=lines), dataclasses.replace(done, lines=(second, first))) is None
    assert find(change(lines=lines), dataclasses.replace(done, lines=(first,))) is None


def test_a_query_made_nothing() -> None:
    assert find(CustomerQueryRq(), kept()) is None
