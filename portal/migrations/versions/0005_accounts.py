"""A row for each log-in, a second factor with recovery codes, and the link of the first administrator."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _key_to_user(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_user_id")
    return sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Make the tables. Log-ins from before end: their key is not kept."""
    with op.batch_alter_table("user_account") as table:
        table.drop_constraint(op.f("uq_user_account_session_key"), type_="unique")
        table.drop_column("session_key")
        table.add_column(sa.Column("second_factor", sa.Text(), nullable=True))
        table.add_column(sa.Column("second_factor_step", sa.Integer(), nullable=True))
    with op.batch_alter_table("partner") as table:
        table.add_column(sa.Column("requires_second_factor", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "log_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        _key_to_user("log_in"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_in")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_log_in_token_hash")),
    )
    op.create_index(op.f("ix_log_in_user_id"), "log_in", ["user_id"])
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        _key_to_user("recovery_code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("user_id", "code_hash", name=op.f("uq_recovery_code_user_id_code_hash")),
    )
    op.create_table(
        "setup_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name="one"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_link")),
    )


def downgrade() -> None:
    """Take them away; everybody logs in again."""
    for name in ("setup_link", "recovery_code", "log_in"):
        op.drop_table(name)
    with op.batch_alter_table("partner") as table:
        table.drop_column("requires_second_factor")
    with op.batch_alter_table("user_account") as table:
        table.drop_column("second_factor_step")
        table.drop_column("second_factor")
        table.add_column(sa.Column("session_key", sa.String(64), nullable=True))
    database = op.get_bind()
    for (number,) in database.execute(sa.text("SELECT id FROM user_account")).all():
        values = {"key": secrets.token_hex(16), "id": number}
        database.execute(sa.text("UPDATE user_account SET session_key = :key WHERE id = :id"), values)
    with op.batch_alter_table("user_account") as table:
        table.alter_column("session_key", existing_type=sa.String(64), nullable=False)
        table.create_unique_constraint(op.f("uq_user_account_session_key"), ["session_key"])
