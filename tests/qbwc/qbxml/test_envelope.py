"""Message sets: what leaves, and answers read as a stream, with the quirks of real ones."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from lxml import etree

from qbwc.errors import DecodeError, EncodeError
from qbwc.qbxml import envelope, read_answers, render_request, render_set
from qbwc.qbxml.codec import decode
from qbwc.qbxml.company import CompanyQueryRq, HostQueryRq
from qbwc.qbxml.envelope import Answer
from qbwc.qbxml.lists import CustomerRet, ItemDiscountRet, ItemServiceRet, ItemSubtotalRet


def answers(body: str, prolog: str = '<?xml version="1.0" ?>', attributes: str = "") -> str:
    return f"{prolog}<QBXML><QBXMLMsgsRs{attributes}>{body}</QBXMLMsgsRs></QBXML>"


def answer(tag: str, body: str = "", *, request_id: str = "1", more: str = "") -> str:
    return (
        f'<{tag}Rs requestID="{request_id}" statusCode="0" statusSeverity="Info" statusMessage="Status OK"{more}>'
        f"{body}</{tag}Rs>"
    )


def customer(number: int, padding: str = "") -> str:
    return (
        f"<CustomerRet><ListID>8000{number:04X}-1</ListID><Name>C{number}</Name><FullName>C{number}</FullName>"
        f"<Notes>{padding}</Notes></CustomerRet>"
    )


def test_a_set_leaves_as_one_line_with_both_instructions() -> None:
    text = render_set([render_request(HostQueryRq(), "0"), render_request(CompanyQueryRq(owner_id=("{G}",)), "1")])
    assert text == (
        '<?xml version="1.0" encoding="utf-8"?><?qbxml version="13.0"?><QBXML>'
        '<QBXMLMsgsRq onError="continueOnError"><HostQueryRq requestID="0"/>'
        '<CompanyQueryRq requestID="1"><OwnerID>{G}</OwnerID></CompanyQueryRq></QBXMLMsgsRq></QBXML>'
    )


def test_the_ids_of_a_set_are_attributes(intuit_schema: etree.XMLSchema) -> None:
    text = render_set([], new_message_set_id="n" * 23, old_message_set_id="o<\"'&", on_error="stopOnError")
    root = etree.fromstring(text.encode())
    assert dict(root[0].attrib) == {"onError": "stopOnError", "newMessageSetID": "n" * 23, "oldMessageSetID": "o<\"'&"}
    intuit_schema.assertValid(etree.ElementTree(root))


@pytest.mark.parametrize("name", ["new_message_set_id", "old_message_set_id"])
def test_a_set_id_that_quickbooks_would_refuse_never_leaves(name: str) -> None:
    with pytest.raises(EncodeError, match="longer than 23"):
        render_set([], **{name: "x" * 24})  # type: ignore[arg-type]


def test_a_request_id_that_is_too_long_never_leaves() -> None:
    render_request(HostQueryRq(), "x" * 50)
    with pytest.raises(EncodeError, match="longer than 50"):
        render_request(HostQueryRq(), "x" * 51)


@pytest.mark.parametrize(
    "prolog",
    [
        "",
        '<?xml version="1.0" ?>',
        '<?xml version="1.0" encoding="utf-16"?>\r\n',
        '\ufeff<?xml version="1.0" encoding="windows-1252"?>',
        "\n  <?xml version='1.0'?><?qbxml version=\"13.0\"?>",
    ],
)
def test_every_prolog_is_read_because_the_text_is_text_already(prolog: str) -> None:
    text = answers(answer("CustomerQuery", "<CustomerRet><ListID>1</ListID><Name>Café</Name></CustomerRet>"), prolog)
    (said,) = [list(one.objects) for one in read_answers(text)]
    assert [one.name for one in said] == ["Café"]


def test_the_attributes_of_an_answer_are_kept() -> None:
    more = ' retCount="3" iteratorRemainingCount="12" iteratorID="{a}"'
    (said,) = list(read_answers(answers(answer("CustomerQuery", more=more), attributes=' messageSetStatusCode="0"')))
    assert (said.tag, said.request_id, said.status_code, said.severity) == ("CustomerQueryRs", "1", "0", "Info")
    assert (said.ret_count, said.iterator_remaining, said.iterator_id) == (3, 12, "{a}")
    assert said.is_written


@pytest.mark.parametrize(
    ("severity", "written"), [("Info", True), ("Warn", True), ("Error", False), ("", False), ("?", False)]
)
def test_only_info_and_warn_say_that_it_was_written(severity: str, written: bool) -> None:
    said = Answer(tag="InvoiceAddRs", request_id="1", status_code="0", severity=severity, message="")
    assert said.is_written is written


def test_a_missing_severity_is_not_taken_for_success() -> None:
    (said,) = list(read_answers(answers('<InvoiceAddRs requestID="1" statusCode="3120" statusMessage="gone"/>')))
    assert said.severity == ""
    assert not said.is_written


def test_the_status_of_the_set_is_known() -> None:
    read = read_answers(answers("", attributes=' messageSetStatusCode="9001" newMessageSetID="a"'))
    assert list(read) == []
    assert read.message_set_status == "9001"


def test_kinds_of_items_come_mixed() -> None:
    body = (
        "<ItemServiceRet><ListID>1</ListID><Name>S</Name><FullName>P:S</FullName></ItemServiceRet>"
        "<ItemSubtotalRet><ListID>2</ListID><Name>Sous-total</Name></ItemSubtotalRet>"
        "<ItemFromTheFutureRet><ListID>9</ListID></ItemFromTheFutureRet>"
        "<ItemDiscountRet><ListID>3</ListID><Name>R</Name><DiscountRatePercent>5.0</DiscountRatePercent></ItemDiscountRet>"
    )
    (read,) = [list(said.objects) for said in read_answers(answers(answer("ItemQuery", body)))]
    assert [type(one) for one in read] == [ItemServiceRet, ItemSubtotalRet, ItemDiscountRet]
    assert [one.path for one in read] == ["P:S", "Sous-total", "R"]


def test_what_is_left_unread_is_passed_over() -> None:
    body = answer("CustomerQuery", "".join(map(customer, range(40)))) + answer(
        "CustomerQuery", customer(99), request_id="2"
    )
    read = []
    for said in read_answers(answers(body)):
        first = next(said.objects)
        read.append((said.request_id, first.name))
    assert read == [("1", "C0"), ("2", "C99")]


def test_an_object_inside_another_is_not_an_answer_of_its_own() -> None:
    nested = "<CustomerRet><ListID>1</ListID><Extra><CustomerRet><ListID>2</ListID></CustomerRet></Extra></CustomerRet>"
    (read,) = [list(said.objects) for said in read_answers(answers(answer("CustomerQuery", nested)))]
    assert [one.list_id for one in read] == ["1"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "QuickBooks is busy",
        "<QBXML/>",
        "<html><body>Proxy error</body></html>",
        '<?xml version="1.0"?>',
        answers(answer("CustomerQuery", customer(1)))[:-40],
        answers(answer("CustomerQuery", customer(1)))[:-5],
        answers(answer("CustomerQuery", customer(1))) + "<more/>",
        answers(answer("CustomerQuery", "<CustomerRet><ListID>1</CustomerRet>")),
    ],
)
def test_an_answer_that_is_cut_or_not_qbxml_cannot_be_read(text: str) -> None:
    with pytest.raises(DecodeError):
        drain(text)


@pytest.mark.parametrize(
    ("spoilt", "object_id", "reason"),
    [
        ("<CustomerRet><ListID>7</ListID><TimeModified>soon</TimeModified></CustomerRet>", "7", "TimeModified: 'soon'"),
        ("<CustomerRet><ListID>7</ListID><Balance>a lot</Balance></CustomerRet>", "7", "Balance: 'a lot'"),
        ("<CustomerRet><ListID>7</ListID><Balance>1E999999</Balance></CustomerRet>", "7", "Balance: '1E999999'"),
        ("<CustomerRet><ListID>7</ListID><IsActive>perhaps</IsActive></CustomerRet>", "7", "IsActive: 'perhaps'"),
        ("<CustomerRet><ListID>7</ListID><Sublevel>1_0</Sublevel></CustomerRet>", "7", "Sublevel: '1_0'"),
        (f"<CustomerRet><ListID>7</ListID><Sublevel>{'9' * 5000}</Sublevel></CustomerRet>", "7", "Sublevel: '999"),
        ("<CustomerRet><Name>no id</Name></CustomerRet>", "", "ListID is missing"),
        ("<CustomerRet/>", "", "ListID is missing"),
    ],
)
def test_an_object_that_cannot_be_read_is_noted_and_the_others_are_read(
    spoilt: str, object_id: str, reason: str
) -> None:
    read = iter(read_answers(answers(answer("CustomerQuery", customer(1) + spoilt + customer(2)))))
    said = next(read)
    assert [one.name for one in said.objects] == ["C1", "C2"]
    (unread,) = said.unread
    assert (unread.tag, unread.object_id) == ("CustomerRet", object_id)
    assert reason in unread.reason
    assert len(unread.reason) < 200
    assert list(read) == []


def test_a_transaction_that_cannot_be_read_is_noted_by_its_txn_id() -> None:
    invoice = "<InvoiceRet><TxnID>3-1</TxnID><TxnDate>2026-13-01</TxnDate></InvoiceRet>"
    body = answer("InvoiceQuery", invoice) + answer("CustomerQuery", customer(1), request_id="2")
    read = []
    for said in read_answers(answers(body)):
        read.append((said.request_id, len(list(said.objects)), [one.object_id for one in said.unread]))
    assert read == [("1", 0, ["3-1"]), ("2", 1, [])]


def test_what_is_malformed_is_also_noted_when_the_objects_are_passed_over() -> None:
    body = answer("CustomerQuery", customer(1) + "<CustomerRet/>" + customer(2))
    kept = list(read_answers(answers(body)))
    assert [len(said.unread) for said in kept] == [1]


def test_a_break_after_a_malformed_object_still_loses_the_answer() -> None:
    with pytest.raises(DecodeError, match="well-formed"):
        drain(answers(answer("CustomerQuery", "<CustomerRet/>" + customer(1)))[:-30])


@pytest.mark.parametrize("count", ["many", "-1", "²", "1.5", "9" * 5000, "", "0x10"])
def test_a_count_that_is_none_is_left_out(count: str) -> None:
    more = f' retCount="{count}" iteratorRemainingCount="{count}"'
    (said,) = list(read_answers(answers(answer("CustomerQuery", customer(1), more=more))))
    assert (said.ret_count, said.iterator_remaining) == (None, None)


def drain(text: str) -> None:
    for said in read_answers(text):
        list(said.objects)


@pytest.mark.parametrize("before", ["", " " * 5000, f"<!--{'x' * 9000}-->"])
def test_a_document_type_is_refused_wherever_it_stands(before: str) -> None:
    bomb = f'{before}<!DOCTYPE QBXML [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>' + answers(
        answer("CustomerQuery", "<CustomerRet><ListID>&b;</ListID></CustomerRet>"), prolog=""
    )
    with pytest.raises(DecodeError, match="document type"):
        drain(bomb)


@pytest.mark.parametrize("padding", [0, 1, 5, 7, 8])
def test_a_document_type_is_refused_where_one_piece_ends_and_also_when_it_is_hidden(padding: int) -> None:
    bomb = '<!DOC\x01TYPE QBXML [<!ENTITY a "b">]><QBXML a="&a;"><QBXMLMsgsRs/></QBXML>'
    with pytest.raises(DecodeError, match="document type"):
        drain(" " * 20 + f"<!--{'x' * (envelope.PIECE - 7 - padding)}-->" + bomb)


def test_a_reference_may_lie_where_one_piece_ends() -> None:
    for shift in range(12):
        name = "x" * (envelope.PIECE - 200 + shift) + "a&#x1F;b&#233;c&amp;d" * 20
        text = answers(answer("CustomerQuery", f"<CustomerRet><ListID>1</ListID><Name>{name}</Name></CustomerRet>"))
        (read,) = [list(said.objects) for said in read_answers(text)]
        assert read[0].name.endswith("abéc&d" * 20)


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-7", "ebcdic-cp-us", "undefined", "windows-1252", "UTF-8", "ISO-8859-1"]
)
def test_the_encoding_that_is_declared_is_of_no_account(charset: str) -> None:
    text = answers(
        answer("CustomerQuery", "<CustomerRet><ListID>1</ListID><Name>é’+AGE-</Name></CustomerRet>"),
        f'<?xml version="1.0" encoding="{charset}"?>',
    )
    (read,) = [list(said.objects) for said in read_answers(text)]
    assert read[0].name == "é’+AGE-"


@pytest.mark.parametrize(
    "junk",
    [
        *("\x00", "\x02", "\x0b", "\ufffe", "\ud800", "&#0;", "&#31;", "&#xF;", "&#x1F;", "&#x001f;"),
        *("&#55296;", "&#xD800;", "&#65535;", "&#xFFFF;", "&#1114112;", "&#x110000;", "&#99999999999;"),
    ],
)
def test_what_no_parser_takes_is_left_out_rather_than_losing_the_whole_answer(junk: str) -> None:
    text = answers(answer("CustomerQuery", f"<CustomerRet><ListID>1</ListID><Name>a{junk}b</Name></CustomerRet>"))
    (read,) = [list(said.objects) for said in read_answers(text)]
    assert read[0].name == "ab"


@pytest.mark.parametrize("kept", ["&#9;", "&#10;", "&#13;", "&#233;", "&#xE9;", "&#x1F600;", "&#x10FFFF;", "&#128512;"])
def test_legal_references_are_kept(kept: str) -> None:
    text = answers(answer("CustomerQuery", f"<CustomerRet><ListID>1</ListID><Name>a{kept}b</Name></CustomerRet>"))
    (read,) = [list(said.objects) for said in read_answers(text)]
    assert len(read[0].name) == 3


def test_a_text_longer_than_ten_million_characters_is_read() -> None:
    text = answers(
        answer("CustomerQuery", f"<CustomerRet><ListID>1</ListID><Name>{'x' * 10_500_000}</Name></CustomerRet>")
    )
    (read,) = [[len(one.name) for one in said.objects] for said in read_answers(text)]
    assert read == [10_500_000]


def test_memory_does_not_grow_with_the_answer() -> None:
    """Objects are read and let go one by one: twenty times the answer takes no more than a little more room."""
    few, many = (
        answers(answer("CustomerQuery", "".join(customer(n, "x" * 900) for n in range(count))))
        for count in (1_000, 20_000)
    )
    assert len(many) > 19_000_000

    def peak(text: str) -> int:
        reader = read_answers(text)
        tracemalloc.start()
        try:
            for said in reader:
                for one in said.objects:
                    assert isinstance(one, CustomerRet)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(few), peak(many)
    assert large < 2 * small + 200_000
    assert large < len(many) / 20


def test_the_tree_behind_the_stream_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser's own memory is not Python's: count the elements that are still attached instead."""
    sizes: list[int] = []

    def decode_and_count(cls: type, element: etree._Element) -> Any:
        if len(sizes) % 50 == 0:
            sizes.append(sum(1 for _ in element.getroottree().getroot().iter()))
        else:
            sizes.append(0)
        return decode(cls, element)

    monkeypatch.setattr(envelope, "decode", decode_and_count)
    drain(answers(answer("CustomerQuery", "".join(customer(n) for n in range(5_000)))))
    assert len(sizes) == 5_000
    # A chunk of input holds some objects that are parsed but not handed out yet.
    assert 0 < max(sizes) < 2_000


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"<VendorRet><ListID>{n}</ListID><Name>V</Name></VendorRet>" for n in range(20_000)),
        "<!--x--><?y z?>" * 40_000,
        "<New>" + "".join(f"<Kind><ListID>{n}</ListID></Kind>" for n in range(20_000)) + "</New>",
    ],
    ids=["objects", "comments", "one"],
)
@pytest.mark.parametrize("tag", ["CustomerQuery", "VendorQuery"])
def test_what_nobody_asks_for_does_not_stay_in_the_tree(monkeypatch: pytest.MonkeyPatch, tag: str, body: str) -> None:
    sizes: list[int] = []
    prune = envelope._Source._prune

    def prune_and_count(source: Any) -> None:
        prune(source)
        sizes.append(0 if source._root is None else sum(1 for _ in source._root.iter()))

    monkeypatch.setattr(envelope._Source, "_prune", prune_and_count)
    drain(answers(answer(tag, body)))
    assert len(sizes) > 15
    assert max(sizes) < 50


