"""How a connection is shared: invitations to it, and who joined with one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.models.tables import Base
from portal.models.tenants import Connection, Role, User
from qbwc.models import choice

_SHA_256 = 64


class InvitationState(StrEnum):
    """What became of an invitation. One that is open may still be too old."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    REPLACED = "replaced"


class Invitation(Base):
    """An invitation to one connection in one role; only the hash of its secret is kept.

    `email` is the address that it is bound to, empty when to none. At most one is open for a role and an address.
    `made_by` and `ended_by` are addresses; `maker_id` tells whether its maker may still invite.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        Index(
            "uq_invitation_open",
            "connection_id",
            "role",
            "email",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    role: Mapped[Role] = mapped_column(choice(Role))
    email: Mapped[str] = mapped_column(String(254), default="")
    secret_hash: Mapped[str] = mapped_column(String(_SHA_256), unique=True)
    maker_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    made_by: Mapped[str] = mapped_column(String(254))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[InvitationState] = mapped_column(choice(InvitationState), default=InvitationState.OPEN)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(254), default="")

    connection: Mapped[Connection] = relationship()


class Participant(Base):
    """A person who joined a connection, and their role on it alone. An invitation makes one participant at most."""

    __tablename__ = "participant"
    __table_args__ = (UniqueConstraint("connection_id", "user_id"), Index("ix_participant_user_id", "user_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), unique=True)
    role: Mapped[Role] = mapped_column(choice(Role))
    joined_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
    connection: Mapped[Connection] = relationship()
