"""What a person does in QuickBooks between two visits: rename, deactivate, delete, merge, void.

    merge_customers(company, "Clinic (old)", "Clinic")
    rename(company, "ItemService", "Support", "Help desk")

Objects are named by FullName or ListID, transactions by TxnID. The company changes in memory; saving it is the
caller's. Nobody is asked for an EditSequence, and closed periods hold.
"""

from __future__ import annotations

from decimal import Decimal

from qbwc.sandbox import lists, transactions
from qbwc.sandbox.company import HIERARCHICAL, ITEMS, NAMES, Company, full_name, reference
from qbwc.sandbox.elements import Request
from qbwc.sandbox.errors import CompanyError, Record, StatusError
from qbwc.sandbox.forms import set_applied
from qbwc.sandbox.money import add_balance, amount_text
from qbwc.sandbox.relations import carry_name, point_elsewhere, remove
from qbwc.sandbox.session import Session, Work


def rename(company: Company, kind: str, name: str, new_name: str) -> Record:
    """Give an object another Name; its children and whoever refers to it follow. Returns the object.

    Raises CompanyError when there is no such object, StatusError 3100 when the name is taken, 3090 for a colon.
    """
    record = _find(company, kind, name)
    if kind in HIERARCHICAL:
        body = {"ListID": record["ListID"], "EditSequence": record["EditSequence"], "Name": new_name}
        lists.change_in_list(Work(company=company, session=Session()), _request(f"{kind}Mod", {f"{kind}Mod": body}))
        return record
    if ":" in new_name or not new_name.strip():
        raise StatusError(3090, f'There was an error when storing "{new_name}" in the "Name" field.')
    found = company.find(ITEMS if kind in ITEMS else NAMES if kind in NAMES else (kind,), {"FullName": new_name})
    if found is not None and found[1] is not record:
        raise StatusError(3100, f'The name "{new_name}" of the list element is already in use.')
    record["Name"] = new_name
    company.touch(record)
    carry_name(company, kind, record)
    return record


def deactivate(company: Company, kind: str, name: str) -> Record:
    """Make an object inactive: queries leave it out unless they ask for it, and new forms may not name it."""
    return _set_active(company, kind, name, "false")


def activate(company: Company, kind: str, name: str) -> Record:
    """Make an object active again."""
    return _set_active(company, kind, name, "true")


def delete(company: Company, kind: str, name: str) -> None:
    """Delete a list object. Raises StatusError 3160 while anything uses it."""
    body = {"ListDelType": kind, "ListID": _find(company, kind, name)["ListID"]}
    lists.delete_from_list(Work(company=company, session=Session()), _request("ListDel", body))


def merge_customers(company: Company, loser: str, winner: str) -> Record:
    """Merge one customer (or job) into another and return the one that stays.

    The ListID of the loser is gone and shows up in ListDeletedQuery; its transactions belong to the winner, with their
    ids, EditSequence and TimeModified unchanged; its balance moves. Raises CompanyError when either is missing, when
    they are the same, or when the loser still has jobs, which QuickBooks wants moved first.
    """
    lost, kept = _find(company, "Customer", loser), _find(company, "Customer", winner)
    if lost is kept:
        raise CompanyError(f'The customer "{full_name(lost)}" cannot be merged with itself.')
    if any(company.children("Customer", lost)):
        raise CompanyError(f'The customer "{full_name(lost)}" still has jobs: move them first, then merge.')
    owed = Decimal(lost.get("Balance", "0"))
    add_balance(company, reference(lost), -owed)
    add_balance(company, reference(kept), owed)
    point_elsewhere(company, lost, kept)
    remove(company, "Customer", lost)
    company.touch(kept)
    return kept


def void_transaction(company: Company, txn_id: str) -> None:
    """Void a form: its number stays, its money is gone. Raises CompanyError, or StatusError as TxnVoid does."""
    body = {"TxnVoidType": _kind_of(company, txn_id), "TxnID": txn_id}
    transactions.void_transaction(Work(company=company, session=Session()), _request("TxnVoid", body))


def delete_transaction(company: Company, txn_id: str) -> None:
    """Delete a form, but for its trace. Raises CompanyError, or StatusError as TxnDel does."""
    body = {"TxnDelType": _kind_of(company, txn_id), "TxnID": txn_id}
    transactions.delete_transaction(Work(company=company, session=Session()), _request("TxnDel", body))


def pay_invoice(company: Company, txn_id: str, amount: str | None = None) -> None:
    """Note a payment of an invoice, in full or of an `amount`. Raises CompanyError for more than is still owed."""
    found = company.find_transaction(txn_id)
    if found is None or found[0] != "Invoice":
        raise CompanyError(f'There is no invoice "{txn_id}" in this company.')
    form = found[1]
    owed = Decimal(form["BalanceRemaining"])
    paid = owed if amount is None else Decimal(amount)
    if not 0 <= paid <= owed:
        raise CompanyError(f"The invoice has {amount_text(owed)} left to pay, not {amount_text(paid)}.")
    set_applied(form, "Invoice", abs(Decimal(form["AppliedAmount"])) + paid)
    company.touch(form)
    add_balance(company, form["CustomerRef"], -paid)


def _set_active(company: Company, kind: str, name: str, word: str) -> Record:
    record = _find(company, kind, name)
    record["IsActive"] = word
    company.touch(record)
    return record


def _find(company: Company, kind: str, name: str) -> Record:
    found = company.find((kind,), {"FullName": name}) or company.find((kind,), {"ListID": name})
    if found is None:
        raise CompanyError(f'There is no {kind} "{name}" in this company.')
    return found[1]


def _kind_of(company: Company, txn_id: str) -> str:
    found = company.find_transaction(txn_id)
    if found is None:
        raise CompanyError(f'There is no transaction "{txn_id}" in this company.')
    return found[0]


def _request(name: str, body: Record) -> Request:
    return Request(name=name, request_id=None, body=body)
