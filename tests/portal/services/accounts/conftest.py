"""What tests of accounts share: quick hashes, two partners, and people of every role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.models import Role
from portal.services import Portal, accounts

PASSWORD = "correct horse battery"


@pytest.fixture
def nordet(any_portal: Portal) -> Portal:
    """A portal with the partners Nordet and Elsewhere."""
    accounts.add_partner(any_portal, "Nordet")
    accounts.add_partner(any_portal, "Elsewhere")
    return any_portal


@pytest.fixture
def add(nordet: Portal) -> Callable[..., accounts.UserView]:
    """Adds a person of Nordet who may bill, unless told otherwise."""

    def make(email: str = "anne@nordet.example", **changed: Any) -> accounts.UserView:
        given = {"partner": "Nordet", "role": Role.BILLING, "password": PASSWORD, **changed}
        return accounts.add_user(nordet, email, **given)

    return make


@pytest.fixture
def log_in(nordet: Portal) -> Callable[..., str]:
    """Logs somebody in; returns the token."""

    def begin(email: str = "anne@nordet.example", password: str = PASSWORD, **given: str) -> str:
        user = accounts.check_password(nordet, email, password)
        assert user is not None
        seen = {"user_agent": "Firefox/140", "address": "192.0.2.1", **given}
        token = accounts.begin_log_in(nordet, user.id, user.stamp, **seen)
        assert token is not None
        return token

    return begin


@pytest.fixture
def admin(add: Callable[..., accounts.UserView], log_in: Callable[..., str], nordet: Portal) -> accounts.UserView:
    """The administrator of Nordet, logged in."""
    add("admin@nordet.example", role=Role.ADMINISTRATOR)
    found = accounts.find_log_in(nordet, log_in("admin@nordet.example"))
    assert found is not None
    return found
