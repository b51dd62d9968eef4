"""Whatever well-formed thing is asked, QuickBooks answers with a status and never breaks."""

from __future__ import annotations

import random

import pytest
from lxml import etree

from qbwc.sandbox.grammar import Choice, Content
from qbwc.sandbox.request_tables import ITERABLE, REQUESTS

TEXTS = ["", "x", "Océan Bleu", "Soutien", "Licences:M365", "Quinze", "2001", "Sous-total", "Rabais", "Trousse"]
VALUES = {
    "bool": ["true", "false", ""],
    "date": ["2026-10-20", "2026-10-01", ""],
    "datetime": ["2026-10-20", "2026-10-20T10", "2026-10-20T10:11", "2026-10-20T10:11:12-05:00", ""],
    "amt": ["1.00", "-5.00", "12", "9999999999999.99", "0.00", ""],
    "price": ["1.5", "-2", "0.00001", "9999999999.99999", ""],
    "quan": ["3", "0", "-1", "2.5", "9999999999", ""],
    "pct": ["10", "-5", "0", ""],
    "int": ["1", "0", "-1", "5"],
    "float": ["1.25", ""],
    "guid": ["0", "{AAAAAAAA-0000-0000-0000-000000000001}"],
    "word": ["Invoice", "All", "ThisMonth", "LastWeekToDate"],
}


NAMES = {
    "CustomerRef": ["Quinze", "Océan Bleu", "Clinique St-Rémi:Siège social"],
    "ItemRef": ["Soutien", "Licences:M365", "Sous-total", "Rabais", "Frais 10 %", "Acompte", "Trousse"],
    "ItemGroupRef": ["Trousse"],
    "ClassRef": ["Est", "Ouest"],
    "TermsRef": ["Net 30", "Le 15"],
    "ARAccountRef": ["Comptes clients"],
    "SalesTaxCodeRef": ["S", "E", "Tax", "Non"],
}
RARE = {"LinkToTxnID", "SetCredit", "ExchangeRate", "TemplateRef", "IsToBeEmailed"}


class Maker:
    """Makes requests at random out of the element tables, with ids and edit sequences that often exist."""

    def __init__(self, seed, company):
        self.random = random.Random(seed)
        self.company = company

    def request(self):
        name = self.random.choice(sorted(REQUESTS) + ["InvoiceAdd", "InvoiceMod"] * 10)
        objects = self.company.transactions("Invoice") + self.company.transactions("CreditMemo")
        objects += self.company.records("Customer") + self.company.records("ItemService")
        self.one = self.random.choice(self.company.transactions("Invoice") if name == "InvoiceMod" else objects)
        attributes = ' iterator="Start"' if name in ITERABLE and self.random.random() < 0.2 else ""
        if name.endswith("Query") and self.random.random() < 0.2:
            attributes += ' metaData="MetaDataAndResponseData"'
        return f"<{name}Rq{attributes}>{self.content(REQUESTS[name])}</{name}Rq>"

    def content(self, content: Content):
        return self.parts(content.parts)

    def parts(self, parts):
        return "".join(self.part(part) for part in parts)

    def part(self, part):
        count = part.least if self.random.random() < 0.6 else 1
        if part.many and self.random.random() < 0.4:
            count = self.random.randint(max(1, part.least), 3)
        if isinstance(part, Choice):
            return "".join(self.parts(self.random.choice(part.options)) for _time in range(count))
        unknown = part.tag.endswith("Ref") and part.tag not in NAMES
        if part.least == 0 and (part.tag in RARE or unknown) and self.random.random() < 0.95:
            return ""
        if part.tag in NAMES and self.random.random() < 0.95:
            return f"<{part.tag}><FullName>{self.random.choice(NAMES[part.tag])}</FullName></{part.tag}>"
        inner = self.content(part.content) if part.content is not None else None
        return "".join(
            f"<{part.tag}>{inner if inner is not None else self.value(part)}</{part.tag}>" for _time in range(count)
        )

    def value(self, part):
        one = self.one
        if part.tag == "EditSequence":
            return one["EditSequence"]
        if part.kind == "id":
            lines = [line["TxnLineID"] for line in one.get("lines", [])]
            if part.tag == "TxnLineID":
                return self.random.choice([*lines, "-1", "-1"])
            return one.get("TxnID") or one["ListID"]
        if part.kind.startswith("str"):
            text = self.random.choice(TEXTS)
            return text[: int(part.kind[3:] or 99)]
        values = VALUES[part.kind] if part.kind in VALUES else [*part.kind.split(","), ""]
        return self.random.choice(values)


@pytest.mark.parametrize("country", ["CA", "US"])
@pytest.mark.parametrize("seed", range(4))
def test_no_request_breaks_quickbooks_and_every_answer_is_valid(make_desk, country, seed):
    desk = make_desk(country, IsMultiCurrencyOn=bool(seed % 2))
    maker = Maker(seed, desk.company)
    for _time in range(250):
        asked = "".join(maker.request() for _request in range(3))
        for answer in desk.send(asked):
            assert answer.get("statusCode").isdigit(), etree.tostring(answer)
            assert len(answer) == 0 or int(answer.get("statusCode")) < 1000 or answer.get("statusCode") == "3200"
