"""Who asked for a run and for the lists, whether accountants see a run, and the first month of the fiscal year.

The messages that left before are filed under their topics, and told which run they were about.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TOPICS = {
    "create-invoice": "invoices",
    "update-invoice": "invoices",
    "item-cost": "costs",
    "read-back": "comparisons",
    "find-invoice": "searches",
}
_JOB = sa.table("qbwc_job", *(sa.column(name) for name in ("id", "kind", "key", "topic", "about")))
_PARTS = """
    INSERT INTO qbwc_exchange_part (connection_id, exchange_id, topic, asked_by, about, at, requests, result)
    SELECT e.connection_id, e.id, j.topic, '', j.about, e.sent_at, COUNT(*),
        CASE WHEN e.state = 'refused' THEN 'refused' WHEN e.state <> 'answered' THEN 'unanswered'
        WHEN MAX(CASE WHEN r.state = 'parked' THEN 1 ELSE 0 END) = 1 THEN 'refused' ELSE 'done' END
    FROM qbwc_exchange e JOIN qbwc_request r ON r.exchange_id = e.id JOIN qbwc_job j ON j.id = r.job_id
    GROUP BY e.id, e.connection_id, e.sent_at, e.state, j.topic, j.about
"""

# A check or a look-up of a lost set brings what was lost: it is about the same.
_ABOUT_LOST = """
    FROM qbwc_exchange e JOIN qbwc_exchange_part p ON p.exchange_id = e.about_id
    WHERE e.purpose <> 'work'
"""
_UNFILED = f"DELETE FROM qbwc_exchange_part WHERE exchange_id IN (SELECT e.id {_ABOUT_LOST})"  # noqa: S608 -- no values
_CHECKS = f"""
    INSERT INTO qbwc_exchange_part (connection_id, exchange_id, topic, asked_by, about, at, requests, result)
    SELECT DISTINCT e.connection_id, e.id, 'checks', '', p.about, e.sent_at, e.request_count,
        CASE WHEN e.state = 'refused' THEN 'refused' WHEN e.state <> 'answered' THEN 'unanswered' ELSE 'done' END
    {_ABOUT_LOST}
"""


def upgrade() -> None:
    """Add the columns, and tell the messages what they were about."""
    with op.batch_alter_table("connection") as table:
        table.add_column(sa.Column("lists_wanted_by", sa.String(254), nullable=False, server_default=""))
        table.add_column(sa.Column("fiscal_first_month", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("run") as table:
        table.add_column(sa.Column("asked_by", sa.String(254), nullable=False, server_default=""))
        table.add_column(sa.Column("is_shared", sa.Boolean(), nullable=False, server_default=sa.true()))
    for kind, topic in _TOPICS.items():
        op.execute(sa.update(_JOB).where(_JOB.c.kind == kind).values(topic=topic))
    _tell_about()
    op.execute(
        "DELETE FROM qbwc_exchange_part WHERE exchange_id IN "
        "(SELECT exchange_id FROM qbwc_request WHERE exchange_id IS NOT NULL)"
    )
    op.execute(_PARTS)
    op.execute(_UNFILED)
    op.execute(_CHECKS)


def _tell_about() -> None:
    """The key of a job names it: "draft:12", "draft:12:0" for a search, "run:3:0" for a comparison."""
    connection = op.get_bind()
    draft = sa.table("draft", sa.column("id"), sa.column("run_id"))
    runs = {row.id: row.run_id for row in connection.execute(sa.select(draft))}
    found = connection.execute(sa.select(_JOB.c.id, _JOB.c.kind, _JOB.c.key).where(_JOB.c.kind.in_(set(_TOPICS)))).all()
    told = []
    for row in found:
        what, _colon, rest = row.key.partition(":")
        number = rest.partition(":")[0]
        if what == "run":
            told.append({"job_id": row.id, "matter": f"run:{number}"})
        elif what == "draft" and number.isdigit() and int(number) in runs:
            told.append({"job_id": row.id, "matter": f"run:{runs[int(number)]}"})
    if told:
        same = _JOB.c.id == sa.bindparam("job_id")
        connection.execute(sa.update(_JOB).where(same).values(about=sa.bindparam("matter")), told)


def downgrade() -> None:
    """Take the columns away."""
    with op.batch_alter_table("run") as table:
        table.drop_column("is_shared")
        table.drop_column("asked_by")
    with op.batch_alter_table("connection") as table:
        table.drop_column("fiscal_first_month")
        table.drop_column("lists_wanted_by")
