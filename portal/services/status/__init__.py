"""Is it ready to invoice, yes or no and why; and every problem with its cause, what to do, and the row to fix.

Everything here is computed from facts each time: a problem is gone as soon as its cause is.
"""

from __future__ import annotations

from portal.services.status.invoicing import Cause
from portal.services.status.lists import ListView
from portal.services.status.mapping import Counts
from portal.services.status.problem import NUMBERED, Kind, Problem
from portal.services.status.readiness import Overview, StatusView, overview, slice_problems, status
from portal.services.status.visit import VisitView, visits
from portal.services.waiting_lines import UNCOUNTED

__all__ = [
    "NUMBERED",
    "UNCOUNTED",
    "Cause",
    "Counts",
    "Kind",
    "ListView",
    "Overview",
    "Problem",
    "StatusView",
    "VisitView",
    "overview",
    "slice_problems",
    "status",
    "visits",
]
