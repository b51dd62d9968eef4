"""What QuickBooks refuses as a whole, and what it refuses request by request."""

from __future__ import annotations

import pytest

from qbwc.sandbox import HresultError, process

HEAD = '<?xml version="1.0" encoding="utf-8"?><?qbxml version="13.0"?>'
GOOD = '<QBXML><QBXMLMsgsRq onError="stopOnError"><CustomerQueryRq/></QBXMLMsgsRq></QBXML>'


def wrap(inner, attributes='onError="stopOnError"'):
    return f"{HEAD}<QBXML><QBXMLMsgsRq {attributes}>{inner}</QBXMLMsgsRq></QBXML>"


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (HEAD + GOOD[:-5], "well-formed"),
        ('<?xml version="1.0"?>' + GOOD, "qbxml"),
        (wrap("<CustomerQueryRq/>", ""), "onError"),
        (wrap("<CustomerQueryRq/>", 'onError="maybe"'), "onError"),
        (wrap("<CustomerQueryRq/>", 'onError="stopOnError" color="red"'), "color"),
        (wrap("<CustomersQueryRq/>"), "CustomersQueryRq"),
        (wrap('<CustomerQueryRq iterator="Go"/>'), "iterator"),
        (wrap('<ClassQueryRq iterator="Start"/>'), "iterator"),
        (wrap("<CustomerQueryRq><Colour>red</Colour></CustomerQueryRq>"), "Colour is no child"),
        (
            wrap("<CustomerQueryRq><ActiveStatus>All</ActiveStatus><MaxReturned>1</MaxReturned></CustomerQueryRq>"),
            "MaxReturned is out of order",
        ),
        (wrap("<CustomerQueryRq><ListID>A-1</ListID><FullName>x</FullName></CustomerQueryRq>"), "FullName"),
        (
            wrap("<CustomerQueryRq><NameFilter><Name>x</Name></NameFilter></CustomerQueryRq>"),
            "MatchCriterion is missing",
        ),
        (wrap("<InvoiceAddRq><InvoiceAdd><TxnDate>2026-10-20</TxnDate></InvoiceAdd></InvoiceAddRq>"), "CustomerRef"),
        (wrap("<InvoiceAddRq/>"), "InvoiceAdd is missing"),
        (wrap("<CustomerQueryRq><FullName>œ</FullName></CustomerQueryRq>"), "U+0153"),
        (wrap("<CustomerQueryRq/>").replace("<QBXML>", "<!DOCTYPE QBXML><QBXML>"), "document type"),
        (wrap("<TemplateQueryRq/>").replace("13.0", "2.0"), "TemplateQueryRq"),
        (
            wrap("<InvoiceQueryRq><IncludeRetElement>x</IncludeRetElement></InvoiceQueryRq>").replace("13.0", "3.0"),
            "4.0",
        ),
    ],
)
def test_a_wrong_shape_refuses_the_whole_set(company, text, detail):
    with pytest.raises(HresultError) as caught:
        process(company, text)
    assert caught.value.hresult == "0x80040400"
    assert detail in caught.value.detail


def test_nothing_of_a_refused_set_is_executed(desk):
    good = "<CustomerAddRq><CustomerAdd><Name>Neuf</Name></CustomerAdd></CustomerAddRq>"
    with pytest.raises(HresultError):
        desk.send(good + "<CustomerQueryRq><Colour/></CustomerQueryRq>")
    assert desk.ask("<CustomerQueryRq><FullName>Neuf</FullName></CustomerQueryRq>").get("statusCode") == "500"


