"""Every shape of invoice as the qbXML that leaves: golden, and valid by Intuit's schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lxml import etree

from portal.models import Draft, Organization
from portal.services.quickbooks import messages
from qbwc.qbxml.envelope import render_request, render_set

CHARGES = Path(__file__).resolve().parents[3] / "samples" / "sherweb" / "payable-charges-2026-10.json"
STUDIO = "Studio Lumière"
CUSTOMER = "8000000D-1759300780"
PLAN, EDR, VISIO = "80000056-1759305160", "8000005F-1759305700", "80000059-1759305340"
CLOUD, NET_30, TAXED = "80000044-1759304080", "8000004C-1759304560", "8000004F-1759304740"
OCTOBER = "(2026-10-01 - 2026-10-31)"


@pytest.fixture
def leaves(month: Any) -> Callable[[], str]:
    """Bills the month; gives the message of the studio's newest draft."""

    def tell() -> str:
        month.bill()
        with month.portal.database.read() as db:
            named = sa.select(Draft).join(Organization).where(Organization.name == STUDIO).order_by(Draft.id.desc())
            _step, message = messages.first_step(db.scalars(named).first())
            return render_request(message, "1")

    return tell


def shown(text: str) -> list[str]:
    """The leaves of a message, as path and text, without our stamp."""
    root = etree.fromstring(text)
    found = []
    for one in root.iter():
        if len(one) == 0 and one.tag != "ExternalGUID":
            above = [parent.tag for parent in one.iterancestors()][:-2][::-1]
            found.append(f"{'/'.join([*above, one.tag])} {one.text}")
    return found


def line(kind: str, item: str, text: str, quantity: str, first: str = "2026-10-01", **more: str) -> list[str]:
    """What a line says, in the order in which QuickBooks wants it."""
    before = [f"{kind}/{name} {more[name]}" for name in ("Rate", "Amount") if name in more]
    after = [f"{kind}/{name.replace('_', '/')} {more[name]}" for name in more if name not in ("Rate", "Amount")]
    facts = [f"{kind}/ItemRef/ListID {item}", f"{kind}/Desc {text}", f"{kind}/Quantity {quantity}"]
    return [*facts, *before, f"{kind}/ServiceDate {first}", *after]


HEAD = [f"CustomerRef/ListID {CUSTOMER}", "TxnDate 2026-11-01"]
EDR_LINE = line("InvoiceLineAdd", EDR, f"Endpoint Detection & Response {OCTOBER}", "3")
PLAN_LINE = line("InvoiceLineAdd", PLAN, f"Microsoft 365 Business Standard {OCTOBER}", "3")
VISIO_LINE = line("InvoiceLineAdd", VISIO, f"Visio Plan 2 {OCTOBER}", "1")
REMOVED = "Microsoft 365 Business Standard (2026-10-15 - 2026-10-31)"

SHAPES: dict[str, tuple[dict[str, str], list[str]]] = {
    "one line for each change": (
        {},
        [*EDR_LINE, *PLAN_LINE, *line("InvoiceLineAdd", PLAN, REMOVED, "-0.54839", "2026-10-15"), *VISIO_LINE],
    ),
    "one line for each offer and one for what is prorated": (
        {"grouping": "offer", "description": "{offer}: {quantity}"},
        [
            *line("InvoiceLineAdd", EDR, "Endpoint Detection & Response: 3", "3"),
            *line("InvoiceLineAdd", PLAN, "Microsoft 365 Business Standard: 3", "3"),
            *line("InvoiceLineAdd", PLAN, "Microsoft 365 Business Standard: -0.54839", "-0.54839", "2026-10-15"),
            *line("InvoiceLineAdd", VISIO, "Visio Plan 2: 1", "1"),
        ],
    ),
    "at the price of the days": (
        {"prorate_by": "rate"},
        [
            *EDR_LINE,
            *PLAN_LINE,
            *line("InvoiceLineAdd", PLAN, REMOVED, "-1", "2026-10-15", Rate="10.69355"),
            *VISIO_LINE,
        ],
    ),
    "at the price of the days, months counted as 30": (
        {"prorate_by": "rate", "day_count": "30/360"},
        [*EDR_LINE, *PLAN_LINE, *line("InvoiceLineAdd", PLAN, REMOVED, "-1", "2026-10-15", Rate="10.4"), *VISIO_LINE],
    ),
}


@pytest.mark.parametrize(("choices", "lines"), SHAPES.values(), ids=SHAPES)
def test_the_lines_of_an_invoice(
    month: Any,
    leaves: Callable[[], str],
    intuit_schema: etree.XMLSchema,
    choices: dict[str, str],
    lines: list[str],
) -> None:
    month.set(**choices)
    text = leaves()
    assert shown(text) == [*HEAD, *lines]
    intuit_schema.assertValid(etree.fromstring(render_set([text]).encode()))


