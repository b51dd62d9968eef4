"""A problem: its cause, what to do, and the row to fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.errors import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to mend. `link` names the page that mends it: offer, organization, run, connection; `link_id` its row.

    `anchor` is the place on that page. `draft_id` and `cost_id` are what may be sent again.
    """

    code: str
    title: Sentence
    what: Sentence
    do: Sentence | None
    since: datetime | None
    link: str
    link_id: int
    draft_id: int | None = None
    cost_id: int | None = None
    anchor: str | None = None
