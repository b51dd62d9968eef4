"""What tests of the API share: programs with tokens, at the sample month's portal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.models import Partner, Role, Scope, User
from portal.services import Portal, accounts
from portal.services.accounts import UserView
from portal.services.api import tokens

BASE = "/api/v1"


@dataclass
class Program:
    """A program that calls with a token, or with none."""

    client: FlaskClient
    token: str | None
    language: str = "en"

    def call(self, method: str, path: str, **given: Any) -> TestResponse:
        headers = {"Accept-Language": self.language, **given.pop("headers", {})}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return self.client.open(BASE + path, method=method, headers=headers, buffered=True, **given)

    def get(self, path: str, **given: Any) -> TestResponse:
        return self.call("GET", path, **given)

    def post(self, path: str, json: Any = None, **given: Any) -> TestResponse:
        return self.call("POST", path, json=json, **given)

    def put(self, path: str, json: Any, version: str | None = None) -> TestResponse:
        return self.call("PUT", path, json=json, headers={} if version is None else {"If-Match": version})

    def patch(self, path: str, json: Any, version: str | None = None) -> TestResponse:
        return self.call("PATCH", path, json=json, headers={} if version is None else {"If-Match": version})

    def every(self, path: str, limit: int = 2) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
            answer = self.get(path, query_string=query)
            assert answer.status_code == 200, answer.text
            rows += answer.json["items"]
            cursor = answer.json["next"]
            if cursor is None:
                return rows


def administrator(portal: Portal, partner: str = "Nordet Infogérance inc.") -> UserView:
    """An administrator of a partner, which is made when it is missing."""
    with portal.database.read() as db:
        count = db.scalar(sa.select(sa.func.count(User.id))) or 0
        is_known = db.scalar(sa.select(Partner.id).filter_by(name=partner)) is not None
    if not is_known:
        accounts.add_partner(portal, partner)
    email = f"keeper-{count}@example.com"
    return accounts.add_user(portal, email, partner=partner, role=Role.ADMINISTRATOR, password="correct horse battery")


@pytest.fixture
def by(month: Any) -> UserView:
    """Who makes the tokens."""
    return administrator(month.portal)


@pytest.fixture
def program(site: Flask, month: Any, by: UserView) -> Callable[..., Program]:
    """Brings a program of the sample partner, with these scopes; all of them unless told otherwise."""

    def bring(scopes: Collection[str] = tuple(Scope), *, language: str = "en", who: UserView = by) -> Program:
        made = tokens.make_token(month.portal, who, "Distributor", scopes, timedelta(days=30))
        return Program(site.test_client(use_cookies=False), made.text, language)

    return bring


@pytest.fixture
def api(program: Callable[..., Program]) -> Program:
    """A program that may do everything."""
    return program()


@pytest.fixture
def foreign(site: Flask, month: Any) -> Program:
    """A program of another partner, that may do everything there."""
    who = administrator(month.portal, "Elsewhere")
    made = tokens.make_token(month.portal, who, "Theirs", tuple(Scope), timedelta(days=30))
    return Program(site.test_client(use_cookies=False), made.text)
