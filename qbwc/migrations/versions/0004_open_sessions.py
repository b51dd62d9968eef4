"""An index of the visits that have no result yet.

Whether one goes on is asked every few seconds while a page follows it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = sa.text("result IS NULL")


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "ix_qbwc_session_open", "qbwc_session", ["connection_id", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_qbwc_session_open", "qbwc_session")