def test_an_unknown_version_is_refused(company):
    with pytest.raises(HresultError) as caught:
        process(company, (HEAD + GOOD).replace("13.0", "99.0"))
    assert caught.value.hresult == "0x80040423"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("IsPending", "yes", "3010"),
        ("TxnDate", "2026-13-01", "3020"),
        ("TxnDate", "20/10/2026", "3020"),
        ("RefNumber", "123456789012", "3070"),
        ("Memo", "x" * 4096, "3070"),
        ("PONumber", "x" * 26, "3070"),
        ("Other", "x" * 30, "3070"),
        ("ExternalGUID", "{123}", "3065"),
        ("ExchangeRate", "un", "3085"),
    ],
)
def test_a_value_that_cannot_be_converted_is_refused_for_its_request_alone(desk, field, value, code):
    head = f"<CustomerRef><FullName>Quinze</FullName></CustomerRef><{field}>{value}</{field}>"
    bad, good = desk.send(f"<InvoiceAddRq><InvoiceAdd>{head}</InvoiceAdd></InvoiceAddRq><ClassQueryRq/>")
    assert bad.get("statusCode") == code
    assert field in bad.get("statusMessage")
    assert good.get("statusCode") == "0"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Quantity", "1.234567", "3060"),
        ("Quantity", "1,5", "3060"),
        ("Rate", "1e3", "3045"),
        ("RatePercent", "dix", "3050"),
        ("Amount", "1.5", "3040"),
        ("Amount", ".50", "3040"),
        ("OptionForPriceRuleConflict", "Maybe", "3065"),
    ],
)
def test_the_numbers_of_a_line_are_checked(desk, field, value, code):
    item = "<ItemRef><FullName>Soutien</FullName></ItemRef>"
    answer = desk.invoice(f"<InvoiceLineAdd>{item}<{field}>{value}</{field}></InvoiceLineAdd>")
    assert answer.get("statusCode") == code


def test_characters_beyond_latin_1_become_question_marks(desk):
    head = "<TxnDate>2026-10-20</TxnDate><Memo>&#339;uf &#233; &#128512;</Memo>"
    assert desk.invoice("", head=head)[0].findtext("Memo") == "?uf é ?"


def test_latin_1_travels_raw(desk):
    assert desk.invoice("", head="<TxnDate>2026-10-20</TxnDate><Memo>é &amp; à</Memo>")[0].findtext("Memo") == "é & à"


def test_a_request_id_is_echoed_and_limited(desk):
    assert desk.ask(f'<ClassQueryRq requestID="{"a" * 50}"/>').get("requestID") == "a" * 50
    assert desk.ask(f'<ClassQueryRq requestID="{"a" * 51}"/>').get("statusCode") == "1060"


def test_a_request_that_only_real_quickbooks_knows_is_refused_alone(desk):
    answer, other = desk.send("<SalesReceiptQueryRq/><ClassQueryRq/>")
    assert (answer.tag, answer.get("statusCode"), other.get("statusCode")) == ("SalesReceiptQueryRs", "1030", "0")


BAD = "<CustomerModRq><CustomerMod><ListID>A-1</ListID><EditSequence>1</EditSequence></CustomerMod></CustomerModRq>"
ADD = "<CustomerAddRq><CustomerAdd><Name>{}</Name></CustomerAdd></CustomerAddRq>"


def statuses(answer):
    return [child.get("statusCode") for child in answer]


def test_stop_on_error_keeps_what_was_done_and_skips_the_rest(desk):
    answer = desk.send(ADD.format("Un") + BAD + ADD.format("Deux"), attributes='onError="stopOnError"')
    assert statuses(answer) == ["0", "3120", "3231"]
    assert statuses(desk.send("<CustomerQueryRq><FullName>Un</FullName></CustomerQueryRq>")) == ["0"]


def test_continue_on_error_goes_on(desk):
    assert statuses(desk.send(ADD.format("Un") + BAD + ADD.format("Deux"))) == ["0", "3120", "0"]


def test_rollback_on_error_takes_everything_back(desk):
    answer = desk.send(ADD.format("Un") + BAD + ADD.format("Deux"), attributes='onError="rollbackOnError"')
    assert statuses(answer) == ["3230", "3120", "3231"]
    assert statuses(desk.send("<CustomerQueryRq><FullName>Un</FullName></CustomerQueryRq>")) == ["500"]


def test_a_warning_does_not_stop(desk):
    ask = "<CustomerQueryRq><FullName>Personne</FullName></CustomerQueryRq><ClassQueryRq/>"
    assert statuses(desk.send(ask, attributes='onError="stopOnError"')) == ["500", "0"]


def test_the_prolog_of_an_answer_names_no_encoding(company):
    assert process(company, HEAD + GOOD).startswith('<?xml version="1.0" ?>\n<QBXML>\n<QBXMLMsgsRs>')
