"""The portal's tables. Every row belongs to one partner, through its connection; nobody sees another's.

A connection shares its id with its row in ``qbwc_connection``: both live in one database, so that an answer from
QuickBooks and what follows from it are kept together or not at all.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.period import BillingMode
from qbwc import models as qbwc_models
from qbwc.models import UtcDateTime, choice

LONGEST_NAME = 120
LONGEST_KEY = 200


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal kept as text: no digit of a provider's number is lost on any database."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """The portal's tables, beside the library's."""

    metadata = qbwc_models.Base.metadata
    type_annotation_map = {datetime: UtcDateTime(), str: Text(), Decimal: ExactDecimal(), dict[str, Any]: JSON()}


class Role(StrEnum):
    """What a member may do."""

    ADMINISTRATOR = "administrator"
    BILLING = "billing"
    ACCOUNTANT = "accountant"
    READ_ONLY = "read-only"


class InvoiceMode(StrEnum):
    """Whether an organization's charges become an invoice of their own or join one that is not sent yet."""

    CREATE = "create"
    UPDATE = "update"


class DraftState(StrEnum):
    """Where a draft stands. HELD was never queued, PARKED waits for a person, DIFFERENT is not what was asked for."""

    HELD = "held"
    QUEUED = "queued"
    WRITTEN = "written"
    RECONCILED = "reconciled"
    DIFFERENT = "different"
    PARKED = "parked"


class CostState(StrEnum):
    """Where a unit cost stands on its way to the item."""

    QUEUED = "queued"
    WRITTEN = "written"
    NO_FIELD = "no-field"
    PARKED = "parked"


class Partner(Base):
    """The reseller, a tenant."""

    __tablename__ = "partner"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    created_at: Mapped[datetime]


