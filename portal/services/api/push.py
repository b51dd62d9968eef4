"""Charges pushed through the API: many at once, each made, changed or left as it is by its key, or refused.

A push says nothing of the charges that it does not list. What it changes after it was billed is given back and charged
anew by the next run, as with any import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from portal.billing.charge import Charge
from portal.errors import Sentence
from portal.providers import ProviderError
from portal.providers.pushed import MARK, PROVIDER, Pushed, make_charge
from portal.providers.table import most_common_month
from portal.services import Portal
from portal.services.connections import hold
from portal.services.deliveries import begin_delivery
from portal.services.posting import Result, post_some

MOST = 10_000
"""Charges in one call."""


class Outcome(StrEnum):
    """What became of a pushed charge."""

    MADE = "made"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one row, and why it was refused."""

    key: str
    outcome: Outcome
    reason: ProviderError | Sentence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answers in the order of the rows, and the import that keeps what was new, if anything was."""

    import_id: int | None
    answers: tuple[Answer, ...]


_TWICE = Sentence("This key stands in an earlier row of the same call, which counts. Send each charge once.")
_OUTCOMES = {Result.MADE: Outcome.MADE, Result.CHANGED: Outcome.CHANGED, Result.UNCHANGED: Outcome.UNCHANGED}


def push_charges(portal: Portal, connection_id: int, rows: Sequence[tuple[Pushed, str]], *, name: str) -> Receipt:
    """Keep charges, each with the JSON it came as; `name` is whose they are. The same again changes nothing."""
    answers: list[Answer | None] = [None] * len(rows)
    charges: list[Charge] = []
    raws: list[str] = []
    places: list[int] = []
    seen: set[str] = set()
    for place, (row, raw) in enumerate(rows):
        try:
            charge = make_charge(row)
        except ProviderError as error:
            answers[place] = Answer(row.key, Outcome.REFUSED, error)
            continue
        if charge.key in seen:
            answers[place] = Answer(row.key, Outcome.REFUSED, _TWICE)
            continue
        seen.add(charge.key)
        charges.append(charge)
        raws.append(raw)
        places.append(place)
    import_id, results = _post(portal, connection_id, charges, raws, name) if charges else (None, ())
    for place, charge, result in zip(places, charges, results, strict=True):
        answers[place] = Answer(charge.key.removeprefix(MARK), _OUTCOMES[result])
    return Receipt(import_id=import_id, answers=tuple(one for one in answers if one is not None))


def _post(
    portal: Portal, connection_id: int, charges: Sequence[Charge], raws: Sequence[str], name: str
) -> tuple[int | None, tuple[Result, ...]]:
    with portal.database.write() as db:
        hold(db, connection_id)
        delivery = begin_delivery(
            db,
            connection_id,
            "".join(raws).encode(),
            provider=PROVIDER,
            name=name,
            period=most_common_month(one.start for one in charges),
            total=sum((one.amount for one in charges), Decimal(0)),
            rows=len(charges),
            at=portal.now(),
        )
        results = post_some(db, delivery, charges, raws)
        if all(one is Result.UNCHANGED for one in results):
            db.delete(delivery)
            return None, results
        return delivery.id, results


__all__ = ["MOST", "Answer", "Outcome", "Receipt", "push_charges"]
