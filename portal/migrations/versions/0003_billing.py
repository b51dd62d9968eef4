"""Options of billing, corrections after billing, differences between imports, credit memos, and who decided what."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPTIONS = {
    "prorate_by": "quantity",
    "day_count": "actual",
    "rounding": "line",
    "grouping": "change",
    "negative_total": "hold",
    "approval": "automatic",
}
_ORGANIZATION = {"po_number": 25, "class_list_id": 36, "terms_list_id": 36, "tax_code_list_id": 36}
_ORGANIZATION |= {"other1": 200, "other2": 200}
_CARRIED = ("po_number", "class_list_id", "terms_list_id", "tax_code_list_id")
_SECTIONS = {"prorated": "mid-cycle", "usage": "usage", "one-time": "one-time", "credit": "credit"}


def upgrade() -> None:
    """Add the columns and tables; what was billed before gets its share of its line."""
    with op.batch_alter_table("connection") as table:
        for name, value in _OPTIONS.items():
            table.add_column(sa.Column(name, sa.String(16), nullable=False, server_default=value))
        table.add_column(sa.Column("description", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("organization") as table:
        for name, length in _ORGANIZATION.items():
            table.add_column(sa.Column(name, sa.String(length), nullable=True))
    with op.batch_alter_table("delivery") as table:
        table.add_column(sa.Column("withdrawn", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("scope", sa.String(200), nullable=False, server_default=""))
        table.add_column(sa.Column("family", sa.Integer(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE delivery SET family = (SELECT min(d.id) FROM delivery d WHERE d.connection_id = delivery.connection_id"
        " AND d.provider = delivery.provider AND d.period_start = delivery.period_start"
        " AND d.period_end = delivery.period_end)"
    )
    with op.batch_alter_table("charge") as table:
        table.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("reverses_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("is_billed", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.drop_constraint(op.f("uq_charge_connection_id_key"), type_="unique")
        table.create_unique_constraint(
            op.f("uq_charge_connection_id_key_revision"), ["connection_id", "key", "revision"]
        )
        table.create_unique_constraint(op.f("uq_charge_reverses_id"), ["reverses_id"])
        table.create_foreign_key(op.f("fk_charge_reverses_id"), "charge", ["reverses_id"], ["id"])
    op.execute("UPDATE charge SET is_billed = TRUE WHERE id IN (SELECT charge_id FROM billed_charge)")
    waiting = sa.text("is_billed IS NOT TRUE")
    for name, column in (("ix_charge_waiting", "connection_id"), ("ix_charge_waiting_of", "organization_id")):
        op.create_index(name, "charge", [column, "start"], sqlite_where=waiting, postgresql_where=waiting)
    with op.batch_alter_table("draft") as table:
        table.add_column(sa.Column("form", sa.String(16), nullable=False, server_default="invoice"))
        for name in _CARRIED:
            table.add_column(sa.Column(name, sa.String(_ORGANIZATION[name]), nullable=True))
    with op.batch_alter_table("draft_line") as table:
        table.add_column(sa.Column("section", sa.String(16), nullable=False, server_default="full-cycle"))
        table.add_column(sa.Column("states_all", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("asked_rate", sa.String(40), nullable=True))
        table.add_column(sa.Column("asked_amount", sa.String(40), nullable=True))
        table.add_column(sa.Column("other1", sa.String(29), nullable=True))
        table.add_column(sa.Column("other2", sa.String(29), nullable=True))
    with op.batch_alter_table("billed_charge") as table:
        table.add_column(sa.Column("quantity", sa.String(40), nullable=False, server_default="0"))
        table.add_column(sa.Column("rate", sa.String(40), nullable=True))
        table.add_column(sa.Column("amount", sa.String(40), nullable=True))
    for kind, section in _SECTIONS.items():
        op.execute(f"UPDATE draft_line SET section = '{section}' WHERE kind = '{kind}'")  # noqa: S608 -- names of ours
    op.execute("UPDATE draft_line SET states_all = TRUE WHERE kind IN ('recurring', 'usage')")
    _share_out()
    op.create_table(
        "charge_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("was_billed", sa.Boolean(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        *(
            sa.Column(f"{name}_{when}", sa.String(40), nullable=False)
            for name in ("quantity", "amount")
            for when in ("before", "after")
        ),
        sa.Column("raw_before", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_charge_change_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_charge_change_organization_id")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_charge_change_offer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_change")),
    )
    op.create_index("ix_charge_change_delivery_id", "charge_change", ["delivery_id"])
    op.create_table(
        "planned_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_planned_draft_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_planned_draft_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_draft")),
        sa.UniqueConstraint("run_id", "organization_id", name=op.f("uq_planned_draft_run_id_organization_id")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(254), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_audit_entry_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_connection_id_subject", "audit_entry", ["connection_id", "subject"])


def _share_out() -> None:
    """The quantity of each line, over the charges that it bills, in proportion to their own quantities."""
    db = op.get_bind()
    rows = db.execute(
        sa.text(
            "SELECT b.charge_id, b.line_id, l.quantity, c.quantity, c.kind FROM billed_charge b"
            " JOIN draft_line l ON l.id = b.line_id JOIN charge c ON c.id = b.charge_id ORDER BY b.line_id, b.charge_id"
        )
    ).all()
    lines: dict[int, list[tuple[int, Decimal, Decimal]]] = defaultdict(list)
    for charge_id, line_id, billed, quantity, kind in rows:
        own = Decimal(quantity)
        lines[line_id].append((charge_id, Decimal(billed), -abs(own) if kind == "credit" else own))
    change = sa.text("UPDATE billed_charge SET quantity = :quantity WHERE charge_id = :charge_id")
    for parts in lines.values():
        total, billed = sum(own for _, _, own in parts), parts[0][1]
        left = billed
        for number, (charge_id, _, own) in enumerate(parts, 1):
            share = left if number == len(parts) or not total else (billed * own / total).quantize(Decimal("0.00001"))
            left -= share
            db.execute(change, {"quantity": str(share), "charge_id": charge_id})


def downgrade() -> None:
    """Take them away. Corrections of what was billed go with them."""
    op.drop_table("audit_entry")
    op.drop_table("planned_draft")
    op.drop_table("charge_change")
    op.execute("DELETE FROM charge WHERE revision > 1")
    with op.batch_alter_table("billed_charge") as table:
        table.drop_column("amount")
        table.drop_column("rate")
        table.drop_column("quantity")
    with op.batch_alter_table("draft_line") as table:
        for name in ("other2", "other1", "asked_amount", "asked_rate", "states_all", "section"):
            table.drop_column(name)
    with op.batch_alter_table("draft") as table:
        for name in (*_CARRIED, "form"):
            table.drop_column(name)
    op.drop_index("ix_charge_waiting_of", "charge")
    op.drop_index("ix_charge_waiting", "charge")
    with op.batch_alter_table("charge") as table:
        table.drop_constraint(op.f("fk_charge_reverses_id"), type_="foreignkey")
        table.drop_constraint(op.f("uq_charge_reverses_id"), type_="unique")
        table.drop_constraint(op.f("uq_charge_connection_id_key_revision"), type_="unique")
        table.create_unique_constraint(op.f("uq_charge_connection_id_key"), ["connection_id", "key"])
        table.drop_column("is_billed")
        table.drop_column("reverses_id")
        table.drop_column("revision")
    with op.batch_alter_table("delivery") as table:
        table.drop_column("family")
        table.drop_column("scope")
        table.drop_column("withdrawn")
    with op.batch_alter_table("organization") as table:
        for name in _ORGANIZATION:
            table.drop_column(name)
    with op.batch_alter_table("connection") as table:
        for name in ("description", *_OPTIONS):
            table.drop_column(name)
