"""Exchanges, runs and connections of before the screen of exchanges: what the new columns and tables hold of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from portal import migrations
from portal.models import Connection, Run
from portal.services import exchange_history, unshared
from portal.services.exchange_history import WantedEntries
from qbwc import migrations as wire_migrations
from qbwc.database import Database
from qbwc.models import Exchange, ExchangePart, Job, Purpose

BEFORE, WIRE_BEFORE = "0011", "0004"


def go_back(database: Database) -> None:
    """The tables as they were, with the rows as they would be there."""
    for scripts, table, to in (
        (migrations.SCRIPTS, migrations.VERSION_TABLE, BEFORE),
        (wire_migrations.SCRIPTS, wire_migrations.VERSION_TABLE, WIRE_BEFORE),
    ):
        with wire_migrations.exclusive(database) as connection:
            config = Config()
            config.set_main_option("script_location", str(scripts))
            config.attributes["connection"] = connection
            config.attributes["version_table"] = table
            command.downgrade(config, to)


def columns(database: Database, table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(database.engine).get_columns(table)}


def live_through(month: Any) -> None:
    """A month with lists, invoices, costs, comparisons, a refusal, and an answer that was lost and asked after."""
    month.bill()
    month.visit("lost-answer@3")
    month.visit("feature-off=classes")
    month.visit()
    month.visit()


def parts_of(database: Database) -> Counter[tuple[Any, ...]]:
    """What each set carried. Who asked for it was not kept before."""
    with database.read() as db:
        row = ExchangePart
        rows = db.execute(sa.select(row.exchange_id, row.topic, row.about, row.at, row.requests, row.result))
        return Counter(tuple(one) for one in rows)


def jobs_of(database: Database) -> dict[int, tuple[str, str]]:
    with database.read() as db:
        return {row.id: (row.topic, row.about) for row in db.execute(sa.select(Job.id, Job.topic, Job.about))}


def test_what_crossed_before_is_filed_as_what_crosses_now(any_month: Any) -> None:
    database, portal = any_month.portal.database, any_month.portal
    live_through(any_month)
    parts, jobs = parts_of(database), jobs_of(database)
    with database.read() as db:
        run_id = db.scalars(sa.select(Run.id)).one()
        carried = db.scalars(sa.select(Exchange.id).where(Exchange.purpose == Purpose.WORK)).all()
        asked_after = db.scalars(sa.select(Exchange.id).where(Exchange.about_id.is_not(None))).all()
    topics = {part[1] for part in parts}
    assert topics >= {"lists", "invoices", "comparisons", "checks"}
    assert asked_after
    go_back(database)
    assert "qbwc_exchange_part" not in sa.inspect(database.engine).get_table_names()
    assert not columns(database, "qbwc_job") & {"topic", "asked_by", "about"}
    assert not columns(database, "run") & {"asked_by", "is_shared"}
    assert not columns(database, "connection") & {"lists_wanted_by", "fiscal_first_month"}

    wire_migrations.upgrade(database)
    migrations.upgrade(database)

    assert jobs_of(database) == jobs
    assert parts_of(database) == parts
    with database.read() as db:
        assert db.execute(sa.select(Run.asked_by, Run.is_shared)).all() == [("", True)]
        assert db.execute(sa.select(Connection.lists_wanted_by, Connection.fiscal_first_month)).all() == [("", 1)]
        assert set(db.scalars(sa.select(ExchangePart.asked_by))) == {""}
        assert set(db.scalars(sa.select(Job.asked_by))) == {""}
    seen = exchange_history.read_history(portal, 1, WantedEntries(period=f"run-{run_id}")).rows
    assert {row.exchange_id for row in seen} >= set(asked_after)
    assert len(carried) >= len({row.exchange_id for row in seen} - set(asked_after))


def test_an_old_run_can_be_kept_from_accountants_with_all_that_carried_it(any_month: Any) -> None:
    database = any_month.portal.database
    live_through(any_month)
    go_back(database)
    wire_migrations.upgrade(database)
    migrations.upgrade(database)
    with database.read() as db:
        run_id = db.scalars(sa.select(Run.id)).one()
        about = sa.select(ExchangePart.exchange_id).where(ExchangePart.about == f"run:{run_id}")
        carried = set(db.scalars(about))
        lost = sa.select(Exchange.id).where(Exchange.about_id.in_(carried), Exchange.purpose == Purpose.CHECK)
        assert set(db.scalars(lost)) <= carried, "what asked after it carried it too"
    unshared.share_run(any_month.portal, 1, run_id, is_shared=False)
    with database.read() as db:
        assert db.scalars(sa.select(Run.is_shared)).all() == [False]


def test_the_months_after_go_on_where_they_were(any_month: Any) -> None:
    """What waits when the portal is brought up to date is sent once, and filed."""
    database = any_month.portal.database
    any_month.bill()
    go_back(database)
    wire_migrations.upgrade(database)
    migrations.upgrade(database)
    assert any_month.visit().went_well
    assert any_month.states() == {"reconciled": 12}
    with database.read() as db:
        run_id = db.scalars(sa.select(Run.id)).one()
        about = sa.select(ExchangePart.about).where(ExchangePart.topic == "invoices").distinct()
        assert db.scalars(about).all() == [f"run:{run_id}"]
