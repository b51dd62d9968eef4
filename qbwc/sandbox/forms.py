"""Invoices and credit memos as values: building one from what was sent, and changing one. Nothing is stored here."""

from __future__ import annotations

import calendar
import copy
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from qbwc.sandbox.company import TERMS, reference
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.form_lines import new_lines, replace_lines
from qbwc.sandbox.money import amount_text
from qbwc.sandbox.pricing import total_lines
from qbwc.sandbox.references import is_empty, resolve
from qbwc.sandbox.taxes import tax_form

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

_TEXTS = (
    "TxnDate", "RefNumber", "BillAddress", "ShipAddress", "IsPending", "IsFinanceCharge", "PONumber", "DueDate", "FOB",
    "ShipDate", "Memo", "IsToBePrinted", "IsToBeEmailed", "IsTaxIncluded", "Other", "ExchangeRate", "ExternalGUID",
)  # fmt: skip
_REFS = (
    "ClassRef", "ARAccountRef", "TemplateRef", "TermsRef", "SalesRepRef", "ShipMethodRef", "ItemSalesTaxRef",
    "CustomerMsgRef", "CustomerSalesTaxCodeRef",
)  # fmt: skip
_CLEARABLE = frozenset((
    "BillAddress", "ShipAddress", "PONumber", "FOB", "ShipDate", "Memo", "Other", "RefNumber", "ClassRef", "TermsRef",
    "SalesRepRef", "ShipMethodRef", "CustomerMsgRef",
))  # fmt: skip


def new_form(
    company: Company,
    kind: str,
    given: Record,
    *,
    created: datetime,
    lenient: bool = False,
    warnings: list[str] | None = None,
) -> Record:
    """A new invoice or credit memo with everything QuickBooks fills in. Raises StatusError; changes only counters.

    `lenient` is for seeds: inactive customers and items are allowed, as they are in an old file.
    """
    what = "Credit Memo" if kind == "CreditMemo" else kind
    given = {tag: value for tag, value in given.items() if not is_empty(value)}
    if "CustomerRef" not in given:
        raise StatusError(3150, "The customer is missing: CustomerRef is empty.")
    form: Record = {"CustomerRef": resolve(company, "CustomerRef", given["CustomerRef"], what, lenient=lenient)}
    customer = _customer(company, form)
    form["TxnDate"] = company.today().isoformat()
    _apply_head(company, form, given, what, lenient)
    _fill_defaults(company, kind, form, customer)
    form["lines"] = new_lines(
        company, kind, form, given.get("lines", []), created, [] if warnings is None else warnings, lenient=lenient
    )
    form["TxnID"] = company.new_txn_id(created)
    company.state["TransactionCount"] += 1
    form["TxnNumber"] = str(company.state["TransactionCount"])
    form["TimeCreated"] = form["TimeModified"] = company.stamp(created)
    form["EditSequence"] = str(int(created.timestamp()))
    form.setdefault("RefNumber", company.next_ref_number(kind))
    _settle(company, kind, form)
    return form


def changed_form(company: Company, kind: str, current: Record, given: Record, warnings: list[str]) -> Record:
    """What `current` becomes under an InvoiceMod; `current` itself is left alone. Raises StatusError."""
    form = copy.deepcopy(current)
    what = "Credit Memo" if kind == "CreditMemo" else kind
    for tag in (*_TEXTS, *_REFS, "CustomerRef"):
        if tag in given and is_empty(given[tag]):
            if tag not in _CLEARABLE:
                raise StatusError(3190, f"The field {tag} of the {what} cannot be cleared.")
            form.pop(tag, None)
    given = {tag: value for tag, value in given.items() if not is_empty(value)}
    if "CustomerRef" in given:
        form["CustomerRef"] = resolve(company, "CustomerRef", given["CustomerRef"], what)
    _apply_head(company, form, given, what, lenient=False)
    if "DueDate" not in given and ("TermsRef" in given or "TxnDate" in given):
        form["DueDate"] = due_date(company, form).isoformat()
    if given.get("lines"):
        form["lines"] = replace_lines(company, kind, form, current["lines"], given["lines"], warnings)
    applied = abs(Decimal(current.get("AppliedAmount", "0")))
    _settle(company, kind, form)
    if applied > total_of(form):
        raise StatusError(3210, f"The total {total_of(form)} would be less than the {applied} already applied to it.")
    set_applied(form, kind, applied)
    return form


