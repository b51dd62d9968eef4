"""What was told to whom: dismissals, causes that were told, preferences, webhooks, and the outbox.

Notices themselves are never kept: they follow from the facts (see `portal.notices`).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.tables import Base
from portal.notices import Kind
from qbwc.models import choice, index_of_some

LONGEST_CAUSE = 80


class Cadence(StrEnum):
    """How often a person wants e-mail about a connection."""

    AT_ONCE = "at-once"
    DAILY = "daily"
    NEVER = "never"


class Channel(StrEnum):
    """How a message leaves."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class Occasion(StrEnum):
    """Why a message leaves: about a notice that is new or grew, one that is gone, or of another kind."""

    RAISED = "raised"
    CLEARED = "cleared"
    DIGEST = "digest"
    PREVIEW = "preview"
    TEST = "test"


class MessageState(StrEnum):
    """Where a message stands. DROPPED: whom it was for may not have it any more."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class NoticeDismissal(Base):
    """A person does not want to see a notice again while its facts are those of `fingerprint`."""

    __tablename__ = "notice_dismissal"
    __table_args__ = (UniqueConstraint("connection_id", "user_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(LONGEST_CAUSE))
    fingerprint: Mapped[str] = mapped_column(String(16))
    dismissed_at: Mapped[datetime]


class ToldNotice(Base):
    """A cause that was told, as it was then; its row goes when the cause has gone. `told_at` is when it was news."""

    __tablename__ = "told"
    __table_args__ = (UniqueConstraint("connection_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(LONGEST_CAUSE))
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    fingerprint: Mapped[str] = mapped_column(String(16))
    size: Mapped[int]
    told_at: Mapped[datetime]


class NoticePreference(Base):
    """What a person wants to be mailed about a connection; without a row, or a `cadence`, as their role says.

    `digest_hour` is on the connection's clock. `preview_days` before each invoice day the preview is mailed;
    `previewed_for` is the invoice date of the last one. `digested_at`: what was told up to then was in a digest.
    """

    __tablename__ = "notice_preference"
    __table_args__ = (
        UniqueConstraint("connection_id", "user_id"),
        CheckConstraint("digest_hour BETWEEN 0 AND 23", name="digest_hour"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    cadence: Mapped[Cadence | None] = mapped_column(choice(Cadence))
    digest_hour: Mapped[int]
    preview_days: Mapped[int | None]
    digested_at: Mapped[datetime | None]
    previewed_for: Mapped[date | None]


class Webhook(Base):
    """An address that is told. `secret` is sealed; `kinds` are the notices that it is told of, none for all."""

    __tablename__ = "webhook"
    __table_args__ = (Index("ix_webhook_connection_id", "connection_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    url: Mapped[str]
    secret: Mapped[str]
    kinds: Mapped[list[str]] = mapped_column(JSON)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class OutboxMessage(Base):
    """A message on its way to one person or one webhook. `message_id` stays the same however often it leaves.

    `payload` is JSON: to a webhook the very bytes of the body, for e-mail what the letter is made of when it leaves.
    Whoever delivers it holds it until `leased_until`; when they were killed, it is free again then. `status` and
    `answer` are what the receiver said last.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_connection_id_id", "connection_id", "id"),
        index_of_some("ix_outbox_waiting", "next_at", where="state = 'waiting'"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(40), unique=True)
    channel: Mapped[Channel] = mapped_column(choice(Channel))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    webhook_id: Mapped[int | None] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    occasion: Mapped[Occasion] = mapped_column(choice(Occasion))
    kind: Mapped[Kind | None] = mapped_column(choice(Kind))
    payload: Mapped[str]
    state: Mapped[MessageState] = mapped_column(choice(MessageState), default=MessageState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class CallRhythm(Base):
    """The hours of the week at which the Web Connector calls (`portal.notices.rhythm`), learned up to `noted_at`."""

    __tablename__ = "call_rhythm"

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"), primary_key=True)
    first_week: Mapped[int]
    week: Mapped[int]
    hours: Mapped[list[int]] = mapped_column(JSON)
    noted_at: Mapped[datetime]


class FailedImport(Base):
    """The last import from a provider, which failed; the next one that goes well takes it away.

    `template` and `values` are those of the error; `error_key` is its key where it was a provider's.
    """

    __tablename__ = "failed_import"
    __table_args__ = (UniqueConstraint("connection_id", "provider"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(40))
    file_name: Mapped[str]
    error_key: Mapped[str | None]
    template: Mapped[str]
    values: Mapped[dict[str, str]] = mapped_column(JSON)
    failed_at: Mapped[datetime]
