"""Which item is this offer, which customer this organization? Suggestions with their reasons (pure).

Guessing wrong is worse than not guessing (billing rules §5). A suggestion is put forward only when nothing speaks
against it: the same digits, no word that tells two products or companies apart on one side only, no other candidate as
near. What is near but not sure is shown as ambiguous; what a number, grade, term or maker contradicts is not shown.
Scores depend on the two names alone: a candidate more or less in the list never changes those of the others.
"""

from __future__ import annotations

from portal.billing.suggestion.counterpart import Candidate, Reason, Subject, Suggestion
from portal.billing.suggestion.index import Index, index_customers, index_items

__all__ = [
    "Candidate",
    "Index",
    "Reason",
    "Subject",
    "Suggestion",
    "index_customers",
    "index_items",
]
