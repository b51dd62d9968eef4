"""Whatever lines an invoice has, its figures agree with each other."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from qbwc.sandbox import Company, process, starter

CENT = Decimal("0.01")
prices = st.decimals(0, 5000, places=5).map(lambda value: ("Rate", f"{value:.5f}"))
amounts = st.decimals(0, 5000, places=2).map(lambda value: ("Amount", f"{value:.2f}"))
quantities = st.none() | st.decimals("0.001", 500, places=3)


@st.composite
def lines(draw):
    kind = draw(st.sampled_from(["Support", "Licence", "Cable", "Set-up", "Subtotal", "Discount", "comment"]))
    if kind == "comment":
        return "<InvoiceLineAdd><Desc>text</Desc></InvoiceLineAdd>"
    inner = f"<ItemRef><FullName>{kind}</FullName></ItemRef>"
    if kind not in ("Subtotal", "Discount"):
        quantity = draw(quantities)
        tag, value = draw(st.one_of(prices, amounts, st.just(("", ""))))
        inner += f"<Quantity>{quantity:.3f}</Quantity>" if quantity is not None else ""
        inner += f"<{tag}>{value}</{tag}>" if tag else ""
    return f"<InvoiceLineAdd>{inner}</InvoiceLineAdd>"


@settings(max_examples=60, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=8))
def test_the_subtotal_is_the_sum_of_the_amounts_and_the_balance_adds_the_tax(chosen):
    company = Company(starter(), clock=lambda: datetime(2026, 10, 20, tzinfo=UTC))
    document = (
        '<?xml version="1.0"?><?qbxml version="13.0"?><QBXML><QBXMLMsgsRq onError="stopOnError"><InvoiceAddRq>'
        "<InvoiceAdd><CustomerRef><FullName>Clinic</FullName></CustomerRef><TxnDate>2026-10-20</TxnDate>"
        f"{''.join(chosen)}</InvoiceAdd></InvoiceAddRq></QBXMLMsgsRq></QBXML>"
    )
    answer = etree.fromstring(process(company, document))[0][0]
    assert answer.get("statusCode") == "0"
    ret = answer[0]
    made = ret.findall("InvoiceLineRet")
    assert len(made) == len(chosen)
    sold = [line for line in made if line.findtext("ItemRef/FullName") not in (None, "Subtotal")]
    total = sum((Decimal(line.findtext("Amount")) for line in sold), Decimal(0))
    assert Decimal(ret.findtext("Subtotal")) == total
    tax = (total * 5 / 100).quantize(CENT, ROUND_HALF_UP)
    assert Decimal(ret.findtext("SalesTaxTotal")) == tax
    assert Decimal(ret.findtext("BalanceRemaining")) == total + tax
    for line in sold:
        if line.findtext("Quantity"):
            product = Decimal(line.findtext("Quantity")) * Decimal(line.findtext("Rate"))
            slack = abs(Decimal(line.findtext("Quantity"))) * Decimal("0.00001") + CENT / 2
            assert abs(product - Decimal(line.findtext("Amount"))) <= slack
