"""A problem: its cause, what to do, and the row to fix; and where the problems of one kind are read from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.errors import Sentence


class Kind(StrEnum):
    """What a problem is about; the order is that of the page."""

    CONNECTION = "connection"
    LISTS = "lists"
    OFFERS = "offers"
    ORGANIZATIONS = "organizations"
    COSTS = "costs"
    INVOICES = "invoices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to mend. `link` names the page that mends it: offer, organization, run, connection; `link_id` its row.

    `anchor` is the place on that page. `draft_id` and `cost_id` are what may be sent again, `settle_id` the invoice of
    which a person may say that it is settled, or not to be billed. `is_unsure`: nobody knows yet what QuickBooks did.
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
    settle_id: int | None = None
    is_unsure: bool = False
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The problems of one kind: how many, and those from an offset on (`read(offset, limit)`; None: all of them).

    `follow(key, limit)` gives those after one, each with its key, in the order of keys; None: from the first one on.
    A key is a number where rows have the problems, else a text.
    """

    count: int
    read: Callable[[int, int | None], Sequence[Problem]]
    follow: Callable[[int | str | None, int], Sequence[tuple[int | str, Problem]]]

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Source:
        """A few that are known already."""
        keyed = sorted(((f"{one.code}\n{one.title}", one) for one in problems), key=lambda pair: pair[0])

        def follow(key: int | str | None, limit: int) -> Sequence[tuple[int | str, Problem]]:
            return [pair for pair in keyed if key is None or pair[0] > str(key)][:limit]

        return cls(
            len(problems),
            lambda offset, limit: problems[offset : None if limit is None else offset + limit],
            follow,
        )


NUMBERED = frozenset({Kind.OFFERS, Kind.ORGANIZATIONS, Kind.COSTS, Kind.INVOICES})
"""The kinds of which rows have the problems: their keys are numbers."""
