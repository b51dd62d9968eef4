"""Export rules and their versions; the tags of charges and their amounts in cents, for the database to ask."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_WAITING = sa.text("is_billed IS NOT TRUE")
_RULE_COLUMNS = (
    "connection_id",
    "currency",
    "kind",
    "organization_id",
    "start",
    "offer_id",
    "amount_cents",
    "cycle",
    "delivery_id",
    "tag_set_id",
    "reverses_id",
    "is_billed",
)
_PARTIAL = {"ix_charge_waiting": ("connection_id", "start"), "ix_charge_waiting_of": ("organization_id", "start")}
_CHUNK = 5000


def _key(table: str, column: str, to: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def upgrade() -> None:
    """Make the tables, and fill in what is known of the charges that are there."""
    op.create_table(
        "export_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("who", sa.String(254), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _key("export_rule", "connection_id", "connection", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_rule")),
        sa.UniqueConstraint("connection_id", "version", name=op.f("uq_export_rule_connection_id_version")),
    )
    op.create_table(
        "tag_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        _key("tag_set", "connection_id", "connection", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_set")),
        sa.UniqueConstraint("connection_id", "digest", name=op.f("uq_tag_set_connection_id_digest")),
    )
    for table in ("run", "draft"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("rule_id", sa.Integer(), nullable=True))
            if table == "run":
                batch.add_column(sa.Column("rule_on", sa.Date(), nullable=True))
            batch.create_foreign_key(op.f(f"fk_{table}_rule_id"), "export_rule", ["rule_id"], ["id"])
    for name in (*_PARTIAL, "ix_charge_connection_id_start"):
        op.drop_index(name, "charge")
    with op.batch_alter_table("charge") as batch:
        batch.add_column(sa.Column("amount_cents", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("tag_set_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_charge_tag_set_id"), "tag_set", ["tag_set_id"], ["id"])
    op.execute("UPDATE charge SET amount_cents = CAST(ROUND(CAST(amount AS NUMERIC) * 100) AS BIGINT)")
    _fill_tag_sets()
    with op.batch_alter_table("charge") as batch:
        batch.alter_column("amount_cents", existing_type=sa.BigInteger(), nullable=False)
    op.create_index("ix_charge_connection_id_start", "charge", ["connection_id", "start", "id"])
    for name, columns in (*_PARTIAL.items(), ("ix_charge_rule", _RULE_COLUMNS)):
        op.create_index(name, "charge", columns, sqlite_where=_WAITING, postgresql_where=_WAITING)


def _fill_tag_sets() -> None:
    """Each list of tags once, and which charges carry it."""
    db = op.get_bind()
    known: dict[tuple[int, str], int] = {}
    add = sa.text("INSERT INTO tag_set (id, connection_id, digest, tags) VALUES (:id, :connection_id, :digest, :tags)")
    told = sa.text("UPDATE charge SET tag_set_id = :tag_set_id WHERE id = :id")
    some = sa.text(
        "SELECT id, connection_id, CAST(tags AS TEXT) FROM charge WHERE id > :last ORDER BY id LIMIT :most"
    ).bindparams(most=_CHUNK)
    last = 0
    while rows := db.execute(some, {"last": last}).all():
        new, changed = [], []
        for charge_id, connection_id, kept in rows:
            tags = json.dumps(json.loads(kept).get("tags", []))
            if tags == "[]":
                continue
            key = (connection_id, hashlib.sha256(tags.encode()).hexdigest())
            if key not in known:
                known[key] = len(known) + 1
                new.append({"id": known[key], "connection_id": connection_id, "digest": key[1], "tags": tags})
            changed.append({"id": charge_id, "tag_set_id": known[key]})
        for statement, values in ((add, new), (told, changed)):
            if values:
                db.execute(statement, values)
        last = rows[-1][0]
    if known and db.dialect.name == "postgresql":
        db.execute(sa.text("SELECT setval(pg_get_serial_sequence('tag_set', 'id'), :last)"), {"last": len(known)})


def downgrade() -> None:
    """Take them away."""
    for name in ("ix_charge_rule", *_PARTIAL, "ix_charge_connection_id_start"):
        op.drop_index(name, "charge")
    with op.batch_alter_table("charge") as batch:
        batch.drop_constraint(op.f("fk_charge_tag_set_id"), type_="foreignkey")
        batch.drop_column("tag_set_id")
        batch.drop_column("amount_cents")
    op.create_index("ix_charge_connection_id_start", "charge", ["connection_id", "start"])
    for name, columns in _PARTIAL.items():
        op.create_index(name, "charge", columns, sqlite_where=_WAITING, postgresql_where=_WAITING)
    for table in ("draft", "run"):
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"fk_{table}_rule_id"), type_="foreignkey")
            batch.drop_column("rule_id")
            if table == "run":
                batch.drop_column("rule_on")
    op.drop_table("tag_set")
    op.drop_table("export_rule")
