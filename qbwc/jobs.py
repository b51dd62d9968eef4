"""Job: the requests it asks, what it does with each answer; registry by kind.

A job is a purpose that needs one or more messages: read, then change what was read. Its first requests are queued with
it; an answer may ask for more. Everything a handler does happens in the transaction that marks the request answered,
so that an answer and its effects are kept together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import orm

from qbwc import stamp
from qbwc.errors import UnknownJobKind
from qbwc.models import Connection, Exchange, Job, JobState, Request, RequestState, Session
from qbwc.qbxml import Answer, read_request
from qbwc.qbxml.codec import texts_of
from qbwc.qbxml.envelope import render_request
from qbwc.qbxml.status import Status
from qbwc.qbxml.text import changes_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a handler works: the transaction, the session, and the request that was answered.

    `taken` are the TxnIDs that other requests of the same set were found to have written, when a lost set is looked
    for; a handler of its own need not care.
    """

    db: orm.Session
    connection: Connection
    session: Session
    job: Job
    request: Request
    now: datetime
    taken: frozenset[str] = frozenset()

    def ask(
        self, message: Any, step: str, *, same_request_id: bool = False, this_session_only: bool = False
    ) -> Request:
        """Queue one more message of this job. Raises EncodeError when it does not fit qbXML.

        `same_request_id` repeats the requestID, as an iterator's Continue must; `this_session_only` is for messages
        that mean nothing once QuickBooks' session has ended.
        """
        self.session.total += 1
        return add_request(
            self.db,
            self.job,
            message,
            step,
            priority=self.request.priority,
            now=self.now,
            request_id=self.request.request_id if same_request_id else "",
            only_in_session_id=self.session.id if this_session_only else None,
        )

    def finish(self) -> None:
        """The job's purpose is reached. A job of which another message was refused stays with the person."""
        if self.job.state is JobState.PARKED:
            return
        self.job.state = JobState.DONE
        self.job.status_code = self.job.status_message = None
        self.job.finished_at = self.now

    def park(self, code: str, message: str) -> None:
        """The job waits for a person; `code` and `message` say why."""
        self.job.state = JobState.PARKED
        self.job.status_code, self.job.status_message = code, message
        self.job.finished_at = self.now
        self.session.failed += 1


class JobKind:
    """What to do with the answers of one kind of job. Subclass it, set `kind`, and register an instance.

    `priority` orders the queue: smaller leaves first; at the same priority, reads leave before writes. `topic` is what
    the history files it under; several kinds may share one, and it is the kind itself where none is set.
    """

    kind: str
    topic: str = ""
    priority: int = 50

    def answered(self, visit: Visit, answer: Answer) -> None:
        """An answer came that is not an error. Ask for more, or finish: a job that does neither is left to a person."""
        raise NotImplementedError

    def stale(self, visit: Visit, answer: Answer) -> bool:
        """QuickBooks holds a newer object (3200) and shows it in `answer.objects`.

        Ask again from it and return True, or return False to leave the job to a person. Called once a job.
        """
        return False

    def parked(self, visit: Visit, status: Status) -> None:
        """The job was left to a person. Note it where people look."""

    def look_up(self, visit: Visit) -> Any | None:
        """The query that shows whether this write reached the company file; None: it may leave twice without harm.

        Asked when the answer was lost and QuickBooks has not kept it, as after a restored backup.
        """
        return stamp.look_up(read_request(visit.request.body))

    def find(self, visit: Visit, answer: Answer) -> Any | None:
        """What this write made, among the objects of the answer to `look_up`; it is then handed to `answered`."""
        exchange = visit.db.get_one(Exchange, visit.request.exchange_id)
        sought = stamp.Sought(message=read_request(visit.request.body), left_at=exchange.first_sent_at)
        return stamp.find(sought, answer.objects, visit.taken, shows_stamps=visit.connection.shows_stamps)

    def interrupted(self, visit: Visit) -> bool:
        """A message of `this_session_only` was lost with its session. Ask again from the start and return True."""
        return False


class Registry:
    """Job kinds by name."""

    def __init__(self, *kinds: JobKind) -> None:
        self._kinds = {kind.kind: kind for kind in kinds}

    def add(self, kind: JobKind) -> None:
        """Register a kind, replacing one of the same name."""
        self._kinds[kind.kind] = kind

    def __getitem__(self, name: str) -> JobKind:
        try:
            return self._kinds[name]
        except KeyError:
            raise UnknownJobKind(name) from None


def writes(message: Any) -> bool:
    """Whether a message changes the company file."""
    return not type(message).__name__.endswith("QueryRq")


def add_request(
    db: orm.Session,
    job: Job,
    message: Any,
    step: str,
    *,
    priority: int,
    now: datetime,
    request_id: str = "",
    only_in_session_id: int | None = None,
) -> Request:
    """Queue one message of a job, rendered now so that nothing malformed is ever in the queue.

    An Add gets a stamp of ours unless it has one, so that it can be recognised in the company file.
    """
    message = stamp.stamped(message)
    tag = type(message).__name__
    row = Request(
        connection_id=job.connection_id,
        job_id=job.id,
        step=step,
        tag=tag,
        body="",
        is_write=writes(message),
        state=RequestState.QUEUED,
        priority=priority,
        only_in_session_id=only_in_session_id,
        created_at=now,
    )
    render_request(message, request_id or "0")  # refuse before a row exists
    db.add(row)
    db.flush()
    row.request_id = request_id or str(row.id)
    row.body = render_request(message, row.request_id)
    if row.is_write:
        row.text_changes = [part for change in changes_in(texts_of(message)) for part in change] or None
    return row
