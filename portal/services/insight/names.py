"""The names that the tables of insight show: organizations and offers by id."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import sort_key
from portal.models import Offer, Organization

CHUNK = 5000
"""How many rows of a query are fetched at once."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one connection. An offer has its key beside its name, since two may share one."""

    organizations: dict[int, str]
    offers: dict[int, tuple[str, str]]

    @classmethod
    def load(cls, db: orm.Session, connection_id: int) -> Names:
        organizations = db.execute(sa.select(Organization.id, Organization.name).filter_by(connection_id=connection_id))
        offers = db.execute(sa.select(Offer.id, Offer.name, Offer.key).filter_by(connection_id=connection_id))
        return cls({row.id: row.name for row in organizations}, {row.id: (row.name, row.key) for row in offers})

    def order(self, organization_id: int | None, offer_id: int | None) -> tuple[str, str, str]:
        """Where a row stands among others that are alike in what counts."""
        organization = "" if organization_id is None else self.organizations[organization_id]
        offer, key = ("", "") if offer_id is None else self.offers[offer_id]
        return sort_key(organization), sort_key(offer), key
