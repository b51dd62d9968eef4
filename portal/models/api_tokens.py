"""The tokens by which other programs use the API: what each may do, until when, and when it was used last."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.log_ins import LONGEST_ADDRESS
from portal.models.tables import LONGEST_NAME, Base


class Scope(StrEnum):
    """What a token may do; to write does not include to read."""

    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_WRITE = "connections:write"
    MAPPINGS_READ = "mappings:read"
    MAPPINGS_WRITE = "mappings:write"
    CHARGES_READ = "charges:read"
    CHARGES_WRITE = "charges:write"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    HISTORY_READ = "history:read"
    NOTICES_READ = "notices:read"


class ApiToken(Base):
    """A token of a partner. The program that uses it holds the token; here is only its hash.

    A token that was revoked, or has expired, stays: what was done with it is in the log under its name.
    """

    __tablename__ = "api_token"
    __table_args__ = (Index("ix_api_token_partner_id", "partner_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(254))
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    last_used_from: Mapped[str | None] = mapped_column(String(LONGEST_ADDRESS))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(254))
