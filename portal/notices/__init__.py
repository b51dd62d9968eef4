"""Notices: what someone should know about a connection, from the facts alone, and when it is to be told    (pure)."""

from __future__ import annotations

from portal.notices.facts import Company, Errors, Facts, FailedImport, FailedVisit, Lines, Unmapped
from portal.notices.notice import Action, Kind, Notice, Severity, Side
from portal.notices.rules import find_notices

__all__ = [
    "Action",
    "Company",
    "Errors",
    "Facts",
    "FailedImport",
    "FailedVisit",
    "Kind",
    "Lines",
    "Notice",
    "Severity",
    "Side",
    "Unmapped",
    "find_notices",
]
