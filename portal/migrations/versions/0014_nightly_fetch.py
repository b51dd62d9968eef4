"""The nightly fetch of Sherweb's charges: whether, when it went well last, and when it is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; who gave credentials before fetches every night from now on."""
    with op.batch_alter_table("sherweb_access") as table:
        table.add_column(sa.Column("is_daily", sa.Boolean(), nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("fetched_on", sa.Date(), nullable=True))
        table.add_column(sa.Column("fetch_not_before", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("sherweb_access") as table:
        for name in ("failures", "fetch_not_before", "fetched_on", "is_daily"):
            table.drop_column(name)
