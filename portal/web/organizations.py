"""Organizations: which QuickBooks customer each one is, and how its invoices are made and what they carry."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.billing.description import PLACEHOLDERS
from portal.errors import PortalError, Refused, Stale
from portal.services import invoice_fields, mappings
from portal.services.mapping_sides import ORGANIZATIONS
from portal.services.suggestions import advise_organizations, use_customers
from portal.web import bulk, mapping_table, suggestions
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app
from portal.web.errors import status_of
from portal.web.mapping_table import Screen
from portal.web.words import msgid

blueprint = Blueprint("organizations", __name__)
SCREEN = Screen(
    name="organizations",
    side=ORGANIZATIONS,
    load=mappings.load_organizations,
    save=mappings.save_organizations,
    advise=advise_organizations,
    use=use_customers,
    why=suggestions.why_customer,
    tell_saved=mapping_table.tell_organizations,
)
_LISTS = {"class_list_id": msgid("Class"), "terms_list_id": msgid("Terms"), "tax_code_list_id": msgid("Sales tax code")}
_FIELDS = ("po_number", *_LISTS, "other1", "other2")


@blueprint.get("/connections/<int:connection_id>/organizations")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The table of organizations."""
    return mapping_table.page(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/organizations")
@allowed(*WRITERS)
def save(connection_id: int) -> ResponseReturnValue:
    """Save the rows that were changed; with `synchronize`, also have QuickBooks' lists read at the next visit."""
    return mapping_table.save(connection_id, SCREEN)


@blueprint.get("/connections/<int:connection_id>/organizations/suggestions")
@allowed(*WRITERS)
def review(connection_id: int) -> ResponseReturnValue:
    """The answers for organizations without customer, to be ticked."""
    return mapping_table.review(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/organizations/suggestions")
@allowed(*WRITERS)
def use(connection_id: int) -> ResponseReturnValue:
    """Map the rows that were picked, and no others."""
    return mapping_table.use(connection_id, SCREEN)


@blueprint.get("/connections/<int:connection_id>/organizations/advice")
@allowed(*WRITERS)
def advice(connection_id: int) -> ResponseReturnValue:
    """The suggestions for a page that was shown without them."""
    return mapping_table.advice(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/organizations/bulk")
@allowed(*WRITERS)
def ask_bulk(connection_id: int) -> ResponseReturnValue:
    """Show what one change to many organizations would do."""
    return bulk.ask(connection_id, SCREEN)


@blueprint.post("/connections/<int:connection_id>/organizations/bulk/apply")
@allowed(*WRITERS)
def apply_bulk(connection_id: int) -> ResponseReturnValue:
    """Do it."""
    return bulk.apply(connection_id, SCREEN)


@blueprint.get("/connections/<int:connection_id>/organizations/<int:organization_id>")
@allowed(*EVERYONE)
def show(connection_id: int, organization_id: int) -> ResponseReturnValue:
    """What the invoices of one organization carry."""
    return _fields_page(connection_id, organization_id, None)


@blueprint.post("/connections/<int:connection_id>/organizations/<int:organization_id>")
@allowed(*WRITERS)
def set_fields(connection_id: int, organization_id: int) -> ResponseReturnValue:
    """Save what the invoices of one organization carry, or come back with the reason and what was typed."""
    posted = {name: request.form.get(name, "").strip() for name in _FIELDS}
    try:
        saved = invoice_fields.set_invoice_fields(
            portal_of_app(), connection_id, organization_id, seen=request.form.get("seen"), **posted
        )
    except (Refused, Stale) as error:
        return _fields_page(connection_id, organization_id, error), status_of(error)
    flash(_("%(name)s was saved.", name=saved.name), "success")
    return redirect(url_for(".index", connection_id=connection_id, row=saved.id), 303)


def _fields_page(connection_id: int, organization_id: int, error: PortalError | None) -> str:
    return render_template(
        "organization.html",
        fields=invoice_fields.get_invoice_fields(portal_of_app(), connection_id, organization_id),
        form=request.form if error else None,
        problem=error.sentence if error else None,
        is_stale=isinstance(error, Stale),
        labels=_LISTS,
        longest_po=invoice_fields.LONGEST_PO,
        longest_template=invoice_fields.LONGEST_TEMPLATE,
        placeholders=PLACEHOLDERS,
    )
