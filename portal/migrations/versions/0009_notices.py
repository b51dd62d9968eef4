"""Notices: what was told to whom, how people and webhooks want it, the outbox, and when the Web Connector calls."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def _of_connection(table: str, *parts: Any, has_id: bool = True) -> None:
    """A table whose rows belong to a connection."""
    first = [sa.Column("id", sa.Integer(), nullable=False)] if has_id else []
    key = sa.PrimaryKeyConstraint("id" if has_id else "connection_id", name=op.f(f"pk_{table}"))
    owner = sa.Column("connection_id", sa.Integer(), nullable=False)
    op.create_table(table, *first, owner, *parts, _key(table, "connection_id", "connection"), key)


def upgrade() -> None:
    """Make the tables."""
    with op.batch_alter_table("connection") as table:
        table.add_column(sa.Column("password_changed_at", _MOMENT, nullable=True))
    _of_connection(
        "notice_dismissal",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("dismissed_at", _MOMENT, nullable=False),
        _key("notice_dismissal", "user_id", "user_account"),
        sa.UniqueConstraint(
            "connection_id", "user_id", "key", name=op.f("uq_notice_dismissal_connection_id_user_id_key")
        ),
    )
    _of_connection(
        "told",
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("told_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("connection_id", "key", name=op.f("uq_told_connection_id_key")),
    )
    _of_connection(
        "notice_preference",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("cadence", sa.String(16), nullable=False),
        sa.Column("digest_hour", sa.Integer(), nullable=False),
        sa.Column("preview_days", sa.Integer(), nullable=True),
        sa.Column("digested_at", _MOMENT, nullable=True),
        sa.Column("previewed_for", sa.Date(), nullable=True),
        _key("notice_preference", "user_id", "user_account"),
        sa.UniqueConstraint("connection_id", "user_id", name=op.f("uq_notice_preference_connection_id_user_id")),
        sa.CheckConstraint("digest_hour BETWEEN 0 AND 23", name="digest_hour"),
    )
    _of_connection(
        "webhook",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_webhook_connection_id", "webhook", ["connection_id"])
    _make_outbox()
    _of_connection(
        "call_rhythm",
        sa.Column("first_week", sa.Integer(), nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("noted_at", _MOMENT, nullable=False),
        has_id=False,
    )
    _of_connection(
        "failed_import",
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("error_key", sa.Text(), nullable=True),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("failed_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("connection_id", "provider", name=op.f("uq_failed_import_connection_id_provider")),
    )


def _make_outbox() -> None:
    _of_connection(
        "outbox",
        sa.Column("message_id", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("webhook_id", sa.Integer(), nullable=True),
        sa.Column("occasion", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", _MOMENT, nullable=False),
        sa.Column("leased_until", _MOMENT, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        _key("outbox", "user_id", "user_account"),
        _key("outbox", "webhook_id", "webhook"),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
    )
    op.create_index("ix_outbox_connection_id_id", "outbox", ["connection_id", "id"])
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_outbox_waiting", "outbox", ["next_at"], sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    """Take them away."""
    for name in ("failed_import", "call_rhythm", "outbox", "webhook", "notice_preference", "told", "notice_dismissal"):
        op.drop_table(name)
    with op.batch_alter_table("connection") as table:
        table.drop_column("password_changed_at")
