"""Connection, session, job, request, exchange, and the mirrored lists: the tables of the library.

Every row belongs to one connection. All names begin with ``qbwc_``, so that the tables can live beside others.
Moments are aware UTC; what QuickBooks says of time is naive local and is kept as text.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, DateTime, Enum, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, validates
from sqlalchemy.types import TypeDecorator

from qbwc.identity import Verdict
from qbwc.session import State

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment; SQLite keeps it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive moment was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CompressedText(TypeDecorator[str]):
    """Text kept as zlib-compressed UTF-8: qbXML shrinks to about a twentieth."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else zlib.compress(value.encode("utf-8", "surrogatepass"), 6)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else zlib.decompress(value).decode("utf-8", "surrogatepass")


def choice(kind: type[StrEnum]) -> Enum:
    """A column that holds one value of a StrEnum, as its text."""
    return Enum(
        kind, native_enum=False, length=16, values_callable=lambda members: [member.value for member in members]
    )


def index_of_some(name: str, *columns: str, where: str) -> Index:
    """An index of the rows for which a condition holds."""
    return Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


class Base(DeclarativeBase):
    """The library's tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UtcDateTime(),
        str: Text(),
        dict[str, Any]: JSON(),
        dict[str, str]: JSON(),
        list[str]: JSON(),
    }


class JobState(StrEnum):
    """Where a job stands. PARKED waits for a person."""

    WAITING = "waiting"
    DONE = "done"
    PARKED = "parked"
    CANCELLED = "cancelled"


class RequestState(StrEnum):
    """Where a request stands. DROPPED was overtaken before it was answered."""

    QUEUED = "queued"
    SENT = "sent"
    ANSWERED = "answered"
    PARKED = "parked"
    DROPPED = "dropped"


class ExchangeState(StrEnum):
    """SENT: the bytes left and no answer is known. REFUSED: QuickBooks refused the set as a whole."""

    SENT = "sent"
    ANSWERED = "answered"
    REFUSED = "refused"
    LOST = "lost"


class PartResult(StrEnum):
    """What became of a part of a message set. REFUSED: QuickBooks answered any of its messages with an error."""

    UNANSWERED = "unanswered"
    DONE = "done"
    REFUSED = "refused"


class Purpose(StrEnum):
    """Why a message set leaves. Only WORK carries requests of the queue."""

    GREETING = "greeting"  # host, company and preferences
    LANDMARKS = "landmarks"  # are the newest things we wrote still there?
    DELETIONS = "deletions"  # ... and if not, did somebody delete them?
    CHECK = "check"  # has QuickBooks kept the answer to a set whose answer was lost?
    LOOK_UP = "look-up"  # if not: are the objects of that set in the company file?
    WORK = "work"
    CLEARING = "clearing"  # the kept answers may go: all are applied


class Doubt(StrEnum):
    """How far the recovery of a write set without an answer has come in this session."""

    NEW = "new"  # nothing is known yet
    ABSENT = "absent"  # QuickBooks has no stored answer
    SEARCHED = "searched"  # and none of its objects either: the same bytes may leave again
    HELD = "held"  # not in this session


class Connection(Base):
    """One company file that may call us: user name, secret, OwnerID, FileID.

    `language` ("en" or "fr") is that of the sentences in the connector's window. `minimum_interval` (seconds) is the
    shortest rhythm that the connector is allowed. `largest_set` is how many requests travel together after trouble.
    `landmarks` are the newest transactions that we wrote, as "Invoice:TxnID" -> EditSequence; `shows_stamps`: queries
    of this QuickBooks bring back our ExternalGUIDs. `preparing_until`: work
    is being prepared, and until then a visit that finds none waits. `refused_at`: somebody called with our user name
    and a wrong password.
    """

    __tablename__ = "qbwc_connection"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_name: Mapped[str] = mapped_column(String(64), unique=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(38))
    file_id: Mapped[str] = mapped_column(String(38), unique=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    company_name: Mapped[str | None]
    company_path: Mapped[str | None]
    accepts_missing_file_id: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(String(5), default="en", server_default="en")
    minimum_interval: Mapped[int | None]
    largest_set: Mapped[int | None]
    landmarks: Mapped[dict[str, str] | None]
    shows_stamps: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    has_stored_sets: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    preparing_until: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    seen_company_name: Mapped[str | None]
    seen_company_path: Mapped[str | None]
    verdict: Mapped[Verdict | None] = mapped_column(choice(Verdict))
    host: Mapped[dict[str, Any] | None]
    preferences: Mapped[dict[str, Any] | None]
    last_contact_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]


class Session(Base):
    """One visit of the Web Connector. `ticket_hash` is the SHA-256 of its ticket; `last_error` is by language.

    `total`, `done` and `failed` count messages; `address` is where the call came from, `machine` the PC that QuickBooks
    named. `out_id` is the exchange whose answer is awaited, `before_id` the one before; `knows_landmarks` says that
    the file was compared with what we wrote last.
    """

    __tablename__ = "qbwc_session"
    __table_args__ = (index_of_some("ix_qbwc_session_open", "connection_id", "id", where="result IS NULL"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"), index=True)
    ticket_hash: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[State] = mapped_column(choice(State), default=State.OPEN)
    opened_at: Mapped[datetime]
    last_contact_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    company_name: Mapped[str | None]
    company_path: Mapped[str | None]
    machine: Mapped[str | None]
    product: Mapped[str | None]
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")
    out_id: Mapped[int | None]
    before_id: Mapped[int | None]
    may_write: Mapped[bool] = mapped_column(default=False)
    knows_landmarks: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    pauses: Mapped[int] = mapped_column(default=0, server_default="0")
    has_asked_person: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    progress: Mapped[int] = mapped_column(default=0)
    connection_errors: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[dict[str, str] | None]
    result: Mapped[str | None]

    connection: Mapped[Connection] = relationship()


class Job(Base):
    """A purpose, queued under a key that is unique within its connection and kind.

    `status_code` and `status_message` say why it is parked; `warning` what a person should know although it is done.
    `topic` is what the history files it under, `asked_by` who wanted it (empty: the program itself), and `about` what
    it belongs to; all three are the words of whoever queued it.
    """

    __tablename__ = "qbwc_job"
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "key"),
        Index("ix_qbwc_job_connection_id_state", "connection_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(120))
    topic: Mapped[str] = mapped_column(String(40), default="", server_default="")
    asked_by: Mapped[str] = mapped_column(String(254), default="", server_default="")
    about: Mapped[str] = mapped_column(String(80), default="", server_default="")
    payload: Mapped[dict[str, Any]]
    state: Mapped[JobState] = mapped_column(choice(JobState), default=JobState.WAITING)
    status_code: Mapped[str | None] = mapped_column(String(40))
    status_message: Mapped[str | None]
    warning: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Request(Base):
    """A message that serves a job, rendered and checked before it was queued.

    `txn_id` is the transaction that it wrote. `text_changes` are the characters that QuickBooks cannot keep: "œ" and
    what it became, "oe", one after the other.
    """

    __tablename__ = "qbwc_request"
    __table_args__ = (
        Index("ix_qbwc_request_due", "connection_id", "state", "priority", "is_write", "id"),
        Index("ix_qbwc_request_job_id", "job_id"),
        Index("ix_qbwc_request_exchange_id", "exchange_id"),
        # The few that are bound to a session, without a look at all that wait; and for deleting a session.
        index_of_some("ix_qbwc_request_bound", "connection_id", "state", where="only_in_session_id IS NOT NULL"),
        index_of_some("ix_qbwc_request_only_in", "only_in_session_id", where="only_in_session_id IS NOT NULL"),
        index_of_some("ix_qbwc_request_not_in", "not_in_session_id", where="not_in_session_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"))
    job_id: Mapped[int] = mapped_column(ForeignKey("qbwc_job.id", ondelete="CASCADE"))
    step: Mapped[str] = mapped_column(String(40))
    request_id: Mapped[str] = mapped_column(String(50), default="")
    tag: Mapped[str] = mapped_column(String(60))
    body: Mapped[str]
    text_changes: Mapped[list[str] | None]
    is_write: Mapped[bool]
    state: Mapped[RequestState] = mapped_column(choice(RequestState), default=RequestState.QUEUED)
    priority: Mapped[int]
    attempts: Mapped[int] = mapped_column(default=0)
    largest_set: Mapped[int | None]
    only_in_session_id: Mapped[int | None] = mapped_column(ForeignKey("qbwc_session.id", ondelete="SET NULL"))
    not_in_session_id: Mapped[int | None] = mapped_column(ForeignKey("qbwc_session.id", ondelete="SET NULL"))
    exchange_id: Mapped[int | None] = mapped_column(ForeignKey("qbwc_exchange.id", ondelete="SET NULL"))
    position: Mapped[int | None]
    txn_id: Mapped[str | None] = mapped_column(String(36))
    status_code: Mapped[str | None] = mapped_column(String(16))
    status_message: Mapped[str | None]
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]

    job: Mapped[Job] = relationship()


class Exchange(Base):
    """One message set on its way: the exact bytes that left, and what came back.

    `attempts` counts the visits in which it left, or was asked after. `about_id` is the lost set that a check or a
    look-up is about, `doubt` how far the recovery of a lost one has come. Sizes are in characters.
    """

    __tablename__ = "qbwc_exchange"
    __table_args__ = (
        Index("ix_qbwc_exchange_open", "connection_id", "state", "id"),
        index_of_some("ix_qbwc_exchange_about", "about_id", where="about_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"))
    session_id: Mapped[int] = mapped_column(ForeignKey("qbwc_session.id", ondelete="CASCADE"), index=True)
    message_set_id: Mapped[str | None] = mapped_column(String(23), unique=True)
    about_id: Mapped[int | None] = mapped_column(ForeignKey("qbwc_exchange.id", ondelete="SET NULL"))
    purpose: Mapped[Purpose] = mapped_column(choice(Purpose), default=Purpose.WORK)
    doubt: Mapped[Doubt | None] = mapped_column(choice(Doubt))
    is_write: Mapped[bool]
    state: Mapped[ExchangeState] = mapped_column(choice(ExchangeState), default=ExchangeState.SENT)
    attempts: Mapped[int] = mapped_column(default=1)
    request_body: Mapped[str | None] = mapped_column(CompressedText, deferred=True)
    answer_body: Mapped[str | None] = mapped_column(CompressedText, deferred=True)
    request_size: Mapped[int] = mapped_column(default=0)
    answer_size: Mapped[int | None]
    request_count: Mapped[int] = mapped_column(default=0)
    hresult: Mapped[str | None] = mapped_column(String(16))
    message: Mapped[str | None]
    first_sent_at: Mapped[datetime]
    sent_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]

    parts: Mapped[list[ExchangePart]] = relationship(passive_deletes=True)

    @validates("state")
    def _tell_parts(self, _name: str, state: ExchangeState) -> ExchangeState:
        """Its parts stand as it does; one that was refused stays so when the set is answered."""
        for part in self.parts:
            if state is ExchangeState.REFUSED:
                part.result = PartResult.REFUSED
            elif state is not ExchangeState.ANSWERED:
                part.result = PartResult.UNANSWERED
            elif part.result is PartResult.UNANSWERED:
                part.result = PartResult.DONE
        return state

    @validates("sent_at")
    def _tell_when(self, _name: str, sent_at: datetime) -> datetime:
        for part in self.parts:
            part.at = sent_at
        return sent_at


class ExchangePart(Base):
    """What a message set carries of one topic, for one person, about one thing: what the history is searched by.

    `at` is when the set left (last).
    """

    __tablename__ = "qbwc_exchange_part"
    __table_args__ = (
        Index("ix_qbwc_exchange_part_at", "connection_id", "at", "id"),
        Index("ix_qbwc_exchange_part_topic", "connection_id", "topic", "at", "id"),
        Index("ix_qbwc_exchange_part_asked_by", "connection_id", "asked_by", "at", "id"),
        Index("ix_qbwc_exchange_part_result", "connection_id", "result", "at", "id"),
        index_of_some("ix_qbwc_exchange_part_about", "connection_id", "about", "exchange_id", where="about <> ''"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"))
    exchange_id: Mapped[int] = mapped_column(ForeignKey("qbwc_exchange.id", ondelete="CASCADE"), index=True)
    topic: Mapped[str] = mapped_column(String(40))
    asked_by: Mapped[str] = mapped_column(String(254), default="")
    about: Mapped[str] = mapped_column(String(80), default="")
    at: Mapped[datetime]
    requests: Mapped[int]
    result: Mapped[PartResult] = mapped_column(choice(PartResult), default=PartResult.UNANSWERED)


class Arrival(Base):
    """What the reading of one list brought in one visit: how many objects were new, changed, or gone."""

    __tablename__ = "qbwc_arrival"
    __table_args__ = (
        Index("ix_qbwc_arrival_connection_id", "connection_id", "session_id"),
        index_of_some(
            "ix_qbwc_arrival_news", "connection_id", "session_id", where="added > 0 OR changed > 0 OR gone > 0"
        ),
    )

    session_id: Mapped[int] = mapped_column(ForeignKey("qbwc_session.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"))
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]


class ListObject(Base):
    """A customer, item, account … as QuickBooks last showed it. `data` holds the fields of its kind."""

    __tablename__ = "qbwc_list_object"
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "list_id"),
        Index("ix_qbwc_list_object_name", "connection_id", "kind", "full_name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    type: Mapped[str] = mapped_column(String(40))
    list_id: Mapped[str] = mapped_column(String(36))
    full_name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    edit_sequence: Mapped[str | None] = mapped_column(String(16))
    data: Mapped[dict[str, Any]]
    pull: Mapped[int]
    seen_at: Mapped[datetime]


class ListState(Base):
    """When a list was last complete here, and from which moment to ask next (QuickBooks' local time)."""

    __tablename__ = "qbwc_list_state"

    connection_id: Mapped[int] = mapped_column(ForeignKey("qbwc_connection.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    pull: Mapped[int] = mapped_column(default=0)
    is_complete: Mapped[bool] = mapped_column(default=False)
    refreshed_at: Mapped[datetime | None]
    pulled_whole_at: Mapped[datetime | None]
    watermark: Mapped[str | None] = mapped_column(String(19))
