"""Insight: charts, the margin, what is paid and never billed, what changed between imports; each table as CSV too.

The figures come whole from the services, in one pass over the rows; the page shows each table fifty rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.services import csv_cells, insight
from portal.services.insight import Move, Step
from portal.services.paging import SIZE, Page
from portal.web.access import EVERYONE, allowed, connection, portal_of_app
from portal.web.charted import months_chart, visits_chart
from portal.web.dates import to_date_or_none
from portal.web.files import as_file, named_after
from portal.web.language import csv_dialect, say
from portal.web.words import msgid

ROWS = SIZE
MOVES: dict[Move, str] = {
    Move.NEW: msgid("new"),
    Move.GONE: msgid("gone"),
    Move.MORE: msgid("more"),
    Move.FEWER: msgid("fewer"),
}
PROVIDERS = {"sherweb": "Sherweb", "microsoft": "Microsoft", "csv": msgid("CSV files"), "api": "API"}
# The columns are named alike in every language: programs read them.
_WHO = ("organization", "offer", "sku")
_MARGIN = (
    *(*_WHO, "currency", "lines", "sales", "cost", "margin", "margin_percent"),
    *("unverified_lines", "unverified_cost"),
)
_ORPHANS = (*_WHO, "currency", "charges", "amount", "first_day", "last_day", "reason", "code")
_CHANGES = (
    *(*_WHO, "currency", "changed", "withdrawn", "billed"),
    *("quantity_before", "quantity_after", "amount_before", "amount_after"),
)
_SEATS = ("provider", *_WHO, "period_before", "period", "seats_before", "seats_after", "change")

blueprint = Blueprint("insight", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table of the page, cut into pages of its own. `id` is its place on the page and its name in the address."""

    id: str
    page: Page[Any]
    connection_id: int

    def to(self, *, page: int | None = None) -> str:
        """The address of another page of this table; the other tables stay as they are."""
        asked = {name: value for name, value in request.args.items() if name != self.id and name.isprintable()}
        if page is not None:
            asked[self.id] = str(page)
        return url_for("insight.show", connection_id=self.connection_id, _anchor=self.id, **_harmless(asked))


@blueprint.get("/connections/<int:connection_id>/insight")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """All of it, for a range of invoice dates and one import."""
    portal = portal_of_app()
    return render_template(
        "insight.html",
        margin=_margin(connection_id),
        orphans=insight.orphans(portal, connection_id),
        changes=_changes(connection_id),
        providers=insight.seats(portal, connection_id),
        charts=[months_chart(group) for group in insight.months(portal, connection_id)],
        visits=visits_chart(insight.visits_over_time(portal, connection_id, Step.WEEK)),
        part=_cutter(connection_id),
        moves=MOVES,
        names=PROVIDERS,
    )


def _cutter(connection_id: int) -> Callable[[Sequence[Any], str, str], Part]:
    """Cuts the rows of a table, named by what it is of, to the page that the address asks for."""

    def cut(rows: Sequence[Any], what: str, of: str) -> Part:
        name = "-".join(one for one in (what, of.lower()) if one)
        pages = max(1, -(-len(rows) // ROWS))
        number = min(max(1, request.args.get(name, 1, type=int)), pages)
        shown = tuple(rows[(number - 1) * ROWS : number * ROWS])
        page = Page(rows=shown, page=number, pages=pages, count=len(rows), size=ROWS)
        return Part(id=name, page=page, connection_id=connection_id)

    return cut


def _harmless(asked: dict[str, str]) -> dict[str, Any]:
    """The arguments of an address without those that `url_for` itself knows."""
    return {name: value for name, value in asked.items() if not name.startswith("_") and name != "connection_id"}


@blueprint.get("/connections/<int:connection_id>/insight/margin.csv")
@allowed(*EVERYONE)
def margin_file(connection_id: int) -> ResponseReturnValue:
    """The margin of each organization and offer."""
    report = _margin(connection_id)
    rows = (
        (
            *(row.organization, row.offer, row.offer_key, group.currency, row.lines),
            *((row.sales, row.cost) if row.lines else (None, None)),
            *(row.margin, row.percent, row.unverified, row.unverified_cost),
        )
        for group in report.groups
        for row in group.pairs
    )
    return _file("margin", _MARGIN, rows)


@blueprint.get("/connections/<int:connection_id>/insight/orphans.csv")
@allowed(*EVERYONE)
def orphans_file(connection_id: int) -> ResponseReturnValue:
    """What is paid and never billed."""
    rows = (
        (
            *(row.organization, row.offer, row.offer_key, group.currency, row.count, row.amount),
            *(row.first, row.last, say(row.reason), row.code),
        )
        for group in insight.orphans(portal_of_app(), connection_id).groups
        for row in group.rows
    )
    return _file("orphans", _ORPHANS, rows)


@blueprint.get("/connections/<int:connection_id>/insight/drift.csv")
@allowed(*EVERYONE)
def drift_file(connection_id: int) -> ResponseReturnValue:
    """What an import changed."""
    rows = (
        (
            *(row.organization, row.offer, row.offer_key, group.currency, row.changed, row.withdrawn, row.billed),
            *(row.quantity_before, row.quantity_after, row.amount_before, row.amount_after),
        )
        for group in _changes(connection_id).groups
        for row in group.rows
    )
    return _file("drift", _CHANGES, rows)


@blueprint.get("/connections/<int:connection_id>/insight/seats.csv")
@allowed(*EVERYONE)
def seats_file(connection_id: int) -> ResponseReturnValue:
    """Whose seats are others than in the period before."""
    rows = (
        (
            *(one.provider, row.organization, row.offer, row.offer_key, one.before.start, one.period.start),
            *(row.before, row.after, row.move.value),
        )
        for one in insight.seats(portal_of_app(), connection_id)
        if one.before is not None
        for row in one.rows
    )
    return _file("seats", _SEATS, rows)


def _margin(connection_id: int) -> insight.MarginReport:
    return insight.margin(portal_of_app(), connection_id, _date("from"), _date("to"))


def _changes(connection_id: int) -> insight.ImportDrift:
    return insight.changes(portal_of_app(), connection_id, request.args.get("import", type=int))


def _date(name: str) -> date | None:
    return to_date_or_none(request.args.get(name, "").strip())


def _file(
    what: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | int | Decimal | date | None]],
) -> ResponseReturnValue:
    return as_file(csv_cells.write(columns, rows, csv_dialect()), f"{named_after(connection())}-{what}.csv")
