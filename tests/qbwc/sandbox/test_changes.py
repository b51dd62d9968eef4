"""InvoiceMod, TxnVoid and TxnDel: which lines stay, what is refused, and what a stale edit gets back."""

from __future__ import annotations

import pytest

BLEU = "2001"  # Soutien x 3, comment, subtotal, discount, M365 x 4


def lines_of(ret):
    return ret.findall("InvoiceLineRet")


def keep(ret, *numbers):
    ids = [one.findtext("TxnLineID") for one in lines_of(ret)]
    return "".join(f"<InvoiceLineMod><TxnLineID>{ids[at]}</TxnLineID></InvoiceLineMod>" for at in numbers)


def new(item, inner=""):
    return (
        f"<InvoiceLineMod><TxnLineID>-1</TxnLineID><ItemRef><FullName>{item}</FullName></ItemRef>{inner}"
        "</InvoiceLineMod>"
    )


def test_without_lines_all_lines_stay(desk):
    before = desk.query(BLEU)
    desk.clock.tick()
    answer = desk.mod(before, "<Memo>autre</Memo>")
    assert answer.get("statusCode") == "0"
    after = desk.query(BLEU)
    assert [one.findtext("TxnLineID") for one in lines_of(after)] == [
        one.findtext("TxnLineID") for one in lines_of(before)
    ]
    assert after.findtext("Memo") == "autre"
    assert int(after.findtext("EditSequence")) > int(before.findtext("EditSequence"))
    assert after.findtext("TimeModified") > before.findtext("TimeModified")


def test_listed_lines_replace_the_stored_ones(desk):
    before = desk.query(BLEU)
    desk.mod(before, keep(before, 0, 2, 3) + new("Licences:E3", "<Quantity>2</Quantity>"))
    after = desk.query(BLEU)
    assert [one.findtext("Amount") for one in lines_of(after)] == ["285.00", "285.00", "-14.25", "60.00"]
    assert lines_of(after)[0].findtext("TxnLineID") == lines_of(before)[0].findtext("TxnLineID")
    assert after.findtext("Subtotal") == "330.75"


def test_a_changed_line_keeps_its_id_and_recomputes_what_depends_on_it(desk):
    before = desk.query(BLEU)
    first = lines_of(before)[0].findtext("TxnLineID")
    changed = f"<InvoiceLineMod><TxnLineID>{first}</TxnLineID><Quantity>1</Quantity></InvoiceLineMod>"
    after = desk.mod(before, changed + keep(before, 1, 2, 3, 4))[0]
    assert [one.findtext("Amount") for one in lines_of(after)] == ["95.00", None, "95.00", "-4.75", "50.00"]
    assert lines_of(after)[0].findtext("TxnLineID") == first


def test_another_item_brings_its_own_description_and_price(desk):
    before = desk.query(BLEU)
    last = lines_of(before)[4].findtext("TxnLineID")
    changed = (
        f"<InvoiceLineMod><TxnLineID>{last}</TxnLineID><ItemRef><FullName>Soutien</FullName></ItemRef></InvoiceLineMod>"
    )
    after = desk.mod(before, keep(before, 0, 1, 2, 3) + changed)[0]
    made = lines_of(after)[4]
    assert (made.findtext("Desc"), made.findtext("Quantity"), made.findtext("Amount")) == ("Soutien", "4", "380.00")


@pytest.mark.parametrize("order", [(1, 0), (0, "new", 1), (0, 0)])
def test_lines_out_of_their_stored_order_are_refused(desk, order):
    before = desk.query(BLEU)
    inner = "".join(new("Soutien") if one == "new" else keep(before, one) for one in order)
    assert desk.mod(before, inner).get("statusCode") == "3290"
    assert len(lines_of(desk.query(BLEU))) == 5


def test_an_unknown_line_is_refused(desk):
    before = desk.query(BLEU)
    answer = desk.mod(before, "<InvoiceLineMod><TxnLineID>FFFF-1</TxnLineID></InvoiceLineMod>")
    assert answer.get("statusCode") == "3120"


def test_a_group_keeps_its_inner_lines_unless_they_are_listed(desk):
    group = "<InvoiceLineGroupAdd><ItemGroupRef><FullName>Trousse</FullName></ItemGroupRef></InvoiceLineGroupAdd>"
    before = desk.invoice(group)[0]
    made = before.find("InvoiceLineGroupRet")
    group_id, part = made.findtext("TxnLineID"), made.findtext("InvoiceLineRet/TxnLineID")
    kept = f"<InvoiceLineGroupMod><TxnLineID>{group_id}</TxnLineID></InvoiceLineGroupMod>"
    after = desk.mod(before, kept)[0]
    assert len(after.findall("InvoiceLineGroupRet/InvoiceLineRet")) == 2
    trimmed = kept.replace(
        "</InvoiceLineGroupMod>",
        f"<InvoiceLineMod><TxnLineID>{part}</TxnLineID></InvoiceLineMod></InvoiceLineGroupMod>",
    )
    after = desk.mod(after, trimmed)[0]
    assert after.findtext("InvoiceLineGroupRet/TotalAmount") == "190.00"


def test_a_new_group_line_needs_its_item(desk):
    new_group = "<InvoiceLineGroupMod><TxnLineID>-1</TxnLineID></InvoiceLineGroupMod>"
    assert desk.mod(desk.query(BLEU), new_group).get("statusCode") == "3150"


