"""Insight: the margin, what is paid and never billed, and what changed between imports; each table as CSV too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.utils import secure_filename

from portal.services import csv_cells, insight
from portal.services.insight import Move
from portal.web.access import EVERYONE, allowed, connection, portal_of_app
from portal.web.dates import to_date_or_none
from portal.web.language import say
from portal.web.words import msgid

MOST_ROWS = 200
MOVES: dict[Move, str] = {
    Move.NEW: msgid("new"),
    Move.GONE: msgid("gone"),
    Move.MORE: msgid("more"),
    Move.FEWER: msgid("fewer"),
}
PROVIDERS = {"sherweb": "Sherweb", "microsoft": "Microsoft", "csv": msgid("CSV files")}
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
        most=MOST_ROWS,
        moves=MOVES,
        names=PROVIDERS,
    )


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
    return _file(connection_id, "margin", _MARGIN, rows)


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
    return _file(connection_id, "orphans", _ORPHANS, rows)


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
    return _file(connection_id, "drift", _CHANGES, rows)


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
    return _file(connection_id, "seats", _SEATS, rows)


def _margin(connection_id: int) -> insight.MarginReport:
    return insight.margin(portal_of_app(), connection_id, _date("from"), _date("to"))


def _changes(connection_id: int) -> insight.ImportDrift:
    return insight.changes(portal_of_app(), connection_id, request.args.get("import", type=int))


def _date(name: str) -> date | None:
    return to_date_or_none(request.args.get(name, "").strip())


def _file(
    connection_id: int,
    what: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | int | Decimal | date | None]],
) -> ResponseReturnValue:
    name = secure_filename(connection().name) or f"connection-{connection_id}"
    headers = {"Content-Disposition": f'attachment; filename="{name}-{what}.csv"'}
    return Response(csv_cells.write(columns, rows), content_type="text/csv; charset=utf-8", headers=headers)
