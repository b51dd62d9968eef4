"""The ledger's one side: what was provided, as it was received, and what later imports changed of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.billing.charge import BillingCycle, ChargeKind
from portal.billing.money import in_cents
from portal.models.mappings import Offer, Organization
from portal.models.tables import LONGEST_KEY, Base
from qbwc.models import choice, index_of_some

LONGEST_CHARGE_KEY = 80
RULE_INDEX = "ix_charge_rule"
RULE_COLUMNS = (
    "connection_id",
    "currency",
    "kind",
    "cycle",
    "organization_id",
    "start",
    "offer_id",
    "amount_cents",
    "delivery_id",
    "tag_set_id",
    "reverses_id",
    "is_billed",
)


class What(StrEnum):
    """What a later import changed of a charge."""

    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


class Delivery(Base):
    """One import of charges, whole. `scope` tells those of one provider and period apart: an invoice, a profile."""

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
    withdrawn: Mapped[int] = mapped_column(default=0)
    scope: Mapped[str] = mapped_column(String(LONGEST_KEY), default="")
    family: Mapped[int] = mapped_column(default=0)
    """The id of the first delivery that this one is a version of; its own where it is none."""
    imported_at: Mapped[datetime]


def _cents(context: DefaultExecutionContext) -> int:
    return in_cents(context.get_current_parameters()["amount"])  # type: ignore[no-untyped-call]


class Charge(Base):
    """A charge as received; see portal.billing.charge for the meaning of its fields.

    What was billed is never changed: a correction after billing is another row, which gives back the billed one
    (`reverses_id`), and a row with the facts as they are now. The rows of one key are numbered by `revision`.
    """

    __tablename__ = "charge"
    __table_args__ = (
        UniqueConstraint("connection_id", "key", "revision"),
        Index("ix_charge_connection_id_start", "connection_id", "start", "id"),
        Index("ix_charge_connection_id_id", "connection_id", "id"),
        Index("ix_charge_connection_id_delivery_id", "connection_id", "delivery_id", "id"),
        Index("ix_charge_connection_id_amount_cents", "connection_id", "amount_cents", "id"),
        # Those of filters, in the order of the list: see portal.services.charge_filters.
        Index("ix_charge_organization_id_start", "organization_id", "start", "id"),
        Index("ix_charge_offer_id_start", "offer_id", "start", "id"),
        Index("ix_charge_connection_id_kind", "connection_id", "kind", "start", "id"),
        index_of_some("ix_charge_tag_set_id_start", "tag_set_id", "start", "id", where="tag_set_id IS NOT NULL"),
        index_of_some("ix_charge_billed", "connection_id", "start", "id", where="is_billed IS TRUE"),
        index_of_some("ix_charge_waiting", "connection_id", "start", where="is_billed IS NOT TRUE"),
        index_of_some("ix_charge_waiting_of", "organization_id", "start", where="is_billed IS NOT TRUE"),
        # All that an export rule asks: see portal.services.rule_counting.
        index_of_some(RULE_INDEX, *RULE_COLUMNS, where="is_billed IS NOT TRUE"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    key: Mapped[str] = mapped_column(String(LONGEST_CHARGE_KEY))
    name: Mapped[str]
    kind: Mapped[ChargeKind] = mapped_column(choice(ChargeKind))
    cycle: Mapped[BillingCycle] = mapped_column(choice(BillingCycle))
    quantity: Mapped[Decimal]
    start: Mapped[date]
    end: Mapped[date]
    unit_cost: Mapped[Decimal]
    unit_cost_prorated: Mapped[Decimal]
    amount: Mapped[Decimal]
    amount_cents: Mapped[int] = mapped_column(BigInteger, default=_cents)
    """The amount once more, in whole cents: what a database adds up exactly."""
    currency: Mapped[str] = mapped_column(String(3))
    is_proratable: Mapped[bool]
    tags: Mapped[dict[str, Any]]
    tag_set_id: Mapped[int | None] = mapped_column(ForeignKey("tag_set.id"))
    """The same tags, where rules look for them; None without any."""
    raw: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("charge.id"), unique=True)
    is_billed: Mapped[bool] = mapped_column(default=False)
    """Whether a line bills it (see `BilledCharge`, which is the key): said here so that what waits is found at once."""

    offer: Mapped[Offer] = relationship()
    organization: Mapped[Organization] = relationship()


class ChargeChange(Base):
    """A difference between two imports: what was known of a charge, and what a later delivery says instead."""

    __tablename__ = "charge_change"
    __table_args__ = (Index("ix_charge_change_delivery_id", "delivery_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"))
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id"))
    offer_id: Mapped[int] = mapped_column(ForeignKey("offer.id"))
    key: Mapped[str] = mapped_column(String(LONGEST_CHARGE_KEY))
    what: Mapped[What] = mapped_column(choice(What))
    was_billed: Mapped[bool]
    start: Mapped[date]
    end: Mapped[date]
    quantity_before: Mapped[Decimal]
    quantity_after: Mapped[Decimal]
    amount_before: Mapped[Decimal]
    amount_after: Mapped[Decimal]
    raw_before: Mapped[str]
