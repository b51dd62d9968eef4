"""The portal's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "partner",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner")),
        sa.UniqueConstraint("name", name=op.f("uq_partner_name")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("session_key", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
        sa.UniqueConstraint("session_key", name=op.f("uq_user_account_session_key")),
    )
    op.create_table(
        "connection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("billing_mode", sa.String(16), nullable=False),
        sa.Column("invoice_day", sa.Integer(), nullable=False),
        sa.Column("prorate_additions", sa.Boolean(), nullable=False),
        sa.Column("prorate_removals", sa.Boolean(), nullable=False),
        sa.Column("prorate_partial", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("unflagged_is_unsent", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lists_wanted", sa.Boolean(), nullable=False),
        sa.CheckConstraint("invoice_day BETWEEN 1 AND 31", name="invoice_day"),
        sa.ForeignKeyConstraint(["id"], ["qbwc_connection.id"], name=op.f("fk_connection_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_connection_partner_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
        sa.UniqueConstraint("partner_id", "name", name=op.f("uq_connection_partner_id_name")),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_member_partner_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_member_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("user_id", "partner_id", name=op.f("uq_member_user_id_partner_id")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("total", sa.String(40), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_delivery_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_connection_id", "delivery", ["connection_id"], unique=False)
    op.create_table(
        "item_cost",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("item_list_id", sa.String(length=36), nullable=False),
        sa.Column("unit_cost", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_item_cost_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_cost")),
        sa.UniqueConstraint("connection_id", "item_list_id", name=op.f("uq_item_cost_connection_id_item_list_id")),
    )
    op.create_table(
        "offer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("item_list_id", sa.String(length=36), nullable=True),
        sa.Column("is_synchronized", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_offer_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("connection_id", "key", name=op.f("uq_offer_connection_id_key")),
    )
    op.create_table(
        "organization",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("customer_list_id", sa.String(length=36), nullable=True),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("is_synchronized", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_organization_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("connection_id", "key", name=op.f("uq_organization_connection_id_key")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("invoice_date", sa.Date(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_run_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("connection_id", "invoice_date", name=op.f("uq_run_connection_id_invoice_date")),
    )
    op.create_table(
        "charge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("cycle", sa.String(16), nullable=False),
        sa.Column("quantity", sa.String(40), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("unit_cost", sa.String(40), nullable=False),
        sa.Column("unit_cost_prorated", sa.String(40), nullable=False),
        sa.Column("amount", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_proratable", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_charge_connection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_charge_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_charge_offer_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_charge_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge")),
        sa.UniqueConstraint("connection_id", "key", name=op.f("uq_charge_connection_id_key")),
    )
    op.create_index("ix_charge_connection_id_start", "charge", ["connection_id", "start"], unique=False)
    op.create_index(op.f("ix_charge_offer_id"), "charge", ["offer_id"], unique=False)
    op.create_index(op.f("ix_charge_organization_id"), "charge", ["organization_id"], unique=False)
    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("customer_list_id", sa.String(length=36), nullable=False),
        sa.Column("guid", sa.String(length=38), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("txn_id", sa.String(length=36), nullable=True),
        sa.Column("ref_number", sa.String(length=21), nullable=True),
        sa.Column("txn_date", sa.Date(), nullable=True),
        sa.Column("subtotal", sa.String(40), nullable=True),
        sa.Column("tax", sa.String(40), nullable=True),
        sa.Column("kept", sa.JSON(), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_draft_organization_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_draft_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
        sa.UniqueConstraint("guid", name=op.f("uq_draft_guid")),
        sa.UniqueConstraint(
            "run_id", "organization_id", "sequence", name=op.f("uq_draft_run_id_organization_id_sequence")
        ),
    )
    op.create_index("ix_draft_state", "draft", ["run_id", "state"], unique=False)
    op.create_table(
        "draft_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("item_list_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.String(40), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("arithmetic", sa.Text(), nullable=False),
        sa.Column("txn_line_id", sa.String(length=36), nullable=True),
        sa.Column("rate", sa.String(40), nullable=True),
        sa.Column("amount", sa.String(40), nullable=True),
        sa.ForeignKeyConstraint(["draft_id"], ["draft.id"], name=op.f("fk_draft_line_draft_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_draft_line_offer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_line")),
        sa.UniqueConstraint("draft_id", "position", name=op.f("uq_draft_line_draft_id_position")),
    )
    op.create_table(
        "billed_charge",
        sa.Column("charge_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name=op.f("fk_billed_charge_charge_id")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["draft_line.id"], name=op.f("fk_billed_charge_line_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("charge_id", name=op.f("pk_billed_charge")),
    )
    op.create_index(op.f("ix_billed_charge_line_id"), "billed_charge", ["line_id"], unique=False)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index(op.f("ix_billed_charge_line_id"), table_name="billed_charge")
    op.drop_table("billed_charge")
    op.drop_table("draft_line")
    op.drop_index("ix_draft_state", table_name="draft")
    op.drop_table("draft")
    op.drop_index(op.f("ix_charge_organization_id"), table_name="charge")
    op.drop_index(op.f("ix_charge_offer_id"), table_name="charge")
    op.drop_index("ix_charge_connection_id_start", table_name="charge")
    op.drop_table("charge")
    op.drop_table("run")
    op.drop_table("organization")
    op.drop_table("offer")
    op.drop_table("item_cost")
    op.drop_index("ix_delivery_connection_id", table_name="delivery")
    op.drop_table("delivery")
    op.drop_table("member")
    op.drop_table("connection")
    op.drop_table("user_account")
    op.drop_table("partner")
