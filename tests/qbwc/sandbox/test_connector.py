"""The Web Connector against a tiny endpoint: what it sends to the byte, what it accepts, and how a visit ends."""

from __future__ import annotations

import pytest
from lxml import etree

from qbwc.sandbox import Outcome, as_json, print_end, print_step, read_manifest, visit

CLASSES = "<ClassQueryRq requestID='1'/>"
ADD = "<CustomerAddRq><CustomerAdd><Name>Neuf</Name></CustomerAdd></CustomerAddRq>"
OWNER = "{AAAAAAAA-0000-0000-0000-000000000001}"


def operations(made):
    return [step.operation for step in made.steps]


def test_a_visit_runs_from_server_version_to_close_connection(server, call, document):
    server.documents = [document(CLASSES), document(ADD)]
    made = call()
    assert (made.outcome, made.went_well) == (Outcome.DONE, True)
    assert operations(made) == [
        "GET AppURL",
        "serverVersion",
        "clientVersion",
        "authenticate",
        *["sendRequestXML", "QuickBooks", "receiveResponseXML"] * 2,
        "closeConnection",
    ]
    assert made.messages == ("OK",)
    assert "Neuf" in [record["Name"] for record in call.company.records("Customer")]


def test_requests_have_dotnets_shape(server, call, document):
    server.documents = [document("<ClassQueryRq/>")]
    call()
    first, answer = server.bodies[0], server.bodies[4]
    assert first == (
        b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>'
        b'<serverVersion xmlns="http://developer.intuit.com/" /></soap:Body></soap:Envelope>'
    )
    assert server.heads[0]["SOAPAction"] == '"http://developer.intuit.com/serverVersion"'
    assert server.heads[0]["Content-Type"] == "text/xml; charset=utf-8"
    assert b"<hresult /><message /></receiveResponseXML>" in answer
    assert b"&lt;QBXML&gt;" in answer


def test_only_the_first_request_carries_the_company_facts(server, call, document, schema):
    server.documents = [document(CLASSES), document(CLASSES)]
    call()
    first, second = server.received("sendRequestXML")
    assert second["strHCPResponse"] == ""
    root = etree.fromstring(first["strHCPResponse"])
    if schema is not None:
        schema.assertValid(etree.ElementTree(root))
    assert [child.tag for child in root[0]] == ["HostQueryRs", "CompanyQueryRs", "PreferencesQueryRs"]
    values = {one.findtext("DataExtName"): one.findtext("DataExtValue") for one in root.iter("DataExtRet")}
    assert values["FileID"] == "{BBBBBBBB-0000-0000-0000-000000000001}"
    assert values["AppLock"].startswith("LOCKED:")
    assert (first["qbXMLCountry"], first["strCompanyFileName"]) == ("CA", "C:\\QB\\Nordet.qbw")


def test_the_password_is_sent_and_never_kept(server, call):
    made = call()
    assert server.received("authenticate") == [{"strUserName": "alice", "strPassword": "secret"}]
    assert "secret" not in str(made) + str(as_json(made))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (["", "none"], Outcome.NOTHING_TO_DO),
        (["", "nvu"], Outcome.REFUSED),
        (["t", "busy"], Outcome.BUSY),
        (["t", "", "60"], Outcome.POSTPONED),
        (["t", "C:\\QB\\Other.qbw"], Outcome.NO_COMPANY),
    ],
)
def test_authenticate_decides_whether_anything_happens(server, call, answer, outcome):
    server.answers["authenticate"] = answer
    made = call()
    assert made.outcome == outcome
    assert "sendRequestXML" not in operations(made)


def test_another_file_is_reported_and_another_path_is_tried(server, call, document):
    server.documents = [document(CLASSES)]
    server.answers["authenticate"] = ["t", "C:\\QB\\Other.qbw"]
    server.answers["connectionError"] = "c:\\qb\\nordet.QBW"
    assert call().outcome == Outcome.DONE
    assert server.received("connectionError")[0]["hresult"] == "0x8004040A"


@pytest.mark.parametrize(("answer", "ends"), [("E:too old", True), ("O:99.0", True), ("W:old", False), ("", False)])
def test_client_version_can_stop_the_visit(server, call, answer, ends):
    server.answers["clientVersion"] = answer
    made = call()
    assert ("authenticate" not in operations(made)) == ends
    assert bool(made.messages) == bool(answer) or not ends


def test_a_negative_progress_asks_for_the_error_and_closes(server, call, document):
    server.documents = [document(CLASSES)]
    server.answers["receiveResponseXML"] = -1
    server.answers["getLastError"] = "Something is wrong"
    made = call()
    assert made.outcome == Outcome.STOPPED
    assert operations(made)[-2:] == ["getLastError", "closeConnection"]
    assert made.messages[0] == "Something is wrong"


def test_noop_pauses_and_asks_again_but_not_for_ever(server, call, document):
    pauses = []
    server.answers |= {"authenticate": ["t", ""], "sendRequestXML": "", "getLastError": "NoOp"}
    made = visit_again(server, call, pauses)
    assert made.outcome == Outcome.FAILED
    assert pauses == [5.0, 5.0, 5.0]
    assert operations(made).count("sendRequestXML") == 4


def visit_again(server, call, pauses):
    from qbwc.sandbox import Company

    company = Company.load(call.path)
    return visit(read_manifest(call.path.with_name("app.qwc")), company, "secret", pause=pauses.append)


def test_an_empty_request_with_no_error_is_the_end(server, call):
    server.answers |= {"authenticate": ["t", ""], "sendRequestXML": ""}
    made = call()
    assert made.outcome == Outcome.DONE
    assert operations(made)[-2:] == ["getLastError", "closeConnection"]