ATTRIBUTES = "<a{}/>".format("".join(f" a{n}=''" for n in range(5000)))
INVOICE = "<InvoiceRet><TxnID>1-1</TxnID>{lines}</InvoiceRet>"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (answers(answer("CustomerQuery", f'<CustomerRet a="{"x" * 200_000}"/>')), "a tag of the answer is longer"),
        (answers(answer("CustomerQuery", more=f' a="{">" * 200_000}"')), "a tag of the answer is longer"),
        (answers(answer("CustomerQuery", f"<CustomerRet>{'<a/>' * 1_100_000}</CustomerRet>")), "too large"),
        (answers(answer("CustomerQuery", f"<CustomerRet>{ATTRIBUTES * 210}</CustomerRet>")), "too large"),
        (f"<html>{'<p>x</p>' * 200_000}</html>", "QBXML does not begin"),
        (answers(answer("CustomerQuery", f"<CustomerRet>{'<a>' * 100_000}")), "well-formed"),
        (answers(answer("CustomerQuery", f"{'<a>' * 100_000}")), "well-formed"),
    ],
    ids=["attribute", "quoted", "elements", "attributes", "prolog", "deep object", "deep"],
)
def test_what_would_fill_the_memory_is_refused(text: str, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        drain(text)


def test_an_invoice_of_many_thousand_lines_is_read() -> None:
    line = "<InvoiceLineRet><TxnLineID>1-{n}</TxnLineID><Desc>a = b</Desc><Amount>1.00</Amount></InvoiceLineRet>"
    lines = "".join(line.format(n=n) for n in range(15_000))
    (read,) = [
        list(said.objects) for said in read_answers(answers(answer("InvoiceQuery", INVOICE.format(lines=lines))))
    ]
    assert len(read[0].lines) == 15_000
