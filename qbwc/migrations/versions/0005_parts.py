"""What each message set carries, by topic, person and matter; and what the reading of the lists brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ON_JOB = {"topic": 40, "asked_by": 254, "about": 80}
_IS_ABOUT = sa.text("about <> ''")
_HAS_NEWS = sa.text("added > 0 OR changed > 0 OR gone > 0")
# What is known of the sets that left before: their purpose, and the kinds of their jobs.
_FILL = """
    INSERT INTO qbwc_exchange_part (connection_id, exchange_id, topic, asked_by, about, at, requests, result)
    SELECT e.connection_id, e.id, {topic}, '', '', e.sent_at, {requests},
        CASE WHEN e.state = 'refused' THEN 'refused' WHEN e.state <> 'answered' THEN 'unanswered'
        {refused} ELSE 'done' END
    FROM qbwc_exchange e {more}
"""


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def upgrade() -> None:
    """Make the tables, and fill in the sets that left before."""
    with op.batch_alter_table("qbwc_job") as table:
        for name, length in _ON_JOB.items():
            table.add_column(sa.Column(name, sa.String(length), nullable=False, server_default=""))
    op.execute("UPDATE qbwc_job SET topic = CASE WHEN kind = 'pull-list' THEN 'lists' ELSE kind END")
    op.create_table(
        "qbwc_exchange_part",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("exchange_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(40), nullable=False),
        sa.Column("asked_by", sa.String(254), nullable=False),
        sa.Column("about", sa.String(80), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        _key("qbwc_exchange_part", "connection_id", "qbwc_connection"),
        _key("qbwc_exchange_part", "exchange_id", "qbwc_exchange"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qbwc_exchange_part")),
    )
    _fill()
    op.create_index("ix_qbwc_exchange_part_exchange_id", "qbwc_exchange_part", ["exchange_id"])
    for name in ("at", "topic", "asked_by", "result"):
        columns = ["connection_id", *([] if name == "at" else [name]), "at", "id"]
        op.create_index(f"ix_qbwc_exchange_part_{name}", "qbwc_exchange_part", columns)
    op.create_index(
        "ix_qbwc_exchange_part_about",
        "qbwc_exchange_part",
        ["connection_id", "about", "exchange_id"],
        sqlite_where=_IS_ABOUT,
        postgresql_where=_IS_ABOUT,
    )
    op.create_table(
        "qbwc_arrival",
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        _key("qbwc_arrival", "session_id", "qbwc_session"),
        _key("qbwc_arrival", "connection_id", "qbwc_connection"),
        sa.PrimaryKeyConstraint("session_id", "kind", name=op.f("pk_qbwc_arrival")),
    )
    op.create_index("ix_qbwc_arrival_connection_id", "qbwc_arrival", ["connection_id", "session_id"])
    op.create_index(
        "ix_qbwc_arrival_news",
        "qbwc_arrival",
        ["connection_id", "session_id"],
        sqlite_where=_HAS_NEWS,
        postgresql_where=_HAS_NEWS,
    )


def _fill() -> None:
    refused = "WHEN MAX(CASE WHEN r.state = 'parked' THEN 1 ELSE 0 END) = 1 THEN 'refused'"
    carried = """JOIN qbwc_request r ON r.exchange_id = e.id JOIN qbwc_job j ON j.id = r.job_id
        GROUP BY e.id, e.connection_id, e.sent_at, e.state, j.topic"""
    op.execute(_FILL.format(topic="j.topic", requests="COUNT(*)", refused=refused, more=carried))
    # The messages of some left again in another set.
    without = "WHERE NOT EXISTS (SELECT 1 FROM qbwc_request r WHERE r.exchange_id = e.id)"
    topic = "CASE WHEN e.purpose = 'work' THEN 'work' ELSE 'checks' END"
    op.execute(_FILL.format(topic=topic, requests="e.request_count", refused="", more=without))


def downgrade() -> None:
    """Take both tables away."""
    op.drop_table("qbwc_arrival")
    op.drop_table("qbwc_exchange_part")
    with op.batch_alter_table("qbwc_job") as table:
        for name in _ON_JOB:
            table.drop_column(name)
