"""How people come in: their log-ins, their recovery codes, and the link of the first administrator."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.tables import Base

LONGEST_USER_AGENT = 200
LONGEST_ADDRESS = 45  # an IPv6 address that holds an IPv4 one
_SHA_256 = 64


class LogIn(Base):
    """A browser in which a person is logged in. Its cookie holds the token; here is only the token's hash."""

    __tablename__ = "log_in"
    __table_args__ = (Index("ix_log_in_user_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(_SHA_256), unique=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    user_agent: Mapped[str] = mapped_column(String(LONGEST_USER_AGENT))
    address: Mapped[str] = mapped_column(String(LONGEST_ADDRESS))


class RecoveryCode(Base):
    """A code that replaces the telephone, once. Used ones are deleted."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(_SHA_256))


class SetupLink(Base):
    """The link to make the first administrator: at most one, gone once anybody can log in."""

    __tablename__ = "setup_link"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(_SHA_256))
    created_at: Mapped[datetime]
