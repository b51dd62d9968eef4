"""What tests of the pages share: a site over the sample month, and people of every role who visit it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from pydantic import SecretStr
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.billing.period import BillingMode
from portal.models import Role
from portal.services import Portal, accounts, connections, sharing
from portal.web.demo import DemoVisit, demo_blueprint

PASSWORD = "correct horse battery"
EMAILS = {role: f"{role}@nordet.example" for role in Role}
PARTNER = "Nordet Infogérance inc."
OUTSIDER = "charlie@elsewhere.example"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class _Compiled(BytecodeCache):
    """Templates that one test compiled, for the next."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_TEMPLATES = _Compiled()


@dataclass
class Person:
    """Somebody at a browser, who sends the token of the page that they look at."""

    client: FlaskClient
    token: str = ""

    def get(self, path: str, **given: Any) -> TestResponse:
        answer = self.client.get(path, buffered=True, **given)
        found = _TOKEN.search(answer.text) if answer.mimetype == "text/html" else None
        if found:
            self.token = found[1]
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, **given: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **given)

    def log_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        self.get("/login")
        answer = self.post("/login", {"email": email, "password": password})
        if answer.status_code == 303:
            self.get("/")
        return answer


@pytest.fixture
def site(month: Any) -> Flask:
    """The pages over the sample month, with one administrator."""
    portal: Portal = month.portal
    administrator = EMAILS[Role.ADMINISTRATOR]
    accounts.add_user(portal, administrator, partner=PARTNER, role=Role.ADMINISTRATOR, password=PASSWORD)
    demo = demo_blueprint(1, lambda: DemoVisit(is_success=True, transcript="authenticate <ok>"))
    app = create_app(portal, extra_blueprints=[demo])
    app.jinja_env.bytecode_cache = _TEMPLATES
    return app


@pytest.fixture
def stranger(site: Flask) -> Person:
    """Somebody who has not logged in."""
    return Person(site.test_client())


@pytest.fixture
def person(site: Flask, month: Any) -> Callable[[Role | str], Person]:
    """Logs somebody in: a role at the sample partner, or the administrator of another one."""
    known = {EMAILS[Role.ADMINISTRATOR]}

    def log_in(who: Role | str) -> Person:
        made = Person(site.test_client())
        email = EMAILS[who] if isinstance(who, Role) else who
        if email == OUTSIDER:
            accounts.add_partner(month.portal, "Elsewhere")
            accounts.add_user(month.portal, email, partner="Elsewhere", role=Role.ADMINISTRATOR, password=PASSWORD)
        elif email not in known:
            accounts.add_user(month.portal, email, partner=PARTNER, role=Role(who), password=PASSWORD)
        known.add(email)
        assert made.log_in(email).status_code == 303
        return made

    return log_in


@pytest.fixture
def other_connection(month: Any) -> int:
    """Another connection of the sample partner."""
    given: dict[str, Any] = {"billing_mode": BillingMode.IN_ARREARS, "invoice_day": 1}
    return connections.add_connection(month.portal, "QuickBooks Nordet Ontario", partner=PARTNER, **given).id


@pytest.fixture
def joined(site: Flask, month: Any) -> Callable[..., Person]:
    """Lets somebody join a connection by an invitation, and logs them in: a stranger, or who has an account."""

    def join(email: str, role: Role, connection_id: int = 1) -> Person:
        portal: Portal = month.portal
        maker = accounts.check_password(portal, EMAILS[Role.ADMINISTRATOR], PASSWORD)
        assert maker is not None
        ticket = sharing.invite(portal, maker, connection_id, role).ticket
        known = accounts.check_password(portal, email, PASSWORD)
        if known is None:
            sharing.accept_as_stranger(portal, ticket, email=email, password=PASSWORD, language="en")
        else:
            sharing.accept(portal, known, ticket)
        made = Person(site.test_client())
        assert made.log_in(email).status_code == 303
        return made

    return join


@pytest.fixture
def admin(person: Callable[[Role | str], Person]) -> Person:
    """An administrator of the sample partner."""
    return person(Role.ADMINISTRATOR)


@pytest.fixture
def new_person() -> Callable[[Flask], Person]:
    """Brings somebody to a site."""
    return lambda site: Person(site.test_client())


@pytest.fixture
def with_mail(month: Any) -> Callable[..., Person]:
    """Brings somebody to the same site, which can send mail now: its administrator, unless told otherwise."""

    def visit(_site: Flask, server: Any, *, logs_in: bool = True) -> Person:
        changed = {
            "smtp_url": SecretStr(f"smtp://127.0.0.2:{server.port}"),
            "mail_from": "Portal <portal@example.com>",
        }
        portal = replace(month.portal, settings=month.portal.settings.model_copy(update=changed))
        made = Person(create_app(portal).test_client())
        if logs_in:
            assert made.log_in(EMAILS[Role.ADMINISTRATOR]).status_code == 303
        return made

    return visit
