"""Indexes of charges: that of export rules in the order that they ask in, and those of filters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_WAITING = sa.text("is_billed IS NOT TRUE")
_END = ("delivery_id", "tag_set_id", "reverses_id", "is_billed")
_BEGUN = ("connection_id", "currency", "kind")
_RULE = (*_BEGUN, "cycle", "organization_id", "start", "offer_id", "amount_cents", *_END)
_RULE_BEFORE = (*_BEGUN, "organization_id", "start", "offer_id", "amount_cents", "cycle", *_END)


_FILTERS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "ix_charge_organization_id_start": (("organization_id", "start", "id"), None),
    "ix_charge_offer_id_start": (("offer_id", "start", "id"), None),
    "ix_charge_connection_id_kind": (("connection_id", "kind", "start", "id"), None),
    "ix_charge_tag_set_id_start": (("tag_set_id", "start", "id"), "tag_set_id IS NOT NULL"),
    "ix_charge_billed": (("connection_id", "start", "id"), "is_billed IS TRUE"),
}
_BEFORE = ("organization_id", "offer_id")


def upgrade() -> None:
    """Make them; those of an organization and an offer alone are the beginnings of new ones."""
    _make_rule_index(_RULE)
    for name, (columns, where) in _FILTERS.items():
        which = None if where is None else sa.text(where)
        op.create_index(name, "charge", columns, sqlite_where=which, postgresql_where=which)
    for column in _BEFORE:
        op.drop_index(f"ix_charge_{column}", "charge")


def downgrade() -> None:
    """As they were."""
    for column in _BEFORE:
        op.create_index(f"ix_charge_{column}", "charge", [column])
    for name in _FILTERS:
        op.drop_index(name, "charge")
    _make_rule_index(_RULE_BEFORE)


def _make_rule_index(columns: tuple[str, ...]) -> None:
    op.drop_index("ix_charge_rule", "charge")
    op.create_index("ix_charge_rule", "charge", columns, sqlite_where=_WAITING, postgresql_where=_WAITING)
