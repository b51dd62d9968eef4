"""The library's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "qbwc_connection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=38), nullable=False),
        sa.Column("file_id", sa.String(length=38), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("company_name", sa.Text(), nullable=True),
        sa.Column("company_path", sa.Text(), nullable=True),
        sa.Column("accepts_missing_file_id", sa.Boolean(), nullable=False),
        sa.Column("seen_company_name", sa.Text(), nullable=True),
        sa.Column("seen_company_path", sa.Text(), nullable=True),
        sa.Column("verdict", sa.String(16), nullable=True),
        sa.Column("host", sa.JSON(), nullable=True),
        sa.Column("preferences", sa.JSON(), nullable=True),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbwc_connection")),
        sa.UniqueConstraint("file_id", name=op.f("uq_qbwc_connection_file_id")),
        sa.UniqueConstraint("user_name", name=op.f("uq_qbwc_connection_user_name")),
    )
    op.create_table(
        "qbwc_job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("status_code", sa.String(length=16), nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["qbwc_connection.id"], name=op.f("fk_qbwc_job_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbwc_job")),
        sa.UniqueConstraint("connection_id", "kind", "key", name=op.f("uq_qbwc_job_connection_id_kind_key")),
    )
    op.create_index("ix_qbwc_job_connection_id_state", "qbwc_job", ["connection_id", "state"], unique=False)
    op.create_table(
        "qbwc_list_object",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("list_id", sa.String(length=36), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("edit_sequence", sa.String(length=16), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("pull", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["qbwc_connection.id"],
            name=op.f("fk_qbwc_list_object_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbwc_list_object")),
        sa.UniqueConstraint(
            "connection_id", "kind", "list_id", name=op.f("uq_qbwc_list_object_connection_id_kind_list_id")
        ),
    )
    op.create_index(
        "ix_qbwc_list_object_name", "qbwc_list_object", ["connection_id", "kind", "full_name"], unique=False
    )
    op.create_table(
        "qbwc_list_state",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("pull", sa.Integer(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watermark", sa.String(length=19), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["qbwc_connection.id"], name=op.f("fk_qbwc_list_state_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", "kind", name=op.f("pk_qbwc_list_state")),
    )
    op.create_table(
        "qbwc_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_contact_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_name", sa.Text(), nullable=True),
        sa.Column("company_path", sa.Text(), nullable=True),
        sa.Column("machine", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("may_write", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("connection_errors", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["qbwc_connection.id"], name=op.f("fk_qbwc_session_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbwc_session")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_qbwc_session_ticket_hash")),
    )
    op.create_index(op.f("ix_qbwc_session_connection_id"), "qbwc_session", ["connection_id"], unique=False)
    op.create_table(
        "qbwc_exchange",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("message_set_id", sa.String(length=23), nullable=True),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("is_write", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("request_body", sa.LargeBinary(), nullable=True),
        sa.Column("answer_body", sa.LargeBinary(), nullable=True),
        sa.Column("request_size", sa.Integer(), nullable=False),
        sa.Column("answer_size", sa.Integer(), nullable=True),
        sa.Column("request_count", sa.Integer(), nullable=False),
        sa.Column("hresult", sa.String(length=16), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["qbwc_connection.id"], name=op.f("fk_qbwc_exchange_connection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["qbwc_session.id"], name=op.f("fk_qbwc_exchange_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbwc_exchange")),
        sa.UniqueConstraint("message_set_id", name=op.f("uq_qbwc_exchange_message_set_id")),
    )
    op.create_index("ix_qbwc_exchange_open", "qbwc_exchange", ["connection_id", "state", "id"], unique=False)
    op.create_index(op.f("ix_qbwc_exchange_session_id"), "qbwc_exchange", ["session_id"], unique=False)
    op.create_table(
        "qbwc_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("request_id", sa.String(length=50), nullable=False),
        sa.Column("tag", sa.String(length=60), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_write", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("largest_set", sa.Integer(), nullable=True),
        sa.Column("only_in_session_id", sa.Integer(), nullable=True),
        sa.Column("not_in_session_id", sa.Integer(), nullable=True),
        sa.Column("exchange_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("status_code", sa.String(length=16), nullable=True),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["qbwc_connection.id"], name=op.f("fk_qbwc_request_connection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["qbwc_exchange.id"], name=op.f("fk_qbwc_request_exchange_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["qbwc_job.id"], name=op.f("fk_qbwc_request_job_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["not_in_session_id"],
            ["qbwc_session.id"],
            name=op.f("fk_qbwc_request_not_in_session_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["only_in_session_id"],
            ["qbwc_session.id"],
            name=op.f("fk_qbwc_request_only_in_session_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbwc_request")),
    )
    op.create_index(
        "ix_qbwc_request_due", "qbwc_request", ["connection_id", "state", "priority", "is_write", "id"], unique=False
    )
    op.create_index("ix_qbwc_request_exchange_id", "qbwc_request", ["exchange_id"], unique=False)
    op.create_index("ix_qbwc_request_job_id", "qbwc_request", ["job_id"], unique=False)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index("ix_qbwc_request_job_id", table_name="qbwc_request")
    op.drop_index("ix_qbwc_request_exchange_id", table_name="qbwc_request")
    op.drop_index("ix_qbwc_request_due", table_name="qbwc_request")
    op.drop_table("qbwc_request")
    op.drop_index(op.f("ix_qbwc_exchange_session_id"), table_name="qbwc_exchange")
    op.drop_index("ix_qbwc_exchange_open", table_name="qbwc_exchange")
    op.drop_table("qbwc_exchange")
    op.drop_index(op.f("ix_qbwc_session_connection_id"), table_name="qbwc_session")
    op.drop_table("qbwc_session")
    op.drop_table("qbwc_list_state")
    op.drop_index("ix_qbwc_list_object_name", table_name="qbwc_list_object")
    op.drop_table("qbwc_list_object")
    op.drop_index("ix_qbwc_job_connection_id_state", table_name="qbwc_job")
    op.drop_table("qbwc_job")
    op.drop_table("qbwc_connection")
