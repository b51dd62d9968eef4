"""What tests of the portal share: a portal over each kind of database, and the sample month before it is billed.

The month is played once and kept as files: a database with the lists read, the charges imported and everything mapped,
and a company file. A test that needs it works on a copy.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import argon2
import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule

from portal import logs
from portal import settings as configuration
from portal.billing.period import BillingMode
from portal.cli import main
from portal.server import listen, serve_in_thread
from portal.services import Portal, accounts, billing, build_portal, catalog, connections, mappings, runs, status
from portal.services.accounts import passwords
from portal.wsgi import build_wsgi
from qbwc import models as wire
from qbwc.sandbox import Company, Visit, parse_fault, read_manifest, visit

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CHARGES = SAMPLES / "sherweb" / "payable-charges-2026-10.json"
MAPPING = SAMPLES / "mapping.csv"
COMPANY = SAMPLES / "sandbox" / "company.json"
PARTNER = "Nordet Infogérance inc."
CONNECTION = "QuickBooks Nordet"
INVOICE_DATE = date(2026, 11, 1)
MORNING = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """The same kind of hash, with less work: people are made and log in in most tests of pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        patch.setattr(passwords, "_nobody", passwords.hash_password("nobody"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_addresses() -> Iterator[None]:
    """What is compiled of an address, once: an application with two hundred of them is built in most tests."""
    build, kept = Rule._compile_builder, dict[tuple[Any, ...], Any]()

    def build_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, append_unknown, repr(rule._trace), repr(rule.defaults), tuple(rule._converters))
        return kept.get(key) or kept.setdefault(key, build(rule, append_unknown))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", build_once)
        yield


class StoppedClock:
    """A clock that moves only when it is told to."""

    def __init__(self, at: datetime = MORNING) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def open_portal(folder: Path, now: Callable[[], datetime], url: str | None = None) -> Portal:
    """A portal whose data are in `folder`, or at a database URL."""
    portal = build_portal(configuration.load({}, data=folder, database_url=url, url="http://localhost:8080"), now=now)
    if portal.database.is_sqlite:
        portal.database.engine.dispose()  # connections that wait for the disk
        sa.event.listen(portal.database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF").close())
    return portal


def make_connection(
    portal: Portal, name: str = CONNECTION, partner: str = PARTNER, **changed: Any
) -> connections.NewConnection:
    """A connection of a partner, who is made too when missing."""
    with portal.database.read() as db:
        known = db.scalar(sa.text("SELECT 1 FROM partner WHERE name = :name").bindparams(name=partner))
    if not known:
        accounts.add_partner(portal, partner)
    given = {"billing_mode": BillingMode.IN_ARREARS, "invoice_day": 1, "prorate": connections.PRORATIONS, **changed}
    return connections.add_connection(portal, name, partner=partner, **given)


@dataclass
class Month:
    """The sample month: a portal, its company file, and a Web Connector to visit with."""

    portal: Portal
    connection_id: int
    password: str
    folder: Path
    clock: StoppedClock
    _address: str | None = field(default=None, repr=False)
    _server: Any = field(default=None, repr=False)

    @property
    def company_file(self) -> Path:
        return self.folder / "company.json"

    def company(self) -> dict[str, Any]:
        """The company file as it is now."""
        return json.loads(self.company_file.read_text(encoding="utf-8"))

    def edit(self, change: Callable[[Company], None]) -> None:
        """Work in QuickBooks by hand."""
        company = Company.load(self.company_file, clock=self.clock)
        change(company)
        company.forget_indexes()
        company.save()

    def visit(self, *faults: str) -> Visit:
        """One visit of the sandbox's Web Connector, over real HTTP."""
        if self._server is None:
            sock = listen("127.0.0.1", 0)
            self._address = f"http://127.0.0.1:{sock.getsockname()[1]}/qbwc"
            self._server = serve_in_thread(build_wsgi(self.portal), sock)
        return visit(
            read_manifest(self.folder / "month.qwc"),
            Company.load(self.company_file, clock=self.clock),
            self.password,
            url=self._address,
            faults=[parse_fault(fault) for fault in faults],
            pause=lambda _seconds: None,
        )

    def import_charges(self, data: bytes | None = None, name: str = CHARGES.name) -> catalog.ImportResult:
        data = CHARGES.read_bytes() if data is None else data
        return catalog.import_charges(self.portal, self.connection_id, data, name=name, provider="sherweb")

    def map(self, text: str) -> mappings.MappingResult:
        """Apply lines of a mapping file."""
        head = ",".join(mappings.COLUMNS)
        return mappings.apply_csv(self.portal, self.connection_id, f"{head}\n{text}\n".encode(), "mapping.csv")

    def set(self, **choices: str) -> None:
        """Choose how this connection bills, by the names of the settings."""
        with self.portal.database.write() as db:
            row = connections.find(db, self.connection_id)
            for name, value in choices.items():
                setattr(row, name, value)

    def bill(self, on: date = INVOICE_DATE) -> runs.RunView:
        return billing.bill(self.portal, self.connection_id, on)

    def run(self) -> runs.RunView:
        """The latest run."""
        return runs.list_runs(self.portal, self.connection_id)[0]

    def states(self) -> dict[str, int]:
        """How many invoices of all runs stand where."""
        seen = runs.list_runs(self.portal, self.connection_id)
        return dict(Counter(str(draft.state.value) for one in seen for draft in one.drafts))

    def draft(self, organization: str) -> runs.DraftView:
        return next(draft for draft in self.run().drafts if draft.organization == organization)

    def status(self) -> status.StatusView:
        return status.status(self.portal, self.connection_id)

    def problems(self) -> dict[str, str]:
        """What is to be mended: title -> code."""
        return {str(problem.title): problem.code for problem in self.status().problems}

    def sent(self) -> list[str]:
        """The documents that left for QuickBooks, in order."""
        with self.portal.database.read() as db:
            rows = db.scalars(sa.select(wire.Exchange).order_by(wire.Exchange.id).options(sa.orm.undefer("*")))
            return [row.request_body for row in rows if row.request_body]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.portal.database.close()


def begin_month(portal: Portal, folder: Path, clock: StoppedClock) -> Month:
    """Connect, import, visit for the lists, and map everything as the samples do."""
    made = make_connection(portal)
    (folder / "month.qwc").write_text(connections.qwc(portal, made.id), encoding="utf-8")
    (folder / "password").write_text(made.password, encoding="utf-8")
    shutil.copyfile(COMPANY, folder / "company.json")
    month = Month(portal, made.id, made.password, folder, clock)
    month.import_charges()
    first = month.visit()
    assert first.went_well, first.explanation
    mappings.apply_csv(portal, made.id, MAPPING.read_bytes(), MAPPING.name)
    return month


@pytest.fixture
def now() -> StoppedClock:
    """The morning of the invoice day."""
    return StoppedClock()


@contextmanager
def new_postgres(server: str, template: str | None = None) -> Iterator[str]:
    """The URL of a new database of a server: empty, or a copy of another one."""
    name = f"portal_{uuid.uuid4().hex}"
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    copied = f" TEMPLATE {sa.make_url(template).database}" if template else ""
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}{copied}"))
        connection.execute(sa.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with new_postgres(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(scope="session")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the tables made."""
    folder = tmp_path_factory.mktemp("tables")
    open_portal(folder, StoppedClock()).database.close()
    return folder / "portal.sqlite3"


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL database with the tables made."""
    with new_postgres(postgres_server) as url:
        open_portal(tmp_path_factory.mktemp("tables"), StoppedClock(), url).database.close()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_portal(request: pytest.FixtureRequest, tmp_path: Path, now: StoppedClock) -> Iterator[Portal]:
    """An empty portal on each kind of database in turn."""
    folder = tmp_path / "data"
    if request.param == "sqlite":
        folder.mkdir()
        shutil.copyfile(request.getfixturevalue("sqlite_tables"), folder / "portal.sqlite3")
        made = open_portal(folder, now)
        yield made
        made.database.close()
        return
    server, tables = request.getfixturevalue("postgres_server"), request.getfixturevalue("postgres_tables")
    with new_postgres(server, tables) as url:
        made = open_portal(folder, now, url)
        yield made
        made.database.close()


@pytest.fixture(scope="session")
def month_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample month, mapped and not billed yet, as files."""
    folder = tmp_path_factory.mktemp("month")
    clock = StoppedClock()
    begin_month(open_portal(folder, clock), folder, clock).close()
    return folder


@pytest.fixture(scope="session")
def billed_folder(month_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample month, billed and reconciled, as files; `before.json` is the company file before it."""
    folder = tmp_path_factory.mktemp("billed") / "month"
    month = copy_month(month_folder, folder)
    shutil.copyfile(month.company_file, folder / "before.json")
    month.bill()
    assert month.visit().went_well
    month.close()
    return folder


def copy_month(source: Path, folder: Path, url: str | None = None) -> Month:
    """A copy of a month that was kept as files."""
    shutil.copytree(source, folder)
    clock = StoppedClock()
    return Month(open_portal(folder, clock, url), 1, (folder / "password").read_text(encoding="utf-8"), folder, clock)


@pytest.fixture(scope="session")
def month_copier() -> Callable[[Path, Path], Month]:
    """Makes a copy of a month that was kept as files, for a fixture that lives as long as the tests."""
    return copy_month


@pytest.fixture
def beginning(request: pytest.FixtureRequest) -> Path:
    """What a test's month is a copy of: the one that is billed already, where the test asks for `billed`."""
    return request.getfixturevalue("billed_folder" if "billed" in request.fixturenames else "month_folder")


@pytest.fixture
def month(beginning: Path, tmp_path: Path) -> Iterator[Month]:
    """The sample month on SQLite."""
    made = copy_month(beginning, tmp_path / "month")
    yield made
    made.close()


@pytest.fixture
def billed(month: Month) -> Month:
    """The sample month after it was billed and reconciled, on SQLite."""
    return month


@pytest.fixture(scope="session")
def postgres_month(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The sample month, mapped and not billed yet: a PostgreSQL database, and files."""
    folder = tmp_path_factory.mktemp("postgres-month")
    clock = StoppedClock()
    with new_postgres(postgres_server) as url:
        begin_month(open_portal(folder, clock, url), folder, clock).close()
        yield url, folder


@pytest.fixture(params=["sqlite", "postgresql"])
def any_month(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Month]:
    """The sample month on each kind of database in turn."""
    if request.param == "sqlite":
        yield request.getfixturevalue("month")
        return
    source, files = request.getfixturevalue("postgres_month")
    with new_postgres(request.getfixturevalue("postgres_server"), source) as url:
        month = copy_month(files, tmp_path / "postgresql", url)
        yield month
        month.close()


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit status, results and messages."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting but the data folder, which is returned."""
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "portal-data"
    monkeypatch.setenv("PORTAL_DATA", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def command(
    clean_environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Runs a command of the command line in this process, with this process's own logging."""
    monkeypatch.setattr(logs, "configure", lambda: None)

    def run(*words: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(list(words))
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment for processes: modules are compiled once, outside of the tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "PYTHONDONTWRITE"))}
    return {**kept, "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("compiled"))}


@pytest.fixture
def process(clean_environment: Path, compiled: dict[str, str]) -> Callable[..., Ended]:
    """Runs a command of the command line in a process of its own."""

    def run(*words: str, given: str | bytes = b"", **environment: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "portal.cli", *words],
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            env={**compiled, "PORTAL_DATA": str(clean_environment), **environment},
            timeout=60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@pytest.fixture(scope="session")
def smtp_server() -> Any:
    """The module of the tests' mail server."""
    return _load_channel("smtp_server")


def _load_channel(name: str) -> Any:
    """A module beside the tests of the channels."""
    path = Path(__file__).with_name("channels") / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def mail_server(smtp_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Starts mail servers on this machine; with TLS, their certificate is trusted."""
    running = []

    def start(*, has_tls: bool = False, **given: Any) -> Any:
        if has_tls:
            given["certificate"] = tmp_path / "certificate.pem"
            smtp_server.make_certificate(given["certificate"])
            monkeypatch.setenv("SSL_CERT_FILE", str(given["certificate"]))
        server = smtp_server.MailServer(**given)
        running.append(smtp_server.start(server))
        return server

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


@pytest.fixture
def http_receiver() -> Iterator[Callable[..., Any]]:
    """Starts receivers of webhooks on this machine."""
    module = _load_channel("http_receiver")
    running = []

    def start(**given: Any) -> Any:
        running.append(module.Receiver(**given).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()
