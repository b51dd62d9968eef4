"""The pages as one Flask application. `create_app` reads as a table of contents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path

from flask import Blueprint, Flask, request, url_for
from flask_wtf import CSRFProtect

from portal.errors import Stale
from portal.services import Portal
from portal.services.accounts import LOG_IN_LASTS
from portal.web import (
    access,
    account,
    audit_log,
    audit_words,
    billing_settings,
    browsers,
    charges,
    choices,
    compress,
    configuration,
    connections,
    errors,
    exchanges,
    export_rules,
    headers,
    health,
    insight,
    join,
    language,
    mapping_file,
    members,
    messages,
    notices,
    offers,
    organizations,
    passwords,
    people,
    preview,
    reference,
    runs,
    session,
    setup,
    status,
    switcher,
    telling,
    throttle,
    tokens,
    visits,
    webhooks,
    wizard,
    words,
)
from portal.web import api as api_of_programs
from portal.web import help as help_pages
from portal.web.addresses import RowNumber
from portal.web.typed_text import TypedRequest

LARGEST_FORM = 16 * 1024 * 1024
LARGEST_CHARGES = 64 * 1024 * 1024


def create_app(portal: Portal, *, extra_blueprints: Iterable[Blueprint] = ()) -> Flask:
    """The pages over `portal`. `extra_blueprints` add screens, as the demonstration does."""
    app = Flask("portal")
    app.request_class = TypedRequest
    app.url_map.converters["int"] = RowNumber
    is_https = portal.settings.url.startswith("https://")
    _configure(app, portal, is_https=is_https)
    app.before_request(_set_limit)
    access.install(app, portal)
    language.install(app)
    throttle.install(app)
    CSRFProtect(app)
    errors.install(app)
    headers.install(app, is_https=is_https)
    compress.install(app)
    help_pages.install(app)
    switcher.install(app)
    _prepare_templates(app)
    for screen in (
        health,
        session,
        passwords,
        setup,
        account,
        people,
        join,
        audit_log,
        configuration,
        tokens,
        reference,
        wizard,
        connections,
        notices,
        members,
        billing_settings,
        charges,
        export_rules,
        offers,
        organizations,
        choices,
        mapping_file,
        preview,
        runs,
        exchanges,
        insight,
        status,
        visits,
        telling,
        webhooks,
        messages,
        help_pages,
    ):
        app.register_blueprint(screen.blueprint)
    for blueprint in extra_blueprints:
        app.register_blueprint(blueprint)
    api_of_programs.mount(app, portal)
    return app


def _configure(app: Flask, portal: Portal, *, is_https: bool) -> None:
    app.config.update(
        SECRET_KEY=portal.settings.key,
        SESSION_COOKIE_NAME="portal_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        PERMANENT_SESSION_LIFETIME=LOG_IN_LASTS,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),  # addresses of static files carry a digest
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the log-in: a table may stay open over lunch
        WTF_CSRF_SSL_STRICT=False,  # behind a proxy the page is http to us; the token decides
    )


def _set_limit() -> None:
    if request.endpoint in ("charges.receive", "charges.file.receive"):
        request.max_content_length = LARGEST_CHARGES + LARGEST_FORM // 16


def _prepare_templates(app: Flask) -> None:
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.tests["stale"] = lambda error: isinstance(error, Stale)
    app.jinja_env.filters.update(
        word=words.word,
        explanation=words.explanation,
        joined_explanation=words.joined_explanation,
        action=audit_words.action,
        field_name=audit_words.field_name,
        told=audit_words.told,
        tone=words.tone,
        list_name=words.list_name,
        item_type=words.item_type,
        visit_result=words.visit_result,
        browser=browsers.browser,
    )
    folder = Path(app.static_folder or "")

    @cache
    def asset(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]

    app.jinja_env.globals["asset"] = lambda name: url_for("static", filename=name, v=asset(name))
