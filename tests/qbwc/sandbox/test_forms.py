"""What QuickBooks fills in when an invoice is added, and what it refuses."""

from __future__ import annotations

import pytest


def line(item: str, inner: str = "", tag: str = "InvoiceLineAdd") -> str:
    return f"<{tag}><ItemRef><FullName>{item}</FullName></ItemRef>{inner}</{tag}>"


@pytest.mark.parametrize(
    ("inner", "quantity", "rate", "amount"),
    [
        ("<Quantity>3</Quantity><Rate>12.345</Rate>", "3", "12.345", "37.04"),
        ("<Quantity>3</Quantity><Rate>0.005</Rate>", "3", "0.005", "0.02"),
        ("<Quantity>3</Quantity><Amount>10.00</Amount>", "3", "3.33333", "10.00"),
        ("<Rate>7.125</Rate>", None, "7.125", "7.13"),
        ("<Amount>42.00</Amount>", None, "42.00", "42.00"),
        ("<Quantity>1.50</Quantity>", "1.5", "12.50", "18.75"),
        ("", None, "12.50", "12.50"),
        ("<Quantity>0</Quantity>", "0", "12.50", "0.00"),
        ("<Quantity>-1</Quantity><Rate>2</Rate>", "-1", "2.00", "-2.00"),
    ],
)
def test_quantity_rate_and_amount_complete_each_other(desk, inner, quantity, rate, amount):
    ret = desk.invoice(line("Soutien", "<Quantity>1</Quantity>") + line("Licences:M365", inner))[0]
    made = ret.findall("InvoiceLineRet")[1]
    assert made.findtext("Quantity") == quantity
    assert made.findtext("Rate") == rate
    assert made.findtext("Amount") == amount


def test_a_rate_beside_an_amount_without_quantity_is_ignored_with_a_warning_and_written(desk):
    answer = desk.invoice(line("Soutien", "<Rate>5</Rate><Amount>9.00</Amount>"))
    assert answer.get("statusCode") == "530"
    assert answer.get("statusSeverity") == "Warn"
    assert answer.findtext("InvoiceRet/InvoiceLineRet/Rate") == "9.00"


def test_a_comment_line_has_only_its_text(desk):
    made = desk.invoice("<InvoiceLineAdd><Desc>Merci</Desc></InvoiceLineAdd>")[0].find("InvoiceLineRet")
    assert [child.tag for child in made] == ["TxnLineID", "Desc"]


def test_money_without_an_item_is_refused(desk):
    answer = desk.invoice("<InvoiceLineAdd><Desc>Merci</Desc><Amount>5.00</Amount></InvoiceLineAdd>")
    assert answer.get("statusCode") == "3210"


def test_subtotals_and_discounts_follow_what_stands_above(desk):
    lines = line("Soutien", "<Quantity>2</Quantity>") + line("Licences:M365") + line("Sous-total") + line("Rabais")
    ret = desk.invoice(lines)[0]
    assert [one.findtext("Amount") for one in ret.findall("InvoiceLineRet")] == ["190.00", "12.50", "202.50", "-10.13"]
    assert ret.findtext("Subtotal") == "192.37"


def test_a_discount_takes_the_line_just_above(desk):
    ret = desk.invoice(line("Soutien") + line("Licences:M365", "<Quantity>4</Quantity>") + line("Rabais"))[0]
    assert ret.findall("InvoiceLineRet")[2].findtext("Amount") == "-2.50"


def test_a_percentage_charge_takes_the_line_just_above(desk):
    ret = desk.invoice(line("Soutien") + line("Frais 10 %"))[0]
    charge = ret.findall("InvoiceLineRet")[1]
    assert (charge.findtext("RatePercent"), charge.findtext("Amount")) == ("10.00", "9.50")


def test_a_group_unfolds_into_its_lines(desk):
    group = "<InvoiceLineGroupAdd><ItemGroupRef><FullName>Trousse</FullName></ItemGroupRef><Quantity>2</Quantity>"
    ret = desk.invoice(f"{group}</InvoiceLineGroupAdd>")[0]
    made = ret.find("InvoiceLineGroupRet")
    assert made.findtext("TotalAmount") == ret.findtext("Subtotal") == "405.00"
    assert [one.findtext("Quantity") for one in made.findall("InvoiceLineRet")] == ["4", "2"]


def test_canadian_tax_comes_from_the_code_of_each_line(desk):
    exempt = "<SalesTaxCodeRef><FullName>E</FullName></SalesTaxCodeRef>"
    ret = desk.invoice(line("Soutien") + line("Licences:M365", exempt))[0]
    assert ret.findtext("Subtotal") == "107.50"
    assert ret.findtext("SalesTaxTotal") == "14.23"  # 4.75 and 9.48: each tax is rounded on its own
    assert ret.findtext("BalanceRemaining") == "121.73"


