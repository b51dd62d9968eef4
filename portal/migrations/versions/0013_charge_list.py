"""Which columns each person sees in a list, and the indexes by which the list of charges is read in its orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_charge_connection_id_delivery_id": ["connection_id", "delivery_id", "id"],
    "ix_charge_connection_id_amount_cents": ["connection_id", "amount_cents", "id"],
}


def upgrade() -> None:
    """Make the table and the indexes."""
    op.create_table(
        "shown_columns",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("listing", sa.String(40), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_shown_columns_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "listing", name=op.f("pk_shown_columns")),
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "charge", columns)


def downgrade() -> None:
    """Take them away; everybody sees the usual columns again."""
    for name in _INDEXES:
        op.drop_index(name, "charge")
    op.drop_table("shown_columns")
