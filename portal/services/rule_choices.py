"""What an export rule chooses from: organizations, offers and tags, searched a page at a time; what is chosen first.

There may be 10,000 of each, so a page lists some of what is chosen and some of what is found, and counts the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.export_rule import Tag, tag_text
from portal.models import Offer, Organization
from portal.services import Portal, folding, rule_conditions, tag_sets
from portal.services.connections import find
from portal.services.paging import Page, Wanted, load_page

MOST_LISTED = 200
FOUND = 25


class Side(StrEnum):
    """The two lists of rows that a rule chooses from."""

    ORGANIZATIONS = "organizations"
    OFFERS = "offers"


_TABLES: dict[Side, type[Organization] | type[Offer]] = {Side.ORGANIZATIONS: Organization, Side.OFFERS: Offer}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for among the rows of a side that are not chosen: words, and the page from 1."""

    search: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """The rows of a side: `chosen` ones, of which `unlisted` more are not named, and a page of the others."""

    chosen: tuple[tuple[int, str], ...]
    unlisted: tuple[int, ...]
    found: Page[tuple[int, str]]

    @property
    def count(self) -> int:
        """How many are chosen."""
        return len(self.chosen) + len(self.unlisted)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagList:
    """The tags that were found; `more`: there are others, which other words find."""

    found: tuple[Tag, ...]
    more: bool


def read_checklist(
    portal: Portal, connection_id: int, side: Side, chosen: Collection[int], sought: Sought
) -> Checklist:
    """The rows of a side. Chosen ones that are not there, or another connection's, are passed over. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        table = _TABLES[side]
        is_chosen = rule_conditions.is_one_of(table.id.expression, chosen)
        name = folding.folded(db, table.name)
        own = sa.select(table.id, table.name).where(table.connection_id == connection_id)
        ids = [(row.id, row.name) for row in db.execute(own.where(is_chosen).order_by(name, table.id))]
        matches = folding.has_words(db, sought.search, table.name, table.key)
        columns: tuple[Any, ...] = (table.id, table.name)
        query = sa.select(*columns).where(table.connection_id == connection_id, sa.not_(is_chosen), matches)
        wanted = Wanted(page=sought.page, size=FOUND)
        page = load_page(db, query, wanted, sorts={"name": name}, key=table.id.expression)
        return Checklist(
            chosen=tuple(ids[:MOST_LISTED]),
            unlisted=tuple(row_id for row_id, _name in ids[MOST_LISTED:]),
            found=page.map(lambda rows: [(row.id, row.name) for row in rows]),
        )


def find_ids(portal: Portal, connection_id: int, side: Side, search: str) -> frozenset[int]:
    """The ids of all rows that a search finds. Raises NotFound."""
    with portal.database.read() as db:
        find(db, connection_id)
        table = _TABLES[side]
        asked = folding.has_words(db, search, table.name, table.key)
        return frozenset(db.scalars(sa.select(table.id).where(table.connection_id == connection_id, asked)))


def find_tags(portal: Portal, connection_id: int, search: str, chosen: Collection[Tag]) -> TagList:
    """The tags that hold every word of a search and are not chosen: names alone first, each stands for any value."""
    with portal.database.read() as db:
        find(db, connection_id)
        known = tag_sets.known_tags(db, connection_id)
    words = folding.words_of(search)
    names = [Tag(name) for name in sorted({tag.name for tag in known})]
    places = ((tag, folding.fold(tag_text(tag))) for tag in (*names, *known))
    found = [tag for tag, text in places if tag not in chosen and all(word in text for word in words)]
    unique = list(dict.fromkeys(found))
    return TagList(found=tuple(unique[:FOUND]), more=len(unique) > FOUND)


def unknown_tags(db: orm.Session, connection_id: int, tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """Those that no charge of a connection ever carried."""
    return tuple(tag for tag in sorted(tags) if not rule_conditions.is_tag_known(db, connection_id, tag))


__all__ = [
    "FOUND",
    "MOST_LISTED",
    "Checklist",
    "Side",
    "Sought",
    "TagList",
    "find_ids",
    "find_tags",
    "read_checklist",
    "unknown_tags",
]
