"""What an organization's invoices carry beside the lines' figures: PO number, class, terms, tax code, custom columns.

Class, terms and tax code are ListIDs of mirrored objects. QuickBooks refuses an invoice that names one which is gone or
inactive (status 3140), so such a one is not saved, and is shown where it was saved before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing import description
from portal.errors import NotFound, Refused, Sentence, Stale
from portal.models import InvoiceMode, Organization
from portal.services import Portal, quickbooks
from portal.services.connections import HIGHEST_ID
from portal.services.targets import Choice, load_targets
from qbwc.models import ListObject

LONGEST_PO, LONGEST_TEMPLATE = 25, 200
LISTS: Mapping[str, str] = {"class_list_id": "class", "terms_list_id": "terms", "tax_code_list_id": "tax-code"}
"""The fields that name an object of QuickBooks, each with its list."""

_GONE = {
    "class": Sentence("The class is no longer in QuickBooks. Choose another one, or none."),
    "terms": Sentence("The terms are no longer in QuickBooks. Choose others, or none."),
    "tax-code": Sentence("The sales tax code is no longer in QuickBooks. Choose another one, or none."),
}
_INACTIVE = {
    "class": Sentence("The class is inactive in QuickBooks. Make it active there, or choose another one, or none."),
    "terms": Sentence("The terms are inactive in QuickBooks. Make them active there, or choose others, or none."),
    "tax-code": Sentence(
        "The sales tax code is inactive in QuickBooks. Make it active there, or choose another one, or none."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFields:
    """The fields of an organization, empty where QuickBooks decides; `version` changes with any of them.

    `names` and `problems` are by field: what QuickBooks calls the chosen object (none when it is gone), and why it
    cannot be used. `choices` are what may be chosen.
    """

    id: int
    name: str
    version: str
    mode: InvoiceMode
    po_number: str
    class_list_id: str
    terms_list_id: str
    tax_code_list_id: str
    other1: str
    other2: str
    names: Mapping[str, str]
    problems: Mapping[str, Sentence]
    choices: Mapping[str, tuple[Choice, ...]]


def get_invoice_fields(portal: Portal, connection_id: int, organization_id: int) -> InvoiceFields:
    """The fields of one organization. Raises NotFound."""
    with portal.database.read() as db:
        row = _find(db, connection_id, organization_id)
        kept = _load(db, connection_id, [row])
        chosen = {field: kept.get((kind, getattr(row, field))) for field, kind in LISTS.items()}
        return InvoiceFields(
            id=row.id,
            name=row.name,
            version=_version(row),
            mode=row.mode,
            po_number=row.po_number or "",
            class_list_id=row.class_list_id or "",
            terms_list_id=row.terms_list_id or "",
            tax_code_list_id=row.tax_code_list_id or "",
            other1=row.other1 or "",
            other2=row.other2 or "",
            names={field: one.full_name for field, one in chosen.items() if one is not None},
            problems=_problems(row, kept),
            choices={field: _choices(db, connection_id, kind) for field, kind in LISTS.items()},
        )


def set_invoice_fields(
    portal: Portal,
    connection_id: int,
    organization_id: int,
    *,
    po_number: str,
    class_list_id: str,
    terms_list_id: str,
    tax_code_list_id: str,
    other1: str,
    other2: str,
    seen: str | None = None,
) -> InvoiceFields:
    """Set the fields of one organization; empty leaves it to QuickBooks. Raises NotFound, or Refused naming the field.

    Raises Stale when they are not those of the version `seen` any more.

    The PO number has 25 characters at most. `other1` and `other2` are templates (see `portal.billing.description`).
    """
    po_number = check_po_number(po_number)
    other1, other2 = check_template(other1), check_template(other2)
    wanted = {"class_list_id": class_list_id, "terms_list_id": terms_list_id, "tax_code_list_id": tax_code_list_id}
    with portal.database.write() as db:
        row = _find(db, connection_id, organization_id)
        if seen is not None and _version(row) != seen:
            raise Stale(
                "Somebody changed these fields while this page was open, so nothing was saved. Compare yours with what "
                "is saved now, then save again."
            )
        for field, list_id in wanted.items():
            _require(db, connection_id, LISTS[field], list_id)
            setattr(row, field, list_id or None)
        row.po_number, row.other1, row.other2 = po_number or None, other1 or None, other2 or None
    return get_invoice_fields(portal, connection_id, organization_id)


def _version(row: Organization) -> str:
    told = [getattr(row, name) or "" for name in ("po_number", *LISTS, "other1", "other2")]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def field_problems(
    db: orm.Session, connection_id: int, rows: Iterable[Organization]
) -> dict[int, tuple[Sentence, ...]]:
    """What is wrong with the fields of organizations, by their ids; those in order are left out."""
    rows = list(rows)
    kept = _load(db, connection_id, rows)
    return {row.id: tuple(found.values()) for row in rows if (found := _problems(row, kept))}


def check_po_number(text: str) -> str:
    """The PO number on one line. Raises Refused for one that QuickBooks would not keep as it is."""
    text = " ".join(text.split())
    if len(text) > LONGEST_PO:
        raise Refused(
            "The PO number has %(count)s characters; QuickBooks keeps %(most)s at most.",
            count=len(text),
            most=LONGEST_PO,
        )
    if lost := "".join(before for before, _ in quickbooks.text_changes([text])):
        raise Refused("QuickBooks cannot keep “%(characters)s” in a PO number. Leave it out.", characters=lost)
    return text


def check_template(text: str) -> str:
    """The template of a custom column on one line. Raises Refused for one that is too long or cannot be filled in."""
    text = " ".join(text.split())
    if len(text) > LONGEST_TEMPLATE:
        raise Refused(
            "The template has %(count)s characters; %(most)s is the most.", count=len(text), most=LONGEST_TEMPLATE
        )
    try:
        description.check(text)
    except description.TemplateError as error:
        known = " ".join("{" + name + "}" for name in description.PLACEHOLDERS)
        raise Refused(
            "The custom column cannot be filled in: %(found)s is no placeholder. There are: %(known)s.",
            found=error.found,
            known=known,
        ) from None
    return text


def _find(db: orm.Session, connection_id: int, organization_id: int) -> Organization:
    wanted = sa.select(Organization).filter_by(id=min(organization_id, HIGHEST_ID), connection_id=connection_id)
    row = db.scalar(wanted)
    if row is None:
        raise NotFound("This organization does not exist here.")
    return row


def _require(db: orm.Session, connection_id: int, kind: str, list_id: str) -> None:
    if not list_id:
        return
    found = load_targets(db, connection_id, kind, {list_id}).get(list_id)
    if found is None:
        raise Refused(_GONE[kind].template)
    if not found.is_active:
        raise Refused(_INACTIVE[kind].template)


Kept = Mapping[tuple[str, str], ListObject]


def _load(db: orm.Session, connection_id: int, rows: Iterable[Organization]) -> Kept:
    """The objects that organizations name, by list and ListID."""
    rows = list(rows)
    kept: dict[tuple[str, str], ListObject] = {}
    for field, kind in LISTS.items():
        wanted = {list_id for row in rows if (list_id := getattr(row, field))}
        found = load_targets(db, connection_id, kind, wanted)
        kept.update(((kind, list_id), one) for list_id, one in found.items())
    return kept


def _problems(row: Organization, kept: Kept) -> dict[str, Sentence]:
    problems = {}
    for field, kind in LISTS.items():
        list_id = getattr(row, field)
        if not list_id:
            continue
        found = kept.get((kind, list_id))
        if found is None:
            problems[field] = _GONE[kind]
        elif not found.is_active:
            problems[field] = _INACTIVE[kind]
    return problems


def _choices(db: orm.Session, connection_id: int, kind: str) -> tuple[Choice, ...]:
    query = (
        sa.select(ListObject)
        .filter_by(connection_id=connection_id, kind=kind, is_active=True)
        .order_by(sa.func.lower(ListObject.full_name), ListObject.id)
    )
    return tuple(
        Choice(list_id=row.list_id, name=row.full_name, detail=str(row.data.get("desc") or ""))
        for row in db.scalars(query)
    )