def test_a_set_that_quickbooks_refuses_arrives_as_an_hresult(server, call, document):
    server.documents = [document("<ClassQueryRq><Colour/></ClassQueryRq>")]
    call()
    (received,) = server.received("receiveResponseXML")
    assert received["hresult"] == "0x80040400"
    assert received["response"] == ""
    assert "parsing" in received["message"]


def test_an_endpoint_that_never_finishes_is_stopped(server, call, document):
    server.answers |= {"authenticate": ["t", ""], "sendRequestXML": document(CLASSES), "receiveResponseXML": 1}
    made = call(most_sets=3)
    assert made.outcome == Outcome.FAILED
    assert len(server.received("receiveResponseXML")) == 3


def test_iterators_end_with_the_visit(server, call, document):
    server.documents = [document('<ItemQueryRq iterator="Start"><MaxReturned>1</MaxReturned></ItemQueryRq>')]
    call()
    answer = etree.fromstring(server.received("receiveResponseXML")[0]["response"])[0][0]
    iterator = f'iterator="Continue" iteratorID="{answer.get("iteratorID")}"'
    body = f"<ItemQueryRq {iterator}><MaxReturned>1</MaxReturned></ItemQueryRq>"
    server.documents = [document(body)]
    call()
    assert 'statusCode="3391"' in server.received("receiveResponseXML")[1]["response"]


def test_another_connections_mark_is_left_alone(server, call, document, qwc):
    server.documents = [document(CLASSES)]
    call()
    qwc.write_text(qwc.read_text().replace("BBBBBBBB", "CCCCCCCC"))
    server.documents = [document(CLASSES)]
    made = call()
    assert made.messages[0].startswith("QBWC1026")
    assert "{BBBBBBBB" in server.received("sendRequestXML")[1]["strHCPResponse"]


def test_a_read_only_application_cannot_write(server, call, document, qwc):
    qwc.write_text(qwc.read_text().replace("<QBType>", "<IsReadOnly>true</IsReadOnly><QBType>"))
    server.documents = [document(ADD + CLASSES)]
    made = call()
    answers = next(step for step in as_json(made)["steps"] if step["operation"] == "QuickBooks")["answers"]
    assert [answer["status"] for answer in answers] == ["3263", "0"]


HTML = (200, "text/html", "<html>Warning: undefined</html>")
NIL = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<authenticateResponse xmlns="http://developer.intuit.com/"/></s:Body></s:Envelope>'
)
FAULT = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    "<faultcode>s:Server</faultcode><faultstring>boom</faultstring></s:Fault></s:Body></s:Envelope>"
)


@pytest.mark.parametrize(
    ("status", "content_type", "body", "text"),
    [
        (200, "text/html", "<html/>", "content type"),
        (404, "text/xml", "<nothing/>", "HTTP status 404"),
        (200, "text/xml", "PHP Warning <x>", "well-formed"),
        (200, "text/xml", "<Envelope/>", "no SOAP 1.1 envelope"),
        (200, "text/xml", NIL, "authenticateResult is missing"),
        (500, "text/xml", FAULT, "SOAP Fault: boom"),
    ],
)
def test_a_bad_answer_ends_the_visit_and_is_explained(server, call, status, content_type, body, text):
    server.raw["authenticate"] = (status, content_type, body)
    made = call()
    assert made.outcome == Outcome.FAILED
    assert text in made.explanation
    assert made.messages[0].startswith("QBWC1012")
    assert made.steps[-1].operation == "authenticate"


@pytest.mark.parametrize("items", [["t"], ["t", "", "", "", ""]])
def test_authenticate_must_answer_two_to_four_items(server, call, items):
    server.answers["authenticate"] = items
    assert "Index was outside the bounds" in call().explanation


def test_items_must_be_in_intuits_namespace(server, call, soap_answer):
    good = soap_answer("authenticate", ["t", "none"])
    server.raw["authenticate"] = (200, "text/xml", good.replace("<string>", '<string xmlns="">'))
    assert "must be <string> in" in call().explanation
    server.raw["authenticate"] = (200, "text/xml", soap_answer("authenticate", ["t", "none"], "http://other/"))
    assert "authenticateResponse in http://developer.intuit.com/" in call().explanation


def test_progress_must_be_a_number(server, call, document):
    server.documents = [document(CLASSES)]
    server.answers["receiveResponseXML"] = "soon"
    made = call()
    assert "whole number" in made.explanation
    assert made.messages[0].startswith("QBWC1042")


def test_the_address_must_answer_a_plain_get(server, call):
    server.raw["GET"] = (405, "text/plain", "no")
    made = call()
    assert (made.outcome, operations(made)) == (Outcome.FAILED, ["GET AppURL"])
    assert "QBWC1003" in made.explanation


def test_a_server_that_is_not_there_is_explained(call):
    made = call(url="http://127.0.0.1:9/qbwc")
    assert made.outcome == Outcome.FAILED
    assert "QBWC1007" in made.explanation


def test_a_visit_is_readable(server, call, document):
    server.documents = [
        document("<InvoiceQueryRq/><ClassQueryRq><FullName>Nord</FullName></ClassQueryRq>", newMessageSetID="A")
    ]
    made = call()
    text = "\n".join(print_step(step) for step in made.steps) + print_end(made)
    assert "InvoiceQuery, ClassQuery, newMessageSetID=A" in text
    assert "InvoiceQuery: 0, 3 returned" in text
    assert "no. 2001 Océan Bleu 2026-10-15 368.78" in text
    assert "ClassQuery: 500" in text
    assert "statuses: 0 x 1, 500 x 1" in text
    assert "<InvoiceQueryRq" in "".join(print_step(step, verbose=True) for step in made.steps)
