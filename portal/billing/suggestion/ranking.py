"""The order of suggestions, and whether the first is sure beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from portal.billing.suggestion.counterpart import Reason, Suggestion

_NEAR_SURE, _NEAR_SIMILAR = 3, 8
_ORDER = {Reason.EXACT: 3, Reason.KEY: 2, Reason.NORMALISED: 1, Reason.SIMILAR: 0}


def rank(suggestion: Suggestion) -> tuple[int, int]:
    """What suggestions are sorted by, the best one highest: the score, then how firm the reason is."""
    return suggestion.score, _ORDER[suggestion.reason]


def judge(found: Sequence[tuple[Suggestion, bool]], limit: int) -> tuple[Suggestion, ...]:
    """The first ones; ambiguous all, when another is as near as the first.

    A customer found by its own name is not put in doubt by its jobs, on which QuickBooks repeats the company's name.
    """
    if not found:
        return ()
    first, is_own = found[0]
    rivals = [
        suggestion
        for suggestion, is_rival_own in found[1:]
        if not (is_own and not is_rival_own and suggestion.full_name.startswith(f"{first.full_name}:"))
    ]
    margin = _NEAR_SIMILAR if first.reason is Reason.SIMILAR else _NEAR_SURE
    is_near = any(first.score - rival.score <= margin for rival in rivals)
    shown = [suggestion for suggestion, _ in found[: max(limit, 0)]]
    return tuple(
        replace(suggestion, is_ambiguous=True) if is_near or number else suggestion
        for number, suggestion in enumerate(shown)
    )
