"""Who has not chosen how often they are told follows their role, also after the first digest, and when it changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a choice of how often be empty."""
    with op.batch_alter_table("notice_preference") as table:
        table.alter_column("cadence", existing_type=sa.String(16), nullable=True)


def downgrade() -> None:
    """Those who have not chosen are told once a day, as who bills is."""
    op.execute("UPDATE notice_preference SET cadence = 'daily' WHERE cadence IS NULL")
    with op.batch_alter_table("notice_preference") as table:
        table.alter_column("cadence", existing_type=sa.String(16), nullable=False)
