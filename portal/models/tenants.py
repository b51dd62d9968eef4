"""Who: partners, their people and their connections, each with how it bills."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.billing.options import Approval, Grouping, NegativeTotal, ProrateBy
from portal.billing.period import BillingMode
from portal.billing.rating import Rounding
from portal.billing.share import DayCount
from portal.models.tables import LONGEST_NAME, Base
from qbwc import models as qbwc_models
from qbwc.models import choice


class Role(StrEnum):
    """What a member may do."""

    ADMINISTRATOR = "administrator"
    BILLING = "billing"
    ACCOUNTANT = "accountant"
    READ_ONLY = "read-only"


class SetupStep(StrEnum):
    """The steps of setting a connection up, in their order."""

    OPTIONS = "options"
    CONNECTION = "connection"
    OFFERS = "offers"
    ORGANIZATIONS = "organizations"
    START = "start"


class Partner(Base):
    """The reseller, a tenant."""

    __tablename__ = "partner"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME), unique=True)
    created_at: Mapped[datetime]
    requires_second_factor: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class User(Base):
    """A person who can log in.

    `second_factor` is the sealed secret of their authenticator (see portal.services.sealing) and None when it is off;
    `second_factor_step` the time step of the last code that was accepted, so that none is accepted twice.
    """

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password: Mapped[str]
    language: Mapped[str] = mapped_column(String(5), default="en")
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    second_factor: Mapped[str | None]
    second_factor_step: Mapped[int | None]

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
    """One company file of a partner, and how its clients are billed.

    `setup_step` is the furthest step of its set-up, None once it is started: before, nothing is billed by itself.
    `started_at` is None for a connection that was never set up step by step: it counts from `created_at`.
    `call_gaps` are the seconds between the latest calls of the Web Connector, oldest first.
    """

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
    lists_wanted_by: Mapped[str] = mapped_column(String(254), default="", server_default="")
    """Who asked for the lists; empty where the portal did by itself."""
    opens_page: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    prorate_by: Mapped[ProrateBy] = mapped_column(choice(ProrateBy), default=ProrateBy.QUANTITY)
    day_count: Mapped[DayCount] = mapped_column(choice(DayCount), default=DayCount.ACTUAL)
    rounding: Mapped[Rounding] = mapped_column(choice(Rounding), default=Rounding.LINE)
    grouping: Mapped[Grouping] = mapped_column(choice(Grouping), default=Grouping.CHANGE)
    negative_total: Mapped[NegativeTotal] = mapped_column(choice(NegativeTotal), default=NegativeTotal.HOLD)
    description: Mapped[str] = mapped_column(default="")
    approval: Mapped[Approval] = mapped_column(choice(Approval), default=Approval.AUTOMATIC)
    setup_step: Mapped[SetupStep | None] = mapped_column(choice(SetupStep))
    started_at: Mapped[datetime | None]
    call_gaps: Mapped[list[int] | None] = mapped_column(JSON)
    fiscal_first_month: Mapped[int] = mapped_column(default=1, server_default="1")
    """The month in which the fiscal year begins, for looking back: nothing is billed by it."""
    password_changed_at: Mapped[datetime | None]
    """When the Web Connector's password was renewed last."""

    partner: Mapped[Partner] = relationship()
    wire: Mapped[qbwc_models.Connection] = relationship(qbwc_models.Connection)
