"""Finding what a request names: references to lists, and the refusal that names what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qbwc.sandbox.company import reference, reference_kinds
from qbwc.sandbox.errors import Record, StatusError

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company

_WORDS = {"ItemRef": "Item", "CustomerSalesTaxCodeRef": "SalesTaxCode", "ItemGroupRef": "ItemGroup"}


def resolve(company: Company, tag: str, wanted: Record, what: str, *, lenient: bool = False) -> Record:
    """The full reference for what a request names. Raises 3140 naming the field and the thing that is missing."""
    kinds = reference_kinds(tag)
    found = company.find(kinds, wanted)
    name = wanted.get("ListID") or wanted.get("FullName", "")
    word = _WORDS.get(tag, tag.removesuffix("Ref"))
    text = f'There is an invalid reference to QuickBooks {word} "{name}" in the {what}. QuickBooks error message: '
    if found is None:
        raise StatusError(3140, f"{text}The specified record does not exist in the list.")
    if found[1].get("IsActive") == "false" and not lenient:
        raise StatusError(3140, f"{text}The specified record is inactive.")
    if tag == "ARAccountRef" and found[1].get("AccountType") != "AccountsReceivable":
        raise StatusError(3140, f"{text}The account is not an accounts receivable account.")
    if tag == "TemplateRef" and found[1].get("TemplateType") != what.replace(" ", ""):
        raise StatusError(3140, f"{text}The template is of another type.")
    return reference(found[1])


def is_empty(value: object) -> bool:
    """Whether a value was sent empty, which clears a field: no text, or a reference or address without any."""
    return not any(value.values()) if isinstance(value, dict) else value == ""
