"""Is it ready to invoice, yes or no and why; and every problem with its cause, what to do, and the row to fix.

Everything here is computed from facts each time: a problem is gone as soon as its cause is.
"""

from __future__ import annotations

from portal.services.status.lists import ListView
from portal.services.status.problem import Problem
from portal.services.status.readiness import Counts, StatusView, status
from portal.services.status.visit import VisitView, visits

__all__ = [
    "Counts",
    "ListView",
    "Problem",
    "StatusView",
    "VisitView",
    "status",
    "visits",
]
