"""The log of what people decided: of one connection, and of a partner with its people."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.errors import Refused
from portal.models import Role
from portal.services import audit_log
from portal.services.audit import Kind
from portal.services.audit_log import Asked, Scope
from portal.services.paging import HIGHEST_PAGE
from portal.web import audit_words
from portal.web.access import EVERYONE, allowed, connection, place, portal_of_app, signed_in
from portal.web.dates import to_date_or_none
from portal.web.files import as_file
from portal.web.language import csv_dialect
from portal.web.tables import LONGEST_SEARCH

blueprint = Blueprint("audit_log", __name__)


@blueprint.get("/log")
@allowed(Role.ADMINISTRATOR)
def index() -> ResponseReturnValue:
    """The log of the whole partner."""
    return _page("log_partner.html", _of_partner(), partial(url_for, ".index"), url_for(".download_all", **_query()))


@blueprint.get("/log.csv")
@allowed(Role.ADMINISTRATOR)
def download_all() -> ResponseReturnValue:
    """The same as CSV, all that the filters leave."""
    return as_file(audit_log.log_csv(portal_of_app(), _of_partner(), _asked(), csv_dialect()), "log.csv")


@blueprint.get("/connections/<int:connection_id>/log")
@allowed(*EVERYONE)
def show(connection_id: int) -> ResponseReturnValue:
    """The log of a connection."""
    download = url_for(".download", connection_id=connection_id, **_query())
    return _page("log.html", _of_connection(), partial(url_for, ".show", connection_id=connection_id), download)


@blueprint.get("/connections/<int:connection_id>/log.csv")
@allowed(*EVERYONE)
def download(connection_id: int) -> ResponseReturnValue:
    """The same as CSV, all that the filters leave."""
    text = audit_log.log_csv(portal_of_app(), _of_connection(), _asked(), csv_dialect())
    return as_file(text, f"log-{connection_id}.csv")


def _of_partner() -> Scope:
    return Scope(partner_id=signed_in().own_partner, shows_addresses=True)


def _of_connection() -> Scope:
    return Scope(connection_id=connection().id, shows_addresses=place().role is Role.ADMINISTRATOR)


def _asked() -> Asked:
    args = request.args
    kind = args.get("kind", "")
    return Asked(
        who=_text("who"),
        kind=Kind(kind) if kind in set(Kind) else None,
        first=_day(args.get("first", "")),
        last=_day(args.get("last", "")),
        search=_text("q"),
        page=min(max(1, args.get("page", 1, type=int)), HIGHEST_PAGE),
    )


def _query() -> dict[str, Any]:
    """The filters as they stand in the address; where the page goes on is not among them."""
    asked = _asked()
    return {
        "who": asked.who or None,
        "kind": asked.kind,
        "first": asked.first.isoformat() if asked.first else None,
        "last": asked.last.isoformat() if asked.last else None,
        "q": asked.search or None,
    }


def _text(name: str) -> str:
    return request.args.get(name, "").replace("\0", "").strip()[:LONGEST_SEARCH]


def _day(text: str) -> date | None:
    """A day of the address; what is none there is left out, as a filter that nobody chose."""
    try:
        return to_date_or_none(text)
    except Refused:
        return None


def _page(template: str, scope: Scope, link: Any, download: str) -> str:
    asked = _asked()
    found = audit_log.read_log(portal_of_app(), scope, asked)

    def to(page: int | None) -> str:
        return str(link(**_query(), page=page))

    return render_template(
        template,
        log=found,
        page=found.page,
        asked=asked,
        to=to,
        all_of_it=link(),
        download=download,
        kinds=audit_words.KINDS,
        nobody=audit_log.NOBODY,
        where=audit_words.address,
        shows_addresses=scope.shows_addresses,
    )
