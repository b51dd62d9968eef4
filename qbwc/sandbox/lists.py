"""Requests that write lists: customers, services, the prices of items; and deleting a list object."""

from __future__ import annotations

import copy

from qbwc.sandbox.company import ITEMS, LISTS, NAMES, full_name, reference
from qbwc.sandbox.elements import Request
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.forms import address_block
from qbwc.sandbox.references import is_empty, resolve
from qbwc.sandbox.relations import carry_name, is_used, remove
from qbwc.sandbox.session import Work, not_found, stale
from qbwc.sandbox.writer import Outcome

_PRICED = ("SalesOrPurchase", "SalesAndPurchase")
_FLAGS = ("ApplyAccountRefToExistingTxns", "ApplyIncomeAccountRefToExistingTxns", "ForceUOMChange", "BarCode",
          "ApplyExpenseAccountRefToExistingTxns", "OpenBalance", "OpenBalanceDate")  # fmt: skip
_NEVER_EMPTY = frozenset(("Name", "IsActive", "SalesTaxCodeRef", "IncomeAccountRef", "ExpenseAccountRef", "AccountRef"))


def add_to_list(work: Work, request: Request) -> Outcome:
    """CustomerAdd, ItemServiceAdd."""
    kind = request.name.removesuffix("Add")
    given = _without_empty(request.body[request.name])
    company = work.company
    record: Record = {}
    parent = _parent(work, kind, given)
    _check_name(work, kind, given["Name"], parent, None)
    created = company.clock()
    fields = _resolved(work, kind, given)
    record["ListID"] = company.new_list_id(created)
    record["TimeCreated"] = record["TimeModified"] = company.stamp(created)
    record["EditSequence"] = str(int(created.timestamp()))
    record["IsActive"] = "true"
    record |= fields
    _place(record, parent)
    if kind == "Customer":
        record["Balance"] = record["TotalBalance"] = "0.00"
    for part in _PRICED:
        if part in record:
            _check_accounts(part, record[part])
    _complete_addresses(record)
    company.records(kind).append(record)
    company.forget_indexes()
    return _written(kind, record, request)


def change_in_list(work: Work, request: Request) -> Outcome:
    """CustomerMod, ItemServiceMod, ItemNonInventoryMod, ItemOtherChargeMod."""
    kind = request.name.removesuffix("Mod")
    given: Record = dict(request.body[request.name])
    company = work.company
    found = company.find((kind,), {"ListID": given.pop("ListID")})
    if found is None:
        raise not_found(request.body[request.name]["ListID"])
    current = found[1]
    work.session.refuse_if_locked(current["ListID"])
    sent = given.pop("EditSequence")
    if sent != current["EditSequence"]:
        raise stale(f"{kind}Ret", current, sent)
    record = copy.deepcopy(current)
    for tag in [tag for tag, value in given.items() if not tag.endswith("Mod") and is_empty(value)]:
        if tag in _NEVER_EMPTY:
            raise StatusError(3190, f"The field {tag} cannot be cleared.")
        record.pop(tag, None)
        del given[tag]
    parent = _parent(work, kind, given) if "ParentRef" in given else _current_parent(work, kind, record)
    if parent is not None and f"{full_name(parent)}:".startswith(f"{full_name(current)}:"):
        raise StatusError(3130, f'There is an invalid parent reference "{full_name(parent)}": it is the object itself.')
    if "Name" in given or "ParentRef" in given:
        _check_name(work, kind, str(given.get("Name", record["Name"])), parent, current["ListID"])
    prices = {part: given.pop(f"{part}Mod") for part in _PRICED if f"{part}Mod" in given}
    record |= _resolved(work, kind, given)
    for part, changes in prices.items():
        _change_prices(work, record, part, changes)
    renamed = _place(record, parent)
    _complete_addresses(record)
    current.clear()
    current.update(record)
    company.touch(current)
    company.forget_indexes()
    if renamed:
        carry_name(company, kind, current)
    return _written(kind, current, request)


def delete_from_list(work: Work, request: Request) -> Outcome:
    """ListDel: refused with 3160 while anything uses the object."""
    kind, list_id = request.body["ListDelType"], request.body["ListID"]
    company = work.company
    found = company.find((kind,), {"ListID": list_id}) if kind in LISTS else None
    if found is None:
        raise not_found(list_id)
    record = found[1]
    work.session.refuse_if_locked(list_id)
    if is_used(company, record):
        raise StatusError(3160, f'Cannot delete the object specified by the id = "{list_id}": it is in use.')
    return Outcome(rets=(("ListDelRet", remove(company, kind, record)),))


