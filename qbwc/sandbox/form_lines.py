"""The lines of a form: completing new ones, and the rules by which a Mod replaces the stored ones."""

from __future__ import annotations

import copy
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from qbwc.sandbox.company import reference
from qbwc.sandbox.errors import Record, StatusError
from qbwc.sandbox.extensions import new_value
from qbwc.sandbox.money import quantity_text
from qbwc.sandbox.pricing import item_of, price_line
from qbwc.sandbox.references import is_empty, resolve
from qbwc.sandbox.taxes import line_tax_code

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

_MONEY = ("Quantity", "Rate", "RatePercent", "Amount")
_REFS = ("ItemRef", "ClassRef", "SalesTaxCodeRef", "PriceLevelRef", "OverrideItemAccountRef")
_COPIED = (*_MONEY, "Desc", "UnitOfMeasure", "ServiceDate", "Other1", "Other2", "SerialNumber", "LotNumber")
_CLEARABLE = frozenset(("Desc", "ServiceDate", "Other1", "Other2", "ClassRef", "UnitOfMeasure"))
NEW = "-1"


def new_lines(
    company: Company,
    kind: str,
    form: Record,
    given: list[Record],
    created: datetime,
    warnings: list[str],
    *,
    lenient: bool = False,
) -> list[Record]:
    """Complete the lines of a new form; groups are unfolded."""
    lines = []
    for line in given:
        if line["kind"].endswith("Group"):
            lines.append(_new_group(company, kind, form, line, created, lenient))
        else:
            lines.append(_new_line(company, kind, form, line, created, warnings, lenient))
    return lines


def _new_line(
    company: Company, kind: str, form: Record, given: Record, created: datetime, warnings: list[str], lenient: bool
) -> Record:
    sent = {tag: value for tag, value in given.items() if not is_empty(value)}
    line: Record = {"kind": f"{kind}Line"}
    _apply(company, kind, line, sent, lenient)
    _default(company, form, line, {"Desc", *sent} if "Desc" in given else set(sent))
    price_line(line, item_of(company, line), warnings)
    if "DataExt" in sent:
        line["DataExtRet"] = [new_value(company, ext) for ext in sent["DataExt"]]
    line["TxnLineID"] = sent.get("TxnLineID") if lenient and "TxnLineID" in sent else company.new_txn_id(created)
    return line


def _apply(company: Company, kind: str, line: Record, sent: Record, lenient: bool = False) -> None:
    what = "Credit Memo line" if kind == "CreditMemo" else f"{kind} line"
    if "PriceLevelRef" in sent:
        resolve(company, "PriceLevelRef", sent["PriceLevelRef"], what)
    for tag in _REFS:
        if tag in sent and tag not in ("PriceLevelRef", "OverrideItemAccountRef"):
            line[tag] = resolve(company, tag, sent[tag], what, lenient=lenient)
    for tag in _COPIED:
        if tag in sent:
            line[tag] = sent[tag]
    item = item_of(company, line)
    if item is not None and item.kind in ("Group", "SalesTax", "SalesTaxGroup"):
        name = line["ItemRef"]["FullName"]
        raise StatusError(3280, f'The item "{name}" is of a type that cannot stand on a plain line: {item.kind}.')


def _default(company: Company, form: Record, line: Record, sent: set[str]) -> None:
    """What a line takes from its item, its form and the company when it was not sent."""
    item = item_of(company, line)
    if item is None:
        return
    if "Desc" not in sent and item.description:
        line["Desc"] = item.description
    if "SalesTaxCodeRef" not in sent:
        found = company.find(("Customer",), form["CustomerRef"])
        code = line_tax_code(company, item, found[1] if found else {})
        if code is not None:
            line["SalesTaxCodeRef"] = code
    if "ClassRef" not in sent and "ClassRef" in form and item.kind != "Subtotal":
        line["ClassRef"] = form["ClassRef"]


def _new_group(company: Company, kind: str, form: Record, given: Record, created: datetime, lenient: bool) -> Record:
    what = "Credit Memo line" if kind == "CreditMemo" else f"{kind} line"
    if is_empty(given.get("ItemGroupRef", "")):
        raise StatusError(3150, "A new group line needs ItemGroupRef.")
    wanted = resolve(company, "ItemGroupRef", given["ItemGroupRef"], what, lenient=lenient)
    item = next(record for record in company.records("ItemGroup") if record["ListID"] == wanted["ListID"])
    quantity = Decimal(given.get("Quantity") or "1")
    group: Record = {"kind": f"{kind}LineGroup", "TxnLineID": company.new_txn_id(created)}
    group["ItemGroupRef"] = reference(item)
    if item.get("ItemDesc"):
        group["Desc"] = item["ItemDesc"]
    if given.get("Quantity"):
        group["Quantity"] = quantity_text(quantity)
    group["IsPrintItemsInGroup"] = item.get("IsPrintItemsInGroup", "false")
    group["lines"] = []
    for part in item.get("ItemGroupLine", []):
        count = quantity * Decimal(part.get("Quantity") or "1")
        line = {"kind": f"{kind}Line", "ItemRef": part["ItemRef"], "Quantity": quantity_text(count)}
        group["lines"].append(_new_line(company, kind, form, line, created, [], lenient=True))
    return group


