"""What tests of the use cases share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

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


@pytest.fixture
def just_before(any_portal: Portal) -> Callable[[str, Callable[[], Any]], None]:
    """Lets somebody else be done at the moment before a statement that begins like this, once.

    On PostgreSQL: on SQLite one writer waits for the other.
    """

    def prepare(begins: str, other: Callable[[], Any]) -> None:
        left = [other]

        def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if left and statement.startswith(begins):
                left.pop()()

        sa.event.listen(any_portal.database.engine, "before_cursor_execute", look)

    return prepare
