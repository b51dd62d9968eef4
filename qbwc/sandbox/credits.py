"""Credits set against invoices (SetCredit): both sides are linked, and freed again when the invoice is voided."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.forms import set_applied, total_of
from qbwc.sandbox.money import amount_text
from qbwc.sandbox.session import not_found

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company


def check_credits(company: Company, invoice: Record, wanted: list[Record]) -> None:
    """Raise unless every credit exists, belongs to the customer, and is large enough; change nothing."""
    left = Decimal(invoice.get("BalanceRemaining", "0"))
    for credit in wanted:
        found = company.find_transaction(credit["CreditTxnID"])
        if found is None or found[0] != "CreditMemo":
            raise not_found(credit["CreditTxnID"])
        memo, amount = found[1], Decimal(credit["AppliedAmount"] or "0")
        if memo["CustomerRef"]["ListID"] != invoice["CustomerRef"]["ListID"]:
            raise StatusError(3210, f"The credit {credit['CreditTxnID']} belongs to another customer.")
        if not 0 < amount <= Decimal(memo["CreditRemaining"]):
            raise StatusError(3210, f"The credit {credit['CreditTxnID']} has only {memo['CreditRemaining']} left.")
        left -= amount
    if left < 0:
        raise StatusError(3210, "The credits are more than the balance of the invoice.")


def apply_credits(company: Company, invoice: Record, wanted: list[Record]) -> None:
    """Set checked credits against an invoice."""
    for credit in wanted:
        found = company.find_transaction(credit["CreditTxnID"])
        if found is None:
            raise not_found(credit["CreditTxnID"])
        memo, amount = found[1], Decimal(credit["AppliedAmount"])
        _use(company, memo, amount)
        set_applied(invoice, "Invoice", abs(Decimal(invoice["AppliedAmount"])) + amount)
        _link(invoice, "CreditMemo", memo, -amount)
        _link(memo, "Invoice", invoice, -amount)


def free_credits(company: Company, invoice: Record) -> None:
    """Give the credits of an invoice back, because it is voided."""
    for link in invoice.pop("LinkedTxn", []):
        found = company.find_transaction(link["TxnID"])
        if found is not None and found[0] == "CreditMemo":
            memo = found[1]
            memo["LinkedTxn"] = [one for one in memo.get("LinkedTxn", []) if one["TxnID"] != invoice["TxnID"]]
            _use(company, memo, Decimal(link["Amount"]))


def _use(company: Company, memo: Record, amount: Decimal) -> None:
    used = total_of(memo) - Decimal(memo["CreditRemaining"])
    set_applied(memo, "CreditMemo", used + amount)
    company.touch(memo)


def _link(form: Record, kind: str, other: Record, amount: Decimal) -> None:
    link = {"TxnID": other["TxnID"], "TxnType": kind, "TxnDate": other["TxnDate"]}
    if other.get("RefNumber"):
        link["RefNumber"] = other["RefNumber"]
    form.setdefault("LinkedTxn", []).append({**link, "LinkType": "AMTTYPE", "Amount": amount_text(amount)})
