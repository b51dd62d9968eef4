"""The names that the tables of insight show: organizations and offers by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.mapping import sort_key
from portal.models import Offer, Organization
from portal.services.chunks import chunks

CHUNK = 5000
"""How many rows of a query are fetched at once."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one connection. An offer has its key beside its name, since two may share one."""

    organizations: dict[int, str]
    offers: dict[int, tuple[str, str]]

    @classmethod
    def load(cls, db: orm.Session, pairs: Iterable[tuple[int | None, int | None]]) -> Names:
        """Those of these organizations and offers of one connection."""
        some = list(pairs)
        organizations = _rows(db, Organization, {pair[0] for pair in some}, (Organization.name,))
        offers = _rows(db, Offer, {pair[1] for pair in some}, (Offer.name, Offer.key))
        return cls({row.id: row.name for row in organizations}, {row.id: (row.name, row.key) for row in offers})

    def order(self, organization_id: int | None, offer_id: int | None) -> tuple[str, str, str]:
        """Where a row stands among others that are alike in what counts."""
        organization = "" if organization_id is None else self.organizations[organization_id]
        offer, key = ("", "") if offer_id is None else self.offers[offer_id]
        return sort_key(organization), sort_key(offer), key


def _rows(
    db: orm.Session, of: type[Organization] | type[Offer], ids: Iterable[int | None], columns: tuple[Any, ...]
) -> Iterator[sa.Row[Any]]:
    for some in chunks(sorted(one for one in ids if one is not None)):
        yield from db.execute(sa.select(of.id, *columns).where(of.id.in_(some)))
