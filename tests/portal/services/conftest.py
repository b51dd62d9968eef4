"""What tests of the use cases share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.billing.period import BillingMode
from portal.services import Portal, accounts, connections


@pytest.fixture
def make_one(any_portal: Portal) -> Callable[..., Any]:
    """Makes connections, and their partners, on each kind of database."""
    made: set[str] = set()

    def make(name: str = "QB", partner: str = "Nordet", **changed: Any) -> connections.NewConnection:
        if partner not in made:
            accounts.add_partner(any_portal, partner)
            made.add(partner)
        given = {"billing_mode": BillingMode.IN_ARREARS, "invoice_day": 1, **changed}
        return connections.add_connection(any_portal, name, partner=partner, **given)

    return make
