"""The two doors of the database: nothing half done, nothing locked out."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from qbwc.database import Database
from qbwc.models import Connection, Exchange, Purpose, UtcDateTime


def test_a_url_of_postgresql_finds_its_driver() -> None:
    for url in ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"):
        made = Database(url)
        assert (made.url.drivername, made.is_sqlite, made.path) == ("postgresql+psycopg", False, None)
        made.close()


def test_the_file_of_an_embedded_database_is_known(tmp_path: Path) -> None:
    made = Database(f"sqlite:///{tmp_path / 'a.db'}")
    assert made.is_sqlite
    assert made.path == tmp_path / "a.db"
    made.close()


def test_an_exception_leaves_nothing_behind(world: Any) -> None:
    def half() -> None:
        with world.database.write() as db:
            world.connection_of(db).user_name = "changed"
            db.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert world.connection().user_name == "nordet"


def test_what_is_read_stays_usable_and_what_is_changed_while_reading_is_not_kept(world: Any) -> None:
    with world.database.read() as db:
        row = world.connection_of(db)
        row.user_name = "changed"
    assert row.file_id
    assert world.connection().user_name == "nordet"


def test_many_threads_that_read_and_then_write_lose_nothing(world: Any) -> None:
    failures: list[Exception] = []

    def work() -> None:
        for _ in range(20):
            try:
                with world.database.write() as db:
                    found = sa.select(Connection).filter_by(id=world.connection_id).with_for_update()
                    row = db.scalars(found).one()
                    row.preferences = {"count": (row.preferences or {}).get("count", 0) + 1}
            except Exception as problem:
                failures.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert world.connection().preferences == {"count": 80}


def test_moments_come_back_in_utc_whatever_they_were_written_in(world: Any) -> None:
    moment = datetime(2026, 7, 1, 8, 0, tzinfo=timezone(timedelta(hours=-4)))
    world.amend(last_contact_at=moment)
    found = world.connection().last_contact_at
    assert (found, found.tzinfo) == (moment, UTC)


def test_a_naive_moment_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="naive"):
        UtcDateTime().process_bind_param(datetime.fromisoformat("2026-07-01T08:00:00"), sqlite.dialect())


def test_bodies_are_kept_compressed_and_come_back_whole(world: Any) -> None:
    with world.database.write() as db:
        world._put(db, "add-invoice", "long", [("add", world.invoice("\u00e9" * 3000))])
    document = world.ask(world.ticket(), first=True)
    with world.database.read() as db:
        exchange = db.scalars(sa.select(Exchange).filter_by(purpose=Purpose.WORK)).one()
        assert exchange.request_body == document
        size = db.scalar(sa.text("SELECT max(length(request_body)) FROM qbwc_exchange"))
    assert size < len(document) / 10


def test_a_connection_takes_its_rows_with_it(world: Any) -> None:
    world.put("a")
    world.visit()
    with world.database.write() as db:
        db.execute(sa.delete(Connection))
    assert world.rows(Exchange) == []
    assert world.jobs() == {}


def test_the_version_is_the_same_until_somebody_commits(world: Any) -> None:
    database = world.database
    before = database.version()
    with database.read() as db:
        world.connection_of(db).user_name = "read only"
    assert database.version() == before
    with database.write() as db:
        world.connection_of(db).user_name = "written"
    after = database.version()
    assert after != before
    with database.note() as db:
        world.connection_of(db).user_name = "noted"
    assert database.version() != after


def test_the_version_tells_what_another_process_commits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    mine, theirs = Database(url), Database(url)
    before = mine.version()
    with theirs.write() as db:
        db.execute(sa.text("CREATE TABLE a (b)"))
    assert mine.version() != before
    mine.close()
    theirs.close()