def _without_empty(given: Record) -> Record:
    return {tag: value for tag, value in given.items() if not is_empty(value)}


def _parent(work: Work, kind: str, given: Record) -> Record | None:
    wanted = given.pop("ParentRef", None)
    if wanted is None:
        return None
    found = work.company.find(ITEMS if kind in ITEMS else (kind,), wanted)
    if found is None:
        raise StatusError(3130, f'There is an invalid parent reference "{wanted.get("FullName") or wanted["ListID"]}".')
    return found[1]


def _current_parent(work: Work, kind: str, record: Record) -> Record | None:
    kinds = ITEMS if kind in ITEMS else (kind,)
    found = work.company.find(kinds, record["ParentRef"]) if "ParentRef" in record else None
    return found[1] if found else None


def _check_name(work: Work, kind: str, name: str, parent: Record | None, own_id: str | None) -> None:
    if ":" in name or not name.strip():
        raise StatusError(3090, f'There was an error when storing "{name}" in the "Name" field.')
    whole = f"{full_name(parent)}:{name}" if parent else name
    kinds = ITEMS if kind in ITEMS else NAMES if kind in NAMES else (kind,)
    found = work.company.find(kinds, {"FullName": whole})
    if found is not None and found[1]["ListID"] != own_id:
        raise StatusError(3100, f'The name "{name}" of the list element is already in use.')


def _resolved(work: Work, kind: str, given: Record) -> Record:
    """The fields of a request with their references completed; switches that store nothing are dropped."""
    fields: Record = {}
    for tag, value in given.items():
        if tag in _FLAGS:
            continue
        if isinstance(value, dict) and tag.endswith("Ref"):
            fields[tag] = resolve(work.company, tag, value, kind)
        elif isinstance(value, dict):
            fields[tag] = _resolved(work, kind, _without_empty(value))
        else:
            fields[tag] = value
    return fields


def _place(record: Record, parent: Record | None) -> bool:
    """Set FullName, ParentRef and Sublevel; true when the full name changed."""
    before = record.get("FullName")
    if parent is None:
        record.pop("ParentRef", None)
        record["FullName"] = record["Name"]
    else:
        record["ParentRef"] = reference(parent)
        record["FullName"] = f"{full_name(parent)}:{record['Name']}"
    record["Sublevel"] = str(record["FullName"].count(":"))
    return before is not None and before != record["FullName"]


def _complete_addresses(record: Record) -> None:
    for tag in ("BillAddress", "ShipAddress"):
        if tag in record:
            record[f"{tag}Block"] = address_block(record[tag])
        else:
            record.pop(f"{tag}Block", None)


def _check_accounts(part: str, prices: Record) -> None:
    needed = ("AccountRef",) if part == "SalesOrPurchase" else ("IncomeAccountRef", "ExpenseAccountRef")
    for tag in needed:
        if tag not in prices:
            raise StatusError(3270, f"The posting account is missing: {part} needs {tag}.")


def _change_prices(work: Work, record: Record, part: str, changes: Record) -> None:
    """Apply SalesOrPurchaseMod or SalesAndPurchaseMod; the first can become the second, never the other way."""
    other = _PRICED[1 - _PRICED.index(part)]
    if part not in record and other == "SalesAndPurchase":
        raise StatusError(3210, "An item that is bought and sold cannot become one that is only sold or only bought.")
    prices: Record = dict(record.get(part, {}))
    for tag, value in changes.items():
        if is_empty(value):
            if tag in _NEVER_EMPTY:
                raise StatusError(3190, f"The field {tag} cannot be cleared.")
            prices.pop(tag, None)
    prices |= _resolved(work, part, _without_empty(changes))
    if part not in record:
        old = record.pop(other, {})
        for new_tag, old_tag in (("SalesDesc", "Desc"), ("SalesPrice", "Price"), ("IncomeAccountRef", "AccountRef")):
            if old_tag in old:
                prices.setdefault(new_tag, old[old_tag])
        _check_accounts(part, prices)
    if "Price" in changes:
        prices.pop("PricePercent", None)
    if "PricePercent" in changes:
        prices.pop("Price", None)
    record[part] = prices


def _written(kind: str, record: Record, request: Request) -> Outcome:
    seen = {tag: value for tag, value in record.items() if tag != "DataExtRet"}
    return Outcome(rets=((f"{kind}Ret", seen),), keep=frozenset(request.body.get("IncludeRetElement", ())))
