"""Which charges may leave: the versions of a connection's export rule, and the lists of tags that rules look into."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.tables import Base


class ExportRuleVersion(Base):
    """One version of an export rule (see portal.billing.export_rule); the highest applies. None: everything leaves.

    Versions are never changed: a run, and each of its drafts, names the one that it was made by.
    """

    __tablename__ = "export_rule"
    __table_args__ = (UniqueConstraint("connection_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    version: Mapped[int]
    rule: Mapped[dict[str, Any]]
    who: Mapped[str] = mapped_column(String(254))
    at: Mapped[datetime]


class TagSet(Base):
    """A list of tags, once for all charges that carry it, as the JSON of its names and values.

    Most charges of a client carry the same few tags: a rule looks into thousands of lists, not into a million charges.
    """

    __tablename__ = "tag_set"
    __table_args__ = (UniqueConstraint("connection_id", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of `tags`, which may be longer than an index takes."""
    tags: Mapped[str]
