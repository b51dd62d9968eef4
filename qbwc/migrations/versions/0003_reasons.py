"""Room for the reasons of those who use the library: a job may be parked with any code of up to 40 characters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the column."""
    with op.batch_alter_table("qbwc_job") as table:
        table.alter_column("status_code", existing_type=sa.String(16), type_=sa.String(40))


def downgrade() -> None:
    """Narrow it again; longer codes are cut."""
    op.execute("UPDATE qbwc_job SET status_code = substr(status_code, 1, 16)")
    with op.batch_alter_table("qbwc_job") as table:
        table.alter_column("status_code", existing_type=sa.String(40), type_=sa.String(16))
