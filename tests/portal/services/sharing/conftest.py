"""What tests of sharing share: two partners, a connection of one of them, its administrator, and quick hashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import argon2
import pytest

from portal.billing.period import BillingMode
from portal.models import Role
from portal.services import Portal, accounts, connections
from portal.services.accounts import UserView, passwords

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kind of hash, with less work."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@dataclass(frozen=True)
class Cast:
    """Alice administers Nordet, Bob of Nordet may bill, and Charlie administers Elsewhere, outside."""

    portal: Portal
    qb: int
    other: int
    foreign: int
    alice: UserView
    bob: UserView
    charlie: UserView


@pytest.fixture
def cast(any_portal: Portal) -> Cast:
    """The cast on each kind of database."""
    for partner in ("Nordet", "Elsewhere"):
        accounts.add_partner(any_portal, partner)
    given: dict[str, Any] = {"billing_mode": BillingMode.IN_ARREARS, "invoice_day": 1}
    qb, other, foreign = (
        connections.add_connection(any_portal, name, partner=partner, **given).id
        for name, partner in (("QB", "Nordet"), ("QB Ontario", "Nordet"), ("QB Elsewhere", "Elsewhere"))
    )

    def add(email: str, partner: str, role: Role) -> UserView:
        return accounts.add_user(any_portal, email, partner=partner, role=role, password=PASSWORD)

    return Cast(
        portal=any_portal,
        qb=qb,
        other=other,
        foreign=foreign,
        alice=add("alice@nordet.example", "Nordet", Role.ADMINISTRATOR),
        bob=add("bob@nordet.example", "Nordet", Role.BILLING),
        charlie=add("charlie@elsewhere.example", "Elsewhere", Role.ADMINISTRATOR),
    )


@pytest.fixture
def who(cast: Cast) -> Callable[[str], UserView | None]:
    """Who logs in with this address."""
    return lambda email: accounts.check_password(cast.portal, email, PASSWORD)
