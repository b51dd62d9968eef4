"""Values on their way into qbXML and back: numbers, texts, moments, names of elements, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc.errors import DecodeError, EncodeError
from qbwc.qbxml.codec import decode, encode, format_number, tag_of
from qbwc.qbxml.lists import CustomerQueryRq, CustomerRet, ItemServiceRet, ListDeletedQueryRq, SalesTaxCodeRet
from qbwc.qbxml.transactions import (
    CreditMemoAdd,
    InvoiceAdd,
    InvoiceAddRq,
    InvoiceLineAdd,
    InvoiceLineGroupAdd,
    InvoiceLineGroupRet,
    InvoiceLineRet,
    InvoiceRet,
)
from qbwc.qbxml.types import Address, NumberKind, Quantity, Ref

NAIVE = datetime.fromisoformat("2026-07-01T08:15:30")
CUSTOMER = Ref(list_id="80000001-1234567890")


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("list_id", "ListID"),
        ("ar_account_ref", "ARAccountRef"),
        ("po_number", "PONumber"),
        ("fob", "FOB"),
        ("external_guid", "ExternalGUID"),
        ("override_uom_set_ref", "OverrideUOMSetRef"),
        ("include_linked_txns", "IncludeLinkedTxns"),
        ("supported_qbxml_version", "SupportedQBXMLVersion"),
        ("qb_file_mode", "QBFileMode"),
        ("addr1", "Addr1"),
        ("is_to_be_emailed", "IsToBeEmailed"),
    ],
)
def test_a_field_name_gives_its_tag(name: str, tag: str) -> None:
    assert tag_of(name) == tag


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("12.5", NumberKind.AMOUNT, "12.50"),
        ("1E+3", NumberKind.AMOUNT, "1000.00"),
        ("-0", NumberKind.AMOUNT, "0.00"),
        ("-0.00", NumberKind.AMOUNT, "0.00"),
        ("-10.00", NumberKind.AMOUNT, "-10.00"),
        ("-0.50", NumberKind.AMOUNT, "-0.50"),
        ("9999999999999.99", NumberKind.AMOUNT, "9999999999999.99"),
        ("1.10000000", NumberKind.AMOUNT, "1.10"),
        ("1E-5", NumberKind.PRICE, "0.00001"),
        (".5", NumberKind.QUANTITY, "0.5"),
        ("3.00000", NumberKind.QUANTITY, "3"),
        ("-0.00000", NumberKind.QUANTITY, "0"),
        ("0E+9", NumberKind.QUANTITY, "0"),
        ("1E+9", NumberKind.QUANTITY, "1000000000"),
        ("14.975", NumberKind.PERCENT, "14.975"),
        ("1.36555", NumberKind.FLOAT, "1.36555"),
    ],
)
def test_a_number_is_written_without_exponent_and_without_losing_a_digit(
    value: str, kind: NumberKind, text: str
) -> None:
    assert format_number(Decimal(value), kind) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("0.005", NumberKind.AMOUNT),
        ("10000000000000", NumberKind.AMOUNT),
        ("0.000001", NumberKind.PRICE),
        ("12345678901", NumberKind.QUANTITY),
        ("1E+10", NumberKind.QUANTITY),
        ("NaN", NumberKind.AMOUNT),
        ("Infinity", NumberKind.PRICE),
        # more digits than Python's usual arithmetic keeps: it would be rounded in silence
        ("1.00000000000000000000000000000000001", NumberKind.AMOUNT),
    ],
)
def test_a_number_that_does_not_fit_is_refused(value: str, kind: NumberKind) -> None:
    with pytest.raises(EncodeError):
        format_number(Decimal(value), kind)


@given(st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=5))
def test_a_quantity_comes_back_as_it_left(value: Decimal) -> None:
    @dataclass(frozen=True)
    class Line:
        quantity: Quantity

    assert decode(Line, etree.fromstring(encode(Line(quantity=value)))).quantity == value


def test_text_too_long_names_the_element_by_its_whole_path() -> None:
    long = InvoiceAddRq(
        invoice_add=InvoiceAdd(customer_ref=CUSTOMER, txn_date=date(2026, 10, 31), bill_address=Address(addr1="x" * 42))
    )
    with pytest.raises(EncodeError, match="42 characters where QuickBooks keeps 41") as caught:
        encode(long)
    assert caught.value.path == "InvoiceAddRq/InvoiceAdd/BillAddress/Addr1"


def test_a_bad_value_in_a_line_names_the_line() -> None:
    line = InvoiceLineAdd(quantity=Decimal("0.000001"))
    with pytest.raises(EncodeError) as caught:
        encode(InvoiceAdd(customer_ref=CUSTOMER, txn_date=date(2026, 10, 31), lines=(line,)))
    assert caught.value.path == "InvoiceAdd/InvoiceLineAdd/Quantity"


def test_a_limit_counts_characters_as_quickbooks_will_keep_them() -> None:
    exactly = InvoiceAdd(customer_ref=CUSTOMER, txn_date=date(2026, 10, 31), po_number="&é<>" * 6 + "é")
    assert etree.fromstring(encode(exactly)).findtext("PONumber") == "&é<>" * 6 + "é"
    # "…" becomes three characters
    with pytest.raises(EncodeError, match="PONumber"):
        encode(InvoiceAdd(customer_ref=CUSTOMER, txn_date=date(2026, 10, 31), po_number="x" * 24 + "…"))


@given(st.text())
def test_whatever_is_written_is_ascii_and_well_formed(text: str) -> None:
    written = encode(InvoiceLineAdd(desc=text))
    assert written.isascii()
    element = etree.fromstring(written)
    assert [child.tag for child in element] == ["Desc"]
    assert all(ord(char) <= 255 for char in element[0].text or "")


def test_attributes_and_elements_stand_where_they_belong() -> None:
    query = CustomerQueryRq(iterator="Continue", iterator_id="{a\"b'<&>}", max_returned=5, active_status="All")
    written = encode(query, attributes=[("requestID", "7")])
    element = etree.fromstring(written)
    assert dict(element.attrib) == {"requestID": "7", "iterator": "Continue", "iteratorID": "{a\"b'<&>}"}
    assert [child.tag for child in element] == ["MaxReturned", "ActiveStatus"]
    assert ">" not in written.split(">", 1)[1].replace("</MaxReturned>", "").split("<", 1)[0]


def test_an_empty_request_has_no_white_space() -> None:
    assert encode(CustomerQueryRq(), attributes=[("requestID", "0")]) == '<CustomerQueryRq requestID="0"/>'


def test_lines_of_both_kinds_keep_their_order() -> None:
    lines = (
        InvoiceLineAdd(desc="a"),
        InvoiceLineGroupAdd(item_group_ref=Ref(list_id="1")),
        InvoiceLineAdd(desc="b"),
    )
    element = etree.fromstring(encode(InvoiceAdd(customer_ref=CUSTOMER, txn_date=date(2026, 10, 31), lines=lines)))
    assert [child.tag for child in element][-3:] == ["InvoiceLineAdd", "InvoiceLineGroupAdd", "InvoiceLineAdd"]


@pytest.mark.parametrize(
    "message",
    [
        ListDeletedQueryRq(list_del_type=()),
        CreditMemoAdd(customer_ref=CUSTOMER, txn_date=date(2026, 10, 31), lines=()),
    ],
)
def test_a_mandatory_list_that_is_empty_is_refused(message: object) -> None:
    with pytest.raises(EncodeError, match="at least one"):
        encode(message)


def test_a_moment_leaves_without_offset_and_without_fractions() -> None:
    written = encode(CustomerQueryRq(from_modified_date=datetime(2026, 7, 1, 8, 0, 0, 999, tzinfo=UTC)))
    assert written == "<CustomerQueryRq><FromModifiedDate>2026-07-01T08:00:00</FromModifiedDate></CustomerQueryRq>"


@pytest.mark.parametrize("offset", ["", "Z", "-05:00", "-04:00", "+01:00", ".000-05:00"])
def test_the_wall_clock_of_quickbooks_is_kept_and_its_offset_dropped(offset: str) -> None:
    ret = read_customer(f"<ListID>1</ListID><TimeModified>2026-07-01T08:15:30{offset}</TimeModified>")
    assert ret.time_modified == NAIVE


@given(st.datetimes(NAIVE.replace(year=1990), NAIVE.replace(year=2037)), st.integers(-12, 14))
def test_an_offset_never_changes_a_moment(moment: datetime, hours: int) -> None:
    said = moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    ret = read_customer(f"<ListID>1</ListID><TimeModified>{said.isoformat()}</TimeModified>")
    assert ret.time_modified == moment.replace(microsecond=0)


def read_customer(body: str) -> CustomerRet:
    return decode(CustomerRet, etree.fromstring(f"<CustomerRet>{body}</CustomerRet>"))


def test_unknown_elements_comments_and_layout_are_passed_over() -> None:
    ret = read_customer(
        "\n <!-- c --><ListID>80-1</ListID>\n <NewInVersion17><Name>no</Name></NewInVersion17>\n"
        "<FullName>A  B &amp; C </FullName><Sublevel> 2 </Sublevel><?pi x?>"
    )
    assert (ret.list_id, ret.full_name, ret.sublevel, ret.name) == ("80-1", "A  B & C ", 2, None)


def test_an_empty_element_is_an_absent_value() -> None:
    ret = read_customer("<ListID>1</ListID><IsActive></IsActive><Balance/><TimeCreated> </TimeCreated><Email/>")
    assert (ret.is_active, ret.balance, ret.time_created, ret.email) == (None, None, None, "")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_both_spellings_of_a_truth_are_read(text: str, value: bool) -> None:
    assert read_customer(f"<ListID>1</ListID><IsActive>{text}</IsActive>").is_active is value


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("<ListID>1</ListID><IsActive>yes</IsActive>", "IsActive"),
        ("<ListID>1</ListID><Sublevel>one</Sublevel>", "Sublevel"),
        ("<ListID>1</ListID><Balance>1,000.00</Balance>", "Balance"),
        ("<ListID>1</ListID><Balance>NaN</Balance>", "Balance"),
        ("<ListID>1</ListID><TimeModified>01/07/2026</TimeModified>", "TimeModified"),
        ("<ListID>1</ListID><TimeModified>2026-13-01T00:00:00</TimeModified>", "TimeModified"),
        ("<Name>nameless</Name>", "ListID is missing"),
    ],
)
def test_a_malformed_value_is_named(body: str, named: str) -> None:
    with pytest.raises(DecodeError, match=named):
        read_customer(body)


def test_prices_and_quantities_are_compared_as_numbers() -> None:
    item = decode(
        ItemServiceRet,
        etree.fromstring(
            "<ItemServiceRet><ListID>1</ListID><SalesAndPurchase><SalesPrice>111.111</SalesPrice>"
            "<PurchaseCost>9.00</PurchaseCost></SalesAndPurchase></ItemServiceRet>"
        ),
    )
    assert item.sales_and_purchase is not None
    assert item.sales_and_purchase.sales_price == Decimal("111.111")
    assert item.sales_and_purchase.purchase_cost == 9
    assert item.sales_or_purchase is None


def test_an_invoice_with_groups_comments_and_subtotals_keeps_the_order_of_its_lines() -> None:
    invoice = decode(
        InvoiceRet,
        etree.fromstring(
            "<InvoiceRet><TxnID>C5-1</TxnID><TxnDate>2026-10-31</TxnDate>"
            "<InvoiceLineRet><TxnLineID>C7-1</TxnLineID><Desc>Merci</Desc></InvoiceLineRet>"
            "<InvoiceLineGroupRet><TxnLineID>C8-1</TxnLineID><Desc>Trousse</Desc><IsPrintItemsInGroup>false"
            "</IsPrintItemsInGroup><TotalAmount>20.00</TotalAmount>"
            "<InvoiceLineRet><TxnLineID>C9-1</TxnLineID><Amount>20.00</Amount></InvoiceLineRet></InvoiceLineGroupRet>"
            "<InvoiceLineRet><TxnLineID>CA-1</TxnLineID><Rate>0.00</Rate><Amount>20.00</Amount></InvoiceLineRet>"
            "</InvoiceRet>"
        ),
    )
    comment, group, subtotal = invoice.lines
    assert isinstance(comment, InvoiceLineRet)
    assert (comment.item_ref, comment.desc, comment.amount) == (None, "Merci", None)
    assert isinstance(group, InvoiceLineGroupRet)
    assert [line.txn_line_id for line in group.invoice_line_ret] == ["C9-1"]
    assert isinstance(subtotal, InvoiceLineRet)
    assert subtotal.quantity is None


def test_a_code_without_tax_reference_is_read() -> None:
    code = decode(
        SalesTaxCodeRet, etree.fromstring("<SalesTaxCodeRet><ListID>1</ListID><Name>Tax</Name></SalesTaxCodeRet>")
    )
    assert (code.path, code.is_taxable, code.item_sales_tax_ref) == ("Tax", None, None)


def test_a_choice_is_written_by_its_value_and_read_back() -> None:
    class Colour(StrEnum):
        RED = "red"

    @dataclass(frozen=True)
    class Paint:
        colour: Colour

    globals_hint = Paint.__annotations__
    globals_hint["colour"] = Colour
    assert encode(Paint(colour=Colour.RED)) == "<Paint><Colour>red</Colour></Paint>"
    with pytest.raises(DecodeError):
        decode(Paint, etree.fromstring("<Paint><Colour>blue</Colour></Paint>"))


def test_a_type_without_a_form_in_qbxml_is_a_mistake_of_the_programmer() -> None:
    @dataclass(frozen=True)
    class Odd:
        weight: Annotated[float, "no form"]

    with pytest.raises(TypeError, match="no qbXML form"):
        encode(Odd(weight=1.0))
