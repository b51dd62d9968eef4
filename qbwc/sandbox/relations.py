"""Who refers to a list object: carrying a new name to all of them, pointing them elsewhere, and removing an object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qbwc.sandbox.company import HIERARCHICAL, LISTS, full_name, reference
from qbwc.sandbox.errors import Record

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company


def carry_name(company: Company, kind: str, record: Record) -> None:
    """Carry the new name of an object to its children and to everything that refers to it."""
    if kind in HIERARCHICAL:
        for child in company.children(kind, record):
            child["FullName"] = f"{record['FullName']}:{child['Name']}"
            child["Sublevel"] = str(child["FullName"].count(":"))
            company.touch(child)
            carry_name(company, kind, child)
    for found in _references([company.data["lists"], company.data["transactions"]]):
        if found.get("ListID") == record["ListID"]:
            found["FullName"] = full_name(record)
    company.forget_indexes()


def point_elsewhere(company: Company, old: Record, new: Record) -> None:
    """Let everything that refers to one object refer to another."""
    for found in _references([company.data["lists"], company.data["transactions"]]):
        if found.get("ListID") == old["ListID"]:
            found.update(reference(new))


def is_used(company: Company, record: Record) -> bool:
    """Whether anything refers to an object, apart from itself."""
    others = [other for kind in LISTS for other in company.records(kind) if other is not record]
    found = _references([others, company.data["transactions"]])
    return any(one.get("ListID") == record["ListID"] for one in found)


def remove(company: Company, kind: str, record: Record) -> Record:
    """Take an object out of its list; what ListDeletedQuery will say of it comes back."""
    company.records(kind).remove(record)
    company.forget_indexes()
    ret = {
        "ListDelType": kind,
        "ListID": record["ListID"],
        "TimeDeleted": company.stamp(),
        "FullName": full_name(record),
    }
    company.state["DeletedListObjects"].append({**ret, "TimeCreated": record["TimeCreated"]})
    return ret


def _references(node: Any) -> Iterator[Record]:
    if isinstance(node, list):
        for inner in node:
            yield from _references(inner)
    elif isinstance(node, dict):
        for tag, value in node.items():
            if tag.endswith("Ref"):
                yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict))
            else:
                yield from _references(value)