class User(Base):
    """A person who can log in."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password: Mapped[str]
    language: Mapped[str] = mapped_column(String(5), default="en")
    is_active: Mapped[bool] = mapped_column(default=True)
    session_key: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]

    members: Mapped[list[Member]] = relationship(back_populates="user")


class Member(Base):
    """A person's role at a partner."""

    __tablename__ = "member"
    __table_args__ = (UniqueConstraint("user_id", "partner_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    role: Mapped[Role] = mapped_column(choice(Role))

    user: Mapped[User] = relationship(back_populates="members")
    partner: Mapped[Partner] = relationship()


class Connection(Base):
    """One company file of a partner, and how its clients are billed."""

    __tablename__ = "connection"
    __table_args__ = (
        UniqueConstraint("partner_id", "name"),
        CheckConstraint("invoice_day BETWEEN 1 AND 31", name="invoice_day"),
    )

    id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"), primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partner.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    billing_mode: Mapped[BillingMode] = mapped_column(choice(BillingMode))
    invoice_day: Mapped[int]
    prorate_additions: Mapped[bool] = mapped_column(default=False)
    prorate_removals: Mapped[bool] = mapped_column(default=False)
    prorate_partial: Mapped[bool] = mapped_column(default=False)
    time_zone: Mapped[str] = mapped_column(String(64), default="America/Toronto")
    start_date: Mapped[date | None]
    unflagged_is_unsent: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    lists_wanted: Mapped[bool] = mapped_column(default=True)
    opens_page: Mapped[bool] = mapped_column(default=False, server_default=sa.false())

    partner: Mapped[Partner] = relationship()
    wire: Mapped[qbwc_models.Connection] = relationship(qbwc_models.Connection)


class Offer(Base):
    """What the partner resells, and the QuickBooks item that stands for it."""

    __tablename__ = "offer"
    __table_args__ = (UniqueConstraint("connection_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(LONGEST_KEY))
    name: Mapped[str]
    item_list_id: Mapped[str | None] = mapped_column(String(36))
    is_synchronized: Mapped[bool] = mapped_column(default=True)


class Organization(Base):
    """To whom the partner resells, and the QuickBooks customer that stands for it."""

    __tablename__ = "organization"
    __table_args__ = (UniqueConstraint("connection_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(LONGEST_KEY))
    name: Mapped[str]
    customer_list_id: Mapped[str | None] = mapped_column(String(36))
    mode: Mapped[InvoiceMode] = mapped_column(choice(InvoiceMode), default=InvoiceMode.CREATE)
    is_synchronized: Mapped[bool] = mapped_column(default=True)


class Delivery(Base):
    """One import of charges, whole."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_connection_id", "connection_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(40))
    file_name: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    period_start: Mapped[date]
    period_end: Mapped[date]
    total: Mapped[Decimal]
    rows: Mapped[int]
    added: Mapped[int]
    changed: Mapped[int]
    imported_at: Mapped[datetime]


class Charge(Base):
    """A charge as received; see portal.billing.charge for the meaning of its fields."""

    __tablename__ = "charge"
    __table_args__ = (
        UniqueConstraint("connection_id", "key"),
        Index("ix_charge_connection_id_start", "connection_id", "start"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"), index=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"), index=True)
    key: Mapped[str] = mapped_column(String(80))
    name: Mapped[str]
    kind: Mapped[ChargeKind] = mapped_column(choice(ChargeKind))
    cycle: Mapped[BillingCycle] = mapped_column(choice(BillingCycle))
    quantity: Mapped[Decimal]
    start: Mapped[date]
    end: Mapped[date]
    unit_cost: Mapped[Decimal]
    unit_cost_prorated: Mapped[Decimal]
    amount: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(String(3))
    is_proratable: Mapped[bool]
    tags: Mapped[dict[str, Any]]
    raw: Mapped[str]

    offer: Mapped[Offer] = relationship()
    organization: Mapped[Organization] = relationship()


class Run(Base):
    """One billing of one period. Its date is unique in its connection: asked for twice, it is made once."""

    __tablename__ = "run"
    __table_args__ = (UniqueConstraint("connection_id", "invoice_date"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    invoice_date: Mapped[date]
    period_start: Mapped[date]
    period_end: Mapped[date]
    created_at: Mapped[datetime]

    drafts: Mapped[list[Draft]] = relationship(back_populates="run", order_by="Draft.id")


class Draft(Base):
    """An invoice on its way: what was asked for, and what QuickBooks kept."""

    __tablename__ = "draft"
    __table_args__ = (
        UniqueConstraint("run_id", "organization_id", "sequence"),
        Index("ix_draft_state", "run_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    sequence: Mapped[int] = mapped_column(default=1)
    mode: Mapped[InvoiceMode] = mapped_column(choice(InvoiceMode))
    customer_list_id: Mapped[str] = mapped_column(String(36))
    guid: Mapped[str] = mapped_column(String(38), unique=True)
    state: Mapped[DraftState] = mapped_column(choice(DraftState))
    txn_id: Mapped[str | None] = mapped_column(String(36))
    ref_number: Mapped[str | None] = mapped_column(String(21))
    txn_date: Mapped[date | None]
    subtotal: Mapped[Decimal | None]
    tax: Mapped[Decimal | None]
    kept: Mapped[dict[str, Any] | None]
    code: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None]
    written_at: Mapped[datetime | None]
    reconciled_at: Mapped[datetime | None]

    run: Mapped[Run] = relationship(back_populates="drafts")
    organization: Mapped[Organization] = relationship()
    lines: Mapped[list[DraftLine]] = relationship(back_populates="draft", order_by="DraftLine.position")


class DraftLine(Base):
    """One line of a draft. `quantity` is what is billed; the price is QuickBooks' own."""

    __tablename__ = "draft_line"
    __table_args__ = (UniqueConstraint("draft_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    position: Mapped[int]
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    item_list_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[ChargeKind] = mapped_column(choice(ChargeKind))
    description: Mapped[str]
    quantity: Mapped[Decimal]
    service_date: Mapped[date]
    arithmetic: Mapped[str]
    txn_line_id: Mapped[str | None] = mapped_column(String(36))
    rate: Mapped[Decimal | None]
    amount: Mapped[Decimal | None]

    draft: Mapped[Draft] = relationship(back_populates="lines")
    charges: Mapped[list[BilledCharge]] = relationship(back_populates="line")


class BilledCharge(Base):
    """The charge that a line bills. It is the key: the same charge is invoiced once, whoever asks, however often."""

    __tablename__ = "billed_charge"

    charge_id: Mapped[int] = mapped_column(ForeignKey("charge.id"), primary_key=True, autoincrement=False)
    line_id: Mapped[int] = mapped_column(ForeignKey("draft_line.id", ondelete="CASCADE"), index=True)

    line: Mapped[DraftLine] = relationship(back_populates="charges")
    charge: Mapped[Charge] = relationship()


class ItemCost(Base):
    """The unit cost that goes to an item, and whether it arrived."""

    __tablename__ = "item_cost"
    __table_args__ = (UniqueConstraint("connection_id", "item_list_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    item_list_id: Mapped[str] = mapped_column(String(36))
    unit_cost: Mapped[Decimal]
    state: Mapped[CostState] = mapped_column(choice(CostState))
    code: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None]
    changed_at: Mapped[datetime]