def test_a_stale_edit_gets_the_current_object_back(desk):
    before = desk.query(BLEU)
    desk.mod(before, "<Memo>un</Memo>")
    answer = desk.mod(before, "<Memo>deux</Memo>")
    assert answer.get("statusCode") == "3200"
    assert answer.findtext("InvoiceRet/Memo") == "un"
    assert answer.findtext("InvoiceRet/EditSequence") == desk.query(BLEU).findtext("EditSequence")
    assert answer.find("InvoiceRet/InvoiceLineRet") is not None


@pytest.mark.parametrize("tag", ["Memo", "PONumber"])
def test_texts_are_cleared_by_an_empty_element(desk, tag):
    desk.mod(desk.query(BLEU), f"<{tag}/>")
    assert desk.query(BLEU).find(tag) is None


@pytest.mark.parametrize("tag", ["TxnDate", "DueDate", "CustomerRef", "IsPending"])
def test_what_must_stay_cannot_be_cleared(desk, tag):
    assert desk.mod(desk.query(BLEU), f"<{tag}/>").get("statusCode") == "3190"


def test_the_quantity_of_a_line_cannot_be_cleared_but_its_text_can(desk):
    before = desk.query(BLEU)
    line_id = lines_of(before)[0].findtext("TxnLineID")
    head = f"<InvoiceLineMod><TxnLineID>{line_id}</TxnLineID>"
    assert desk.mod(before, f"{head}<Quantity/></InvoiceLineMod>").get("statusCode") == "3190"
    after = desk.mod(before, f"{head}<Desc/></InvoiceLineMod>")[0]
    assert lines_of(after)[0].find("Desc") is None
    assert lines_of(after)[0].findtext("Amount") == "285.00"


def test_an_invoice_cannot_fall_below_what_is_paid(desk):
    paid = desk.ask(
        "<InvoiceQueryRq><PaidStatus>PaidOnly</PaidStatus><IncludeLineItems>true</IncludeLineItems></InvoiceQueryRq>"
    )[0]
    assert (paid.findtext("AppliedAmount"), paid.findtext("BalanceRemaining")) == ("-109.23", "0.00")
    assert desk.mod(paid, new("Licences:M365")).get("statusCode") == "3210"
    assert desk.mod(paid, new("Soutien", "<Quantity>2</Quantity>"))[0].findtext("IsPaid") == "false"


def test_a_closed_period_is_refused_for_the_old_date_and_for_the_new_one(desk):
    ask = "<InvoiceQueryRq><TxnDateRangeFilter><ToTxnDate>2026-10-05</ToTxnDate></TxnDateRangeFilter></InvoiceQueryRq>"
    closed = desk.ask(ask)[0]
    assert desk.mod(closed, "<Memo>x</Memo>").get("statusCode") == "3171"
    assert desk.mod(desk.query(BLEU), "<TxnDate>2026-10-01</TxnDate>").get("statusCode") == "3171"


def test_a_locked_invoice_is_refused(desk):
    ret = desk.query(BLEU)
    desk.session.locked = {ret.findtext("TxnID")}
    assert desk.mod(ret, "<Memo>x</Memo>").get("statusCode") == "3175"


def test_an_invoice_that_is_not_there_is_3120(desk):
    body = "<InvoiceModRq><InvoiceMod><TxnID>ABC-1</TxnID><EditSequence>1</EditSequence></InvoiceMod></InvoiceModRq>"
    assert desk.ask(body).get("statusCode") == "3120"


def test_a_void_invoice_keeps_its_number_and_loses_its_money(desk):
    txn_id = desk.query(BLEU).findtext("TxnID")
    answer = desk.ask(f"<TxnVoidRq><TxnVoidType>Invoice</TxnVoidType><TxnID>{txn_id}</TxnID></TxnVoidRq>")
    assert answer.findtext("RefNumber") == BLEU
    ret = desk.query(BLEU)
    assert ret.findtext("Memo") == "VOID: À la main"
    assert (ret.findtext("Subtotal"), ret.findtext("BalanceRemaining"), ret.findtext("IsPaid")) == (
        "0.00",
        "0.00",
        "true",
    )
    assert {one.findtext("Amount") for one in lines_of(ret)} == {"0.00", None}


def test_a_deleted_invoice_leaves_a_trace(desk):
    txn_id = desk.query(BLEU).findtext("TxnID")
    delete = f"<TxnDelRq><TxnDelType>Invoice</TxnDelType><TxnID>{txn_id}</TxnID></TxnDelRq>"
    assert desk.ask(delete).findtext("TxnID") == txn_id
    assert desk.ask(delete).get("statusCode") == "3120"
    trace = desk.ask("<TxnDeletedQueryRq><TxnDelType>Invoice</TxnDelType></TxnDeletedQueryRq>")
    assert trace.findtext("TxnDeletedRet/RefNumber") == BLEU
    none = desk.ask(
        "<TxnDeletedQueryRq><TxnDelType>Invoice</TxnDelType><DeletedDateRangeFilter>"
        "<FromDeletedDate>2026-10-21</FromDeletedDate></DeletedDateRangeFilter></TxnDeletedQueryRq>"
    )
    assert none.get("statusCode") == "1"
    owed = desk.ask("<CustomerQueryRq><FullName>Océan Bleu</FullName></CustomerQueryRq>")[0]
    assert owed.findtext("Balance") == "0.00"
