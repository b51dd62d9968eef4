"""What the recovery of lost sets, the second look at a company file, waiting and the history need."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_REQUEST_INDEXES = (
    ("ix_qbwc_request_bound", ["connection_id", "state"], "only_in_session_id"),
    ("ix_qbwc_request_only_in", ["only_in_session_id"], "only_in_session_id"),
    ("ix_qbwc_request_not_in", ["not_in_session_id"], "not_in_session_id"),
)


def upgrade() -> None:
    """Add the columns; an error's text becomes a text by language."""
    with op.batch_alter_table("qbwc_connection") as table:
        table.add_column(sa.Column("language", sa.String(5), nullable=False, server_default="en"))
        table.add_column(sa.Column("minimum_interval", sa.Integer(), nullable=True))
        table.add_column(sa.Column("largest_set", sa.Integer(), nullable=True))
        table.add_column(sa.Column("landmarks", sa.JSON(), nullable=True))
        table.add_column(sa.Column("shows_stamps", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("has_stored_sets", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("preparing_until", _MOMENT, nullable=True))
        table.add_column(sa.Column("refused_at", _MOMENT, nullable=True))
    with op.batch_alter_table("qbwc_session") as table:
        table.add_column(sa.Column("address", sa.String(64), nullable=False, server_default=""))
        table.add_column(sa.Column("out_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("before_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("knows_landmarks", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("pauses", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("has_asked_person", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("said", sa.JSON(), nullable=True))
    _translate_errors()
    with op.batch_alter_table("qbwc_session") as table:
        table.drop_column("last_error")
        table.alter_column("said", new_column_name="last_error", existing_type=sa.JSON())
    # A visit that was under way has no note of the set that is out: it is over, and its set is taken up by the next.
    op.execute("UPDATE qbwc_session SET state = 'closed', result = 'abandoned' WHERE state <> 'closed'")
    with op.batch_alter_table("qbwc_job") as table:
        table.add_column(sa.Column("warning", sa.Text(), nullable=True))
    with op.batch_alter_table("qbwc_request") as table:
        table.add_column(sa.Column("text_changes", sa.JSON(), nullable=True))
        table.add_column(sa.Column("txn_id", sa.String(36), nullable=True))
    for name, columns, filled in _REQUEST_INDEXES:
        where = sa.text(f"{filled} IS NOT NULL")
        op.create_index(name, "qbwc_request", columns, sqlite_where=where, postgresql_where=where)
    with op.batch_alter_table("qbwc_list_state") as table:
        table.add_column(sa.Column("pulled_whole_at", _MOMENT, nullable=True))
    with op.batch_alter_table("qbwc_exchange") as table:
        table.add_column(sa.Column("about_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("doubt", sa.String(16), nullable=True))
        table.add_column(sa.Column("first_sent_at", _MOMENT, nullable=True))
        table.create_foreign_key(
            op.f("fk_qbwc_exchange_about_id"), "qbwc_exchange", ["about_id"], ["id"], ondelete="SET NULL"
        )
    op.execute("UPDATE qbwc_exchange SET first_sent_at = sent_at")
    with op.batch_alter_table("qbwc_exchange") as table:
        table.alter_column("first_sent_at", existing_type=_MOMENT, nullable=False)
    where = sa.text("about_id IS NOT NULL")
    op.create_index("ix_qbwc_exchange_about", "qbwc_exchange", ["about_id"], sqlite_where=where, postgresql_where=where)


def _translate_errors() -> None:
    sessions = sa.table("qbwc_session", sa.column("id"), sa.column("last_error"), sa.column("said", sa.JSON()))
    connection = op.get_bind()
    known = connection.execute(
        sa.select(sessions.c.id, sessions.c.last_error).where(sessions.c.last_error.is_not(None))
    ).all()
    for row_id, text in known:
        connection.execute(sa.update(sessions).where(sessions.c.id == row_id).values(said={"en": str(text)}))


def downgrade() -> None:
    """Take the columns away; an error keeps its English text."""
    op.drop_index("ix_qbwc_exchange_about", table_name="qbwc_exchange")
    with op.batch_alter_table("qbwc_exchange") as table:
        table.drop_constraint(op.f("fk_qbwc_exchange_about_id"), type_="foreignkey")
        for name in ("about_id", "doubt", "first_sent_at"):
            table.drop_column(name)
    with op.batch_alter_table("qbwc_list_state") as table:
        table.drop_column("pulled_whole_at")
    for name, _columns, _filled in _REQUEST_INDEXES:
        op.drop_index(name, table_name="qbwc_request")
    with op.batch_alter_table("qbwc_request") as table:
        table.drop_column("text_changes")
        table.drop_column("txn_id")
    with op.batch_alter_table("qbwc_job") as table:
        table.drop_column("warning")
    with op.batch_alter_table("qbwc_session") as table:
        table.add_column(sa.Column("text", sa.Text(), nullable=True))
    sessions = sa.table("qbwc_session", sa.column("id"), sa.column("last_error"), sa.column("text"))
    connection = op.get_bind()
    known = connection.execute(sa.select(sessions.c.id, sa.cast(sessions.c.last_error, sa.Text()))).all()
    for row_id, said in known:
        text = (json.loads(said) or {}).get("en") if said else None
        connection.execute(sa.update(sessions).where(sessions.c.id == row_id).values(text=text))
    with op.batch_alter_table("qbwc_session") as table:
        for name in (
            "address",
            "out_id",
            "before_id",
            "knows_landmarks",
            "pauses",
            "has_asked_person",
            "last_error",
        ):
            table.drop_column(name)
        table.alter_column("text", new_column_name="last_error", existing_type=sa.Text())
    with op.batch_alter_table("qbwc_connection") as table:
        for name in (
            "language",
            "minimum_interval",
            "largest_set",
            "landmarks",
            "shows_stamps",
            "has_stored_sets",
            "preparing_until",
            "refused_at",
        ):
            table.drop_column(name)
