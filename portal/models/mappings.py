"""What is resold to whom: offers and organizations, each with its counterpart in QuickBooks."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.tables import LONGEST_KEY, Base
from qbwc.models import choice


class InvoiceMode(StrEnum):
    """Whether an organization's charges become an invoice of their own or join one that is not sent yet."""

    CREATE = "create"
    UPDATE = "update"


class Offer(Base):
    """What the partner resells, and the QuickBooks item that stands for it."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("connection_id", "key"),
        Index("ix_offer_connection_id_id", "connection_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(LONGEST_KEY))
    name: Mapped[str]
    item_list_id: Mapped[str | None] = mapped_column(String(36))
    is_synchronized: Mapped[bool] = mapped_column(default=True)


class Organization(Base):
    """To whom the partner resells, and the QuickBooks customer that stands for it.

    What its invoices carry beside the lines: the PO number, class, terms, the lines' sales-tax code, and templates for
    the two custom columns of the lines. None: QuickBooks' own.
    """

    __tablename__ = "organization"
    __table_args__ = (
        UniqueConstraint("connection_id", "key"),
        Index("ix_organization_connection_id_id", "connection_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(LONGEST_KEY))
    name: Mapped[str]
    customer_list_id: Mapped[str | None] = mapped_column(String(36))
    mode: Mapped[InvoiceMode] = mapped_column(choice(InvoiceMode), default=InvoiceMode.CREATE)
    is_synchronized: Mapped[bool] = mapped_column(default=True)
    po_number: Mapped[str | None] = mapped_column(String(25))
    class_list_id: Mapped[str | None] = mapped_column(String(36))
    terms_list_id: Mapped[str | None] = mapped_column(String(36))
    tax_code_list_id: Mapped[str | None] = mapped_column(String(36))
    other1: Mapped[str | None] = mapped_column(String(200))
    other2: Mapped[str | None] = mapped_column(String(200))
