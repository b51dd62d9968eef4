"""The Charges screen as a whole: what can be imported, what was, and what the last import brought."""

from __future__ import annotations

from functools import partial

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import pgettext

from portal.errors import PortalError, Sentence
from portal.providers import ProviderError
from portal.services import catalog, charge_file, import_pages, sources
from portal.translations import PROVIDER
from portal.web.access import portal_of_app
from portal.web.errors import status_of
from portal.web.tables import read_table
from portal.web.words import msgid

FILES = {
    "sherweb": msgid("Sherweb: payable charges (JSON)"),
    "microsoft": msgid("Microsoft: invoice reconciliation file (CSV)"),
}
PROVIDERS = {
    "sherweb": "Sherweb",
    "microsoft": "Microsoft",
    catalog.CSV: "CSV",
    "api": "API",
    charge_file.PROVIDER: msgid("File of charges"),
}
SAVED = f"{catalog.CSV}:"
"""Begins the choice of saved columns; their id follows."""


def show_charges(
    connection_id: int,
    *,
    result: catalog.ImportResult | None = None,
    problem: PortalError | ProviderError | None = None,
    columns: dict[str, str] | None = None,
) -> ResponseReturnValue:
    """The screen. `problem` is why an import failed; `columns`, how the columns of that file can be looked at."""
    portal = portal_of_app()
    table = read_table(partial(url_for, "charges.index", connection_id=connection_id))
    imported = import_pages.list_imports(portal, connection_id, table.wanted.page)
    rows = imported.rows
    profiles = sources.list_profiles(portal, connection_id)
    saved = {one.name: f"{SAVED}{one.id}" for one in profiles}
    sherweb, brought = sources.sherweb_access(portal, connection_id), (*FILES, catalog.CSV)
    page = render_template(
        "charges.html",
        imported=imported,
        table=table,
        result=result,
        problem=sentence_of(problem),
        columns=columns,
        files={key: FILES.get(key, key) for key in catalog.PROVIDERS},
        saved=saved,
        chosen=next((saved.get(one.scope) or one.provider for one in rows if one.provider in brought), ""),
        providers=PROVIDERS,
        profiles=profiles,
        sherweb=sherweb,
        sherweb_problem=sentence_of(sherweb.last_error) if sherweb else None,
        nightly=sources.read_nightly(portal, connection_id) if sherweb else None,
        dropped={key: sources.folder_of(portal, connection_id, key) for key in catalog.PROVIDERS},
        fetch_day=request.form.get("day") or sources.default_day(portal, connection_id).isoformat(),
    )
    return page, status_of_any(problem)


def status_of_any(problem: PortalError | ProviderError | None) -> int:
    """The HTTP status of a page that says what went wrong, or that nothing did."""
    if problem is None:
        return 200
    return status_of(problem) if isinstance(problem, PortalError) else 400


def sentence_of(problem: PortalError | ProviderError | None) -> Sentence | None:
    """What went wrong, as a sentence that pages can say in both languages."""
    if problem is None:
        return None
    if isinstance(problem, PortalError):
        return problem.sentence
    template = pgettext(PROVIDER, problem.key)
    template = problem.template if template == problem.key else template
    return Sentence("%(said)s", {"said": template.format_map(problem.values)})
