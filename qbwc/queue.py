"""put, take, answer, retry, park; never the same write twice.

A job is queued under a key that the database keeps unique for its connection and kind: putting it again returns the
job that is already there. Requests leave oldest first within their priority, reads before writes, and a message set
holds reads only or writes only, because only writes need QuickBooks to keep the answer.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from qbwc import pace, parts, sentences
from qbwc.errors import DecodeError, QbwcError, QueueError
from qbwc.jobs import Registry, Visit, add_request, writes
from qbwc.models import Connection, Doubt, Exchange, ExchangeState, Job, JobState, Request, RequestState, Session
from qbwc.qbxml import Answer
from qbwc.qbxml.reaction import DONE, Reaction, Section, Text
from qbwc.qbxml.status import Status, judge

log = logging.getLogger("qbwc")

LOCK_TRIES = 3
MOST_ATTEMPTS = 6
MOST_COUNTED = 10_000
MOST_NAMED = 10
MOST_REFRESHES = 10

UNHANDLED = Status(
    code="unhandled",
    section=Section.STATUS,
    reaction=Reaction.OUR_BUG,
    text=Text(
        what_en="QuickBooks answered, and the answer could not be worked with here: {message}",
        what_fr="QuickBooks a répondu, mais la réponse n'a pas pu être traitée ici : {message}",
        do_en="Click Retry: QuickBooks is asked for the same answer, and nothing is written twice.",
        do_fr="Cliquez sur Réessayer : la même réponse est redemandée à QuickBooks, et rien n'est écrit deux fois.",
    ),
    written=None,
)
# The QuickBooks user, or the application, may not write at all.
REFUSED_TO_ALL = frozenset({"3260", "3263"})
#: What no handler can be blamed for: the answer or the database, and with them the whole transaction.
ENVIRONMENT = (DecodeError, sa.exc.OperationalError, sa.exc.InterfaceError)


def put(
    db: orm.Session,
    registry: Registry,
    *,
    connection_id: int,
    kind: str,
    key: str,
    messages: Sequence[tuple[str, Any]],
    payload: dict[str, Any] | None = None,
    now: datetime,
    asked_by: str = "",
    about: str = "",
) -> Job:
    """Queue a job with its first messages, each as (step, message). The same key again gives the job already there.

    `asked_by` and `about` are kept with it for the history: who wanted it, and what it belongs to.
    Raises EncodeError, and then nothing is queued, when a message does not fit qbXML.
    """
    handler = registry[kind]
    same = sa.select(Job).filter_by(connection_id=connection_id, kind=kind, key=key)
    known = db.scalar(same)
    if known is not None:
        return known
    job = Job(
        connection_id=connection_id,
        kind=kind,
        key=key,
        topic=handler.topic or kind,
        asked_by=asked_by,
        about=about,
        payload=payload or {},
        created_at=now,
    )
    try:
        with db.begin_nested():
            db.add(job)
            db.flush()
            for step, message in messages:
                add_request(db, job, message, step, priority=handler.priority, now=now)
    except sa.exc.IntegrityError:
        # Somebody else put it between the look and the insert.
        known = db.scalar(same)
        if known is None:
            raise
        return known
    return job


def retry(db: orm.Session, registry: Registry, job: Job, messages: Sequence[tuple[str, Any]], *, now: datetime) -> None:
    """Begin a parked or cancelled job again with new messages.

    A job one of whose writes may be in QuickBooks already leaves again unchanged instead, so that it is never written
    twice: `messages` is not used then. Raises QueueError for a job that is under way or done, EncodeError as `put`.
    """
    _lock(db, job)
    if job.state not in (JobState.PARKED, JobState.CANCELLED):
        raise QueueError(f"Job {job.kind} {job.key} is {job.state}; only a parked or cancelled job can begin again.")
    if _has_written(db, job) and any(writes(message) for _step, message in messages):
        raise QueueError(f"Job {job.kind} {job.key} has written already: look for what it made before it writes again.")
    _begin(db, registry, job, messages, now)


def redo(db: orm.Session, registry: Registry, job: Job, messages: Sequence[tuple[str, Any]], *, now: datetime) -> None:
    """Begin a job again that was done, because what it made is gone from QuickBooks: a backup was restored.

    `messages` must look for it first, as a message that writes would write it twice if it is there after all: an Add
    raises QueueError. So does a job that is not done.
    """
    _lock(db, job)
    if job.state is not JobState.DONE:
        raise QueueError(f"Job {job.kind} {job.key} is {job.state}; only one that is done can be done again.")
    if any(writes(message) for _step, message in messages):
        raise QueueError(f"Job {job.kind} {job.key} was done: look for what it made before anything is written again.")
    _begin(db, registry, job, messages, now)


def _has_written(db: orm.Session, job: Job) -> bool:
    """Whether QuickBooks carried out a write of this job."""
    written = sa.select(Request.status_code).filter_by(job_id=job.id, is_write=True, state=RequestState.ANSWERED)
    return any(judge(code or "0", "", "").reaction in DONE for code in db.scalars(written))


def _begin(db: orm.Session, registry: Registry, job: Job, messages: Sequence[tuple[str, Any]], now: datetime) -> None:
    with db.begin_nested():
        drop_waiting(db, job)
        _begin_again(job)
        if _reopen(db, job):
            return
        job.payload = {name: value for name, value in job.payload.items() if name != "refreshed"}
        for step, message in messages:
            add_request(db, job, message, step, priority=registry[job.kind].priority, now=now)


def _reopen(db: orm.Session, job: Job) -> bool:
    """Have the sets whose outcome for this job is not known leave again, the same bytes under the same id."""
    unknown = sa.select(Request.exchange_id).filter_by(job_id=job.id, state=RequestState.SENT)
    exchanges = db.scalars(sa.select(Exchange).where(Exchange.id.in_(unknown))).all()
    for exchange in exchanges:
        if exchange.state is ExchangeState.SENT:
            continue
        exchange.state, exchange.attempts, exchange.doubt = ExchangeState.SENT, 0, Doubt.NEW
        together = sa.select(Request.job_id).filter_by(exchange_id=exchange.id, state=RequestState.SENT)
        for other in db.scalars(sa.select(Job).where(Job.id.in_(together), Job.state == JobState.PARKED)):
            _begin_again(other)
    return bool(exchanges)


def _begin_again(job: Job) -> None:
    job.state, job.finished_at, job.status_code, job.status_message = JobState.WAITING, None, None, None


def _lock(db: orm.Session, job: Job) -> None:
    """Two people who click at once come one after the other, and the second sees what the first did.

    The connection is locked first, as every call of the Web Connector does: never a deadlock.
    """
    db.flush()
    db.scalar(sa.select(Connection.id).where(Connection.id == job.connection_id).with_for_update(key_share=True))
    db.refresh(job, with_for_update=True)


def cancel(db: orm.Session, job: Job, *, now: datetime) -> None:
    """Take a job back. Raises QueueError when a message of it may already have reached QuickBooks, or it is done."""
    _lock(db, job)
    states = db.scalars(sa.select(Request.state).filter_by(job_id=job.id).with_for_update()).all()
    if job.state is JobState.DONE or RequestState.SENT in states:
        raise QueueError(f"Job {job.kind} {job.key} has already left for QuickBooks.")
    drop_waiting(db, job)
    job.state, job.finished_at = JobState.CANCELLED, now


def drop_waiting(db: orm.Session, job: Job) -> None:
    """Forget the messages of a job that have not left."""
    db.execute(
        sa.update(Request)
        .where(Request.job_id == job.id, Request.state.in_([RequestState.QUEUED, RequestState.PARKED]))
        .values(state=RequestState.DROPPED)
    )


def _due(connection_id: int, session: Session | None, writes: bool) -> sa.Select[Request]:
    query = sa.select(Request).filter_by(connection_id=connection_id, state=RequestState.QUEUED)
    if session is not None:
        query = query.where(
            sa.or_(Request.only_in_session_id.is_(None), Request.only_in_session_id == session.id),
            sa.or_(Request.not_in_session_id.is_(None), Request.not_in_session_id != session.id),
        )
    return query if writes else query.where(Request.is_write.is_(False))


def count_due(db: orm.Session, connection_id: int) -> int:
    """How many messages wait, up to 10,000: enough for a figure of progress, at a cost that does not grow for ever."""
    some = _due(connection_id, None, True).with_only_columns(Request.id).limit(MOST_COUNTED)
    return db.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def has_due(db: orm.Session, connection_id: int, session: Session | None = None, *, writes: bool = True) -> bool:
    """Whether anything is waiting that may leave (in this session)."""
    return db.scalar(_due(connection_id, session, writes).with_only_columns(Request.id).limit(1)) is not None


def take(db: orm.Session, session: Session, *, writes: bool) -> list[Request]:
    """The oldest due requests that fit one message set, all reads or all writes."""
    query = _due(session.connection_id, session, writes).order_by(Request.priority, Request.is_write, Request.id)
    rows = db.scalars(query.limit(pace.LARGEST_SET).with_for_update(skip_locked=True)).all()
    alike = list(itertools.takewhile(lambda row: row.is_write == rows[0].is_write, rows))
    sizes = ((len(row.body), row.largest_set) for row in alike)
    return alike[: pace.how_many(sizes, session.connection.largest_set)]


def prepare(db: orm.Session, connection_id: int, until: datetime) -> None:
    """Say that work for this connection is being prepared: until then at most, a visit that finds none waits for it."""
    db.execute(sa.update(Connection).where(Connection.id == connection_id).values(preparing_until=until))


def prepared(db: orm.Session, connection_id: int) -> None:
    """Say that the work is queued, or will not come: no visit waits any more."""
    db.execute(sa.update(Connection).where(Connection.id == connection_id).values(preparing_until=None))


def answer(registry: Registry, visit: Visit, said: Answer) -> Status:
    """Apply what QuickBooks said to one request: its job goes on, is tried again, or is left to a person.

    A handler that fails leaves its own job to a person and the rest goes on. Raises DecodeError.
    """
    request, exchange_id = visit.request, visit.request.exchange_id
    status = judge(said.status_code, said.severity, said.message)
    request.status_code, request.status_message = said.status_code[:16], said.message
    request.answered_at = visit.now
    request.attempts += 1
    try:
        with visit.db.begin_nested():
            _handle(registry, visit, said, status)
    except ENVIRONMENT:
        raise
    except Exception as error:
        log.exception("handler of job %s (%s) failed", visit.job.id, visit.job.kind)
        visit.session.done += 1
        written = None if status.reaction in DONE else False
        message = _unread(said) or (str(error) if isinstance(error, QbwcError) else said.message)
        park(registry, visit, dataclasses.replace(UNHANDLED, message=message, written=written))
    if exchange_id is not None and request.state not in (RequestState.ANSWERED, RequestState.DROPPED):
        parts.refuse(visit.db, exchange_id, visit.job)
    visit.job.warning = _warning(said, status) or visit.job.warning
    return status


def _unread(said: Answer) -> str:
    return "; ".join(f"{one.tag} {one.object_id}: {one.reason}" for one in said.unread[:MOST_NAMED])


def _warning(said: Answer, status: Status) -> str | None:
    """What a person should know of an answer that was taken: a warning of QuickBooks', objects that cannot be read."""
    if said.unread:
        return f"{len(said.unread)} unreadable: {_unread(said)}"
    is_warning = status.reaction in (Reaction.WRITTEN_WITH_WARNING, Reaction.PARTIAL)
    return f"{status.code}: {said.message}" if is_warning else None


