"""The lists of tags of a connection's charges, each kept once, for export rules to look into; and what tags there are.

An import names them a chunk at a time: a list that many charges carry is written once, and looked up once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import orm

from portal.billing.export_rule import Tag
from portal.models import TagSet
from portal.services.chunks import chunks

Tags = tuple[tuple[str, str], ...]
MOST_READ = 20_000

_SETS = TagSet.metadata.tables[TagSet.__tablename__]


class TagSets:
    """The ids of the lists of tags of one connection; those that are not there are made."""

    def __init__(self, db: orm.Session, connection_id: int) -> None:
        self._db, self._connection_id = db, connection_id
        self._ids: dict[Tags, int | None] = {(): None}

    def add(self, lists: Iterable[Tags]) -> None:
        """Look these up, or make them."""
        new = {tags: written(tags) for tags in lists if tags not in self._ids}
        for some in chunks(list(new)):
            digests = {tags: hashlib.sha256(new[tags].encode()).hexdigest() for tags in some}
            known = self._find(digests.values())
            missing = {digest: new[tags] for tags, digest in digests.items() if digest not in known}
            if missing:
                rows = [
                    {"connection_id": self._connection_id, "digest": digest, "tags": text}
                    for digest, text in missing.items()
                ]
                self._db.connection().execute(sa.insert(_SETS), rows)
                known |= self._find(missing)
            self._ids.update((tags, known[digest]) for tags, digest in digests.items())

    def id_of(self, tags: Tags) -> int | None:
        """The id of a list; None for the empty one."""
        if tags not in self._ids:
            self.add((tags,))
        return self._ids[tags]

    def _find(self, digests: Iterable[str]) -> dict[str, int]:
        own = sa.select(_SETS.c.digest, _SETS.c.id).where(_SETS.c.connection_id == self._connection_id)
        found = self._db.connection().execute(own.where(_SETS.c.digest.in_(list(digests)))).all()
        return {row.digest: row.id for row in found}


def written(tags: Tags) -> str:
    """A list of tags as it is kept, and as `portal.services.rule_conditions` looks for tags in it."""
    return json.dumps([list(tag) for tag in tags])


def known_tags(db: orm.Session, connection_id: int) -> tuple[Tag, ...]:
    """The tags to choose from, by name and value; of very many lists, those of the latest."""
    own = sa.select(TagSet.tags).where(TagSet.connection_id == connection_id)
    latest = db.scalars(own.order_by(TagSet.id.desc()).limit(MOST_READ))
    return tuple(sorted({Tag(name, value) for text in latest for name, value in json.loads(text)}))