def replace_lines(
    company: Company, kind: str, form: Record, stored: list[Record], given: list[Record], warnings: list[str]
) -> list[Record]:
    """The lines after a Mod: those listed, kept or changed, then the new ones; a stored line not listed is gone.

    Raises 3290 when kept lines are not in stored order or a new line stands before a kept one, 3120 for a line that
    the form does not have.
    """
    places = {line["TxnLineID"]: at for at, line in enumerate(stored)}
    lines: list[Record] = []
    last, new_seen = -1, False
    for sent in given:
        line_id = sent["TxnLineID"]
        if line_id == NEW:
            new_seen = True
            created = company.clock()
            adder = _new_group if sent["kind"].endswith("Group") else None
            lines.append(
                adder(company, kind, form, sent, created, False)
                if adder
                else _new_line(company, kind, form, sent, created, warnings, False)
            )
            continue
        if line_id not in places:
            raise StatusError(3120, f'Object "{line_id}" specified in the request cannot be found: no such line.')
        if places[line_id] <= last or new_seen:
            raise StatusError(
                3290, "The lines of the transaction are not in their stored order, or a new one is first."
            )
        last = places[line_id]
        lines.append(_changed_line(company, kind, form, copy.deepcopy(stored[last]), sent, warnings))
    return lines


def _changed_line(company: Company, kind: str, form: Record, line: Record, sent: Record, warnings: list[str]) -> Record:
    if sent["kind"] != line["kind"]:
        raise StatusError(3191, f"The line {line['TxnLineID']} is a {line['kind']}, not a {sent['kind']}.")
    if line["kind"].endswith("Group"):
        return _changed_group(company, kind, form, line, sent, warnings)
    changes = {tag: value for tag, value in sent.items() if tag not in ("kind", "TxnLineID")}
    for tag in [tag for tag, value in changes.items() if is_empty(value)]:
        if tag not in _CLEARABLE:
            raise StatusError(3190, f"The field {tag} of a line cannot be cleared.")
        line.pop(tag, None)
        del changes[tag]
    if not changes:
        return line
    before = item_of(company, line)
    _forget_price(line, changes)
    _apply(company, kind, line, changes)
    if "ItemRef" in changes:
        _default(company, form, line, set(changes))
    if any(tag in changes for tag in ("ItemRef", *_MONEY)) or before is None:
        price_line(line, item_of(company, line), warnings)
    return line


def _forget_price(line: Record, changes: Record) -> None:
    """Drop the stored figures that no longer hold once others were sent."""
    sent = {tag for tag in (*_MONEY, "ItemRef") if tag in changes}
    if "ItemRef" in sent:
        for tag in ("Rate", "RatePercent", "Amount"):
            line.pop(tag, None)
    if "Amount" in sent:
        for tag in ("Rate", "RatePercent"):
            line.pop(tag, None)
    elif sent & {"Rate", "RatePercent", "Quantity"}:
        line.pop("Amount", None)
        if "Rate" in sent:
            line.pop("RatePercent", None)
        if "RatePercent" in sent:
            line.pop("Rate", None)


def _changed_group(
    company: Company, kind: str, form: Record, line: Record, sent: Record, warnings: list[str]
) -> Record:
    if sent.get("ItemGroupRef") and sent["ItemGroupRef"].get("ListID") not in (None, line["ItemGroupRef"]["ListID"]):
        raise StatusError(3191, "The item of a group line cannot be changed: delete the line and add another.")
    if sent.get("lines"):
        line["lines"] = replace_lines(company, kind, form, line["lines"], sent["lines"], warnings)
    if sent.get("Quantity"):
        old, new = Decimal(line.get("Quantity") or "1"), Decimal(sent["Quantity"])
        line["Quantity"] = quantity_text(new)
        for part in line["lines"] if old and not sent.get("lines") else ():
            if part.get("Quantity"):
                part["Quantity"] = quantity_text(Decimal(part["Quantity"]) * new / old)
                part.pop("Amount", None)
                price_line(part, item_of(company, part), warnings)
    return line
