"""Who did what by hand, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.tables import Base


class AuditEntry(Base):
    """One decision of a person. `subject` is what it was about, such as ``draft:12``; `who` an e-mail address."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_connection_id_subject", "connection_id", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]]
