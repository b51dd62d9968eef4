"""Completing a company file that a person wrote: ids, times, full names, references, lines and totals.

Everything is derived from the file alone, in its order, so that the same seed always gives the same company.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from qbwc.sandbox import forms
from qbwc.sandbox.company import HIERARCHICAL, ITEMS, LISTS, TRANSACTIONS, full_name, reference, reference_kinds
from qbwc.sandbox.editions import host_facts
from qbwc.sandbox.errors import CompanyError, Record, StatusError
from qbwc.sandbox.money import add_balance, amount_text, price_text

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

_YEAR = 2024
_EPOCH = datetime.fromtimestamp(1759300000, tz=UTC)
_FILE = {
    "Path": r"C:\Users\Public\Documents\Intuit\QuickBooks\Company Files\Sandbox.qbw",
    "CompanyName": "Sandbox",
    "Country": "US",
    "IsUsingClassTracking": "true",
    "IsMultiCurrencyOn": "false",
    "SalesTaxOn": "true",
    "QBFileMode": "SingleUser",
    "TimeZone": "America/Toronto",
}
_PRICES = frozenset(
    (
        "Price",
        "SalesPrice",
        "PurchaseCost",
        "AverageCost",
        "PricePercent",
        "DiscountRatePercent",
        "DiscountRate",
        "TaxRate",
    )
)
_STATE: dict[str, Any] = {
    "NextListNumber": 1,
    "NextTxnNumber": 1,
    "TransactionCount": 0,
    "LastRefNumber": {},
    "MessageSets": {},
    "DeletedTransactions": [],
    "DeletedListObjects": [],
    "CompanyDataExt": [],
    "DataExtDefs": [],
    "KnownApplications": [],
}


def complete(company: Company, data: Record) -> None:
    """Fill in whatever the file leaves out, in place. Raises CompanyError naming the object and the field."""
    for section in ("file", "lists", "transactions", "state"):
        if not isinstance(data.setdefault(section, {}), dict):
            raise CompanyError(f'"{section}" must be an object.')
    data["file"] = {**host_facts(_YEAR), **_FILE, **_as_text(data["file"])}
    data["file"].setdefault("LegalCompanyName", data["file"]["CompanyName"])
    data["file"].setdefault("IsUsingPriceLevels", "true" if data["lists"].get("PriceLevel") else "false")
    data["file"].setdefault("HomeCurrency", {"CA": "CAD", "UK": "GBP", "AU": "AUD"}.get(company.country, "USD"))
    for key, value in _STATE.items():
        data["state"].setdefault(key, type(value)() if isinstance(value, (dict, list)) else value)
    for section, known in (("lists", LISTS), ("transactions", TRANSACTIONS)):
        for kind, records in data[section].items():
            if kind not in known or not isinstance(records, list):
                raise CompanyError(f'{section}: "{kind}" is no list that the sandbox keeps ({", ".join(known)}).')
    _complete_lists(company, data["lists"])
    for kind in TRANSACTIONS:
        _complete_transactions(company, kind)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return {key: _as_text(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return value


def _complete_lists(company: Company, lists: Record) -> None:
    for kind in LISTS:
        if kind in lists:
            lists[kind] = [_as_text(record) for record in lists[kind]]
    records = [(kind, record) for kind in LISTS for record in lists.get(kind, ())]
    fresh = [(kind, record) for kind, record in records if "ListID" not in record or "EditSequence" not in record]
    _name(company, records)
    for kind, record in fresh:
        _identify(company, kind, record)
        _print_prices(record)
    company.forget_indexes()
    for kind, record in fresh:
        where = f'{kind} "{full_name(record)}"'
        _resolve(company, where, record, parents=ITEMS if kind in ITEMS else (kind,))
        if kind == "Customer":
            record.setdefault("Balance", "0.00")
            record.setdefault("TotalBalance", record["Balance"])


def _name(company: Company, records: list[tuple[str, Record]]) -> None:
    """Give every object of a hierarchical list its FullName and Sublevel; parents may stand after children."""
    for kind, record in records:
        if "Name" not in record and "FullName" not in record:
            raise CompanyError(f"{kind}: an object has no Name.")
        if "Name" not in record:
            above, _, record["Name"] = record["FullName"].rpartition(":")
            if above:
                record.setdefault("ParentRef", above)
        if ":" in record["Name"]:
            raise CompanyError(f'{kind} "{record["Name"]}": a Name has no colon; give a ParentRef.')
        if kind in HIERARCHICAL:
            parent = record.get("ParentRef")
            above = parent.get("FullName", "") if isinstance(parent, dict) else parent or ""
            record["FullName"] = f"{above}:{record['Name']}" if above else record["Name"]
            record["Sublevel"] = str(record["FullName"].count(":"))


def _identify(company: Company, kind: str, record: Record) -> None:
    created = _EPOCH + timedelta(minutes=int(company.state["NextListNumber"]))
    record.setdefault("ListID", company.new_list_id(created))
    record.setdefault("TimeCreated", company.stamp(created))
    record.setdefault("TimeModified", record["TimeCreated"])
    record.setdefault("EditSequence", str(int(created.timestamp())))
    record.setdefault("IsActive", "true")


def _print_prices(record: Record) -> None:
    for tag, value in record.items():
        if isinstance(value, dict):
            _print_prices(value)
        elif tag in _PRICES and isinstance(value, str):
            try:
                record[tag] = price_text(Decimal(value))
            except InvalidOperation:
                raise CompanyError(f'{tag} "{value}" is not a number.') from None


def _references(record: Record, path: str = "") -> Iterator[tuple[Record, str, str]]:
    for tag, value in list(record.items()):
        if tag.endswith("Ref"):
            yield record, tag, f"{path}{tag}"
        elif isinstance(value, dict):
            yield from _references(value, f"{path}{tag}/")
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    yield from _references(inner, f"{path}{tag}/")


def _resolve(company: Company, where: str, record: Record, parents: tuple[str, ...] = ()) -> None:
    for owner, tag, path in _references(record):
        kinds = parents if tag == "ParentRef" else reference_kinds(tag)
        values = owner[tag] if isinstance(owner[tag], list) else [owner[tag]]
        resolved = []
        for value in values:
            wanted = value if isinstance(value, dict) else {"FullName": value}
            found = company.find(kinds, wanted)
            if found is None:
                name = wanted.get("FullName") or wanted.get("ListID")
                raise CompanyError(f'{where}: {path} "{name}" is not in the list {" or ".join(kinds) or tag[:-3]}.')
            resolved.append(reference(found[1]))
        owner[tag] = resolved if isinstance(owner[tag], list) else resolved[0]


def _complete_transactions(company: Company, kind: str) -> None:
    records = company.transactions(kind)
    for at, given in enumerate(records):
        if "TxnID" in given and "EditSequence" in given and "Subtotal" in given:
            continue
        record = _as_text(given)
        where = f"{kind} {record.get('RefNumber') or f'number {at + 1}'}"
        if "CustomerRef" not in record or "TxnDate" not in record:
            raise CompanyError(f"{where}: CustomerRef and TxnDate are needed.")
        for line in record.get("lines", ()):
            line.setdefault("kind", f"{kind}Line")
        _resolve(company, where, record)
        try:
            records[at] = _build(company, kind, record)
        except (StatusError, ValueError) as error:
            raise CompanyError(f"{where}: {error}.") from None
        company.forget_indexes()


def _build(company: Company, kind: str, given: Record) -> Record:
    number = int(company.state["NextTxnNumber"])
    day = datetime.fromisoformat(f"{given['TxnDate']}T09:00:00").replace(tzinfo=company.zone)
    created = (day + timedelta(seconds=number)).astimezone(UTC)
    record = forms.new_form(company, kind, given, created=created, lenient=True)
    total = forms.total_of(record)
    applied = abs(Decimal(given.get("AppliedAmount", "0")))
    if given.get("IsPaid") == "true" and not applied:
        applied = total
    forms.set_applied(record, kind, applied)
    for tag in ("TimeCreated", "TimeModified", "EditSequence", "LinkedTxn", "DataExtRet"):
        if tag in given:
            record[tag] = given[tag]
    sign = 1 if kind == "Invoice" else -1
    if record.get("IsPending") != "true":
        add_balance(company, record["CustomerRef"], sign * (total - applied), stamp=False)
    record["Subtotal"] = amount_text(Decimal(record["Subtotal"]))
    return record
