"""Errors become pages: one table from class to HTTP status, and a page with the sentence and a way back."""

from __future__ import annotations

import structlog
from flask import Flask, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import pgettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from portal.errors import Conflict, Forbidden, NotFound, PortalError, Refused, Sentence, Unusable
from portal.providers import ProviderError
from portal.translations import PROVIDER
from portal.web.words import msgid

STATUS: dict[type[PortalError], int] = {
    Refused: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Unusable: 500,
    PortalError: 500,
}

_TITLES: dict[int, str] = {
    400: msgid("This cannot be done as asked"),
    401: msgid("Log in first"),
    403: msgid("You may not do this"),
    404: msgid("Not found"),
    409: msgid("Something changed in the meantime"),
    413: msgid("The file is too large"),
    429: msgid("Too many attempts"),
    500: msgid("Something went wrong here"),
}

_SENTENCES: dict[int, str] = {
    400: msgid("The browser sent something that cannot be understood. Go back, reload the page and try again."),
    404: msgid("There is no page at this address."),
    405: msgid("This address is not a page by itself. Go back and use the button there."),
    413: msgid("What you sent is larger than is accepted: 64 MB for charges, 16 MB for anything else."),
    500: msgid("This page could not be made. What happened was written to the log; nothing was changed. Try again."),
}

_STALE = msgid(
    "This form is too old, or it did not come from this site. Nothing was changed. "
    "Go back, reload the page and try again."
)

log = structlog.get_logger("portal")


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(PortalError, _portal_error)
    app.register_error_handler(ProviderError, _provider_error)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: PortalError) -> int:
    """The HTTP status of an error: that of its class, or of the nearest class above it."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def page(status: int, sentence: Sentence) -> ResponseReturnValue:
    """An error's page."""
    title = _TITLES.get(status, _TITLES[400] if status < 500 else _TITLES[500])
    return render_template("error.html", title=title, sentence=sentence, status=status, back=_way_back()), status


def _way_back() -> str:
    if "connection" in g:
        return url_for("connections.show", connection_id=g.connection.id)
    return url_for("connections.index")


def _portal_error(error: PortalError) -> ResponseReturnValue:
    return page(status_of(error), error.sentence)


def _provider_error(error: ProviderError) -> ResponseReturnValue:
    template = pgettext(PROVIDER, error.key)
    template = error.template if template == error.key else template
    return page(400, Sentence("%(said)s", {"said": template.format_map(error.values)}))


def _stale_form(_error: CSRFError) -> ResponseReturnValue:
    return page(400, Sentence(_STALE))


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error
    return page(status, Sentence(_SENTENCES.get(status, _SENTENCES[400] if status < 500 else _SENTENCES[500])))


def _unexpected(error: Exception) -> ResponseReturnValue:
    if "user" not in g:
        g.user = None  # when the database is what failed, the error's page must not ask it again
    rule = request.url_rule.rule if request.url_rule else None  # not the address: a link's token may be in it
    log.exception("page failed", rule=rule, method=request.method, exc_info=error)
    return page(500, Sentence(_SENTENCES[500]))
