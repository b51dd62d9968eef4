"""What people do in QuickBooks between two visits."""

from __future__ import annotations

import pytest

from qbwc.sandbox import (
    CompanyError,
    StatusError,
    activate,
    deactivate,
    delete,
    delete_transaction,
    merge_customers,
    pay_invoice,
    rename,
    void_transaction,
)

BLEU = "2001"


def customer(desk, name):
    return desk.ask(f"<CustomerQueryRq><FullName>{name}</FullName></CustomerQueryRq>")


def test_a_merged_customer_is_gone_and_its_invoices_belong_to_the_other(desk):
    lost, kept = customer(desk, "Océan Bleu")[0], customer(desk, "Quinze")[0]
    before = desk.query(BLEU)
    desk.clock.tick()
    merge_customers(desk.company, "Océan Bleu", "Quinze")
    after = desk.query(BLEU)
    assert after.findtext("CustomerRef/ListID") == kept.findtext("ListID")
    assert after.findtext("CustomerRef/FullName") == "Quinze"
    assert after.findtext("EditSequence") == before.findtext("EditSequence")
    assert customer(desk, "Océan Bleu").get("statusCode") == "500"
    asked = f"<CustomerQueryRq><ListID>{lost.findtext('ListID')}</ListID></CustomerQueryRq>"
    assert desk.ask(asked).get("statusCode") == "500"
    now = customer(desk, "Quinze")[0]
    assert now.findtext("Balance") == lost.findtext("Balance") != "0.00"
    assert int(now.findtext("EditSequence")) > int(kept.findtext("EditSequence"))
    trace = desk.ask("<ListDeletedQueryRq><ListDelType>Customer</ListDelType></ListDeletedQueryRq>")
    assert trace.findtext("ListDeletedRet/ListID") == lost.findtext("ListID")


def test_a_merged_job_takes_its_balance_from_its_customer(desk):
    merge_customers(desk.company, "Clinique St-Rémi:Siège social", "Quinze")
    assert customer(desk, "Clinique St-Rémi")[0].findtext("TotalBalance") == "0.00"
    assert customer(desk, "Quinze")[0].findtext("TotalBalance") != "0.00"


@pytest.mark.parametrize(
    ("loser", "winner"),
    [("Personne", "Quinze"), ("Quinze", "Personne"), ("Quinze", "quinze"), ("Clinique St-Rémi", "Quinze")],
)
def test_a_merger_that_cannot_be_is_refused(desk, loser, winner):
    with pytest.raises(CompanyError):
        merge_customers(desk.company, loser, winner)


def test_a_new_name_reaches_everything(desk):
    rename(desk.company, "Customer", "Clinique St-Rémi", "Clinique Laval")
    assert desk.query("2003").findtext("CustomerRef/FullName") == "Clinique Laval:Siège social"
    rename(desk.company, "StandardTerms", "Net 30", "30 jours")
    assert desk.query(BLEU).findtext("TermsRef/FullName") == "30 jours"
    rename(desk.company, "ItemSalesTax", "TPS", "TPS 5")
    group = desk.ask("<ItemSalesTaxGroupQueryRq/>")[0]
    assert [one.text for one in group.iterfind("ItemSalesTaxRef/FullName")] == ["TPS 5", "TVQ"]


@pytest.mark.parametrize(
    ("kind", "name", "new", "code"),
    [
        ("Customer", "Quinze", "Océan Bleu", 3100),
        ("StandardTerms", "Net 30", "Net:60", 3090),
        ("ItemSalesTax", "TPS", "TVQ", 3100),
    ],
)
def test_a_name_that_is_taken_or_impossible_is_refused(desk, kind, name, new, code):
    with pytest.raises(StatusError) as caught:
        rename(desk.company, kind, name, new)
    assert caught.value.code == code


def test_an_inactive_object_cannot_be_billed_until_it_is_active_again(desk):
    deactivate(desk.company, "Customer", "Quinze")
    assert desk.invoice("").get("statusCode") == "3140"
    activate(desk.company, "Customer", "Quinze")
    assert desk.invoice("").get("statusCode") == "0"


def test_only_what_nothing_uses_can_be_deleted(desk):
    with pytest.raises(StatusError) as caught:
        delete(desk.company, "Customer", "Océan Bleu")
    assert caught.value.code == 3160
    delete(desk.company, "Customer", "Quinze")
    assert customer(desk, "Quinze").get("statusCode") == "500"
    with pytest.raises(StatusError):
        delete(desk.company, "ItemSalesTax", "TPS")


def test_an_invoice_is_paid_voided_and_deleted_by_hand(desk):
    txn_id = desk.query(BLEU).findtext("TxnID")
    pay_invoice(desk.company, txn_id, "100.00")
    assert desk.query(BLEU).findtext("AppliedAmount") == "-100.00"
    pay_invoice(desk.company, txn_id)
    assert desk.query(BLEU).findtext("IsPaid") == "true"
    assert customer(desk, "Océan Bleu")[0].findtext("Balance") == "0.00"
    with pytest.raises(CompanyError):
        pay_invoice(desk.company, txn_id, "0.01")
    other = desk.invoice(
        "<InvoiceLineAdd><ItemRef><FullName>Soutien</FullName></ItemRef></InvoiceLineAdd>", customer="Quinze"
    )[0].findtext("TxnID")
    void_transaction(desk.company, other)
    assert customer(desk, "Quinze")[0].findtext("Balance") == "0.00"
    delete_transaction(desk.company, other)
    for act in (void_transaction, delete_transaction, pay_invoice):
        with pytest.raises(CompanyError):
            act(desk.company, other)
