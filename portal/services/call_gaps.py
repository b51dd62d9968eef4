"""How often the Web Connector calls, learned from its own calls (pure).

A call that brings no work leaves no visit behind, and the rhythm that the .qwc asks for can be changed in the Web
Connector, or never begins when Auto-Run is not ticked: so the gaps between calls themselves are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median_low

MOST_GAPS = 30
FEWEST_GAPS = 3
SHORTEST = timedelta(minutes=1)
"""Calls nearer to each other are one: somebody clicked twice, or the connector tried again."""


def note_gap(gaps: Sequence[int] | None, last_contact_at: datetime | None, now: datetime) -> list[int] | None:
    """The gaps, in seconds, with the one that ends now; the oldest are forgotten. None while there are none."""
    kept = list(gaps or ())
    if last_contact_at is not None and now - last_contact_at >= SHORTEST:
        kept.append(round((now - last_contact_at).total_seconds()))
    return kept[-MOST_GAPS:] or None


def usual_gap(gaps: Sequence[int] | None) -> timedelta | None:
    """The time between two calls in the usual case, nights and week-ends left aside; None while too few are known."""
    if not gaps or len(gaps) < FEWEST_GAPS:
        return None
    return timedelta(seconds=median_low(gaps))
