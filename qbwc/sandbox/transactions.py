"""Requests that write transactions: add, change, void and delete invoices and credit memos."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from qbwc.sandbox.company import TRANSACTIONS
from qbwc.sandbox.credits import apply_credits, check_credits, free_credits
from qbwc.sandbox.elements import Request
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.forms import changed_form, new_form, set_applied
from qbwc.sandbox.money import add_balance
from qbwc.sandbox.pricing import item_of
from qbwc.sandbox.queries import present
from qbwc.sandbox.session import Work, not_found, stale
from qbwc.sandbox.writer import Outcome

_WITH_LINES = {"IncludeLineItems": "true"}


def add_form(work: Work, request: Request) -> Outcome:
    """InvoiceAdd, CreditMemoAdd."""
    kind = request.name.removesuffix("Add")
    given = request.body[request.name]
    if given.get("LinkToTxnID"):
        raise not_found(given["LinkToTxnID"][0])
    _refuse_closed(work, kind, given.get("TxnDate") or work.company.today().isoformat())
    warnings: list[str] = []
    form = new_form(work.company, kind, given, created=work.company.clock(), warnings=warnings)
    wanted = given.get("SetCredit", [])
    check_credits(work.company, form, wanted)
    work.company.add_transaction(kind, form)
    work.company.remember_ref_number(kind, form["RefNumber"])
    _move_balance(work, kind, form, 1)
    apply_credits(work.company, form, wanted)
    return _written(kind, form, request, warnings)


def change_form(work: Work, request: Request) -> Outcome:
    """InvoiceMod."""
    kind = request.name.removesuffix("Mod")
    given = request.body[request.name]
    current = _find(work, kind, given["TxnID"])
    work.session.refuse_if_locked(current["TxnID"])
    if given["EditSequence"] != current["EditSequence"]:
        raise stale(f"{kind}Ret", present(_WITH_LINES, current), given["EditSequence"])
    _refuse_closed(work, kind, current["TxnDate"])
    if given.get("TxnDate"):
        _refuse_closed(work, kind, given["TxnDate"])
    warnings: list[str] = []
    form = changed_form(work.company, kind, current, given, warnings)
    wanted = given.get("SetCredit", [])
    check_credits(work.company, form, wanted)
    _move_balance(work, kind, current, -1)
    current.clear()
    current.update(form)
    work.company.touch(current)
    work.company.remember_ref_number(kind, current.get("RefNumber", ""))
    _move_balance(work, kind, current, 1)
    apply_credits(work.company, current, wanted)
    return _written(kind, current, request, warnings)


def void_transaction(work: Work, request: Request) -> Outcome:
    """TxnVoid: the form stays with its number; every amount and quantity becomes zero."""
    kind, txn_id = request.body["TxnVoidType"], request.body["TxnID"]
    current = _find(work, kind, txn_id)
    work.session.refuse_if_locked(txn_id)
    _refuse_closed(work, kind, current["TxnDate"])
    if kind == "CreditMemo" and current.get("LinkedTxn"):
        raise StatusError(3185, f'Cannot void the object specified by the id = "{txn_id}": it is linked.')
    _move_balance(work, kind, current, -1)
    for line in current["lines"]:
        _void_line(work, line)
    current["Subtotal"] = "0.00"
    if "SalesTaxTotal" in current:
        current["SalesTaxTotal"] = "0.00"
    current["Memo"] = f"VOID: {current.get('Memo', '')}".rstrip() + ("" if current.get("Memo") else " ")
    current["IsPending"] = "false"
    free_credits(work.company, current)
    set_applied(current, kind, Decimal(0))
    work.company.touch(current)
    ret = {"TxnVoidType": kind, **{tag: current[tag] for tag in _VOIDED if tag in current}}
    return Outcome(rets=(("TxnVoidRet", ret),))


_VOIDED = ("TxnID", "TimeCreated", "TimeModified", "RefNumber")


def _void_line(work: Work, line: Record) -> None:
    for part in line.get("lines", ()):
        _void_line(work, part)
    for tag, zero in (("Quantity", "0"), ("Amount", "0.00"), ("TotalAmount", "0.00")):
        if tag in line:
            line[tag] = zero
    if "Rate" in line and item_of(work.company, line) is not None and "Quantity" not in line:
        line["Rate"] = "0.00"


def delete_transaction(work: Work, request: Request) -> Outcome:
    """TxnDel: gone, but for its trace in TxnDeletedQuery."""
    kind, txn_id = request.body["TxnDelType"], request.body["TxnID"]
    current = _find(work, kind, txn_id)
    work.session.refuse_if_locked(txn_id)
    _refuse_closed(work, kind, current["TxnDate"], deleting=True)
    if current.get("LinkedTxn"):
        raise StatusError(3160, f'Cannot delete the object specified by the id = "{txn_id}": it is linked.')
    _move_balance(work, kind, current, -1)
    work.company.transactions(kind).remove(current)
    work.company.forget_indexes()
    ret = {"TxnDelType": kind, "TxnID": txn_id, "TimeDeleted": work.company.stamp()}
    if "RefNumber" in current:
        ret["RefNumber"] = current["RefNumber"]
    work.company.state["DeletedTransactions"].append({**ret, "TimeCreated": current["TimeCreated"]})
    return Outcome(rets=(("TxnDelRet", ret),))


def _find(work: Work, kind: str, txn_id: str) -> Record:
    found = work.company.find_transaction(txn_id)
    if found is None or kind not in TRANSACTIONS or found[0] != kind:
        raise not_found(txn_id)
    return found[1]


def _refuse_closed(work: Work, kind: str, day: str, *, deleting: bool = False) -> None:
    closing = work.company.fact("ClosingDate")
    if closing and date.fromisoformat(day) <= date.fromisoformat(closing):
        raise StatusError(
            3161 if deleting else 3171,
            f"An attempt was made to {'delete' if deleting else 'modify'} a {kind} with a date that is on or before "
            f"the closing date of the company ({closing}).",
        )


def _move_balance(work: Work, kind: str, form: Record, sign: int) -> None:
    if form.get("IsPending") == "true":
        return
    owed = Decimal(form.get("BalanceRemaining") or "0") - Decimal(form.get("CreditRemaining") or "0")
    add_balance(work.company, form["CustomerRef"], sign * owed)


def _written(kind: str, form: Record, request: Request, warnings: list[str]) -> Outcome:
    form_seen = present(_WITH_LINES, form)
    keep = frozenset(request.body.get("IncludeRetElement", ()))
    if warnings:
        text = f"The {kind} was saved. {'; '.join(dict.fromkeys(warnings))}."
        return Outcome(code=530, message=text, rets=((f"{kind}Ret", form_seen),), keep=keep)
    return Outcome(rets=((f"{kind}Ret", form_seen),), keep=keep)
