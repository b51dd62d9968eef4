"""One change to many rows of a table: first what it would do, then a click that does just that."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.errors import Conflict, Refused
from portal.models import InvoiceMode
from portal.services.mapping_bulk import BulkPlan, Selection, apply_bulk, plan_bulk
from portal.web.access import portal_of_app, signed_in
from portal.web.language import say
from portal.web.mapping_table import ACTIONS, MOST_ROWS, Returned, Screen, from_next_run, page, read_rows, table_of
from portal.web.words import word

TICKED, MATCHING = "ticked", "matching"


def ask(connection_id: int, screen: Screen) -> ResponseReturnValue:
    """Show what an action would do. While rows are changed and not saved, the table comes back instead."""
    shown, changed = read_rows()
    try:
        if changed:
            raise Refused("Save the rows that you changed first, then choose what to do with many.")
        plan = _plan(connection_id, screen)
    except Refused as error:
        flash(say(error.sentence), "warning")
        return page(connection_id, screen, Returned(edits=changed, ids=shown or None)), 400
    if not plan.count:
        flash(_("Nothing to change: the rows you chose are like that already, or nothing fits them."), "info")
        return redirect(table_of(screen, connection_id).to(), 303)
    return _confirm(connection_id, screen, plan, None)


def apply(connection_id: int, screen: Screen) -> ResponseReturnValue:
    """Do what was shown; when it would be something else by now, show that."""
    form = request.form
    try:
        count = apply_bulk(
            portal_of_app(),
            connection_id,
            screen.side,
            form.get("action", ""),
            _selection(connection_id, screen),
            token=form.get("token", ""),
            who=signed_in().email,
        )
    except Conflict as error:
        plan = _plan(connection_id, screen)
        return _confirm(connection_id, screen, plan, error), 409
    changed = ngettext("%(num)s row changed.", "%(num)s rows changed.", count)
    flash(from_next_run(changed), "success")
    return redirect(table_of(screen, connection_id).to(page=None), 303)


def _selection(connection_id: int, screen: Screen) -> Selection:
    wanted = table_of(screen, connection_id).wanted
    if request.form.get("scope") == MATCHING:
        return Selection(wanted=wanted)
    return Selection(wanted=wanted, ids=tuple(request.form.getlist("pick", type=int)[:MOST_ROWS]))


def _plan(connection_id: int, screen: Screen) -> BulkPlan:
    selection = _selection(connection_id, screen)
    return plan_bulk(portal_of_app(), connection_id, screen.side, request.form.get("action", ""), selection)


def _confirm(connection_id: int, screen: Screen, plan: BulkPlan, problem: Conflict | None) -> str:
    table = table_of(screen, connection_id)
    selection = _selection(connection_id, screen)
    return render_template(
        "bulk.html",
        screen=screen.name,
        plan=plan,
        title=ACTIONS[plan.action],
        problem=problem.sentence if problem else None,
        ids=selection.ids,
        scope=request.form.get("scope", TICKED),
        told=told,
        back=table.to(),
        action=url_for(f"{screen.name}.apply_bulk", connection_id=connection_id, **table.query()),
    )


def told(value: bool | InvoiceMode | str | None) -> str:
    """A switch, a mode or a name in words."""
    if isinstance(value, bool):
        return str(_("Billed") if value else _("Not billed"))
    if isinstance(value, InvoiceMode):
        return str(_(word(value)))
    return value or "–"
