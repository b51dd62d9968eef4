"""Visits of the Web Connector: all of them, one with its exchanges, and one exchange as readable qbXML."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.errors import NotFound, Refused
from portal.services import exchanges, visits
from portal.services.connections import to_row_id
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app
from portal.web.dates import to_date_or_none
from portal.web.files import as_file
from portal.web.language import csv_dialect
from portal.web.qbxml_text import paint

blueprint = Blueprint("visits", __name__)


@blueprint.get("/connections/<int:connection_id>/visits")
@allowed(*EVERYONE)
def index(connection_id: int) -> ResponseReturnValue:
    """The visits, newest first."""
    wanted = _wanted()
    page = visits.page_of_visits(portal_of_app(), connection_id, wanted)

    def link(**changes: Any) -> str:
        return url_for("visits.index", connection_id=connection_id, **{**_query(wanted), **changes})

    download = url_for("visits.download", connection_id=connection_id, **_query(wanted))
    return render_template(
        "visits.html", page=page, wanted=wanted, link=link, download=download, results=visits.RESULTS
    )


@blueprint.get("/connections/<int:connection_id>/visits.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """The visits that the filters leave, all of them, as CSV."""
    text = visits.visits_csv(portal_of_app(), connection_id, _wanted(), csv_dialect())
    return as_file(text, f"visits-{connection_id}.csv")


@blueprint.get("/connections/<int:connection_id>/visits/<int:visit_id>")
@allowed(*EVERYONE)
def show(connection_id: int, visit_id: int) -> ResponseReturnValue:
    """One visit and its exchanges."""
    after = _id("after")
    return render_template(
        "visits_one.html", seen=visits.get_visit(portal_of_app(), connection_id, visit_id, after_id=after), after=after
    )


@blueprint.post("/connections/<int:connection_id>/visits/again")
@allowed(*WRITERS)
def again(connection_id: int) -> ResponseReturnValue:
    """After a visit that failed: have everything tried at the next one."""
    visits.try_again(portal_of_app(), connection_id)
    done = _(
        "Everything that waits is tried at the next visit, and the lists are read anew. The portal cannot start the "
        "Web Connector: click Update Selected there."
    )
    flash(done, "success")
    return redirect(url_for("status.show", connection_id=connection_id), 303)


@blueprint.get("/connections/<int:connection_id>/exchanges/<int:exchange_id>")
@allowed(*EVERYONE)
def exchange(connection_id: int, exchange_id: int) -> ResponseReturnValue:
    """One exchange: what it asked for in words, the request and the answer."""
    seen = exchanges.get_exchange(portal_of_app(), connection_id, exchange_id)
    texts = {"request": paint(seen.texts.request), "answer": paint(seen.texts.answer)}
    return render_template("exchange.html", seen=seen, texts=texts)


@blueprint.get("/connections/<int:connection_id>/exchanges/<int:exchange_id>/request.xml")
@allowed(*EVERYONE)
def request_file(connection_id: int, exchange_id: int) -> ResponseReturnValue:
    """The request as a file."""
    text = exchanges.read_exchange(portal_of_app(), connection_id, exchange_id).request
    return _xml(text, f"exchange-{exchange_id}-request.xml")


@blueprint.get("/connections/<int:connection_id>/exchanges/<int:exchange_id>/answer.xml")
@allowed(*EVERYONE)
def answer_file(connection_id: int, exchange_id: int) -> ResponseReturnValue:
    """The answer as a file."""
    text = exchanges.read_exchange(portal_of_app(), connection_id, exchange_id).answer
    return _xml(text, f"exchange-{exchange_id}-answer.xml")


def _xml(text: str | None, name: str) -> Response:
    if text is None:
        raise NotFound("This text was never there, or it is forgotten by now.")
    return as_file(text, name, "application/xml")


def _wanted() -> visits.WantedVisits:
    args = request.args
    result = args.get("result", "")
    return visits.WantedVisits(
        result=result if result in visits.RESULTS else "",
        first=_day(args.get("first", "")),
        last=_day(args.get("last", "")),
        before_id=_id("older"),
        after_id=_id("newer"),
    )


def _query(wanted: visits.WantedVisits) -> dict[str, Any]:
    """The filters as they stand in the address; where the page goes on is not among them."""
    return {
        "result": wanted.result or None,
        "first": wanted.first.isoformat() if wanted.first else None,
        "last": wanted.last.isoformat() if wanted.last else None,
    }


def _day(text: str) -> date | None:
    """A day of the address; what is none there is left out, as a filter that nobody chose."""
    try:
        return to_date_or_none(text)
    except Refused:
        return None


def _id(name: str) -> int | None:
    return to_row_id(request.args.get(name, ""))