def _apply_head(company: Company, form: Record, given: Record, what: str, lenient: bool) -> None:
    for tag in _TEXTS:
        if tag in given:
            form[tag] = given[tag]
    for tag in _REFS:
        if tag in given:
            form[tag] = resolve(company, tag, given[tag], what, lenient=lenient)
    for tag in ("BillAddress", "ShipAddress"):
        if tag in form:
            form[f"{tag}Block"] = address_block(form[tag])
        else:
            form.pop(f"{tag}Block", None)
    if form.get("IsToBeEmailed") == "true" and not lenient and not _customer(company, form).get("Email"):
        raise StatusError(3210, f"The {what} cannot be marked to be e-mailed: the customer has no e-mail address.")


def address_block(address: Record) -> Record:
    """The printed lines of an address."""
    lines = [address[f"Addr{n}"] for n in range(1, 6) if address.get(f"Addr{n}")]
    town = " ".join(filter(None, (address.get("City"), address.get("State"), address.get("PostalCode"))))
    lines += [text for text in (town, address.get("Country")) if text]
    return {f"Addr{n}": text for n, text in enumerate(lines[:5], start=1)}


def _customer(company: Company, form: Record) -> Record:
    found = company.find(("Customer",), form["CustomerRef"])
    return found[1] if found else {}


def _fill_defaults(company: Company, kind: str, form: Record, customer: Record) -> None:
    for tag in ("TermsRef", "SalesRepRef"):
        if tag in customer:
            form.setdefault(tag, customer[tag])
    for tag in ("BillAddress", "ShipAddress"):
        if tag in customer and tag not in form:
            form[tag] = dict(customer[tag])
            form[f"{tag}Block"] = address_block(customer[tag])
    for tag, wanted in (
        ("ARAccountRef", _first(company, "Account", "AccountType", ("AccountsReceivable",))),
        ("TemplateRef", _first(company, "Template", "TemplateType", (kind,))),
    ):
        if wanted is not None:
            form.setdefault(tag, wanted)
    if company.country == "US" and company.is_on("SalesTaxOn"):
        for tag, source in (("CustomerSalesTaxCodeRef", "SalesTaxCodeRef"), ("ItemSalesTaxRef", "ItemSalesTaxRef")):
            if source in customer:
                form.setdefault(tag, customer[source])
    if company.country != "US":
        form.setdefault("IsTaxIncluded", "false")
    if company.is_on("IsMultiCurrencyOn") and "CurrencyRef" in customer:
        form["CurrencyRef"] = customer["CurrencyRef"]
        form.setdefault("ExchangeRate", "1")
    form.setdefault("IsPending", "false")
    form.setdefault("IsToBePrinted", "true")
    form.setdefault("IsToBeEmailed", "false")
    if kind == "Invoice":
        form.setdefault("IsFinanceCharge", "false")
    form.setdefault("DueDate", due_date(company, form).isoformat())


def _first(company: Company, kind: str, tag: str, values: Iterable[str]) -> Record | None:
    for record in company.records(kind):
        if str(record.get(tag, "")) in values and record.get("IsActive") != "false":
            return reference(record)
    return None


def due_date(company: Company, form: Record) -> date:
    """When a form is due under its terms; without terms, on its own date."""
    day = date.fromisoformat(form["TxnDate"])
    found = company.find(TERMS, form["TermsRef"]) if "TermsRef" in form else None
    if found is None:
        return day
    kind, terms = found
    if kind == "StandardTerms":
        return day + timedelta(days=int(terms.get("StdDueDays", "0")))
    wanted = int(terms["DayOfMonthDue"])
    due = _day_of_month(day.year, day.month, wanted)
    if (due - day).days < int(terms.get("DueNextMonthDays", "0")) or due < day:
        due = _day_of_month(day.year + day.month // 12, day.month % 12 + 1, wanted)
    return due


def _day_of_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def _settle(company: Company, kind: str, form: Record) -> None:
    """Add the lines up, tax them, and refuse what QuickBooks refuses."""
    tax_form(company, form, total_lines(company, form["lines"]))
    if total_of(form) < 0:
        other = "credit memo" if kind == "Invoice" else "invoice"
        raise StatusError(3210, f"The total {total_of(form)} is negative: use a {other} instead.")
    set_applied(form, kind, Decimal(0))


def total_of(form: Record) -> Decimal:
    """Subtotal plus tax."""
    return Decimal(form["Subtotal"]) + Decimal(form.get("SalesTaxTotal", "0"))


def set_applied(form: Record, kind: str, applied: Decimal) -> None:
    """Set what has been paid or used of a form, and everything that follows from it."""
    total = total_of(form)
    if kind == "CreditMemo":
        form["TotalAmount"] = amount_text(total)
        form["CreditRemaining"] = amount_text(total - applied)
        return
    form["AppliedAmount"] = amount_text(-applied)
    form["BalanceRemaining"] = amount_text(total - applied)
    form["IsPaid"] = "true" if total == applied and form.get("IsPending") != "true" else "false"
