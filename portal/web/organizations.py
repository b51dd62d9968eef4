"""Organizations: which QuickBooks customer each one is, and how its invoices are made and what they carry."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.billing.description import PLACEHOLDERS
from portal.errors import PortalError, Refused, Sentence
from portal.models import InvoiceMode
from portal.services import invoice_fields, mappings
from portal.services.suggestions import advise_organizations, use_customers
from portal.web import suggestions
from portal.web.access import EVERYONE, WRITERS, allowed, may, portal_of_app
from portal.web.choices import MOST_CHOICES, cut, read_filter, resolve_customer
from portal.web.words import msgid

blueprint = Blueprint("organizations", __name__)
_LISTS = {"class_list_id": msgid("Class"), "terms_list_id": msgid("Terms"), "tax_code_list_id": msgid("Sales tax code")}
_FIELDS = ("po_number", *_LISTS, "other1", "other2")


@blueprint.get("/connections/<int:connection_id>/organizations")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The table of organizations."""
    return _page(connection_id, {})


@blueprint.post("/connections/<int:connection_id>/organizations")
@allowed(*WRITERS)
def save(connection_id: int) -> ResponseReturnValue:
    """Save the rows that were changed; a row that cannot be saved comes back with its reason."""
    saved, problems = 0, {}
    known = {row.id: row for row in mappings.list_organizations(portal_of_app(), connection_id).rows}
    for row_id in request.form.getlist("row", type=int):
        if row_id not in known or _posted(row_id) == request.form.get(f"was-{row_id}"):
            continue
        try:
            _save_row(connection_id, known[row_id])
            saved += 1
        except PortalError as error:
            problems[row_id] = error.sentence
    if saved:
        flash(ngettext("%(num)s organization saved.", "%(num)s organizations saved.", saved), "success")
    if problems:
        return _page(connection_id, problems), 400
    wanted = read_filter()
    return redirect(url_for(".index", connection_id=connection_id, page=wanted.page, **wanted.values), 303)


@blueprint.get("/connections/<int:connection_id>/organizations/suggestions")
@allowed(*WRITERS)
def review(connection_id: int) -> ResponseReturnValue:
    """The answers for organizations without customer, to be ticked."""
    return render_template(
        "suggestions.html",
        screen="organizations",
        review=suggestions.review(advise_organizations(portal_of_app(), connection_id)),
        why=suggestions.why_customer,
        others=suggestions.others,
    )


@blueprint.post("/connections/<int:connection_id>/organizations/suggestions")
@allowed(*WRITERS)
def use(connection_id: int) -> ResponseReturnValue:
    """Map the rows that were picked, and no others."""
    chosen = suggestions.read_chosen()
    used = use_customers(portal_of_app(), connection_id, chosen)
    if used.applied:
        flash(ngettext("%(num)s organization saved.", "%(num)s organizations saved.", used.applied), "success")
    suggestions.tell(used)
    return redirect(suggestions.way_back("organizations", connection_id, chosen), 303)


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
        saved = invoice_fields.set_invoice_fields(portal_of_app(), connection_id, organization_id, **posted)
    except Refused as error:
        return _fields_page(connection_id, organization_id, error.sentence), 400
    flash(_("%(name)s was saved.", name=saved.name), "success")
    return redirect(url_for(".index", connection_id=connection_id, _anchor=f"organization-{saved.id}"), 303)


def _fields_page(connection_id: int, organization_id: int, problem: Sentence | None) -> str:
    return render_template(
        "organization.html",
        fields=invoice_fields.get_invoice_fields(portal_of_app(), connection_id, organization_id),
        form=request.form if problem else None,
        problem=problem,
        labels=_LISTS,
        longest_po=invoice_fields.LONGEST_PO,
        longest_template=invoice_fields.LONGEST_TEMPLATE,
        placeholders=PLACEHOLDERS,
    )


def _posted(row_id: int) -> str:
    name, mode = request.form.get(f"name-{row_id}", "").strip(), request.form.get(f"mode-{row_id}", "")
    return f"{name}|{mode}|{'on' if f'sync-{row_id}' in request.form else 'off'}"


def _save_row(connection_id: int, row: mappings.OrganizationRow) -> None:
    portal = portal_of_app()
    name = request.form.get(f"name-{row.id}", "").strip()
    list_id = row.customer_list_id if name == (row.customer_name or "") else None
    if name and list_id is None:
        list_id = resolve_customer(partial(mappings.customer_choices, portal, connection_id), name)
    mode = request.form.get(f"mode-{row.id}", "")
    if mode not in set(InvoiceMode):
        raise Refused("Choose whether a separate invoice is created or the unsent one is updated.")
    mappings.map_organization(
        portal,
        connection_id,
        row.id,
        customer_list_id=list_id,
        mode=InvoiceMode(mode),
        is_synchronized=f"sync-{row.id}" in request.form,
    )


def _page(connection_id: int, problems: dict[int, Sentence]) -> str:
    portal, wanted = portal_of_app(), read_filter()
    found = mappings.list_organizations(
        portal, connection_id, search=wanted.search, only_unmapped=wanted.only_unmapped, only_id=wanted.only_id
    )
    return render_template(
        "organizations.html",
        found=found,
        slice=cut(found.rows, wanted.page),
        wanted=wanted,
        problems=problems,
        modes=InvoiceMode,
        advised=advise_organizations(portal, connection_id) if may("organizations.use") else None,
        suggestions=suggestions,
        why=suggestions.why_customer,
        choices=mappings.customer_choices(portal, connection_id, limit=MOST_CHOICES),
        link=partial(url_for, ".index", connection_id=connection_id),
    )
