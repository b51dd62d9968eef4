"""Charges that were imported before there were export rules: their amounts in cents and their tags are filled in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from portal.migrations import SCRIPTS, VERSION_TABLE, upgrade
from portal.models import Charge, TagSet
from qbwc.database import Database
from qbwc.migrations import exclusive

BEFORE_RULES = "0008-1"


def facts(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as db:
        told = sa.select(Charge.id, Charge.amount_cents, TagSet.tags, TagSet.digest)
        rows = db.execute(told.outerjoin(TagSet, TagSet.id == Charge.tag_set_id).order_by(Charge.id))
        return [tuple(row) for row in rows]


def test_what_was_imported_before_is_filled_in(any_month: Any) -> None:
    database = any_month.portal.database
    before = facts(database)
    assert len(before) > 50
    assert all(tags for _, _, tags, _ in before)
    with exclusive(database) as connection:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.downgrade(config, BEFORE_RULES)
    columns = {column["name"] for column in sa.inspect(database.engine).get_columns("charge")}
    assert not columns & {"amount_cents", "tag_set_id"}
    upgrade(database)
    assert facts(database) == before
    again = any_month.import_charges()
    assert (again.added, again.changed, again.unchanged) == (0, 0, len(before))
    with database.write() as db:  # its numbers go on after those that were filled in
        db.execute(sa.insert(TagSet).values(connection_id=any_month.connection_id, digest="x", tags="[]"))
