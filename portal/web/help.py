"""Help: one page a screen, in both languages, and the way from each screen to its own.

A page of help is a template in templates/help/en and templates/help/fr. A blueprint whose pages are explained by it is
named in `SCREENS`; tests/portal/web/test_help.py keeps the table and the pages complete.
"""

from __future__ import annotations

from flask import Blueprint, Flask, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.errors import NotFound
from portal.web.access import EVERYONE, allowed
from portal.web.language import language
from portal.web.words import msgid

TOPICS: dict[str, str] = {
    "start": msgid("From nothing to the first invoice"),
    "connections": msgid("Connections"),
    "connection": msgid("A connection and its health"),
    "notices": msgid("Notices"),
    "billing": msgid("How a connection bills"),
    "charges": msgid("Charges"),
    "rule": msgid("What may leave"),
    "offers": msgid("Offers"),
    "organizations": msgid("Organizations"),
    "preview": msgid("Preview"),
    "invoices": msgid("Invoices"),
    "exchanges": msgid("Exchanges"),
    "insight": msgid("Insight"),
    "status": msgid("Status"),
    "history": msgid("Visits and exchanges"),
    "people": msgid("People and roles"),
    "members": msgid("Members and invitations"),
    "telling": msgid("Letters, webhooks and messages"),
    "log": msgid("Log"),
    "api": msgid("Other programs: the API"),
    "account": msgid("Your log-in"),
}
"""The pages of help in the order that a new person reads them."""

SCREENS: dict[str, str] = {
    "session": "account",
    "passwords": "account",
    "account": "account",
    "people": "people",
    "setup": "start",
    "members": "members",
    "join": "members",
    "audit_log": "log",
    "configuration": "start",
    "wizard": "start",
    "billing_settings": "billing",
    "charges": "charges",
    "charges.columns": "charges",
    "charges.file": "charges",
    "charges.sherweb": "charges",
    "charges.list": "charges",
    "export_rules": "rule",
    "notices": "notices",
    "offers": "offers",
    "choices": "offers",
    "mapping_file": "offers",
    "organizations": "organizations",
    "preview": "preview",
    "runs": "invoices",
    "exchanges": "exchanges",
    "insight": "insight",
    "status": "status",
    "visits": "history",
    "telling": "telling",
    "webhooks": "telling",
    "messages": "telling",
    "tokens": "api",
    "reference": "api",
    "demo": "status",
}
"""Which page explains the pages of a blueprint. Connections have two: the list, and one of them."""

blueprint = Blueprint("help", __name__)


@blueprint.get("/help")
@allowed(*EVERYONE)
def index() -> ResponseReturnValue:
    """All pages of help."""
    return render_template("help.html", topics=TOPICS, topic=None)


@blueprint.get("/help/<screen>")
@allowed(*EVERYONE)
def show(screen: str) -> ResponseReturnValue:
    """What one screen is for, what people do there, and what can go wrong."""
    if screen not in TOPICS:
        raise NotFound("There is no help of this name.")
    return render_template("help.html", topics=TOPICS, topic=screen, text=f"help/{language()}/{screen}.html")


def install(app: Flask) -> None:
    """Let every page lead to the help of its screen."""
    app.context_processor(lambda: {"help_link": help_link})


def help_link() -> str:
    """The address of the help of the page that is shown."""
    topic = topic_of(request.blueprint, request.endpoint)
    return url_for("help.show", screen=topic) if topic else url_for("help.index")


def topic_of(screen: str | None, endpoint: str | None = None) -> str | None:
    """The page of help for the pages of a blueprint; None where none is meant."""
    if screen == "connections":
        return (
            "connections"
            if endpoint in ("connections.index", "connections.new", "connections.create")
            else "connection"
        )
    return SCREENS.get(screen or "")
