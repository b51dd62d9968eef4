"""Partners, tokens, connections and their settings, and QuickBooks' lists."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from portal.billing.options import Approval, Grouping, NegativeTotal, ProrateBy
from portal.billing.period import BillingMode
from portal.billing.rating import Rounding
from portal.billing.share import DayCount
from portal.models import LONGEST_NAME, Scope
from portal.services.api.lists import Named
from portal.services.api.tokens import TokenView
from portal.services.billing_settings import LONGEST_DESCRIPTION, BillingSettings
from portal.services.connections import ConnectionView, NewConnection
from portal.web.api.shapes.values import PLAIN, Number, Shape

Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=PLAIN)]
Day = Annotated[int, Field(ge=1, le=31, description="A later day than the month has means its last one.")]
Prorations = Annotated[list[str], Field(max_length=10, description="Any of additions, removals, partial.")]


class TokenOut(Shape):
    """The token of this call."""

    name: str
    partner_id: int
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, token: TokenView) -> TokenOut:
        """As it is sent."""
        return cls(
            name=token.name,
            partner_id=token.partner_id,
            scopes=sorted(token.scopes),
            created_at=token.created_at,
            expires_at=token.expires_at,
        )


class PartnerOut(Shape):
    """The reseller whose token this is."""

    id: int
    name: str


class PartnerPage(Shape):
    """A page of partners: a token sees its own."""

    items: list[PartnerOut]
    next: str | None


class ConnectionIn(Shape):
    """A new connection. The billing mode cannot be changed afterwards."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Main books",
                    "billing_mode": "in-arrears",
                    "invoice_day": 1,
                    "prorate": ["additions", "removals", "partial"],
                }
            ]
        }
    )

    name: Name
    billing_mode: BillingMode
    invoice_day: Day
    prorate: Prorations = []
    start_date: date | None = None
    language: Annotated[
        str,
        StringConstraints(pattern="^(en|fr)$"),
        Field(description="Of the messages in the Web Connector: en or fr."),
    ] = "en"


class NewConnectionOut(Shape):
    """A connection that was just made. The password is told this once."""

    id: int
    name: str
    user_name: str
    password: str
    owner_id: str
    file_id: str

    @classmethod
    def of(cls, made: NewConnection) -> NewConnectionOut:
        """As it is sent."""
        return cls(**{field: getattr(made, field) for field in cls.model_fields})


class PasswordOut(Shape):
    """A new password for the Web Connector, told this once; the one before has ended."""

    user_name: str
    password: str


class SettingsOut(Shape):
    """How a connection bills."""

    billing_mode: BillingMode
    invoice_day: int
    prorate: list[str]
    start_date: date | None
    time_zone: str
    prorate_by: ProrateBy
    day_count: DayCount
    rounding: Rounding
    grouping: Grouping
    negative_total: NegativeTotal
    description: str
    approval: Approval
    unflagged_is_unsent: bool
    fiscal_first_month: int

    @classmethod
    def of(cls, settings: BillingSettings) -> SettingsOut:
        """As they are sent."""
        values = {field: getattr(settings, field) for field in cls.model_fields}
        return cls(**{**values, "prorate": sorted(settings.prorate)})


class SettingsIn(Shape):
    """Settings to change; those that are left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"approval": "manual", "invoice_day": 15}]})

    invoice_day: Day = 1
    prorate: Prorations = []
    start_date: date | None = None
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=PLAIN)] = "America/Toronto"
    prorate_by: ProrateBy = ProrateBy.QUANTITY
    day_count: DayCount = DayCount.ACTUAL
    rounding: Rounding = Rounding.LINE
    grouping: Grouping = Grouping.CHANGE
    negative_total: NegativeTotal = NegativeTotal.HOLD
    description: Annotated[str, StringConstraints(max_length=LONGEST_DESCRIPTION, pattern=PLAIN)] = ""
    approval: Approval = Approval.AUTOMATIC
    unflagged_is_unsent: bool = False
    fiscal_first_month: Annotated[int, Field(ge=1, le=12, description="For looking back; nothing is billed by it.")] = 1


class ConnectionOut(Shape):
    """One company file of QuickBooks."""

    id: int
    name: str
    partner_id: int
    billing_mode: BillingMode
    invoice_day: int
    time_zone: str
    user_name: str
    company_name: Annotated[str | None, Field(description="As QuickBooks says it; null before the first visit.")]
    verdict: Annotated[str | None, Field(description="`go` while the company file is the right one.")]
    is_started: Annotated[bool, Field(description="Whether its set-up is finished.")]
    last_contact_at: datetime | None
    last_success_at: datetime | None
    next_invoice_dates: list[date]

    @classmethod
    def of(cls, seen: ConnectionView) -> ConnectionOut:
        """As it is sent."""
        return cls(
            id=seen.id,
            name=seen.name,
            partner_id=seen.partner_id,
            billing_mode=seen.billing_mode,
            invoice_day=seen.invoice_day,
            time_zone=seen.time_zone,
            user_name=seen.user_name,
            company_name=seen.company_name,
            verdict=None if seen.verdict is None else seen.verdict.value,
            is_started=seen.setup_step is None,
            last_contact_at=seen.last_contact_at,
            last_success_at=seen.last_success_at,
            next_invoice_dates=list(seen.next_invoice_dates),
        )


class ConnectionPage(Shape):
    """A page of connections."""

    items: list[ConnectionOut]
    next: str | None


class ObjectOut(Shape):
    """An object of a list of QuickBooks, as the last visit read it."""

    list_id: str
    name: Annotated[str, Field(description="With its parents, such as Parent:Child.")]
    type: str
    is_active: bool
    price: Number | None
    cost: Number | None

    @classmethod
    def of(cls, row: Named) -> ObjectOut:
        """As it is sent."""
        return cls(**{field: getattr(row, field) for field in cls.model_fields})


class ObjectPage(Shape):
    """A page of a list of QuickBooks."""

    items: list[ObjectOut]
    next: str | None