def test_an_invoice_carries_what_the_organization_says(
    month: Any, leaves: Callable[[], str], intuit_schema: etree.XMLSchema
) -> None:
    with month.portal.database.write() as db:
        row = db.scalars(sa.select(Organization).filter_by(name=STUDIO)).one()
        row.po_number, row.class_list_id, row.terms_list_id, row.tax_code_list_id = "PO-88", CLOUD, NET_30, TAXED
        row.other1, row.other2 = "{sku}", "{po}, {days} days, a text tha… is far too long for a column"
    text = leaves()
    more = {"SalesTaxCodeRef_ListID": TAXED, "Other2": "PO-88, 31 days, a text tha..."}
    visio = line("InvoiceLineAdd", VISIO, f"Visio Plan 2 {OCTOBER}", "1", **{**more, "Other1": "VIS-P2"})
    told = shown(text)
    assert told[:5] == [
        f"CustomerRef/ListID {CUSTOMER}",
        f"ClassRef/ListID {CLOUD}",
        "TxnDate 2026-11-01",
        "PONumber PO-88",
        f"TermsRef/ListID {NET_30}",
    ]
    assert sorted(told[-len(visio) :]) == sorted(visio)
    intuit_schema.assertValid(etree.fromstring(render_set([text]).encode()))


def test_a_credit_memo_carries_the_minus_sign_itself(
    month: Any, leaves: Callable[[], str], intuit_schema: etree.XMLSchema
) -> None:
    month.set(negative_total="credit-memo")
    leaves()
    document = json.loads(CHARGES.read_bytes())
    for row in document["charges"]:
        if row["tags"][0]["value"] == STUDIO and row["sku"] == "SEC-EDR":
            row["quantity"] -= 2
            row["subTotal"] = round(row["quantity"] * row["netPriceProrated"], 2)
    assert month.import_charges(json.dumps(document).encode(), "corrected.json").corrected == 1
    text = leaves()
    assert text.startswith("<CreditMemoAddRq")
    assert shown(text) == [
        *HEAD,
        *line("CreditMemoLineAdd", EDR, f"Endpoint Detection & Response {OCTOBER}", "2"),
    ]
    intuit_schema.assertValid(etree.fromstring(render_set([text]).encode()))
    month.visit()
    assert set(month.states()) == {"reconciled"}


def test_what_was_billed_at_a_rate_is_given_back_at_that_rate(month: Any, leaves: Callable[[], str]) -> None:
    month.set(negative_total="credit-memo", prorate_by="rate")
    leaves()
    month.set(prorate_by="quantity")
    document = json.loads(CHARGES.read_bytes())
    rows = document["charges"]
    gone = next(row for row in rows if row["tags"][0]["value"] == STUDIO and row["quantity"] < 0)
    rows.remove(gone)
    result = month.import_charges(json.dumps(document).encode(), "corrected.json")
    assert (result.withdrawn, result.corrected) == (1, 1)
    assert shown(leaves()) == [*HEAD, *line("InvoiceLineAdd", PLAN, REMOVED, "1", "2026-10-15", Rate="10.69355")]
    month.visit()
    assert set(month.states()) == {"reconciled"}
    drafts = [one for one in month.run().drafts if one.organization == STUDIO]
    assert [row.amount for one in drafts for row in one.rows if row.description.startswith("Microsoft")] == [
        Decimal("58.50"),
        Decimal("-10.69"),
        Decimal("10.69"),
    ]


def test_an_update_changes_the_figure_and_leaves_the_words_and_the_price(month: Any) -> None:
    """The partner's own line of a mapped item, re-worded and re-priced by hand: only its quantity is ours."""

    def find_line(company: dict[str, Any]) -> dict[str, Any]:
        (invoice,) = [one for one in company["transactions"]["Invoice"] if one["RefNumber"] == "10411"]
        (found,) = [one for one in invoice["lines"] if (one.get("Desc") or "").startswith("Notre forfait")]
        return found

    def reword(company: Any) -> None:
        for invoice in company.data["transactions"]["Invoice"]:
            for one in invoice["lines"]:
                if (one.get("Desc") or "").startswith("Microsoft 365 Business Standard, par"):
                    one.update(Desc="Notre forfait préféré", Rate="17.25", Amount="69.00")

    month.edit(reword)
    before = find_line(month.company())
    month.bill()
    assert month.visit().went_well
    after = find_line(month.company())
    assert (before["Quantity"], after["Quantity"]) == ("4", "18")
    assert (after["Desc"], after["Rate"], after["Amount"]) == ("Notre forfait préféré", "17.25", "310.50")
    assert after["TxnLineID"] == before["TxnLineID"]
    assert month.draft("Groupe Océan Bleu inc.").state == "reconciled"
