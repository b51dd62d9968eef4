"""Every fault on demand does what its line of help says."""

from __future__ import annotations

import pytest

from qbwc.sandbox import FAULTS, CompanyError, FaultError, Outcome, list_faults, parse_fault

ADD = "<CustomerAddRq><CustomerAdd><Name>Neuf</Name></CustomerAdd></CustomerAddRq>"
CLASSES = "<ClassQueryRq/>"


def names(company):
    return [record["Name"] for record in company.records("Customer")]


def invoice_mod(company):
    form = company.transactions("Invoice")[0]
    return (
        f"<InvoiceModRq><InvoiceMod><TxnID>{form['TxnID']}</TxnID><EditSequence>{form['EditSequence']}</EditSequence>"
        "<Memo>x</Memo></InvoiceMod></InvoiceModRq>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "hresult@1",
        "status@1",
        "status=x@1",
        "lost-answer=3",
        "lost-answer@0",
        "no-company@2",
        "@1",
        "",
        "cut-call-before=3",
        "cut-call-after@0",
        "slow-answer@1",
        "slow-answer=long@1",
        "open-failed@2",
        "open-failed=0x80040408@0",
        "feature-off",
        "feature-off=magic",
        "feature-off=classes@2",
        "older-quickbooks=1999",
        "older-quickbooks=new",
        "modal-dialog=1",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(text):
    with pytest.raises(FaultError):
        parse_fault(text)


def test_every_fault_can_be_read():
    faults = list_faults()
    assert [fault["name"] for fault in faults] == list(FAULTS)
    assert all(parse_fault(fault["example"]).name == fault["name"] for fault in faults)


def test_a_lost_answer_was_executed_and_never_delivered(server, call, document):
    server.documents = [document(CLASSES), document(ADD, newMessageSetID="A"), document(CLASSES)]
    made = call("lost-answer@2")
    assert (made.outcome, made.went_well) == (Outcome.LOST, False)
    assert len(server.received("receiveResponseXML")) == 1
    assert not server.received("closeConnection")
    assert "Neuf" in names(call.company)
    server.documents = [document(ADD, newMessageSetID="A")]
    call()
    assert names(call.company).count("Neuf") == 1
    assert 'messageSetStatusCode="0"' in server.received("receiveResponseXML")[-1]["response"]


def test_a_cut_before_execution_leaves_nothing(server, call, document):
    server.documents = [document(ADD)]
    assert call("cut-before").outcome == Outcome.LOST
    assert "Neuf" not in names(call.company)


def test_an_hresult_executes_nothing(server, call, document):
    server.documents = [document(ADD)]
    call("hresult=0x80040414@1")
    assert server.received("receiveResponseXML")[0]["hresult"] == "0x80040414"
    assert "Neuf" not in names(call.company)


@pytest.mark.parametrize("fault", ["truncated", "garbage"])
def test_a_spoiled_answer_arrives_spoiled(server, call, document, fault):
    server.documents = [document(ADD)]
    call(fault)
    assert "</QBXML>" not in server.received("receiveResponseXML")[0]["response"]
    assert "Neuf" in names(call.company)


@pytest.mark.parametrize(("fault", "status"), [("stale-edit", "3200"), ("locked", "3175"), ("status=3180@1", "3180")])
def test_changes_meet_other_people(server, call, company, document, fault, status):
    server.documents = [document(invoice_mod(company))]
    call(fault)
    assert f'statusCode="{status}"' in server.received("receiveResponseXML")[0]["response"]


def test_a_dead_iterator_is_unknown(server, call, document):
    start = '<ItemQueryRq iterator="Start"><MaxReturned>1</MaxReturned></ItemQueryRq>'

    def next_page(_parameters):
        if not server.received("receiveResponseXML"):
            return document(start)
        iterator = server.received("receiveResponseXML")[0]["response"].split('iteratorID="')[1].split('"')[0]
        return document(start.replace("Start", "Continue").replace('Continue"', f'Continue" iteratorID="{iterator}"'))

    server.answers |= {"authenticate": ["t", ""], "sendRequestXML": next_page}
    server.answers["receiveResponseXML"] = lambda _parameters: (
        100 if len(server.received("receiveResponseXML")) > 1 else 1
    )
    call("dead-iterator@2")
    assert 'statusCode="3391"' in server.received("receiveResponseXML")[1]["response"]


def test_requests_and_answers_are_repeated(server, call, document):
    server.documents = [document(CLASSES)]
    server.answers["receiveResponseXML"] = 100
    made = call("repeat-request", "repeat-answer")
    assert len(server.received("sendRequestXML")) == 2
    assert len(server.received("receiveResponseXML")) == 2
    assert any(step.note == "the same bytes again" for step in made.steps)


def test_no_company_is_a_connection_error(server, call, document):
    server.documents = [document(CLASSES)]
    assert call("no-company").outcome == Outcome.NO_COMPANY
    assert server.received("connectionError")[0]["hresult"] == "0x80040408"


def test_a_backup_brings_the_state_before_the_last_visit_back(server, call, document):
    with pytest.raises(CompanyError, match="no backup"):
        call("restore-backup")
    server.documents = [document(ADD, newMessageSetID="A")]
    call()
    assert "Neuf" in names(call.company)
    server.documents = [document("", newMessageSetID="A", oldMessageSetID="A")]
    call("restore-backup")
    assert "Neuf" not in names(call.company)
    assert 'messageSetStatusCode="9002"' in server.received("receiveResponseXML")[-1]["response"]


def test_a_restored_backup_has_lost_every_stored_answer(server, call, document):
    for name in ("A", "B"):
        server.documents = [document(ADD, newMessageSetID=name)]
        call()
    server.documents = [document(CLASSES), document("", newMessageSetID="A", oldMessageSetID="A")]
    call("restore-backup", "lost-answer@2")
    assert "Neuf" in names(call.company), "the backup is older than set B only"
    assert list(call.company.state["MessageSets"].values()) == [{}]


def facts(server):
    return server.received("sendRequestXML")[-1]["strHCPResponse"]


def test_a_copied_file_has_our_mark_and_another_path_and_leaves_the_original_alone(server, call, document):
    for fault in ((), ("copied-file",)):
        server.documents = [document(ADD if fault else CLASSES)]
        call(*fault)
    assert server.received("sendRequestXML")[-1]["strCompanyFileName"].endswith("\\Copies\\Copy of Nordet.qbw")
    assert "{BBBBBBBB" in facts(server)
    assert "Neuf" not in names(call.company)


def test_a_renamed_company_keeps_its_mark(server, call, document):
    for fault in ((), ("renamed-company",)):
        server.documents = [document(CLASSES)]
        call(*fault)
    assert "Nordet Infogérance inc. (new name)" in facts(server)
    assert "{BBBBBBBB" in facts(server)


def test_another_company_has_no_mark(server, call, document):
    server.documents = [document(ADD)]
    call("other-company")
    assert "Another Company" in facts(server)
    assert "{BBBBBBBB" not in facts(server)
    assert "Neuf" not in names(call.company)


def responses(server):
    return server.received("receiveResponseXML")


def test_a_modal_dialog_stops_a_set_and_not_the_next(server, call, document):
    server.documents = [document(ADD), document(ADD)]
    call("modal-dialog@1")
    first, second = responses(server)
    assert (first["hresult"], first["response"], second["hresult"]) == ("0x80040414", "", "")
    assert 'statusCode="0"' in second["response"]


def test_an_hresult_after_the_execution_hides_that_everything_was_written(server, call, document):
    server.documents = [document(ADD, newMessageSetID="A")]
    made = call("hresult-after=0x80040402@1")
    (received,) = responses(server)
    assert (received["hresult"], received["response"]) == ("0x80040402", "")
    assert "Neuf" in names(call.company)
    assert "executed, and then 0x80040402" in next(step.note for step in made.steps if step.operation == "QuickBooks")
    server.documents = [document("", newMessageSetID="A", oldMessageSetID="A")]
    call()
    assert "Neuf" in responses(server)[1]["response"]


def test_an_answer_that_cannot_be_stored_is_9005_and_cannot_be_asked_for(server, call, document):
    server.documents = [document(ADD, newMessageSetID="A"), document("", newMessageSetID="A", oldMessageSetID="A")]
    call("store-failed@1")
    first, second = (one["response"] for one in responses(server))
    assert 'messageSetStatusCode="9005"' in first
    assert 'statusCode="0"' in first
    assert 'messageSetStatusCode="9002"' in second
    assert "Neuf" in names(call.company)


def test_a_slow_quickbooks_takes_the_seconds_it_was_given(server, call, document):
    waited = []
    server.documents = [document(CLASSES), document(CLASSES)]
    call("slow-answer=90.5@2", wait=waited.append)
    assert waited == [90.5]
    assert len(responses(server)) == 2


def add_invoice(day, head=""):
    line = "<InvoiceLineAdd><ItemRef><FullName>Soutien</FullName></ItemRef></InvoiceLineAdd>"
    customer = "<CustomerRef><FullName>Quinze</FullName></CustomerRef>"
    return f"<InvoiceAddRq><InvoiceAdd>{customer}{head}<TxnDate>{day}</TxnDate>{line}</InvoiceAdd></InvoiceAddRq>"


def test_a_closed_period_refuses_new_and_old_invoices_for_this_visit(server, call, company, document):
    server.documents = [document(add_invoice("2026-11-30") + invoice_mod(company))]
    call("closed-period")
    assert responses(server)[0]["response"].count('statusCode="3171"') == 2
    assert "<ClosingDate>2027-12-31</ClosingDate>" in facts(server)
    server.documents = [document(add_invoice("2026-11-30"))]
    call()
    assert 'statusCode="0"' in responses(server)[1]["response"]
    assert "<ClosingDate>2026-10-05</ClosingDate>" in facts(server)


TAXED = (
    "<InvoiceAddRq><InvoiceAdd><CustomerRef><FullName>Quinze</FullName></CustomerRef><InvoiceLineAdd><ItemRef>"
    "<FullName>Soutien</FullName></ItemRef><SalesTaxCodeRef><FullName>S</FullName></SalesTaxCodeRef></InvoiceLineAdd>"
    "</InvoiceAdd></InvoiceAddRq>"
)
PRICED = TAXED.replace("SalesTaxCodeRef", "PriceLevelRef")
CLASSED = add_invoice("2026-10-20", "<ClassRef><FullName>Est</FullName></ClassRef>")


@pytest.mark.parametrize(
    ("feature", "needing", "preference"),
    [
        ("classes", CLASSED, "<IsUsingClassTracking>false"),
        ("classes", "<ClassQueryRq/>", "<IsUsingClassTracking>false"),
        ("sales-tax", TAXED, None),
        ("sales-tax", "<SalesTaxCodeQueryRq/>", None),
        ("price-levels", PRICED, "<IsUsingPriceLevels>false"),
        ("multi-currency", "<CurrencyQueryRq/>", "<IsMultiCurrencyOn>false"),
    ],
)
def test_a_feature_that_is_off_is_refused_and_the_preferences_say_so(
    server, call, document, feature, needing, preference
):
    server.documents = [document(needing + add_invoice("2026-10-20"))]
    call(f"feature-off={feature}")
    response = responses(server)[0]["response"]
    assert response.count('statusCode="3250"') == 1
    assert response.count('statusCode="0"') == 1
    assert preference in facts(server) if preference else "<SalesTaxPreferences>" not in facts(server)


@pytest.mark.parametrize("needing", [CLASSED, TAXED, "<ClassQueryRq/>", "<SalesTaxCodeQueryRq/>"])
def test_a_feature_that_is_on_is_not_refused(server, call, document, needing):
    server.documents = [document(needing)]
    call()
    assert 'statusCode="0"' in responses(server)[0]["response"]


def test_an_older_quickbooks_does_not_read_a_newer_qbxml(server, call, document):
    server.documents = [document(CLASSES), document(CLASSES).replace('version="13.0"', 'version="12.0"')]
    call("older-quickbooks=2013")
    newer, older = responses(server)
    assert (newer["hresult"], older["hresult"]) == ("0x80040423", "")
    said = server.received("sendRequestXML")[0]
    assert (said["qbXMLMajorVers"], said["qbXMLMinorVers"]) == ("12", "0")
    assert "<SupportedQBXMLVersion>12.0<" in said["strHCPResponse"]
    assert "<SupportedQBXMLVersion>13.0<" not in said["strHCPResponse"]
    assert "<MajorVersion>23<" in said["strHCPResponse"]
    assert call.company.file["MajorVersion"] == "34"


def test_external_guids_are_kept_and_never_shown(server, call, document):
    guid = "{12345678-0000-4000-8000-000000000000}"
    added = ADD.replace("</CustomerAdd>", f"<ExternalGUID>{guid}</ExternalGUID></CustomerAdd>")
    asked = "<CustomerQueryRq><FullName>Neuf</FullName></CustomerQueryRq>"
    server.documents = [document(added), document(asked)]
    call("no-external-guid")
    server.documents = [document(asked)]
    call()
    assert [guid in one["response"] for one in responses(server)] == [True, False, True]


def test_a_swapped_company_belongs_to_another_connection(server, call, document):
    server.documents = [document(ADD, newMessageSetID="A")]
    call()
    server.documents = [document("", newMessageSetID="A", oldMessageSetID="A"), document(ADD)]
    made = call("swapped-company")
    said = server.received("sendRequestXML")[1]["strHCPResponse"]
    assert "Another Company" in said
    assert "{0E0E0E0E" in said
    assert "{BBBBBBBB" not in said
    assert 'messageSetStatusCode="9002"' in responses(server)[1]["response"]
    assert not any(message.startswith("QBWC1026") for message in made.messages)
    assert "{BBBBBBBB" in str(call.company.data)


@pytest.mark.parametrize(("failures", "outcome", "attempts"), [(1, "done", 1), (2, "done", 2), (3, "lost", 3)])
def test_an_opening_that_fails_can_be_tried_again(server, call, document, failures, outcome, attempts):
    server.documents = [document(CLASSES)]
    server.answers["connectionError"] = ""
    made = call(f"open-failed=0x80040410@{failures}")
    assert made.outcome == (Outcome.DONE if outcome == "done" else Outcome.NO_COMPANY)
    assert [one["hresult"] for one in server.received("connectionError")] == ["0x80040410"] * attempts


def test_an_opening_that_always_fails_ends_when_the_endpoint_says_done(server, call, document):
    server.documents = [document(CLASSES)]
    assert call("open-failed=0x80040418").outcome == Outcome.NO_COMPANY
    assert len(server.received("connectionError")) == 1


def test_what_a_visit_pretends_does_not_stay(server, call, company, document):
    server.documents = [document(CLASSES)]
    before = dict(company.file)
    call("older-quickbooks=2013", "closed-period", "feature-off=classes")
    assert call.company.file == before
