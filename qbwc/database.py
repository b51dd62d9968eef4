"""The engine and its doors: read() and write(), and note() for what a power cut may undo.

SQLite loses read-then-write transactions to "database is locked" under threads unless a writer says so when it begins:
write() begins IMMEDIATE, in WAL mode. On PostgreSQL both doors are ordinary transactions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

BUSY_SECONDS = 30
_SNAPSHOT = sa.text("SELECT pg_current_snapshot()::text")


class Database:
    """One database, by SQLAlchemy URL: ``sqlite:///file`` or ``postgresql+psycopg://…``."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        if self.url.drivername in ("postgres", "postgresql"):
            self.url = self.url.set(drivername="postgresql+psycopg")
        if self.is_sqlite:
            self.engine = _sqlite_engine(self.url)
        else:
            # hide_parameters: an error's text ends in logs, and the values in it may be secrets or bodies.
            self.engine = sa.create_engine(self.url, pool_pre_ping=True, hide_parameters=True)
        self._watcher: sqlite3.Connection | None = None
        self._watching = Lock()
        self._writer = self.engine.execution_options(qbwc_writes=True)
        self._noter = self._writer
        # What one reading sees was there at one moment, as on SQLite: else its statements would not agree.
        self._reader = self.engine
        if not self.is_sqlite:
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        if self.path is not None:
            # The setting belongs to a connection, so notes have connections of their own. In WAL mode NORMAL leaves
            # the disk alone at a commit, and the next FULL commit writes the same log to the disk as far as it goes.
            engine = _sqlite_engine(self.url)
            sa.event.listen(engine, "connect", _leave_disk_alone)
            self._noter = engine.execution_options(qbwc_writes=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an embedded database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def read(self) -> Iterator[orm.Session]:
        """A transaction that only reads, as everything was at its first statement. Objects stay usable after it."""
        with orm.Session(self._reader, expire_on_commit=False) as session:
            yield session
            session.expunge_all()  # a rollback would empty the objects
            session.rollback()

    def look(self, statement: sa.Executable, values: dict[str, Any]) -> sa.Row[Any] | None:
        """The first row of one statement that only reads: half the cost of read(), for what every poll asks."""
        with self.engine.connect() as connection:
            return connection.execute(statement, values).first()

    @contextmanager
    def write(self) -> Iterator[orm.Session]:
        """A transaction that commits at the end, or leaves nothing behind when an exception passes."""
        with orm.Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def note(self) -> Iterator[orm.Session]:
        """As write(), without waiting for the disk: a power cut may undo it.

        Commits keep their order: once a later write() is on the disk, the note is too. So it is for what nothing
        outside rests on until a write() follows.
        """
        with orm.Session(self._noter, expire_on_commit=False) as session, session.begin():
            if not self.is_sqlite:
                session.execute(sa.text("SET LOCAL synchronous_commit TO off"))
            yield session

    def version(self) -> object:
        """What changes with every commit, whoever made it: as long as it is the same, so is what is read.

        Ask for it before reading: what is read then is as new, or newer.
        """
        if not self.is_sqlite:
            with self.engine.connect() as connection:
                return connection.execute(_SNAPSHOT).scalar()
        if self.path is None:
            return object()
        with self._watching:  # a connection that never writes, so that every commit is another's
            if self._watcher is None:
                self._watcher = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            return self._watcher.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Close all pooled connections."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self.engine.dispose()
        self._noter.dispose()


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, hide_parameters=True
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _leave_disk_alone(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("qbwc_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
