"""The cells of a mapping file as the values of a row: what each says, or why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.billing.description import PLACEHOLDERS
from portal.errors import Refused
from portal.models import LONGEST_KEY, InvoiceMode, Offer, Organization
from portal.services.csv_plan import WrongCell
from portal.services.invoice_fields import LONGEST_TEMPLATE, check_po_number, check_template
from portal.services.mapping_cells import OPTIONAL, Cells
from portal.services.mapping_sides import OFFERS, Side

FIELD_COLUMNS: Mapping[str, tuple[str, str]] = {
    "class": ("class_list_id", "class"),
    "terms": ("terms_list_id", "terms"),
    "tax": ("tax_code_list_id", "tax-code"),
}
"""Columns that a file may lack: the field of the organization that each one is, and the list it names."""
_TEMPLATES = ("other1", "other2")
_YES = {
    **dict.fromkeys(("yes", "oui", "true", "vrai", "1"), True),
    **dict.fromkeys(("no", "non", "false", "faux", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Named:
    """An object of the mirror."""

    list_id: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What is there: rows by side and key, and the mirror by name and by ListID."""

    rows: Mapping[tuple[str, str], Offer | Organization]
    by_name: Mapping[str, Mapping[str, Named]]
    by_id: Mapping[str, Mapping[str, str]]


def read_values(known: Known, side: Side, cells: Cells, before: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row as its cells have them; a cell that leaves what is there takes it from `before`.

    Raises WrongCell.
    """
    values = {**before, side.field: _target_id(cells, known, side, before[side.field]), "is_synchronized": _sync(cells)}
    if side is not OFFERS:
        return {**values, "mode": _mode(cells, before["mode"]), **_fields(cells, known, before)}
    for column in OPTIONAL:
        if cells[column]:
            raise WrongCell(
                column,
                Refused(
                    "%(file)s, line %(line)s: column %(column)s is for organizations. Leave it empty for an offer.",
                    column=column,
                ),
            )
    return values


def read_key(side: Side, cells: Cells) -> str:
    """What a row is found by. Raises WrongCell."""
    key = cells["key"] or cells["name"]
    if not key and side is OFFERS:
        raise WrongCell("key", Refused("%(file)s, line %(line)s: an offer needs a key."))
    if not key:
        raise WrongCell("name", Refused("%(file)s, line %(line)s: an organization needs a name."))
    if len(key) > LONGEST_KEY:
        raise WrongCell(
            "key" if cells["key"] else "name",
            Refused(
                "%(file)s, line %(line)s: a key of %(count)s characters is too long; %(most)s is the most.",
                count=len(key),
                most=LONGEST_KEY,
            ),
        )
    return key


def _target_id(cells: Cells, known: Known, side: Side, before: str | None) -> str | None:
    wanted = cells["quickbooks"]
    if wanted is None:
        return before
    if not wanted:
        return None
    if before and known.by_id[side.kind].get(before, "").casefold() == wanted.casefold():
        return before
    found = known.by_name[side.kind].get(wanted.casefold())
    if found is not None:
        return found.list_id
    if side is OFFERS:
        raise WrongCell(
            "quickbooks",
            Refused(
                "%(file)s, line %(line)s: QuickBooks has no item “%(name)s”. Write its full name as QuickBooks shows "
                "it, with parents, such as Parent:Child.",
                name=wanted,
            ),
        )
    raise WrongCell(
        "quickbooks",
        Refused(
            "%(file)s, line %(line)s: QuickBooks has no customer “%(name)s”. Write its full name as QuickBooks shows "
            "it, with parents, such as Parent:Child.",
            name=wanted,
        ),
    )


def _sync(cells: Cells) -> bool:
    said = cells["sync"] or ""
    if said.casefold() not in _YES:
        raise WrongCell("sync", Refused("%(file)s, line %(line)s: sync is “%(sync)s”: write yes or no.", sync=said))
    return _YES[said.casefold()]


def _mode(cells: Cells, before: InvoiceMode | None) -> InvoiceMode:
    said = cells["mode"] or ""
    try:
        return InvoiceMode(said.casefold() or before or InvoiceMode.CREATE)
    except ValueError:
        raise WrongCell(
            "mode", Refused("%(file)s, line %(line)s: mode is “%(mode)s”: write create or update.", mode=said)
        ) from None


def _fields(cells: Cells, known: Known, before: dict[str, Any]) -> dict[str, Any]:
    """What the invoices carry. An object that is inactive may stay where it is, but not be chosen."""
    values: dict[str, Any] = {}
    if cells["po"] is not None:
        try:
            values["po_number"] = check_po_number(cells["po"]) or None
        except Refused:
            raise WrongCell(
                "po",
                Refused(
                    "%(file)s, line %(line)s: “%(po)s” cannot be a PO number in QuickBooks: 25 characters at most, and "
                    "none that it cannot keep.",
                    po=cells["po"],
                ),
            ) from None
    for column, (field, kind) in FIELD_COLUMNS.items():
        wanted = cells[column]
        if wanted is None:
            continue
        named = known.by_name[kind].get(wanted.casefold())
        if wanted and (named is None or not (named.is_active or named.list_id == before[field])):
            raise WrongCell(
                column,
                Refused(
                    "%(file)s, line %(line)s, column %(column)s: QuickBooks has no active “%(name)s” in this list. "
                    "Write it as QuickBooks shows it, or leave the cell empty.",
                    column=column,
                    name=wanted,
                ),
            )
        values[field] = named.list_id if named and wanted else None
    return values | {
        column: _template(column, wanted) for column in _TEMPLATES if (wanted := cells[column]) is not None
    }


def _template(column: str, wanted: str) -> str | None:
    try:
        return check_template(wanted) or None
    except Refused:
        raise WrongCell(
            column,
            Refused(
                "%(file)s, line %(line)s, column %(column)s: “%(template)s” cannot be a template: %(most)s characters "
                "at most, and no placeholders but %(known)s.",
                column=column,
                template=wanted,
                most=LONGEST_TEMPLATE,
                known=" ".join("{" + name + "}" for name in PLACEHOLDERS),
            ),
        ) from None
