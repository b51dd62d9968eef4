"""Offers: which QuickBooks item each one is billed as, and whether it is synchronized."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext

from portal.errors import PortalError, Sentence
from portal.services import mappings
from portal.services.suggestions import advise_offers, use_items
from portal.web import suggestions
from portal.web.access import EVERYONE, WRITERS, allowed, may, portal_of_app
from portal.web.choices import MOST_CHOICES, cut, read_filter, resolve_item

blueprint = Blueprint("offers", __name__)


@blueprint.get("/connections/<int:connection_id>/offers")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The table of offers."""
    return _page(connection_id, {})


@blueprint.post("/connections/<int:connection_id>/offers")
@allowed(*WRITERS)
def save(connection_id: int) -> ResponseReturnValue:
    """Save the rows that were changed; a row that cannot be saved comes back with its reason."""
    saved, problems = 0, {}
    known = {row.id: row for row in mappings.list_offers(portal_of_app(), connection_id).rows}
    for row_id in request.form.getlist("row", type=int):
        if row_id not in known or _posted(row_id) == request.form.get(f"was-{row_id}"):
            continue
        try:
            _save_row(connection_id, known[row_id])
            saved += 1
        except PortalError as error:
            problems[row_id] = error.sentence
    if saved:
        flash(ngettext("%(num)s offer saved.", "%(num)s offers saved.", saved), "success")
    if problems:
        return _page(connection_id, problems), 400
    wanted = read_filter()
    return redirect(url_for(".index", connection_id=connection_id, page=wanted.page, **wanted.values), 303)


@blueprint.get("/connections/<int:connection_id>/offers/suggestions")
@allowed(*WRITERS)
def review(connection_id: int) -> ResponseReturnValue:
    """The answers for offers without item, to be ticked."""
    return render_template(
        "suggestions.html",
        screen="offers",
        review=suggestions.review(advise_offers(portal_of_app(), connection_id)),
        why=suggestions.why_item,
        others=suggestions.others,
    )


@blueprint.post("/connections/<int:connection_id>/offers/suggestions")
@allowed(*WRITERS)
def use(connection_id: int) -> ResponseReturnValue:
    """Map the rows that were picked, and no others."""
    chosen = suggestions.read_chosen()
    used = use_items(portal_of_app(), connection_id, chosen)
    if used.applied:
        flash(ngettext("%(num)s offer saved.", "%(num)s offers saved.", used.applied), "success")
    suggestions.tell(used)
    return redirect(suggestions.way_back("offers", connection_id, chosen), 303)


def _posted(row_id: int) -> str:
    name = request.form.get(f"name-{row_id}", "").strip()
    return f"{name}|{'on' if f'sync-{row_id}' in request.form else 'off'}"


def _save_row(connection_id: int, row: mappings.OfferRow) -> None:
    portal = portal_of_app()
    name = request.form.get(f"name-{row.id}", "").strip()
    list_id = row.item_list_id if name == (row.item_name or "") else None
    if name and list_id is None:
        list_id = resolve_item(partial(mappings.item_choices, portal, connection_id), name)
    is_on = f"sync-{row.id}" in request.form
    mappings.map_offer(portal, connection_id, row.id, item_list_id=list_id, is_synchronized=is_on)


def _page(connection_id: int, problems: dict[int, Sentence]) -> str:
    portal, wanted = portal_of_app(), read_filter()
    found = mappings.list_offers(
        portal, connection_id, search=wanted.search, only_unmapped=wanted.only_unmapped, only_id=wanted.only_id
    )
    return render_template(
        "offers.html",
        found=found,
        slice=cut(found.rows, wanted.page),
        wanted=wanted,
        problems=problems,
        advised=advise_offers(portal, connection_id) if may("offers.use") else None,
        suggestions=suggestions,
        why=suggestions.why_item,
        choices=mappings.item_choices(portal, connection_id, limit=MOST_CHOICES),
        link=partial(url_for, ".index", connection_id=connection_id),
    )