def test_tax_included_is_taken_out_of_the_lines(desk):
    head = "<TxnDate>2026-10-20</TxnDate><IsTaxIncluded>true</IsTaxIncluded>"
    ret = desk.invoice(line("Soutien", "<Amount>114.98</Amount>"), head=head)[0]
    assert (ret.findtext("Subtotal"), ret.findtext("SalesTaxTotal")) == ("100.00", "14.98")
    assert ret.findtext("BalanceRemaining") == "114.98"


def test_american_tax_is_one_rate_for_the_whole_form(make_desk):
    desk = make_desk("US", DefaultItemSalesTax="TPS")
    non = "<SalesTaxCodeRef><FullName>Non</FullName></SalesTaxCodeRef>"
    ret = desk.invoice(line("Soutien") + line("Licences:M365", non))[0]
    assert ret.findtext("SalesTaxPercentage") == "5.00"
    assert ret.findtext("SalesTaxTotal") == "4.75"
    assert ret.find("IsTaxIncluded") is None


def test_a_field_that_the_edition_lacks_is_a_warning_and_the_invoice_is_written(make_desk):
    desk = make_desk("US")
    answer = desk.invoice(line("Soutien"), head="<TxnDate>2026-10-20</TxnDate><IsTaxIncluded>true</IsTaxIncluded>")
    assert answer.get("statusCode") == "530"
    assert answer.findtext("InvoiceRet/TxnID")


def test_without_sales_tax_nothing_is_taxed(make_desk):
    ret = make_desk(SalesTaxOn=False).invoice(line("Soutien"))[0]
    assert ret.find("SalesTaxTotal") is None
    assert ret.findtext("BalanceRemaining") == "95.00"


def test_terms_addresses_and_numbers_are_filled_in(desk):
    first = desk.invoice(line("Soutien"), customer="océan bleu")[0]
    second = desk.invoice(line("Soutien"))[0]
    assert first.findtext("CustomerRef/FullName") == "Océan Bleu"
    assert first.findtext("DueDate") == "2026-11-19"
    assert first.findtext("BillAddressBlock/Addr2") == "Gaspé QC"
    assert first.findtext("TemplateRef/FullName") == "Facture"
    assert second.findtext("DueDate") == "2026-11-15"
    assert int(second.findtext("RefNumber")) == int(first.findtext("RefNumber")) + 1


def test_terms_near_the_day_of_the_month_move_to_the_next_month(desk):
    ret = desk.invoice(line("Soutien"), head="<TxnDate>2026-12-12</TxnDate>")[0]
    assert ret.findtext("DueDate") == "2027-01-15"


def test_the_class_of_the_form_fills_its_lines(desk):
    head = "<ClassRef><FullName>Est</FullName></ClassRef><TxnDate>2026-10-20</TxnDate>"
    west = "<ClassRef><FullName>Ouest</FullName></ClassRef>"
    ret = desk.invoice(line("Soutien") + line("Soutien", west), head=head)[0]
    assert [one.findtext("ClassRef/FullName") for one in ret.findall("InvoiceLineRet")] == ["Est", "Ouest"]


def test_memo_and_guid_are_stored(desk):
    guid = "{11111111-2222-3333-4444-555555555555}"
    head = f"<TxnDate>2026-10-20</TxnDate><Memo>m&#233;mo</Memo><Other>o</Other><ExternalGUID>{guid}</ExternalGUID>"
    number = desk.invoice(line("Soutien"), head=head)[0].findtext("RefNumber")
    ret = desk.query(number)
    assert ret.findtext("ExternalGUID") == guid
    assert ret.findtext("Memo") == "mémo"


def test_the_customer_owes_what_was_invoiced_without_a_new_edit_sequence(desk):
    ask = "<CustomerQueryRq><FullName>Quinze</FullName></CustomerQueryRq>"
    before = desk.ask(ask)[0]
    desk.clock.tick()
    desk.invoice(line("Soutien"))
    after = desk.ask(ask)[0]
    assert after.findtext("Balance") == "109.23"
    assert after.findtext("EditSequence") == before.findtext("EditSequence")
    assert after.findtext("TimeModified") > before.findtext("TimeModified")


