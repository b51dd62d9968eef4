"""Whether the Web Connector opens a page when a person must decide."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    with op.batch_alter_table("connection") as table:
        table.add_column(sa.Column("opens_page", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("connection") as table:
        table.drop_column("opens_page")
