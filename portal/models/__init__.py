"""The portal's tables. Every row belongs to one partner, through its connection; nobody sees another's.

A connection shares its id with its row in ``qbwc_connection``: both live in one database, so that an answer from
QuickBooks and what follows from it are kept together or not at all.
"""

from __future__ import annotations

from portal.models.api_tokens import ApiToken, Scope
from portal.models.charges import LONGEST_CHARGE_KEY, Charge, ChargeChange, Delivery, What
from portal.models.history import AuditEntry
from portal.models.log_ins import LONGEST_ADDRESS, LONGEST_USER_AGENT, LogIn, RecoveryCode, SetupLink
from portal.models.mappings import InvoiceMode, Offer, Organization
from portal.models.notices import (
    LONGEST_CAUSE,
    Cadence,
    CallRhythm,
    Channel,
    FailedImport,
    MessageState,
    NoticeDismissal,
    NoticePreference,
    Occasion,
    OutboxMessage,
    ToldNotice,
    Webhook,
)
from portal.models.rules import ExportRuleVersion, TagSet
from portal.models.runs import (
    BilledCharge,
    CostState,
    Draft,
    DraftLine,
    DraftState,
    ItemCost,
    PlannedDraft,
    PlannedState,
    Run,
)
from portal.models.sharing import Invitation, InvitationState, Participant
from portal.models.shown_columns import ShownColumns
from portal.models.sources import ColumnProfile, SherwebAccess, Upload
from portal.models.tables import LONGEST_KEY, LONGEST_NAME, Base, ExactDecimal
from portal.models.tenants import Connection, Member, Partner, Role, SetupStep, User

__all__ = [
    "LONGEST_ADDRESS",
    "LONGEST_CAUSE",
    "LONGEST_CHARGE_KEY",
    "LONGEST_KEY",
    "LONGEST_NAME",
    "LONGEST_USER_AGENT",
    "ApiToken",
    "AuditEntry",
    "Base",
    "BilledCharge",
    "Cadence",
    "CallRhythm",
    "Channel",
    "Charge",
    "ChargeChange",
    "ColumnProfile",
    "Connection",
    "CostState",
    "Delivery",
    "Draft",
    "DraftLine",
    "DraftState",
    "ExactDecimal",
    "ExportRuleVersion",
    "FailedImport",
    "Invitation",
    "InvitationState",
    "InvoiceMode",
    "ItemCost",
    "LogIn",
    "Member",
    "MessageState",
    "NoticeDismissal",
    "NoticePreference",
    "Occasion",
    "Offer",
    "Organization",
    "OutboxMessage",
    "Participant",
    "Partner",
    "PlannedDraft",
    "PlannedState",
    "RecoveryCode",
    "Role",
    "Run",
    "Scope",
    "SetupLink",
    "SetupStep",
    "SherwebAccess",
    "ShownColumns",
    "TagSet",
    "ToldNotice",
    "Upload",
    "User",
    "Webhook",
    "What",
]
