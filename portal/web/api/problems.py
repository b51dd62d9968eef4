"""Errors as problem details (RFC 9457), with the sentences of the pages, in the language that the program asks for.

`code` is for programs and stays what it is; `detail` is for people. `errors` name the fields that cannot be taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from apiflask.exceptions import HTTPError
from flask import Flask, Response, current_app, json, request
from flask_babel import gettext as _
from flask_babel import pgettext
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from portal.errors import Conflict, Forbidden, NotFound, PortalError, Refused, Sentence, Stale, Unusable
from portal.providers import ProviderError
from portal.services import Portal
from portal.translations import PROVIDER
from portal.web.language import say
from portal.web.words import msgid

MEDIA_TYPE = "application/problem+json"

_TITLES: dict[str, tuple[int, str]] = {
    "refused": (400, msgid("This cannot be done as asked")),
    "unauthenticated": (401, msgid("This needs a token")),
    "forbidden": (403, msgid("You may not do this")),
    "not-found": (404, msgid("Not found")),
    "method-not-allowed": (405, msgid("This address does not do that")),
    "conflict": (409, msgid("Something changed in the meantime")),
    "stale": (412, msgid("Something changed in the meantime")),
    "too-large": (413, msgid("This is too large")),
    "invalid": (422, msgid("Some fields cannot be taken")),
    "precondition-required": (428, msgid("Say which version you change")),
    "too-many-calls": (429, msgid("Too many calls")),
    "broken": (500, msgid("Something went wrong here")),
}
CODES: Mapping[str, tuple[int, str]] = _TITLES
"""Every code, with its status and title."""

_SENTENCES: dict[int, str] = {
    400: msgid("The body is not JSON that can be read. Send one JSON object in UTF-8."),
    404: msgid("There is nothing at this address. Look it up in the reference of the API."),
    405: msgid("This address does not take this method. Look it up in the reference of the API."),
    413: msgid("The body is larger than is accepted: 16 MB. Send fewer rows at a time."),
    500: msgid("What happened was written to the log; nothing was changed. Try again."),
}

_WRONG: dict[str, str] = {
    "missing": msgid("It is missing."),
    "extra_forbidden": msgid("There is no such field. Look it up in the reference of the API."),
    "string_type": msgid("Give a text, in quotation marks."),
    "string_too_short": msgid("It is empty. Give a text."),
    "string_too_long": msgid("It has more than %(max_length)s characters. Shorten it."),
    "string_pattern_mismatch": msgid("It is not written as it should be. Look it up in the reference of the API."),
    "bool_type": msgid("Give true or false."),
    "bool_parsing": msgid("Give true or false."),
    "int_type": msgid("Give a whole number."),
    "int_parsing": msgid("Give a whole number."),
    "greater_than_equal": msgid("Give %(ge)s at least."),
    "less_than_equal": msgid("Give %(le)s at most."),
    "enum": msgid("Give one of: %(expected)s."),
    "too_long": msgid("Give %(max_length)s at most."),
    "too_short": msgid("Give %(min_length)s at least."),
}
_DATE = msgid("It is not a date. Write it like 2026-11-30.")
_OTHER = msgid("It cannot be taken as it is. Look it up in the reference of the API.")
_NUMBER = msgid('It is not a number. Write it in quotation marks and with a point, like "12.50".')

log = structlog.get_logger("portal")


class Unauthenticated(Forbidden):
    """The call shows no token that is known."""


class PreconditionRequired(Refused):
    """The call does not say which version it changes."""


class TooMany(Refused):
    """More calls than the quota allows; `seconds` until the next one may be made."""

    def __init__(self, seconds: int) -> None:
        super().__init__(msgid("Too many calls. Try again in %(seconds)s seconds."), seconds=seconds)
        self.seconds = seconds


_CODES: dict[type[PortalError], str] = {
    TooMany: "too-many-calls",
    Unauthenticated: "unauthenticated",
    PreconditionRequired: "precondition-required",
    Stale: "stale",
    Conflict: "conflict",
    Refused: "refused",
    Forbidden: "forbidden",
    NotFound: "not-found",
    Unusable: "broken",
    PortalError: "broken",
}


def install(api: Flask) -> None:
    """Register the handlers."""
    api.register_error_handler(PortalError, _portal_error)
    api.register_error_handler(HTTPError, _invalid)
    api.register_error_handler(HTTPException, _http_error)
    api.register_error_handler(Exception, _unexpected)


def problem(code: str, detail: str, *, errors: Sequence[Mapping[str, str]] = ()) -> Response:
    """The answer to a call that cannot be done."""
    status, title = _TITLES[code]
    portal: Portal = current_app.extensions["portal"]
    body: dict[str, Any] = {
        "type": f"{portal.settings.url.rstrip('/')}/api#{code}",
        "title": _(title),
        "status": status,
        "detail": detail,
        "code": code,
        "errors": list(errors),
    }
    return Response(json.dumps(body), status=status, content_type=MEDIA_TYPE)


def wrong_fields(error: ValidationError) -> list[dict[str, str]]:
    """The fields of a value that cannot be taken, each with what to do, in the language of the call."""
    return [
        {"field": ".".join(str(part) for part in one["loc"]), "detail": _wrong(one["type"], one.get("ctx") or {}, one)}
        for one in error.errors(include_url=False, include_input=False)
    ]


def _wrong(kind: str, context: Mapping[str, Any], error: Any) -> str:
    if kind == "string_pattern_mismatch" and "[0-9]" in str(context.get("pattern")):
        return str(_(_NUMBER))
    template = _DATE if kind.startswith("date") else _WRONG.get(kind, _OTHER)
    return say(Sentence(template, {name: str(value) for name, value in context.items()}))


def said(reason: ProviderError | Sentence) -> str:
    """A reason in the language of the call."""
    if isinstance(reason, Sentence):
        return say(reason)
    template = pgettext(PROVIDER, reason.key)
    return (reason.template if template == reason.key else template).format_map(reason.values)


def _portal_error(error: PortalError) -> Response:
    code = next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    answer = problem(code, say(error.sentence))
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.seconds)
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _invalid(error: HTTPError) -> Response:
    """What APIFlask found in the input; pydantic says which fields."""
    cause = error.__cause__
    fields = wrong_fields(cause) if isinstance(cause, ValidationError) else []
    return problem("invalid", _("Correct these fields, and send it again."), errors=fields)


def _http_error(error: HTTPException) -> Response | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    known = {known: code for code, (known, _title) in _TITLES.items()}
    code = known.get(status, "refused" if status < 500 else "broken")
    answer = problem(code, say(Sentence(_SENTENCES.get(status, _SENTENCES[400] if status < 500 else _SENTENCES[500]))))
    if status == 405:
        answer.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return answer


def _unexpected(error: Exception) -> Response:
    log.exception("API call failed", path=request.path, method=request.method, exc_info=error)
    return problem("broken", say(Sentence(_SENTENCES[500])))