@pytest.mark.parametrize(
    ("customer", "head", "lines", "code", "named"),
    [
        ("Personne", "", line("Soutien"), "3140", 'Customer "Personne"'),
        ("Fermé", "", line("Soutien"), "3140", "inactive"),
        ("Quinze", "", line("Rien"), "3140", 'Item "Rien" in the Invoice line'),
        ("Quinze", "<ClassRef><FullName>Nord</FullName></ClassRef>", line("Soutien"), "3140", 'Class "Nord"'),
        ("Quinze", "<TemplateRef><FullName>Note de crédit</FullName></TemplateRef>", "", "3140", "Template"),
        ("Quinze", "<ARAccountRef><FullName>Ventes</FullName></ARAccountRef>", "", "3140", "receivable"),
        ("Quinze", "<TxnDate>2026-10-05</TxnDate>", line("Soutien"), "3171", "closing date"),
        ("Quinze", "", line("Soutien", "<Amount>-5.00</Amount>"), "3210", "credit memo"),
        ("Quinze", "<IsToBeEmailed>true</IsToBeEmailed>", line("Soutien"), "3210", "e-mail"),
        ("Quinze", "<ExchangeRate>1.2</ExchangeRate>", line("Soutien"), "3250", "multi-currency"),
        ("Quinze", "", line("TPS"), "3280", "SalesTax"),
    ],
)
def test_a_refusal_names_the_field_and_writes_nothing(desk, customer, head, lines, code, named):
    answer = desk.invoice(lines, customer=customer, head=head)
    assert answer.get("statusCode") == code
    assert answer.get("statusSeverity") == "Error"
    assert named in answer.get("statusMessage")
    assert len(answer) == 0
    assert len(desk.company.transactions("Invoice")) == 3


def test_classes_need_class_tracking(make_desk):
    answer = make_desk(IsUsingClassTracking=False).invoice("", head="<ClassRef><FullName>Est</FullName></ClassRef>")
    assert answer.get("statusCode") == "3250"


def test_a_credit_memo_has_a_remaining_credit(desk):
    lines = line("Soutien", tag="CreditMemoLineAdd")
    body = f"<CustomerRef><FullName>Quinze</FullName></CustomerRef><TxnDate>2026-10-20</TxnDate>{lines}"
    ret = desk.ask(f"<CreditMemoAddRq><CreditMemoAdd>{body}</CreditMemoAdd></CreditMemoAddRq>")[0]
    assert ret.findtext("CreditRemaining") == ret.findtext("TotalAmount") == "109.23"
    found = desk.ask("<CreditMemoQueryRq><IncludeLineItems>1</IncludeLineItems></CreditMemoQueryRq>")
    assert found[0].findtext("CreditMemoLineRet/Amount") == "95.00"


def test_the_answer_can_be_left_out(desk):
    inner = f"<CustomerRef><FullName>Quinze</FullName></CustomerRef>{line('Soutien')}"
    body = f"<InvoiceAddRq><InvoiceAdd>{inner}</InvoiceAdd></InvoiceAddRq>"
    answer = desk.send(body, attributes='onError="stopOnError" responseData="includeNone"')[0]
    assert (answer.get("statusCode"), len(answer)) == ("0", 0)


def test_a_credit_is_set_against_an_invoice_and_freed_when_it_is_voided(desk):
    lines = line("Soutien", tag="CreditMemoLineAdd")
    body = f"<CustomerRef><FullName>Quinze</FullName></CustomerRef><TxnDate>2026-10-20</TxnDate>{lines}"
    memo = desk.ask(f"<CreditMemoAddRq><CreditMemoAdd>{body}</CreditMemoAdd></CreditMemoAddRq>")[0]
    credit = (
        f"<TxnDate>2026-10-20</TxnDate><SetCredit><CreditTxnID>{memo.findtext('TxnID')}</CreditTxnID>"
        "<AppliedAmount>{}</AppliedAmount></SetCredit>"
    )
    assert desk.invoice(line("Soutien"), head=credit.format("500.00")).get("statusCode") == "3210"
    assert desk.invoice("", head=credit.format("1.00")).get("statusCode") == "3210"
    ret = desk.invoice(line("Soutien"), head=credit.format("9.23"))[0]
    assert (ret.findtext("AppliedAmount"), ret.findtext("BalanceRemaining")) == ("-9.23", "100.00")
    ask = "<CreditMemoQueryRq><IncludeLinkedTxns>true</IncludeLinkedTxns></CreditMemoQueryRq>"
    linked = desk.ask(ask)[0]
    assert linked.findtext("CreditRemaining") == "100.00"
    assert linked.findtext("LinkedTxn/TxnID") == ret.findtext("TxnID")
    desk.ask(f"<TxnVoidRq><TxnVoidType>Invoice</TxnVoidType><TxnID>{ret.findtext('TxnID')}</TxnID></TxnVoidRq>")
    freed = desk.ask(ask)[0]
    assert (freed.findtext("CreditRemaining"), freed.find("LinkedTxn")) == ("109.23", None)


def test_a_needed_value_must_not_be_empty(desk):
    answer = desk.ask("<CustomerAddRq><CustomerAdd><Name/></CustomerAdd></CustomerAddRq>")
    assert (answer.get("statusCode"), len(answer)) == ("3150", 0)


def test_wall_clock_times_carry_the_winter_offset_even_in_summer(desk):
    assert desk.invoice(line("Soutien"))[0].findtext("TimeCreated") == "2026-10-20T10:00:00-05:00"
