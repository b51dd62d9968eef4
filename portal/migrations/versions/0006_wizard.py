"""How far a connection is set up, since when it runs, and how often the Web Connector calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. A connection that exists has no step left: it is started."""
    with op.batch_alter_table("connection") as table:
        table.add_column(sa.Column("setup_step", sa.String(16), nullable=True))
        table.add_column(sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("call_gaps", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("connection") as table:
        table.drop_column("call_gaps")
        table.drop_column("started_at")
        table.drop_column("setup_step")
