"""Exchanges, as between a client and its accountant: what goes, what came, and the history of both directions."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.errors import Refused
from portal.services import connections, exchange_history, preview_pages, sending_receiving
from portal.services.connections import to_row_id
from portal.services.exchange_history import FEW, KINDS, RESULTS, SIZE, WantedEntries
from portal.services.paging import Wanted
from portal.web.access import EVERYONE, WRITERS, allowed, portal_of_app
from portal.web.dates import to_date_or_none
from portal.web.files import as_file
from portal.web.language import csv_dialect
from portal.web.preview import begin_run
from portal.web.words import msgid

blueprint = Blueprint("exchanges", __name__)

KIND_WORDS: dict[str, str] = {
    "lists": msgid("Lists read"),
    "costs": msgid("Unit costs"),
    "invoices": msgid("Invoices"),
    "comparisons": msgid("Comparisons"),
    "searches": msgid("Searches"),
    "checks": msgid("Checks"),
    "work": msgid("Messages sent again later"),
}
RESULT_WORDS: dict[str, str] = {
    "done": msgid("Succeeded"),
    "refused": msgid("Refused"),
    "unanswered": msgid("Unanswered"),
}
LONGEST_NAME = 254


@blueprint.get("/connections/<int:connection_id>/exchanges")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """Both halves, and the newest entries of the history."""
    portal = portal_of_app()
    send = request.args.get("send", "").strip()[:40]
    screen = sending_receiving.read_screen(portal, connection_id, send)
    plan = None
    if screen.year is None:
        plan = preview_pages.read_preview(portal, connection_id, to_date_or_none(send), Wanted())
    return render_template("exchanges.html", screen=screen, plan=plan, send=send, **_history(connection_id, FEW))


@blueprint.get("/connections/<int:connection_id>/exchanges/history")
@allowed(*EVERYONE)
def history(connection_id: int) -> ResponseReturnValue:
    """The history alone, a page at a time."""
    mark = sending_receiving.read_mark(portal_of_app(), connection_id)
    return render_template("exchanges_history.html", mark=mark, **_history(connection_id))


@blueprint.get("/connections/<int:connection_id>/exchanges/activity")
@allowed(*EVERYONE)
def activity(connection_id: int) -> ResponseReturnValue:
    """What came since, as pieces of a page that looks again by itself; nothing where nothing did.

    The forms are left alone, so that nobody loses what they choose.
    """
    portal = portal_of_app()
    mark = sending_receiving.read_mark(portal, connection_id)
    if mark == request.args.get("mark", ""):
        return "", 204
    is_whole = request.args.get("on_page") != "history"
    screen = sending_receiving.read_screen(portal, connection_id) if is_whole else None
    size = FEW if is_whole else SIZE
    page = exchange_history.read_history(portal, connection_id, _wanted(), size=size)
    given = {**_of_entries(connection_id, _wanted()), "page": page, "is_news": True}
    return render_template("parts/exchange_activity.html", screen=screen, mark=mark, is_whole=is_whole, **given)


@blueprint.get("/connections/<int:connection_id>/exchanges.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """The entries that the filters leave, as CSV."""
    text = exchange_history.history_csv(portal_of_app(), connection_id, _wanted(), csv_dialect())
    return as_file(text, f"exchanges-{connection_id}.csv")


@blueprint.post("/connections/<int:connection_id>/exchanges/send")
@allowed(*WRITERS)
def send(connection_id: int) -> ResponseReturnValue:
    """Queue everything that was shown for the next visit: the same as approving all of it in the preview."""
    form = request.form
    whole = form.get("whole", "")[:64]
    if not whole:
        raise Refused("This form is damaged. Open the page again.")
    is_shared = "is_shared" in form if "asks_to_share" in form else None
    on = to_date_or_none(form.get("on", ""))
    begin_run(connection_id, on, approved=None, whole=whole, is_shared=is_shared)
    return redirect(url_for(".show", connection_id=connection_id, send=on), 303)


@blueprint.post("/connections/<int:connection_id>/exchanges/lists")
@allowed(*WRITERS)
def request_lists(connection_id: int) -> ResponseReturnValue:
    """Have the lists read at the next visit."""
    connections.request_lists(portal_of_app(), connection_id)
    done = _(
        "The lists will be read at the next visit of the Web Connector. To have them now, click Update Selected there."
    )
    flash(done, "success")
    return redirect(url_for(".show", connection_id=connection_id), 303)


def _history(connection_id: int, size: int = SIZE) -> dict[str, Any]:
    """What the templates need to show the history: its page, its filters, and where they lead."""
    wanted = _wanted()
    filters, page = exchange_history.read_both(portal_of_app(), connection_id, wanted, size=size)
    return {
        "filters": filters,
        "page": page,
        "download": url_for(".download", connection_id=connection_id, **_query(wanted)),
        "itself": exchange_history.ITSELF,
        "most_exported": exchange_history.MOST_EXPORTED,
        **_of_entries(connection_id, wanted),
    }


def _of_entries(connection_id: int, wanted: WantedEntries) -> dict[str, Any]:
    def link(**changes: Any) -> str:
        return url_for(".history", connection_id=connection_id, **{**_query(wanted), **changes})

    going_on = {"older": wanted.before_id, "newer": wanted.after_id}
    return {
        "wanted": wanted,
        "link": link,
        "query": {**_query(wanted), **going_on},
        "kinds": KIND_WORDS,
        "results": RESULT_WORDS,
        "count_of": count_of,
    }


def count_of(kind: str, count: int) -> str:
    """How many entries of a QuickBooks list, in words."""
    told = {
        "customer": ngettext("%(num)s customer", "%(num)s customers", count),
        "item": ngettext("%(num)s item", "%(num)s items", count),
        "account": ngettext("%(num)s account", "%(num)s accounts", count),
        "terms": ngettext("%(num)s payment term", "%(num)s payment terms", count),
        "class": ngettext("%(num)s class", "%(num)s classes", count),
        "tax-code": ngettext("%(num)s sales tax code", "%(num)s sales tax codes", count),
        "template": ngettext("%(num)s template", "%(num)s templates", count),
    }
    return str(told[kind])


def _wanted() -> WantedEntries:
    args = request.args
    kind, result = args.get("kind", ""), args.get("result", "")
    return WantedEntries(
        period=args.get("period", "")[:40],
        first=_day(args.get("first", "")),
        last=_day(args.get("last", "")),
        kind=kind if kind in KINDS else "",
        person=args.get("person", "").strip()[:LONGEST_NAME],
        result=result if result in RESULTS else "",
        before_id=to_row_id(args.get("older", "")),
        after_id=to_row_id(args.get("newer", "")),
    )


def _query(wanted: WantedEntries) -> dict[str, Any]:
    """The filters as they stand in the address; where the page goes on is not among them."""
    values: dict[str, Any] = {
        "period": wanted.period,
        "first": wanted.first.isoformat() if wanted.first else "",
        "last": wanted.last.isoformat() if wanted.last else "",
        "kind": wanted.kind,
        "person": wanted.person,
        "result": wanted.result,
    }
    return {name: value or None for name, value in values.items()}


def _day(text: str) -> date | None:
    """A day of the address; what is none there is left out, as a filter that nobody chose."""
    try:
        return to_date_or_none(text)
    except Refused:
        return None
