"""Where charges come from beside known files: column profiles, access to Sherweb, and files that wait for a person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.tables import LONGEST_NAME, Base


class ColumnProfile(Base):
    """How one supplier's CSV is read: a profile of portal.providers.csvfile, as the object that its JSON is."""

    __tablename__ = "column_profile"
    __table_args__ = (UniqueConstraint("connection_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    profile: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class SherwebAccess(Base):
    """What Sherweb gave a partner for its API. Both secrets are sealed (see portal.services.sealing)."""

    __tablename__ = "sherweb_access"

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"), unique=True)
    client_id: Mapped[str]
    client_secret: Mapped[str]
    subscription_key: Mapped[str]
    authorization_url: Mapped[str]
    distributor_url: Mapped[str]
    changed_at: Mapped[datetime]
    last_checked_at: Mapped[datetime | None]
    last_error: Mapped[dict[str, Any] | None]
    """Why the last log-in or fetch failed: the key, template and values of a ProviderError."""
    is_daily: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    """Whether the charges are fetched every night."""
    fetched_on: Mapped[date | None]
    """The last day, where the connection is, on which the nightly fetch went well; `failures` counts those since."""
    fetch_not_before: Mapped[datetime | None]
    """Nobody fetches until then: a worker is at it, or waits after a failure."""
    failures: Mapped[int] = mapped_column(default=0, server_default="0")


class Upload(Base):
    """A CSV file that waits, for a short time, until the person who brought it says what its columns are."""

    __tablename__ = "upload"
    __table_args__ = (UniqueConstraint("connection_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    token: Mapped[str] = mapped_column(String(43), unique=True)
    file_name: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """Compressed."""
    uploaded_at: Mapped[datetime]
