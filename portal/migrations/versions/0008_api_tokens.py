"""Tokens of the API, and the indexes by which its lists go on from a row, however many there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_LISTS = (
    ("charge", "connection_id"),
    ("offer", "connection_id"),
    ("organization", "connection_id"),
    ("draft", "run_id"),
)


def upgrade() -> None:
    """Make the table and the indexes."""
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(254), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_from", sa.String(45), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(254), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_api_token_partner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_index(op.f("ix_api_token_partner_id"), "api_token", ["partner_id"])
    for table, owner in _LISTS:
        op.create_index(op.f(f"ix_{table}_{owner}_id"), table, [owner, "id"])


def downgrade() -> None:
    """Take them away; programs need new tokens afterwards."""
    for table, owner in _LISTS:
        op.drop_index(op.f(f"ix_{table}_{owner}_id"), table)
    op.drop_table("api_token")
