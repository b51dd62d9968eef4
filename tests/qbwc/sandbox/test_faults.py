"""Every fault on demand does what its line of help says."""

from __future__ import annotations

import pytest

from qbwc.sandbox import FAULTS, CompanyError, FaultError, Outcome, parse_fault

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
    ["nothing", "hresult@1", "status@1", "status=x@1", "lost-answer=3", "lost-answer@0", "no-company@2", "@1", ""],
)
def test_a_fault_that_makes_no_sense_is_refused(text):
    with pytest.raises(FaultError):
        parse_fault(text)


def test_every_fault_can_be_read():
    for name in FAULTS:
        assert parse_fault({"hresult": "hresult=0x80040414@1", "status": "status=3180@2"}.get(name, name)).name == name


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
