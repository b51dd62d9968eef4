"""Invitations and who joined with them; the log of decisions for partners too, with addresses, and append-only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LONGEST_WORDS = 2000
_SAID = "entries of the audit log are never changed or deleted"
_SQLITE = {
    "audit_entry_update": "BEFORE UPDATE ON audit_entry",
    "audit_entry_delete": "BEFORE DELETE ON audit_entry",
    # INSERT OR REPLACE would delete the entry of the same number without the trigger above.
    "audit_entry_replace": "BEFORE INSERT ON audit_entry WHEN EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id)",
}
_POSTGRESQL = {
    "audit_entry_change": "BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW",
    "audit_entry_truncate": "BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT",
}


def upgrade() -> None:
    """Make the tables, and close the log."""
    _make_invitations()
    _widen_log()
    _fill_words()
    _close_log()


def _make_invitations() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("maker_id", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.String(254), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(254), nullable=False),
        _key("invitation", "connection_id", "connection", "CASCADE"),
        _key("invitation", "maker_id", "user_account", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_invitation_secret_hash")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "uq_invitation_open",
        "invitation",
        ["connection_id", "role", "email"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "participant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("invitation_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        _key("participant", "connection_id", "connection", "CASCADE"),
        _key("participant", "user_id", "user_account", "CASCADE"),
        _key("participant", "invitation_id", "invitation", None),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant")),
        sa.UniqueConstraint("connection_id", "user_id", name=op.f("uq_participant_connection_id_user_id")),
        sa.UniqueConstraint("invitation_id", name=op.f("uq_participant_invitation_id")),
    )
    op.create_index("ix_participant_user_id", "participant", ["user_id"])


def _key(table: str, column: str, other: str, ondelete: str | None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=ondelete)


def _widen_log() -> None:
    with op.batch_alter_table("audit_entry") as table:
        table.add_column(sa.Column("partner_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("address", sa.String(45), nullable=False, server_default=""))
        table.add_column(sa.Column("words", sa.Text(), nullable=False, server_default=""))
    op.execute(
        "UPDATE audit_entry SET partner_id ="
        " (SELECT partner_id FROM connection WHERE connection.id = audit_entry.connection_id)"
    )
    with op.batch_alter_table("audit_entry") as table:
        table.alter_column("partner_id", existing_type=sa.Integer(), nullable=False)
        table.alter_column("connection_id", existing_type=sa.Integer(), nullable=True)
        table.alter_column("address", existing_type=sa.String(45), server_default=None)
        table.alter_column("words", existing_type=sa.Text(), server_default=None)
        table.drop_constraint(op.f("fk_audit_entry_connection_id"), type_="foreignkey")
        table.create_foreign_key(op.f("fk_audit_entry_connection_id"), "connection", ["connection_id"], ["id"])
        table.create_foreign_key(op.f("fk_audit_entry_partner_id"), "partner", ["partner_id"], ["id"])
    op.create_index("ix_audit_entry_connection_id_id", "audit_entry", ["connection_id", "id"])
    op.create_index("ix_audit_entry_partner_id_id", "audit_entry", ["partner_id", "id"])


def _fill_words() -> None:
    entry = sa.table("audit_entry", sa.column("id", sa.Integer), sa.column("detail", sa.JSON), sa.column("words"))
    db = op.get_bind()
    for number, detail in db.execute(sa.select(entry.c.id, entry.c.detail)).all():
        words = "\n".join(_texts(detail))[:_LONGEST_WORDS]
        db.execute(sa.update(entry).where(entry.c.id == number).values(words=words))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]


def _close_log() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, when in _SQLITE.items():
            op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{_SAID}'); END")
        return
    op.execute(
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$"
    )
    for name, when in _POSTGRESQL.items():
        op.execute(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION refuse_audit_change()")


def downgrade() -> None:
    """Take them away; entries about people go with them."""
    if op.get_bind().dialect.name == "sqlite":
        for name in _SQLITE:
            op.execute(f"DROP TRIGGER {name}")
    else:
        op.execute("DROP FUNCTION refuse_audit_change() CASCADE")
    op.execute("DELETE FROM audit_entry WHERE connection_id IS NULL")
    op.drop_index("ix_audit_entry_partner_id_id", "audit_entry")
    op.drop_index("ix_audit_entry_connection_id_id", "audit_entry")
    with op.batch_alter_table("audit_entry") as table:
        table.drop_constraint(op.f("fk_audit_entry_partner_id"), type_="foreignkey")
        table.drop_constraint(op.f("fk_audit_entry_connection_id"), type_="foreignkey")
        table.alter_column("connection_id", existing_type=sa.Integer(), nullable=False)
        table.drop_column("words")
        table.drop_column("address")
        table.drop_column("partner_id")
        table.create_foreign_key(
            op.f("fk_audit_entry_connection_id"), "connection", ["connection_id"], ["id"], ondelete="CASCADE"
        )
    op.drop_table("participant")
    op.drop_table("invitation")
