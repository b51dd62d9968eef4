"""Column profiles, access to Sherweb's API, and files that wait for their columns to be chosen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _key_to_connection(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_connection_id")
    return sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "column_profile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("profile", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        _key_to_connection("column_profile"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_column_profile")),
        sa.UniqueConstraint("connection_id", "name", name=op.f("uq_column_profile_connection_id_name")),
    )
    op.create_table(
        "sherweb_access",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.Text(), nullable=False),
        sa.Column("subscription_key", sa.Text(), nullable=False),
        sa.Column("authorization_url", sa.Text(), nullable=False),
        sa.Column("distributor_url", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.JSON(), nullable=True),
        _key_to_connection("sherweb_access"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sherweb_access")),
        sa.UniqueConstraint("connection_id", name=op.f("uq_sherweb_access_connection_id")),
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(43), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        _key_to_connection("upload"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_upload_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("connection_id", "user_id", name=op.f("uq_upload_connection_id_user_id")),
        sa.UniqueConstraint("token", name=op.f("uq_upload_token")),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("upload")
    op.drop_table("sherweb_access")
    op.drop_table("column_profile")
