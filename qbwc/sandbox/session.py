"""One QuickBooks session: what lives from the opening of the company file to its closing, and is then forgotten."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from qbwc.sandbox.errors import Record, StatusError

if TYPE_CHECKING:
    from qbwc.sandbox.company import Company
    from qbwc.sandbox.elements import Request
    from qbwc.sandbox.writer import Outcome

Handler: TypeAlias = "Callable[[Work, Request], Outcome]"


@dataclass(slots=True)
class Iteration:
    """A query that is being paged through: what is still to come, and what was asked beside the filters."""

    name: str
    remaining: list[tuple[str, Record]]
    body: Mapping[str, object]
    count: int


@dataclass(slots=True)
class Session:
    """Iterators and locks of one session. `application` is who asks: message sets are stored apart for each.

    `read_only` is what a .qwc with IsReadOnly asks for.
    `locked` holds TxnIDs and ListIDs that somebody has open in QuickBooks; "*" stands for everything.
    `refusal` is a status with which every request that writes is refused.
    `cannot_store`: answers are not kept for error recovery, although that is asked for.
    `hidden` are elements that answers to queries leave out.
    """

    application: str = ""
    iterators: dict[str, Iteration] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    read_only: bool = False
    refusal: int | None = None
    cannot_store: bool = False
    hidden: frozenset[str] = frozenset()

    def begin_iteration(self, iteration: Iteration) -> str:
        """Keep an iteration; the id is what Continue must repeat."""
        iterator_id = "{" + str(uuid.uuid4()) + "}"
        self.iterators[iterator_id] = iteration
        return iterator_id

    def refuse_if_locked(self, object_id: str) -> None:
        """Raise 3175 for an object that is open on another screen."""
        if object_id in self.locked or "*" in self.locked:
            raise StatusError(
                3175,
                f'There was an error when modifying the object "{object_id}": it could not be locked. '
                "It is in use by another user.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a handler may use: the company and the session."""

    company: Company
    session: Session


LOCK_CODES = frozenset((3170, 3175, 3176, 3177, 3180))


def refused(code: int) -> StatusError:
    """A refusal on demand; the codes for locks carry the text by which a lock is known."""
    if code in LOCK_CODES:
        return StatusError(code, "The object could not be locked: it has been modified by another user.")
    return StatusError(code, f"The request was refused with the status {code} (fault on demand).")


def not_found(object_id: str) -> StatusError:
    """The refusal for an object that is not in this company file."""
    return StatusError(3120, f'Object "{object_id}" specified in the request cannot be found.')


def stale(tag: str, record: Record, sent: str) -> StatusError:
    """The refusal of an old EditSequence; it carries the current object."""
    return StatusError(
        3200,
        f'The provided edit sequence "{sent}" is out-of-date: the object is now at "{record["EditSequence"]}".',
        ((tag, dict(record)),),
    )