def _handle(registry: Registry, visit: Visit, said: Answer, status: Status) -> None:
    request, job = visit.request, visit.job
    handler = registry[job.kind]
    if status.reaction in DONE:
        request.state = RequestState.ANSWERED
        visit.session.done += 1
        handler.answered(visit, said)
        if job.state is JobState.WAITING and not _goes_on(visit.db, job):
            # It would wait for ever, and nobody would see it.
            raise QueueError(f"Job {job.kind} {job.key} is not finished, and nothing more is asked for it.")
    elif _concerns_all(request, status) and request.attempts < MOST_ATTEMPTS:
        # A right that is missing for one is missing for all: what waits is not refused one by one.
        _again(request, visit.session.id)
        visit.session.may_write, visit.session.last_error = False, sentences.refused(status)
    elif status.reaction is Reaction.REFRESH_AND_RETRY_ONCE and job.payload.get("refreshed", 0) < MOST_REFRESHES:
        request.state = RequestState.ANSWERED
        visit.session.done += 1
        # What another job of ours made of it is no reason to give up; what somebody else did, is, the second time.
        is_ours = _is_own_state(visit.connection, said)
        job.payload = {**job.payload, "refreshed": job.payload.get("refreshed", 0) + (1 if is_ours else MOST_REFRESHES)}
        if not handler.stale(visit, said):
            park(registry, visit, status)
    elif status.reaction in (Reaction.REQUEUE, Reaction.RETRY_LOCK) and request.attempts < MOST_ATTEMPTS:
        _again(request, None if request.attempts % LOCK_TRIES else visit.session.id)
    elif status.reaction is Reaction.RETRY_LATER and request.attempts < (2 if status.once else LOCK_TRIES):
        _again(request, visit.session.id)
    elif request.only_in_session_id is not None and handler.interrupted(visit):
        request.state = RequestState.DROPPED
        visit.session.done += 1
    else:
        visit.session.done += 1
        park(registry, visit, status)


