"""The tables of offers and organizations: what both do alike, and what tells them apart.

A table is one form. Every row brings what it showed (`was-ID`), so that only rows that were changed are saved; whatever
button is pressed, what was typed into other rows comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from portal.errors import Sentence
from portal.models import InvoiceMode
from portal.services import Portal
from portal.services.connections import HIGHEST_ID, request_lists, to_row_id
from portal.services.mapping_bulk import actions_of
from portal.services.mapping_sides import Side
from portal.services.mappings import Edit, Found, Only, Saved
from portal.services.suggestions import Advised, Proposal, Used, is_advice_quick
from portal.web import suggestions
from portal.web.access import may, portal_of_app, signed_in
from portal.web.tables import Table, read_table
from portal.web.words import msgid

MOST_ROWS = 500
ONLY: Mapping[str, str] = {
    "": msgid("All"),
    Only.UNMAPPED: msgid("To map"),
    Only.PROBLEM: msgid("With a problem"),
    Only.MAPPED: msgid("Mapped"),
    Only.OFF: msgid("Not billed"),
}
ACTIONS: Mapping[str, str] = {
    "sync-on": msgid("Turn Sync on"),
    "sync-off": msgid("Turn Sync off: not billed"),
    "create": msgid("Create a separate invoice"),
    "update": msgid("Update the unsent invoice"),
    "exact": msgid("Use the suggestions with exactly the same name"),
    "clear": msgid("Clear the mapping"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One of the two tables: its pages, what loads and saves it, and its words."""

    name: str
    side: Side
    load: Callable[..., Found[Any]]
    save: Callable[..., Saved]
    advise: Callable[..., Advised]
    use: Callable[..., Used]
    why: Callable[[Proposal], str]
    tell_saved: Callable[[int], str]

    def link(self, connection_id: int) -> Callable[..., str]:
        """Makes addresses of the table."""
        return partial(url_for, f"{self.name}.index", connection_id=connection_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What comes back to the page: rows as they were typed and not saved, reasons, and all rows that it showed."""

    edits: Mapping[int, Edit] = field(default_factory=dict)
    problems: Mapping[int, Sentence] = field(default_factory=dict)
    ids: Sequence[int] | None = None


def table_of(screen: Screen, connection_id: int) -> Table:
    """What the address asks of the table."""
    return read_table(screen.link(connection_id), filters=("only", "row"), sort="name")


def read_rows() -> tuple[list[int], dict[int, Edit]]:
    """The rows that the form shows, and those of them that were changed, as they were typed."""
    shown, changed = [], {}
    form = request.form
    for name, was in list(form.items())[: MOST_ROWS * 5]:
        number = name.removeprefix("was-")
        row_id = None if number == name else to_row_id(number)
        if row_id is None:
            continue
        typed, mode = form.get(f"name-{number}", ""), form.get(f"mode-{number}")
        is_on = f"sync-{number}" in form
        shown.append(row_id)
        if was != "|".join((typed, *([mode] if mode is not None else []), "on" if is_on else "off")):
            changed[row_id] = Edit(
                id=row_id, name=typed.replace("\0", ""), is_synchronized=is_on, mode=mode or "", seen=was
            )
    return shown, changed


def page(connection_id: int, screen: Screen, returned: Returned | None = None) -> str:
    """The table; with what comes back, the same rows as it was typed."""
    portal, table, back = portal_of_app(), table_of(screen, connection_id), returned or Returned()
    found = screen.load(portal, connection_id, table.wanted, ids=back.ids)
    ids = [row.id for row in found.page.rows]
    is_writer = may(f"{screen.name}.use")
    advised = None
    is_advice_late = False
    if is_writer and found.counts.unmapped:
        is_asked = "suggest" in request.args or is_advice_quick(portal, connection_id, screen.side, ids)
        advised = screen.advise(portal, connection_id, only=ids) if is_asked else None
        is_advice_late = advised is None
    return render_template(
        f"{screen.name}.html",
        screen=screen.name,
        found=found,
        table=table,
        edits=back.edits,
        problems=back.problems,
        only=ONLY,
        actions={one: ACTIONS[one] for one in actions_of(screen.side)},
        modes=InvoiceMode,
        advised=advised,
        is_advice_late=is_advice_late,
        suggestions=suggestions,
        why=screen.why,
    )


def save(connection_id: int, screen: Screen) -> ResponseReturnValue:
    """Save the rows that were changed; those that cannot be come back with their reasons."""
    shown, changed = read_rows()
    saved = screen.save(portal_of_app(), connection_id, list(changed.values()), who=signed_in().email)
    if saved.count:
        flash(from_next_run(screen.tell_saved(saved.count)), "success")
    if saved.refused:
        left = {row_id: changed[row_id] for row_id in saved.refused}
        return page(connection_id, screen, Returned(edits=left, problems=saved.refused, ids=shown or None)), 400
    if "synchronize" in request.form:
        _ask_for_visit(portal_of_app(), connection_id)
    elif not saved.count:
        flash(_("Nothing was changed, so nothing was saved."), "info")
    return redirect(table_of(screen, connection_id).to(), 303)


def _ask_for_visit(portal: Portal, connection_id: int) -> None:
    request_lists(portal, connection_id)
    text = _(
        "QuickBooks' lists are read at the next visit. Only the Web Connector can start it: on the computer with "
        "QuickBooks, tick the application there and click Update Selected."
    )
    way, words = url_for("connections.show", connection_id=connection_id), _("The steps on the connection's page")
    flash(Markup('{} <a class="alert-link" href="{}">{}</a>').format(text, way, words), "info")


def use(connection_id: int, screen: Screen) -> ResponseReturnValue:
    """Map the rows that were picked, and no others. What was typed into other rows stays as it was typed."""
    chosen = suggestions.read_chosen()
    used = screen.use(portal_of_app(), connection_id, chosen, who=signed_in().email)
    if used.applied:
        flash(from_next_run(screen.tell_saved(used.applied)), "success")
    suggestions.tell(used)
    if request.form.get("from") == "review":
        return redirect(url_for(f"{screen.name}.review", connection_id=connection_id), 303)
    shown, changed = read_rows()
    left = {row_id: edit for row_id, edit in changed.items() if row_id not in chosen}
    if left:
        return page(connection_id, screen, Returned(edits=left, ids=shown or None))
    return redirect(table_of(screen, connection_id).to(_anchor=_anchor(screen, chosen)), 303)


def _anchor(screen: Screen, ids: Collection[int]) -> str | None:
    return f"{screen.side.noun}-{next(iter(ids))}" if ids else None


def advice(connection_id: int, screen: Screen) -> str:
    """The suggestions for the rows of a page that was shown without them, as parts of it."""
    ids = [row_id for row_id in request.args.getlist("id", type=int) if 0 < row_id <= HIGHEST_ID][:MOST_ROWS]
    return render_template(
        "advice.html",
        screen=screen.name,
        table=table_of(screen, connection_id),
        advised=screen.advise(portal_of_app(), connection_id, only=ids),
        suggestions=suggestions,
        why=screen.why,
    )


def review(connection_id: int, screen: Screen) -> str:
    """The answers for all rows without counterpart, to be ticked."""
    return render_template(
        "suggestions.html",
        screen=screen.name,
        review=suggestions.review(screen.advise(portal_of_app(), connection_id)),
        why=screen.why,
        others=suggestions.others,
    )


def from_next_run(told: str) -> str:
    """What was saved, and from when it counts."""
    when = _("It counts from the next run.")
    return f"{told} {when}"


def tell_offers(count: int) -> str:
    """How many offers were saved."""
    return str(ngettext("%(num)s offer saved.", "%(num)s offers saved.", count))


def tell_organizations(count: int) -> str:
    """How many organizations were saved."""
    return str(ngettext("%(num)s organization saved.", "%(num)s organizations saved.", count))
