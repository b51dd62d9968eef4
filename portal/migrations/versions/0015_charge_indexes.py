"""Indexes of charges: the one of export rules, in the order that they ask in."""

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


def upgrade() -> None:
    """Make the index anew."""
    _make_rule_index(_RULE)


def downgrade() -> None:
    """As it was."""
    _make_rule_index(_RULE_BEFORE)


def _make_rule_index(columns: tuple[str, ...]) -> None:
    op.drop_index("ix_charge_rule", "charge")
    op.create_index("ix_charge_rule", "charge", columns, sqlite_where=_WAITING, postgresql_where=_WAITING)
