"""Who did what by hand, when, and from where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.log_ins import LONGEST_ADDRESS
from portal.models.tables import Base


class AuditEntry(Base):
    """One decision of a person. `subject` is what it was about, such as ``draft:12``; `who` an e-mail address.

    `address` is where it came from: a network address, or ``command line``; empty for what followed by itself, and for
    entries from before it was kept. Entries about people belong to their partner and to no connection. `words` are the
    texts of the detail, to be searched.

    The migrations' triggers let nobody change or delete an entry, so nothing that has entries is deleted with them.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_connection_id_subject", "connection_id", "subject"),
        Index("ix_audit_entry_connection_id_id", "connection_id", "id"),
        Index("ix_audit_entry_partner_id_id", "partner_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id"))
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connection.id"))
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(LONGEST_ADDRESS), default="")
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80))
    detail: Mapped[dict[str, Any]]
    words: Mapped[str] = mapped_column(default="")
