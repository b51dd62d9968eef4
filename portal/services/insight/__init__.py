"""Insight: what is earned, what was paid for and never billed, and what changed from one import to the next.

Nothing here changes anything. A month may have 100,000 charges: the database joins and counts, and what is left is
added up row by row here, since decimals are kept as text and no database adds those exactly.
"""

from __future__ import annotations

from portal.services.insight.drift import (
    ChangedRow,
    ChangeGroup,
    ImportChoice,
    ImportDrift,
    changes,
)
from portal.services.insight.margin import MarginGroup, MarginReport, MarginRow, margin
from portal.services.insight.months import MonthGroup, MonthRow, months
from portal.services.insight.orphans import LeftOut, OrphanGroup, OrphanReport, OrphanRow, orphans
from portal.services.insight.seats import Move, SeatDrift, SeatRow, seats
from portal.services.insight.visits import Step, VisitCount, VisitHistory, visits_over_time

__all__ = [
    "ChangeGroup",
    "ChangedRow",
    "ImportChoice",
    "ImportDrift",
    "LeftOut",
    "MarginGroup",
    "MarginReport",
    "MarginRow",
    "MonthGroup",
    "MonthRow",
    "Move",
    "OrphanGroup",
    "OrphanReport",
    "OrphanRow",
    "SeatDrift",
    "SeatRow",
    "Step",
    "VisitCount",
    "VisitHistory",
    "changes",
    "margin",
    "months",
    "orphans",
    "seats",
    "visits_over_time",
]
