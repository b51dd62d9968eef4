"""Error recovery as QuickBooks does it: answers kept in the company file under the id of their message set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qbwc.sandbox.writer import write_set

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company
    from qbwc.sandbox.elements import MessageSet
    from qbwc.sandbox.errors import Record

CLEAR_ALL = "ClearAllMessageSets"
LONGEST_ID = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What the ids of a set ask for. `answer` is set when nothing is to be executed."""

    answer: str | None = None
    store_as: str | None = None


def recover(company: Company, application: str, asked: MessageSet) -> Recovery:
    """Look at the ids of a set before anything is executed, and clear what it says to clear."""
    stored: Record = company.state["MessageSets"].setdefault(application, {})
    new, old = asked.new_id, asked.old_id
    if any(len(text) > LONGEST_ID for text in (new, old) if text):
        return Recovery(answer=write_set((), set_id=new, status=9004))
    if old and old != new:
        known = old == CLEAR_ALL or old in stored
        if old == CLEAR_ALL:
            stored.clear()
        stored.pop(old, None)
        if new is None and not asked.requests:
            return Recovery(answer=write_set((), status=0 if known else 600))
    if new is None:
        return Recovery()
    if new in stored:
        if asked.requests and stored[new]["Checksum"] != _checksum(asked):
            return Recovery(answer=write_set((), set_id=new, status=9001))
        return Recovery(answer=stored[new]["Answer"])
    if not asked.requests:
        return Recovery(answer=write_set((), set_id=new, status=9002))
    return Recovery(store_as=new)


def store(company: Company, application: str, asked: MessageSet, answer: str) -> None:
    """Keep an answer until its id is cleared."""
    if asked.new_id:
        company.state["MessageSets"].setdefault(application, {})[asked.new_id] = {
            "Checksum": _checksum(asked),
            "Answer": answer,
        }


def _checksum(asked: MessageSet) -> str:
    head = f"{asked.version}{asked.on_error}{asked.include_answers}".encode()
    return hashlib.sha256(head + asked.content).hexdigest()
