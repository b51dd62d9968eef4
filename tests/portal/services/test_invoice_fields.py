"""What an organization's invoices carry: saved only when QuickBooks would take it, and told when it no longer would."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from portal.errors import NotFound, Refused
from portal.models import Organization
from portal.services import connections, mappings, retries
from portal.services.invoice_fields import InvoiceFields, get_invoice_fields, set_invoice_fields
from qbwc.models import ListObject
from qbwc.sandbox import by_hand

STUDIO = "Studio Lumière"
EMPTY = {"po_number": "", "class_list_id": "", "terms_list_id": "", "tax_code_list_id": "", "other1": "", "other2": ""}


def organization_id(month: Any, name: str = STUDIO) -> int:
    with month.portal.database.read() as db:
        return db.scalars(sa.select(Organization.id).filter_by(name=name)).one()


def list_id(month: Any, kind: str, name: str) -> str:
    with month.portal.database.read() as db:
        return db.scalars(sa.select(ListObject.list_id).filter_by(kind=kind, full_name=name)).one()


def save(month: Any, **fields: str) -> InvoiceFields:
    return set_invoice_fields(month.portal, month.connection_id, organization_id(month), **{**EMPTY, **fields})


def full(month: Any) -> dict[str, str]:
    return {
        "po_number": "PO 4471",
        "class_list_id": list_id(month, "class", "Services:Sur place"),
        "terms_list_id": list_id(month, "terms", "Net 15"),
        "tax_code_list_id": list_id(month, "tax-code", "E"),
        "other1": "{sku}",
        "other2": "{month} {po}",
    }


def made_for(month: Any, organization: str) -> dict[str, Any]:
    """The invoice in the company file."""
    number = month.draft(organization).ref_number
    return next(one for one in month.company()["transactions"]["Invoice"] if one.get("RefNumber") == number)


def test_the_fields_are_kept_and_reach_the_invoice(any_month: Any) -> None:
    fields = full(any_month)
    kept = save(any_month, **fields)
    assert {name: getattr(kept, name) for name in fields} == fields
    assert kept.problems == {}
    assert kept.names["class_list_id"] == "Services:Sur place"
    assert [one.name for one in kept.choices["class_list_id"]][:2] == ["Infonuagique", "Services"]
    any_month.bill()
    assert any_month.visit().went_well
    made = made_for(any_month, STUDIO)
    assert made["PONumber"] == "PO 4471"
    assert made["ClassRef"]["FullName"] == "Services:Sur place"
    assert made["TermsRef"]["FullName"] == "Net 15"
    line = made["lines"][0]
    assert line["SalesTaxCodeRef"]["FullName"] == "E"
    assert (line["Other1"], line["Other2"]) == ("SEC-EDR", "2026-10 PO 4471")


def test_emptied_fields_are_left_to_quickbooks(month: Any) -> None:
    save(month, **full(month))
    kept = save(month)
    assert {name: getattr(kept, name) for name in EMPTY} == EMPTY
    with month.portal.database.read() as db:
        row = db.get_one(Organization, organization_id(month))
        assert {getattr(row, name) for name in EMPTY} == {None}


def test_the_row_of_the_table_says_what_is_set_and_what_is_wrong(month: Any) -> None:
    (row,) = mappings.list_organizations(month.portal, 1, search=STUDIO).rows
    assert (row.has_fields, row.field_problems) == (False, ())
    save(month, po_number="1")
    (row,) = mappings.list_organizations(month.portal, 1, search=STUDIO).rows
    assert (row.has_fields, row.field_problems) == (True, ())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"po_number": "x" * 26}, "has 26 characters; QuickBooks keeps 25"),
        ({"po_number": "commande œuf"}, "cannot keep “œ” in a PO number"),
        ({"other1": "{sku"}, "{ is no placeholder"),
        ({"other2": "{skuu}"}, r"\{skuu\} is no placeholder. There are: \{offer\} \{sku\}"),
        ({"other1": "{quantity:>9}"}, "is no placeholder"),
        ({"other1": "x" * 201}, "has 201 characters"),
        ({"class_list_id": "80000000-1"}, "The class is no longer in QuickBooks"),
        ({"terms_list_id": "80000000-1"}, "The terms are no longer in QuickBooks"),
        ({"tax_code_list_id": "80000000-1"}, "The sales tax code is no longer in QuickBooks"),
    ],
)
def test_what_quickbooks_would_refuse_is_not_saved(month: Any, fields: dict[str, str], reason: str) -> None:
    save(month, po_number="before")
    with pytest.raises(Refused, match=reason):
        save(month, **fields)
    assert get_invoice_fields(month.portal, 1, organization_id(month)).po_number == "before"


def test_a_name_of_another_list_is_no_class(month: Any) -> None:
    with pytest.raises(Refused, match="The class is no longer"):
        save(month, class_list_id=list_id(month, "terms", "Net 15"))


def test_an_inactive_one_is_neither_offered_nor_saved(month: Any) -> None:
    old = list_id(month, "class", "Ancien secteur")
    with pytest.raises(Refused, match="The class is inactive"):
        save(month, class_list_id=old)
    kept = get_invoice_fields(month.portal, 1, organization_id(month))
    assert old not in [one.list_id for one in kept.choices["class_list_id"]]


def test_what_vanishes_later_is_shown_and_stops_its_invoice_alone_until_it_is_put_right(month: Any) -> None:
    """QuickBooks refuses the invoice whole (3140): nothing is written, and the others go on."""
    fields = {**full(month), "class_list_id": list_id(month, "class", "Téléphonie")}
    save(month, **fields)
    month.bill()

    def change(company: Any) -> None:
        by_hand.delete(company, "Class", "Téléphonie")
        by_hand.deactivate(company, "StandardTerms", "Net 15")

    month.edit(change)
    month.visit()
    assert month.states() == {"parked": 1, "reconciled": 11}
    waiting = month.draft(STUDIO)
    assert waiting.code == "3140"
    kept = get_invoice_fields(month.portal, 1, organization_id(month))
    assert {field: str(why).partition(".")[0] for field, why in kept.problems.items()} == {
        "class_list_id": "The class is no longer in QuickBooks",
        "terms_list_id": "The terms are inactive in QuickBooks",
    }
    assert (kept.names.get("class_list_id"), kept.names.get("terms_list_id")) == (None, "Net 15")
    (row,) = mappings.list_organizations(month.portal, 1, search=STUDIO).rows
    assert len(row.field_problems) == 2
    with pytest.raises(Refused, match="The class is no longer"):
        save(month, **{**fields, "po_number": "other"})
    save(month, po_number="PO 4471")
    retries.retry_draft(month.portal, 1, waiting.id)
    month.visit()
    assert month.states() == {"reconciled": 12}
    assert "ClassRef" not in made_for(month, STUDIO)


def test_another_partners_organization_does_not_exist(month: Any) -> None:
    made = connections.add_connection(
        month.portal, "Other", partner="Nordet Infogérance inc.", billing_mode="in-arrears", invoice_day=1
    )
    for number in (organization_id(month), 2**40):
        with pytest.raises(NotFound):
            get_invoice_fields(month.portal, made.id, number)
        with pytest.raises(NotFound):
            set_invoice_fields(month.portal, made.id, number, **EMPTY)
