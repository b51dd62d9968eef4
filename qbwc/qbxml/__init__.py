"""qbXML as typed messages: text in, frozen dataclasses out, and back (pure)."""

from __future__ import annotations

from typing import Any

from lxml import etree

from qbwc.qbxml import company, lists, transactions
from qbwc.qbxml.codec import decode
from qbwc.qbxml.envelope import Answer, AnswerSet, render_request, render_set

# What an answer may hold, by element name: the requests of the product and the objects they bring back.
OBJECTS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        company.HostRet,
        company.CompanyRet,
        company.PreferencesRet,
        lists.CustomerRet,
        *lists.ITEM_RETS,
        lists.AccountRet,
        lists.ClassRet,
        lists.StandardTermsRet,
        lists.DateDrivenTermsRet,
        lists.SalesTaxCodeRet,
        lists.TemplateRet,
        lists.ListDeletedRet,
        transactions.InvoiceRet,
        transactions.CreditMemoRet,
        transactions.TxnDeletedRet,
    )
}
REQUESTS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        company.HostQueryRq,
        company.CompanyQueryRq,
        company.PreferencesQueryRq,
        lists.CustomerQueryRq,
        lists.ItemQueryRq,
        lists.AccountQueryRq,
        lists.ClassQueryRq,
        lists.TermsQueryRq,
        lists.SalesTaxCodeQueryRq,
        lists.TemplateQueryRq,
        lists.ListDeletedQueryRq,
        lists.ItemServiceModRq,
        lists.ItemNonInventoryModRq,
        lists.ItemOtherChargeModRq,
        transactions.InvoiceQueryRq,
        transactions.CreditMemoQueryRq,
        transactions.TxnDeletedQueryRq,
        transactions.InvoiceAddRq,
        transactions.InvoiceModRq,
        transactions.CreditMemoAddRq,
    )
}
ANSWERS = frozenset(f"{name.removesuffix('Rq')}Rs" for name in REQUESTS)


def read_request(body: str) -> Any:
    """A rendered request as the message that it was. Raises DecodeError, KeyError for one that is not listed here."""
    element = etree.fromstring(body.encode("ascii"))
    return decode(REQUESTS[str(element.tag)], element)


def read_answers(text: str) -> AnswerSet:
    """The answers in one text from QuickBooks, streamed. Raises DecodeError while it is read."""
    return AnswerSet(text, OBJECTS, ANSWERS)


__all__ = [
    "ANSWERS",
    "OBJECTS",
    "REQUESTS",
    "Answer",
    "AnswerSet",
    "read_answers",
    "read_request",
    "render_request",
    "render_set",
]