def _is_own_state(connection: Connection, said: Answer) -> bool:
    """Whether the object that QuickBooks shows is in the state that we left it in."""
    shown = list(said.objects)
    said.objects = iter(shown)
    ours = set((connection.landmarks or {}).items())
    return any((f"Invoice:{getattr(one, 'txn_id', '')}", getattr(one, "edit_sequence", "")) in ours for one in shown)


def _concerns_all(request: Request, status: Status) -> bool:
    return request.is_write and (status.reaction is Reaction.STOP or status.code in REFUSED_TO_ALL)


def _goes_on(db: orm.Session, job: Job) -> bool:
    """Whether a message of this job is still to be answered."""
    open_states = (RequestState.QUEUED, RequestState.SENT)
    going_on = sa.select(Request.id).where(Request.job_id == job.id, Request.state.in_(open_states))
    return db.scalar(going_on.limit(1)) is not None


def park(registry: Registry, visit: Visit, status: Status) -> None:
    """Leave a job to a person, with the reason.

    A write of which nobody knows whether it was done stays SENT: begun again, it leaves unchanged with its set.
    """
    drop_waiting(visit.db, visit.job)
    if not (visit.request.is_write and status.written is None):
        visit.request.state = RequestState.PARKED
    visit.park(status.code, status.message)
    try:
        with visit.db.begin_nested():
            registry[visit.job.kind].parked(visit, status)
    except ENVIRONMENT:
        raise
    except Exception:
        log.exception("handler of job %s (%s) failed", visit.job.id, visit.job.kind)


def interrupted(registry: Registry, visit: Visit) -> bool:
    """Whether the job goes on although a message bound to a former session is lost."""
    try:
        with visit.db.begin_nested():
            return registry[visit.job.kind].interrupted(visit)
    except ENVIRONMENT:
        raise
    except Exception:
        log.exception("handler of job %s (%s) failed", visit.job.id, visit.job.kind)
        return False


def _again(request: Request, not_in_session_id: int | None) -> None:
    request.state = RequestState.QUEUED
    request.exchange_id = request.position = None
    request.not_in_session_id = not_in_session_id


def visit_of(
    db: orm.Session, session: Session, request: Request, now: datetime, taken: frozenset[str] = frozenset()
) -> Visit:
    """The place where the handler of this request works."""
    return Visit(
        db=db,
        connection=session.connection,
        session=session,
        job=request.job,
        request=request,
        now=now,
        taken=taken,
    )
