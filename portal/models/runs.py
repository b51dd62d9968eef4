"""The ledger's other side: runs, drafts, their lines, and which charge each of them bills."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.billing.charge import ChargeKind
from portal.billing.drafting import Form
from portal.billing.lines import Section
from portal.models.charges import Charge
from portal.models.mappings import InvoiceMode, Organization
from portal.models.tables import Base
from qbwc.models import choice


class DraftState(StrEnum):
    """Where a draft stands. HELD was never queued, PARKED waits for a person, DIFFERENT is not what was asked for.

    DONE: a person says that QuickBooks has it. IGNORED: a person says that it is not to be billed.
    """

    HELD = "held"
    QUEUED = "queued"
    WRITTEN = "written"
    RECONCILED = "reconciled"
    DIFFERENT = "different"
    PARKED = "parked"
    DONE = "done"
    IGNORED = "ignored"


class CostState(StrEnum):
    """Where a unit cost stands on its way to the item."""

    QUEUED = "queued"
    WRITTEN = "written"
    NO_FIELD = "no-field"
    PARKED = "parked"


class PlannedState(StrEnum):
    """Where a planned draft stands: CHANGED is not what was approved, FAILED could not be made, by a fault of ours."""

    WAITING = "waiting"
    CHANGED = "changed"
    FAILED = "failed"


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
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("export_rule.id"))
    """The version of the export rule that it is made by, until all its drafts are made; None: everything leaves."""
    rule_on: Mapped[date | None]
    """The day in the connection's zone on which it was begun: what "the last 30 days" counts from."""
    asked_by: Mapped[str] = mapped_column(String(254), default="", server_default="")
    """Who asked for it last; empty where the portal began it by itself."""
    is_shared: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    """Whether accountants see it, with its invoices and exchanges."""

    drafts: Mapped[list[Draft]] = relationship(back_populates="run", order_by="Draft.id")


class PlannedDraft(Base):
    """A draft that a run is still to make: runs are made a batch at a time, and go on wherever they were stopped.

    `fingerprint` is what a person approved, NULL where it is billed as it comes.
    """

    __tablename__ = "planned_draft"
    __table_args__ = (UniqueConstraint("run_id", "organization_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    fingerprint: Mapped[str | None] = mapped_column(String(16))
    state: Mapped[PlannedState] = mapped_column(choice(PlannedState), default=PlannedState.WAITING)


class Draft(Base):
    """An invoice on its way: what was asked for, and what QuickBooks kept.

    The PO number, class, terms and tax code are those of its organization as they were approved.
    """

    __tablename__ = "draft"
    __table_args__ = (
        UniqueConstraint("run_id", "organization_id", "sequence"),
        Index("ix_draft_state", "run_id", "state"),
        Index("ix_draft_run_id_id", "run_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    sequence: Mapped[int] = mapped_column(default=1)
    form: Mapped[Form] = mapped_column(choice(Form), default=Form.INVOICE)
    mode: Mapped[InvoiceMode] = mapped_column(choice(InvoiceMode))
    customer_list_id: Mapped[str] = mapped_column(String(36))
    po_number: Mapped[str | None] = mapped_column(String(25))
    class_list_id: Mapped[str | None] = mapped_column(String(36))
    terms_list_id: Mapped[str | None] = mapped_column(String(36))
    tax_code_list_id: Mapped[str | None] = mapped_column(String(36))
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
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("export_rule.id"))
    """The version of the export rule that let its charges leave."""
    written_at: Mapped[datetime | None]
    reconciled_at: Mapped[datetime | None]

    run: Mapped[Run] = relationship(back_populates="drafts")
    organization: Mapped[Organization] = relationship()
    lines: Mapped[list[DraftLine]] = relationship(back_populates="draft", order_by="DraftLine.position")


class DraftLine(Base):
    """One line of a draft. `quantity` is what is billed; the price is QuickBooks' own unless one is asked for.

    `rate` and `amount` are what QuickBooks kept.
    """

    __tablename__ = "draft_line"
    __table_args__ = (UniqueConstraint("draft_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    position: Mapped[int]
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    item_list_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[ChargeKind] = mapped_column(choice(ChargeKind))
    section: Mapped[Section] = mapped_column(choice(Section))
    states_all: Mapped[bool]
    """Whether the quantity is the whole of the period, so that it may stand in place of the partner's own figure."""
    description: Mapped[str]
    quantity: Mapped[Decimal]
    service_date: Mapped[date]
    arithmetic: Mapped[str]
    asked_rate: Mapped[Decimal | None]
    asked_amount: Mapped[Decimal | None]
    other1: Mapped[str | None] = mapped_column(String(29))
    other2: Mapped[str | None] = mapped_column(String(29))
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
    quantity: Mapped[Decimal]
    """Its share of the line, unrounded: what a correction gives back."""
    rate: Mapped[Decimal | None]
    """The rate it was billed at, where that was ours, and what it came to."""
    amount: Mapped[Decimal | None]

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
